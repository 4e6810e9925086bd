"""Find and undo swaps of left and right along the whole clip.

In the side view the two legs look alike, and pose networks exchange them. But running repeats: at
each moment of the stride the difference between left and right joints (knee, ankle, heel, toe; x
and y together) points its own way, and a swap turns it round. The moment itself is known whatever
the labels: the square of the legs' spread beats twice a stride and does not change with a swap. So
the course of the whole clip says at each frame which way round left and right are, once the mean
difference at each moment of the stride has been learned from the clip (most labels are right).
Arms are judged by the same beat.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, hilbert, sosfiltfilt

from formcheck.keypoints import INDEX, Keypoints
from formcheck.signals.clock import even_clock, on_clock

KNEE, FOOT, ARM = ("knee",), ("ankle", "heel", "foot_index"), ("elbow", "wrist")
LEG = KNEE + FOOT
LIMBS = {"knees": KNEE, "legs": FOOT, "arms": ARM}  # a network may exchange the feet alone
WILD = 1.0  # a joint's difference longer than this many leg lengths counts as this long
STEP_HZ = (0.15, 4.6)  # of the legs' spread: from slow motion to a sprint
STEP_BAND = (0.6, 1.5)  # around the step frequency, in which its course is followed
MIN_STRIDES = 3  # to learn a stride from
PAUSE_S = 1.0  # without a frame: longer than a stride
MOMENTS = 32  # of a stride at which the difference is learned
MIN_BEAT = 0.3  # of the usual strength of the beat; where it is weaker nobody runs
MIN_SWING = 0.15  # leg lengths, SD of the way between the ankles: less is no side view
ROUNDS = 3
CONTINUITY = 0.15  # weight of a leap between frames against that of a frame's place in the stride
LOST = 2.0  # further off than this, in usual differences, tells nothing of which way round it is


@dataclass(frozen=True)
class Beat:
    """Where each frame lies in the stride.

    Attributes
    ----------
    phase : array, shape (time,)
        Strides since some moment, whatever the labels; which half of the stride is the left one is
        open.
    running : array of bool, shape (time,)
        Where the beat is strong enough to go by.
    """

    phase: NDArray[np.float64]
    running: NDArray[np.bool_]


def repair_swaps(
    keypoints: Keypoints, leg_length_px: float
) -> tuple[Keypoints, dict[str, NDArray[np.bool_]]]:
    """Exchange left and right wherever a limb's labels are those of the other side.

    Parameters
    ----------
    keypoints : Keypoints
    leg_length_px : float

    Returns
    -------
    Keypoints
        A copy, swapped back.
    dict
        'legs' (the feet), 'knees' and 'arms': array, shape (time,), True where a swap was undone.

    Notes
    -----
    Which of the two consistent labellings is right is decided by the majority of the frames. The
    labels stay where nobody runs, for less than three strides, and from behind or front. NaN
    positions take no part and stay NaN.
    """
    position, confidence = keypoints.position.copy(), keypoints.confidence.copy()
    swapped = {limb: np.zeros(len(position), dtype=bool) for limb in LIMBS}

    def spread(joints: tuple[str, ...]) -> NDArray[np.float64]:
        left, right = _columns(joints)
        return _tame((keypoints.position[:, left] - keypoints.position[:, right]) / leg_length_px)

    ahead = keypoints.point("left_ankle")[:, 0] - keypoints.point("right_ankle")[:, 0]
    known = ahead[np.isfinite(ahead)]
    is_side = len(known) > 0 and float(known.std()) > MIN_SWING * leg_length_px
    beat = _follow_beat(keypoints.time_s, spread(LEG)) if is_side else None
    if beat is not None:
        beat = _settle_halves(keypoints.time_s, spread(LEG).reshape(len(position), -1), beat)
        for limb, joints in LIMBS.items():
            wrong = _find_swaps(spread(joints).reshape(len(position), -1), beat)
            swapped[limb] = wrong
            at, (left, right) = np.flatnonzero(wrong), _columns(joints)
            for array in (position, confidence):
                array[np.ix_(at, left)], array[np.ix_(at, right)] = (
                    array[np.ix_(at, right)],
                    array[np.ix_(at, left)],
                )
    return Keypoints(keypoints.time_s, position, confidence), swapped


def _columns(joints: tuple[str, ...]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the indices of the left and of the right joints."""
    left, right = ([INDEX[f"{side}_{joint}"] for joint in joints] for side in ("left", "right"))
    return np.array(left), np.array(right)


def _tame(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limit wild joints; unknown becomes 0. Shape (time, joint, 2)."""
    known = np.nan_to_num(difference)
    length = np.linalg.norm(known, axis=2, keepdims=True)
    return np.asarray(known / np.maximum(length / WILD, 1.0))


def _follow_beat(time_s: NDArray[np.float64], spread: NDArray[np.float64]) -> Beat | None:
    """Follow the stride by what a swap does not change: the squared spread of the legs."""
    known = np.abs(spread).sum(axis=(1, 2)) > 0
    if known.sum() < 16:
        return None
    clock, step = even_clock(time_s)
    along, across = (spread[..., axis] ** 2 for axis in (0, 1))
    course = np.where(known, (along - across).sum(axis=1), np.nan)
    course = on_clock(clock, time_s, course)
    course -= course.mean()
    length = next_fast_len(4 * len(clock), real=True)
    power = np.abs(np.fft.rfft(course * np.hanning(len(course)), length)) ** 2
    hz = np.fft.rfftfreq(length, step)
    searched = (hz > STEP_HZ[0]) & (hz < min(STEP_HZ[1], 0.45 / step))
    if not searched.any() or not power[searched].any():
        return None
    step_hz = float(hz[np.where(searched, power, 0).argmax()])
    if (clock[-1] - clock[0]) * step_hz < 2 * MIN_STRIDES:
        return None
    band = [STEP_BAND[0] * step_hz, min(STEP_BAND[1] * step_hz, 0.49 / step)]
    sos = butter(2, band, "bandpass", fs=1 / step, output="sos")
    pad = min(len(clock) - 1, round(2 / step_hz / step))
    waves = hilbert(sosfiltfilt(sos, course, padlen=pad), next_fast_len(len(clock)))[: len(clock)]
    strength = np.abs(waves)
    phase = np.interp(time_s, clock, np.unwrap(np.angle(waves)) / (4 * np.pi))
    usual = float(np.percentile(strength, 90))  # the runner may stand for most of the time
    return Beat(phase, np.interp(time_s, clock, strength) > MIN_BEAT * usual)


def _settle_halves(
    time_s: NDArray[np.float64], difference: NDArray[np.float64], beat: Beat
) -> Beat:
    """Let all stretches of the clip take the same half of the stride for the same.

    Over a pause (nobody looked, or nobody was there) strides can't be counted on. So each stretch
    learns its own stride from its own labels, and the stretches are turned by half a stride or not
    such that they agree best: by the signs of the first singular vector.
    """
    stretch = np.concatenate([[0], np.cumsum(np.diff(time_s) > PAUSE_S)])
    if stretch[-1] == 0:
        return beat
    learned = []
    for number in range(stretch[-1] + 1):
        own = stretch == number
        mean = _mean_stride(difference[own], Beat(beat.phase[own], beat.running[own]))
        learned.append(np.sqrt(beat.running[own].sum()) * mean.ravel())
    is_turned = np.linalg.svd(np.array(learned), full_matrices=False)[0][:, 0] < 0
    return Beat(beat.phase + 0.5 * is_turned[stretch], beat.running)


def _find_swaps(difference: NDArray[np.float64], beat: Beat) -> NDArray[np.bool_]:
    """Return where the labels are the wrong way round, shape (time,)."""
    wrong = np.zeros(len(difference), dtype=bool)
    for _ in range(ROUNDS):  # each time from labels that are more often right
        usual = _learn_stride(np.where(wrong[:, None], -difference, difference), beat)
        size = (usual**2).sum(axis=1)
        typical = float(size[beat.running].mean()) if beat.running.any() else 0.0
        if typical <= 0:
            return wrong
        frame = np.stack(
            [np.linalg.norm(difference - way * usual, axis=1) for way in (1, -1)], axis=1
        )  # (time, right or swapped)
        frame = np.minimum(frame / np.sqrt(typical), LOST) * beat.running[:, None]
        expected, seen = difference[:-1] + np.diff(usual, axis=0), difference[1:]
        same, turned = (
            np.linalg.norm(seen - way * expected, axis=1) / np.sqrt(typical) for way in (1, -1)
        )
        same, turned = (CONTINUITY * np.minimum(x, LOST) for x in (same, turned))
        step = np.stack([np.stack([same, turned]), np.stack([turned, same])])  # (from, to, time)
        wrong = _cheapest_states(np.moveaxis(step, 2, 0) + frame[1:, None, :], frame[0]) == 1
    return wrong


def _learn_stride(difference: NDArray[np.float64], beat: Beat) -> NDArray[np.float64]:
    """Mean difference at each frame's moment of the stride, shape (time, feature)."""
    return _mean_stride(difference, beat)[_find_moments(beat)]


def _find_moments(beat: Beat) -> NDArray[np.int_]:
    """Return the number of each frame's moment in the stride, shape (time,)."""
    return np.floor((beat.phase % 1) * MOMENTS).astype(int) % MOMENTS


def _mean_stride(difference: NDArray[np.float64], beat: Beat) -> NDArray[np.float64]:
    """Mean difference at each moment of the stride, shape (moment, feature).

    Half a stride later the sides have changed places, so each difference is then the opposite: a
    swap that comes at one moment of every stride does not pass for the truth.
    """
    moment = _find_moments(beat)
    counted = beat.running & (np.abs(difference).sum(axis=1) > 0)
    total = np.zeros((MOMENTS, difference.shape[1]))
    np.add.at(total, moment[counted], difference[counted])
    count = np.bincount(moment[counted], minlength=MOMENTS).astype(float)
    total, count = (gaussian_filter1d(x, 1.0, axis=0, mode="wrap") for x in (total, count))
    usual = total / np.maximum(count, 1e-9)[:, None]
    return np.asarray((usual - np.roll(usual, MOMENTS // 2, axis=0)) / 2)


def _cheapest_states(step: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the states on the cheapest path, shape (time,) (Viterbi, without a loop over time).

    Parameters
    ----------
    step : array, shape (time - 1, from state, to state)
    start : array, shape (state,)
    """
    forward = _running_min_plus(step)
    backward = _running_min_plus(step[::-1].swapaxes(1, 2))[::-1]
    states = len(start)
    cost_to = np.concatenate([start[None], (start[None, :, None] + forward).min(axis=1)])
    cost_from = np.concatenate([backward.min(axis=1), np.zeros((1, states))])
    return np.asarray((cost_to + cost_from).argmin(axis=1))


def _running_min_plus(step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cost from the start to each time, two states, by doubling the span in log2(time) rounds."""
    total = np.moveaxis(step, 0, -1).copy()  # time last: loops of two are slow
    span = 1
    while span < len(step):
        before, after = total[..., :-span], total[..., span:]
        total[..., span:] = np.minimum(
            before[:, 0, None] + after[None, 0], before[:, 1, None] + after[None, 1]
        )
        span *= 2
    return np.moveaxis(total, -1, 0)
