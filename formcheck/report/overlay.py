"""overlay.mp4: the video with skeleton, lean, the numbers of the stride and a running chart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from formcheck.metrics import REGISTRY
from formcheck.report.canvas import Canvas, Layer
from formcheck.report.charts import charted_metrics
from formcheck.report.drawing import find_pose, paint_pose
from formcheck.report.lettering import MUTED, ONSET, Cell, write_table
from formcheck.report.running_chart import RunningChart
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
        duration_s=analysis.video.duration_s,
        progress=progress,
    )


class Overlay:
    """What is drawn on the frames of one video."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._clock = analysis.series.video_time_s
        self._near_s = NEAR_SHARE * float(np.median(np.diff(self._clock)))
        known = [c for c in charted_metrics(analysis) if analysis.metrics[c].mean is not None]
        self._lean = (
            "trunk_lean_deg" if analysis.capture.view == "side" else "lateral_trunk_lean_deg"
        )
        self._shown = [*known, "cadence_spm"]
        self._chart: RunningChart | None = None
        self._numbers: tuple[list[list[Cell]], Layer] | None = None
        hips = analysis.series.keypoints.middle("hip")[:, 0]
        self._is_plate_left = bool(np.nanmedian(hips) > analysis.video.width / 2)

    def draw(self, sheet: Sheet) -> None:
        """Draw on one frame; those in parts that were not watched get no skeleton."""
        canvas = Canvas(sheet.picture)
        now_s = sheet.time_s / self._analysis.capture.slow_motion_factor
        stride = self._stride_at(now_s)
        self._paint_chart(canvas, now_s)
        frame, far_s = self._frame_at(sheet.time_s)
        if far_s <= self._near_s:
            pose = find_pose(self._analysis, frame, scale=sheet.scale)
            paint_pose(canvas, pose, self._value(self._lean, stride))
        is_watched = self._analysis.video.sampling is None or far_s <= LONGEST_BRIDGE_S
        self._paint_numbers(canvas, self._rows(now_s, stride, is_watched=is_watched))

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
        column = self._lean
        if np.isfinite(self._analysis.series.values[column]).sum() < 2:
            return
        if self._chart is None:
            text = max(MIN_CHART_TEXT_PX, round(_short_side(canvas) * CHART_TEXT_SHARE))
            # across a portrait picture; in a landscape one beside the runner's feet
            share = 1.0 if canvas.width <= canvas.height else CHART_SHARE
            self._chart = RunningChart(self._analysis, column, round(canvas.width * share), text)
        self._chart.paint(canvas, now_s, to_right=not self._is_plate_left)

    def _rows(self, now_s: float, stride: int | None, *, is_watched: bool) -> list[list[Cell]]:
        rows = [[Cell(format_time(int(now_s)), bold=True), Cell("now", MUTED), Cell("", MUTED)]]
        if not is_watched:
            rows.append([Cell("not watched here", MUTED)])
            return rows
        is_past_baseline = False
        for column in self._shown:
            metric, baseline = REGISTRY[column], self._analysis.metrics[column].baseline
            value = self._value(column, stride)
            digits, unit = (metric.decimals, "°") if metric.unit == "°" else (0, "")
            shown = "–" if value is None else f"{value:z.{digits}f}{unit}"
            change = ""
            if baseline.mean is not None and now_s > baseline.to_s:
                is_past_baseline = True
                change = "–" if value is None else f"{value - baseline.mean:+z.{digits}f}{unit}"
            name = metric.label if unit else metric.unit.capitalize()
            rows.append([Cell(name), Cell(shown, bold=True), Cell(change)])
        if is_past_baseline:
            rows[0][2] = Cell("change", MUTED)
        onset_s = self._analysis.verdict.onset_s
        if onset_s is not None and now_s >= onset_s:
            is_here = (now_s - onset_s) * self._analysis.capture.slow_motion_factor < HERE_S
            where = "here" if is_here else f"at {format_time(onset_s)}"
            rows.append([Cell(f"Posture gave way {where}", ONSET, bold=is_here)])
        return rows

    def _paint_numbers(self, canvas: Canvas, rows: list[list[Cell]]) -> None:
        if self._numbers is None or self._numbers[0] != rows:
            text = max(MIN_TEXT_PX, round(_short_side(canvas) * TEXT_SHARE))
            self._numbers = rows, write_table(rows, text, least=WIDEST)
        plate, margin = self._numbers[1], MARGIN_SHARE * _short_side(canvas)
        right = canvas.width - plate.size[0] - margin
        canvas.lay(plate, (margin if self._is_plate_left else right, margin))


def _short_side(canvas: Canvas) -> int:
    return min(canvas.width, canvas.height)
