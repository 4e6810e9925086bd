"""Whether a per-stride series changed between the early and the late part of a run.

Neighbouring strides resemble each other and posture wanders slowly, so the strides of a part
are worth fewer than their count. All intervals here rest on one number, the long-run variance
per stride: how much the slowest swings of the run, those of a sixth of the run and longer,
scatter around the best single change (step, ramp, or ramp then plateau). It needs no model of
the correlation, and a real change is not read as scatter. `benchmarks/drift_simulation.py`
measures how well the intervals keep their word.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter
from scipy.special import ndtri, stdtrit

SECONDS_PER_HOUR = 3600.0
# Of a normal distribution, 80 % lies within 1.2816 SD. (The median would call most strides of a
# smooth series outliers, for many follow their running median exactly.)
SCATTER_SHARE = 0.80
SCATTER_SHARE_PER_SD = 1.2816
# Degrees of freedom that the fitted shape of the change takes from the slow swings: height, start
# and end, and one more because the best of thousands of shapes is searched (set by simulation).
SHAPE_DEGREES_OF_FREEDOM = 4
# Even the shortest series has enough slow swings to leave four degrees of freedom.
FEWEST_SWINGS = 8
# A short series has fewer bins, so that each holds about two strides.
STRIDES_PER_BIN = 2
# A shape whose sum of squares (its rise is 1) is below this is flat wherever there are strides.
NEGLIGIBLE_SCATTER = 1e-9

Interval = tuple[float, float]
Verdict = Literal["increased", "decreased", "stable", "inconclusive", "insufficient_data"]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftSettings:
    """How a run is cut into parts and how sure the answers must be.

    Attributes
    ----------
    part_fraction, max_part_fraction
        Share of the run's time in the baseline and in the late part, and the share up to which
        a part grows while it holds fewer than `min_strides`. A fifth is the largest part that
        still sees a drift which begins at 75 % of the run (in simulation).
    min_strides
        Fewest strides with a value in each part; below it nothing is concluded.
    confidence
        Of every interval.
    outlier_limit, outlier_window
        A stride further than `outlier_limit` (in robust SD) from the running median of
        `outlier_window` strides is a measurement error and is set aside.
    bins
        Equal-time bins in which the slow swings and the onset are sought: the onset is resolved
        to one bin.
    swings
        Number of slow cosine swings (half a period in the run, one, one and a half, ...) that
        give the long-run variance, at least 5; fewer in a series under 165 strides. More make
        narrower intervals, and wrong ones for strides that are correlated over long times.
    onset_simplicity
        How much better (in long-run variances) a ramp then plateau must fit than a step or a
        ramp to the end, which have one time less, for its start to be taken as the onset.
    """

    part_fraction: float = 0.20
    max_part_fraction: float = 0.40
    min_strides: int = 24
    confidence: float = 0.95
    outlier_limit: float = 5.0
    outlier_window: int = 31
    bins: int = 120
    swings: int = 12
    onset_simplicity: float = 4.0


@dataclass(frozen=True)
class Calibration:
    """How surely a change of a measure tells the change of what it stands for.

    Attributes
    ----------
    gain_sd
        SD of its gain from runner to runner, as a share.
    offset_sd
        SD of what something else that changed in this run adds to the change, in the measure's
        unit.
    """

    gain_sd: float = 0.0
    offset_sd: float = 0.0

    def spread(self, change: float) -> float:
        """SD of what a change is wrong by."""
        return math.hypot(self.gain_sd * change, self.offset_sd)


@dataclass(frozen=True)
class Part:
    """One part of a run: mean of its strides with a value (None without any), times, count."""

    mean: float | None
    from_s: float
    to_s: float
    strides: int


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval (at the `confidence` of the settings)."""

    value: float
    ci95: Interval


@dataclass(frozen=True)
class Change:
    """Late mean − baseline mean with its interval (None if it cannot be told), and what it says.

    See `assess_drift` for the rules of the verdict.
    """

    value: float | None
    ci95: Interval | None
    verdict: Verdict


@dataclass(frozen=True)
class Drift:
    """All that is known of how one series changed over a run."""

    baseline: Part
    late: Part
    change: Change
    trend_per_hour: Estimate | None
    onset_s: Estimate | None


def choose_parts(
    stride_time_s: ArrayLike, settings: DriftSettings = DriftSettings()
) -> tuple[Interval, Interval]:
    """Choose the early and the late part of a run, common to all its metrics.

    Each part takes `part_fraction` of the time between the first and the last stride, or as much
    as holds `min_strides` strides, but at most `max_part_fraction`.

    Parameters
    ----------
    stride_time_s : array_like, shape (n_strides,)
        Time of each stride in seconds, increasing; NaN is skipped.
    settings
        Sizes of the parts.

    Returns
    -------
    (from_s, to_s), (from_s, to_s)
        Baseline and late part, both ends included; all 0 for a run without strides.
    """
    time = np.asarray(stride_time_s, dtype=float)
    time = time[np.isfinite(time)]
    if time.size == 0:
        return (0.0, 0.0), (0.0, 0.0)
    start, end = float(time[0]), float(time[-1])
    smallest = settings.part_fraction * (end - start)
    largest = settings.max_part_fraction * (end - start)
    nth = min(settings.min_strides, time.size)
    early = np.clip(time[nth - 1] - start, smallest, largest)
    late = np.clip(end - time[-nth], smallest, largest)
    return (start, start + float(early)), (end - float(late), end)


def assess_drift(
    stride_time_s: ArrayLike,
    value: ArrayLike,
    *,
    threshold: float | None,
    parts: tuple[Interval, Interval] | None = None,
    calibration: Calibration = Calibration(),
    settings: DriftSettings = DriftSettings(),
) -> Drift:
    """Tell whether a per-stride series changed from the early to the late part of a run.

    Parameters
    ----------
    stride_time_s : array_like, shape (n_strides,)
        Time of each stride in seconds, increasing; steps may be uneven, with gaps.
    value : array_like, shape (n_strides,)
        The metric in its own unit; NaN for a stride without value.
    threshold
        Smallest change worth reporting, in the unit of `value`; None if the metric has none.
    parts
        Baseline and late part in seconds; by default `choose_parts` of the stride times.
    calibration
        Widens the interval of the change; that of the trend is of the measure itself.
    settings
        See `DriftSettings`.

    Returns
    -------
    Drift
        Change and trend are in the unit of `value`. The verdict is

        - ``insufficient_data`` if either part has fewer than `min_strides` values, or if the
          values fill too few bins of the run to tell how they wander: no number is given then;
        - ``increased`` (``decreased``) if the change reaches the threshold upwards (downwards)
          and its interval does not reach 0;
        - ``stable`` if the interval lies strictly within ±threshold;
        - ``inconclusive`` otherwise.

        Without a threshold the interval alone decides: beyond 0 is ``increased`` or
        ``decreased``, else ``inconclusive``. Never ``stable``, for nothing says what is small.
        The onset is given only with ``increased`` and ``decreased``.

    Raises
    ------
    ValueError
        If the arrays do not match, times go backwards, or the threshold is not positive.

    Notes
    -----
    The variance of a mean of n strides is the long-run variance / n, estimated with the equal-
    weighted cosine estimator and Student's t (Lazarus, Lewis, Stock & Watson 2018, Journal of
    Business & Economic Statistics 36:541). The trend is the least-squares slope over the whole
    run. The interval covers the wandering of this run's posture, not a bias of the camera. On
    correlation that never fades (1/f) a 95 % interval holds 80 to 90 %, by simulation.
    """
    if threshold is not None and not threshold > 0:
        raise ValueError(f"threshold must be positive or None, not {threshold}")
    time, strides = _valid_strides(stride_time_s, value, settings)
    early, late = parts or choose_parts(stride_time_s, settings)
    baseline_part = _summarise_part(time, strides, early)
    late_part = _summarise_part(time, strides, late)
    binned = _bin_strides(time, strides, settings)
    too_few = min(baseline_part.strides, late_part.strides) < settings.min_strides
    if too_few or binned is None or baseline_part.mean is None or late_part.mean is None:
        nothing = Change(None, None, "insufficient_data")
        return Drift(baseline_part, late_part, nothing, None, None)

    variance, degrees_of_freedom = _long_run_variance(binned, settings)
    quantile = float(stdtrit(degrees_of_freedom, 0.5 + settings.confidence / 2))

    value_of_change = late_part.mean - baseline_part.mean
    random = quantile * np.sqrt(variance * (1 / baseline_part.strides + 1 / late_part.strides))
    known_to = float(ndtri(0.5 + settings.confidence / 2)) * calibration.spread(value_of_change)
    difference = _with_interval(value_of_change, math.hypot(random, known_to))
    centred_time = time - time.mean()
    time_scatter = centred_time @ centred_time
    trend = _with_interval(
        SECONDS_PER_HOUR * float(centred_time @ strides) / time_scatter,
        SECONDS_PER_HOUR * quantile * np.sqrt(variance / time_scatter),
    )
    verdict = _judge(difference, threshold)
    changed = verdict in ("increased", "decreased")
    onset = _find_onset(binned, variance, np.sign(difference.value), settings) if changed else None
    change = Change(difference.value, difference.ci95, verdict)
    return Drift(baseline_part, late_part, change, trend, onset)


def _valid_strides(
    stride_time_s: ArrayLike, value: ArrayLike, settings: DriftSettings
) -> tuple[_Floats, _Floats]:
    time = np.asarray(stride_time_s, dtype=float)
    strides = np.asarray(value, dtype=float)
    if time.ndim != 1 or time.shape != strides.shape:
        raise ValueError(f"{time.shape} stride times do not match {strides.shape} values")
    valid = np.isfinite(time) & np.isfinite(strides)
    time, strides = time[valid], strides[valid]
    if np.any(np.diff(time) <= 0):
        raise ValueError("stride times must increase")
    kept = ~_find_outliers(strides, settings)
    return time[kept], strides[kept]


def _find_outliers(strides: _Floats, settings: DriftSettings) -> NDArray[np.bool_]:
    half = settings.outlier_window // 2
    if strides.size <= half:
        return np.zeros(strides.size, dtype=bool)
    # Odd reflection continues a trend beyond the ends, so a ramp has no false outliers there.
    padded = np.pad(strides, half, mode="reflect", reflect_type="odd")
    deviation = np.abs(strides - median_filter(padded, 2 * half + 1)[half:-half])
    scatter = np.quantile(deviation, SCATTER_SHARE) / SCATTER_SHARE_PER_SD
    # A series that follows its running median exactly has no scatter to judge strides by.
    outliers: NDArray[np.bool_] = deviation > settings.outlier_limit * scatter
    return outliers & bool(scatter > 0)


def _summarise_part(time: _Floats, strides: _Floats, part: Interval) -> Part:
    inside = strides[(time >= part[0]) & (time <= part[1])]
    mean = float(inside.mean()) if inside.size else None
    return Part(mean, float(part[0]), float(part[1]), inside.size)


def _with_interval(value: float, half_width: float) -> Estimate:
    return Estimate(float(value), (float(value - half_width), float(value + half_width)))


def _judge(change: Estimate, threshold: float | None) -> Verdict:
    low, high = change.ci95
    reportable = threshold or 0.0
    if low > 0 and change.value >= reportable:
        return "increased"
    if high < 0 and change.value <= -reportable:
        return "decreased"
    if threshold is not None and -threshold < low and high < threshold:
        return "stable"
    return "inconclusive"


@dataclass(frozen=True)
class _Binned:
    """A series in equal-time bins: strides in each bin, and their mean around the run's mean."""

    start_s: float
    bin_s: float
    count: _Floats
    mean: _Floats


def _bin_strides(time: _Floats, strides: _Floats, settings: DriftSettings) -> _Binned | None:
    """Average the strides in bins; None where they fill too few to show how they wander."""
    bins = min(settings.bins, time.size // STRIDES_PER_BIN)
    if bins == 0:
        return None
    bin_s = (time[-1] - time[0]) / bins
    index = np.minimum(((time - time[0]) / bin_s).astype(int), bins - 1)
    count = np.bincount(index, minlength=bins).astype(float)
    total = np.bincount(index, weights=strides - strides.mean(), minlength=bins)
    if np.count_nonzero(count) < 2 * _count_swings(time.size, settings):
        return None
    return _Binned(float(time[0]), float(bin_s), count, total / np.maximum(count, 1))


def _count_swings(strides: float, settings: DriftSettings) -> int:
    # 0.4 n^(2/3): Lazarus, Lewis, Stock & Watson 2018, as in `assess_drift`.
    return int(np.clip(0.4 * strides ** (2 / 3), FEWEST_SWINGS, settings.swings))


class _Shapes(NamedTuple):
    """Every rise from 0 to 1 that starts and ends on a bin edge: steps, ramps, plateaus.

    `rise` has shape (n_shapes, bins); start and end are numbers of edges.
    """

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    rise: _Floats


@lru_cache(maxsize=4)
def _all_shapes(bins: int) -> _Shapes:
    start, end = np.triu_indices(bins + 1)
    inside = (start < bins) & (end > 0)
    start, end = start[inside], end[inside]
    centre = np.arange(bins) + 0.5
    # A step is a ramp within no time: any length below half a bin gives it.
    length = np.maximum(end - start, 0.1)
    rise = np.clip((centre - start[:, None]) / length[:, None], 0, 1)
    return _Shapes(start, end, rise)


def _long_run_variance(binned: _Binned, settings: DriftSettings) -> tuple[float, int]:
    """Estimate the long-run variance per stride, and its degrees of freedom."""
    swings = _count_swings(binned.count.sum(), settings)
    weight = np.sqrt(binned.count)
    bins = binned.count.size
    phase = np.pi * (np.arange(bins) + 0.5) / bins
    cosines = np.cos(phase[:, None] * np.arange(swings + 1))
    # Orthonormal where there are strides, so each swing has the long-run variance. The first
    # column is the mean of the run, which tells nothing.
    orthonormal = np.linalg.qr(cosines * weight[:, None]).Q[:, 1:]
    swing = orthonormal.T @ (weight * binned.mean)
    shape_swing = _all_shapes(bins).rise @ (orthonormal * weight[:, None])
    explained = (shape_swing @ swing) ** 2 / _positive((shape_swing**2).sum(axis=1))
    degrees_of_freedom = swings - SHAPE_DEGREES_OF_FREEDOM
    unexplained = max(float(swing @ swing - explained.max()), 0.0)
    return unexplained / degrees_of_freedom, degrees_of_freedom


def _find_onset(
    binned: _Binned, variance: float, direction: float, settings: DriftSettings
) -> Estimate:
    """Find when the change began: least squares over all shapes that go in its direction.

    One family of shapes covers the step, the ramp and the plateau. `ruptures` needs the shape
    to be known first (`l2` misses the start of a ramp by minutes, `clinear` that of a step) and
    took 80 ms for a plateau, where this takes 3 and misses less.
    """
    start, end, rise = _all_shapes(binned.count.size)
    bins, strides = binned.count.size, binned.count.sum()
    covariance = rise @ (binned.count * binned.mean)
    scatter = rise**2 @ binned.count - (rise @ binned.count) ** 2 / strides
    explained = covariance**2 / _positive(scatter)
    explained[covariance * direction <= 0] = 0.0

    one_time_less = (start == end) | (end == bins)
    preference = settings.onset_simplicity * variance * one_time_less
    best = start[np.argmax(explained + preference)]
    # Likelihood-ratio bound of a change point: Hansen 2000, Econometrica 68:575, theorem 2.
    bound = -2 * np.log(1 - np.sqrt(settings.confidence))
    plausible = start[explained >= explained.max() - bound * variance]
    # The onset is somewhere within a bin of the edge that fits.
    first, last = max(plausible.min() - 1, 0), min(plausible.max() + 1, bins)
    low, value, high = (binned.start_s + binned.bin_s * np.array([first, best, last])).tolist()
    return Estimate(value, (low, high))


def _positive(scatter: _Floats) -> _Floats:
    """Keep a shape that no stride can show (it rises within a gap) from dividing by zero."""
    return np.where(scatter > NEGLIGIBLE_SCATTER, scatter, np.inf)
