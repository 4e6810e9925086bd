"""Strides laid over each other: a known course gives a known mean."""

import numpy as np
import pytest

from formcheck.drift import Part
from formcheck.keypoints import INDEX
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report.mean_stride import find_mean_strides
from formcheck.signals.cycles import PHASES, Cycles, find_cycles, normalise_cycles
from formcheck.signals.strides import Strides
from tests.synthetic import describe_video, make_runner, observe_runner

PHASE = np.linspace(0, 1, PHASES)


def cycles(start, end) -> Cycles:
    start, end = np.asarray(start, float), np.asarray(end, float)
    return Cycles(start, end, np.full(len(start), np.nan), from_contact=True)


def strides(contact, toe_off, start) -> Strides:
    start = np.asarray(start, float)
    unknown = np.full(len(start) - 1, np.nan)
    return Strides(
        "left", start[:-1], start[1:], np.array(contact), np.array(toe_off), unknown, unknown
    )


def test_each_cycle_runs_from_0_to_100_percent_however_long_it_is():
    time_s = np.arange(0, 4, 0.01)
    wanted = cycles([0.5, 1.3], [1.3, 2.6])
    found = normalise_cycles(time_s, time_s, wanted)
    expected = wanted.start_s[:, None] + PHASE * (wanted.end_s - wanted.start_s)[:, None]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_points_are_sampled_like_numbers():
    time_s = np.arange(0, 2, 0.05)
    course = np.stack([time_s, 2 * time_s], axis=1)[:, None]  # one keypoint, x and y
    found = normalise_cycles(time_s, course, cycles([0.5], [1.5]))
    assert found.shape == (1, PHASES, 1, 2)
    np.testing.assert_allclose(found[0, :, 0, 1], 2 * (0.5 + PHASE), atol=1e-9)


def test_what_was_not_seen_stays_unknown():
    time_s = np.concatenate([np.arange(0, 1, 0.05), np.arange(2, 3, 0.05)])
    values = np.ones_like(time_s)
    values[3] = np.nan  # at 0.15 s
    found = normalise_cycles(time_s, values, cycles([0.0, 0.5], [1.0, 2.5]))
    for unknown, at, gaps in (
        (np.isnan(found[0]), PHASE, ((0.1, 0.2), (0.95, 2.0))),
        (np.isnan(found[1]), 0.5 + 2 * PHASE, ((0.95, 2.0),)),
    ):
        inside = np.any([(at > start + 1e-9) & (at < end - 1e-9) for start, end in gaps], axis=0)
        beside = np.any([(at >= start - 1e-9) & (at <= end + 1e-9) for start, end in gaps], axis=0)
        assert unknown[inside].all()
        assert not unknown[~beside].any()


def test_cycles_begin_with_the_contact_and_leave_out_what_does_not_follow():
    run = strides([0.1, 1.1, np.nan, 3.1, 4.1], [0.4, 1.4, 2.4, 3.4, 4.4], np.arange(0.3, 6))
    found = find_cycles(run, from_contact=True)
    np.testing.assert_allclose(found.start_s, [0.1, 3.1])
    np.testing.assert_allclose(found.end_s, [1.1, 4.1])
    np.testing.assert_allclose(found.toe_off_pct, [30, 30])


def test_of_many_cycles_some_are_taken_spread_evenly():
    run = cycles(np.arange(100.0), np.arange(100.0) + 1)
    inside = run.within(20, 80, most=5)
    np.testing.assert_allclose(inside.start_s, [20, 35, 50, 64, 79])


@pytest.fixture(scope="module")
def leaning(tmp_path_factory):
    """Someone who leans 4 degrees at first and 8 at the end, exactly."""
    path = tmp_path_factory.mktemp("cycles") / "run.mp4"
    path.write_bytes(b"no video")
    body = make_runner(
        *(60.0, 60), person_px=280, hip_px=(180, 190), lean_deg=lambda t: np.where(t < 30, 4.0, 8.0)
    )
    observation = observe_runner(body, slouch_deg=0.0, size_px=(360, 400))
    return assess_run(describe_video(path, body, (360, 400)), observation, Options())


def test_the_mean_bodies_lean_as_the_runner_did(leaning):
    early, late = find_mean_strides(leaning)
    assert (early.part, late.part) == ("early", "late")
    for mean, part in ((early, "baseline"), (late, "late")):
        facts: Part = getattr(leaning.metrics["trunk_lean_deg"], part)
        assert np.mean(mean.mean["trunk_lean_deg"]) == pytest.approx(facts.mean, abs=0.1)
        assert mean.sd["trunk_lean_deg"].max() < 0.5
    gap = late.mean["trunk_lean_deg"] - early.mean["trunk_lean_deg"]
    assert gap == pytest.approx(4.0, abs=0.3)


def test_both_bodies_hang_at_the_middle_of_the_hips(leaning):
    for mean in find_mean_strides(leaning):
        hips = mean.body[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
        assert np.abs(hips).max() < 1e-6
        assert mean.body[:, INDEX["left_ankle"], 1].max() > 50  # y down
