"""Joint angles as a MOT file, for OpenSim."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from formcheck.errors import ExportError
from formcheck.export.table import write_rows
from formcheck.names import one_line
from formcheck.report.files import write_whole
from formcheck.result import Analysis

MEANING = {
    "trunk_lean": "mid-hip to mid-shoulder against the vertical, + forward",
    "neck_flexion": "mid-shoulder to mid-ear against the trunk, + head forward",
    "lateral_trunk_lean": "mid-hip to mid-shoulder against the vertical, + to the runner's right",
    "pelvic_obliquity": "line of the hips against the level, + right side lower",
    "knee_flexion": "hip, knee, ankle; 0 is a straight leg, + bent",
    "elbow_angle": "inner angle of shoulder, elbow, wrist; 180 is a straight arm",
}
OF_NEAR_SIDE = ("knee_flexion", "elbow_angle")
MIN_KNOWN_SHARE = 0.5  # of the frames: an angle seen less would leave out too many rows
DECIMALS = 6


def write_mot(analysis: Analysis, path: Path) -> None:
    """Write the angles of each frame in degrees; a row for each frame in which all are known.

    OpenSim's Storage stops reading at a value that is not a number, so there is none: angles known
    in less than half of the frames are left out, and then frames that lack one.

    Raises
    ------
    ExportError
        There are no such angles.
    OutputError
        The place can't be written.
    """
    angles = {
        name.removesuffix("_deg"): values for name, values in vars(analysis.series.angles).items()
    }
    names = [name for name in angles if np.isfinite(angles[name]).mean() >= MIN_KNOWN_SHARE]
    known = np.isfinite([angles[name] for name in names]).all(axis=0)
    if not names or not known.any():
        raise ExportError("the joints were seen too seldom for mot; csv holds all that is known")
    side = analysis.capture.near_side[0]
    labels = {name: f"{name}_{side}" if name in OF_NEAR_SIDE else name for name in names}
    columns = {"time": analysis.series.keypoints.time_s[known]} | {
        label: angles[name][known] for name, label in labels.items()
    }
    rows = pa.table({label: np.round(course, DECIMALS) for label, course in columns.items()})
    head = (
        f"{one_line(path.name)}\nversion=1\nnRows={len(rows)}\nnColumns={len(columns)}\n"
        "inDegrees=yes\n\n"
        + "".join(f"{label}: {MEANING[name]}\n" for name, label in labels.items())
        + "endheader\n"
        + "\t".join(columns)
        + "\n"
    )
    write_whole(path, lambda partial: write_rows(rows, partial, head=head, delimiter="\t"))
