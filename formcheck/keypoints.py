"""The points of a body and their course over time: what a pose engine hands to the rest."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# The 33 points of MediaPipe's BlazePose topology, in its order.
KEYPOINTS = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
INDEX = {name: i for i, name in enumerate(KEYPOINTS)}

# Lines between points, for drawing a skeleton.
_SIDE_BONES = tuple(
    (INDEX[a], INDEX[b])
    for side in ("left", "right")
    for a, b in (
        (f"{side}_ear", f"{side}_shoulder"),
        (f"{side}_shoulder", f"{side}_elbow"),
        (f"{side}_elbow", f"{side}_wrist"),
        (f"{side}_shoulder", f"{side}_hip"),
        (f"{side}_hip", f"{side}_knee"),
        (f"{side}_knee", f"{side}_ankle"),
        (f"{side}_ankle", f"{side}_heel"),
        (f"{side}_heel", f"{side}_foot_index"),
        (f"{side}_ankle", f"{side}_foot_index"),
    )
)
# Heights at which the outline of a person is measured: 0 = hip, 1 = shoulder, then on to the head.
OUTLINE_AT = np.linspace(-0.1, 1.3, 29)

BONES = (
    *_SIDE_BONES,
    (INDEX["left_shoulder"], INDEX["right_shoulder"]),
    (INDEX["left_hip"], INDEX["right_hip"]),
)


@dataclass(frozen=True)
class Keypoints:
    """One person's points over time.

    Attributes
    ----------
    time_s : array, shape (time,)
        Strictly increasing, seconds of real time.
    position : array, shape (time, keypoint, 2)
        x right and y down, source pixels; NaN = unknown.
    confidence : array, shape (time, keypoint)
        0 to 1; 0 where the person was not seen.
    """

    time_s: NDArray[np.float64]
    position: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def point(self, name: str) -> NDArray[np.float64]:
        """Course of one point, shape (time, 2)."""
        return self.position[:, INDEX[name]]

    def middle(self, part: str) -> NDArray[np.float64]:
        """Course of the middle between left and right of a part, shape (time, 2).

        NaN where either side is unknown, so that it never jumps from the middle to one side.
        """
        return (self.point(f"left_{part}") + self.point(f"right_{part}")) / 2

    def with_position(self, position: NDArray[np.float64]) -> "Keypoints":
        """Return a copy with other positions."""
        return replace(self, position=position)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """In which frames the person is in the picture at all, shape (time,)."""
        return np.asarray(self.confidence.max(axis=1) > 0)

    @property
    def frame_interval_s(self) -> float:
        """Median time from frame to frame, seconds."""
        return float(np.median(np.diff(self.time_s)))
