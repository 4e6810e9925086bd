"""Distances, times, pains and dates as people write and read them."""

import math
import re
import unicodedata
from datetime import datetime, timedelta

from formcheck.runlog.run import NO_PAIN, WORST_PAIN, Pain
from formcheck.verdict import format_time

METRES = {"m": 1.0, "km": 1000.0, "mi": 1609.344, "mile": 1609.344, "miles": 1609.344}
LONGEST_M = 1_000_000.0
LONGEST_S = 7 * 86_400.0
LONGEST_TEXT = 2_000  # characters
LONGEST_NAME = 100
SPACE = "Zs"  # to Python, only one of them is printable
EARLIEST = datetime(1990, 1, 1).astimezone()


def parse_distance(text: str) -> float:
    """Return metres from '5km', '3.1 mi', '800m'; a bare number is kilometres, nothing is 0.

    Raises
    ------
    ValueError
        Worded for the runner, as in all functions here that read.
    """
    if not text.strip():
        return 0.0
    found = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)", text.strip().lower())
    unit = METRES.get(found[2] or "km") if found else None
    if not found or unit is None:
        raise ValueError(f"'{text}' is no distance; write it as 5km, 3.1mi or 800m")
    metres = float(found[1].replace(",", ".")) * unit
    if not 0 < metres <= LONGEST_M:
        raise ValueError(f"'{text}' is no distance that anybody runs")
    return metres


def parse_duration(text: str) -> float:
    """Return seconds from '45:30' (min:s), '1:05:00' (h:min:s) or '45min'; nothing is 0."""
    if not text.strip():
        return 0.0
    found = re.fullmatch(r"(?:(\d+):)?(\d+):([0-5]\d)", text.strip())
    minutes = re.fullmatch(r"(\d+(?:\.\d+)?)\s*min", text.strip())
    if found:
        seconds = int(found[1] or 0) * 3600.0 + int(found[2]) * 60.0 + int(found[3])
    elif minutes:
        seconds = float(minutes[1]) * 60
    else:
        raise ValueError(f"'{text}' is no duration; write it as 45:30, 1:05:00 or 45min")
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"'{text}' is no duration of a run")
    return seconds


def parse_pains(texts: list[str]) -> tuple[Pain, ...]:
    """Return pains from 'lower back:4', 'none'; of a place named twice the last counts."""
    pains: dict[str, Pain] = {}
    for text in texts:
        if not text.strip():
            continue
        if text.strip().lower() == NO_PAIN.place:
            pains[NO_PAIN.place] = NO_PAIN
            continue
        place, _, level = (part.strip() for part in text.rpartition(":"))
        if not place or not level.isascii() or not level.isdigit() or int(level) > WORST_PAIN:
            raise ValueError(
                f"'{text}' is no pain; write where and how much from 0 to 10, as in "
                "'lower back:4', or none"
            )
        name = clean_name(place.lower().replace(";", ","))
        pains[name] = Pain(name, int(level))
    if len(pains) > 1:
        pains.pop(NO_PAIN.place, None)
    return tuple(pains.values())


def parse_date(text: str) -> datetime:
    """Return a time from '2025-05-01' or '2025-05-01 18:30', here if no offset is given."""
    try:
        return require_likely(with_offset(datetime.fromisoformat(text.strip())), text)
    except (ValueError, OverflowError) as error:
        if isinstance(error, _UnlikelyDateError):
            raise
        raise ValueError(
            f"'{text}' is no date; write it as 2025-05-01 or '2025-05-01 18:30'"
        ) from None


class _UnlikelyDateError(ValueError):
    """A date on which nobody was filmed running."""


def with_offset(time: datetime) -> datetime:
    """Give a time without an offset that of this place at that time; UTC's to whole seconds."""
    return time.astimezone() if time.tzinfo is None else time


def require_likely(time: datetime, text: str) -> datetime:
    """Refuse a date before 1990 or after tomorrow."""
    if not EARLIEST <= time <= datetime.now().astimezone() + timedelta(days=1):
        raise _UnlikelyDateError(f"'{text}' lies before 1990 or in the future")
    return time


def clean_name(text: str) -> str:
    """Return a name on one line, without what can't be seen."""
    return printable(" ".join(text.split()))[:LONGEST_NAME].strip()


def clean_notes(text: str) -> str:
    """Return notes on as many lines as they have."""
    lines = (printable(line).rstrip() for line in text.splitlines())
    return "\n".join(lines)[:LONGEST_TEXT].strip()


def printable(text: str) -> str:
    """Return a text without control characters, a tab as a space; other spaces stay."""
    return "".join(
        c for c in text.replace("\t", " ") if c.isprintable() or unicodedata.category(c) == SPACE
    )


def format_distance(metres: float | None) -> str:
    """Return 5000 as '5.0 km'; nothing where it is not known."""
    return "" if metres is None else f"{metres / 1000:.1f} km"


def format_duration(seconds: float | None) -> str:
    """Return 2730 as '45:30'; nothing where it is not known."""
    return "" if seconds is None else format_time(seconds)


def format_pains(pains: tuple[Pain, ...]) -> str:
    """Return 'lower back 4, knee 2'."""
    return ", ".join("none" if p == NO_PAIN else f"{p.place} {p.level}" for p in pains)


def format_date(time: datetime) -> str:
    """Return the time as the clock showed it where the run was."""
    return f"{time:%Y-%m-%d %H:%M}"


def format_change(value: float | None, low: float | None, high: float | None) -> str:
    """Return '+1.2 (+0.8 to +1.6)'; nothing where it is not known."""
    if value is None or low is None or high is None or not math.isfinite(value):
        return ""
    return f"{value:+z.1f} ({low:+z.1f} to {high:+z.1f})"
