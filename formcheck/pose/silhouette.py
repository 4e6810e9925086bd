"""The outline of the trunk from a person's mask: how far back and belly stand off its axis.

The pose has no point on the upper back; the outline is the only thing in a picture that shows its
rounding.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import INDEX, OUTLINE_STATIONS

REACH = 0.8  # trunk lengths searched to either side of the line
STEPS = 96  # samples on that search
INSIDE = 0.5  # probability at which the outline is drawn

PROFILE_SIZE = 2 * OUTLINE_STATIONS  # towards image left, then towards image right


def measure_profile(
    mask: NDArray[np.float32], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance from the trunk's axis to the outline, on both sides.

    Parameters
    ----------
    mask : array, shape (height, width), float32
        Probability that a pixel belongs to the person.
    position : array, shape (keypoint, 2)
        The person's points, pixels of the mask.

    Returns
    -------
    array, shape (2 * OUTLINE_STATIONS,)
        Trunk lengths, at right angles to the axis, from hip to shoulder: first the outline towards
        image left, then towards image right (for an upright trunk). NaN where the outline is not
        met within reach or the axis itself is not on the person.
    """
    hip = position[[INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=0)
    shoulder = position[[INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=0)
    axis = shoulder - hip
    length = float(np.linalg.norm(axis))
    if not np.isfinite(length) or length < 8:
        return np.full(PROFILE_SIZE, np.nan)
    leftward = np.array([axis[1], -axis[0]])  # at right angles, to image left of an upright trunk
    along = hip + np.linspace(0, 1, OUTLINE_STATIONS)[:, None] * axis
    out = np.linspace(0, REACH, STEPS)
    sides = []
    for normal in (leftward, -leftward):
        at = (along[:, None] + out[None, :, None] * normal).astype(np.float32)
        value = cv2.remap(
            mask, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        sides.append(_first_exit(np.asarray(value), out))
    return np.concatenate(sides)


def _first_exit(value: NDArray[np.float32], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance at which each row first falls below the outline's level; NaN if it doesn't."""
    falls = (value[:, :-1] >= INSIDE) & (value[:, 1:] < INSIDE)
    first = falls.argmax(axis=1)
    row = np.arange(len(value))
    above, below = value[row, first], value[row, first + 1]
    share = (above - INSIDE) / np.maximum(above - below, 1e-6)
    exit_at = out[first] + share * (out[1] - out[0])
    return np.where(falls.any(axis=1) & (value[:, 0] >= INSIDE), exit_at, np.nan)
