"""Write an analysis to files, each whole or not at all."""

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from formcheck.errors import DiskFullError, OutputError
from formcheck.keypoints import KEYPOINTS
from formcheck.result import Analysis

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place at once.

    Raises
    ------
    OutputError
        The place can't be written; nothing is left behind.
    """
    partial = path.with_name(f".{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file, if it is there; OutputError where that can't be done."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Say in the words of formcheck what the system says of a file or folder."""
    kind = DiskFullError if error.errno in DISK_FULL else OutputError
    return kind(
        f"'{path}' can't be written ({error.strerror or error}); "
        "name another folder with --out, or make room"
    )


def to_json(analysis: Analysis) -> str:
    """Return report.json as text, ending in a newline."""
    return json.dumps(analysis.to_report(), indent=2, allow_nan=False) + "\n"


def write_json(analysis: Analysis, path: Path) -> None:
    """Write report.json."""
    write_whole(path, lambda partial: _write_text(partial, to_json(analysis)))


def write_text(text: str, path: Path) -> None:
    """Write any text file, UTF-8."""
    write_whole(path, lambda partial: _write_text(partial, text))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file."""

    def write(partial: Path) -> None:
        with partial.open("wb") as file:  # by its name, Arrow can't open one that is no text
            pq.write_table(table, file)

    write_whole(path, write)


def write_frames(analysis: Analysis, path: Path) -> None:
    """Write frames.parquet: `tabulate_frames`."""
    write_table(tabulate_frames(analysis), path)


def write_strides(analysis: Analysis, path: Path) -> None:
    """Write strides.parquet: `tabulate_strides`."""
    write_table(tabulate_strides(analysis), path)


def tabulate_frames(analysis: Analysis) -> pa.Table:
    """Return the table of frames, one a row.

    Columns: `time_s` (real seconds), `video_time_s` (the container's), `<point>_x`, `<point>_y`
    (source pixels, clean, y down), `<point>_confidence` (0 to 1), the angles of `FrameAngles`,
    `legs_swapped`, `arms_swapped`, ... (left and right were exchanged back), and `camera_roll_deg`
    (turn of the picture about its centre that was taken out, + = clockwise). Unknown is null.
    """
    series = analysis.series
    keypoints = series.keypoints
    columns: dict[str, pa.Array] = {
        "time_s": pa.array(keypoints.time_s),
        "video_time_s": pa.array(series.video_time_s),
    }
    for i, name in enumerate(KEYPOINTS):
        columns[f"{name}_x"] = _column(keypoints.position[:, i, 0])
        columns[f"{name}_y"] = _column(keypoints.position[:, i, 1])
        columns[f"{name}_confidence"] = _column(keypoints.confidence[:, i])
    for name, values in vars(series.angles).items():
        columns[name] = _column(values)
    for limb, swapped in series.swapped.items():
        columns[f"{limb}_swapped"] = pa.array(swapped)
    columns["camera_roll_deg"] = _column(series.camera_roll_deg)
    return pa.table(columns)


def tabulate_strides(analysis: Analysis) -> pa.Table:
    """Return the table of strides, one a row, times in real seconds, metrics by column name.

    `slouch_deg` is counted from the baseline mean, as in report.json. Unknown is null.
    """
    series = analysis.series
    strides = series.strides
    columns = {
        "start_s": pa.array(strides.start_s),
        "end_s": pa.array(strides.end_s),
        "initial_contact_s": _column(strides.contact_s),
        "toe_off_s": _column(strides.toe_off_s),
        "belt_speed_legs_per_s": _column(strides.belt_speed),
        "belt_grade_pct": _column(strides.belt_grade_pct),
    } | {name: _column(values) for name, values in series.values.items()}
    return pa.table(columns)


def _column(values: np.ndarray) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")
