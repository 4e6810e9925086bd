"""The log as its commands show it: stored, joined, changed, exported and read back."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import av
import pytest
from typer.testing import CliRunner

from formcheck.cli.app import app
from formcheck.errors import LogError
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from formcheck.report.reading import read_analysis
from formcheck.runlog.filmed import describe_filmed, find_filming_time
from formcheck.runlog.run import NO_PAIN, Details, Pain, When
from formcheck.runlog.shoes import count_wear
from formcheck.runlog.store import Entry, Shoes, open_log
from formcheck.runlog.table import read_csv, write_csv
from formcheck.runlog.words import parse_date, parse_distance, parse_duration, parse_pains
from formcheck.video.reader import hash_file
from tests.fit_files import START, make_fit
from tests.runs import DAY_0, make_activity, make_filmed, make_run
from tests.synthetic import describe_video, make_runner, observe_runner

PATIENCE_S = 600


@pytest.fixture(scope="session")
def result(tmp_path_factory):
    """A finished result whose video was filmed while the watch of `make_fit` ran."""
    folder = tmp_path_factory.mktemp("result")
    body = make_runner(60.0, 30, person_px=280, hip_px=(180, 190), noise_px=1.0, lean_sd_deg=0.6)
    video = make_video(folder / "run.mp4", creation_time="2026-05-01T16:31:00.000000Z")
    observation = observe_runner(body, slouch_deg=0.0, size_px=(360, 400))
    analysis = assess_run(describe_video(video, body, (360, 400)), observation, Options())
    write_report(analysis, folder / "out")
    return folder / "out"


def make_video(path, **metadata):
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata)
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("FORMCHECK_DB", str(tmp_path / "db" / "runs.sqlite3"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "db" / "runs.sqlite3"


def formcheck(*arguments, status=0):
    done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "160"})
    assert done.exit_code == status, done.output
    return done.output


def read_runs(place):
    with open_log(place) as log:
        return log.runs()


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "metres"),
    [("5km", 5000), ("5", 5000), ("5,5 km", 5500), ("3.1mi", 4988.9664), ("800 m", 800), ("", 0)],
)
def test_distances(text, metres):
    assert parse_distance(text) == pytest.approx(metres)


@pytest.mark.parametrize("text", ["-5km", "0km", "far", "5 parsec", "nan", "1e9", "5km 3mi"])
def test_what_is_no_distance(text):
    with pytest.raises(ValueError, match="no distance"):
        parse_distance(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45:30", 2730), ("1:05:00", 3900), ("45min", 2700), ("", 0)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["45", "1:75", "0:00", "999:00:00", "-1:00"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_pains():
    told = parse_pains(["Lower Back: 4", "knee (left):0", "lower back:6"])
    assert told == (Pain("lower back", 6), Pain("knee (left)", 0))
    assert parse_pains(["lower back:4", "lower  back:5"]) == (Pain("lower back", 5),)
    assert parse_pains(["none"]) == (NO_PAIN,)
    assert parse_pains(["none", "knee:3"]) == (Pain("knee", 3),)
    assert parse_pains([""]) == ()


@pytest.mark.parametrize("text", ["knee", "knee:11", "knee:-1", ":4", "knee:4.5", "knee:²"])
def test_what_is_no_pain(text):
    with pytest.raises(ValueError, match="no pain"):
        parse_pains([text])


def test_a_date_without_an_offset_is_of_this_place():
    assert parse_date("2026-05-01 18:30") == datetime(2026, 5, 1, 18, 30).astimezone()
    assert parse_date("2026-05-01T18:30+02:00").utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("text", ["yesterday", "", "1904-01-01", "2300-01-01", "2026-13-01"])
def test_what_is_no_date(text):
    with pytest.raises(ValueError, match=r"no date|1990"):
        parse_date(text)


# --- storing -------------------------------------------------------------------------------------


def test_what_the_analysis_said_is_stored(place, result):
    said = formcheck(
        *("log", "add", result, "--shoes", "Blue ones", "--surface", "Treadmill"),
        *("--distance", "3.1mi", "--pain", "lower back:4", "--notes", "hot"),
    )
    assert "Run 1 stored" in said
    assert "the video's own creation time" in said
    (run,) = read_runs(place)
    report = json.loads((result / "report.json").read_text())
    lean = report["metrics"]["trunk_lean_deg"]["change"]
    assert run.when.time == datetime(2026, 5, 1, 16, 31, tzinfo=UTC)
    assert run.filmed.sha256 == report["video"]["sha256"]
    assert run.filmed.verdict == report["verdict"]["label"]
    assert run.filmed.lean_change_deg == lean["value"]
    assert [run.filmed.lean_low_deg, run.filmed.lean_high_deg] == lean["ci95"]
    assert run.filmed.lean_verdict == lean["verdict"]
    assert run.filmed.cadence_spm == report["gait"]["cadence_spm"]
    assert run.filmed.recorded_s == pytest.approx(60, abs=0.1)
    assert run.filmed.result_path == str(result)
    assert run.total_m == pytest.approx(4988.97, abs=0.01)
    assert (run.shoes, run.surface, run.notes) == ("Blue ones", "treadmill", "hot")
    assert run.pains == (Pain("lower back", 4),)


def test_the_same_video_again_brings_up_to_date_and_keeps_what_was_said(place, result):
    formcheck("log", "add", result, "--shoes", "blue", "--date", "2026-04-30 07:00")
    assert "brought up to date" in formcheck("log", "add", result, "--surface", "road")
    (run,) = read_runs(place)
    assert (run.shoes, run.surface) == ("blue", "road")
    assert run.when == When(datetime(2026, 4, 30, 7).astimezone(), "given")


def copy_as_another(result, folder, digit):
    """Copy a result as that of another video."""
    shutil.copytree(result, folder)
    report = json.loads((folder / "report.json").read_text())
    report["video"]["sha256"] = digit * 64
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def test_several_results_are_added_and_one_that_is_none_is_named(place, result, tmp_path):
    other = copy_as_another(result, tmp_path / "other", "1")
    several = ("log", "add", result, tmp_path / "none", other)
    told = formcheck(*several, "--surface", "treadmill", "--shoes", "blue", status=1)
    assert f"formcheck: '{tmp_path / 'none'}': " in told
    first, second = read_runs(place)
    assert {first.filmed.sha256, second.filmed.sha256} == {
        hash_file(result.parent / "run.mp4"),
        "1" * 64,
    }
    assert {(run.surface, run.shoes) for run in (first, second)} == {("treadmill", "blue")}
    assert "formcheck log edit" in formcheck(*several, "--distance", "5km", status=2)


def test_several_results_are_added_whoever_reads_that(place, result, tmp_path):
    others = [copy_as_another(result, tmp_path / name, name) for name in "abc"]
    reader, output = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "formcheck.cli", "log", "add", *map(str, others)]
    assert subprocess.run(command, stdout=output, check=False).returncode == 0
    os.close(output)
    assert {run.filmed.sha256 for run in read_runs(place)} == {name * 64 for name in "abc"}


def test_a_run_that_was_not_filmed_is_added(place):
    formcheck("log", "add", "--date", "2026-05-01", "--distance", "12km", "--shoes", "blue")
    (run,) = read_runs(place)
    assert run.filmed is None
    assert run.total_m == 12_000


def test_the_watchs_date_beats_the_files_and_the_given_one_beats_all(place, result, tmp_path):
    fit = tmp_path / "run.fit"
    fit.write_bytes(make_fit())
    formcheck("log", "add", result, "--activity", fit)
    (run,) = read_runs(place)
    assert run.when.source == "activity"
    assert run.when.time == START
    formcheck("log", "edit", 1, "--date", "2026-05-02 06:00")
    assert read_runs(place)[0].when.source == "given"


def test_the_moment_of_storing_is_no_date_that_was_given(place, tmp_path):
    formcheck("log", "add", "--distance", "12km")
    (tmp_path / "run.fit").write_bytes(make_fit())
    formcheck("log", "import", "run.fit", "--to", 1)
    (run,) = read_runs(place)
    assert run.when == When(START, "activity")


@pytest.mark.parametrize("later", ["file", "stored"])
def test_a_file_that_was_moved_does_not_change_the_date(place, later):
    filmed = make_filmed()
    with open_log(place) as log:
        log.store(Entry(filmed=filmed, when=When(DAY_0, "file")))
        again = log.store(Entry(filmed=filmed, when=When(DAY_0 + timedelta(days=9), later)))
    assert again.run.when == When(DAY_0, "file")


def test_the_videos_date_is_its_own_else_its_files(tmp_path, result):
    analysis = read_analysis(result)

    def find(**metadata):
        video = make_video(tmp_path / "run.mov", **metadata)
        os.utime(video, (1_775_000_000, 1_775_000_000))
        facts = replace(analysis.video, path=str(video), sha256=hash_file(video))
        return find_filming_time(replace(analysis, video=facts), result)

    assert find(creation_time="2026-05-01T16:31:00Z") == When(
        datetime(2026, 5, 1, 16, 31, tzinfo=UTC), "video"
    )
    assert find() == When(datetime.fromtimestamp(1_775_000_000).astimezone(), "file")
    assert find(creation_time="1904-01-01T00:00:00Z").source == "file"


def test_a_video_that_is_gone_or_another_leaves_the_reports_time(tmp_path, result):
    analysis = read_analysis(result)
    made = datetime.fromtimestamp((result / "report.json").stat().st_mtime).astimezone()
    other = make_video(tmp_path / "other.mp4", creation_time="2020-01-01T00:00:00Z")
    for path in (tmp_path / "gone.mp4", other):
        facts = replace(analysis.video, path=str(path))
        assert find_filming_time(replace(analysis, video=facts), result) == When(made, "stored")


def test_a_slow_motions_length_is_told_in_real_seconds(result):
    analysis = read_analysis(result)
    slow = replace(analysis, capture=replace(analysis.capture, slow_motion_factor=8.0))
    real_s = describe_filmed(slow, result).recorded_s
    assert real_s == pytest.approx(analysis.video.duration_s / 8)


# --- a watch's file ------------------------------------------------------------------------------


def test_a_watchs_file_joins_the_run_that_was_filmed_meanwhile(place, result, tmp_path):
    formcheck("log", "add", result)
    (tmp_path / "run.fit").write_bytes(make_fit(strides_per_min=82.5))
    said = formcheck("log", "import", "run.fit")
    assert "Run 1 brought up to date" in said
    assert "Cadence: watch 165.0, video" in said
    assert "they agree" in said
    (run,) = read_runs(place)
    assert (run.total_m, run.lasted_s) == (360.0, 120.0)
    assert "brought up to date" in formcheck("log", "import", "run.fit")
    assert len(read_runs(place)) == 1


def test_a_watchs_file_of_another_day_is_a_run_of_its_own(place, result, tmp_path):
    formcheck("log", "add", result)
    (tmp_path / "run.fit").write_bytes(make_fit(start=START + timedelta(days=1)))
    assert "Run 2 stored" in formcheck("log", "import", "run.fit")
    assert [run.filmed is None for run in read_runs(place)] == [False, True]


def test_a_video_joins_the_run_that_the_watch_brought(place, result, tmp_path):
    (tmp_path / "run.fit").write_bytes(make_fit())
    formcheck("log", "import", "run.fit")
    formcheck("log", "add", result)
    (run,) = read_runs(place)
    assert run.filmed is not None
    assert run.activity is not None


def test_a_watchs_file_can_be_given_to_a_run(place, tmp_path):
    formcheck("log", "add", "--date", "2026-01-01", "--distance", "5km")
    (tmp_path / "run.fit").write_bytes(make_fit())
    formcheck("log", "import", "run.fit", "--to", 1)
    (run,) = read_runs(place)
    assert run.activity is not None
    assert run.total_m == 5000  # as the runner said


def test_two_runs_are_not_joined_without_being_told(place, result, tmp_path):
    (tmp_path / "run.fit").write_bytes(make_fit(start=START + timedelta(days=1)))
    formcheck("log", "import", "run.fit")
    formcheck("log", "add", result)
    said = formcheck("log", "import", "run.fit", "--to", 2, status=1)
    assert "join the runs 1 and 2" in said
    assert len(read_runs(place)) == 2


def test_of_two_videos_at_once_none_is_guessed(place):
    with open_log(place) as log:
        for _ in range(2):
            log.store(Entry(Details(), filmed=make_filmed(), when=When(DAY_0, "video")))
        stored = log.store(Entry(activity=make_activity()))
        assert stored.before is None
        assert "The runs 1 and 2 were at the same time" in stored.note
        assert len(log.runs()) == 3


def minutes(number):
    return timedelta(minutes=number)


def test_the_warm_ups_file_is_not_joined_with_the_video_of_the_run(place):
    with open_log(place) as log:
        log.store(Entry(filmed=make_filmed(), when=When(DAY_0 + minutes(28), "video")))
        warm_up = log.store(Entry(activity=make_activity(elapsed_s=1200.0)))
        assert warm_up.before is None
        assert "No other run is known to have been at the same time" in warm_up.note
        main = make_activity(started=DAY_0 + minutes(24))
        joined = log.store(Entry(activity=main))
    assert joined.run.id == 1
    assert "joined with run 1" in joined.note


def test_the_time_of_a_file_joins_nothing(place):
    with open_log(place) as log:
        log.store(Entry(filmed=make_filmed(), when=When(DAY_0 + minutes(5), "file")))
        assert log.store(Entry(activity=make_activity())).run.id == 2


@pytest.mark.parametrize("is_typed_first", [True, False])
def test_a_run_that_was_typed_and_its_watchs_file_are_one(place, is_typed_first):
    typed = Entry(Details(started=DAY_0 + minutes(3), distance_m=12_000.0))
    watched = Entry(activity=make_activity(distance_m=9000.0))
    with open_log(place) as log:
        for entry in (typed, watched) if is_typed_first else (watched, typed):
            stored = log.store(entry)
        (run,) = log.runs()
    assert "joined with run 1" in stored.note
    assert run.total_m == 12_000
    assert run.when.source == "given"


def test_what_was_joined_is_said(place, result, tmp_path):
    formcheck("log", "add", result)
    (tmp_path / "run.fit").write_bytes(make_fit())
    assert "joined with run 1" in formcheck("log", "import", "run.fit")


@pytest.mark.parametrize("part", ["filmed", "activity"])
def test_a_second_video_or_watchs_file_does_not_take_the_place_of_the_first(place, part):
    first = Entry(filmed=make_filmed(), activity=make_activity())
    second = replace(first, **{part: {"filmed": make_filmed, "activity": make_activity}[part]()})
    with open_log(place) as log:
        log.store(first)
        with pytest.raises(LogError, match="run 1 has another") as told:
            log.store(second)
        with pytest.raises(LogError, match="run 1 has another"):
            log.store(replace(Entry(), **{part: getattr(second, part)}), 1)
        (run,) = log.runs()
    assert "\n" not in str(told.value)
    assert (run.filmed, run.activity) == (first.filmed, first.activity)


# --- changing ------------------------------------------------------------------------------------


def test_what_was_said_can_be_changed_and_taken_back(place):
    formcheck("log", "add", "--distance", "5km", "--shoes", "blue", "--pain", "knee:3")
    formcheck("log", "edit", 1, "--distance", "6km", "--pain", "none")
    (run,) = read_runs(place)
    assert (run.distance_m, run.shoes, run.pains) == (6000.0, "blue", (NO_PAIN,))
    formcheck("log", "edit", 1, "--distance", "", "--shoes", "", "--pain", "")
    (run,) = read_runs(place)
    assert (run.distance_m, run.shoes, run.pains) == (None, None, ())
    assert "No shoes" in formcheck("shoes")  # a pair that nothing is known of is forgotten


def test_runs_are_removed_all_or_none(place):
    for _ in range(3):
        formcheck("log", "add", "--distance", "5km", "--pain", "knee:3")
    assert "no run 9" in formcheck("log", "remove", 1, 9, status=1)
    assert len(read_runs(place)) == 3
    assert "Run 2 of" in formcheck("log", "remove", 2)
    assert [run.id for run in read_runs(place)] == [1, 3]
    formcheck("log", "remove", 3)
    formcheck("log", "add", "--distance", "7km")
    assert [run.id for run in read_runs(place)] == [1, 4]  # a number means one run for ever


def test_the_list_shows_the_runs(place, result):
    assert "No run is in the log" in formcheck("log")
    formcheck("log", "add", result, "--shoes", "blue", "--pain", "lower back:4")
    for command in (("log",), ("log", "list")):
        shown = formcheck(*command)
        for word in ("2026-05-01", "blue", "lower back 4", "held"):
            assert word in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("log", "add"),
        ("log", "add", "--pain", "knee"),
        ("log", "add", "--distance", "far"),
        ("log", "add", "--date", "someday"),
        ("log", "add", "--duration", "5"),
        ("log", "edit", "1"),
        ("log", "edit", "one", "--shoes", "x"),
        ("log", "import", "a.fit", "b.fit", "--to", "1"),
        ("analyze", "run.mp4", "--shoes", "blue"),
        ("analyze", "run.mp4", "--log", "--pain", "knee"),
    ],
)
def test_wrong_usage_ends_with_2_and_stores_nothing(place, arguments):
    formcheck(*arguments, status=2)
    assert not place.exists() or read_runs(place) == []


@pytest.mark.parametrize("command", [("log",), ("shoes",), ("history",), ("log", "export")])
def test_a_log_that_can_not_be_opened_is_one_line(place, tmp_path, command):
    (tmp_path / "diary.txt").write_text("my diary")
    said = formcheck(*command, "--db", "diary.txt", status=1)
    assert said.startswith("formcheck: 'diary.txt' is no log of formcheck")
    assert said.count("\n") == 1


# --- analyze --log -------------------------------------------------------------------------------


def test_analyze_stores_the_run(place, result, tmp_path, monkeypatch):
    analysis = read_analysis(result)
    monkeypatch.setattr("formcheck.pipeline.analyze", lambda *_, **__: analysis)
    said = formcheck(
        *("analyze", analysis.video.path, "--out", tmp_path / "o", "--quiet", "--log"),
        *("--shoes", "blue", "--pain", "lower back:4"),
    )
    assert "Report:" in said
    (run,) = read_runs(place)
    assert run.shoes == "blue"
    assert run.filmed.result_path == str(tmp_path / "o")


def test_a_log_that_fails_after_the_work_says_how_to_store_it_later(
    place, result, tmp_path, monkeypatch
):
    analysis = read_analysis(result)

    def break_the_log(*_, **__):
        place.unlink()
        place.write_text("my diary " * 100)
        return analysis

    monkeypatch.setattr("formcheck.pipeline.analyze", break_the_log)
    said = formcheck(
        *("analyze", "run.mp4", "--out", tmp_path / "o", "--quiet", "--export", "csv", "--log"),
        *("--db", place, "--shoes", "blue ones", "--pain", "knee:4", "--pain", "back:2"),
        status=1,
    )
    assert "Report:" in said
    assert (tmp_path / "o" / "o_strides.csv").exists()
    assert (
        f"log it later: formcheck log add {tmp_path / 'o'} --shoes 'blue ones' --pain knee:4 "
        f"--pain back:2 --db {place}"
    ) in said
    assert (tmp_path / "o" / "report.json").exists()


def test_a_run_is_logged_whatever_comes_of_the_export(place, result, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("the disk is full")

    analysis = read_analysis(result)
    monkeypatch.setattr("formcheck.pipeline.analyze", lambda *_, **__: analysis)
    monkeypatch.setattr("formcheck.export.export_analysis", fail)
    formcheck("analyze", "run.mp4", "--out", tmp_path / "o", "--export", "csv", "--log", status=1)
    assert len(read_runs(place)) == 1


def test_a_watchs_file_of_another_video_is_told_before_the_work(
    place, result, tmp_path, monkeypatch
):
    (tmp_path / "run.fit").write_bytes(make_fit())
    formcheck("log", "add", result, "--activity", "run.fit")
    make_video(tmp_path / "second.mp4")
    monkeypatch.setattr("formcheck.pipeline.analyze", lambda *_, **__: pytest.fail("all in vain"))
    said = formcheck("analyze", "second.mp4", "--log", "--activity", "run.fit", status=1)
    assert "run 1 has another video" in said


def test_a_log_that_can_not_be_opened_is_told_before_the_work(place, result, tmp_path, monkeypatch):
    def refuse(*_, **__):
        pytest.fail("an hour of work, for nothing")

    monkeypatch.setattr("formcheck.pipeline.analyze", refuse)
    (tmp_path / "diary.txt").write_text("my diary")
    said = formcheck("analyze", "run.mp4", "--log", "--db", "diary.txt", status=1)
    assert "no log of formcheck" in said
    assert "No such file" in formcheck(
        "analyze", "run.mp4", "--log", "--activity", "x.fit", status=1
    )


# --- CSV -----------------------------------------------------------------------------------------


def make_full_log(log):
    log.restore(
        [
            make_run(
                day=1.5,
                distance_m=5123.4,
                duration_s=1500.0,
                shoes="=cmd|' /C calc'!A0",
                surface="road",
                notes="'quoted', \"twice\"\nsecond line",
                pains=(Pain("lower back", 4), Pain("-knee", 0)),
                filmed=make_filmed(lean=(-1.25, -2.0, -0.5), slouch=None),
                activity=make_activity(),
            ),
            make_run(day=2, notes="''twice"),
            make_run(day=3, notes="'=1"),
            make_run(day=4, notes="+1 @home\n-2"),
        ]
    )


def without_numbers(runs):
    return [replace(run, id=0) for run in runs]


def test_what_is_exported_comes_back_the_same_elsewhere(place, tmp_path):
    with open_log(place) as log:
        make_full_log(log)
    formcheck("log", "export", "runs.csv")
    assert formcheck("log", "export") == (tmp_path / "runs.csv").read_text()
    said = formcheck("log", "import", "runs.csv", "--db", "other.sqlite3")
    assert "4 new, 0 brought up to date" in said
    first, second = read_runs(place), read_runs(tmp_path / "other.sqlite3")
    assert without_numbers(first) == without_numbers(second)
    assert "0 new, 4 brought up" in formcheck("log", "import", "runs.csv", "--db", "other.sqlite3")
    assert without_numbers(read_runs(tmp_path / "other.sqlite3")) == without_numbers(first)


def test_what_is_exported_to_a_pipe_is_utf_8_whatever_the_terminal_has(place):
    formcheck("log", "add", "--notes", "müde 走")
    done = subprocess.run(
        [sys.executable, "-m", "formcheck.cli", "log", "export"],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert "müde 走" in done.stdout.decode("utf-8")


def test_spaces_of_other_kinds_stay_in_notes_and_paths(place, tmp_path):
    formcheck("log", "add", "--notes", "10\u202fkm\u3000走")
    assert read_runs(place)[0].notes == "10\u202fkm\u3000走"
    name = "Screen Recording 3.45\u202fPM"  # as macOS names them
    (tmp_path / "runs.csv").write_text(write_csv([make_run(filmed=make_filmed(result_path=name))]))
    formcheck("log", "import", "runs.csv", "--db", "other.sqlite3")
    assert read_runs(tmp_path / "other.sqlite3")[0].filmed.result_path == name


def test_a_spreadsheet_runs_none_of_it(place):
    with open_log(place) as log:
        make_full_log(log)
    rows = list(csv.DictReader(io.StringIO(formcheck("log", "export"))))
    cells = [cell for row in rows for cell in row.values()]
    texts = [cell for cell in cells if not is_number(cell)]
    assert not [text for text in texts if text.lstrip(" ").startswith(("=", "+", "-", "@"))]
    assert rows[0]["shoes"] == "'=cmd|' /C calc'!A0"
    assert rows[0]["video_lean_change_deg"] == "-1.25"


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_table_of_ones_own_is_read_once(place, tmp_path):
    (tmp_path / "own.csv").write_text(
        "date,distance_km,shoes,pain\n2026-01-03,12.5,blue,none\n2026-01-05 18:00,8,blue,knee:2\n"
    )
    assert "2 new" in formcheck("log", "import", "own.csv")
    assert "0 new, 0 brought up" in formcheck("log", "import", "own.csv")
    runs = read_runs(place)
    assert [run.distance_m for run in runs] == [12_500.0, 8000.0]
    assert runs[1].pains == (Pain("knee", 2),)


def test_two_runs_alike_on_one_day_are_two_and_read_once(place, tmp_path):
    (tmp_path / "own.csv").write_text("date,distance_km\n2026-01-03,5\n2026-01-03,5\n")
    assert "2 new" in formcheck("log", "import", "own.csv")
    assert "0 new, 0 brought up" in formcheck("log", "import", "own.csv")
    assert len(read_runs(place)) == 2


def test_a_file_of_1980_has_no_time(tmp_path, result):
    video = make_video(tmp_path / "run.mp4")
    os.utime(video, (315_532_800, 315_532_800))
    analysis = read_analysis(result)
    facts = replace(analysis.video, path=str(video), sha256=hash_file(video))
    assert find_filming_time(replace(analysis, video=facts), result).source == "stored"


def test_a_duration_out_of_all_bounds_is_refused(place, tmp_path):
    text = write_csv([make_run(activity=make_activity(elapsed_s=1e20))])
    (tmp_path / "long.csv").write_text(text)
    assert "activity_elapsed_s" in formcheck("log", "import", "long.csv", status=1)


def test_a_column_that_is_left_out_changes_nothing(place, tmp_path):
    with open_log(place) as log:
        make_full_log(log)
    before = read_runs(place)
    uid = before[0].uid
    (tmp_path / "some.csv").write_text(f"uid,surface\n{uid},Track\n")
    formcheck("log", "import", "some.csv")
    assert read_runs(place)[0] == replace(before[0], surface="track")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'date'"),
        ("when,what\n1,2\n", "no column 'date'"),
        ("date;distance_km\n2026-01-01;5,2\n", "or has no commas between its columns"),
        ("date,weight\n2026-01-01,70\n", "column 'weight'"),
        ("date,distance_m\n2026-01-01,5000\n2026-01-02,far\n", "line 3: 'far' is no number"),
        ("date,distance_m\n2026-01-01,nan\n", "line 2"),
        ("date,distance_m\n2026-01-01,5000,1\n", "more fields"),
        ("date\nsomeday\n", "line 2: 'someday' is no date"),
        ("date,pain\n2026-01-01,knee:99\n", "no pain"),
        ("date,video_sha256\n2026-01-01,abc\n", "video_recorded_s is missing"),
        ("uid,surface\nunknown,road\n", "no date"),
        ('date,notes\n2026-01-01,"open\n', "no CSV"),
    ],
)
def test_a_table_that_can_not_be_read_is_told_and_imports_nothing(place, tmp_path, text, words):
    (tmp_path / "bad.csv").write_text(text)
    said = formcheck("log", "import", "bad.csv", status=1)
    assert words in said
    assert said.count("\n") == 1
    assert read_runs(place) == []


def test_two_runs_of_one_video_are_refused(place, tmp_path):
    filmed = make_filmed()
    (tmp_path / "twice.csv").write_text(
        write_csv([make_run(filmed=filmed), make_run(day=1, filmed=filmed)])
    )
    assert "same video" in formcheck("log", "import", "twice.csv", status=1)
    assert read_runs(place) == []


def test_bytes_that_are_no_text_are_told(place, tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"date\n\xff\xfe\n")
    assert "no CSV in UTF-8" in formcheck("log", "import", "bad.csv", status=1)
    with pytest.raises(LogError, match="can't be read"):
        read_csv(tmp_path / "none.csv", [])


# --- shoes ---------------------------------------------------------------------------------------


def wear(pair, *runs, today=DAY_0 + timedelta(days=30)):
    (found,) = count_wear([pair], runs, today.date())
    return found


def test_the_distance_of_a_pair_is_that_of_its_runs_and_of_before():
    worn = wear(
        Shoes("blue", before_m=100_000),
        make_run(shoes="blue", distance_m=10_000),
        make_run(day=3, shoes="blue", activity=make_activity(distance_m=9000)),
        make_run(day=4, shoes="blue"),
        make_run(day=5, shoes="other", distance_m=50_000),
    )
    assert worn.distance_m == 119_000
    assert worn.miles == pytest.approx(73.94, abs=0.01)
    assert (worn.runs, worn.without_distance, worn.age_days, worn.word) == (3, 1, 30, "")


@pytest.mark.parametrize(
    ("metres", "days", "word"),
    [
        (643_700, 183, ""),
        (643_800, 183, "past 400 miles"),
        (643_700, 184, "past six months"),
        (650_000, 400, "past 400 miles and six months"),
    ],
)
def test_a_pair_past_400_miles_or_six_months_has_a_word(metres, days, word):
    run = make_run(shoes="blue", distance_m=metres)
    assert wear(Shoes("blue"), run, today=DAY_0 + timedelta(days=days)).word == word


def test_shoes_are_shown_and_what_is_known_of_them_is_changed(place):
    formcheck("log", "add", "--date", "2026-05-01", "--distance", "50km", "--shoes", "Blue")
    formcheck("log", "add", "--date", "2026-05-03", "--distance", "50km", "--shoes", "blue")
    formcheck("shoes", "edit", "BLUE", "--since", "2025-01-10", "--before", "600km")
    shown = formcheck("shoes")
    assert "700 km (435 miles)" in shown
    assert "2025-01-10" in shown
    assert "past 400 miles and six months" in shown
    assert "look for a new pair" in shown
    formcheck("shoes", "edit", "blue", "--retired", "--rename", "Old blue")
    shown = formcheck("shoes")
    assert "retired" in shown
    assert "look for a new pair" not in shown
    assert read_runs(place)[0].shoes == "Old blue"


def test_shoes_that_are_not_there_or_there_already_are_told(place):
    for name in ("blue", "red"):
        formcheck("log", "add", "--distance", "5km", "--shoes", name)
    assert "no run was logged" in formcheck("shoes", "edit", "green", "--retired", status=1)
    assert "already" in formcheck("shoes", "edit", "red", "--rename", "Blue", status=1)


# --- history -------------------------------------------------------------------------------------


def test_history_writes_its_page_and_says_what_can_be_told(place, result, tmp_path):
    formcheck("log", "add", result)
    said = formcheck("history")
    assert "Too few runs to tell" in said
    assert "Page: formcheck_out/history.html" in said
    page = (tmp_path / "formcheck_out" / "history.html").read_text()
    assert "Too few runs to tell" in page
    assert f"{result.parent.name}/out/report.html" in page
    assert "Page: mine.html" in formcheck("history", "--out", "mine.html")


# --- as a process --------------------------------------------------------------------------------


def test_commands_of_two_processes_at_once_lose_nothing(place):
    command = [sys.executable, "-m", "formcheck.cli", "log", "add", "--distance"]
    processes = [
        subprocess.Popen([*command, f"{km}km"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for km in range(1, 7)
    ]
    said = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, said
    assert sorted(run.distance_m for run in read_runs(place)) == [1000.0 * km for km in range(1, 7)]


@pytest.mark.parametrize("command", [("log",), ("log", "export")])
def test_a_reader_that_has_left_is_no_fault(place, command):
    formcheck("log", "add", "--distance", "5km")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "formcheck.cli", *command],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=PATIENCE_S,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_control_signs_of_names_are_not_stored(place):
    formcheck("log", "add", "--shoes", "\x1b[31mred\x07\nones", "--notes", "a\x00b\tc\nd")
    (run,) = read_runs(place)
    assert (run.shoes, run.notes) == ("[31mred ones", "ab c\nd")
