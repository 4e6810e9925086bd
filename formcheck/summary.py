"""From values per stride to the facts of the report: means, changes, uncertainties."""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from formcheck.capture import Parts
from formcheck.drift import Calibration, Change, assess_drift
from formcheck.keypoints import Keypoints
from formcheck.metrics import REGISTRY, Metric, StrideData
from formcheck.options import Options
from formcheck.result import GaitFacts, MetricFacts
from formcheck.signals.strides import Strides

MAX_CORRELATION = 0.95  # of neighbouring strides; more could not be told from a drift
# Contact time found minus true: -16 to +9 ms on tuning scenes, -5 ms against a hand count; four
# runners only, so twice the largest and a little.
CONTACT_TIME_BIAS_S = 0.04


def count_from_baseline(
    values: dict[str, NDArray[np.float64]],
    time_s: NDArray[np.float64],
    parts: Parts,
    counts: NDArray[np.bool_],
) -> dict[str, NDArray[np.float64]]:
    """Count relative metrics from their mean over the baseline, or over all where that is empty.

    Parameters
    ----------
    values : dict of array, shape (stride,)
        All metrics by column.
    time_s : array, shape (stride,)
    parts : Parts
    counts : array of bool, shape (stride,)
        The strides that the baseline may rest on.
    """
    early, _ = parts.split(time_s)

    def shifted(column: str, value: NDArray[np.float64]) -> NDArray[np.float64]:
        known = np.isfinite(value) & counts
        if not REGISTRY[column].is_relative or not known.any():
            return value
        return value - value[known & early if (known & early).any() else known].mean()

    return {column: shifted(column, value) for column, value in values.items()}


def describe_gait(strides: Strides, keypoints: Keypoints) -> GaitFacts:
    """Sum up the rhythm of the whole recording; two strides are the least."""
    duration = strides.duration_s
    mean = float(duration.mean())
    spread = float(duration.std(ddof=1))
    cadence = 120 / mean
    half = cadence * _half_width(duration) / mean
    return GaitFacts(
        cadence_spm=cadence,
        cadence_ci95=(cadence - half, cadence + half),
        strides=len(strides),
        stride_time_s=mean,
        stride_time_cv_pct=100 * spread / mean,
        foot=strides.foot,
        frame_interval_ms=1000 * keypoints.frame_interval_s,
    )


def assess_metric(
    metric: Metric,
    values: dict[str, NDArray[np.float64]],
    data: StrideData,
    parts: Parts,
    options: Options,
    counts: NDArray[np.bool_],
) -> MetricFacts:
    """Sum up one metric: mean, spread, early against late, and what to bear in mind.

    Parameters
    ----------
    metric : Metric
    values : dict of array, shape (stride,)
        All metrics by column; NaN strides don't count.
    data : StrideData
    parts : Parts
    options : Options
    counts : array of bool, shape (stride,)
        The strides that were watched evenly over the run. The others were watched for what was to
        be seen there, and help to find the onset only.

    Returns
    -------
    MetricFacts
    """
    value = np.where(counts, values[metric.column], np.nan)
    assess = partial(
        assess_drift,
        data.strides.middle_s,
        threshold=options.threshold(metric),
        parts=(parts.baseline, parts.late),
        calibration=_calibrate(metric, values, data, parts, counts),
    )
    drift = assess(value)
    onset_s = drift.onset_s
    if onset_s is not None and not counts.all():
        onset_s = assess(values[metric.column]).onset_s or onset_s
    known = value[np.isfinite(value)]
    if not len(known):
        return MetricFacts(
            label=metric.label,
            unit=metric.unit,
            mean=None,
            sd=None,
            uncertainty=None,
            baseline=drift.baseline,
            late=drift.late,
            change=Change(None, None, "insufficient_data"),
            trend_per_hour=None,
            onset_s=None,
            note=_why_unknown(metric, data),
        )
    sd = float(known.std(ddof=1)) if len(known) > 1 else None
    return MetricFacts(
        label=metric.label,
        unit=metric.unit,
        mean=float(known.mean()),
        sd=sd,
        uncertainty=_uncertainty(metric, known, data),
        baseline=drift.baseline,
        late=drift.late,
        change=drift.change,
        trend_per_hour=drift.trend_per_hour,
        onset_s=onset_s,
        note=metric.caveat,
    )


def _calibrate(
    metric: Metric,
    values: dict[str, NDArray[np.float64]],
    data: StrideData,
    parts: Parts,
    counts: NDArray[np.bool_],
) -> Calibration:
    """How surely a change of the metric is one of what it stands for, in this run."""
    lean = values["trunk_lean_deg"]
    known = counts & np.isfinite(lean)
    early, late = (part & known for part in parts.split(data.strides.middle_s))
    leaning = abs(lean[late].mean() - lean[early].mean()) if early.any() and late.any() else 0.0
    return Calibration(metric.gain_sd, metric.lean_leak_sd * float(leaning))


def _why_unknown(metric: Metric, data: StrideData) -> str:
    if data.orientation.view not in metric.views:
        return f"not measurable from the {data.orientation.view}"
    if metric.column == "vertical_oscillation_cm" and data.height_cm is None:
        return "needs --height-cm"
    return "not seen in enough strides"


def _uncertainty(metric: Metric, known: NDArray[np.float64], data: StrideData) -> float | None:
    """Half-width of the 95 % interval of the mean, with what the frame interval leaves open.

    Each foot event is known to about half a frame interval, in the same way in every stride, so
    more strides don't average that away: a difference of two events is open by one interval. The
    bias of the pose network's feet comes on top.
    """
    if len(known) < 2:
        return None
    random = _half_width(known)
    if not metric.frame_limited:
        return random
    interval_s = data.keypoints.frame_interval_s
    per_second = 100 / float(data.strides.duration_s.mean()) if "pct" in metric.column else 1000.0
    return math.hypot(random, interval_s * per_second, CONTACT_TIME_BIAS_S * per_second)


def _half_width(values: NDArray[np.float64]) -> float:
    """Half-width of the 95 % interval of the mean of neighbouring strides, at least two.

    Student's t, for as many independent strides as the correlation r of neighbours leaves:
    n (1 - r) / (1 + r).
    """
    stride = np.arange(len(values)) - (len(values) - 1) / 2
    slope = float(stride @ values) / float(stride @ stride)
    deviation = values - values.mean() - slope * stride  # a trend is no scatter of the mean
    power = float(deviation @ deviation)
    r = float(deviation[1:] @ deviation[:-1]) / power if power > 0 else 0.0
    r = min(max(r, 0.0), MAX_CORRELATION)
    independent = max(2.0, len(values) * (1 - r) / (1 + r))
    quantile = float(stdtrit(independent - 1, 0.975))
    spread = math.sqrt(power / max(len(values) - 2, 1))
    return quantile * spread / math.sqrt(independent)
