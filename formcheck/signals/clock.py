"""Values on an even clock, at any time, and over spans of time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from formcheck.keypoints import Keypoints

PHASE_STEPS = 240  # points on which each cycle is sampled
LONGEST_BRIDGE_S = 0.25  # between frames: what happened in a longer time isn't known
RUNNING_MEDIAN_STRIDES = 15  # long enough to outvote a few wrong ones
MOST_TICKS_A_FRAME = 10  # of an even clock, however unevenly the frames come


def even_step(time_s: NDArray[np.float64]) -> float:
    """Return the step of an even clock: the median frame interval.

    Longer where that would take more than ten ticks a frame, as with bursts of frames and pauses
    between: what is computed on the clock grows with the number of frames only.
    """
    if len(time_s) < 2:
        return 1.0
    median = float(np.median(np.diff(time_s)))
    return max(median, float(time_s[-1] - time_s[0]) / (MOST_TICKS_A_FRAME * len(time_s)))


def even_clock(time_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return times at even steps over the same span, and `even_step`."""
    step = even_step(time_s)
    count = max(2, round((time_s[-1] - time_s[0]) / step) + 1)
    return np.linspace(time_s[0], time_s[-1], count), step


def on_clock(
    clock: NDArray[np.float64], time_s: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bring a course onto a clock, linearly; over gaps (NaN) straight across."""
    known = np.isfinite(values)
    return np.interp(clock, time_s[known], values[known])


def spline_through(
    time_s: NDArray[np.float64], values: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the cubic spline through the known values; NaN everywhere where there are under 4."""
    known = np.isfinite(values)
    if known.sum() < 4:
        return lambda at: np.full(np.shape(at), np.nan)
    spline: Callable[..., NDArray[np.float64]] = make_interp_spline(
        time_s[known], values[known], k=3
    )
    return spline


def sample_point(keypoints: Keypoints, name: str, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the course of a point at any times, shape (*at.shape, 2); beyond the ends it stays."""
    clipped = np.clip(at, keypoints.time_s[0], keypoints.time_s[-1])
    point = keypoints.point(name)
    return np.stack(
        [spline_through(keypoints.time_s, point[:, axis])(clipped) for axis in (0, 1)], axis=-1
    )


def running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over neighbouring strides; at the ends the series is mirrored."""
    half = min(RUNNING_MEDIAN_STRIDES // 2, max(0, len(values) - 1))
    padded = np.pad(values, half, mode="reflect") if half else values
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.median(windows, axis=1)


def mean_over(
    clock: NDArray[np.float64],
    signal: NDArray[np.float64],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    *,
    around: int,
) -> NDArray[np.float64]:
    """Return the mean of an even signal over each span and as many such spans to either side."""
    total = np.concatenate([[0.0], np.cumsum(signal)])
    margin = around * (end_s - start_s)
    first = np.searchsorted(clock, start_s - margin)
    last = np.maximum(np.searchsorted(clock, end_s + margin), first + 1)
    last = np.minimum(last, len(clock))
    return (total[last] - total[first]) / np.maximum(last - first, 1)


def seen_share(
    time_s: NDArray[np.float64],
    known: NDArray[np.bool_],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the share of each span's time in which something is known, also between the frames.

    The time between two frames counts by half for each that knows, and not at all where they lie
    further apart than `LONGEST_BRIDGE_S`.
    """
    step = np.diff(time_s)
    counted = np.where(
        step <= LONGEST_BRIDGE_S, step * (known[1:] + known[:-1].astype(float)) / 2, 0
    )
    total = np.concatenate([[0.0], np.cumsum(counted)])
    seen_s = np.interp(end_s, time_s, total) - np.interp(start_s, time_s, total)
    return np.asarray(seen_s / np.maximum(end_s - start_s, 1e-9))


def is_watched(time_s: NDArray[np.float64], at_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which times lie between two frames that are close to each other; NaN doesn't."""
    after = np.clip(np.searchsorted(time_s, at_s), 1, max(len(time_s) - 1, 1))
    if len(time_s) < 2:
        return np.zeros(np.shape(at_s), dtype=bool)
    before_s, after_s = time_s[after - 1], time_s[after]
    close = after_s - before_s <= LONGEST_BRIDGE_S
    return np.asarray(close & (at_s >= before_s) & (at_s <= after_s))


def percentile_of_known(values: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """Percentile along axis 1, NaN left out; what `np.nanpercentile` does, without its loop."""
    ordered = np.sort(values, axis=1)  # NaN goes to the end
    count = np.isfinite(values).sum(axis=1, keepdims=True)
    rank = percent / 100 * np.maximum(count - 1, 0)
    below = np.floor(rank).astype(int)
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, np.maximum(count - 1, 0)), axis=1)
    return np.asarray(low + (rank - below) * (high - low))[:, 0]


def mean_of_lowest(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Mean of this share of the values along axis 1, the lowest ones; NaN left out, two at least.

    NaN where not two are known.
    """
    ordered = np.sort(values, axis=1)  # NaN goes to the end
    count = np.isfinite(values).sum(axis=1, keepdims=True)
    taken = np.maximum(np.round(share * count), 2)
    rank = np.arange(values.shape[1]).reshape(1, -1, *[1] * (values.ndim - 2))
    total = np.where(rank < taken, ordered, 0.0).sum(axis=1)  # NaN among them stays NaN
    return np.asarray(total / taken[:, 0])
