"""The mean bodies of the early and the late part, laid over each other, as lines of an SVG."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import BONES, INDEX, KEYPOINTS
from formcheck.report.mean_stride import MeanStride
from formcheck.result import Analysis

MARGIN = 0.04  # of the bodies' extent, around them
LINES_IN_HEIGHT = 90  # so many lines wide is the picture high


@dataclass(frozen=True)
class Body:
    """The mean body of a part: a name and an SVG path for each kind of line."""

    part: str
    strides: int
    paths: list[tuple[str, str]]


@dataclass(frozen=True)
class Bodies:
    """Both mean bodies, and the picture that holds them through the whole stride."""

    drawn: list[Body]
    alt: str
    phase: int
    left: float
    top: float
    width: float
    height: float

    @property
    def view_box(self) -> str:
        """Of the SVG."""
        return f"{self.left:.0f} {self.top:.0f} {self.width:.0f} {self.height:.0f}"

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return round(self.top + self.height)

    @property
    def stroke(self) -> float:
        """Width of a limb's line."""
        return round(self.height / LINES_IN_HEIGHT, 1)


def lay_bodies(analysis: Analysis, strides: list[MeanStride]) -> Bodies:
    """Draw the mean bodies in the middle of the stance, in a picture that holds all phases."""
    points = np.concatenate([mean.body.reshape(-1, 2) for mean in strides])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    around = MARGIN * float((high - low).max())
    left, top = low - around
    width, height = high - low + 2 * around
    toe_off_pct = strides[0].toe_off_pct
    phase = 0 if np.isnan(toe_off_pct) else round(toe_off_pct / 2)
    lean = {mean.part: np.nanmean(mean.mean[analysis.capture.lean_column]) for mean in strides}
    return Bodies(
        drawn=[
            Body(mean.part, mean.strides, _body_paths(mean.body[phase], analysis.capture.near_side))
            for mean in strides
        ],
        alt="The mean skeletons of the early and the late part, laid over each other at the hips. "
        f"Lean early {lean['early']:z.1f}°, late {lean['late']:z.1f}°.",
        phase=phase,
        left=float(left),
        top=float(top),
        width=float(width),
        height=float(height),
    )


def _body_paths(points: NDArray[np.float64], near_side: str) -> list[tuple[str, str]]:
    near = [near_side in name for name in KEYPOINTS]
    trunk = [
        (points[INDEX[f"left_{part}"]] + points[INDEX[f"right_{part}"]]) / 2
        for part in ("hip", "shoulder")
    ]
    lines = {
        "far": [(points[a], points[b]) for a, b in BONES if not (near[a] and near[b])],
        "limbs": [(points[a], points[b]) for a, b in BONES if near[a] and near[b]],
        "trunk": [(trunk[0], trunk[1])],
    }
    return [(name, "".join(_line(*ends) for ends in drawn)) for name, drawn in lines.items()]


def _line(start: NDArray[np.float64], end: NDArray[np.float64]) -> str:
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        return ""
    return f"M{start[0]:.1f},{start[1]:.1f}L{end[0]:.1f},{end[1]:.1f}"
