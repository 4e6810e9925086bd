"""A watch's file, FIT or GPX, as Garmin and Strava export it: when, how far, how long, cadence."""

import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from formcheck.errors import ActivityError
from formcheck.runlog.run import Activity
from formcheck.runlog.words import LONGEST_M, LONGEST_S, clean_name, require_likely

SUFFIXES = (".fit", ".gpx")
# Parts of names, and whole names: what does not say its sport may be a run, and so may what a watch
# on a treadmill calls itself. Strava has numbers in GPX, 9 for a run.
RUNS, PERHAPS_RUNS = ("run", "jog", "treadmill"), ("", "none", "generic", "fitness_equipment", "9")
# A day of seconds is a fifth of it as GPX, half of it as FIT: that is slow to read.
LARGEST_BYTES = {".fit": 8 * 2**20, ".gpx": 64 * 2**20}
# Watches count the strides of one foot; nobody makes so many, so such a number counts steps.
MOST_STRIDES_PER_MIN = 120.0
FEWEST_STEPS_PER_MIN = 100.0  # below it, standing or strolling
LONGEST_GAP_S = 15.0  # between two points that belong together; beyond it the watch was paused

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recorded:
    """What a file holds, before it is judged.

    Attributes
    ----------
    distance_m, moving_s, cadence : float, optional
        As the watch sums them up; cadence of one foot or both.
    time_s : array, shape (point,)
        Seconds since the start.
    point_cadence : array, shape (point,)
        Likewise of one foot or both; NaN where there is none.
    """

    started: datetime
    elapsed_s: float
    distance_m: float | None
    moving_s: float | None
    cadence: float | None
    time_s: _Floats
    point_cadence: _Floats


def is_activity(path: Path) -> bool:
    """Tell by its name whether a file is one of a watch."""
    return _suffix(path) in SUFFIXES


def read_activity(path: Path) -> Activity:
    """Read a .fit or .gpx file, or one of them in .gz.

    Raises
    ------
    ActivityError
        It can't be read, is too large, damaged, or of something else than a run.
    """
    from formcheck.runlog.fit import read_fit
    from formcheck.runlog.gpx import read_gpx

    readers: dict[str, Callable[[bytes], Recorded]] = {".fit": read_fit, ".gpx": read_gpx}
    suffix = _suffix(path)
    if suffix not in readers:
        raise ActivityError(f"'{path.name}' is no .fit or .gpx file of a watch")
    content = _read_content(path, LARGEST_BYTES[suffix])
    try:
        return _judge(readers[suffix](content), content, path.name, suffix.removeprefix("."))
    except ActivityError as error:
        raise ActivityError(f"'{path.name}' {error}") from error


def require_run(sport: str) -> None:
    """Refuse other sports: their distance and cadence are no runner's."""
    name = sport.strip().lower()
    if name not in PERHAPS_RUNS and not any(part in name for part in RUNS):
        raise ActivityError(f"is of another sport ({clean_name(sport).replace('_', ' ')})")


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _read_content(path: Path, most: int) -> bytes:
    """Return what the file holds, unpacked; never more than is bearable."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if path.name.lower().endswith(".gz"):
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(most + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise ActivityError(f"'{path.name}' is damaged; export it again") from error
    except OSError as error:
        raise ActivityError(f"'{path}' can't be read ({error.strerror or error})") from error
    if len(content) > most:
        raise ActivityError(f"'{path.name}' is too large for the file of a run")
    return content


def _judge(recorded: Recorded, content: bytes, name: str, kind: str) -> Activity:
    try:
        require_likely(recorded.started, f"{recorded.started:%Y-%m-%d}")
    except ValueError as error:
        raise ActivityError(f"has a wrong clock: {error}") from error
    elapsed_s = recorded.elapsed_s
    if not 0 < elapsed_s <= LONGEST_S:
        raise ActivityError("holds no run: it lasts no time, or more than a week")
    moving_s = recorded.moving_s
    if moving_s is None or not 0 < moving_s <= elapsed_s:
        moving_s = elapsed_s
    distance_m = recorded.distance_m
    if distance_m is not None and not 0 < distance_m <= LONGEST_M:
        distance_m = None
    return Activity(
        sha256=hashlib.sha256(content).hexdigest(),
        name=clean_name(name),
        format=kind,
        started=recorded.started,
        distance_m=distance_m,
        elapsed_s=elapsed_s,
        moving_s=moving_s,
        cadence_spm=_mean_cadence(recorded),
    )


def _mean_cadence(recorded: Recorded) -> float | None:
    """Both feet's steps a minute while running, by time; the watch's own mean without points."""
    step_s = np.diff(recorded.time_s)
    cadence = recorded.point_cadence[1:]
    known = np.isfinite(cadence) & (cadence > 0) & (step_s > 0) & (step_s <= LONGEST_GAP_S)
    if known.any():
        both = cadence * _feet(float(np.median(cadence[known])))
        runs = known & (both >= FEWEST_STEPS_PER_MIN)
        if runs.any():
            return float(np.average(both[runs], weights=step_s[runs]))
    own = recorded.cadence
    return own * _feet(own) if own is not None and math.isfinite(own) and own > 0 else None


def _feet(cadence: float) -> float:
    return 1.0 if cadence > MOST_STRIDES_PER_MIN else 2.0
