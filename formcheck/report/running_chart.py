"""A small chart of one metric over the whole run, on which the present moves along."""

import io

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from formcheck.metrics import REGISTRY
from formcheck.report.canvas import Canvas, Layer
from formcheck.report.charts import known_strides, running_course
from formcheck.report.lettering import EARLY, INK, LATE, MUTED, ONSET, PLATE
from formcheck.report.palette import Colour
from formcheck.result import Analysis, MetricFacts
from formcheck.verdict import format_time

LINE: Colour = (255, 176, 64)
# In heights of its text.
LEAST_WIDTH = 12
HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 7.8, 1.8, 1.7, 2.4, 1.0
PALE, STRONG = 0.35, 1.0  # what is to come, what has passed
LEAST_SPAN = 3.0  # thresholds: so that a steady run looks steady
ROOM_FOR_LABELS = 24  # heights of text: a narrower chart has no words on it


class RunningChart:
    """Drawn twice, pale and strong, when it is made; at each moment the two are put together.

    Parameters
    ----------
    analysis : Analysis
    column : str
        The metric; some strides must know it.
    width_px, text_px : int
        Of the whole chart, and the height of its text.
    """

    def __init__(self, analysis: Analysis, column: str, width_px: int, text_px: int) -> None:
        self._text_px = text_px
        self._width, self._height = width_px // 2 * 2, round(HEIGHT * text_px) // 2 * 2
        self._course = running_course(analysis, column) or known_strides(analysis, column)
        last_s = float(analysis.series.keypoints.time_s[-1])
        self._time = (0.0, max(last_s, float(self._course[0][-1])))
        self._value = _limits(self._course[1], column)
        self._pale, self._strong = (
            self._draw(analysis, column, strength) for strength in (PALE, STRONG)
        )

    def paint(self, canvas: Canvas, now_s: float, *, to_right: bool) -> None:
        """Lay the chart into a lower corner of a canvas, as it is at a moment of real time."""
        corner = np.array([canvas.width - self._width if to_right else 0, canvas.height])
        corner = (corner - [0, self._height]) // 2 * 2
        (x, now), low, high = (
            self._place(now_s, value)
            for value in (float(np.interp(now_s, *self._course)), *self._value)
        )
        passed = round(x) // 2 * 2
        canvas.lay(self._strong, corner, columns=slice(0, passed))
        canvas.lay(self._pale, corner, columns=slice(passed, None))
        canvas.lines(corner + np.array([[low, high]]), INK, max(1, self._text_px // 8))
        canvas.dots(corner + np.array([[x, now]]), LINE, self._text_px // 3)

    def _place(self, time_s: float, value: float) -> tuple[float, float]:
        """Pixel of the chart at which a time and a value lie."""
        across, up = (
            np.clip((at - low) / (high - low), 0, 1)
            for at, (low, high) in ((time_s, self._time), (value, self._value))
        )
        left, width = LEFT * self._text_px, self._width - (LEFT + RIGHT) * self._text_px
        height = self._height - (TOP + BOTTOM) * self._text_px
        return left + across * width, TOP * self._text_px + (1 - up) * height

    def _draw(self, analysis: Analysis, column: str, strength: float) -> Layer:
        px, facts = self._text_px, analysis.metrics[column]
        width, height = self._width, self._height
        with mpl.rc_context({"font.family": ["sans-serif"], "font.size": px}):
            # a point is a pixel; a hundredth more, so that none is lost in rounding
            figure = Figure(figsize=((width + 0.01) / 72, (height + 0.01) / 72), dpi=72)
            figure.set_facecolor(_shade(PLATE))
            axes = figure.add_axes((
                LEFT * px / width,
                BOTTOM * px / height,
                1 - (LEFT + RIGHT) * px / width,
                1 - (TOP + BOTTOM) * px / height,
            ))  # fmt: skip
            _style(axes, self._time, self._value, px)
            figure.text(
                0.5 * px / width, 1 - 0.4 * px / height, _title(column), va="top", color=_shade(INK)
            )
            has_room = width > ROOM_FOR_LABELS * px
            if facts.is_compared:
                _draw_parts(axes, facts, strength, has_room=has_room)
            _draw_onset(axes, analysis, strength, has_room=has_room)
            axes.plot(*self._course, color=_shade(LINE, strength), linewidth=px / 6)
            pixels = io.BytesIO()
            figure.savefig(pixels, format="rgba", dpi=72)
        rgba = np.frombuffer(pixels.getvalue(), dtype=np.uint8)
        return Layer(rgba.reshape(height, width, 4))


def _limits(value: NDArray[np.float64], column: str) -> tuple[float, float]:
    low, high = float(np.nanmin(value)), float(np.nanmax(value))
    span = max(high - low, LEAST_SPAN * (REGISTRY[column].threshold or 1.0))
    middle = (low + high) / 2
    return middle - 0.6 * span, middle + 0.6 * span


def _title(column: str) -> str:
    metric = REGISTRY[column]
    return f"{metric.label} over the run, {metric.unit}"


def _style(
    axes: Axes, time_s: tuple[float, float], value: tuple[float, float], text_px: int
) -> None:
    axes.set_xlim(*time_s)
    axes.set_ylim(*value)
    axes.set_facecolor("none")
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.set_xticks(time_s, [format_time(at) for at in time_s])
    start, end = axes.get_xticklabels()
    start.set_horizontalalignment("left")
    end.set_horizontalalignment("right")
    axes.tick_params(colors=_shade(MUTED), length=0, pad=text_px / 4, labelsize=0.9 * text_px)
    axes.grid(axis="y", color=_shade(MUTED, 0.25), linewidth=1)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_parts(axes: Axes, facts: MetricFacts, strength: float, *, has_room: bool) -> None:
    for name, part, colour, side in (
        ("early", facts.baseline, EARLY, "left"),
        ("late", facts.late, LATE, "right"),
    ):
        if part.mean is None or part.to_s <= part.from_s:
            continue
        axes.axvspan(part.from_s, part.to_s, color=_shade(colour, 0.3 * strength), linewidth=0)
        axes.hlines(part.mean, part.from_s, part.to_s, color=_shade(colour, strength), linewidth=2)
        if has_room:
            axes.annotate(
                name,
                (part.from_s if side == "left" else part.to_s, 1),
                xycoords=("data", "axes fraction"),
                xytext=(4 if side == "left" else -4, -2),
                textcoords="offset points",
                ha=side,
                va="top",
                color=_shade(colour),
            )


def _draw_onset(axes: Axes, analysis: Analysis, strength: float, *, has_room: bool) -> None:
    at_s = analysis.verdict.onset_s
    if at_s is None:
        return
    axes.axvline(at_s, color=_shade(ONSET, strength), linewidth=2, linestyle=(0, (3, 2)))
    if has_room:  # below, between the ends of the run
        start, end = axes.get_xlim()
        share = float(np.clip((at_s - start) / (end - start), 0.3, 0.7))
        axes.annotate(
            f"posture gave way {format_time(at_s)}",
            (share, 0),
            xycoords="axes fraction",
            xytext=(0, -0.25 * mpl.rcParams["font.size"]),
            textcoords="offset points",
            ha="center",
            va="top",
            color=_shade(ONSET),
        )


def _shade(colour: Colour, strength: float = 1.0) -> tuple[float, float, float, float]:
    red, green, blue = (channel / 255 for channel in colour)
    return red, green, blue, strength
