"""The log as CSV, to look at in a spreadsheet and to take to another machine."""

import csv
import io
import math
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from formcheck.batch.summary import guard_formula
from formcheck.errors import LogError
from formcheck.runlog.run import DATE_SOURCES, Activity, Filmed, Run, When
from formcheck.runlog.words import (
    LONGEST_M,
    LONGEST_S,
    METRES,
    clean_name,
    clean_notes,
    parse_date,
    parse_pains,
    printable,
)

LARGEST_BYTES = 64 * 2**20
PARTS: dict[str, tuple[str, type[Filmed | Activity]]] = {
    "video": ("filmed", Filmed),
    "activity": ("activity", Activity),
}
OWN_COLUMNS = (
    *("uid", "date", "date_source", "distance_m", "duration_s"),
    *("shoes", "surface", "pain", "notes"),
)
COLUMNS = (*OWN_COLUMNS, *(f"{p}_{f.name}" for p, (_, kind) in PARTS.items() for f in fields(kind)))
MOST = {"_s": LONGEST_S, "_m": LONGEST_M}
# What a runner's own table may have instead of metres.
OTHER_DISTANCES = {"distance_km": METRES["km"], "distance_mi": METRES["mi"]}


def write_csv(runs: Sequence[Run]) -> str:
    """Return all runs as CSV; what is not known is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for run in runs:
        writer.writerow({name: _protect(value) for name, value in _flatten(run).items()})
    return text.getvalue()


def read_csv(path: Path, known: Sequence[Run]) -> list[Run]:
    """Read runs from a table of formcheck's, or of the runner's own with some of its columns.

    Parameters
    ----------
    path : Path
    known : sequence of Run
        Those in the log: a line with the `uid` of one changes what it has columns for, a line
        without, of a run that is there already, is left out.

    Returns
    -------
    list of Run
        Those that are new or changed.

    Raises
    ------
    LogError
        With the line that can't be read.
    """
    by_uid = {run.uid: run for run in known}
    there = Counter(map(_likeness, known))  # two runs of a day may be alike
    found = []
    for line, row in _read_rows(path):
        try:
            run = _read_run(row, by_uid)
        except (ValueError, OverflowError) as error:
            raise LogError(f"'{path.name}', line {line}: {error}; nothing was imported") from error
        if row.get("uid") or there[_likeness(run)] == 0:
            found.append(run)
        else:
            there[_likeness(run)] -= 1
    return found


def _flatten(run: Run) -> dict[str, Any]:
    flat = {name: getattr(run, name, None) for name in OWN_COLUMNS}
    flat |= {
        "date": run.when.time.isoformat(),
        "date_source": run.when.source,
        "pain": "; ".join(f"{pain.place}:{pain.level}" for pain in run.pains),
    }
    for prefix, (name, _) in PARTS.items():
        if (part := getattr(run, name)) is not None:
            values = {f"{prefix}_{f.name}": getattr(part, f.name) for f in fields(part)}
            flat |= {
                key: value.isoformat() if isinstance(value, datetime) else value
                for key, value in values.items()
            }
    return flat


def _likeness(run: Run) -> tuple[Any, ...]:
    """By what a run is known again without its uid."""
    return run.when.time.timestamp(), run.total_m, run.filmed and run.filmed.sha256


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise LogError(f"'{path.name}' is too large for a table of runs")
        text = content.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
        names = reader.fieldnames or []
        if "date" not in names and "uid" not in names:
            raise LogError(
                f"'{path.name}' is no table of runs: it has no column 'date', or has no commas "
                "between its columns; docs/log.md has the names of all"
            )
        unknown = set(names) - set(COLUMNS) - set(OTHER_DISTANCES)
        if unknown:
            raise LogError(
                f"'{path.name}' has a column '{printable(min(unknown))}' that is not known; "
                "docs/log.md has all: rename it or leave it out"
            )
        return [(reader.line_num, _read_fields(row, path, reader.line_num)) for row in reader]
    except OSError as error:
        raise LogError(f"'{path}' can't be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"'{path.name}' is no CSV in UTF-8 ({error})") from error


def _read_fields(row: dict[str, str], path: Path, line: int) -> dict[str, str]:
    if None in row:
        raise LogError(
            f"'{path.name}', line {line}: more fields than columns; nothing was imported"
        )
    return {key: _unprotect(value.strip()) for key, value in row.items()}


def _read_run(row: dict[str, str], by_uid: dict[str, Run]) -> Run:
    uid = clean_name(row.get("uid", ""))
    run = by_uid.get(uid)
    if run is None:
        when = When(parse_date(row.get("date", "")), "given")
        run = Run(0, uid or uuid.uuid4().hex, when)
    elif row.get("date"):
        run = replace(run, when=replace(run.when, time=parse_date(row["date"])))
    if row.get("date_source"):
        source = next((s for s in DATE_SOURCES if s == row["date_source"]), None)
        if source is None:
            raise ValueError(f"'{printable(row['date_source'])}' is no source of a date")
        run = replace(run, when=replace(run.when, source=source))
    changes = {name: read(row[name]) for name, read in _READERS.items() if name in row}
    for name, metres in OTHER_DISTANCES.items():
        if row.get(name):
            changes["distance_m"] = _check(_number(row[name]) * metres, LONGEST_M)
    if "pain" in row:
        changes["pains"] = parse_pains(row["pain"].split(";"))
    for prefix, (name, kind) in PARTS.items():
        if f"{prefix}_sha256" in row:
            changes[name] = _read_part(row, prefix, kind) if row[f"{prefix}_sha256"] else None
    return replace(run, **changes)


def _read_part(row: dict[str, str], prefix: str, kind: type[Filmed | Activity]) -> Any:
    values = {}
    for name, hint in get_type_hints(kind).items():
        text = row.get(f"{prefix}_{name}", "")
        needed = NoneType not in get_args(hint)
        if not text and needed and hint is not str:
            raise ValueError(f"{prefix}_{name} is missing")
        values[name] = _convert(text, hint)
        most = next((m for unit, m in MOST.items() if name.endswith(unit)), math.inf)
        if hint is not str and hint is not datetime and abs(values[name] or 0.0) > most:
            raise ValueError(f"{prefix}_{name} is {text}, out of all bounds")
    return kind(**values)


def _convert(text: str, hint: Any) -> Any:
    if hint is str:
        return printable(text)
    if not text:
        return None
    return parse_date(text) if hint is datetime else _number(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"'{printable(text)}' is no number")
    return number


def _check(number: float, most: float) -> float:
    if not 0 < number <= most:
        raise ValueError(f"{number:g} is no distance or duration of a run")
    return number


_READERS: dict[str, Callable[[str], Any]] = {
    "distance_m": lambda text: _check(_number(text), LONGEST_M) if text else None,
    "duration_s": lambda text: _check(_number(text), LONGEST_S) if text else None,
    "shoes": lambda text: clean_name(text) or None,
    "surface": lambda text: clean_name(text).lower() or None,
    "notes": lambda text: clean_notes(text) or None,
}


def _protect(value: Any) -> Any:
    """Keep a spreadsheet from running a text as a formula, so that it can be undone."""
    if isinstance(value, str) and value.startswith("'"):
        return f"'{value}"
    return guard_formula(value)


def _unprotect(text: str) -> str:
    rest = text[1:]
    is_protected = text.startswith("'") and (rest.startswith("'") or guard_formula(rest) != rest)
    return rest if is_protected else text
