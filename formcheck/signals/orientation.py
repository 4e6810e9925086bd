"""From which side the camera looks, and which way the runner faces, over the whole clip."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from formcheck.keypoints import Keypoints

View = Literal["side", "rear", "front"]

# Shoulder breadth over trunk length (mid-shoulder to mid-hip) as the pose shows it square on:
# 0.65 on a runner filmed square from behind. Seen from the side it shrinks to what the rotation of
# the shoulders leaves.
BREADTH_OVER_TRUNK = 0.65
SIDE_BELOW_DEG = 45.0  # turned further than this out of the side view, it is a rear or front view
OBLIQUE_DEG = (30.0, 60.0)  # between these, neither view measures well


@dataclass(frozen=True)
class Orientation:
    """How the runner stands to the camera.

    Attributes
    ----------
    view : {'side', 'rear', 'front'}
    direction : int
        +1 faces image right, -1 left; in a rear or front view +1.
    turned_deg : float
        Estimated angle out of the pure side view, 0 to 90; rough (about 10 degrees).
    near_side : {'left', 'right'}
        The body side nearer to the camera; in a rear or front view 'left' by convention.
    """

    view: View
    direction: int
    turned_deg: float
    near_side: Literal["left", "right"]

    @property
    def is_oblique(self) -> bool:
        """Whether the camera looks neither square from the side nor square along the run."""
        return OBLIQUE_DEG[0] < self.turned_deg < OBLIQUE_DEG[1]


def find_orientation(
    keypoints: Keypoints, *, view: View | None = None, direction: int | None = None
) -> Orientation:
    """Find view and direction by the majority of frames.

    Parameters
    ----------
    keypoints : Keypoints
        Clean; NaN takes no part.
    view, direction : optional
        Overrule what is found.

    Returns
    -------
    Orientation

    Notes
    -----
    The view follows from shoulder breadth against trunk length; rear and front differ by which
    shoulder is on which side; the direction is that from heel to toe and from ear to nose.
    """
    shoulders = keypoints.point("left_shoulder") - keypoints.point("right_shoulder")
    hips = keypoints.point("left_hip") - keypoints.point("right_hip")
    trunk = np.linalg.norm(keypoints.middle("shoulder") - keypoints.middle("hip"), axis=1)
    breadth = _median(shoulders[:, 0] / trunk)
    # the hips swing less than the shoulders, but are narrower: both speak
    hip_breadth = _median(hips[:, 0] / trunk)
    seen = max(abs(breadth), abs(hip_breadth) * HIP_TO_SHOULDER)
    turned = float(np.degrees(np.arcsin(np.clip(seen / BREADTH_OVER_TRUNK, 0, 1))))
    if view is None:
        across: View = "rear" if breadth < 0 else "front"
        view = "side" if turned < SIDE_BELOW_DEG else across
    if view != "side":
        return Orientation(view, direction or 1, turned, "left")
    direction = direction or _facing(keypoints)
    return Orientation(view, direction, turned, "right" if direction > 0 else "left")


HIP_TO_SHOULDER = 1.5  # breadth between the shoulder points over that between the hip points


def _facing(keypoints: Keypoints) -> int:
    """+1 for image right, -1 for left."""
    toes = keypoints.middle("foot_index") - keypoints.middle("heel")
    face = keypoints.point("nose") - keypoints.middle("ear")
    votes = np.sign(np.concatenate([toes[:, 0], face[:, 0]]))
    return -1 if np.nansum(votes) < 0 else 1


def _median(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
