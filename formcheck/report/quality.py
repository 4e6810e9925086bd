"""How well a run was filmed, point by point, and what would make the next recording better."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from formcheck.guide import POINTS, Point
from formcheck.keypoints import INDEX
from formcheck.result import Analysis
from formcheck.verdict import format_time

Grade = Literal["good", "fair", "poor"]

# What the digital runners of benchmarks/accuracy.py were seen with, and what that showed.
TESTED_PX = 200.0  # height of a runner in the picture; all scenes have that or more
ROUGH_PX = 120.0
SHARP_FPS = 50.0  # contact times: +-21 ms at 24 to 30 frames/s
ROUGH_FPS = 24.0
SQUARE_DEG = 16.0  # change of lean is right to 20 degrees, its size to 16
OBLIQUE_DEG = 30.0  # there it reads a sixth too small
ENOUGH_S = 120.0
LEAST_S = 45.0
SEEN_SHARES = (0.98, 0.85)
STATURE_OVER_POINTS = 1.1  # of what lies between the nose and the lower foot
FEET = [INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "heel")]


@dataclass(frozen=True)
class Quality:
    """One point of how a run was filmed.

    Attributes
    ----------
    grade : str
        'good', 'fair' or 'poor'.
    found : str
        What was found, in words.
    point : Point or None
        Of the filming guide: what to do better next time; None where it is good.
    """

    grade: Grade
    found: str
    point: Point | None


def judge_quality(analysis: Analysis) -> list[Quality]:
    """Return the points in the order in which they matter."""
    return list(_judge(analysis))


def _judge(analysis: Analysis) -> Iterator[Quality]:
    capture, video = analysis.capture, analysis.video
    if capture.view == "side":
        turned = abs(capture.turned_deg)
        yield _quality(
            _grade_low(turned, SQUARE_DEG, OBLIQUE_DEG),
            f"Seen from the side, about {turned:.0f}° off square.",
            "film-square",
        )
    else:
        yield _quality("fair", "Not seen from the side.", "film-square")
    height = runner_height_px(analysis)
    yield _quality(
        _grade_high(height, TESTED_PX, ROUGH_PX),
        f"The runner is about {height:.0f} pixels tall in the picture.",
        "film-distance",
    )
    fps = video.watched_fps * capture.slow_motion_factor
    yield _quality(
        _grade_high(fps, SHARP_FPS, ROUGH_FPS),
        f"{fps:.0f} frames a second of real time.",
        "film-frame-rate",
    )
    yield _quality(*_judge_camera(analysis), "film-camera-fixed")
    recorded_s = float(np.ptp(analysis.series.keypoints.time_s))
    yield _quality(
        _grade_high(recorded_s, ENOUGH_S, LEAST_S),
        f"{format_time(recorded_s)} recorded, {analysis.gait.strides} strides.",
        "film-length",
    )
    seen = float(analysis.series.keypoints.seen.mean())
    yield _quality(
        _grade_high(seen, *SEEN_SHARES),
        f"The runner is seen in {100 * seen:.0f} % of what was watched.",
        "film-whole-body",
    )


def _judge_camera(analysis: Analysis) -> tuple[Grade, str]:
    codes = {warning.code for warning in analysis.capture.warnings}
    if "cuts" in codes:
        return "poor", "The video cuts to other pictures."
    if "camera_moves" in codes:
        return "poor", "The camera followed the runner."
    if analysis.capture.camera.roll_deg is None or "background_unclear" in codes:
        return "poor", "Whether the camera stood still could not be seen."
    if "camera_turned" in codes:
        return "fair", "The camera was turned; that was taken out of every angle."
    if "camera_shifted" in codes:
        return "fair", "The camera was pushed."
    return "good", "The camera stood still."


def runner_height_px(analysis: Analysis) -> float:
    """Return the median height of the runner in the picture, source pixels; 0 = not known."""
    y = analysis.series.keypoints.position[..., 1]
    feet = y[:, FEET]
    height = np.where(np.isfinite(feet), feet, -np.inf).max(axis=1) - y[:, INDEX["nose"]]
    known = height[np.isfinite(height)]
    return STATURE_OVER_POINTS * float(np.median(known)) if len(known) else 0.0


def _quality(grade: Grade, found: str, anchor: str) -> Quality:
    return Quality(grade, found, None if grade == "good" else POINTS[anchor])


def _grade_high(value: float, good: float, fair: float) -> Grade:
    return "good" if value >= good else "fair" if value >= fair else "poor"


def _grade_low(value: float, good: float, fair: float) -> Grade:
    return "good" if value <= good else "fair" if value <= fair else "poor"
