"""Tables as text: for spreadsheets, and for other formats that are rows of text."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from formcheck.report.files import tabulate_frames, tabulate_strides, write_whole
from formcheck.result import Analysis

COLUMNS_OF_METRICS = {
    "metric": pa.string(),
    "label": pa.string(),
    "unit": pa.string(),
    "mean": pa.float64(),
    "sd": pa.float64(),
    "uncertainty": pa.float64(),
    "baseline": pa.float64(),
    "baseline_from_s": pa.float64(),
    "baseline_to_s": pa.float64(),
    "baseline_strides": pa.int64(),
    "late": pa.float64(),
    "late_from_s": pa.float64(),
    "late_to_s": pa.float64(),
    "late_strides": pa.int64(),
    "change": pa.float64(),
    "change_low": pa.float64(),
    "change_high": pa.float64(),
    "verdict": pa.string(),
    "trend_per_hour": pa.float64(),
    "trend_per_hour_low": pa.float64(),
    "trend_per_hour_high": pa.float64(),
    "onset_s": pa.float64(),
    "onset_s_low": pa.float64(),
    "onset_s_high": pa.float64(),
    "note": pa.string(),
}


def write_frames_csv(analysis: Analysis, path: Path) -> None:
    """Write what frames.parquet holds; OutputError if the place can't be written."""
    _write_csv(tabulate_frames(analysis), path)


def write_strides_csv(analysis: Analysis, path: Path) -> None:
    """Write what strides.parquet holds; OutputError if the place can't be written."""
    _write_csv(tabulate_strides(analysis), path)


def write_metrics_csv(analysis: Analysis, path: Path) -> None:
    """Write the metrics of report.json, one a row; OutputError if the place can't be written."""
    metrics = analysis.to_report()["metrics"]
    rows = [_make_row(name, facts) for name, facts in metrics.items()]
    _write_csv(pa.Table.from_pylist(rows, pa.schema(COLUMNS_OF_METRICS.items())), path)


def write_rows(table: pa.Table, path: Path, *, head: str, delimiter: str = ",") -> None:
    """Write the rows of a table under a head, numbers in full, null as nothing, UTF-8."""
    layout = pa.csv.WriteOptions(include_header=False, delimiter=delimiter)
    with path.open("wb") as file:
        file.write(head.encode("utf-8"))
        pa.csv.write_csv(table, file, layout)


def column(values: NDArray[np.float64]) -> pa.Array:
    """Return a column in which NaN is null."""
    return pa.array(values, mask=~np.isfinite(values))


def _write_csv(table: pa.Table, path: Path) -> None:
    head = ",".join(table.column_names) + "\n"
    write_whole(path, lambda partial: write_rows(table, partial, head=head))


def _make_row(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Lay a metric of report.json out in one row; what is absent is null."""
    change, early, late = facts["change"], facts["baseline"], facts["late"]
    return {
        "metric": name,
        **{key: facts[key] for key in ("label", "unit", "mean", "sd", "uncertainty", "note")},
        **{f"baseline_{key}".removesuffix("_mean"): value for key, value in early.items()},
        **{f"late_{key}".removesuffix("_mean"): value for key, value in late.items()},
        "verdict": change["verdict"],
        **_spread("change", change),
        **_spread("trend_per_hour", facts["trend_per_hour"]),
        **_spread("onset_s", facts["onset_s"]),
    }


def _spread(name: str, estimate: dict[str, Any] | None) -> dict[str, Any]:
    """Return a number and its interval as three columns."""
    if estimate is None:
        return {}
    low, high = estimate["ci95"] or (None, None)
    return {name: estimate["value"], f"{name}_low": low, f"{name}_high": high}
