"""Initial contact, toe-off and belt speed: the foot on the ground around each mid-stance."""

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import Keypoints
from formcheck.signals.clock import (
    PHASE_STEPS,
    is_watched,
    percentile_of_known,
    sample_point,
    seen_share,
)
from formcheck.signals.orientation import Orientation

BELT_WINDOW = 0.12  # of the stride to either side of mid-stance, over which the ankle moves evenly
LANDED, LIFTED = 0.03, 0.03  # leg lengths over its standing level: a foot has landed, has lifted
FARTHEST = 0.45  # of the stride from mid-stance: where the foot's farthest reach is sought
REACH_MARGIN = 0.1  # of the stride beyond the farthest reach in which the landing may lie
ROLL_MARGIN = 0.025  # of the stride next to the farthest reach that is no level stance yet
STANDING_PERCENTILE = 90  # of a point's depth in the picture while it stands: its ground
# Found minus true, of the mean of both signs, with the blazepose engine: on 20 tuning scenes of
# benchmarks/accuracy.py (SD 19 and 15 ms). Mostly our smoothing; MediaPipe's own adds 4 and 14 ms.
CONTACT_LAG_S, TOE_OFF_LAG_S = -0.024, 0.055
NEAREST_EVENT = 0.06  # of the stride from mid-stance: an event nearer than this is a lost foot


def find_contacts(
    keypoints: Keypoints,
    direction: int,
    foot: str,
    leg_length_px: float,
    middle_s: NDArray[np.float64],
    period_s: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find initial contact and toe-off of the stance around each mid-stance.

    Parameters
    ----------
    keypoints : Keypoints
        Clean, real seconds.
    direction : int
        +1 if the runner faces image right, -1 if left.
    foot : {'left', 'right'}
    leg_length_px : float
    middle_s, period_s : array, shape (cycle,)
        Time of each mid-stance, and the stride time around it.

    Returns
    -------
    contact_s, toe_off_s : array, shape (cycle,)
        Seconds; NaN where the foot is hidden or its course can't be that of a stance.

    Notes
    -----
    Each event has two signs, which are averaged and freed of their known lag: the foot's farthest
    reach before and behind the hips (Zeni et al. 2008, Gait & Posture 27, 710-714), and its last
    or first closeness (`LANDED`, `LIFTED`) to the level on which it stands. Both lie where the
    legs are apart: as they pass each other, pose networks drag one foot to the other.
    """
    phase = np.linspace(-0.5, 0.5, PHASE_STEPS + 1)
    at = middle_s[:, None] + phase * period_s[:, None]
    hip = (sample_point(keypoints, "left_hip", at) + sample_point(keypoints, "right_hip", at)) / 2
    toe, heel, ankle = (
        sample_point(keypoints, f"{foot}_{joint}", at) / leg_length_px
        for joint in ("foot_index", "heel", "ankle")
    )
    ankle_ahead, toe_ahead = (
        direction * (point[..., 0] - hip[..., 0] / leg_length_px) for point in (ankle, toe)
    )
    before, after = (phase > -FARTHEST) & (phase < 0), (phase > 0) & (phase < FARTHEST)
    foremost = phase[np.where(before, ankle_ahead, -np.inf).argmax(axis=1)]
    hindmost = phase[np.where(after, toe_ahead, np.inf).argmin(axis=1)]
    ankle_hindmost = phase[np.where(after, ankle_ahead, np.inf).argmin(axis=1)]

    stands = phase > foremost[:, None] + ROLL_MARGIN
    stands &= phase < ankle_hindmost[:, None] - ROLL_MARGIN
    toe_height = _standing_level(toe[..., 1], stands) - toe[..., 1]  # y points down
    heel_height = _standing_level(heel[..., 1], stands & (phase < 0.02)) - heel[..., 1]
    landed = _first_fall(
        phase,
        np.minimum(toe_height, heel_height) - LANDED,
        phase >= foremost[:, None] - REACH_MARGIN,
    )
    lifted = -_first_fall(
        -phase[::-1],
        (toe_height - LIFTED)[:, ::-1],
        (phase <= ankle_hindmost[:, None] + REACH_MARGIN)[:, ::-1],
    )
    contact = (foremost + landed) / 2 - CONTACT_LAG_S / period_s
    toe_off = (hindmost + lifted) / 2 - TOE_OFF_LAG_S / period_s
    known = np.isfinite(keypoints.point(f"{foot}_foot_index")[:, 0])
    known &= np.isfinite(keypoints.point(f"{foot}_heel")[:, 0])
    seen = seen_share(
        keypoints.time_s, known, middle_s - 0.25 * period_s, middle_s + 0.25 * period_s
    )
    contact_s, toe_off_s = middle_s + contact * period_s, middle_s + toe_off * period_s
    lost = (seen < 0.8) | ~is_watched(keypoints.time_s, contact_s) | (contact > -NEAREST_EVENT)
    contact_s[lost] = np.nan
    lost = (seen < 0.8) | ~is_watched(keypoints.time_s, toe_off_s) | (toe_off < NEAREST_EVENT)
    toe_off_s[lost] = np.nan
    return contact_s, toe_off_s


def _standing_level(y: NDArray[np.float64], stands: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Level of the ground under a point, per cycle, shape (cycle, 1)."""
    standing = np.where(stands, y, np.nan)[..., None]
    return percentile_of_known(standing, STANDING_PERCENTILE)


def measure_belt(
    keypoints: Keypoints,
    orientation: Orientation,
    foot: str,
    leg_length_px: float,
    middle_s: NDArray[np.float64],
    period_s: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the belt by the ankle that stands on it, per stance.

    Returns
    -------
    speed : array, shape (cycle,)
        How fast it moves back against the hips, leg lengths per second.
    grade_pct : array, shape (cycle,)
        How much it sinks as it moves back, % of the way. The heel's rise and the camera's height
        are in it, so only its changes mean something: + = steeper uphill.

    Notes
    -----
    The ankle, not the toe: pose networks drag the toe towards the other foot as that one passes.
    NaN where the ankle is not seen throughout, and in rear and front views.
    """
    if orientation.view != "side":
        unknown = np.full(len(middle_s), np.nan)
        return unknown, unknown
    ankle = keypoints.point(f"{foot}_ankle")
    ahead = ankle[:, 0] - keypoints.middle("hip")[:, 0]
    phase = np.linspace(-BELT_WINDOW, BELT_WINDOW, PHASE_STEPS // 4)
    at = middle_s[:, None] + phase * period_s[:, None]

    def slope(course: NDArray[np.float64]) -> NDArray[np.float64]:
        travel = np.interp(at, keypoints.time_s, np.nan_to_num(course)) / leg_length_px
        return np.asarray(np.polynomial.polynomial.polyfit(phase, travel.T, 1)[1])

    seen = seen_share(keypoints.time_s, np.isfinite(ahead), at[:, 0], at[:, -1]) > 0.999
    back = np.where(seen, -orientation.direction * slope(ahead), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return back / period_s, 100 * slope(ankle[:, 1]) / back


def _first_fall(
    phase: NDArray[np.float64], height: NDArray[np.float64], counts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Phase at which height first falls through zero where it counts, per row; NaN if never."""
    falls = (height[:, :-1] > 0) & (height[:, 1:] <= 0) & counts[:, :-1]
    first = falls.argmax(axis=1)
    row = np.arange(len(height))
    above, below = height[row, first], height[row, first + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = above / (above - below)
    crossing = phase[first] + share * (phase[first + 1] - phase[first])
    return np.where(falls.any(axis=1), crossing, np.nan)
