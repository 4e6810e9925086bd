"""The time course of a metric as SVG: strides, running median, early and late part, onset."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from formcheck.drift import Estimate, Part
from formcheck.metrics import REGISTRY
from formcheck.report.mean_stride import MeanStride
from formcheck.report.svg import COLOURS, draw_svg, style_axes
from formcheck.result import Analysis
from formcheck.signals.cycles import PHASES
from formcheck.verdict import format_time

MARGINS_IN = (0.55, 0.55, 0.15, 0.65)  # left, bottom, right, top: the same, so charts line up
TITLE_PAD = 26  # points: the parts' labels stand between title and chart
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
SIZE_IN = (9.0, 3.2)  # 72 units to the inch
CURVE_SIZE_IN = (4.4, 2.9)
MOST_TICKS = 9


def charted_metrics(analysis: Analysis) -> list[str]:
    """Columns worth a chart: those the verdict rests on, or what this view offers; and cadence."""
    measured = [c for c, facts in analysis.metrics.items() if facts.mean is not None]
    posture = [c for c in measured if REGISTRY[c].is_posture]
    posture = posture or [c for c in measured if REGISTRY[c].threshold is not None][:2]
    return [*posture, *(c for c in measured if c == "cadence_spm")]


def draw_chart(analysis: Analysis, column: str) -> str:
    """Return one metric's time course as an SVG element, its text as text.

    Notes
    -----
    Strides beyond the middle 99 % may lie outside the picture; of a long run, every second, third
    ... stride is a dot (`stride_step`), the running median rests on all.
    """
    facts, metric = analysis.metrics[column], REGISTRY[column]
    time_s, value = known_strides(analysis, column)

    def draw(axes: Axes) -> None:
        style_axes(axes, f"{metric.label} ({metric.unit})", pad=TITLE_PAD)
        _style_time(axes, time_s)
        low, high = shown_range(analysis, column)
        # the onset's label and interval have a strip of their own below the strides
        strip = ONSET_STRIP * (high - low) if facts.onset_s is not None else 0.0
        axes.set_ylim(low - strip, high)
        if facts.is_compared:
            _draw_part(axes, facts.baseline, "early", "left", metric.unit, metric.decimals)
            _draw_part(axes, facts.late, "late", "right", metric.unit, metric.decimals)
        _draw_dots(axes, time_s, value)
        if (course := running_course(analysis, column)) is not None:
            axes.plot(*course, color=COLOURS["line"], linewidth=2.0, solid_joinstyle="round")
        if facts.onset_s is not None:
            _draw_onset(axes, facts.onset_s)
        if facts.change.ci95 is not None and facts.baseline.mean is not None:
            at = (facts.late.from_s + facts.late.to_s) / 2
            low, high = (facts.baseline.mean + bound for bound in facts.change.ci95)
            middle, half = (low + high) / 2, (high - low) / 2
            axes.errorbar(at, middle, half, fmt="none", ecolor=COLOURS["late"], capsize=4)

    return draw_svg(column, SIZE_IN, draw, margins_in=MARGINS_IN)


def draw_curve(angle: str, label: str, strides: list[MeanStride]) -> str:
    """Return an angle over the mean stride of each part as an SVG element, with bands of one SD."""

    def draw(axes: Axes) -> None:
        style_axes(axes, f"{label} (°)", pad=TITLE_PAD)
        phase = np.arange(PHASES)
        for mean in strides:
            colour = COLOURS["line" if mean.part == "all" else mean.part]
            low, high = mean.mean[angle] - mean.sd[angle], mean.mean[angle] + mean.sd[angle]
            axes.fill_between(phase, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(phase, mean.mean[angle], color=colour, linewidth=2.2)
            if np.isfinite(mean.toe_off_pct):
                axes.axvline(mean.toe_off_pct, color=colour, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.set_xlim(0, PHASES - 1)
        axes.xaxis.set_major_locator(MultipleLocator(25))
        axes.set_xlabel("% of the stride", color=COLOURS["muted"])

    return draw_svg(f"curve-{angle}", CURVE_SIZE_IN, draw, margins_in=MARGINS_IN)


def stride_step(strides: int) -> int:
    """Every how many strides one is drawn as a dot."""
    return max(1, -(-strides // MAX_DOTS))


def known_strides(
    analysis: Analysis, column: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and values of the strides in which a metric is known, shape (stride,) each."""
    value = analysis.series.values[column]
    known = np.isfinite(value)
    return analysis.series.strides.middle_s[known], value[known]


def _style_time(axes: Axes, time_s: NDArray[np.float64]) -> None:
    first, last = float(time_s[0]), float(time_s[-1])
    span = max(last - first, 1.0)
    axes.set_xlim(first - 0.02 * span, last + 0.02 * span)
    step = next((t for t in TICKS_S if span / t <= MOST_TICKS), TICKS_S[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: format_time(at)))
    axes.set_xlabel("time (h:min:s)" if last >= 3600 else "time (min:s)", color=COLOURS["muted"])


def shown_range(analysis: Analysis, column: str) -> tuple[float, float]:
    """Lowest and highest value that a metric's chart shows, in its unit."""
    facts, (_, value) = analysis.metrics[column], known_strides(analysis, column)
    low, high = (float(v) for v in np.percentile(value, SHOWN_PERCENTILES))
    means = [part.mean for part in (facts.baseline, facts.late) if part.mean is not None]
    low, high = min([low, *means]), max([high, *means])
    least = LEAST_SPAN * (REGISTRY[column].threshold or 1.0)
    middle, half = (low + high) / 2, max(high - low, least) * 0.55
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
    axes.add_artist(  # the axes' limits are set, and to find them among all dots takes long
        PathPatch(
            path,
            facecolor="none",
            edgecolor=COLOURS["dot"],
            linewidth=size,
            capstyle="round",
            alpha=strength,
        )
    )


def running_course(
    analysis: Analysis, column: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return times and running median of a metric; NaN breaks the line. None for few strides."""
    time_s, value = known_strides(analysis, column)
    if len(value) < FEWEST_FOR_MEDIAN:
        return None
    window = min(MEDIAN_STRIDES, len(value) // 4 * 2 + 1)
    median = median_filter(value, window, mode="nearest")
    thinned = max(1, len(value) // MAX_LINE_POINTS)
    time_s, median = time_s[::thinned], median[::thinned]
    # no line across a stretch in which nothing was seen
    longest_s = max(window, 2 * thinned) * analysis.gait.stride_time_s
    gaps = np.flatnonzero(np.diff(time_s) > longest_s) + 1
    return np.insert(time_s, gaps, np.nan), np.insert(median, gaps, np.nan)


def _draw_onset(axes: Axes, onset: Estimate) -> None:
    colour = COLOURS["onset"]
    axes.axvspan(*onset.ci95, ymax=0.06, color=colour, alpha=0.35, linewidth=0)
    axes.axvline(onset.value, color=colour, linewidth=1.5, linestyle=(0, (4, 3)))
    low, high = (format_time(at) for at in onset.ci95)
    label = f"change from {format_time(onset.value)} ({low} to {high})"
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
