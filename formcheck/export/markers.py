"""The points as markers in space, on an even clock: what TRC and C3D hold."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from formcheck.errors import ExportError
from formcheck.keypoints import Keypoints
from formcheck.metrics.registry import LEG_OVER_STATURE
from formcheck.result import Analysis
from formcheck.signals.clock import LONGEST_BRIDGE_S, MOST_TICKS_A_FRAME, spline_through

MM_PER_CM = 10.0
FEET = ("left_heel", "right_heel", "left_foot_index", "right_foot_index")
# Where image x goes in OpenSim's axes (X forward, Y up, Z to the runner's right), and its sign, in
# the views along the run; in a side view it goes to X.
ACROSS_SIGN = {"rear": 1, "front": -1}
# From behind, a leg shows its length only while it hangs straight down: on rendered runners this
# percentile is within 1 % of it, and the median, over the whole stride, 11 % short.
STRAIGHT_LEG_PERCENTILE = 90
LONGEST_USUAL_STEP = 1.8  # times the median: a longer one is a frame that was lost, or a pause
ON_A_FRAME = 1e-3  # of the usual step between frames: a tick nearer than this is on one


@dataclass(frozen=True)
class Markers:
    """Markers on an even clock.

    Attributes
    ----------
    rate_hz : float
        To two decimals.
    tick : array of int, shape (time,)
        Without gaps; a tick is at `tick / rate_hz` seconds of the run.
    position_mm : array, shape (time, keypoint, 3)
        X forward, Y up, Z to the runner's right; NaN = unknown.
    """

    rate_hz: float
    tick: NDArray[np.int64]
    position_mm: NDArray[np.float64]

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Seconds of real time since the start of the recording, shape (time,)."""
        return self.tick / self.rate_hz


def make_markers(analysis: Analysis) -> Markers:
    """Bring the keypoints into space and onto an even clock.

    Notes
    -----
    The scale comes from leg length, 0.491 of the height, from the side as in
    `vertical_oscillation_cm`. Y is 0 at the ground (the median, over time, of the lowest point of
    the feet), and mid-hip is on average at 0 in the direction across the picture. One camera sees
    no depth: the third coordinate is 0.

    Raises
    ------
    ExportError
        The runner's height is not known, or nothing is to be seen.
    """
    height_cm = analysis.setting("height_cm")
    if height_cm is None:
        raise ExportError("the runner's height is needed; give it with --height-cm")
    mm_per_px = MM_PER_CM * height_cm * LEG_OVER_STATURE / _measure_leg_px(analysis)
    keypoints = analysis.series.keypoints
    rate_hz, tick = choose_clock(keypoints.time_s)
    flat = keypoints.position.reshape(len(keypoints.time_s), -1)
    even = bring_onto_clock(keypoints.time_s, flat, tick / rate_hz)
    place = (even.reshape(len(tick), -1, 2) - _find_origin(keypoints)) * mm_per_px
    position = np.where(np.isnan(place[..., :1]), np.nan, np.zeros((*place.shape[:2], 3)))
    if analysis.capture.view == "side":
        position[..., 0] = analysis.capture.direction * place[..., 0]
    else:
        position[..., 2] = ACROSS_SIGN[analysis.capture.view] * place[..., 0]
    position[..., 1] = -place[..., 1]
    return Markers(rate_hz, tick, position)


def choose_clock(time_s: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
    """Choose an even clock for frames that may not be.

    Returns
    -------
    rate_hz : float
        The usual one of the frames, to two decimals; less where that would take more than ten
        ticks a frame.
    tick : array of int, shape (time,)
        All from the first frame to the last, 0 being the start of the recording.
    """
    step = np.diff(time_s)
    usual = float(step[step <= LONGEST_USUAL_STEP * np.median(step)].mean())
    watched = float(np.minimum(step, LONGEST_BRIDGE_S).mean())
    rate_hz = round(1 / max(usual, watched / MOST_TICKS_A_FRAME), 2)
    first = np.ceil(time_s[0] * rate_hz - ON_A_FRAME)
    last = np.floor(time_s[-1] * rate_hz + ON_A_FRAME)
    return rate_hz, np.arange(first, last + 1).astype(np.int64)


def bring_onto_clock(
    time_s: NDArray[np.float64], values: NDArray[np.float64], clock_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bring courses onto a clock, between frames by cubic splines.

    Parameters
    ----------
    time_s : array, shape (time,)
        Of the frames.
    values : array, shape (time, course)
    clock_s : array, shape (tick,)

    Returns
    -------
    array, shape (tick, course)
        NaN where either neighbouring frame doesn't know the value, or where they lie further apart
        than `LONGEST_BRIDGE_S`. A tick on a frame has the value of that frame.
    """
    after = np.clip(np.searchsorted(time_s, clock_s), 1, len(time_s) - 1)
    before = after - 1
    is_later = clock_s - time_s[before] > time_s[after] - clock_s
    nearest = np.where(is_later, after, before)
    between = np.abs(clock_s - time_s[nearest]) > ON_A_FRAME * np.median(np.diff(time_s))
    even = values[nearest]
    if between.any():
        before, after, at = before[between], after[between], clock_s[between]
        known = np.isfinite(values[before]) & np.isfinite(values[after])
        known &= (time_s[after] - time_s[before] <= LONGEST_BRIDGE_S)[:, None]
        drawn = np.stack([spline_through(time_s, course)(at) for course in values.T], axis=1)
        even[between] = np.where(known, drawn, np.nan)
    return even


def _find_origin(keypoints: Keypoints) -> NDArray[np.float64]:
    """Pixels: where mid-hip is on average, and the ground."""
    lowest = np.fmax.reduce([keypoints.point(name)[:, 1] for name in FEET])
    origin = np.array([_median(keypoints.middle("hip")[:, 0]), _median(lowest)])
    if np.isnan(origin).any():
        raise ExportError("hips or feet are nowhere to be seen, so there are no markers to place")
    return origin


def _measure_leg_px(analysis: Analysis) -> float:
    """Thigh plus shank where they lie across the camera's view."""
    if analysis.capture.view == "side":
        return float(analysis.setting("leg_length_px"))
    point = analysis.series.keypoints.point
    legs = [(f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in ("left", "right")]
    return max(
        sum(
            _percentile(
                np.linalg.norm(point(upper) - point(lower), axis=1), STRAIGHT_LEG_PERCENTILE
            )
            for upper, lower in pairwise(leg)
        )
        for leg in legs
    )


def _median(values: NDArray[np.float64]) -> float:
    return _percentile(values, 50)


def _percentile(values: NDArray[np.float64], percent: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.percentile(known, percent)) if len(known) else np.nan
