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

# Of the interval between watched frames: within it a frame without a pose of its own, one of those
# left out where there are more than needed, is drawn with one between its neighbours'.
NEAR_SHARE = 0.6


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
    near_s = NEAR_SHARE * float(np.median(np.diff(clock)))

    def draw(frame: Frame) -> NDArray[np.uint8]:
        if np.abs(clock - frame.time_s).min() > near_s:
            return frame.rgb  # was not watched, nor were its neighbours
        at = float(np.interp(frame.time_s, clock, np.arange(len(clock))))
        return draw_pose(frame.rgb, find_pose(analysis, at, scale=frame.scale))

    write_overlay(
        Path(analysis.video.path),
        target,
        draw,
        duration_s=analysis.video.duration_s,
        progress=progress,
    )
