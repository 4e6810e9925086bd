"""Keypoints as a netCDF file, for movement and whatever else reads xarray's datasets."""

import json
from pathlib import Path

import numpy as np
from scipy.io import netcdf_file

from formcheck.export.markers import choose_clock
from formcheck.keypoints import KEYPOINTS
from formcheck.names import one_line
from formcheck.report.files import write_whole
from formcheck.result import Analysis

DIMENSIONS = ("time", "space", "keypoints", "individuals")  # as movement 0.15 wants them


def write_netcdf(analysis: Analysis, path: Path) -> None:
    """Write keypoints and confidence as movement's dataset of poses, netCDF 3; unknown is NaN.

    The frames are as they were watched, at their own times; places are pixels, y down.

    Raises
    ------
    OutputError
        The place can't be written.
    """

    def write(partial: Path) -> None:
        with partial.open("wb") as file, netcdf_file(file, "w", version=2) as dataset:
            _fill(dataset, analysis)

    write_whole(path, write)


def _fill(dataset: netcdf_file, analysis: Analysis) -> None:
    keypoints = analysis.series.keypoints
    about = {
        "ds_type": "poses",
        "source_software": "formcheck",
        "source_file": one_line(Path(analysis.video.path).name),
        "time_unit": "seconds",
        "fps": choose_clock(keypoints.time_s)[0],
        "formcheck_version": analysis.formcheck_version,
        "view": analysis.capture.view,
        "direction": analysis.capture.direction,
        "operations": json.dumps(analysis.to_report()["provenance"]),
    }
    for name, value in about.items():
        setattr(dataset, name, value)
    names = {"space": ("x", "y"), "keypoints": KEYPOINTS, "individuals": ("runner",)}
    dataset.createDimension("time", len(keypoints.time_s))
    for name, labels in names.items():
        dataset.createDimension(name, len(labels))
        _put_labels(dataset, name, labels)
    # No `units` on the time: xarray would make durations of it; movement looks at `time_unit`.
    time = dataset.createVariable("time", "f8", ("time",))
    time[:] = keypoints.time_s
    time.long_name = "real seconds since the start of the recording"
    position = dataset.createVariable("position", "f8", DIMENSIONS)
    position[:] = np.moveaxis(keypoints.position, 2, 1)[..., None]
    position.units = "pixels"
    position.long_name = "x right, y down, upright video, camera roll taken out"
    confidence = dataset.createVariable("confidence", "f8", (*DIMENSIONS[:1], *DIMENSIONS[2:]))
    confidence[:] = keypoints.confidence[..., None]
    confidence.long_name = "0 to 1; 0 where the runner was not seen"


def _put_labels(dataset: netcdf_file, name: str, labels: tuple[str, ...]) -> None:
    """Write the names along a dimension; netCDF 3 has only characters."""
    letters = np.array(labels, dtype=bytes)
    width = f"{name}_letters"
    dataset.createDimension(width, letters.itemsize)
    variable = dataset.createVariable(name, "c", (name, width))
    variable[:] = letters.view("S1").reshape(len(labels), -1)
    variable._Encoding = "utf-8"
