"""The FIT file of a watch."""

import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import fitdecode
import numpy as np

from formcheck.errors import ActivityError
from formcheck.runlog.activity import Recorded, require_run

LARGEST_OFFSET_S = 15 * 3600
WANTED = ("session", "record", "activity")

_Message = dict[str, Any]


def read_fit(content: bytes) -> Recorded:
    """Read a FIT file; of several sessions, the one that is running.

    Raises
    ------
    ActivityError
        The sentence goes on from the file's name.
    """
    messages = _read_messages(content)
    session = _find_run(messages["session"])
    points = [m for m in messages["record"] if isinstance(m.get("timestamp"), datetime)]
    started = session.get("start_time")
    if not isinstance(started, datetime):
        if not points:
            raise ActivityError("does not say when it was; export it again")
        started = points[0]["timestamp"]
    elapsed_s = _number(session, "total_elapsed_time")
    if elapsed_s is not None:  # of several sports, this one's points
        end = started + timedelta(seconds=elapsed_s)
        points = [point for point in points if started <= point["timestamp"] <= end]
    time_s = np.array([(point["timestamp"] - started).total_seconds() for point in points])
    if elapsed_s is None:
        elapsed_s = float(time_s[-1]) if len(time_s) else 0.0
    return Recorded(
        started=_localise(started, messages["activity"]),
        elapsed_s=elapsed_s,
        distance_m=_find_distance(session, points),
        moving_s=_number(session, "total_timer_time"),
        cadence=_cadence(session, ("avg_running_cadence", "avg_cadence"), "avg_fractional_cadence"),
        time_s=time_s,
        point_cadence=np.array(
            [_cadence(point, ("cadence",), "fractional_cadence") for point in points], dtype=float
        ),
    )


def _read_messages(content: bytes) -> dict[str, list[_Message]]:
    messages: dict[str, list[_Message]] = {name: [] for name in WANTED}
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            fitdecode.FitReader(
                content,
                check_crc=fitdecode.CrcCheck.RAISE,
                error_handling=fitdecode.ErrorHandling.IGNORE,
            ) as reader,
        ):
            for frame in reader:
                if isinstance(frame, fitdecode.FitDataMessage) and frame.name in messages:
                    # the first of a name is the plain one, later ones are of developers
                    fields = {field.name: field.value for field in reversed(frame.fields)}
                    messages[frame.name].append(fields)
    except Exception as error:  # a damaged file makes the decoder fail in any way
        raise ActivityError("is no whole FIT file; export it again") from error
    if not any(messages.values()):
        raise ActivityError("is no whole FIT file of a run; export it again")
    return messages


def _find_run(sessions: list[_Message]) -> _Message:
    runs = [session for session in sessions if session.get("sport") == "running"]
    found = next(iter(runs or sessions), {})
    require_run(str(found.get("sport")))
    return found


def _find_distance(session: _Message, points: list[_Message]) -> float | None:
    told = _number(session, "total_distance")
    if told is not None:
        return told
    run = [d for d in (_number(point, "distance") for point in points) if d is not None]
    return run[-1] - run[0] if run else None


def _cadence(message: _Message, names: tuple[str, ...], fraction: str) -> float | None:
    whole = next((n for n in (_number(message, name) for name in names) if n is not None), None)
    return None if whole is None else whole + (_number(message, fraction) or 0.0)


def _number(message: _Message, name: str) -> float | None:
    value = message.get(name)
    return float(value) if isinstance(value, int | float) else None


def _localise(started: datetime, activities: list[_Message]) -> datetime:
    """Give the start the watch's offset from UTC, or else that of this place."""
    for message in activities:
        utc, local = message.get("timestamp"), message.get("local_timestamp")
        if isinstance(utc, datetime) and isinstance(local, datetime):
            offset_s = (local.replace(tzinfo=UTC) - utc).total_seconds()
            if abs(offset_s) <= LARGEST_OFFSET_S:
                quarters = round(offset_s / 900) * 900  # as offsets are; the two differ by a second
                return started.astimezone(timezone(timedelta(seconds=quarters)))
    return started.astimezone()
