"""Initial contact, toe-off and belt speed: the foot on the ground around each mid-stance."""

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import Keypoints
from formcheck.signals.clock import PHASE_STEPS, sample_point, seen_share
from formcheck.signals.orientation import Orientation

BELT_WINDOW = 0.12  # of the stride to either side of mid-stance, over which the ankle moves evenly
STANCE_CORE = 0.08  # of the stride to either side of mid-stance: the foot is flat on the ground
# Leg lengths over its standing level at which a foot counts as landed and as lifted. Chosen on the
# hand-labelled events of one clip (5 strides at 30 frames/s), where both come 20 ms late.
LANDED, LIFTED = 0.03, 0.02
NEAREST_EVENT = 0.06  # of the stride from mid-stance: an event nearer than this is a lost foot


def find_contacts(
    keypoints: Keypoints,
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
    The foot is on the ground while its heel or its toe is close (`LANDED`, `LIFTED`) to the level
    on which that point stands in this stance; crossings are placed between frames by the spline.
    """
    phase = np.linspace(-0.5, 0.5, PHASE_STEPS + 1)
    at = middle_s[:, None] + phase * period_s[:, None]
    toe = sample_point(keypoints, f"{foot}_foot_index", at) / leg_length_px
    heel = sample_point(keypoints, f"{foot}_heel", at) / leg_length_px
    stance = np.abs(phase) < STANCE_CORE
    early = (phase > -0.2) & (phase < 0.05)
    # y points down: a point's level is that of its median (toe) or lowest (heel) place in stance
    toe_height = np.median(toe[:, stance, 1], axis=1, keepdims=True) - toe[..., 1]
    heel_height = heel[:, early, 1].max(axis=1, keepdims=True) - heel[..., 1]
    height = np.minimum(toe_height, heel_height)
    before, after = phase <= 0, phase >= 0
    contact = _last_crossing(phase[before], height[:, before] - LANDED)
    toe_off = -_last_crossing(-phase[after][::-1], (toe_height[:, after] - LIFTED)[:, ::-1])
    known = np.isfinite(keypoints.point(f"{foot}_foot_index")[:, 0])
    known &= np.isfinite(keypoints.point(f"{foot}_heel")[:, 0])
    seen = seen_share(
        keypoints.time_s, known, middle_s - 0.25 * period_s, middle_s + 0.25 * period_s
    )
    unseen = seen < 0.8
    contact_s = np.where(unseen | (contact > -NEAREST_EVENT), np.nan, middle_s + contact * period_s)
    toe_off_s = np.where(unseen | (toe_off < NEAREST_EVENT), np.nan, middle_s + toe_off * period_s)
    return contact_s, toe_off_s


def measure_belt_speed(
    keypoints: Keypoints,
    orientation: Orientation,
    foot: str,
    leg_length_px: float,
    middle_s: NDArray[np.float64],
    period_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Measure how fast the standing ankle moves back against the hips, leg lengths per second.

    The ankle, not the toe: pose networks drag the toe towards the other foot as that one passes.
    NaN where the ankle is not seen throughout, and in rear and front views.
    """
    if orientation.view != "side":
        return np.full(len(middle_s), np.nan)
    ahead = keypoints.point(f"{foot}_ankle")[:, 0] - keypoints.middle("hip")[:, 0]
    phase = np.linspace(-BELT_WINDOW, BELT_WINDOW, PHASE_STEPS // 4)
    at = middle_s[:, None] + phase * period_s[:, None]
    travel = np.interp(at, keypoints.time_s, np.nan_to_num(ahead)) / leg_length_px
    slope = np.polynomial.polynomial.polyfit(phase, travel.T, 1)[1]
    seen = seen_share(keypoints.time_s, np.isfinite(ahead), at[:, 0], at[:, -1])
    return np.where(seen < 1, np.nan, -orientation.direction * slope / period_s)


def _last_crossing(phase: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phase at which height last falls through zero before the end, per row; NaN if never."""
    falls = (height[:, :-1] > 0) & (height[:, 1:] <= 0)
    last = height.shape[1] - 2 - falls[:, ::-1].argmax(axis=1)
    row = np.arange(len(height))
    above, below = height[row, last], height[row, last + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = above / (above - below)
    crossing = phase[last] + share * (phase[last + 1] - phase[last])
    return np.where(falls.any(axis=1), crossing, np.nan)
