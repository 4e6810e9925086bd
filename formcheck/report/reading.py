"""Read an analysis back from the files of its report, so that more can be made of it."""

import json
from pathlib import Path
from typing import Any

import cattrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from formcheck.errors import ResultError
from formcheck.keypoints import KEYPOINTS, Keypoints
from formcheck.metrics import REGISTRY
from formcheck.metrics.angles import FrameAngles
from formcheck.result import SCHEMA, Analysis, Series
from formcheck.signals.strides import Strides

SWAPPED = "_swapped"


def read_analysis(folder: Path) -> Analysis:
    """Return the analysis whose report lies in a folder.

    Parameters
    ----------
    folder : Path
        Where `write_report` wrote report.json, frames.parquet and strides.parquet.

    Returns
    -------
    Analysis
        As it was written: numbers of the report to six decimals, null as NaN in arrays and as None
        elsewhere. The video itself is not needed, and may be gone.

    Raises
    ------
    ResultError
        There is no such result, it is damaged, or another version of formcheck wrote it.
    """
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        if report["schema"] != SCHEMA:
            raise ResultError(
                f"'{folder}' holds a report of another kind ({report['schema']}); "
                "analyse the video again: formcheck analyze VIDEO"
            )
        frames = _read_columns(folder / "frames.parquet")
        strides = _read_columns(folder / "strides.parquet")
        report["series"] = _read_series(report, frames, strides)
        return _CONVERTER.structure(report, Analysis)
    except FileNotFoundError as error:
        raise ResultError(
            f"'{folder}' holds no result of formcheck ('{Path(error.filename).name}' is missing); "
            "analyse the video first: formcheck analyze VIDEO"
        ) from error
    except OSError as error:
        raise ResultError(f"'{folder}' can't be read ({error.strerror or error})") from error
    except (
        KeyError,
        TypeError,
        ValueError,
        pa.ArrowException,
        cattrs.BaseValidationError,
    ) as error:
        raise ResultError(
            f"the result in '{folder}' is damaged, or of another version of formcheck; "
            "analyse the video again: formcheck analyze VIDEO"
        ) from error


def _read_series(
    report: dict[str, Any],
    frames: dict[str, NDArray[np.float64]],
    strides: dict[str, NDArray[np.float64]],
) -> Series:
    position = [[frames[f"{name}_{axis}"] for axis in "xy"] for name in KEYPOINTS]
    confidence = [frames[f"{name}_confidence"] for name in KEYPOINTS]
    return Series(
        keypoints=Keypoints(
            time_s=frames["time_s"],
            position=np.moveaxis(np.array(position), 2, 0),
            confidence=np.array(confidence).T,
        ),
        video_time_s=frames["video_time_s"],
        angles=FrameAngles(**{name: frames[name] for name in FrameAngles.__dataclass_fields__}),
        strides=Strides(
            foot=report["gait"]["foot"],
            start_s=strides["start_s"],
            end_s=strides["end_s"],
            contact_s=strides["initial_contact_s"],
            toe_off_s=strides["toe_off_s"],
            belt_speed=strides["belt_speed_legs_per_s"],
            belt_grade_pct=strides["belt_grade_pct"],
        ),
        values={column: strides[column] for column in REGISTRY},
        swapped={
            name.removesuffix(SWAPPED): column.astype(bool)
            for name, column in frames.items()
            if name.endswith(SWAPPED)
        },
        camera_roll_deg=frames["camera_roll_deg"],
    )


def _read_columns(path: Path) -> dict[str, NDArray[np.float64]]:
    with path.open("rb") as file:  # by its name, Arrow can't open one that is no text
        table = pq.read_table(file)
    return {
        name: column.cast(pa.float64()).fill_null(np.nan).to_numpy()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    # what JSON can't say, a number that is not known, stands there as null
    converter.register_structure_hook(
        float, lambda value, _: np.nan if value is None else float(value)
    )
    converter.register_structure_hook(Series, lambda value, _: value)
    return converter


_CONVERTER = _make_converter()
