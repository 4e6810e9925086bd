"""The tables over all clips: for programs, for spreadsheets, and a page to look at."""

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote

import pyarrow as pa
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from formcheck.batch.row import Row
from formcheck.names import as_text
from formcheck.report.files import write_table, write_text
from formcheck.verdict import format_time

# A spreadsheet takes a text that begins so for a formula, and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
SPARK_WIDTH, SPARK_HEIGHT = 120.0, 32.0
LEAST_SPAN_DEG = 6.0  # of a small picture: so that a steady run looks steady
TYPES = {
    str: pa.string(),
    float: pa.float64(),
    int: pa.int64(),
    list[float]: pa.list_(pa.float64()),
}
COLUMNS = {
    name: next(arrow for python, arrow in TYPES.items() if hint in (python, python | None))
    for name, hint in get_type_hints(Row).items()
    if name != "was_done"
}


def write_summary(rows: Sequence[Row], folder: Path) -> None:
    """Write summary.parquet, summary.csv and summary.html into a folder.

    Raises
    ------
    OutputError
    """
    write_table(_make_table(rows), folder / "summary.parquet")
    write_text(_make_csv(rows), folder / "summary.csv")
    write_text(render_summary(rows), folder / "summary.html")


def render_summary(rows: Sequence[Row]) -> str:
    """Return the page as text; it refers to the reports beside it, and to nothing else."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("formcheck.batch"), PackageLoader("formcheck.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    labels = Counter(row.verdict or row.status for row in rows)
    return environment.get_template("summary.html").render(
        count=len(rows),
        labels=[(label.replace("_", " "), label, count) for label, count in labels.most_common()],
        analysed=[_show(row) for row in rows if row.status == "analysed"],
        failed=[row for row in rows if row.status == "failed"],
        width=SPARK_WIDTH,
        height=SPARK_HEIGHT,
    )


def _make_table(rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            name: pa.array([_as_text(getattr(row, name)) for row in rows], kind)
            for name, kind in COLUMNS.items()
        }
    )


def _make_csv(rows: Sequence[Row]) -> str:
    names = [name for name in COLUMNS if name != "lean_course"]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(
        [guard_formula(_as_text(getattr(row, name))) for name in names] for row in rows
    )
    return text.getvalue()


def _as_text(value: Any) -> Any:
    return as_text(value) if isinstance(value, str) else value


def guard_formula(value: Any) -> Any:
    """Keep a spreadsheet from running a text as a formula; numbers stay as they are."""
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


@dataclass(frozen=True)
class _Shown:
    """A line as people read it."""

    row: Row
    link: str
    verdict: str
    onset: str
    lean: tuple[str, str]
    slouch: tuple[str, str]
    length: str
    spark: str


def _show(row: Row) -> _Shown:
    return _Shown(
        row,
        link=quote(os.fsencode(f"{row.report}/report.html")),
        verdict=(row.verdict or "").replace("_", " "),
        onset="" if row.onset_s is None else format_time(row.onset_s),
        lean=_in_words(row.lean_change_deg, row.lean_low_deg, row.lean_high_deg),
        slouch=_in_words(row.slouch_change_deg, row.slouch_low_deg, row.slouch_high_deg),
        length=format_time(row.duration_s or 0.0),
        spark=_draw_spark(row.lean_course),
    )


def _in_words(value: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    if value is None or low is None or high is None:
        return "", ""
    return f"{value:+z.1f}", f"{low:+z.1f} to {high:+z.1f}"


def _draw_spark(course: list[float]) -> str:
    """Return the points of a line, as SVG has them; empty for fewer than two."""
    if len(course) < 2:
        return ""
    middle = (max(course) + min(course)) / 2
    span = max(max(course) - min(course), LEAST_SPAN_DEG)
    step = (SPARK_WIDTH - 4) / (len(course) - 1)
    heights = [SPARK_HEIGHT / 2 - (lean - middle) / span * (SPARK_HEIGHT - 4) for lean in course]
    return " ".join(f"{2 + i * step:.1f},{y:.1f}" for i, y in enumerate(heights))
