"""Who is who, over time."""

import numpy as np
import pytest

from formcheck.keypoints import INDEX, KEYPOINTS
from formcheck.pose.people import FORGET_AFTER_S, PeopleTracker

FPS = 30.0
TRUNK_PX = 100.0
STATIONS = 4


def stand_at(x, y=300.0, *, size=1.0):
    """A person's points, shape (keypoint, 2): mid-trunk at (x, y), trunk of 100 px times size."""
    points = np.zeros((len(KEYPOINTS), 2))
    for side, sign in (("left", -1), ("right", 1)):
        points[INDEX[f"{side}_shoulder"]] = (20 * sign, -TRUNK_PX / 2)
        points[INDEX[f"{side}_hip"]] = (15 * sign, TRUNK_PX / 2)
        points[INDEX[f"{side}_ankle"]] = (15 * sign, 2 * TRUNK_PX)
    return size * points + (x, y)


def track(*frames, fps=FPS, seed=None):
    """Feed lists of people, each (position, mark); the mark is kept in confidence and profile.

    With a seed, the engine hands out the people of each frame in any order.
    """
    tracker = PeopleTracker()
    rng = np.random.default_rng(seed)
    for i, people in enumerate(frames):
        order = list(people) if seed is None else [people[k] for k in rng.permutation(len(people))]
        position = np.array([p for p, _ in order]).reshape(len(order), len(KEYPOINTS), 2)
        mark = np.array([m for _, m in order], dtype=float)
        tracker.add(
            i / fps,
            position,
            np.repeat(mark[:, None], len(KEYPOINTS), axis=1),
            np.repeat(mark[:, None], STATIONS, axis=1),
        )
    return tracker


def marks(person):
    """Who it was at each time (NaN: nobody)."""
    seen = np.isfinite(person.keypoints.position[:, 0, 0])
    return np.where(seen, person.keypoints.confidence[:, 0], np.nan)


def assert_one_person_each(people, *expected):
    found = [set(marks(person)[np.isfinite(marks(person))]) for person in people]
    assert sorted(found, key=min) == [{mark} for mark in sorted(expected)]


def test_one_person_is_followed_and_keeps_their_numbers():
    frames = [[(stand_at(100 + 3 * i), 0.5)] for i in range(30)]
    (person,) = track(*frames).people()
    assert person.frames_seen == 30
    assert person.size_px == pytest.approx(TRUNK_PX)
    assert person.keypoints.time_s == pytest.approx(np.arange(30) / FPS)
    assert person.keypoints.position[7] == pytest.approx(stand_at(121))
    assert person.keypoints.confidence[7] == pytest.approx(0.5)
    assert person.profile.shape == (30, STATIONS)


def test_the_order_in_which_the_engine_names_people_does_not_matter():
    frames = [[(stand_at(200), 0.25), (stand_at(500), 0.5), (stand_at(900), 0.75)]] * 60
    people = track(*frames, seed=1).people()
    assert_one_person_each(people, 0.25, 0.5, 0.75)
    assert [p.frames_seen for p in people] == [60, 60, 60]
    for person in people:
        mark = marks(person)[0]
        assert person.profile == pytest.approx(np.full((60, STATIONS), mark))


@pytest.mark.parametrize("speed", [2.0, 5.0, 12.0, 25.0])
@pytest.mark.parametrize("height", [0.0, 10.0])
def test_people_who_cross_stay_themselves(speed, height):
    """Towards each other, in pixels a frame, past the same point."""
    count = int(600 / speed)
    frames = [
        [(stand_at(100 + speed * i), 0.25), (stand_at(701 - speed * i, 300 + height), 0.5)]
        for i in range(count)
    ]
    people = track(*frames, seed=2).people()
    assert_one_person_each(people, 0.25, 0.5)
    assert [p.frames_seen for p in people] == [count, count]


def test_a_passer_by_behind_a_bouncing_runner_does_not_take_over():
    def bounce(i):
        return 300 + 8 * np.sin(2 * np.pi * 2.75 * i / FPS)

    frames = [
        [(stand_at(400, bounce(i)), 0.25), (stand_at(100 + 5 * i, 290, size=0.8), 0.5)]
        for i in range(120)
    ]
    assert_one_person_each(track(*frames, seed=3).people(), 0.25, 0.5)


def test_a_passer_by_who_is_hidden_for_a_moment_does_not_take_over():
    frames = []
    for i in range(120):
        x = 100 + 5 * i
        people = [(stand_at(400), 0.25)]
        if abs(x - 400) > 40:
            people.append((stand_at(x, 290, size=0.9), 0.5))
        frames.append(people)
    people = track(*frames).people()
    assert marks(people[0]).tolist() == [0.25] * 120
    assert_one_person_each(people[1:], 0.5)


def test_who_leaves_and_comes_back_is_one_person():
    away = int(FPS * FORGET_AFTER_S * 3)
    here = [[(stand_at(400), 0.25)]] * 30
    (person,) = track(*here, *[[]] * away, *[[(stand_at(450), 0.25)]] * 30).people()
    assert person.frames_seen == 60
    gap = marks(person)[30 : 30 + away]
    assert np.isnan(gap).all()
    assert (person.keypoints.confidence[30 : 30 + away] == 0).all()
    assert np.isnan(person.profile[30 : 30 + away]).all()


def test_who_comes_back_far_away_or_in_another_size_is_another_person():
    away = [[]] * int(FPS * FORGET_AFTER_S * 3)
    here = [[(stand_at(400), 0.25)]] * 30
    for other in (stand_at(400 + 6 * TRUNK_PX), stand_at(400, size=2.0), stand_at(400, size=0.5)):
        assert_one_person_each(track(*here, *away, *[[(other, 0.5)]] * 30).people(), 0.25, 0.5)


def test_a_size_that_jumps_is_another_person():
    frames = [[(stand_at(400), 0.25)]] * 10 + [[(stand_at(400, size=1.8), 0.5)]] * 10
    assert_one_person_each(track(*frames).people(), 0.25, 0.5)


def test_a_runner_who_comes_nearer_stays_one_person():
    frames = [[(stand_at(400, size=1 + i / 60), 0.25)] for i in range(120)]
    (person,) = track(*frames).people()
    assert person.frames_seen == 120
    assert person.size_px == pytest.approx(2 * TRUNK_PX, rel=0.02)


def test_who_is_seen_most_comes_first():
    frames = [[(stand_at(200), 0.25)] * (i % 3 == 0) + [(stand_at(700), 0.5)] for i in range(60)]
    first, second = track(*frames).people()
    assert (first.frames_seen, second.frames_seen) == (60, 20)
    assert marks(first)[0] == 0.5


def test_the_clock_is_that_of_all_frames():
    frames = [[]] * 5 + [[(stand_at(400), 0.25)]] * 5 + [[]] * 5
    tracker = track(*frames)
    (person,) = tracker.people()
    assert len(tracker.time_s) == len(person.keypoints.time_s) == 15
    assert np.isfinite(person.keypoints.position[:, 0, 0]).tolist() == (
        [False] * 5 + [True] * 5 + [False] * 5
    )


def test_nobody_and_nothing():
    assert PeopleTracker().people() == []
    tracker = track(*[[]] * 10)
    assert tracker.people() == []
    assert len(tracker.time_s) == 10


def test_two_people_lost_together_come_back_as_themselves():
    lost = int((FORGET_AFTER_S + 0.7) * FPS)
    first, second = (stand_at(300), 0.5), (stand_at(300 + 2.5 * TRUNK_PX), 0.75)
    frames = [[first, second]] * 30 + [[]] * lost + [[second, first]] * 30
    assert_one_person_each(track(*frames).people(), 0.5, 0.75)


@pytest.mark.parametrize("listed_first", [0, 1])
def test_of_two_who_are_seen_anew_at_once_each_goes_on_as_themselves(listed_first):
    """One was there alone; after a pause both are, two trunk lengths apart."""
    tracker = PeopleTracker()
    runner, other = (stand_at(300), 0.75), (stand_at(500), 0.25)
    both = [runner, other] if listed_first == 0 else [other, runner]
    for window, people in enumerate([[runner], both, both]):
        for i in range(30):
            position = np.array([p for p, _ in people])
            mark = np.array([[m] for _, m in people])
            tracker.add(
                60.0 * window + i / FPS,
                position,
                np.repeat(mark, len(KEYPOINTS), axis=1),
                np.repeat(mark, STATIONS, axis=1),
            )
    assert_one_person_each(tracker.people(), 0.75, 0.25)
