"""Tell people apart over time, so that one of them can be followed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from formcheck.keypoints import INDEX, KEYPOINTS, Keypoints

# Points from which a person's place and size are taken: the trunk is the steadiest part.
TRUNK = [INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
MAX_STEP = 1.0  # trunk lengths a person's trunk may move between two sightings
MAX_SIZE_RATIO = 1.6
VELOCITY_MEMORY_S = 0.3  # over which a person's movement is averaged: about one bounce of a runner
FORESIGHT_S = 0.5  # how far ahead a movement is carried on, so that people can cross
FORGET_AFTER_S = 1.0  # unseen for longer, a person starts a new track
FORBIDDEN = 1e6  # trunk lengths: a pairing that can't be
REJOIN_DISTANCE = 3.0  # trunk lengths between the end of one track and the start of its sequel


@dataclass
class _Track:
    frame: list[int] = field(default_factory=list)
    position: list[NDArray[np.float32]] = field(default_factory=list)
    confidence: list[NDArray[np.float32]] = field(default_factory=list)
    profile: list[NDArray[np.float32]] = field(default_factory=list)
    last_seen_s: float = -np.inf
    place: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    size: float = 1.0
    first_place: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    first_size: float = 1.0

    def foresee(self, time_s: float) -> NDArray[np.float64]:
        """Return where the person should be at a time."""
        return self.place + self.velocity * min(time_s - self.last_seen_s, FORESIGHT_S)

    def move(self, time_s: float, place: NDArray[np.float64], size: float) -> None:
        """Take in where the person was seen, and how large."""
        passed_s = time_s - self.last_seen_s
        if np.isfinite(passed_s) and passed_s > 0:
            weight = 1 - np.exp(-passed_s / VELOCITY_MEMORY_S)
            self.velocity += weight * ((place - self.place) / passed_s - self.velocity)
        self.last_seen_s, self.place, self.size = time_s, place, size


@dataclass(frozen=True)
class Person:
    """One person's points on the clock of the whole video (NaN where unseen).

    `profile` is whatever was measured beside the points, shape (time, station).
    """

    keypoints: Keypoints
    profile: NDArray[np.float64]
    frames_seen: int
    size_px: float


class PeopleTracker:
    """Feed it each frame's poses in order; it keeps who is who.

    A pose joins the track whose trunk, carried on at its speed, it is nearest to, if it could have
    moved there; the best pairing over all is taken (Hungarian method,
    `scipy.optimize.linear_sum_assignment`).
    """

    def __init__(self) -> None:
        self._time_s: list[float] = []
        self._tracks: list[_Track] = []

    def add(
        self,
        time_s: float,
        position: NDArray[np.floating],
        confidence: NDArray[np.floating],
        profile: NDArray[np.floating],
    ) -> None:
        """Take in one frame.

        Parameters
        ----------
        time_s : float
        position : array, shape (person, keypoint, 2), source pixels
        confidence : array, shape (person, keypoint)
        profile : array, shape (person, station)
        """
        frame = len(self._time_s)
        self._time_s.append(time_s)
        if not len(position):
            return
        place = position[:, TRUNK].mean(axis=1)
        size = _trunk_length(position)
        live = [t for t in self._tracks if time_s - t.last_seen_s <= FORGET_AFTER_S]
        owner: list[_Track | None] = [None] * len(position)
        if live:
            cost = _pairing_cost(live, time_s, place, size)
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < MAX_STEP:
                    owner[column] = live[row]
        for i, track in enumerate(owner):
            if track is None:
                track = _Track(first_place=place[i], first_size=float(size[i]))
                self._tracks.append(track)
            track.frame.append(frame)
            track.position.append(position[i].astype(np.float32))
            track.confidence.append(confidence[i].astype(np.float32))
            track.profile.append(profile[i].astype(np.float32))
            track.move(time_s, place[i], float(size[i]))

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Times of all frames taken in, shape (time,)."""
        return np.array(self._time_s)

    def people(self) -> list[Person]:
        """Everybody seen, most often seen first; tracks that continue each other are joined."""
        chains = _join_tracks(self._tracks)
        people = [self._to_person(chain) for chain in chains]
        return sorted(people, key=lambda person: -person.frames_seen)

    def _to_person(self, chain: list[_Track]) -> Person:
        frames = np.concatenate([track.frame for track in chain]).astype(int)
        total = len(self._time_s)
        position = np.full((total, len(KEYPOINTS), 2), np.nan)
        confidence = np.zeros((total, len(KEYPOINTS)))
        position[frames] = np.concatenate([track.position for track in chain])
        confidence[frames] = np.concatenate([track.confidence for track in chain])
        seen_profile = np.concatenate([track.profile for track in chain])
        profile = np.full((total, seen_profile.shape[1]), np.nan)
        profile[frames] = seen_profile
        size = float(np.median(_trunk_length(position[frames])))
        return Person(Keypoints(self.time_s, position, confidence), profile, len(frames), size)


def _trunk_length(position: NDArray[np.floating]) -> NDArray[np.float64]:
    left, right, left_hip, right_hip = np.moveaxis(position[:, TRUNK], 1, 0)
    return np.maximum(np.hypot(*((left + right - left_hip - right_hip) / 2).T), 1e-6)


def _pairing_cost(
    live: list[_Track],
    time_s: float,
    place: NDArray[np.float64],
    size: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Distance in trunk lengths, shape (track, pose); prohibitive where the sizes disagree."""
    known_place = np.array([track.foresee(time_s) for track in live])
    known_size = np.array([track.size for track in live])
    distance = np.linalg.norm(known_place[:, None] - place[None], axis=2) / known_size[:, None]
    ratio = size[None] / known_size[:, None]
    distance[(ratio > MAX_SIZE_RATIO) | (ratio < 1 / MAX_SIZE_RATIO)] = FORBIDDEN
    return distance


def _join_tracks(tracks: list[_Track]) -> list[list[_Track]]:
    """Chain tracks that start where another, seen no more, has ended.

    Tracks of people who are there together are joined together, in the way that is nearest over
    all: else who is seen first would take another's place.
    """
    chains: list[list[_Track]] = []
    for together in _group_by_presence(tracks):
        distance = np.array(
            [[_distance_to_sequel(chain[-1], track) for track in together] for chain in chains]
        ).reshape(len(chains), len(together))
        far = distance >= REJOIN_DISTANCE
        unjoined = set(range(len(together)))
        for i, j in zip(*linear_sum_assignment(np.where(far, FORBIDDEN, distance)), strict=True):
            if not far[i, j]:
                chains[i].append(together[j])
                unjoined.discard(int(j))
        chains += [[together[j]] for j in sorted(unjoined)]
    return chains


def _group_by_presence(tracks: list[_Track]) -> list[list[_Track]]:
    """Group tracks, in order of their starts, whose people are all in the picture at one time."""
    groups: list[list[_Track]] = []
    for track in sorted(tracks, key=lambda t: t.frame[0]):
        if groups and all(track.frame[0] <= other.frame[-1] for other in groups[-1]):
            groups[-1].append(track)
        else:
            groups.append([track])
    return groups


def _distance_to_sequel(end: _Track, track: _Track) -> float:
    """Trunk lengths from where one track ended to where another begins; inf if it can't follow."""
    ratio = track.first_size / end.size
    if end.frame[-1] >= track.frame[0] or not 1 / MAX_SIZE_RATIO < ratio < MAX_SIZE_RATIO:
        return np.inf
    return float(np.linalg.norm(track.first_place - end.place) / end.size)
