"""What the script in report.html draws from: numbers, pictures and skeletons, as plain values."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formcheck.drift import Part
from formcheck.keypoints import BONES, KEYPOINTS
from formcheck.metrics import REGISTRY
from formcheck.report.charts import (
    charted_metrics,
    known_strides,
    running_course,
    shown_range,
    stride_step,
)
from formcheck.report.drawing import find_pose
from formcheck.report.mean_stride import MeanStride
from formcheck.result import Analysis
from formcheck.verdict import format_time
from formcheck.video.moments import ENOUGH, Moment


def make_page_data(analysis: Analysis, strides: list[MeanStride]) -> dict[str, Any]:
    """Return all that the page's script needs; times in real seconds, None for what isn't known."""
    near = [analysis.capture.near_side in name for name in KEYPOINTS]
    return {
        "charts": [_chart(analysis, column) for column in charted_metrics(analysis)],
        "moments": [_moment(analysis, moment) for moment in choose_moments(analysis.moments)],
        "bones": [[a, b, near[a] and near[b]] for a, b in BONES],
        "hips": [KEYPOINTS.index(f"{side}_hip") for side in ("left", "right")],
        "shoulders": [KEYPOINTS.index(f"{side}_shoulder") for side in ("left", "right")],
        "bodies": {mean.part: _numbers(mean.body, 1) for mean in strides},
    }


def choose_moments(moments: list[Moment]) -> list[Moment]:
    """Return as many moments as a page has room for, spread evenly."""
    if len(moments) <= ENOUGH:
        return moments
    return [moments[i] for i in np.linspace(0, len(moments) - 1, ENOUGH).round().astype(int)]


def _chart(analysis: Analysis, column: str) -> dict[str, Any]:
    facts, metric = analysis.metrics[column], REGISTRY[column]
    time_s, value = known_strides(analysis, column)
    shown = slice(None, None, stride_step(len(time_s)))
    course, onset = running_course(analysis, column), facts.onset_s
    return {
        "column": column,
        "title": f"{metric.label} ({metric.unit})",
        "unit": "°" if metric.unit == "°" else "",
        "decimals": metric.decimals,
        "time": _numbers(time_s[shown], 3),
        "at": [format_time(at) for at in time_s[shown]],
        "value": _numbers(value[shown], metric.decimals + 1),
        "course": None if course is None else [_numbers(part, 3) for part in course],
        "range": shown_range(analysis, column),
        "early": _part(facts.baseline),
        "late": _part(facts.late),
        "change": None if facts.change.ci95 is None else list(facts.change.ci95),
        "began": None if onset is None else f"from {format_time(onset.value)} on",
        "onset": None if onset is None else [onset.value, *onset.ci95],
    }


def _part(part: Part) -> dict[str, Any] | None:
    if part.mean is None or part.to_s <= part.from_s:
        return None
    return {"mean": part.mean, "from": part.from_s, "to": part.to_s}


def _moment(analysis: Analysis, moment: Moment) -> dict[str, Any]:
    clock = analysis.series.video_time_s
    pose = find_pose(analysis, float(np.interp(moment.time_s, clock, np.arange(len(clock)))))
    time_s = moment.time_s / analysis.capture.slow_motion_factor
    return {
        "time": round(time_s, 2),
        "at": format_time(time_s),
        "jpeg": base64.b64encode(moment.jpeg).decode("ascii"),
        "box": [round(v, 1) for v in (*moment.origin_px, *moment.size_px)],
        "points": _numbers(pose.points, 1),
        "up": _numbers(pose.up, 4),
        "lean": _numbers(np.array(pose.lean_deg), 1),
    }


def _numbers(values: NDArray[np.float64], decimals: int) -> Any:
    """Return an array as nested lists of short numbers, None where not known."""
    rounded = np.asarray(np.round(values, decimals), dtype=object)
    rounded[~np.isfinite(values)] = None
    return rounded.tolist()
