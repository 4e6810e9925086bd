"""Angles of the body in every frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import Keypoints
from formcheck.signals.orientation import Orientation


@dataclass(frozen=True)
class FrameAngles:
    """Angles over time in degrees, shape (time,) each; NaN where a point is unknown.

    Attributes
    ----------
    trunk_lean_deg
        Side view: mid-hip to mid-shoulder against the vertical, + = forward. NaN otherwise.
    neck_flexion_deg
        Side view: mid-shoulder to mid-ear against the trunk, + = head forward. NaN otherwise.
    lateral_trunk_lean_deg
        Rear and front view: the same line against the vertical, + = to the runner's right.
    pelvic_obliquity_deg
        Rear and front view: line of the hips against the level, + = right side lower.
    knee_flexion_deg, elbow_angle_deg
        Near side. Knee: 0 = straight leg. Elbow: inner angle, 180 = straight arm.
    """

    trunk_lean_deg: NDArray[np.float64]
    neck_flexion_deg: NDArray[np.float64]
    lateral_trunk_lean_deg: NDArray[np.float64]
    pelvic_obliquity_deg: NDArray[np.float64]
    knee_flexion_deg: NDArray[np.float64]
    elbow_angle_deg: NDArray[np.float64]


def compute_frame_angles(keypoints: Keypoints, orientation: Orientation) -> FrameAngles:
    """Compute the angles of every frame; see `FrameAngles` for units and signs."""
    hip, shoulder, ear = (keypoints.middle(part) for part in ("hip", "shoulder", "ear"))
    unknown = np.full(len(keypoints.time_s), np.nan)
    near = orientation.near_side
    limbs = {
        "knee_flexion_deg": 180
        - angle_between(*(keypoints.point(f"{near}_{j}") for j in ("hip", "knee", "ankle"))),
        "elbow_angle_deg": angle_between(
            *(keypoints.point(f"{near}_{j}") for j in ("shoulder", "elbow", "wrist"))
        ),
    }
    if orientation.view == "side":
        lean = tilt_from_vertical(hip, shoulder, orientation.direction)
        neck = tilt_from_vertical(shoulder, ear, orientation.direction) - lean
        return FrameAngles(lean, neck, unknown, unknown, **limbs)
    runners_right = 1 if orientation.view == "rear" else -1  # in image x
    across = keypoints.point("right_hip") - keypoints.point("left_hip")
    return FrameAngles(
        trunk_lean_deg=unknown,
        neck_flexion_deg=unknown,
        lateral_trunk_lean_deg=tilt_from_vertical(hip, shoulder, runners_right),
        pelvic_obliquity_deg=np.degrees(np.arctan2(across[:, 1], np.abs(across[:, 0]))),
        **limbs,
    )


def tilt_from_vertical(
    lower: NDArray[np.float64], upper: NDArray[np.float64], forward: int
) -> NDArray[np.float64]:
    """Angle of the line from `lower` to `upper` against image vertical, degrees.

    Parameters
    ----------
    lower, upper : array, shape (time, 2)
        Pixels, y down.
    forward : int
        +1 if image right counts as positive, -1 if image left does.

    Returns
    -------
    array, shape (time,)
        -180 to 180; NaN where a point is NaN.
    """
    line = upper - lower
    return np.degrees(np.arctan2(forward * line[:, 0], -line[:, 1]))


def angle_between(
    start: NDArray[np.float64], vertex: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Inner angle at `vertex`, degrees, 0 to 180, shape (time,); NaN where a point is NaN."""
    one, two = start - vertex, end - vertex
    cross = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    return np.degrees(np.arctan2(np.abs(cross), (one * two).sum(axis=1)))
