"""From observed people to the answer, on runners whose truth is known."""

import dataclasses
import json
import math

import numpy as np
import pytest

from formcheck.errors import NoRunnerError, SlowMotionError
from formcheck.keypoints import INDEX, Keypoints
from formcheck.observe import Observation
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.pose.people import Person
from formcheck.report.files import to_json, write_frames, write_strides
from formcheck.runner import guess_slow_motion
from tests.synthetic import describe_video, make_runner, observe_runner


def assess(runner, tmp_path, options=Options(), observation=None, **kwargs):  # noqa: B008
    file = tmp_path / "run.mp4"
    file.write_bytes(b"stands for a video")
    observation = observation or observe_runner(runner, **kwargs)
    return assess_run(describe_video(file, runner), observation, options)


def ramp(duration_s, start, end, value):
    return lambda t: value * np.clip((t / duration_s - start) / (end - start), 0, 1)


def test_a_steady_run_held(tmp_path):
    analysis = assess(make_runner(240, 30, noise_px=3, lean_sd_deg=0.7), tmp_path)
    assert analysis.verdict.label == "held"
    assert "over this recording" in analysis.verdict.text
    assert "fatigue" not in analysis.verdict.text
    assert analysis.metrics["trunk_lean_deg"].mean == pytest.approx(4, abs=0.2)
    assert analysis.gait.cadence_spm == pytest.approx(165, abs=0.3)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_growing_lean_degraded_posture(tmp_path, direction):
    growing = ramp(300, 0.5, 1.0, 5.0)
    runner = make_runner(
        300, 30, lean_deg=lambda t: 4 + growing(t), noise_px=3, lean_sd_deg=0.7, direction=direction
    )
    analysis = assess(runner, tmp_path)
    lean = analysis.metrics["trunk_lean_deg"]
    assert analysis.verdict.label == "degraded"
    assert lean.change.value == pytest.approx(4.0, abs=0.3)  # mean of the last fifth
    assert lean.change.ci95[0] < 4.0 < lean.change.ci95[1]
    assert analysis.verdict.onset_s == pytest.approx(150, abs=20)
    assert lean.onset_s.ci95[0] <= 150 <= lean.onset_s.ci95[1]


def test_a_rounding_back_degraded_posture(tmp_path):
    runner = make_runner(300, 30, noise_px=3)
    analysis = assess(runner, tmp_path, slouch_deg=ramp(300, 0.4, 0.6, 8.0))
    assert analysis.verdict.label == "degraded"
    slouch = analysis.metrics["slouch_deg"]
    assert slouch.baseline.mean == pytest.approx(0)
    assert slouch.change.value == pytest.approx(8, abs=1)
    assert analysis.metrics["trunk_lean_deg"].change.verdict == "stable"


def test_standing_up_straighter_is_changed_not_degraded(tmp_path):
    runner = make_runner(240, 30, lean_deg=lambda t: 8 - ramp(240, 0.3, 0.6, 5.0)(t), noise_px=3)
    assert assess(runner, tmp_path).verdict.label == "changed"


def test_a_few_seconds_are_too_few(tmp_path):
    growing = make_runner(8, 30, lean_deg=lambda t: 4 + t, noise_px=3)
    analysis = assess(growing, tmp_path)
    assert analysis.verdict.label == "insufficient_data"
    assert analysis.metrics["trunk_lean_deg"].change.value is None


def test_from_behind_lean_is_not_measurable(tmp_path):
    analysis = assess(make_runner(120, 30, view="rear", noise_px=3), tmp_path)
    assert analysis.verdict.label == "inconclusive"
    assert analysis.metrics["trunk_lean_deg"].mean is None
    assert "rear" in analysis.metrics["slouch_deg"].note
    assert analysis.metrics["lateral_trunk_lean_deg"].mean == pytest.approx(0, abs=0.3)


def test_slow_motion_is_named_with_its_factor(tmp_path):
    runner = make_runner(10, 240, 165, noise_px=2)
    with pytest.raises(SlowMotionError, match=r"slowed down, about 8\.0 times"):
        assess(runner, tmp_path, slow_motion=8)


@pytest.mark.parametrize("options", [Options(slow_motion=8.0), Options(capture_fps=240)])
def test_slow_motion_that_is_told_gives_real_times(tmp_path, options):
    runner = make_runner(20, 240, 165, noise_px=2)
    analysis = assess(runner, tmp_path, options, slow_motion=8)
    assert analysis.capture.slow_motion_factor == pytest.approx(8, rel=1e-3)
    assert analysis.gait.cadence_spm == pytest.approx(165, abs=1)
    assert analysis.metrics["ground_contact_time_ms"].mean == pytest.approx(
        1000 * runner.contact_time_s, abs=50
    )
    assert analysis.series.video_time_s[-1] == pytest.approx(
        8 * analysis.series.keypoints.time_s[-1]
    )


@pytest.mark.parametrize(
    ("cadence", "fps", "factor"),
    [(20.6, 29.97, 8.0), (17.6, 29.97, 8.0), (41, 30, 4.0), (86, 25, 2.0), (16.5, 25, 9.6)],
)
def test_guessed_factor(cadence, fps, factor):
    assert guess_slow_motion(cadence, fps) == pytest.approx(factor, rel=0.1)


def test_somebody_who_stands_is_refused(tmp_path):
    runner = make_runner(20, 30)
    rng = np.random.default_rng(0)
    frozen = np.tile(runner.keypoints.position[:1], (600, 1, 1)) + rng.normal(0, 2, (600, 33, 2))
    standing = dataclasses.replace(runner, keypoints=runner.keypoints.with_position(frozen))
    with pytest.raises(NoRunnerError, match="does not run"):
        assess(standing, tmp_path)


def test_legs_only_are_refused(tmp_path):
    runner = make_runner(20, 30)
    confidence = runner.keypoints.confidence.copy()
    confidence[:, :23] = 0
    legs = dataclasses.replace(runner.keypoints, confidence=confidence)
    with pytest.raises(NoRunnerError, match="whole body"):
        assess(dataclasses.replace(runner, keypoints=legs), tmp_path)


def test_nobody_is_refused(tmp_path):
    runner = make_runner(20, 30)
    observation = dataclasses.replace(observe_runner(runner), people=[])
    with pytest.raises(NoRunnerError, match="no person"):
        assess(runner, tmp_path, observation=observation)


def with_second_person(observation: Observation, other: Person) -> Observation:
    return dataclasses.replace(observation, people=[*observation.people, other])


def test_the_runner_is_followed_among_larger_bystanders(tmp_path):
    runner = make_runner(120, 30, noise_px=2, person_px=400)
    rng = np.random.default_rng(1)
    large = make_runner(120, 30, person_px=650).keypoints
    standing = np.tile(large.position[:1], (3600, 1, 1)) + rng.normal(0, 2, (3600, 33, 2))
    seen = observe_runner(runner)
    bystander = dataclasses.replace(
        seen.people[0], keypoints=large.with_position(standing), size_px=300.0
    )
    both = dataclasses.replace(seen, people=[bystander, seen.people[0]])
    analysis = assess(runner, tmp_path, observation=both)
    assert analysis.gait.cadence_spm == pytest.approx(165, abs=0.5)
    assert "several_people" in {w.code for w in analysis.capture.warnings}


def roll(observation: Observation, roll_deg: np.ndarray, tell_camera: bool) -> Observation:
    """Turn everything in the picture clockwise, as if the phone had been knocked the other way."""
    person = observation.people[0]
    time_s = observation.video_time_s
    centre = np.array(observation.camera.centre_px)
    angle = np.radians(np.interp(time_s, observation.camera.time_s, roll_deg))[:, None]
    x, y = np.moveaxis(person.keypoints.position - centre, 2, 0)
    turned = np.stack(
        [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=2
    )
    keypoints = person.keypoints.with_position(turned + centre)
    camera = observation.camera
    if tell_camera:
        camera = dataclasses.replace(camera, roll_deg=roll_deg)
    people = [dataclasses.replace(person, keypoints=keypoints)]
    return dataclasses.replace(observation, people=people, camera=camera)


def test_a_bumped_camera_is_corrected(tmp_path):
    runner = make_runner(240, 30, noise_px=2)
    steady = observe_runner(runner)
    bump = np.where(steady.camera.time_s > 120, 3.0, 0.0)
    blind = assess(runner, tmp_path, observation=roll(steady, bump, tell_camera=False))
    assert blind.metrics["trunk_lean_deg"].change.value == pytest.approx(3, abs=0.2)
    seen = assess(runner, tmp_path, observation=roll(steady, bump, tell_camera=True))
    assert seen.verdict.label == "held"
    assert seen.metrics["trunk_lean_deg"].change.value == pytest.approx(0, abs=0.1)
    assert "camera_turned" in {w.code for w in seen.capture.warnings}


def test_a_change_of_incline_makes_the_verdict_inconclusive(tmp_path):
    runner = make_runner(240, 30, lean_deg=lambda t: 4 + 4 * (t > 120), noise_px=2)
    position = runner.keypoints.position.copy()
    uphill = (0.09 * (runner.keypoints.time_s > 120))[:, None]
    hip_x = position[:, [23, 24], 0].mean(axis=1, keepdims=True)
    position[:, 25:, 1] -= uphill * (position[:, 25:, 0] - hip_x)
    keypoints = runner.keypoints.with_position(position)
    analysis = assess(runner.__class__(**{**vars(runner), "keypoints": keypoints}), tmp_path)
    assert analysis.verdict.label == "inconclusive"
    assert "9 % steeper" in next(
        w.text for w in analysis.capture.warnings if w.code == "speed_changed"
    )


def test_a_change_of_speed_makes_the_verdict_inconclusive(tmp_path):
    runner = make_runner(
        240,
        30,
        cadence_spm=lambda t: 160 + 25 * (t > 120),
        lean_deg=lambda t: 4 + 4 * (t > 120),
        noise_px=2,
    )
    analysis = assess(runner, tmp_path)
    assert analysis.verdict.label == "inconclusive"
    assert "speed_changed" in analysis.verdict.reasons


def test_a_runner_who_moves_along_the_belt_is_named(tmp_path):
    runner = make_runner(240, 30, noise_px=2)
    position = runner.keypoints.position.copy()
    position[..., 0] += ramp(240, 0.2, 0.8, 250)(runner.keypoints.time_s)[:, None]
    moved = dataclasses.replace(runner, keypoints=runner.keypoints.with_position(position))
    analysis = assess(moved, tmp_path)
    assert "runner_moved" in {w.code for w in analysis.capture.warnings}
    assert analysis.verdict.label == "inconclusive"


def test_holding_the_handrail_is_named(tmp_path):
    runner = make_runner(120, 30, noise_px=1)
    position = runner.keypoints.position.copy()
    wrist = 16
    position[:, wrist] = position[:, wrist].mean(axis=0)
    held = dataclasses.replace(runner, keypoints=runner.keypoints.with_position(position))
    assert "holds_handrail" in {w.code for w in assess(held, tmp_path).capture.warnings}
    free = assess(runner, tmp_path)
    assert not free.capture.warnings


SECTIONS = "formcheck_version video engine capture gait metrics verdict provenance"
VIDEO = (
    "path sha256 duration_s fps variable_frame_rate width height rotation_deg frames_decoded "
    "frames_analysed"
)
CAPTURE = "view direction slow_motion_factor camera warnings"


def test_report_follows_the_contract(tmp_path):
    analysis = assess(make_runner(240, 30, noise_px=3), tmp_path)
    report = json.loads(to_json(analysis))
    assert report["schema"] == "formcheck.report/1"
    assert set(report) >= set(SECTIONS.split())
    assert set(report["video"]) >= set(VIDEO.split())
    assert set(report["capture"]) >= set(CAPTURE.split())
    lean = report["metrics"]["trunk_lean_deg"]
    assert set(lean) >= {"mean", "sd", "baseline", "late", "change", "trend_per_hour", "onset_s"}
    assert set(lean["baseline"]) == {"mean", "from_s", "to_s", "strides"}
    assert set(lean["change"]) == {"value", "ci95", "verdict"}
    assert set(report["verdict"]) == {"label", "onset_s", "text", "reasons"}
    assert [step["name"] for step in report["provenance"]][:2] == ["sample_video", "find_pose"]


def test_no_nan_reaches_json(tmp_path):
    runner = make_runner(60, 30, view="rear", noise_px=3)
    text = to_json(assess(runner, tmp_path))
    assert "NaN" not in text

    def check(value):
        if isinstance(value, dict):
            [check(v) for v in value.values()]
        elif isinstance(value, list):
            [check(v) for v in value]
        elif isinstance(value, float):
            assert math.isfinite(value)

    check(json.loads(text))


def test_tables_hold_every_frame_and_stride(tmp_path):
    import pyarrow.parquet as pq

    analysis = assess(make_runner(60, 30, noise_px=3), tmp_path)
    write_frames(analysis, tmp_path / "frames.parquet")
    write_strides(analysis, tmp_path / "strides.parquet")
    frames = pq.read_table(tmp_path / "frames.parquet")
    strides = pq.read_table(tmp_path / "strides.parquet")
    assert frames.num_rows == 1800
    assert strides.num_rows == analysis.gait.strides
    lean = np.array(strides["trunk_lean_deg"])
    assert lean.mean() == pytest.approx(analysis.metrics["trunk_lean_deg"].mean)
    assert {p.name for p in tmp_path.iterdir()} == {"run.mp4", "frames.parquet", "strides.parquet"}


def test_slow_motion_told_of_a_video_at_full_speed(tmp_path):
    with pytest.raises(SlowMotionError, match="leave out --slow-motion"):
        assess(make_runner(20, 30, noise_px=2), tmp_path, Options(slow_motion=2.0))


def test_a_view_that_does_not_fit_is_doubted(tmp_path):
    runner = make_runner(20, 30, noise_px=2)
    still = runner.keypoints.position.copy()
    still[..., 1] = still[:1, :, 1]
    flat = dataclasses.replace(runner, keypoints=runner.keypoints.with_position(still))
    with pytest.raises(NoRunnerError, match="leave out --view rear"):
        assess(flat, tmp_path, Options(view="rear"))


@pytest.mark.parametrize("duration_s", [0.3, 0.8, 1.2])
def test_shorter_than_two_strides_is_refused(tmp_path, duration_s):
    with pytest.raises(NoRunnerError, match="film at least ten seconds"):
        assess(make_runner(duration_s, 30, noise_px=2), tmp_path)


def then_standing(runner, stop_s, noise_px=4.0, shift_px=30.0):
    """The same runner, who stops and stands bent forward."""
    keypoints = runner.keypoints
    stopped = keypoints.time_s >= stop_s
    position = keypoints.position.copy()
    position[stopped] = position[np.argmax(stopped)]
    position[np.ix_(stopped, range(23), [0])] += shift_px
    rng = np.random.default_rng(6)
    position[stopped] += rng.normal(0, noise_px, position[stopped].shape)
    return dataclasses.replace(runner, keypoints=keypoints.with_position(position))


@pytest.mark.parametrize(("length_s", "stop_s"), [(360, 240), (180, 80)])
def test_standing_after_the_run_is_no_part_of_it(tmp_path, length_s, stop_s):
    runner = make_runner(length_s, 30, noise_px=3, lean_sd_deg=0.5)
    analysis = assess(then_standing(runner, stop_s), tmp_path)
    assert analysis.series.strides.end_s.max() < stop_s + 1.5
    assert analysis.verdict.label == "held"


@pytest.mark.parametrize("lost", [slice(-60, None), slice(0, 60), slice(None)])
def test_a_camera_that_could_not_be_watched_leaves_the_verdict_open(tmp_path, lost):
    runner = make_runner(240, 30, lean_deg=lambda t: 4 + 4 * (t > 195), noise_px=2)
    seen = observe_runner(runner)
    roll_deg = seen.camera.roll_deg.copy()
    roll_deg[lost] = np.nan
    unwatched = dataclasses.replace(
        seen, camera=dataclasses.replace(seen.camera, roll_deg=roll_deg)
    )
    analysis = assess(runner, tmp_path, observation=unwatched)
    assert analysis.verdict.label == "inconclusive"
    assert "background_unclear" in analysis.verdict.reasons


def unsure(runner, *names):
    confidence = runner.keypoints.confidence.copy()
    confidence[:, [INDEX[name] for name in names]] = 0.3
    keypoints = dataclasses.replace(runner.keypoints, confidence=confidence)
    return dataclasses.replace(runner, keypoints=keypoints)


def test_a_hidden_hip_is_refused_kindly(tmp_path):
    with pytest.raises(NoRunnerError):
        assess(unsure(make_runner(60, 30, noise_px=2), "left_hip"), tmp_path)


def test_a_bystander_with_a_hidden_hip_does_no_harm(tmp_path):
    runner = make_runner(120, 30, noise_px=2)
    hidden = observe_runner(unsure(make_runner(120, 30, person_px=700), "left_hip")).people[0]
    both = with_second_person(observe_runner(runner), hidden)
    assert assess(runner, tmp_path, observation=both).verdict.label == "held"


def test_a_hidden_far_ear_costs_only_what_needs_it(tmp_path):
    analysis = assess(unsure(make_runner(120, 30, noise_px=2), "left_ear"), tmp_path)
    assert analysis.metrics["trunk_lean_deg"].mean == pytest.approx(4, abs=0.2)
    assert analysis.metrics["neck_flexion_deg"].mean is None


def test_a_runner_who_comes_late_is_judged_on_what_is_there(tmp_path):
    runner = make_runner(200, 30, noise_px=2)
    away = runner.keypoints.time_s < 110
    position = runner.keypoints.position.copy()
    confidence = runner.keypoints.confidence.copy()
    position[away], confidence[away] = np.nan, 0
    seen = observe_runner(runner)
    late = dataclasses.replace(
        seen.people[0],
        keypoints=Keypoints(runner.keypoints.time_s, position, confidence),
        frames_seen=int((~away).sum()),
    )
    analysis = assess(runner, tmp_path, observation=dataclasses.replace(seen, people=[late]))
    assert analysis.gait.cadence_spm == pytest.approx(165, abs=0.5)
    assert analysis.series.strides.start_s.min() >= 109


def test_too_few_frames_a_second_are_named(tmp_path):
    with pytest.raises(NoRunnerError, match="6 frames a second are too few"):
        assess(make_runner(60, 6, noise_px=2), tmp_path)


@pytest.mark.parametrize("factor", [2.0, 3.0, 8.0])
def test_a_factor_that_does_not_fit_is_doubted(tmp_path, factor):
    with pytest.raises((NoRunnerError, SlowMotionError), match="leave out --slow-motion"):
        assess(make_runner(60, 60, noise_px=2), tmp_path, Options(slow_motion=factor))


def test_slouch_is_counted_from_the_baseline_everywhere(tmp_path):
    import pyarrow.parquet as pq

    analysis = assess(make_runner(180, 30), tmp_path, slouch_deg=ramp(180, 0.4, 0.6, 8.0))
    write_strides(analysis, tmp_path / "strides.parquet")
    slouch = np.array(pq.read_table(tmp_path / "strides.parquet")["slouch_deg"])
    early = analysis.series.strides.middle_s <= analysis.metrics["slouch_deg"].baseline.to_s
    assert slouch[early].mean() == pytest.approx(0, abs=0.01)
    assert slouch.mean() == pytest.approx(analysis.metrics["slouch_deg"].mean, abs=0.05)


def test_a_trend_is_not_read_as_uncertainty_of_the_mean(tmp_path):
    runner = make_runner(60, 30, lean_deg=ramp(60, 0, 1, 3.0), noise_px=2)
    assert assess(runner, tmp_path).metrics["trunk_lean_deg"].uncertainty < 0.3


def test_a_part_shorter_than_the_camera_samples_is_not_called_unwatched(tmp_path):
    runner = make_runner(2.2, 60, noise_px=1)
    seen = observe_runner(runner)
    between = dataclasses.replace(seen.camera, time_s=seen.camera.time_s + 0.3)
    analysis = assess(runner, tmp_path, observation=dataclasses.replace(seen, camera=between))
    assert not analysis.capture.warnings
