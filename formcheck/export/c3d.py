"""Markers and foot events as a C3D file."""

import errno
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formcheck.export.markers import Markers, make_markers
from formcheck.keypoints import KEYPOINTS
from formcheck.report.files import write_whole
from formcheck.result import Analysis

MOST_IN_A_LIST = 255  # the format counts with one byte: longer lists go on in LABELS2, LABELS3, ...
MOST_EVENTS = 4000  # all parameters together have 128 KB
STRIKE, OFF = ("Foot Strike", 1), ("Foot Off", 2)  # with the numbers of their usual icons
INTEGER, FLOAT, TEXT = 2, 4, -1  # the format's kinds of parameter
WORD = 2**16
BLOCK = 512  # bytes
DATA_START = slice(16, 18)  # of the header: the block, from 1, in which the points begin
POINT_SIZE = 16  # bytes: place and residual
UNSEEN = -1.0  # residual of a point that is not there


def write_c3d(analysis: Analysis, path: Path) -> None:
    """Write markers in millimetres, OpenSim's axes, on an even clock, and the foot's events.

    Unknown points have the residual -1. Frame 1 is the start of the recording. Events are those of
    `Strides.foot` in a side view.

    Raises
    ------
    ExportError
        The runner's height is not known.
    OutputError
        The place can't be written.
    """
    import ezc3d

    markers = make_markers(analysis)
    file = ezc3d.c3d()
    _put_points(file, markers)
    parameters: dict[str, dict[str, tuple[int, Any]]] = {
        "POINT": {
            "RATE": (FLOAT, [markers.rate_hz]),
            "LABELS": (TEXT, list(KEYPOINTS)),
            "UNITS": (TEXT, ["mm"]),
            "X_SCREEN": (TEXT, ["+X"]),
            "Y_SCREEN": (TEXT, ["+Y"]),
            "LONG_FRAMES": (FLOAT, [float(len(markers.tick))]),
        },
        "TRIAL": {
            "ACTUAL_START_FIELD": (INTEGER, _split_words(markers.tick[0] + 1)),
            "ACTUAL_END_FIELD": (INTEGER, _split_words(markers.tick[-1] + 1)),
            "CAMERA_RATE": (FLOAT, [markers.rate_hz]),
        },
        "MANUFACTURER": {
            "SOFTWARE": (TEXT, ["formcheck"]),
            "VERSION_LABEL": (TEXT, [analysis.formcheck_version]),
        },
        "SUBJECTS": {"HEIGHT_CM": (FLOAT, [analysis.setting("height_cm")])},
        "EVENT": _list_events(analysis),
    }
    for group, content in parameters.items():
        file["parameters"].create_group_if_needed(group)
        for name, (kind, value) in content.items():
            file["parameters"][group][name] = {
                "type": kind,
                "description": "",
                "is_locked": False,
                "value": value if kind == TEXT else np.asarray(value),
            }

    def write(partial: Path) -> None:
        # ezc3d opens no name that is no text, and doesn't say what went wrong
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "made.c3d"
            file.write(str(made))
            content = made.read_bytes()
        _require_whole(content, len(markers.tick))
        partial.write_bytes(content)

    write_whole(path, write)


def _require_whole(content: bytes, frames: int) -> None:
    """Raise OSError where a full disk has cut the data off."""
    blocks = int.from_bytes(content[DATA_START], "little") - 1  # ezc3d writes this last
    if blocks < 1 or len(content) < blocks * BLOCK + frames * len(KEYPOINTS) * POINT_SIZE:
        raise OSError(errno.ENOSPC, f"no room in '{tempfile.gettempdir()}'")


def _put_points(file: Any, markers: Markers) -> None:
    place = np.moveaxis(markers.position_mm, 0, 2)  # keypoint, axis, time
    unseen = np.isnan(place[:, 0])
    points = np.ones((4, *unseen.shape))
    points[:3] = np.moveaxis(place, 1, 0)
    file["data"]["points"] = points
    file["data"]["meta_points"]["residuals"] = np.where(unseen, UNSEEN, 0.0)[None]
    file["data"]["meta_points"]["camera_masks"] = np.zeros((7, *unseen.shape), dtype=bool)
    file["header"]["points"]["first_frame"] = int(markers.tick[0])


def _list_events(analysis: Analysis) -> dict[str, tuple[int, Any]]:
    """Return the parameters of the foot's contacts and toe-offs, in order of time."""
    strides = analysis.series.strides
    foot = strides.foot.capitalize()
    events = [
        (float(at), foot, *kind)
        for kind, times in ((STRIKE, strides.contact_s), (OFF, strides.toe_off_s))
        for at in times[np.isfinite(times)]
        if analysis.capture.view == "side"
    ]
    events = sorted(events)[:MOST_EVENTS]
    parameters: dict[str, tuple[int, Any]] = {"USED": (INTEGER, [len(events)])}
    for first in range(0, len(events), MOST_IN_A_LIST):
        some = events[first : first + MOST_IN_A_LIST]
        number = str(first // MOST_IN_A_LIST + 1) if first else ""
        at = np.array([event[0] for event in some])
        parameters |= {
            f"CONTEXTS{number}": (TEXT, [event[1] for event in some]),
            f"LABELS{number}": (TEXT, [event[2] for event in some]),
            f"TIMES{number}": (FLOAT, np.array([at // 60, at % 60])),  # minutes, seconds
            f"ICON_IDS{number}": (INTEGER, [event[3] for event in some]),
        }
    return parameters


def _split_words(number: NDArray[np.int64]) -> list[int]:
    """Return a number as its low and its high 16 bits."""
    high, low = divmod(int(number), WORD)
    return [low, high]
