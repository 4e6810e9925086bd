"""From the detector's raw numbers to regions around people."""

import numpy as np
import pytest

from formcheck.pose.detector import ANCHORS, SIDE_PX, find_regions, letterbox
from formcheck.pose.region import apply

COUNT = 2254  # 2 x 28² + 2 x 14² + 6 x 7²
AS_IT_IS = np.eye(2, 3)
FIRST_OF_16, FIRST_OF_32 = 2 * 28**2, 2 * 28**2 + 2 * 14**2


def answer(*found):
    """The network's answer: (anchor, its place, middle of the hips, radius, score) of each."""
    boxes, scores = np.zeros((COUNT, 12), np.float32), np.zeros(COUNT, np.float32)
    rng = np.random.default_rng(0)
    boxes[:] = rng.normal(0, 30, boxes.shape)  # what an unsure anchor says must not matter
    for anchor, place, hips, radius, score in found:
        hips, place = np.array(hips, float), np.array(place, float)
        rim = hips - (0, radius)
        rest = rng.uniform(0, 200, 4)
        boxes[anchor] = (
            *(hips - place),
            *(radius, radius),
            *(hips - place),
            *(rim - place),
            *rest,
        )
        scores[anchor] = score
    return boxes, scores


def test_there_are_as_many_anchors_as_the_network_answers_for():
    assert ANCHORS.shape == (COUNT, 2)


@pytest.mark.parametrize(
    ("anchor", "place"),
    [
        (0, (4, 4)),
        (1, (4, 4)),
        (2, (12, 4)),
        (2 * 28, (4, 12)),  # the second row
        (FIRST_OF_16 - 1, (220, 220)),
        (FIRST_OF_16, (8, 8)),
        (FIRST_OF_16 + 2 * (3 * 14 + 5) + 1, (88, 56)),
        (FIRST_OF_32 + 5, (16, 16)),
        (FIRST_OF_32 + 6, (48, 16)),
        (COUNT - 1, (208, 208)),
    ],
)
def test_an_anchor_lies_in_the_middle_of_its_cell(anchor, place):
    assert ANCHORS[anchor].tolist() == list(place)


@pytest.mark.parametrize(
    ("size", "corners", "scale"),
    [
        ((640, 360), [(0, 49), (224, 175)], 640 / 224),  # 360 of 640 are 126 of 224 pixels
        ((360, 640), [(49, 0), (175, 224)], 640 / 224),
        ((300, 300), [(0, 0), (224, 224)], 300 / 224),
        ((112, 56), [(0, 56), (224, 168)], 0.5),
    ],
)
def test_the_picture_lies_in_the_middle_of_the_square(size, corners, scale):
    matrix = letterbox(*size)
    assert apply(matrix, np.array(corners, float)) == pytest.approx(
        np.array([(0, 0), size], float), abs=1e-9
    )
    assert matrix[:, :2] == pytest.approx(scale * np.eye(2))
    assert SIDE_PX == 224


def test_a_box_becomes_the_region_of_the_body():
    """At the anchor (88, 56): hips 4 right and 10 below of it, rim 40 above the hips."""
    boxes, scores = answer((FIRST_OF_16 + 2 * (3 * 14 + 5), (88, 56), (92, 66), 40, 0.7))
    (region,) = find_regions(boxes, scores, letterbox(448, 224))  # twice the size, 112 above
    assert (region.x, region.y) == pytest.approx((184, 20), abs=1e-3)
    assert region.size == pytest.approx(2 * 1.25 * 80, abs=1e-3)
    assert region.turn == pytest.approx(0, abs=1e-5)


def test_a_body_that_lies_gives_a_turned_region():
    boxes, scores = answer((0, (4, 4), (100, 100), 40, 0.7))
    boxes[0, 6:8] = (100 + 50 - 4, 100 - 4)  # the rim to image right of the hips
    (region,) = find_regions(boxes, scores, AS_IT_IS)
    assert np.degrees(region.turn) == pytest.approx(90, abs=1e-3)
    assert region.size == pytest.approx(125, abs=1e-3)


def test_boxes_of_one_person_are_averaged_by_their_scores():
    boxes, scores = answer(
        (0, (4, 4), (110, 100), 40, 0.6),
        (FIRST_OF_32, (16, 16), (100, 100), 40, 0.9),
        (8, (36, 4), (100, 106), 43, 0.75),
    )
    (region,) = find_regions(boxes, scores, AS_IT_IS)
    weights = 0.6 + 0.9 + 0.75
    assert region.x == pytest.approx((0.6 * 110 + 0.9 * 100 + 0.75 * 100) / weights, abs=1e-3)
    assert region.y == pytest.approx((0.6 * 100 + 0.9 * 100 + 0.75 * 106) / weights, abs=1e-3)
    radius = (0.6 * 40 + 0.9 * 40 + 0.75 * 43) / weights
    assert region.size == pytest.approx(2.5 * radius, abs=1e-3)


def test_people_apart_stay_two_the_surest_first():
    boxes, scores = answer(
        (0, (4, 4), (60, 100), 40, 0.6),
        (3, (12, 4), (160, 100), 40, 0.9),
    )
    regions = find_regions(boxes, scores, AS_IT_IS)
    assert [r.x for r in regions] == pytest.approx([160, 60], abs=1e-3)


@pytest.mark.parametrize(("apart", "count"), [(20, 1), (24, 2)])
def test_boxes_are_one_persons_from_three_tenths_of_overlap_on(apart, count):
    """Squares of 40 that stand 20 apart share 20 of 60: a third; 24 apart, 16 of 64: a quarter."""
    boxes, scores = answer(
        (0, (4, 4), (60, 100), 40, 0.6),
        (3, (12, 4), (60 + apart, 100), 40, 0.9),
    )
    assert len(find_regions(boxes, scores, AS_IT_IS)) == count


@pytest.mark.parametrize(("score", "count"), [(0.49, 0), (0.51, 1)])
def test_below_a_half_nobody_is_there(score, count):
    boxes, scores = answer((40, ANCHORS[40], (100, 100), 40, score))
    assert len(find_regions(boxes, scores, AS_IT_IS)) == count


def test_a_box_without_size_is_a_person_still():
    boxes, scores = answer((0, (4, 4), (100, 100), 40, 0.9))
    boxes[0, 2:4] = 0
    assert len(find_regions(boxes, scores, AS_IT_IS)) == 1
