"""overlay.mp4: the video with skeleton, lean, the numbers of the stride and a running chart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from formcheck.metrics import REGISTRY
from formcheck.report.canvas import Canvas, Layer
from formcheck.report.charts import charted_metrics
from formcheck.report.drawing import find_pose, paint_pose
from formcheck.report.lettering import MUTED, ONSET, Cell, write_table
from formcheck.report.running_chart import HEIGHT, LEAST_WIDTH, RunningChart
from formcheck.result import Analysis
from formcheck.signals.clock import LONGEST_BRIDGE_S
from formcheck.verdict import format_time
from formcheck.video.overlay import Sheet, write_overlay

# Of the interval between watched frames: within it a frame without a pose of its own, one of those
# left out where there are more than needed, is drawn with one between its neighbours'.
NEAR_SHARE = 0.6
TEXT_SHARE, CHART_TEXT_SHARE = 1 / 26, 1 / 36  # of the picture's shorter side
MIN_TEXT_PX, MIN_CHART_TEXT_PX = 11, 9
MARGIN_SHARE = 1 / 50
CHART_SHARE = 0.4  # of the width of a landscape picture
HERE_S = 5.0  # how long the onset is called "here", on the video's clock
WIDEST = ("", "-00.0°", "+00.0°")  # so that the plate keeps its width


def draw_overlay(
    analysis: Analysis, target: Path, progress: Callable[[float], None] | None = None
) -> None:
    """Write the video of an analysis with what was found drawn on it; see `write_overlay`.

    Raises
    ------
    VideoError
        The video can't be read again.
    OSError
        The target can't be written.
    """
    write_overlay(
        Path(analysis.video.path),
        target,
        Overlay(analysis).draw,
        fps=analysis.video.fps,
        duration_s=analysis.video.duration_s,
        progress=progress,
    )


class Overlay:
    """What is drawn on the frames of one video."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._clock = analysis.series.video_time_s
        self._near_s = NEAR_SHARE * float(np.median(np.diff(self._clock)))
        self._lean = analysis.capture.lean_column
        self._shown = charted_metrics(analysis)
        self._charts: dict[tuple[int, int], RunningChart | None] = {}  # by size of the picture
        self._numbers: tuple[list[list[Cell]], Layer] | None = None
        hips = analysis.series.keypoints.middle("hip")[:, 0]
        self._is_plate_left = bool(np.nanmedian(hips) > analysis.video.width / 2)

    def draw(self, sheet: Sheet) -> None:
        """Draw on one frame; those in parts that were not watched get no skeleton."""
        canvas = Canvas(sheet.picture)
        self._paint_chart(canvas, self._real(sheet.time_s))
        frame, far_s = self._frame_at(sheet.time_s)
        if far_s <= self._near_s:
            pose = find_pose(self._analysis, frame, scale=sheet.scale)
            stride = self._stride_at(self._real(sheet.time_s))
            paint_pose(canvas, pose, self._value(self._lean, stride))
        self._paint_numbers(canvas, self.tell(sheet.time_s))

    def tell(self, time_s: float) -> list[list[Cell]]:
        """Return the rows of words and numbers for a moment of the video's own clock.

        The numbers are those of the stride that goes on; beside them, once the early part is over,
        how far they are from its mean.
        """
        now_s = self._real(time_s)
        head = [Cell(format_time(int(now_s)), bold=True), Cell("now", MUTED)]
        _, far_s = self._frame_at(time_s)
        if self._analysis.video.sampling is not None and far_s > LONGEST_BRIDGE_S:
            return [head[:1], [Cell("not watched here", MUTED)]]
        rows = [self._number(column, now_s) for column in self._shown]
        if any(len(row) > 2 for row in rows):
            head.append(Cell("change", MUTED))
        return [head, *rows, *self._onset(now_s)]

    def _number(self, column: str, now_s: float) -> list[Cell]:
        metric, facts = REGISTRY[column], self._analysis.metrics[column]
        digits, unit = (metric.decimals, "°") if metric.unit == "°" else (0, "")
        value = self._value(column, self._stride_at(now_s))
        name = metric.label if unit else metric.unit.capitalize()
        row = [Cell(name), Cell("–" if value is None else f"{value:z.{digits}f}{unit}", bold=True)]
        early = facts.baseline.mean if facts.is_compared else None
        if early is not None and now_s > facts.baseline.to_s:
            change = None if value is None else value - early
            row.append(Cell("–" if change is None else f"{change:+z.{digits}f}{unit}"))
        return row

    def _onset(self, now_s: float) -> list[list[Cell]]:
        onset_s = self._analysis.verdict.onset_s
        if onset_s is None or now_s < onset_s:
            return []
        is_here = (now_s - onset_s) * self._analysis.capture.slow_motion_factor < HERE_S
        where = "here" if is_here else f"at {format_time(onset_s)}"
        return [[Cell(f"Posture gave way {where}", ONSET, bold=is_here)]]

    def _real(self, time_s: float) -> float:
        return time_s / self._analysis.capture.slow_motion_factor

    def _frame_at(self, time_s: float) -> tuple[float, float]:
        """Return where among the watched frames a time lies, and how far from the nearest."""
        after = int(np.clip(np.searchsorted(self._clock, time_s), 1, len(self._clock) - 1))
        around = self._clock[after - 1 : after + 1]
        share = float(np.interp(time_s, around, (0.0, 1.0)))
        return after - 1 + share, float(np.abs(around - time_s).min())

    def _stride_at(self, now_s: float) -> int | None:
        """Return the stride of a moment; the one before where none goes on, for as long again."""
        strides = self._analysis.series.strides
        stride = int(np.searchsorted(strides.start_s, now_s, side="right")) - 1
        if stride < 0 or now_s > strides.end_s[stride] + strides.duration_s[stride]:
            return None
        return stride

    def _value(self, column: str, stride: int | None) -> float | None:
        if stride is None or not np.isfinite(self._analysis.series.values[column][stride]):
            return None
        return float(self._analysis.series.values[column][stride])

    def _paint_chart(self, canvas: Canvas, now_s: float) -> None:
        size = canvas.width, canvas.height
        if size not in self._charts:
            self._charts[size] = self._make_chart(*size)
        chart = self._charts[size]
        if chart is not None:
            chart.paint(canvas, now_s, to_right=not self._is_plate_left)

    def _make_chart(self, width: int, height: int) -> RunningChart | None:
        """Across a portrait picture, in a landscape one beside the feet; None without room."""
        if not np.isfinite(self._analysis.series.values[self._lean]).any():
            return None
        text = max(MIN_CHART_TEXT_PX, round(min(width, height) * CHART_TEXT_SHARE))
        width = round(width * (CHART_SHARE if width > height else 1.0))
        if width < LEAST_WIDTH * text or HEIGHT * text > height / 2:
            return None
        return RunningChart(self._analysis, self._lean, width, text)

    def _paint_numbers(self, canvas: Canvas, rows: list[list[Cell]]) -> None:
        if self._numbers is None or self._numbers[0] != rows:
            text = max(MIN_TEXT_PX, round(_short_side(canvas) * TEXT_SHARE))
            self._numbers = rows, write_table(rows, text, least=WIDEST)
        plate, margin = self._numbers[1], MARGIN_SHARE * _short_side(canvas)
        right = canvas.width - plate.size[0] - margin
        canvas.lay(plate, (margin if self._is_plate_left else right, margin))


def _short_side(canvas: Canvas) -> int:
    return min(canvas.width, canvas.height)
