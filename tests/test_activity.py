"""A watch's files give date, distance, duration and cadence; what is none gives one clear line."""

import gzip
import random
import re
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fit_tool.profile.profile_type import Sport

from formcheck.errors import ActivityError
from formcheck.runlog import activity as module
from formcheck.runlog.activity import read_activity
from tests.fit_files import OFFSET, START, make_fit

EARTH_M_PER_DEG = 6_371_008.8 * np.pi / 180
GARMIN = "http://www.garmin.com/xmlschemas/TrackPointExtension/v1"
GARMIN_2 = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2"


def write(folder, name, content):
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def make_gpx(
    *,
    segments=((0, 300),),
    speed_m_per_s=3.0,
    cadence=82,
    space=GARMIN,
    prefix="gpxtpx",
    still_s=(0, 0),
    kind="running",
    start=START,
    stamp="%Y-%m-%dT%H:%M:%SZ",
):
    """Text of a run due north; a point a second within segments, given as first and last second."""
    extension = (
        f"<extensions><{prefix}:TrackPointExtension><{prefix}:hr>150</{prefix}:hr>"
        f"<{prefix}:cad>{cadence}</{prefix}:cad></{prefix}:TrackPointExtension></extensions>"
    )
    at_m, parts = 0.0, []
    for first, last in segments:
        points = []
        for second in range(first, last + 1):
            if second > first and not still_s[0] < second <= still_s[1]:
                at_m += speed_m_per_s
            time = (start + timedelta(seconds=second)).strftime(stamp)
            points.append(
                f'<trkpt lat="{48 + at_m / EARTH_M_PER_DEG:.9f}" lon="11.5"><ele>500</ele>'
                f"<time>{time}</time>{extension if cadence is not None else ''}</trkpt>"
            )
        parts.append(f"<trkseg>{''.join(points)}</trkseg>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<gpx version="1.1" creator="a watch" xmlns="http://www.topografix.com/GPX/1/1" '
        f'xmlns:{prefix}="{space}"><trk><name>Morning run</name><type>{kind}</type>'
        f"{''.join(parts)}</trk></gpx>"
    ).encode()


# --- FIT -----------------------------------------------------------------------------------------


def test_a_treadmill_run_has_distance_time_and_both_feets_cadence(tmp_path):
    run = read_activity(write(tmp_path, "run.fit", make_fit(strides_per_min=82.5)))
    assert run.started == START
    assert run.started.utcoffset() == OFFSET
    assert run.distance_m == 360.0
    assert run.elapsed_s == run.moving_s == 120.0
    assert run.cadence_spm == pytest.approx(165.0)
    assert (run.format, run.name) == ("fit", "run.fit")


def test_a_pause_counts_in_the_elapsed_time_only(tmp_path):
    run = read_activity(write(tmp_path, "run.fit", make_fit(pause_s=60)))
    assert (run.elapsed_s, run.moving_s) == (180.0, 120.0)
    assert run.cadence_spm == pytest.approx(165.0)


def test_without_records_the_watchs_own_sums_are_taken(tmp_path):
    run = read_activity(write(tmp_path, "run.fit", make_fit(has_records=False)))
    assert (run.distance_m, run.moving_s) == (360.0, 120.0)
    assert run.cadence_spm == pytest.approx(165.0)


def test_without_a_sum_the_records_are_taken(tmp_path):
    run = read_activity(write(tmp_path, "run.fit", make_fit(has_session=False)))
    assert (run.distance_m, run.elapsed_s) == (360.0, 120.0)
    assert run.cadence_spm == pytest.approx(165.0)


def test_a_watch_that_counts_steps_is_not_doubled(tmp_path):
    run = read_activity(write(tmp_path, "run.fit", make_fit(strides_per_min=165)))
    assert run.cadence_spm == pytest.approx(165.0)


def test_a_packed_file_is_the_same_activity(tmp_path):
    plain = read_activity(write(tmp_path, "run.fit", make_fit()))
    packed = read_activity(write(tmp_path, "run.fit.gz", make_fit()))
    assert packed.sha256 == plain.sha256
    assert packed.started == plain.started


def test_a_watch_that_tells_no_local_time_gets_that_of_this_place(tmp_path):
    run = read_activity(write(tmp_path, "run.fit", make_fit(offset=None)))
    assert run.started == START
    assert run.started.utcoffset() == START.astimezone().utcoffset()


def test_the_hour_that_comes_twice_is_the_one_in_which_the_watch_was_started(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    start = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)  # the second 2:30 of that night there
    try:
        run = read_activity(write(tmp_path, "run.fit", make_fit(start=start, offset=None)))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert run.started == start
    assert run.started.utcoffset() == timedelta(hours=1)


def test_a_bicycle_ride_is_refused(tmp_path):
    path = write(tmp_path, "ride.fit", make_fit(sport=Sport.CYCLING))
    with pytest.raises(ActivityError, match=r"'ride.fit' is of another sport \(cycling\)"):
        read_activity(path)


def test_a_watch_with_a_wrong_clock_is_refused(tmp_path):
    early = make_fit(start=datetime(1989, 12, 31, 1, tzinfo=UTC))
    with pytest.raises(ActivityError, match=r"wrong clock|does not say when"):
        read_activity(write(tmp_path, "run.fit", early))


# --- GPX -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "prefix"), [(GARMIN, "gpxtpx"), (GARMIN_2, "ns3"), ("urn:other", "x")]
)
def test_a_gpx_run_has_all_whatever_the_name_space(tmp_path, space, prefix):
    run = read_activity(write(tmp_path, "run.gpx", make_gpx(space=space, prefix=prefix)))
    assert run.started == START
    assert run.distance_m == pytest.approx(900.0, rel=1e-3)
    assert run.elapsed_s == run.moving_s == 300.0
    assert run.cadence_spm == 164.0


def test_standing_still_is_not_moving(tmp_path):
    run = read_activity(write(tmp_path, "run.gpx.gz", make_gpx(still_s=(100, 160))))
    assert (run.elapsed_s, run.moving_s) == (300.0, 240.0)
    assert run.distance_m == pytest.approx(720.0, rel=1e-3)


def test_between_two_segments_nothing_was_run(tmp_path):
    content = make_gpx(segments=((0, 100), (400, 500)))
    run = read_activity(write(tmp_path, "run.gpx", content))
    assert (run.elapsed_s, run.moving_s) == (500.0, 200.0)
    assert run.distance_m == pytest.approx(600.0, rel=1e-3)


def test_a_track_on_one_spot_has_time_but_no_distance(tmp_path):
    run = read_activity(write(tmp_path, "run.gpx", make_gpx(speed_m_per_s=0)))
    assert run.distance_m is None
    assert run.moving_s == 300.0
    assert run.cadence_spm == 164.0


def test_without_cadence_there_is_none(tmp_path):
    run = read_activity(write(tmp_path, "run.gpx", make_gpx(cadence=None)))
    assert run.cadence_spm is None


@pytest.mark.parametrize("stamp", ["%Y-%m-%dT%H:%M:%S.250Z", "%Y-%m-%dT%H:%M:%S+00:00"])
def test_times_come_in_several_forms(tmp_path, stamp):
    run = read_activity(write(tmp_path, "run.gpx", make_gpx(stamp=stamp)))
    assert abs(run.started - START) < timedelta(seconds=1)


def test_a_ride_as_gpx_is_refused(tmp_path):
    with pytest.raises(ActivityError, match="another sport"):
        read_activity(write(tmp_path, "ride.gpx", make_gpx(kind="cycling")))


@pytest.mark.parametrize("kind", ["hiking", "1", "Ride", "walking"])
def test_other_sports_as_gpx_are_refused(tmp_path, kind):
    with pytest.raises(ActivityError, match="another sport"):
        read_activity(write(tmp_path, "walk.gpx", make_gpx(kind=kind)))


@pytest.mark.parametrize("kind", ["", "Run", "9", "trail_running", "treadmill_running"])
def test_what_is_a_run_or_does_not_say_is_read(tmp_path, kind):
    assert read_activity(write(tmp_path, "run.gpx", make_gpx(kind=kind))).distance_m > 0


@pytest.mark.parametrize("sport", [Sport.WALKING, Sport.HIKING, Sport.TENNIS])
def test_other_sports_as_fit_are_refused(tmp_path, sport):
    with pytest.raises(ActivityError, match="another sport"):
        read_activity(write(tmp_path, "walk.fit", make_fit(sport=sport)))


def test_a_drive_while_the_watch_was_paused_is_not_run(tmp_path):
    """A kilometre on within twenty minutes, in one segment."""
    before, after = (
        make_gpx(segments=((first, first + 100),), speed_m_per_s=3.0) for first in (0, 1300)
    )
    points = after[after.index(b"<trkpt") : after.index(b"</trkseg>")]
    points = points.replace(b'lat="48.00', b'lat="48.01')
    run = read_activity(
        write(tmp_path, "run.gpx", before.replace(b"</trkseg>", points + b"</trkseg>"))
    )
    assert run.distance_m == pytest.approx(600.0, rel=1e-3)
    assert (run.elapsed_s, run.moving_s) == (1400.0, 200.0)


def test_a_watch_that_keeps_few_points_runs_between_them(tmp_path):
    content = make_gpx(segments=tuple((30 * i, 30 * i) for i in range(20)))
    few = re.sub(rb"</trkseg><trkseg>", b"", content)
    steps = iter(range(20))
    few = re.sub(rb'lat="[0-9.]+"', lambda _: b'lat="%.9f"' % (48 + next(steps) * 8e-4), few)
    run = read_activity(write(tmp_path, "run.gpx", few))
    assert run.moving_s == 570.0


BOMB = b"""<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;">]><gpx><trk><name>&c;</name></trk></gpx>"""
READS_A_FILE = b"""<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<gpx><trk><type>&a;</type></trk></gpx>"""
NOWHERE = make_gpx().replace(b'lon="11.5"', b'lon="nan"', 1)
BACKWARDS = make_gpx(segments=((100, 200), (0, 50)))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.gpx", BOMB, "no GPX"),
        ("run.gpx", BOMB.decode().encode("utf-16"), "no GPX"),
        ("run.gpx", READS_A_FILE, "no GPX"),
        ("run.gpx", b"", "no GPX"),
        ("run.gpx", b"my diary", "no GPX"),
        ("run.gpx", make_gpx()[:-400], "no GPX"),
        ("run.gpx", NOWHERE, "no GPX"),
        ("run.gpx", b"<gpx><trk/></gpx>", "no points"),
        ("run.gpx", BACKWARDS, "backwards"),
        ("run.gpx", make_gpx(stamp="yesterday"), "no GPX"),
        ("run.fit", b"", "no whole FIT"),
        ("run.fit", b"my diary", "no whole FIT"),
        ("run.fit", make_fit()[:-500], "no whole FIT"),
        ("run.fit", make_gpx(), "no whole FIT"),
        ("run.tcx", b"<a/>", r"no \.fit or \.gpx"),
    ],
)
def test_what_is_no_run_is_told_in_one_line(tmp_path, name, content, words):
    with pytest.raises(ActivityError, match=words) as told:
        read_activity(write(tmp_path, name, content))
    assert str(told.value).startswith(f"'{name}'")
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_or_damaged_or_large_is_told(tmp_path, monkeypatch):
    with pytest.raises(ActivityError, match="No such file"):
        read_activity(tmp_path / "none.fit")
    (tmp_path / "run.fit.gz").write_bytes(make_fit())
    with pytest.raises(ActivityError, match="damaged"):
        read_activity(tmp_path / "run.fit.gz")
    packed = bytearray(gzip.compress(make_fit()))
    packed[200:300] = bytes(100)
    (tmp_path / "run.fit.gz").write_bytes(packed)
    with pytest.raises(ActivityError, match="damaged"):
        read_activity(tmp_path / "run.fit.gz")
    monkeypatch.setitem(module.LARGEST_BYTES, ".fit", 1000)
    with pytest.raises(ActivityError, match="too large"):
        read_activity(write(tmp_path, "run.fit", make_fit()))


def test_a_packed_file_that_swells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(module.LARGEST_BYTES, ".gpx", 100_000)
    with pytest.raises(ActivityError, match="too large"):
        read_activity(write(tmp_path, "run.gpx.gz", b" " * 1_000_000))


def test_a_broken_file_is_read_or_refused_but_never_more(tmp_path):
    whole = {"run.fit": make_fit(duration_s=60), "run.gpx": make_gpx(segments=((0, 20),))}
    chance = random.Random(20261126)
    refused = 0
    for number in range(400):
        name = chance.choice(list(whole))
        content = bytearray(whole[name])
        for _ in range(chance.choice((1, 3, 20))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if number % 2 and name == "run.fit":  # with a sum that is right, the contents are read
            content = with_right_sum(content)
        try:
            run = read_activity(write(tmp_path, name, bytes(content)))
            assert run.elapsed_s > 0
        except ActivityError:
            refused += 1
    assert 100 < refused < 400


def with_right_sum(content):
    """Put the check sum of FIT files in place, as its protocol defines it."""
    table = (
        *(0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401),
        *(0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400),
    )
    total = 0
    for byte in content[:-2]:
        for half in (byte & 0xF, byte >> 4):
            total = (total >> 4) & 0x0FFF ^ table[total & 0xF] ^ table[half]
    content[-2:] = total.to_bytes(2, "little")
    return content
