"""Find and undo swaps of left and right along the whole clip.

In the side view the two legs look alike, and pose networks exchange them. The difference vector
between left and right joints (knee, ankle, heel, toe; x and y together) never gets near zero in
running: when the ankles pass each other in x, the swing foot is far above the stance foot. So it
turns smoothly, and a swap is a sudden reversal. The labelling sought for the clip is the one with
the smoothest difference vector that departs from the given labels no more than it must: the
cheapest path through two states (right way round, swapped) per frame.
"""

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import INDEX, Keypoints

LEG = ("knee", "ankle", "heel", "foot_index")
ARM = ("elbow", "wrist")
NEIGHBOURHOOD_S = 0.04  # half width of the window that steadies the difference vector
# Cost of holding a frame swapped, against a clean reversal's 1: a swap that lasts is undone up to
# some hundred frames, and a doubtful one can't turn the rest of the clip around. The difference of
# the arms does pass through zero, where which way round is a guess, so theirs is higher.
COST_OF_SWAPPED = {"legs": 0.003, "arms": 0.03}
LOST = 1.0  # a change as long as the vector usually is tells nothing of which way round it is
WILD = 1.0  # a joint's difference longer than this many leg lengths counts as this long


def repair_swaps(
    keypoints: Keypoints, leg_length_px: float
) -> tuple[Keypoints, dict[str, NDArray[np.bool_]]]:
    """Exchange left and right wherever a limb's labels jump to the other side.

    Parameters
    ----------
    keypoints : Keypoints
    leg_length_px : float

    Returns
    -------
    Keypoints
        A copy, swapped back.
    dict
        'legs' and 'arms': array, shape (time,), True where a swap was undone.

    Notes
    -----
    Which of the two consistent labellings is right is decided by majority of the frames in each
    stretch. NaN positions take no part and stay NaN.
    """
    position, confidence = keypoints.position.copy(), keypoints.confidence.copy()
    swapped = {}
    half = max(1, round(NEIGHBOURHOOD_S / keypoints.frame_interval_s))
    for limb, joints in (("legs", LEG), ("arms", ARM)):
        left = np.array([INDEX[f"left_{joint}"] for joint in joints])
        right = np.array([INDEX[f"right_{joint}"] for joint in joints])
        difference = (position[:, left] - position[:, right]) / leg_length_px
        if limb == "legs":
            expected, seen = _steady_course(_tame(difference), half)
        else:
            expected, seen = _extrapolated_course(_tame(difference))
        wrong = _find_reversals(expected, seen, COST_OF_SWAPPED[limb])
        swapped[limb] = wrong
        at = np.flatnonzero(wrong)
        for array in (position, confidence):
            array[np.ix_(at, left)], array[np.ix_(at, right)] = (
                array[np.ix_(at, right)],
                array[np.ix_(at, left)],
            )
    return Keypoints(keypoints.time_s, position, confidence), swapped


def _tame(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flatten to (time, feature), unknown as 0, and limit wild joints."""
    known = np.nan_to_num(difference)
    length = np.linalg.norm(known, axis=2, keepdims=True)
    return (known / np.maximum(length / WILD, 1.0)).reshape(len(difference), -1)


def _steady_course(
    difference: NDArray[np.float64], half: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each frame but the first, and its predecessor, as means over their neighbourhood."""
    steady = np.zeros_like(difference)
    for lag in range(-half, half + 1):
        neighbour = np.roll(difference, lag, axis=0)
        if lag > 0:
            neighbour[:lag] = 0
        elif lag < 0:
            neighbour[lag:] = 0
        # each neighbour counts the way round in which it agrees
        steady += neighbour * np.sign(np.einsum("tf,tf->t", neighbour, difference))[:, None]
    steady /= 2 * half + 1
    return steady[:-1], steady[1:]


def _extrapolated_course(
    difference: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each frame but the first, and where it would be if it went on as before: through zero too."""
    expected = difference[:-1].copy()
    expected[1:] = 2 * difference[1:-1] - difference[:-2]
    return expected, difference[1:]


def _find_reversals(
    expected: NDArray[np.float64], seen: NDArray[np.float64], cost_of_swapped: float
) -> NDArray[np.bool_]:
    """Return where the labels are the wrong way round, shape (time,)."""
    size = np.linalg.norm(seen, axis=1) + np.linalg.norm(expected, axis=1)
    size = np.maximum(size / 2, 1e-12)
    same = np.linalg.norm(seen - expected, axis=1) / size
    opposite = np.linalg.norm(seen + expected, axis=1) / size
    same, opposite = np.minimum(same, LOST), np.minimum(opposite, LOST)
    step = np.stack([np.stack([same, opposite]), np.stack([opposite, same])])  # (from, to, time)
    step[:, 1] += cost_of_swapped
    return _cheapest_states(np.moveaxis(step, 2, 0), np.array([0.0, cost_of_swapped])) == 1


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
    total = step.copy()
    span = 1
    while span < len(total):
        before, after = total[:-span], total[span:]
        total[span:] = np.minimum(
            before[:, :, 0, None] + after[:, 0, None, :],
            before[:, :, 1, None] + after[:, 1, None, :],
        )
        span *= 2
    return total
