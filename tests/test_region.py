"""The square around a body: where it lies, how large it is, how it turns."""

import numpy as np
import pytest

from formcheck.pose.region import Region, apply, invert, region_around

SIDE = 256
HIPS = np.array([320.0, 240.0])


def rim_at(lean_deg, distance):
    """A point so far from the hips, towards the head of a body that leans right by so much."""
    lean = np.radians(lean_deg)
    return HIPS + distance * np.array([np.sin(lean), -np.cos(lean)])


def test_an_upright_body_gives_an_upright_square_around_its_circle():
    region = region_around(HIPS, np.array([320.0, 140.0]))
    assert (region.x, region.y) == (320, 240)
    assert region.turn == pytest.approx(0)
    assert region.size == pytest.approx(2 * 1.25 * 100)


@pytest.mark.parametrize("lean_deg", [30, -30, 90, -135])
def test_the_square_turns_with_the_body(lean_deg):
    region = region_around(HIPS, rim_at(lean_deg, 80))
    assert np.degrees(region.turn) == pytest.approx(lean_deg)
    assert region.size == pytest.approx(200)


@pytest.mark.parametrize("lean_deg", [0, 30, -75, 180])
def test_in_the_crop_the_body_stands_upright_in_the_middle(lean_deg):
    to_picture = region_around(HIPS, rim_at(lean_deg, 80)).to_picture(SIDE)
    centre, top, circle = apply(
        to_picture, np.array([[SIDE / 2, SIDE / 2], [SIDE / 2, 0], [SIDE / 2, SIDE / 2 - 102.4]])
    )
    assert centre == pytest.approx(HIPS)
    assert top == pytest.approx(rim_at(lean_deg, 100))  # the upper edge's middle
    assert circle == pytest.approx(rim_at(lean_deg, 80))  # 102.4 = 256 / 2 / 1.25


def test_the_corners_of_an_upright_crop():
    corners = apply(
        Region(100, 50, 40, 0).to_picture(SIDE), np.array([[0, 0], [SIDE, 0], [0, SIDE]])
    )
    assert corners == pytest.approx(np.array([[80, 30], [120, 30], [80, 70]]))


def test_a_crop_of_a_turned_body_is_not_mirrored():
    """Leaning right by 90°, head to image right: what was at its right hand lies below."""
    right_edge = apply(Region(100, 50, 40, np.pi / 2).to_picture(SIDE), np.array([SIDE, SIDE / 2]))
    assert right_edge == pytest.approx([100, 70])


def test_there_and_back_again():
    matrix = Region(321.5, 87.25, 411, 0.7).to_picture(SIDE)
    points = np.random.default_rng(0).uniform(-50, 300, (4, 33, 2))
    there = apply(matrix, points)
    assert there.shape == points.shape
    assert np.abs(there - points).max() > 10
    assert apply(invert(matrix), there) == pytest.approx(points)


def test_a_matrix_is_applied_to_each_point_by_itself():
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert apply(matrix, np.array([10.0, 100.0])).tolist() == [213, 546]
    assert apply(matrix, np.array([[[10.0, 100.0]], [[0.0, 1.0]]])).tolist() == [
        [[213, 546]],
        [[5, 11]],
    ]


@pytest.mark.parametrize(
    ("apart", "size", "is_same"),
    [(0, 250, True), (30, 250, True), (100, 250, False), (30, 60, False), (0, 60, True)],
)
def test_only_regions_with_about_the_same_centre_are_one_bodys(apart, size, is_same):
    """The first body's circle reaches 100 pixels; a small body before a large one is another."""
    first, second = Region(300, 200, 250, 0), Region(300, 200 + apart, size, 1)
    assert first.overlaps(second) is is_same
    assert second.overlaps(first) is is_same
