"""How fast the machine is: what is promised of `formcheck bench`, not how fast it should be."""

import dataclasses
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
from formcheck.bench import BASELINE, BASELINE_DECODE, BASELINE_ENGINE, STAGE_LABELS
from formcheck.errors import FormcheckError
from formcheck.video.reader import probe_video, read_frames
from tests.clips import write_video

PATIENCE_S = 120
ENGINES = ("blazepose", "mediapipe")
WHOLE_STAGES = {"decode", "network_all_cores", "assess", "report", "end_to_end"}
OWN_STAGES = {"blazepose": {"crop", "masks"}, "mediapipe": {"network_with_masks"}}


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
    if not bench.SAMPLE_VIDEO.is_file():
        pytest.skip("the sample videos are not here")
    arguments = ("bench", "--seconds", 2, "--repeats", 1, "--model", "lite", "--json")
    return formcheck(*arguments, cwd=tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def report(finished):
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_nothing_but_json_is_printed(finished, report):
    assert report["schema"] == "formcheck.bench/1"
    assert finished.stderr == ""


def test_json_says_what_was_measured_where_and_with_what(report):
    assert set(report) == {
        "schema", "video", "repeats", "machine", "versions", "engines", "measurements", "memory",
        "skipped",
    }  # fmt: skip
    assert set(report["machine"]) == {"cpu", "cores", "memory_gib", "system", "load_before"}
    named = {"python", "formcheck", "onnxruntime", "mediapipe", "av", "numpy"}
    assert all(report["versions"][name] for name in named)
    assert report["skipped"] == []
    assert {used["engine"] for used in report["engines"]} == set(ENGINES)
    assert all(used["device"] and used["provider"] for used in report["engines"])
    assert report["video"]["frames"] == 60


@pytest.mark.parametrize("engine", ENGINES)
def test_every_stage_of_an_engine_is_measured(report, engine):
    names = {m["name"] for m in report["measurements"] if m["engine"] == engine}
    assert names - {"network_one_core"} == WHOLE_STAGES | OWN_STAGES[engine]
    assert {m["model"] for m in report["measurements"] if m["engine"] == engine} == {"lite"}


def test_the_usual_loop_is_measured_with_the_full_model(report):
    usual = {m["name"]: m for m in report["measurements"] if m["engine"] == BASELINE_ENGINE}
    assert set(usual) == {BASELINE, BASELINE_DECODE}
    assert usual[BASELINE]["model"] == "full"
    assert usual[BASELINE]["frames"] == report["video"]["frames"]


def test_rates_and_ratios_follow_from_the_seconds(report):
    (loop,) = (m for m in report["measurements"] if m["name"] == BASELINE)
    loop_rate = loop["frames"] / loop["seconds"][0]
    for measured in report["measurements"]:
        assert len(measured["seconds"]) == report["repeats"] == 1
        rate = measured["frames"] / measured["seconds"][0]
        assert math.isfinite(rate)
        assert rate > 0
        assert measured["frames_per_s"] == pytest.approx({"median": rate, "min": rate, "max": rate})
        assert measured["times_baseline"] == pytest.approx(rate / loop_rate)


def test_the_whole_is_held_against_its_own_decoding(report):
    for engine in ENGINES:
        of = {m["name"]: m for m in report["measurements"] if m["engine"] == engine}
        whole, decode = (of[name]["frames_per_s"]["median"] for name in ("end_to_end", "decode"))
        assert of["end_to_end"]["share_of_limit"] == pytest.approx(whole / decode)
        assert of["assess"]["share_of_limit"] is None


def test_each_whole_has_a_peak_of_memory(report):
    assert {m["engine"] for m in report["memory"]} == {*ENGINES, BASELINE_ENGINE}
    for memory in report["memory"]:
        assert 50 < memory["peak_mib"] < 1024 * report["machine"]["memory_gib"]


# --- numbers of several repeats ------------------------------------------------------------------


def make_bench(clip, **changes):
    """Results in which every stage of two engines has been timed twice."""
    stages = [name for name in STAGE_LABELS if name not in (BASELINE, BASELINE_DECODE)]
    measurements = [
        bench.Measurement(name, engine, "lite", 60, (1.0, 4.0))
        for engine in ENGINES
        for name in stages
    ]
    measurements += [
        bench.Measurement(BASELINE_DECODE, BASELINE_ENGINE, "full", 60, (0.1, 0.2)),
        bench.Measurement(BASELINE, BASELINE_ENGINE, "full", 60, (2.0, 4.0)),
    ]
    made = bench.Bench(
        video=clip,
        clip=probe_video(clip),
        clip_frames=60,
        repeats=2,
        machine=bench.Machine("A core", 2, 4.0, "A system", 0.1),
        versions={"numpy": "2"},
        engines=[bench.EngineUsed("blazepose", "lite", "cpu", "A provider", "a note")],
        measurements=measurements,
        memory=[bench.Memory("blazepose", "lite", 123.0), bench.Memory("mediapipe", "lite", None)],
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
    whole = result.find("end_to_end", "blazepose", "lite")
    assert whole.frames_per_s == (60.0, 15.0)
    assert result.times_baseline(whole) == median([2.0 / 1.0, 4.0 / 4.0])


def test_the_table_names_every_stage_the_spread_and_the_memory(nobody):
    shown = show(make_bench(nobody))
    for label in STAGE_LABELS.values():
        assert label in shown
    assert "15.0..60.0" in shown
    assert "123 MiB" in shown
    assert "a note" in shown


def test_stages_are_timed_in_turn():
    order = []

    def stage(name):
        return bench.Stage(name, "engine", "lite", 1, lambda: order.append(name) or 1.0)

    told = []
    bench._time_in_turn([stage("decode"), stage("crop")], 2, told.append)
    assert order == ["decode", "crop", "decode", "crop"]
    assert told == [0.25, 0.5, 0.75, 1.0]


# --- what can't be measured ----------------------------------------------------------------------


def test_without_mediapipe_its_rows_say_so_and_the_rest_runs(nobody, monkeypatch):
    def refuse():
        raise FormcheckError("MediaPipe is not here;\ninstall it")

    monkeypatch.setattr(bench, "_require_mediapipe", refuse)
    result = measure(nobody, "mediapipe")
    assert [m.name for m in result.measurements] == [BASELINE_DECODE]
    reason = "MediaPipe is not here; install it"
    assert result.skipped == [
        bench.Skipped("mediapipe", "lite", reason),
        bench.Skipped(BASELINE_ENGINE, "full", reason),
    ]
    assert result.to_report()["measurements"][0]["times_baseline"] is None
    assert show(result).count(reason) == 2


def test_of_a_video_without_people_what_can_be_measured_is(nobody, monkeypatch):
    monkeypatch.setattr(bench, "_baseline_stages", lambda clip: iter(()))
    result = measure(nobody, "blazepose")
    assert [m.name for m in result.measurements] == ["decode"]
    assert any("nobody" in skipped.reason for skipped in result.skipped)


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
    monkeypatch.setattr(bench, "SAMPLE_VIDEO", tmp_path / "none.mp4")
    with pytest.raises(FormcheckError, match="name one: formcheck bench VIDEO"):
        measure(None, "blazepose")


# --- the part of the video -----------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_part_is_cut_as_it_is_encoded(suffix, tmp_path):
    whole = write_video(tmp_path / f"whole{suffix}", draw_noise(60), rotation_deg=90)
    (tmp_path / "cut").mkdir()
    clip = bench.take_clip(probe_video(whole), 1.0, tmp_path / "cut")
    assert clip.frames == pytest.approx(30, abs=3)
    assert (clip.info.width, clip.info.height) == (120, 160)
    assert clip.info.codec == "h264"
    for ours, theirs in zip(clip.sample, read_frames(whole), strict=False):
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)


def test_a_short_video_is_taken_as_it_is(nobody, tmp_path):
    clip = bench.take_clip(probe_video(nobody), 60.0, tmp_path)
    assert clip.info.path == nobody
    assert clip.frames == len(clip.sample) == 20


def test_what_cant_be_cut_is_told(nobody, monkeypatch, tmp_path):
    def refuse(*arguments, **options):
        raise av.ArgumentError(22, "refused")

    info = probe_video(nobody)
    monkeypatch.setattr(bench.av, "open", refuse)
    with pytest.raises(FormcheckError, match="can't be cut out"):
        bench.take_clip(info, 0.5, tmp_path)
