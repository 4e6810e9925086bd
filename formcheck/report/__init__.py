"""What people and programs get to see of an analysis."""

from collections.abc import Callable
from pathlib import Path

from formcheck.errors import FormcheckError
from formcheck.report.files import (
    remove,
    write_frames,
    write_json,
    write_strides,
    write_text,
    write_whole,
)
from formcheck.report.html import render_html
from formcheck.report.overlay import draw_overlay
from formcheck.result import Analysis


def write_report(
    analysis: Analysis,
    folder: Path,
    *,
    overlay: bool = False,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write all files of the contract into a folder.

    report.json says that the result is whole: an older one goes first, the new one comes last. An
    overlay that can't be made costs nothing else.

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
    remove(folder / "report.json")
    write_frames(analysis, folder / "frames.parquet")
    write_strides(analysis, folder / "strides.parquet")
    write_text(render_html(analysis), folder / "report.html")
    try:
        if overlay:
            write_whole(
                folder / "overlay.mp4", lambda partial: draw_overlay(analysis, partial, progress)
            )
    except FormcheckError:
        write_json(analysis, folder / "report.json")
        raise
    write_json(analysis, folder / "report.json")
