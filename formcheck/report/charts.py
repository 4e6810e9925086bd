"""The time course of a metric as SVG: strides, running median, early and late part, onset."""

import io
import re
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from formcheck.drift import Estimate, Part
from formcheck.metrics import REGISTRY
from formcheck.result import Analysis
from formcheck.verdict import format_time

# Stand-ins that become variables of the page's style sheet, so that the chart follows light and
# dark: colours that nothing else in the SVG uses.
COLOURS = {
    "ink": "#010203",
    "muted": "#020304",
    "grid": "#030405",
    "dot": "#040506",
    "line": "#050607",
    "early": "#060708",
    "late": "#070809",
    "onset": "#08090a",
}
FULL_LABEL_FROM_IN = 8.0
MARGINS_IN = (0.55, 0.55, 0.15, 0.65)  # left, bottom, right, top: the same, so charts line up
NO_METADATA = ("Date", "Creator", "Format", "Type")
MAX_DOTS = 2500
MAX_LINE_POINTS = 800
MEDIAN_STRIDES = 31
FEWEST_FOR_MEDIAN = 12
# Dots shrink and pale as they become many: up to so many dots, so large (points), so strong.
DOT_LOOKS = ((50, 7.0, 0.9), (400, 4.5, 0.7), (np.inf, 3.0, 0.4))
SHOWN_PERCENTILES = (0.5, 99.5)
ONSET_STRIP = 0.18  # of the chart's height
LEAST_SPAN = 4.0  # thresholds: so that a steady run looks steady
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200)


@dataclass(frozen=True)
class ChartSize:
    """Inches of 72 units; text keeps its size, so a narrow chart is readable on a phone."""

    name: str
    width: float
    height: float
    ticks: int


SIZES = (ChartSize("wide", 11.5, 3.5, 10), ChartSize("narrow", 5.0, 3.6, 5))


def charted_metrics(analysis: Analysis) -> list[str]:
    """Columns worth a chart: those the verdict rests on, or what this view offers instead."""
    measured = [c for c, facts in analysis.metrics.items() if facts.mean is not None]
    posture = [c for c in measured if REGISTRY[c].is_posture]
    return posture or [c for c in measured if REGISTRY[c].threshold is not None][:2]


def draw_chart(analysis: Analysis, column: str, size: ChartSize) -> str:
    """Return one metric's time course as an SVG element, its text as text.

    Notes
    -----
    Strides beyond the middle 99 % may lie outside the picture; of a long run, every second, third
    ... stride is a dot (`stride_step`), the running median rests on all.
    """
    facts, metric = analysis.metrics[column], REGISTRY[column]
    time_s, value = _known_strides(analysis, column)
    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": f"{column}-{size.name}",
            "svg.id": None,
            "font.family": ["sans-serif"],
            "font.size": 12.0,
            "path.simplify": True,
        }
    ):
        figure = Figure(figsize=(size.width, size.height))
        left, bottom, right, top = MARGINS_IN
        figure.subplots_adjust(
            left / size.width, bottom / size.height, 1 - right / size.width, 1 - top / size.height
        )
        axes = figure.add_subplot()
        _style(axes, f"{metric.label} ({metric.unit})", time_s, size)
        low, high = _limits(value, [facts.baseline, facts.late], metric.threshold or 1.0)
        # the onset's label and interval have a strip of their own below the strides
        strip = ONSET_STRIP * (high - low) if facts.onset_s is not None else 0.0
        axes.set_ylim(low - strip, high)
        _draw_part(axes, facts.baseline, "early", "left", metric.unit, metric.decimals)
        _draw_part(axes, facts.late, "late", "right", metric.unit, metric.decimals)
        _draw_dots(axes, time_s, value)
        _draw_median(axes, time_s, value, analysis.gait.stride_time_s)
        if facts.onset_s is not None:
            _draw_onset(axes, facts.onset_s, is_short=size.width < FULL_LABEL_FROM_IN)
        text = io.StringIO()
        FigureCanvasSVG(figure)  # the one that savefig draws on
        figure.savefig(text, format="svg", metadata=dict.fromkeys(NO_METADATA))
    return as_element(text.getvalue(), f"{column}-{size.name}")


def stride_step(strides: int) -> int:
    """Every how many strides one is drawn as a dot."""
    return max(1, -(-strides // MAX_DOTS))


def _known_strides(
    analysis: Analysis, column: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value = analysis.series.values[column]
    known = np.isfinite(value)
    return analysis.series.strides.middle_s[known], value[known]


def _style(axes: Axes, label: str, time_s: NDArray[np.float64], size: ChartSize) -> None:
    first, last = float(time_s[0]), float(time_s[-1])
    span = max(last - first, 1.0)
    axes.set_xlim(first - 0.02 * span, last + 0.02 * span)
    step = next((t for t in TICKS_S if span / t <= size.ticks), TICKS_S[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: format_time(at)))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("time (h:min:s)" if last >= 3600 else "time (min:s)", color=COLOURS["muted"])
    axes.set_title(label, loc="left", fontsize=13, fontweight="bold", color=COLOURS["ink"], pad=26)
    axes.tick_params(colors=COLOURS["muted"], length=0)
    axes.grid(axis="y", color=COLOURS["grid"], linewidth=1)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    axes.figure.patch.set_visible(False)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(COLOURS["grid"])


def _limits(value: NDArray[np.float64], parts: list[Part], threshold: float) -> tuple[float, float]:
    low, high = (float(v) for v in np.percentile(value, SHOWN_PERCENTILES))
    means = [part.mean for part in parts if part.mean is not None]
    low, high = min([low, *means]), max([high, *means])
    middle, half = (low + high) / 2, max(high - low, LEAST_SPAN * threshold) * 0.55
    return middle - half, middle + half


def _draw_part(axes: Axes, part: Part, name: str, side: str, unit: str, decimals: int) -> None:
    if part.mean is None or part.to_s <= part.from_s:
        return
    colour = COLOURS[name]
    axes.axvspan(part.from_s, part.to_s, color=colour, alpha=0.10, linewidth=0)
    axes.hlines(part.mean, part.from_s, part.to_s, color=colour, linewidth=2.5, zorder=4)
    unit = unit if unit == "°" else ""
    axes.annotate(
        f"{name}: {part.mean:z.{decimals}f}{unit}",
        (part.from_s if side == "left" else part.to_s, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 6),
        textcoords="offset points",
        ha=side,
        va="bottom",
        color=colour,
        fontweight="bold",
    )


def _draw_dots(axes: Axes, time_s: NDArray[np.float64], value: NDArray[np.float64]) -> None:
    """One path for all dots: a line of no length with round ends each, a tenth of the bytes."""
    shown = slice(None, None, stride_step(len(time_s)))
    low, high = axes.get_ylim()
    inside = (value[shown] > low) & (value[shown] < high)
    at = np.stack([time_s[shown], value[shown]], axis=1)[inside]
    path = Path(np.repeat(at, 2, axis=0), [Path.MOVETO, Path.LINETO] * len(at))
    path.should_simplify = False
    size, strength = next((s, a) for most, s, a in DOT_LOOKS if len(at) <= most)
    axes.add_patch(
        PathPatch(
            path,
            facecolor="none",
            edgecolor=COLOURS["dot"],
            linewidth=size,
            capstyle="round",
            alpha=strength,
        )
    )


def _draw_median(
    axes: Axes, time_s: NDArray[np.float64], value: NDArray[np.float64], stride_s: float
) -> None:
    if len(value) < FEWEST_FOR_MEDIAN:
        return
    window = min(MEDIAN_STRIDES, len(value) // 4 * 2 + 1)
    median = median_filter(value, window, mode="nearest")
    thinned = max(1, len(value) // MAX_LINE_POINTS)
    time_s, median = time_s[::thinned], median[::thinned]
    # no line across a stretch in which nothing was seen
    gaps = np.flatnonzero(np.diff(time_s) > max(window, 2 * thinned) * stride_s) + 1
    axes.plot(
        np.insert(time_s, gaps, np.nan),
        np.insert(median, gaps, np.nan),
        color=COLOURS["line"],
        linewidth=2.0,
        solid_joinstyle="round",
    )


def _draw_onset(axes: Axes, onset: Estimate, *, is_short: bool) -> None:
    colour = COLOURS["onset"]
    axes.axvspan(*onset.ci95, ymax=0.06, color=colour, alpha=0.35, linewidth=0)
    axes.axvline(onset.value, color=colour, linewidth=1.5, linestyle=(0, (4, 3)))
    label = f"from {format_time(onset.value)}"
    if not is_short:
        low, high = (format_time(at) for at in onset.ci95)
        label = f"change {label} ({low} to {high})"
    is_early = onset.value < sum(axes.get_xlim()) / 2
    axes.annotate(
        label,
        (onset.value, 0),
        xycoords=("data", "axes fraction"),
        xytext=(6 if is_early else -6, 14),
        textcoords="offset points",
        ha="left" if is_early else "right",
        color=colour,
    )


def as_element(svg: str, prefix: str) -> str:
    """Keep the drawing alone: no prolog, no metadata, no addresses, page colours, own ids."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)  # known to a page without being told
    svg = svg.replace("xlink:href=", "href=")
    svg = re.sub(r"(\d\.\d)\d+", r"\1", svg)  # a tenth of a point is fine enough
    svg = re.sub(r"M (\S+ \S+) *\nL \1 *\n?", r"M\1h0", svg)  # the dots
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
    for role, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{role})")
    return svg.strip()
