"""The few pictures that are kept of a run: when, of what, and how many."""

import cv2
import numpy as np
import pytest

from formcheck.video.frame import Frame
from formcheck.video.moments import (
    ENOUGH,
    SIDE_PX,
    Album,
    Moment,
    choose_interval,
    is_due,
    take_moment,
)


def frame(width=640, height=480, scale=1.0, time_s=3.0) -> Frame:
    """Red left of the middle, blue right of it."""
    rgb = np.zeros((height, width, 3), dtype=np.uint8)
    rgb[:, : width // 2, 0] = rgb[:, width // 2 :, 2] = 255
    return Frame(0, time_s, rgb, scale)


def person(left, top, right, bottom):
    points = np.random.default_rng(0).uniform(size=(33, 2))
    points[0], points[1] = 0, 1
    return np.array([left, top]) + points * [right - left, bottom - top]


def decode(moment: Moment):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(moment.jpeg, np.uint8), 1), cv2.COLOR_BGR2RGB)


def test_a_moment_holds_the_runner_with_a_margin_in_source_pixels():
    moment = take_moment(frame(scale=2.0), np.array([person(300, 100, 400, 300)]))
    x, y = moment.origin_px
    width, height = moment.size_px
    assert (x, y) == pytest.approx((2 * 270, 2 * 70))
    assert (width, height) == pytest.approx((2 * 160, 2 * 260))
    assert moment.time_s == 3.0


def test_what_is_to_be_seen_lies_where_the_moment_says():
    moment = take_moment(frame(), np.array([person(300, 100, 400, 300)]))
    picture = decode(moment)
    edge = (320 - moment.origin_px[0]) / moment.size_px[0] * picture.shape[1]
    reddish = picture[..., 0].astype(int) > picture[..., 2]
    assert reddish.sum(axis=1).mean() == pytest.approx(edge, abs=1.0)
    assert max(picture.shape[:2]) <= SIDE_PX


def test_people_at_the_back_are_cut_off_and_a_runner_at_the_edge_is_kept():
    moment = take_moment(frame(), np.array([person(-20, 100, 80, 400), person(500, 100, 530, 180)]))
    assert moment.origin_px[0] == 0
    assert sum((moment.origin_px[0], moment.size_px[0])) < 200


@pytest.mark.parametrize("position", [np.zeros((0, 33, 2)), np.full((1, 33, 2), np.nan)])
def test_where_nobody_is_seen_nothing_is_kept(position):
    assert take_moment(frame(), position) is None


def test_a_small_runner_is_not_enlarged():
    picture = decode(take_moment(frame(), np.array([person(300, 100, 320, 160)])))
    assert picture.shape[0] <= 80


def test_moments_come_once_an_interval_wherever_a_span_begins():
    time_s = np.arange(0, 30, 1 / 30)
    interval = choose_interval(30.0 * ENOUGH / 10)  # 3 seconds
    assert interval == pytest.approx(3.0)
    whole = [
        t for before, t in zip([-np.inf, *time_s], time_s, strict=False) if is_due(t, before, 3)
    ]
    assert whole == pytest.approx(np.arange(0, 30, 3), abs=1 / 30)
    # a span that begins at 10 s knows the frame before it, and so takes none twice
    second = time_s[time_s >= 10]
    before = [time_s[time_s < 10][-1], *second]
    assert [t for b, t in zip(before, second, strict=False) if is_due(t, b, 3)] == whole[4:]


@pytest.mark.parametrize("count", [10, 2 * ENOUGH, 1000, 5000, 36_000])
def test_never_more_are_kept_than_twice_enough_and_they_stay_spread(count):
    album = Album(1.0)
    for i in range(count):
        album.add(Moment(i + 0.03 * (i % 2), b"", (0, 0), (1, 1)))
    assert min(count, ENOUGH) <= len(album.moments) < 2 * ENOUGH
    times = [moment.time_s for moment in album.moments]
    assert times[0] == 0
    gaps = np.diff([*times, count])
    assert gaps.min() > 0
    assert gaps.max() < 1.6 * np.median(gaps)


def test_an_unknown_length_takes_one_a_second():
    assert choose_interval(0.0) == 1.0
