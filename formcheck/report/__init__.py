"""What people and programs get to see of an analysis."""

from collections.abc import Callable
from pathlib import Path

from formcheck.report.files import write_frames, write_json, write_strides
from formcheck.result import Analysis


def write_report(
    analysis: Analysis,
    folder: Path,
    *,
    overlay: bool = False,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write all files of the contract into a folder; report.json, which says it's done, last.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    write_frames(analysis, folder / "frames.parquet")
    write_strides(analysis, folder / "strides.parquet")
    write_json(analysis, folder / "report.json")
