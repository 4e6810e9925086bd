"""View and direction are those that the runner was made with."""

import numpy as np
import pytest

from formcheck.signals.orientation import find_orientation
from tests.synthetic import make_runner


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("turned_deg", [0, 10, 20, 30])
def test_side_view(direction, turned_deg):
    runner = make_runner(10, 30, direction=direction, turned_deg=turned_deg, noise_px=3)
    found = find_orientation(runner.keypoints)
    assert (found.view, found.direction) == ("side", direction)
    assert found.near_side == ("right" if direction > 0 else "left")
    assert found.turned_deg == pytest.approx(turned_deg, abs=12)


@pytest.mark.parametrize("view", ["rear", "front"])
def test_rear_and_front(view):
    found = find_orientation(make_runner(10, 30, view=view, noise_px=3).keypoints)
    assert found.view == view
    assert not found.is_oblique


def test_halfway_is_called_oblique():
    found = find_orientation(make_runner(10, 30, turned_deg=45).keypoints)
    assert found.is_oblique


def test_what_is_told_counts():
    keypoints = make_runner(10, 30, direction=1).keypoints
    found = find_orientation(keypoints, direction=-1)
    assert (found.direction, found.near_side) == (-1, "left")
    assert find_orientation(keypoints, view="rear").view == "rear"


def test_unknown_points_take_no_part():
    keypoints = make_runner(10, 30, direction=-1).keypoints
    position = keypoints.position.copy()
    position[::2] = np.nan
    assert find_orientation(keypoints.with_position(position)).direction == -1
