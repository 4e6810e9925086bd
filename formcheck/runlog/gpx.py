"""The GPX file of a watch: points with times, and cadence in an extension of any name space."""

import math
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from formcheck.errors import ActivityError
from formcheck.runlog.activity import LONGEST_GAP_S, Recorded, require_run

EARTH_RADIUS_M = 6_371_008.8  # mean, IUGG
SLOWEST_MOVING_M_PER_S = 0.5
PAUSE_STEPS = 4  # so many usual steps between two points are a pause, of watches with few points
LEAST_DISTANCE_M = 50.0  # less is a watch that lies still: a treadmill

_Floats = NDArray[np.float64]


def read_gpx(content: bytes) -> Recorded:
    """Read a GPX file; parts of a track with a pause between are joined, without the way between.

    Raises
    ------
    ActivityError
        The sentence goes on from the file's name.
    """
    try:
        root = fromstring(content, forbid_dtd=True)
        points = [
            (part, *_read_point(point))
            for part, segment in enumerate(root.iterfind(".//{*}trkseg"))
            for point in segment.iterfind("{*}trkpt")
            if point.find("{*}time") is not None
        ]
    except (ParseError, DefusedXmlException, ValueError, TypeError, OverflowError) as error:
        raise ActivityError("is no GPX file of a watch, or damaged; export it again") from error
    require_run(root.findtext(".//{*}trk/{*}type") or "")
    if len(points) < 2:
        raise ActivityError("holds no points with times; export it as a recorded activity")
    part, time, latitude, longitude, cadence = (np.array(c) for c in zip(*points, strict=True))
    began, time_s = float(time[0]), time - time[0]
    step_s, step_m = np.diff(time_s), _distances(np.radians(latitude), np.radians(longitude))
    if (step_s < 0).any():
        raise ActivityError("has times that go backwards; export it again")
    longest_s = max(LONGEST_GAP_S, PAUSE_STEPS * float(np.median(step_s)))
    within = (np.diff(part) == 0) & (step_s <= longest_s)
    distance_m = float(step_m[within].sum())
    is_treadmill = distance_m < LEAST_DISTANCE_M
    moves = within & (is_treadmill | (step_m >= SLOWEST_MOVING_M_PER_S * step_s))
    return Recorded(
        started=datetime.fromtimestamp(began, UTC).astimezone(),
        elapsed_s=float(time_s[-1]),
        distance_m=None if is_treadmill else distance_m,
        moving_s=float(step_s[moves].sum()),
        cadence=None,
        time_s=time_s,
        point_cadence=cadence,
    )


def _read_point(point: Any) -> tuple[float, float, float, float]:
    """Return time (s since 1970), latitude, longitude (degrees), cadence (NaN without)."""
    time = datetime.fromisoformat(point.findtext("{*}time").strip())
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)  # as GPX says
    found = point.findtext(".//{*}cad") or point.findtext(".//{*}cadence")
    place = float(point.get("lat")), float(point.get("lon"))
    if not all(map(math.isfinite, place)):
        raise ValueError("a point is nowhere")
    return time.timestamp(), *place, float(found) if found else math.nan


def _distances(latitude: _Floats, longitude: _Floats) -> _Floats:
    """Return the way between neighbours on a sphere, metres (haversine); angles in radians."""
    half = np.sin(np.diff(latitude) / 2) ** 2 + (
        np.cos(latitude[:-1]) * np.cos(latitude[1:]) * np.sin(np.diff(longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
