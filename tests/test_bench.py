"""How fast the machine is: what is promised of `formcheck bench`, not how fast it should be."""

import dataclasses
import importlib.util
import io
import json
import math
import subprocess
import sys
from statistics import median

import av
import numpy as np
import pytest
from rich.console import Console

from formcheck import bench
from formcheck.bench import clip as clip_room
from formcheck.bench import clock, findings, machine, stages
from formcheck.bench.findings import BASELINE, END_TO_END, WHOLE_PROCESS, Case
from formcheck.errors import FormcheckError
from formcheck.pose.blazepose_engine import _open_networks
from formcheck.system import has_fast_bfloat16
from formcheck.video.reader import probe_video, read_frames
from tests.clips import write_video

pytestmark = pytest.mark.xdist_group("bench")  # so that it is measured once

PATIENCE_S = 600
FULL, REDUCED = (Case("blazepose", "lite", precision) for precision in ("full", "reduced"))
MEDIAPIPE = Case("mediapipe", "lite")
WHOLES = {END_TO_END, WHOLE_PROCESS}
PARTS = {"decode", "network", "cleaning", "metrics", "report"}
STAGES = {
    FULL: PARTS | {"crop", "masks"} | WHOLES,
    REDUCED: PARTS | {"crop", "masks"} | WHOLES,
    MEDIAPIPE: PARTS | WHOLES,
    BASELINE: WHOLES,
}


def formcheck(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "formcheck.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def draw_noise(count=20):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)


@pytest.fixture
def nobody(tmp_path):
    return write_video(tmp_path / "nobody.mp4", draw_noise(), preset="ultrafast")


def measure(video, *engines, seconds=60):
    return bench.run_bench(video, engines=engines, models=["lite"], seconds=seconds, repeats=1)


# --- the JSON of a run ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    if not clip_room.SAMPLE_VIDEO.is_file():
        pytest.skip("the sample videos are not here")
    arguments = ("bench", "--seconds", 2, "--repeats", 1, "--model", "lite", "--json")
    return formcheck(*arguments, cwd=tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def report(finished):
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def case_of(row):
    return Case(row["engine"], row["model"], row["precision"])


def can_reduce():
    return has_fast_bfloat16() and importlib.util.find_spec("openvino") is not None


def rows_of(report, case):
    return {row["name"]: row for row in report["measurements"] if case_of(row) == case}


def test_nothing_but_json_is_printed(finished, report):
    assert report["schema"] == "formcheck.bench/1"
    assert finished.stderr == ""


def test_json_says_what_was_measured_where_and_with_what(report):
    assert set(report) == {
        "schema", "video", "repeats", "machine", "versions", "engines", "measurements", "skipped",
    }  # fmt: skip
    assert set(report["machine"]) == {"cpu", "cores", "memory_gib", "system", "load_before"}
    named = {"python", "formcheck", "onnxruntime", "mediapipe", "av", "numpy"}
    assert all(report["versions"][name] for name in named)
    assert report["video"]["frames"] == 60


@pytest.mark.parametrize("case", STAGES, ids=str)
def test_every_stage_of_a_case_is_measured(report, case):
    if case == REDUCED and not can_reduce():
        assert [case_of(row) for row in report["skipped"]] == [REDUCED]
        assert rows_of(report, case) == {}
    else:
        assert set(rows_of(report, case)) == STAGES[case]


def test_each_precision_computes_in_its_own_numbers(report):
    computes_in = {case_of(used): used["computes_in"] for used in report["engines"]}
    expected = {FULL: "float32", MEDIAPIPE: "float32"}
    assert computes_in == expected | ({REDUCED: "bfloat16"} if can_reduce() else {})
    assert all(used["device"] for used in report["engines"])


def test_rates_and_ratios_follow_from_the_seconds(report):
    def rate(row):
        return row["frames"] / row["seconds"][0]

    for row in report["measurements"]:
        assert len(row["seconds"]) == report["repeats"] == 1
        assert math.isfinite(rate(row))
        assert rate(row) > 0
        own = rows_of(report, case_of(row))[END_TO_END]
        rates = dict.fromkeys(("median", "min", "max"), rate(row))
        assert row["frames_per_s"] == pytest.approx(rates)
        assert row["share_of_end_to_end"] == pytest.approx(rate(own) / rate(row))


def test_each_whole_is_held_against_the_loop_that_was_run_in_the_same_way(report):
    loops = rows_of(report, BASELINE)
    for row in report["measurements"]:
        if row["name"] in WHOLES:
            rates = [r["frames_per_s"]["median"] for r in (row, loops[row["name"]])]
            assert row["times_baseline"] == pytest.approx(rates[0] / rates[1])
        else:
            assert row["times_baseline"] is None


def test_each_whole_process_has_a_peak_of_memory(report):
    for row in report["measurements"]:
        if row["name"] == WHOLE_PROCESS:
            assert 50 < row["peak_mib"] < 1024 * report["machine"]["memory_gib"]
        else:
            assert row["peak_mib"] is None


# --- processes -----------------------------------------------------------------------------------


def test_the_memory_of_a_process_is_its_own():
    """Linux would count what the one that starts it has had."""
    ours = np.ones(2**26)  # 512 MiB
    cost = clock.measure_process([sys.executable, "-c", "bytearray(100 * 2**20)"])
    assert 100 < cost.peak_mib < 200 < ours.nbytes / 2**20
    assert cost.seconds > 0


def test_a_process_that_fails_says_why():
    script = "import os, sys; print('ignored'); sys.exit('before\\n' + os.environ['WHY'])"
    with pytest.raises(FormcheckError, match="no luck"):
        clock.measure_process([sys.executable, "-c", script], {"WHY": "no luck"})


# --- numbers of several repeats ------------------------------------------------------------------


def make_bench(clip, **changes):
    """Results in which every stage of three cases has been timed twice."""
    measurements = [
        findings.Measurement(name, case, 60, (0.25, 1.0)) for case in STAGES for name in PARTS
    ]
    for case in STAGES:
        seconds = (2.0, 4.0) if case == BASELINE else (1.0, 4.0)
        measurements += [
            findings.Measurement(END_TO_END, case, 60, seconds),
            findings.Measurement(WHOLE_PROCESS, case, 60, seconds, peak_mib=123.4),
        ]
    made = findings.Bench(
        video=clip,
        clip=probe_video(clip),
        clip_frames=60,
        repeats=2,
        machine=machine.Machine("A core", 2, 4.0, "A system", 0.1),
        versions={"numpy": "2"},
        engines=[findings.EngineUsed(FULL, "cpu", "float32", "a note")],
        measurements=[m for m in measurements if m.name in STAGES[m.case]],
        skipped=[],
    )
    return dataclasses.replace(made, **changes)


def show(result):
    console = Console(file=io.StringIO(), width=100)
    bench.print_bench(result, console)
    return console.file.getvalue()


def test_ratios_are_taken_within_each_repeat(nobody):
    """A machine slowed down in one repeat slows both: their ratio stays."""
    result = make_bench(nobody)
    whole = result.find(END_TO_END, FULL)
    assert whole.frames_per_s == (60.0, 15.0)
    assert result.times_baseline(whole) == median([2.0 / 1.0, 4.0 / 4.0])


def test_the_table_names_every_stage_the_spread_and_the_memory(nobody):
    shown = show(make_bench(nobody))
    for name in PARTS | WHOLES:
        assert name.replace("_", " ") in shown
    assert "15.0..60.0" in shown
    assert "peak memory 123 MiB" in shown
    assert "a note" in shown


def test_the_table_says_what_bounds_the_whole_and_what_no_stage_holds(nobody):
    seconds = {"decode": 0.1, "network": 0.7, "report": 0.05, END_TO_END: 1.0}
    measurements = [
        findings.Measurement(name, FULL, 60, (taken,)) for name, taken in seconds.items()
    ]
    shown = show(make_bench(nobody, measurements=measurements))
    assert "70% of that of network and 10% of that of decode alone; 15% of its time" in shown


def test_stages_are_timed_in_turn():
    order = []

    def stage(name, peak_mib):
        def run():
            order.append(name)
            return clock.Cost(len(order), peak_mib * len(order) if peak_mib else None)

        return clock.Stage(name, FULL, 1, run)

    told = []
    measured = clock.time_in_turn([stage("decode", None), stage("crop", 10)], 2, told.append)
    assert order == ["decode", "crop", "decode", "crop"]
    assert told == [0.25, 0.5, 0.75, 1.0]
    assert [m.seconds for m in measured] == [(1, 3), (2, 4)]
    assert [m.peak_mib for m in measured] == [None, 40]


# --- what can't be measured ----------------------------------------------------------------------


def refuse(*arguments, **options):
    raise FormcheckError("this is not here;\ninstall it")


def test_without_mediapipe_its_rows_say_so(nobody, monkeypatch):
    monkeypatch.setattr(stages, "require_mediapipe", refuse)
    result = measure(nobody, "mediapipe")
    assert result.measurements == []
    reason = "this is not here; install it"
    assert result.skipped == [findings.Skipped(case, reason) for case in (MEDIAPIPE, BASELINE)]
    assert show(result).count(reason) == 2


def test_of_a_video_without_people_what_can_be_measured_is(nobody, monkeypatch):
    monkeypatch.setattr(stages, "require_mediapipe", refuse)
    monkeypatch.setattr(stages, "has_fast_bfloat16", lambda: False)
    result = measure(nobody, "blazepose")
    assert [(m.name, m.case) for m in result.measurements] == [("decode", FULL)]
    assert result.to_report()["measurements"][0]["times_baseline"] is None
    (person,) = (skipped.reason for skipped in result.skipped if skipped.case == FULL)
    assert "no person" in person


@pytest.mark.parametrize(("is_made_for_it", "reason"), [(False, "amx_bf16"), (True, "OpenVINO")])
def test_why_precision_is_not_reduced_is_told(monkeypatch, is_made_for_it, reason):
    monkeypatch.setattr(stages, "has_fast_bfloat16", lambda: is_made_for_it)
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    _open_networks.cache_clear()
    with pytest.raises(FormcheckError, match=reason):
        stages.open_engine(REDUCED)
    _open_networks.cache_clear()
    assert stages.open_engine(FULL).precision == "float32"


@pytest.mark.parametrize(
    "arguments", [("--engines", "openpose"), ("--model", "lite,huge"), ("--repeats", "0")]
)
def test_an_unknown_name_is_not_understood(arguments, tmp_path):
    done = formcheck("bench", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_missing_video_is_told_in_one_line(tmp_path):
    done = formcheck("bench", "nowhere.mp4", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "nowhere.mp4" in done.stderr


def test_without_a_sample_a_video_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(clip_room, "SAMPLE_VIDEO", tmp_path / "none.mp4")
    with pytest.raises(FormcheckError, match="name one: formcheck bench VIDEO"):
        measure(None, "blazepose")


# --- the part of the video -----------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_part_is_cut_as_it_is_encoded(suffix, tmp_path):
    whole = write_video(tmp_path / f"whole{suffix}", draw_noise(60), rotation_deg=90)
    (tmp_path / "cut").mkdir()
    clip = clip_room.take_clip(probe_video(whole), 1.0, tmp_path / "cut")
    assert clip.frames == pytest.approx(30, abs=3)
    assert (clip.info.width, clip.info.height) == (120, 160)
    assert clip.info.codec == "h264"
    for ours, theirs in zip(clip.sample, read_frames(whole), strict=False):
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)


def test_a_short_video_is_taken_as_it_is(nobody, tmp_path):
    clip = clip_room.take_clip(probe_video(nobody), 60.0, tmp_path)
    assert clip.info.path == nobody
    assert clip.frames == len(clip.sample) == 20


def test_what_cant_be_cut_is_told(nobody, monkeypatch, tmp_path):
    def refuse(*arguments, **options):
        raise av.ArgumentError(22, "refused")

    info = probe_video(nobody)
    monkeypatch.setattr(clip_room.av, "open", refuse)
    with pytest.raises(FormcheckError, match="can't be cut out"):
        clip_room.take_clip(info, 0.5, tmp_path)
