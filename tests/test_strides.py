"""Rhythm, strides and contacts against a runner whose feet are known."""

import numpy as np
import pytest

from formcheck.signals.cleaning import clean_keypoints
from formcheck.signals.orientation import find_orientation
from formcheck.signals.rhythm import find_rhythm
from formcheck.signals.strides import find_strides
from tests.synthetic import make_runner


def strides_of(runner, **kwargs):
    pose = clean_keypoints(runner.keypoints)
    orientation = find_orientation(pose.keypoints)
    rhythm = find_rhythm(pose.keypoints, orientation, pose.leg_length_px)
    strides = find_strides(pose.keypoints, orientation, rhythm, pose.leg_length_px, **kwargs)
    return rhythm, strides


@pytest.mark.parametrize("view", ["side", "rear", "front"])
@pytest.mark.parametrize(("cadence", "fps"), [(150, 24), (165, 30), (180, 60), (200, 120)])
def test_cadence(view, cadence, fps):
    rhythm, strides = strides_of(make_runner(20, fps, cadence, view=view, noise_px=3))
    assert rhythm.is_running
    assert 120 / strides.duration_s.mean() == pytest.approx(cadence, abs=0.5)
    assert len(strides) >= 20 * cadence / 120 - 3


def test_cadence_with_a_variable_frame_rate_and_dropped_frames():
    rng = np.random.default_rng(2)
    time_s = np.cumsum(rng.uniform(0.8, 1.2, 900)) / 30
    time_s = np.delete(time_s, rng.choice(len(time_s), 60, replace=False))
    _, strides = strides_of(make_runner(time_s=time_s, cadence_spm=172, noise_px=3))
    assert 120 / strides.duration_s.mean() == pytest.approx(172, abs=0.7)


def test_cadence_that_changes_is_followed():
    runner = make_runner(120, 30, cadence_spm=lambda t: 160 + 20 * t / 120, noise_px=3)
    _, strides = strides_of(runner)
    true = np.interp(strides.middle_s, runner.keypoints.time_s, runner.cadence_spm)
    assert np.abs(120 / strides.duration_s - true).mean() < 2
    assert (120 / strides.duration_s - true).mean() == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("fps", [30, 60, 120, 240])
def test_contact_time(fps, direction):
    runner = make_runner(20, fps, direction=direction, noise_px=1)
    _, strides = strides_of(runner)
    contact_time = np.nanmean(strides.toe_off_s - strides.contact_s)
    # The clearances are set for a pose network's feet, which lag; these feet don't, so contact
    # comes out up to 45 ms long here, at any frame rate.
    assert contact_time == pytest.approx(runner.contact_time_s + 0.02, abs=0.03)


def test_events_belong_to_the_near_foot():
    runner = make_runner(20, 60, direction=-1)
    _, strides = strides_of(runner)
    assert strides.foot == "left"
    nearest = np.abs(strides.contact_s[:, None] - runner.contact_s["left"]).min(axis=1)
    assert np.nanmax(nearest) < 0.06


def test_slow_motion_shows_as_slow_rhythm():
    runner = make_runner(8, 240, 168)
    slow = runner.keypoints.__class__(
        runner.keypoints.time_s * 8, runner.keypoints.position, runner.keypoints.confidence
    )
    pose = clean_keypoints(slow)
    rhythm = find_rhythm(pose.keypoints, find_orientation(pose.keypoints), pose.leg_length_px)
    assert rhythm.is_running
    assert rhythm.cadence_spm == pytest.approx(21, abs=0.5)


def walking(duration_s=20.0, fps=30.0, cadence=110.0):
    """A walker: the runner's legs slower, the hips highest as the feet pass each other."""
    runner = make_runner(duration_s, fps, cadence)
    keypoints = runner.keypoints
    position = keypoints.position.copy()
    hips = position[:, [23, 24], 1].mean(axis=1)
    upper = slice(0, 25)
    position[:, upper, 1] -= 2 * (hips - hips.mean())[:, None]
    return keypoints.with_position(position)


def test_walking_is_not_running():
    keypoints = walking()
    rhythm = find_rhythm(keypoints, find_orientation(keypoints), 295.0)
    assert rhythm.is_gait
    assert not rhythm.is_running


def test_standing_has_no_rhythm():
    runner = make_runner(20, 30)
    rng = np.random.default_rng(0)
    still = np.tile(runner.keypoints.position[:1], (600, 1, 1))
    still += rng.normal(0, 3, still.shape)
    keypoints = runner.keypoints.with_position(still)
    assert not find_rhythm(keypoints, find_orientation(keypoints), 295.0).is_gait


def test_walking_before_the_run_gives_no_strides():
    walk, run = walking(20, 30, 120), make_runner(40, 30, 165).keypoints
    both = run.__class__(
        np.concatenate([walk.time_s, 20 + run.time_s]),
        np.concatenate([walk.position, run.position]),
        np.concatenate([walk.confidence, run.confidence]),
    )
    pose = clean_keypoints(both)
    orientation = find_orientation(pose.keypoints)
    rhythm = find_rhythm(pose.keypoints, orientation, pose.leg_length_px)
    strides = find_strides(pose.keypoints, orientation, rhythm, pose.leg_length_px)
    assert (strides.start_s > 18).all()
    assert len(strides) > 45


def test_no_stride_across_a_cut_or_a_gap():
    runner = make_runner(20, 60)
    position = runner.keypoints.position.copy()
    position[600:660] = np.nan
    runner = runner.__class__(
        **{**vars(runner), "keypoints": runner.keypoints.with_position(position)}
    )
    _, strides = strides_of(runner, cuts_s=[5.0])
    assert not ((strides.start_s < 5) & (strides.end_s >= 5)).any()
    assert not ((strides.start_s < 10.2) & (strides.end_s > 10.8)).any()


def test_belt_speed_of_the_standing_foot():
    from tests.synthetic import DUTY, STANCE_TRAVEL

    runner = make_runner(20, 60, 165)
    _, strides = strides_of(runner)
    true = STANCE_TRAVEL / (DUTY * 120 / 165)
    assert np.nanmean(strides.belt_speed) == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("direction", [1, -1])
def test_belt_grade_of_the_standing_foot(direction):
    grades = []
    for slope in (0.0, 0.06):
        runner = make_runner(20, 60, 165, direction=direction)
        position = runner.keypoints.position.copy()
        hip_x = position[:, [23, 24], 0].mean(axis=1, keepdims=True)
        ahead = direction * (position[:, 25:, 0] - hip_x)
        position[:, 25:, 1] -= slope * ahead  # y points down: uphill ahead
        keypoints = runner.keypoints.with_position(position)
        _, strides = strides_of(runner.__class__(**{**vars(runner), "keypoints": keypoints}))
        grades.append(np.nanmean(strides.belt_grade_pct))
    assert grades[1] - grades[0] == pytest.approx(6, abs=0.3)


def test_cycling_is_not_running():
    runner = make_runner(20, 30, noise_px=1)
    position = runner.keypoints.position.copy()
    hips = position[:, [23, 24]].mean(axis=1)
    position -= (hips - hips.mean(axis=0))[:, None]  # sitting: the hips stay where they are
    keypoints = runner.keypoints.with_position(position)
    rhythm = find_rhythm(keypoints, find_orientation(keypoints), runner.leg_length_px)
    assert rhythm.is_gait
    assert not rhythm.is_running


def test_rhythm_survives_jumps_of_the_phase():
    runner = make_runner(60, 30, noise_px=2)
    keypoints = runner.keypoints
    pieces = np.concatenate([np.arange(i * 121 + 37 * i, (i + 1) * 121 + 37 * i) for i in range(9)])
    pieces = pieces[pieces < len(keypoints.time_s)]
    jumping = keypoints.__class__(
        np.arange(len(pieces)) / 30, keypoints.position[pieces], keypoints.confidence[pieces]
    )
    rhythm = find_rhythm(jumping, find_orientation(jumping), runner.leg_length_px)
    assert rhythm.is_running
    assert rhythm.cadence_spm == pytest.approx(165, rel=0.1)
