"""What a metric is, and the table of all of them: JSON, tables, plots and docs are made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import Keypoints
from formcheck.metrics.angles import FrameAngles, compute_frame_angles
from formcheck.signals.clock import is_watched
from formcheck.signals.orientation import Orientation, View
from formcheck.signals.strides import Strides

# Leg length (greater trochanter's height less the ankle's) as a share of stature: thigh 0.245 plus
# shank 0.246 (Drillis and Contini 1966, in Winter 2009, fig. 4.1).
LEG_OVER_STATURE = 0.491
MIN_SEEN_SHARE = 0.7  # of a stride, for its mean to count


@dataclass(frozen=True)
class StrideData:
    """All that a metric may draw on.

    Attributes
    ----------
    keypoints : Keypoints
        Clean.
    orientation : Orientation
    strides : Strides
    leg_length_px : float
    profile : array, shape (time, 2 * station)
        Outline of the trunk, see `formcheck.pose.silhouette`; NaN where none was measured.
    height_cm : float or None
        Stature, if the runner told it.
    """

    keypoints: Keypoints
    orientation: Orientation
    strides: Strides
    leg_length_px: float
    profile: NDArray[np.float64]
    height_cm: float | None = None

    @cached_property
    def angles(self) -> FrameAngles:
        """Angles of every frame."""
        return compute_frame_angles(self.keypoints, self.orientation)

    @property
    def cm_per_px(self) -> float | None:
        """Scale in the runner's plane from stature, or None."""
        return (
            None
            if self.height_cm is None
            else self.height_cm * LEG_OVER_STATURE / self.leg_length_px
        )

    def mean_over_strides(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Time average of a signal over each stride, shape (stride,).

        Frames count by the time they stand for, cut exactly at the stride's ends; NaN where less
        than 70 % of the stride is known.
        """
        known = np.isfinite(signal)
        area = self._integral_over_strides(np.where(known, signal, 0.0))
        seen = self._integral_over_strides(known.astype(float))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = area / seen
        return np.where(seen >= MIN_SEEN_SHARE * self.strides.duration_s, mean, np.nan)

    def value_at(
        self, signal: NDArray[np.float64], at_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Signal at given times, between frames linearly; NaN where either is unknown or far."""
        time_s = self.keypoints.time_s
        return np.where(is_watched(time_s, at_s), np.interp(at_s, time_s, signal), np.nan)

    def frames_of_strides(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Frames of each stride side by side, padded with NaN, shape (stride, frame, ...)."""
        first = np.searchsorted(self.keypoints.time_s, self.strides.start_s)
        last = np.searchsorted(self.keypoints.time_s, self.strides.end_s)
        longest = int((last - first).max(initial=1))
        at = first[:, None] + np.arange(longest)
        inside = at < last[:, None]
        gathered = signal[np.minimum(at, len(signal) - 1)].astype(float)
        gathered[~inside] = np.nan
        return gathered

    def _integral_over_strides(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        time_s = self.keypoints.time_s
        steps = np.diff(time_s) * (values[1:] + values[:-1]) / 2
        total = np.concatenate([[0.0], np.cumsum(steps)])
        ends = np.interp(self.strides.end_s, time_s, total)
        return np.asarray(ends - np.interp(self.strides.start_s, time_s, total))


Compute = Callable[[StrideData], NDArray[np.float64]]


@dataclass(frozen=True)
class Metric:
    """One number per stride.

    Attributes
    ----------
    column : str
        Name in JSON and tables, with its unit at the end.
    label, unit : str
        For people.
    views : tuple of View
        Views from which it can be measured.
    explanation : str
        One sentence for the runner: what it is, and its sign.
    compute : callable
        `StrideData` to array, shape (stride,); NaN = not measurable in that stride. Its docstring
        holds formula and source.
    threshold : float or None
        Smallest change worth reporting, in its unit.
    is_posture : bool
        Whether the verdict rests on it.
    is_relative : bool
        Whether it is counted from the runner's own baseline.
    gain_sd : float
        SD of its gain from runner to runner, as a share: it widens the interval of a change.
    lean_leak_sd : float
        SD, from runner to runner, of what a degree of trunk lean adds to it.
    frame_limited : bool
        Whether the frame interval bounds how well it is known.
    decimals : int
        For people.
    caveat : str, optional
        What to bear in mind, told beside the number.
    """

    column: str
    label: str
    unit: str
    views: tuple[View, ...]
    explanation: str
    compute: Compute
    threshold: float | None = None
    is_posture: bool = False
    is_relative: bool = False
    gain_sd: float = 0.0
    lean_leak_sd: float = 0.0
    frame_limited: bool = False
    decimals: int = 1
    caveat: str | None = None


REGISTRY: dict[str, Metric] = {}

SIDE: tuple[View, ...] = ("side",)
BEHIND: tuple[View, ...] = ("rear", "front")
ANY: tuple[View, ...] = ("side", "rear", "front")


def register(
    column: str, *, label: str, unit: str, views: tuple[View, ...], explanation: str, **more: object
) -> Callable[[Compute], Compute]:
    """Enter the decorated function into the registry as a `Metric`."""

    def enter(compute: Compute) -> Compute:
        REGISTRY[column] = Metric(column, label, unit, views, explanation, compute, **more)  # type: ignore[arg-type]
        return compute

    return enter


def compute_metrics(data: StrideData) -> dict[str, NDArray[np.float64]]:
    """Compute every metric for every stride.

    Returns
    -------
    dict of array, shape (stride,)
        In the registry's order; all NaN where the view does not allow the metric.
    """
    unknown = np.full(len(data.strides), np.nan)
    return {
        column: metric.compute(data) if data.orientation.view in metric.views else unknown
        for column, metric in REGISTRY.items()
    }
