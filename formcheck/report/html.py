"""report.html: one page that holds everything it needs, for the runner and the coach."""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from formcheck.errors import SystemLibraryError
from formcheck.guide import GUIDE, PLAN, point_for
from formcheck.metrics import REGISTRY
from formcheck.report.advice import give_advice
from formcheck.report.bodies import lay_bodies
from formcheck.report.charts import (
    FEWEST_FOR_MEDIAN,
    charted_metrics,
    draw_chart,
    draw_curve,
    known_strides,
    stride_step,
)
from formcheck.report.mean_stride import MeanStride, find_mean_strides
from formcheck.report.page_data import make_page_data
from formcheck.report.pictures import Picture, make_pictures
from formcheck.report.quality import judge_quality
from formcheck.report.terminal import format_row
from formcheck.result import Analysis
from formcheck.verdict import format_time

VIEW_WORDS = {"side": "from the side", "rear": "from behind", "front": "from the front"}
TENTHS = 10
BOKEH_SCRIPTS = ("bokeh", "bokeh-api")
# Angles whose course through a stride is shown. Knees and elbows bend along the run, so from behind
# what is to be seen of them is not their angle.
CURVES_FROM_SIDE = {
    "trunk_lean_deg": "Trunk lean",
    "knee_flexion_deg": "Knee flexion",
    "neck_flexion_deg": "Neck flexion",
    "elbow_angle_deg": "Elbow angle",
}
CURVES_ALONG = {"lateral_trunk_lean_deg": "Lateral trunk lean"}


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
    svg: Markup


@dataclass(frozen=True)
class _Curve:
    alt: str
    svg: Markup


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
    strides = find_mean_strides(analysis)
    is_side = analysis.capture.view == "side"
    charts = charted_metrics(analysis)
    return environment.get_template("report.html").render(
        analysis=analysis,
        name=Path(analysis.video.path).name,
        verdict_label=analysis.verdict.label.replace("_", " "),
        facts=_key_facts(analysis),
        charts=[_make_chart(analysis, column) for column in charts],
        tenths=_tenths(analysis, charts),
        data=make_page_data(analysis, strides),
        bodies=lay_bodies(analysis, strides) if len(strides) == 2 else None,
        is_side=is_side,
        curves=_draw_curves(strides, is_side),
        quality=judge_quality(analysis),
        guide=GUIDE,
        plan=PLAN,
        point_for=point_for,
        bokeh=Markup(read_bokeh()),
        stride_step=stride_step(analysis.gait.strides),
        has_median=analysis.gait.strides >= FEWEST_FOR_MEDIAN,
        has_change=any(analysis.metrics[c].change.ci95 for c in charts),
        has_onset=any(analysis.metrics[c].onset_s for c in charts),
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
        svg=Markup(draw_chart(analysis, column)),
    )


def _tenths(analysis: Analysis, columns: list[str]) -> list[tuple[str, list[str]]]:
    """Mean of each charted metric in each tenth of the run, with the time at which it begins."""
    time_s = analysis.series.keypoints.time_s
    edges = np.linspace(time_s[0], time_s[-1], TENTHS + 1)
    means = []
    for column in columns:
        at, value = known_strides(analysis, column)
        tenth = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, TENTHS - 1)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(tenth, value, TENTHS) / np.bincount(tenth, minlength=TENTHS)
        means.append([f"{v:z.{REGISTRY[column].decimals}f}" if v == v else "" for v in mean])
    return [
        (format_time(edge), list(row))
        for edge, row in zip(edges, zip(*means, strict=True), strict=False)
    ]


def _draw_curves(strides: list[MeanStride], is_side: bool) -> list[_Curve]:
    return [
        _Curve(
            alt=f"{label} over the stride{_tell_gap(strides, column)}.",
            svg=Markup(draw_curve(column, label, strides)),
        )
        for column, label in (CURVES_FROM_SIDE if is_side else CURVES_ALONG).items()
        if strides and all(np.isfinite(mean.mean[column]).all() for mean in strides)
    ]


def _tell_gap(strides: list[MeanStride], column: str) -> str:
    if len(strides) < 2:
        return ""
    early, late = (mean.mean[column] for mean in strides)
    gap = float(np.abs(late - early).max())
    return f", early and late; the widest gap between the means is {gap:.1f} degrees"


@cache
def read_bokeh() -> str:
    """Return BokehJS as it lies in the installed package; importing that would take a second."""
    package = find_spec("bokeh")
    if package is None or package.origin is None:
        raise SystemLibraryError("the package bokeh is missing; install formcheck again with pip")
    script = Path(package.origin).parent / "server" / "static" / "js"
    parts = [(script / f"{name}.min.js").read_text(encoding="utf-8") for name in BOKEH_SCRIPTS]
    return "\n".join(parts).replace("</script", "<\\/script")


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
    lean = "" if math.isnan(picture.lean_deg) else f": {what} {picture.lean_deg:z.1f}° here"
    facts = analysis.metrics[analysis.capture.lean_column]
    part = facts.baseline if picture.part == "early" else facts.late
    is_told = lean and facts.is_compared and part.mean is not None
    mean = f", {part.mean:z.1f}° on average" if is_told else ""
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
        f"{name} {value:+z.1f} {unit}"
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
