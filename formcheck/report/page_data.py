"""What the script in report.html draws from: numbers, pictures and skeletons, as plain values."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formcheck.drift import Part
from formcheck.keypoints import BONES, INDEX, KEYPOINTS
from formcheck.metrics import REGISTRY
from formcheck.report.charts import (
    charted_metrics,
    known_strides,
    running_course,
    shown_range,
    stride_step,
)
from formcheck.report.drawing import PoseInPicture, find_pose
from formcheck.report.mean_stride import MeanStride
from formcheck.result import Analysis
from formcheck.verdict import format_time
from formcheck.video.moments import ENOUGH, Moment

MOST_JPEG_BYTES = 1_000_000  # of all moments: a third more as text, so that the page is under 4 MB
HIPS, SHOULDERS = (
    [INDEX[f"{side}_{part}"] for side in ("left", "right")] for part in ("hip", "shoulder")
)


def make_page_data(analysis: Analysis, strides: list[MeanStride]) -> dict[str, Any]:
    """Return all that the page's script needs; times in real seconds, None for what isn't known."""
    near = [analysis.capture.near_side in name for name in KEYPOINTS]
    return {
        "charts": [_chart(analysis, column) for column in charted_metrics(analysis)],
        "moments": _choose_moments(analysis),
        "bones": [[a, b, near[a] and near[b]] for a, b in BONES],
        "hips": HIPS,
        "shoulders": SHOULDERS,
        "bodies": {mean.part: _numbers(mean.body, 1) for mean in strides if mean.part != "all"},
    }


def _choose_moments(analysis: Analysis) -> list[dict[str, Any]]:
    """Describe the moments that show the runner; as many as there is room for, spread evenly."""
    clock = analysis.series.video_time_s
    frames = np.interp([m.time_s for m in analysis.moments], clock, np.arange(len(clock)))
    poses = [find_pose(analysis, float(frame)) for frame in frames]
    shown = [
        (moment, pose)
        for moment, pose in zip(analysis.moments, poses, strict=True)
        if _is_of_runner(moment, pose)
    ]
    size = sum(len(moment.jpeg) for moment, _ in shown)
    most = min(len(shown), ENOUGH, int(MOST_JPEG_BYTES * len(shown) / max(size, 1)))
    chosen = np.linspace(0, max(len(shown) - 1, 0), most).round().astype(int)
    factor = analysis.capture.slow_motion_factor
    return [_moment(moment, pose, factor) for moment, pose in (shown[i] for i in chosen)]


def _is_of_runner(moment: Moment, pose: PoseInPicture) -> bool:
    """Whether the middle of the runner's hips is known, and in the picture; not all is of one."""
    hip = pose.points[HIPS].mean(axis=0) - moment.origin_px
    return bool(((hip > 0) & (hip < moment.size_px)).all())


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
        "early": _part(facts.baseline) if facts.is_compared else None,
        "late": _part(facts.late) if facts.is_compared else None,
        "change": None if facts.change.ci95 is None else list(facts.change.ci95),
        "began": None if onset is None else f"from {format_time(onset.value)} on",
        "onset": None if onset is None else [onset.value, *onset.ci95],
    }


def _part(part: Part) -> dict[str, Any] | None:
    if part.mean is None or part.to_s <= part.from_s:
        return None
    return {"mean": part.mean, "from": part.from_s, "to": part.to_s}


def _moment(moment: Moment, pose: PoseInPicture, slow_motion: float) -> dict[str, Any]:
    time_s = moment.time_s / slow_motion
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
