"""The outline of the trunk from a person's mask: how far back and belly stand off its axis.

The pose has no point on the upper back; the outline is the only thing in a picture that shows its
rounding.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import INDEX, OUTLINE_AT
from formcheck.pose.engine import Mask
from formcheck.pose.region import apply

REACH = 0.6  # trunk lengths searched to either side of the line
STEPS = 72  # samples on that search
OUT = np.linspace(-REACH, REACH, 2 * STEPS + 1)
ENDS = OUTLINE_AT[[0, -1]]
MIN_AXIS_PX = 8  # of the axis searched; a trunk shorter than this shows no outline
INSIDE = 0.5  # probability at which the outline is drawn

PROFILE_SIZE = 2 * len(OUTLINE_AT)  # towards image left, then towards image right


def measure_profile(mask: Mask, position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the trunk's axis to the outline, on both sides.

    Parameters
    ----------
    mask : Mask
    position : array, shape (keypoint, 2)
        The person's points, pixels of the frame.

    Returns
    -------
    array, shape (2 * stations,)
        Trunk lengths, at right angles to the axis, at each of `OUTLINE_AT`: first the outline
        towards image left, then towards image right (for an upright trunk). Along the trunk it is
        where the body first ends beside the axis, so that an arm held off does not count, and NaN
        where the axis is not on the person. Above the shoulders it is where the body ends for
        good, negative where neck and head lie wholly to the other side of the axis.
    """
    across = _search_lines(position)
    if not np.isfinite(across).all() or np.ptp(across[:, STEPS], axis=0).max() < MIN_AXIS_PX:
        return np.full(PROFILE_SIZE, np.nan)
    at = (apply(mask.to_mask, across) - 0.5).astype(np.float32)
    value = np.asarray(
        cv2.remap(
            mask.probability,
            at[..., 0],
            at[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )
    head = OUTLINE_AT > 1
    sides = []
    for seen in (value, value[:, ::-1]):
        edge = np.empty(len(OUTLINE_AT))
        edge[~head] = _first_exit(seen[~head, STEPS:], OUT[STEPS:])
        edge[head] = _last_exit(seen[head], OUT)
        sides.append(edge)
    return np.concatenate(sides)


def find_part(position: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the part of the picture in which `measure_profile` looks at the mask.

    Parameters
    ----------
    position : array, shape (keypoint, 2)

    Returns
    -------
    low, high : array, shape (2,)
        In the same pixels; finite even where the points are not.
    """
    corners = np.nan_to_num(_search_lines(position, ENDS, np.array([-REACH, REACH])).reshape(-1, 2))
    return corners.min(axis=0), corners.max(axis=0)


def _search_lines(
    position: NDArray[np.float64],
    stations: NDArray[np.float64] = OUTLINE_AT,
    out: NDArray[np.float64] = OUT,
) -> NDArray[np.float64]:
    """Points across the trunk's axis, shape (station, step, 2)."""
    hip = position[[INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=0)
    shoulder = position[[INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=0)
    axis = shoulder - hip
    leftward = np.array([axis[1], -axis[0]])  # at right angles, to image left of an upright trunk
    along = hip + stations[:, None] * axis
    return np.asarray(along[:, None] + out[None, :, None] * leftward)


def _first_exit(value: NDArray[np.float32], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance at which each row first falls below the outline's level; NaN if it doesn't."""
    falls = (value[:, :-1] >= INSIDE) & (value[:, 1:] < INSIDE)
    exit_at = _place_between(value, out, falls.argmax(axis=1))
    return np.where(falls.any(axis=1) & (value[:, 0] >= INSIDE), exit_at, np.nan)


def _last_exit(value: NDArray[np.float32], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance at which each row last falls below the outline's level; NaN if it doesn't."""
    falls = (value[:, :-1] >= INSIDE) & (value[:, 1:] < INSIDE)
    exit_at = _place_between(value, out, falls.shape[1] - 1 - falls[:, ::-1].argmax(axis=1))
    return np.where(falls.any(axis=1), exit_at, np.nan)


def _place_between(
    value: NDArray[np.float32], out: NDArray[np.float64], before: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distance of the outline's level between a sample and the next, per row."""
    row = np.arange(len(value))
    above, below = value[row, before], value[row, before + 1]
    share = (above - INSIDE) / np.maximum(above - below, 1e-6)
    return np.asarray(out[before] + share * (out[1] - out[0]))
