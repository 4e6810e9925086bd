"""Markers as a TRC file, for OpenSim."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from formcheck.export.markers import Markers, make_markers
from formcheck.export.table import column, write_rows
from formcheck.keypoints import KEYPOINTS
from formcheck.names import one_line
from formcheck.report.files import write_whole
from formcheck.result import Analysis

TIME_DECIMALS = 6
MM_DECIMALS = 3


def write_trc(analysis: Analysis, path: Path) -> None:
    """Write markers in millimetres, OpenSim's axes, on an even clock; unknown is blank.

    Raises
    ------
    ExportError
        The runner's height is not known.
    OutputError
        The place can't be written.
    """
    markers = make_markers(analysis)
    head = _make_head(markers, one_line(path.name))
    rows = _make_rows(markers)
    write_whole(path, lambda partial: write_rows(rows, partial, head=head, delimiter="\t"))


def _make_head(markers: Markers, name: str) -> str:
    rate, count, first = f"{markers.rate_hz:.2f}", len(markers.tick), int(markers.tick[0]) + 1
    facts = {
        "DataRate": rate,
        "CameraRate": rate,
        "NumFrames": count,
        "NumMarkers": len(KEYPOINTS),
        "Units": "mm",
        "OrigDataRate": rate,
        "OrigDataStartFrame": first,
        "OrigNumFrames": count,
    }
    axes = "".join(f"X{i}\tY{i}\tZ{i}\t" for i in range(1, len(KEYPOINTS) + 1))
    return (
        f"PathFileType\t4\t(X/Y/Z)\t{name}\n"
        + "\t".join(facts)
        + "\n"
        + "\t".join(map(str, facts.values()))
        + "\nFrame#\tTime\t"
        + "".join(f"{name}\t\t\t" for name in KEYPOINTS)
        + f"\n\t\t{axes}\n\n"
    )


def _make_rows(markers: Markers) -> pa.Table:
    place = np.round(markers.position_mm, MM_DECIMALS).reshape(len(markers.tick), -1)
    columns = [
        pa.array(markers.tick + 1),
        pa.array(np.round(markers.time_s, TIME_DECIMALS)),
        *(column(course) for course in place.T),
        # A tab at the end of each row, without which OpenSim and BTK misread a row's last cell.
        pa.nulls(len(markers.tick), pa.string()),
    ]
    return pa.table(columns, names=[str(i) for i in range(len(columns))])
