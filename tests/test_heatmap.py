"""Landmarks drawn to the mass of their heatmaps."""

import numpy as np
import pytest

from formcheck.pose.heatmap import MIN_CONFIDENCE, REACH, refine_landmarks

SIDE = 256
CELLS = 64  # of 4 pixels
NOTHING = -50.0  # a logit that weighs nothing


def refine(place, peaks, *, rows=CELLS, columns=CELLS):
    """Refine one landmark by a heatmap with logits at some cells, {(column, row): logit}."""
    heatmap = np.full((1, rows, columns, 1), NOTHING, np.float32)
    for (column, row), logit in peaks.items():
        heatmap[0, row, column, 0] = logit
    landmarks = np.array([[place]], np.float32)
    refined = refine_landmarks(landmarks, heatmap, SIDE)
    assert refined.shape == (1, 1, 2)
    return refined[0, 0].tolist()


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def refine_plainly(landmarks, heatmap, side):
    """The rule, one cell after the other."""
    refined = landmarks.astype(float)
    crops, rows, columns, count = heatmap.shape
    for crop in range(crops):
        for mark in range(count):
            x, y = landmarks[crop, mark].astype(float)
            column, row = int(np.floor(x * columns / side)), int(np.floor(y * rows / side))
            if not (0 <= column < columns and 0 <= row < rows):
                continue
            total = best = right = down = 0.0
            for r in range(max(0, row - REACH), min(rows, row + REACH + 1)):
                for c in range(max(0, column - REACH), min(columns, column + REACH + 1)):
                    weight = sigmoid(float(heatmap[crop, r, c, mark]))
                    total, best = total + weight, max(best, weight)
                    right, down = right + weight * c, down + weight * r
            if best >= MIN_CONFIDENCE:
                refined[crop, mark] = (
                    right / total * side / columns,
                    down / total * side / rows,
                )
    return refined


def test_a_sharp_peak_draws_the_landmark_to_its_cell():
    """In cell (30, 20); the peak in (32, 19): 4 x 32 = 128, 4 x 19 = 76."""
    assert refine((121.0, 82.0), {(32, 19): 10.0}) == pytest.approx([128, 76])


def test_two_peaks_draw_it_between_them():
    """Weights 0.75 at column 29 and 0.25 at column 33: the middle is column 30."""
    peaks = {(29, 20): np.log(3), (33, 20): -np.log(3)}
    assert refine((121.0, 82.0), peaks) == pytest.approx([4 * 30, 4 * 20], abs=1e-4)


def test_columns_and_rows_are_not_exchanged():
    """8 columns of 32 pixels, 16 rows of 16: the peak in column 5, row 10."""
    found = refine((150.0, 150.0), {(5, 10): 10.0}, rows=16, columns=8)
    assert found == pytest.approx([160, 160])
    found = refine((150.0, 150.0), {(5, 11): 10.0}, rows=16, columns=8)
    assert found == pytest.approx([160, 176])


@pytest.mark.parametrize(("logit", "moves"), [(0.1, True), (-0.1, False)])
def test_where_the_heatmap_is_not_sure_the_landmark_stays(logit, moves):
    """A logit of 0 is a probability of a half."""
    found = refine((121.0, 82.0), {(32, 19): logit})
    assert found == pytest.approx([128, 76] if moves else [121, 82])


def test_many_unsure_cells_are_not_one_sure_one():
    peaks = {(column, 20): -1.0 for column in range(27, 34)}
    assert refine((121.0, 82.0), peaks) == [121, 82]


@pytest.mark.parametrize(("column", "moves"), [(33, True), (34, False), (27, True), (26, False)])
def test_only_the_neighbourhood_counts(column, moves):
    """Three cells to each side of the landmark's, which is column 30."""
    found = refine((121.0, 82.0), {(column, 20): 10.0})
    assert found == pytest.approx([4 * column, 80] if moves else [121, 82])


@pytest.mark.parametrize(
    "place", [(-0.5, 82.0), (256.0, 82.0), (121.0, -30.0), (121.0, 256.5), (1e4, -1e4)]
)
def test_a_landmark_outside_the_crop_stays(place):
    peaks = {(column, row): 10.0 for column in (0, 30, 63) for row in (0, 20, 63)}
    assert refine(place, peaks) == pytest.approx(list(place))


@pytest.mark.parametrize(
    ("place", "cell"),
    [((0.0, 0.0), (0, 0)), ((1.0, 1.0), (2, 3)), ((255.9, 255.9), (63, 63)), ((255, 1), (61, 1))],
)
def test_at_the_border_only_what_is_there_counts(place, cell):
    assert refine(place, {cell: 10.0}) == pytest.approx([4 * cell[0], 4 * cell[1]], abs=1e-3)


def test_at_the_border_a_cell_counts_once():
    """In the corner: weights 0.75 in column 0 and 0.75 in column 2."""
    peaks = {(0, 0): np.log(3), (2, 0): np.log(3)}
    assert refine((1.0, 1.0), peaks) == pytest.approx([4, 0], abs=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (16, 24)])
def test_many_at_once_are_as_one_cell_after_the_other(rows, columns):
    rng = np.random.default_rng(1)
    landmarks = rng.uniform(-20, SIDE + 20, (3, 39, 2)).astype(np.float32)
    landmarks[0, :10] = rng.uniform(0, 12, (10, 2))
    heatmap = rng.normal(-3, 2, (3, rows, columns, 39)).astype(np.float32)
    before = landmarks.copy()
    found = refine_landmarks(landmarks, heatmap, SIDE)
    expected = refine_plainly(landmarks, heatmap, SIDE)
    assert found == pytest.approx(expected, abs=1e-3)
    moved = (expected != landmarks).any(axis=-1)
    assert 20 < moved.sum() < moved.size - 20  # both are tried
    assert np.array_equal(landmarks, before)
