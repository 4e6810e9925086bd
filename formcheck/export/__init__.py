"""An analysis in the formats of the field: OpenSim, C3D, movement, spreadsheets.

A format is a function that writes one file, entered in `FORMATS`; nothing else knows its insides.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from formcheck.errors import ExportError
from formcheck.export.c3d import write_c3d
from formcheck.export.mot import write_mot
from formcheck.export.netcdf import write_netcdf
from formcheck.export.table import write_frames_csv, write_metrics_csv, write_strides_csv
from formcheck.export.trc import write_trc
from formcheck.result import Analysis, Operation

ALL = "all"
LONGEST_NAME = 255  # bytes; NAME_MAX in linux/limits.h


@dataclass(frozen=True)
class Format:
    """What a result can be brought into.

    Attributes
    ----------
    name : str
        As in `--format`.
    what : str
        For people.
    files : mapping
        From the end of a file's name to the function that writes it: analysis and path, in that
        order.
    needs_height : bool
        Whether it is in units of length, so that the runner's height must be known.
    package : str, optional
        That it is written with, if that isn't always there.
    """

    name: str
    what: str
    files: Mapping[str, Callable[[Analysis, Path], None]]
    needs_height: bool = False
    package: str | None = None

    def why_not(self, height_cm: float | None) -> str | None:
        """Say why it can't be written for a runner of this height; None if it can."""
        if self.package is not None and find_spec(self.package) is None:
            return (
                f"{self.name} is written by the package {self.package}, which is not here; "
                "install it: pip install 'formcheck[export]'"
            )
        if self.needs_height and height_cm is None:
            return (
                f"{self.name} is in millimetres, for which the runner's height is needed; "
                "give it with --height-cm"
            )
        return None


FORMATS = {
    format.name: format
    for format in (
        Format("trc", "markers, for OpenSim", {".trc": write_trc}, needs_height=True),
        Format("mot", "joint angles, for OpenSim", {".mot": write_mot}),
        Format(
            "c3d",
            "markers and foot events, for biomechanics software",
            {".c3d": write_c3d},
            needs_height=True,
            package="ezc3d",
        ),
        Format(
            "csv",
            "frames, strides and metrics, for spreadsheets",
            {
                "_frames.csv": write_frames_csv,
                "_strides.csv": write_strides_csv,
                "_metrics.csv": write_metrics_csv,
            },
        ),
        Format("netcdf", "keypoints, for movement and xarray", {".nc": write_netcdf}),
    )
}
LONGEST_END = max(len(end) for format in FORMATS.values() for end in format.files)


def choose_formats(
    names: Sequence[str], height_cm: float | None
) -> tuple[list[Format], dict[str, str]]:
    """Return the formats of these names, and why some are left out of `all`.

    Parameters
    ----------
    names : sequence of str
        Of `FORMATS`, or `all`: those that can be written here.
    height_cm : float or None
        The runner's, if it is known.

    Returns
    -------
    formats : list of Format
        In the order of `FORMATS`, each once.
    left_out : dict
        From the name of a format to the reason.

    Raises
    ------
    ExportError
        A format that was named can't be written.
    """
    reasons = {name: format.why_not(height_cm) for name, format in FORMATS.items()}
    for name in names:
        if name != ALL and (reason := reasons[name]):
            raise ExportError(reason)
    left_out = {name: reason for name, reason in reasons.items() if reason}
    if ALL not in names:
        return [format for name, format in FORMATS.items() if name in names], {}
    return [format for name, format in FORMATS.items() if name not in left_out], left_out


def export_analysis(
    analysis: Analysis, folder: Path, formats: Sequence[Format], name: str
) -> tuple[list[Path], dict[str, str]]:
    """Write an analysis in some formats, each file whole or not at all, whatever ails another.

    Parameters
    ----------
    analysis : Analysis
    folder : Path
        Made if it isn't there.
    formats : sequence of Format
    name : str
        With which the files' names begin, as far as they hold it (`cut_name`).

    Returns
    -------
    written : list of Path
    left_out : dict
        From the name of a format that needs what the analysis doesn't hold to the reason.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    written: list[Path] = []
    left_out: dict[str, str] = {}
    for format in formats:
        for end, write in format.files.items():
            path = folder / f"{cut_name(name)}{end}"
            try:
                write(analysis, path)
            except ExportError as error:
                left_out[format.name] = str(error)
            else:
                written.append(path)
    return written, left_out


def cut_name(name: str) -> str:
    """Return as much of a name as leaves room for the end of each file's name."""
    while len(os.fsencode(name)) > LONGEST_NAME - LONGEST_END:
        name = name[:-1]
    return name


def tell_height(analysis: Analysis, height_cm: float) -> Analysis:
    """Return the analysis with the runner's height told, in place of the one it may know."""
    told = Operation("tell_height", {"height_cm": height_cm})
    return dataclasses.replace(analysis, provenance=[*analysis.provenance, told])
