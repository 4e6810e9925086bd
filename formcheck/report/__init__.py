"""What people and programs get to see of an analysis."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from formcheck.report.drawing import draw_pose, find_pose
from formcheck.report.files import write_frames, write_json, write_strides, write_text, write_whole
from formcheck.report.html import render_html
from formcheck.result import Analysis
from formcheck.video.frame import Frame
from formcheck.video.overlay import write_overlay


def write_report(
    analysis: Analysis,
    folder: Path,
    *,
    overlay: bool = False,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write all files of the contract into a folder; report.json, which says it's done, last.

    Parameters
    ----------
    analysis : Analysis
    folder : Path
        Made if it isn't there.
    overlay : bool
        Also write overlay.mp4, which takes a second pass over the video.
    progress : callable, optional
        Told the share of the overlay done, 0 to 1.

    Raises
    ------
    OutputError
        The folder can't be written.
    VideoError
        The overlay is wanted and the video can't be read again.
    """
    write_frames(analysis, folder / "frames.parquet")
    write_strides(analysis, folder / "strides.parquet")
    if overlay:
        write_whole(
            folder / "overlay.mp4", lambda partial: _draw_video(analysis, partial, progress)
        )
    write_text(render_html(analysis), folder / "report.html")
    write_json(analysis, folder / "report.json")


def _draw_video(analysis: Analysis, target: Path, progress: Callable[[float], None] | None) -> None:
    clock = analysis.series.video_time_s
    half_interval = float(np.median(np.diff(clock))) / 2

    def draw(frame: Frame) -> NDArray[np.uint8]:
        index = int(np.abs(clock - frame.time_s).argmin())
        if abs(clock[index] - frame.time_s) > half_interval:
            return frame.rgb
        return draw_pose(frame.rgb, find_pose(analysis, index, scale=frame.scale))

    write_overlay(
        Path(analysis.video.path),
        target,
        draw,
        duration_s=analysis.video.duration_s,
        progress=progress,
    )
