"""report.html: one page that holds everything it needs, for the runner and the coach."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from formcheck.metrics import REGISTRY
from formcheck.report.advice import give_advice
from formcheck.report.charts import (
    FEWEST_FOR_MEDIAN,
    SIZES,
    charted_metrics,
    draw_chart,
    stride_step,
)
from formcheck.report.pictures import Picture, make_pictures
from formcheck.report.terminal import format_row
from formcheck.result import Analysis
from formcheck.verdict import format_time

VIEW_WORDS = {"side": "from the side", "rear": "from behind", "front": "from the front"}


@dataclass(frozen=True)
class _Row:
    """A line of the table, as people read it."""

    label: str
    unit: str
    early: str
    late: str
    change: str
    interval: str
    verdict: str
    verdict_words: str
    explanation: str
    note: str | None


@dataclass(frozen=True)
class _Chart:
    label: str
    alt: str
    svgs: list[tuple[str, Markup]]


@dataclass(frozen=True)
class _Shown:
    """A picture with its words."""

    picture: Picture
    caption: str
    alt: str


def render_html(analysis: Analysis) -> str:
    """Return the page as text; nothing in it refers to anything outside.

    Notes
    -----
    Where the video can't be read any more, the page says so instead of showing pictures.
    """
    environment = Environment(
        loader=PackageLoader("formcheck.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        analysis=analysis,
        name=Path(analysis.video.path).name,
        verdict_label=analysis.verdict.label.replace("_", " "),
        facts=_key_facts(analysis),
        charts=[_make_chart(analysis, column) for column in charted_metrics(analysis)],
        stride_step=stride_step(analysis.gait.strides),
        has_median=analysis.gait.strides >= FEWEST_FOR_MEDIAN,
        has_onset=any(analysis.metrics[c].onset_s for c in charted_metrics(analysis)),
        pictures=[_describe_picture(analysis, picture) for picture in make_pictures(analysis)],
        rows=[_make_row(analysis, c) for c, f in analysis.metrics.items() if f.mean is not None],
        not_measured=_not_measured(analysis),
        advice=give_advice(analysis),
        video_facts=_video_facts(analysis),
        operations=[
            (operation.name.replace("_", " "), json.dumps(operation.settings, default=str))
            for operation in analysis.provenance
        ],
    )


def _key_facts(analysis: Analysis) -> list[tuple[str, str]]:
    time_s = analysis.series.keypoints.time_s
    facts = [
        ("recorded", format_time(float(time_s[-1] - time_s[0]))),
        ("strides", f"{analysis.gait.strides}"),
        ("steps a minute", f"{analysis.gait.cadence_spm:.0f}"),
        ("filmed", VIEW_WORDS[analysis.capture.view]),
    ]
    if analysis.capture.slow_motion_factor != 1:
        facts.append(("slow motion", f"{analysis.capture.slow_motion_factor:.3g} times"))
    return facts


def _make_chart(analysis: Analysis, column: str) -> _Chart:
    facts, metric = analysis.metrics[column], REGISTRY[column]
    _, early, late, change, words = format_row(column, facts)
    onset = f", from {format_time(facts.onset_s.value)} on" if facts.onset_s else ""
    return _Chart(
        label=metric.label,
        alt=f"{metric.label} over the run in {metric.unit}: early {early}, late {late}, "
        f"change {change}, {words}{onset}.",
        svgs=[(size.name, Markup(draw_chart(analysis, column, size))) for size in SIZES],
    )


def _make_row(analysis: Analysis, column: str) -> _Row:
    facts, metric = analysis.metrics[column], REGISTRY[column]
    _, early, late, change, words = format_row(column, facts)
    value, _, interval = change.partition(" (")
    return _Row(
        label=metric.label,
        unit=metric.unit,
        early=early,
        late=late,
        change=value,
        interval=interval.removesuffix(")"),
        verdict=facts.change.verdict,
        verdict_words=words,
        explanation=metric.explanation,
        note=facts.note,
    )


def _not_measured(analysis: Analysis) -> list[tuple[str, str]]:
    """Reasons, each with the metrics that it kept from being measured."""
    reasons: dict[str, list[str]] = {}
    for column, facts in analysis.metrics.items():
        if facts.mean is None:
            metric = REGISTRY[column]
            twins = sum(other.label == metric.label for other in REGISTRY.values())
            name = f"{metric.label} ({metric.unit})" if twins > 1 else metric.label
            reasons.setdefault(facts.note or "not seen", []).append(name)
    return [(reason, ", ".join(names)) for reason, names in reasons.items()]


def _describe_picture(analysis: Analysis, picture: Picture) -> _Shown:
    side = analysis.capture.view == "side"
    what = "trunk lean" if side else "sideways lean"
    at = format_time(picture.time_s)
    lean = "" if math.isnan(picture.lean_deg) else f": {what} {picture.lean_deg:.1f}° here"
    facts = analysis.metrics["trunk_lean_deg" if side else "lateral_trunk_lean_deg"]
    part = facts.baseline if picture.part == "early" else facts.late
    mean = f", {part.mean:.1f}° on average" if lean and part.mean is not None else ""
    return _Shown(
        picture,
        caption=f"{picture.part.capitalize()}, at {at}{lean}{mean}",
        alt=f"The runner at {at}, with the skeleton found and the trunk's line against the "
        f"vertical{lean}.",
    )


def _video_facts(analysis: Analysis) -> list[tuple[str, str]]:
    video, engine, camera = analysis.video, analysis.engine, analysis.capture.camera
    rate = f"{video.fps:.2f} frames/s" + (", variable" if video.variable_frame_rate else "")
    if round(video.fps / video.watched_fps) > 1:
        rate += f", {video.watched_fps:.0f} of them watched"
    turned = f", turned by {video.rotation_deg}°" if video.rotation_deg else ""
    moved = [
        f"{name} {value:+.1f} {unit}"
        for name, value, unit in (
            ("roll", camera.roll_deg, "°"),
            ("shift", camera.shift_pct, "%"),
            ("zoom", camera.zoom_pct, "%"),
        )
        if value is not None
    ]
    return [
        ("Video", Path(video.path).name),
        ("Picture", f"{video.width} x {video.height} pixels{turned}, {video.codec}, {rate}"),
        ("Length", f"{video.duration_s:.1f} s on the video's clock"),
        (
            "Watched",
            "all of it" if video.sampling is None else video.sampling.in_words(video.duration_s),
        ),
        ("Frames", f"{video.frames_decoded} decoded, {video.frames_analysed} with the runner"),
        ("Camera", ", ".join([*moved, camera.done])),
        ("Pose", f"{engine.name}, {engine.model}, {engine.device}"),
        ("SHA-256", video.sha256),
        ("formcheck", f"{analysis.formcheck_version}, {analysis.schema}"),
    ]
