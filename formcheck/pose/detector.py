"""What MediaPipe's person detector says: from its raw numbers to regions around people.

The network looks at the picture in a square of 224 pixels and says for each of 2254 anchors whether
a person is there, and where the middle of the hips and the rim of the body's circle are. Anchors
and decoding are those of MediaPipe's pose landmarker (Apache-2.0).
"""

import numpy as np
from numpy.typing import NDArray

from formcheck.pose.region import Region, apply, region_around

SIDE_PX = 224
STRIDES = ((8, 2), (16, 2), (32, 6))  # pixels between anchors, and how many lie at each place
MIN_SCORE = 0.5
SAME_PERSON = 0.3  # overlap (intersection over union) from which boxes are one person's


def letterbox(width: int, height: int) -> NDArray[np.float64]:
    """Matrix from the detector's square to a picture lying in its middle, shape (2, 3)."""
    scale = max(width, height) / SIDE_PX
    return np.array([
        [scale, 0.0, (width - scale * SIDE_PX) / 2],
        [0.0, scale, (height - scale * SIDE_PX) / 2],
    ])  # fmt: skip


def find_regions(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], to_picture: NDArray[np.float64]
) -> list[Region]:
    """Return the regions of the people found, surest first.

    Parameters
    ----------
    boxes : array, shape (anchor, 12)
        Centre, size and four points (the first two are the middle of the hips and the rim), pixels
        of the square from the anchor.
    scores : array, shape (anchor,)
        Probability.
    to_picture : array, shape (2, 3)
        `letterbox` of the picture.
    """
    likely = np.flatnonzero(scores >= MIN_SCORE)
    likely = likely[np.argsort(-scores[likely], kind="stable")]
    found = boxes[likely].astype(np.float64)
    found[:, [0, 1, *range(4, 12)]] += np.tile(ANCHORS[likely], 5)
    weight = scores[likely].astype(np.float64)
    regions = []
    while len(found):
        same = _overlap(found[0], found) > SAME_PERSON
        same[0] = True
        mean = np.average(found[same], axis=0, weights=weight[same])
        centre, rim = apply(to_picture, mean[4:8].reshape(2, 2))
        regions.append(region_around(centre, rim))
        found, weight = found[~same], weight[~same]
    return regions


def _overlap(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of a box with each of the others (centre x, y, width, height)."""
    low = np.maximum(box[:2] - box[2:4] / 2, boxes[:, :2] - boxes[:, 2:4] / 2)
    high = np.minimum(box[:2] + box[2:4] / 2, boxes[:, :2] + boxes[:, 2:4] / 2)
    common = np.maximum(high - low, 0).prod(axis=1)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - common
    return np.asarray(common / np.maximum(union, 1e-9))


def _lay_anchors() -> NDArray[np.float64]:
    """Places of all anchors, pixels of the square, shape (anchor, 2)."""
    places = []
    for stride, count in STRIDES:
        middle = (np.arange(SIDE_PX // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        places.append(np.repeat(grid, count, axis=0))
    return np.concatenate(places)


ANCHORS = _lay_anchors()
