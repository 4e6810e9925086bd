"""Left and right are put back where the truth has them."""

import numpy as np
import pytest

from formcheck.keypoints import INDEX, Keypoints
from formcheck.signals.swaps import ARM, FOOT, LEG, repair_swaps
from tests.synthetic import make_runner


def swap(keypoints, joints, where):
    position, confidence = keypoints.position.copy(), keypoints.confidence.copy()
    at = np.flatnonzero(where)
    for joint in joints:
        left, right = INDEX[f"left_{joint}"], INDEX[f"right_{joint}"]
        for array in (position, confidence):
            array[at, left], array[at, right] = array[at, right].copy(), array[at, left].copy()
    return Keypoints(keypoints.time_s, position, confidence)


def share_right_back(repaired, runner):
    """Share of the frames with every point in its place; knees side by side may differ."""
    off = np.linalg.norm(repaired.position - runner.keypoints.position, axis=2)
    apart = runner.keypoints.point("left_knee") - runner.keypoints.point("right_knee")
    together = np.linalg.norm(apart, axis=1) < 0.1 * runner.leg_length_px
    knees = [INDEX["left_knee"], INDEX["right_knee"]]
    off[np.ix_(together, knees)] = 0
    return (off < 1e-6).all(axis=1).mean()


def blocks(frames, count, longest, seed):
    rng = np.random.default_rng(seed)
    where = np.zeros(frames, dtype=bool)
    for _ in range(count):
        start = rng.integers(0, frames - longest)
        where[start : start + rng.integers(1, longest + 1)] ^= True
    return where


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
@pytest.mark.parametrize("direction", [1, -1])
def test_nothing_is_exchanged_in_a_clean_clip(fps, direction):
    runner = make_runner(60, fps, direction=direction, noise_px=4)
    _, swapped = repair_swaps(runner.keypoints, runner.leg_length_px)
    assert not swapped["legs"].any()


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
@pytest.mark.parametrize("longest_s", [0.1, 0.5, 2.0])
def test_injected_leg_swaps_are_undone(fps, longest_s):
    runner = make_runner(120, fps, noise_px=4)
    where = blocks(len(runner.keypoints.time_s), 30, max(1, round(longest_s * fps)), seed=fps)
    repaired, swapped = repair_swaps(swap(runner.keypoints, LEG, where), runner.leg_length_px)
    assert (swapped["legs"] == where).mean() >= 0.99
    assert share_right_back(repaired, runner) >= 0.99


def test_injected_arm_swaps_are_undone():
    runner = make_runner(60, 60, noise_px=2)
    where = blocks(len(runner.keypoints.time_s), 20, 20, seed=3)
    _, swapped = repair_swaps(swap(runner.keypoints, ARM, where), runner.leg_length_px)
    assert (swapped["arms"] == where).mean() >= 0.99
    assert not swapped["legs"].any()


def test_swaps_beside_gaps_are_undone():
    runner = make_runner(60, 60, noise_px=3)
    where = blocks(len(runner.keypoints.time_s), 15, 30, seed=5)
    keypoints = swap(runner.keypoints, LEG, where)
    lost = np.zeros(len(where), dtype=bool)
    lost[::97] = True
    keypoints.position[lost] = np.nan
    _, swapped = repair_swaps(keypoints, runner.leg_length_px)
    assert (swapped["legs"] == where)[~lost].mean() >= 0.99


def test_the_input_is_left_alone():
    runner = make_runner(5, 60)
    keypoints = swap(runner.keypoints, LEG, np.arange(300) > 250)
    before = keypoints.position.copy()
    repair_swaps(keypoints, runner.leg_length_px)
    assert (keypoints.position == before).all()


def test_feet_exchanged_at_one_moment_of_every_stride_are_put_back():
    runner = make_runner(60, 60, noise_px=3)
    phase = np.interp(runner.keypoints.time_s, runner.contact_s["left"], np.arange(
        len(runner.contact_s["left"])
    )) % 1  # fmt: skip
    where = (phase > 0.1) & (phase < 0.25)
    _, swapped = repair_swaps(swap(runner.keypoints, FOOT, where), runner.leg_length_px)
    assert (swapped["legs"] == where).mean() >= 0.99
    assert swapped["knees"].mean() < 0.03
