"""Keypoints come out of the cleaning as they are known to have gone in."""

from dataclasses import replace

import numpy as np
import pytest

from formcheck.keypoints import INDEX, Keypoints
from formcheck.signals.cleaning import CleaningSettings, clean_keypoints, measure_leg_length
from tests.synthetic import make_runner

LEFT_WRIST = INDEX["left_wrist"]


def test_leg_length_of_a_known_body():
    runner = make_runner(5, 60, person_px=600)
    # the legs swing in the picture's plane, but are bent: thigh plus shank, not hip to ankle
    assert measure_leg_length(runner.keypoints) == pytest.approx(runner.leg_length_px, rel=0.01)


def test_clean_points_stay_where_they_are():
    keypoints = make_runner(10, 60).keypoints
    cleaned = clean_keypoints(keypoints).keypoints
    inner = slice(30, -30)
    ankle = INDEX["right_ankle"]
    moved = np.abs(cleaned.position - keypoints.position)[inner]
    assert np.nanmax(moved[:, INDEX["right_hip"]]) < 0.5
    assert np.nanmax(moved[:, ankle]) < 8  # of 600: what a 10 Hz low-pass takes off a foot strike


def test_unsure_points_become_unknown():
    keypoints = make_runner(5, 60).keypoints
    confidence = keypoints.confidence.copy()
    confidence[100:200, LEFT_WRIST] = 0.3
    cleaned = clean_keypoints(replace(keypoints, confidence=confidence)).keypoints
    unknown = np.isnan(cleaned.position[:, LEFT_WRIST, 0])
    assert unknown[100:200].all()
    assert unknown.sum() == 100


@pytest.mark.parametrize(
    ("missing", "is_filled"), [(5, True), (11, True), (13, False), (30, False)]
)
def test_gaps_up_to_a_fifth_of_a_second_are_filled(missing, is_filled):
    keypoints = make_runner(5, 60).keypoints
    position = keypoints.position.copy()
    hip = INDEX["left_hip"]
    position[100 : 100 + missing, hip] = np.nan
    cleaned = clean_keypoints(keypoints.with_position(position)).keypoints.position[:, hip]
    gap = slice(100, 100 + missing)
    if is_filled:
        assert np.abs(cleaned[gap] - keypoints.position[gap, hip]).max() < 12
    else:
        assert np.isnan(cleaned[gap]).all()
    assert np.isfinite(np.delete(cleaned, np.arange(100, 100 + missing), axis=0)).all()


def test_a_frame_drop_longer_than_a_fifth_of_a_second_makes_no_points():
    time_s = np.delete(np.arange(600) / 60, np.arange(300, 320))
    keypoints = make_runner(time_s=time_s).keypoints
    cleaned = clean_keypoints(keypoints).keypoints
    assert len(cleaned.time_s) == len(time_s)
    assert np.isfinite(cleaned.point("left_hip")).all()


def test_a_point_that_leaps_away_and_back_is_dropped():
    keypoints = make_runner(5, 60).keypoints
    position = keypoints.position.copy()
    position[150, INDEX["left_elbow"]] += 400
    cleaned = clean_keypoints(keypoints.with_position(position)).keypoints
    error = np.abs(cleaned.point("left_elbow") - keypoints.point("left_elbow"))[140:160]
    assert error.max() < 5


def test_a_limb_too_long_to_be_one_loses_its_end():
    keypoints = make_runner(5, 60).keypoints
    position = keypoints.position.copy()
    drift = np.concatenate([np.linspace(0, 500, 60), np.linspace(500, 0, 60)])
    position[100:220, LEFT_WRIST, 1] += drift  # slow enough to be no jump
    cleaned = clean_keypoints(keypoints.with_position(position)).keypoints
    assert np.isnan(cleaned.position[150:170, LEFT_WRIST]).all()


def response(frequency_hz, time_s, cutoff_hz=6.0):
    """Amplitude and lag in seconds of a sway of the whole body, after cleaning."""
    runner = make_runner(time_s=time_s)
    still = np.tile(runner.keypoints.position[:1], (len(time_s), 1, 1))
    sway = np.sin(2 * np.pi * frequency_hz * time_s)
    moved = still + 3 * sway[:, None, None]
    cleaned = clean_keypoints(
        Keypoints(time_s, moved, runner.keypoints.confidence),
        CleaningSettings(cutoff_hz=cutoff_hz),
    ).keypoints
    course = cleaned.point("left_hip")[:, 0] - still[:, INDEX["left_hip"], 0]
    inner = (time_s > 2) & (time_s < time_s[-1] - 2)
    basis = np.stack([sway, np.cos(2 * np.pi * frequency_hz * time_s)], axis=1)[inner]
    in_phase, late = np.linalg.lstsq(basis, course[inner] / 3, rcond=None)[0]
    return np.hypot(in_phase, late), -np.arctan2(late, in_phase) / (2 * np.pi * frequency_hz)


def test_low_pass_has_its_stated_cutoff_and_no_lag():
    even = np.arange(1200) / 60
    assert response(1.0, even)[0] == pytest.approx(1, abs=0.01)
    amplitude, lag = response(6.0, even)
    assert amplitude == pytest.approx(np.sqrt(0.5), abs=0.02)
    assert lag == pytest.approx(0, abs=0.001)
    assert response(15.0, even)[0] < 0.05


def test_low_pass_respects_uneven_times():
    rng = np.random.default_rng(1)
    uneven = np.cumsum(rng.uniform(0.5, 1.5, 1200)) / 60
    amplitude, lag = response(6.0, uneven)
    assert amplitude == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert lag == pytest.approx(0, abs=0.002)


def test_nothing_is_bridged_across_a_cut():
    keypoints = make_runner(10, 60).keypoints
    position = keypoints.position.copy()
    position[300:] += 300
    cleaned = clean_keypoints(keypoints.with_position(position), cuts_s=[5.0]).keypoints
    error = np.abs(cleaned.point("left_hip") - position[:, INDEX["left_hip"]])
    assert error[290:310].max() < 3


def test_a_short_quick_span_between_cuts_does_no_harm():
    quick = 3 + np.arange(30) / 120
    time_s = np.concatenate([np.arange(90) / 30, quick, quick[-1] + np.arange(1, 90) / 30])
    keypoints = make_runner(time_s=time_s).keypoints
    cleaned = clean_keypoints(keypoints, cuts_s=[quick[0], quick[-1] + 0.01]).keypoints
    assert np.isfinite(cleaned.point("left_hip")).all()
