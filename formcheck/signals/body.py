"""Is there a whole upright body to measure, and is it inside the picture."""

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import INDEX, Keypoints

TRUNK_OVER_LEG = (0.35, 1.1)  # runners seen square from side or rear: 0.63 to 0.68
MAX_TILT_DEG = 60.0  # a runner's trunk is more upright than this
BODY = [
    INDEX[f"{side}_{part}"]
    for side in ("left", "right")
    for part in ("ear", "shoulder", "hip", "knee", "ankle")
]
OUTSIDE_MARGIN = 0.01  # share of the picture by which a point may lie outside it


def hide_outside_picture(
    position: NDArray[np.float64], confidence: NDArray[np.float64], width: float, height: float
) -> NDArray[np.float64]:
    """Return the confidence with 0 for points that the engine guessed beyond the picture's edge.

    Parameters
    ----------
    position : array, shape (..., keypoint, 2), pixels
    confidence : array, shape (..., keypoint)
    width, height : float
        Of the picture, in the same pixels.
    """
    size = np.array([width, height])
    margin = OUTSIDE_MARGIN * size.max()
    inside = ((position > -margin) & (position < size + margin)).all(axis=-1)
    return np.where(inside, confidence, 0.0)


def find_whole_bodies(keypoints: Keypoints, leg_length_px: float) -> NDArray[np.bool_]:
    """Tell in which frames a whole, upright body of human proportions is seen, shape (time,)."""
    hip, shoulder = keypoints.middle("hip"), keypoints.middle("shoulder")
    ear, knee = _either(keypoints, "ear"), _either(keypoints, "knee")
    trunk = shoulder - hip
    length = np.linalg.norm(trunk, axis=1)
    with np.errstate(invalid="ignore"):
        tilt = np.degrees(np.arctan2(np.abs(trunk[:, 0]), -trunk[:, 1]))
        proportion = length / leg_length_px
        return (
            (tilt < MAX_TILT_DEG)
            & (proportion > TRUNK_OVER_LEG[0])
            & (proportion < TRUNK_OVER_LEG[1])
            & (ear[:, 1] < shoulder[:, 1])
            & (knee[:, 1] > hip[:, 1])
        )


def _either(keypoints: Keypoints, part: str) -> NDArray[np.float64]:
    """Middle of left and right, or the one that is known, shape (time, 2)."""
    left, right = keypoints.point(f"left_{part}"), keypoints.point(f"right_{part}")
    one = np.where(np.isfinite(left), left, right)
    return (one + np.where(np.isfinite(right), right, one)) / 2
