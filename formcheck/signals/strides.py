"""Where each stride begins and ends.

A stride is cut at mid-stance of one foot (side view: the ankle passes under the hip), which is
sharper in time than the contact itself; initial contact and toe-off are then sought around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from formcheck.keypoints import Keypoints
from formcheck.signals.clock import (
    PHASE_STEPS,
    even_clock,
    is_watched,
    mean_over,
    on_clock,
    running_median,
    seen_share,
)
from formcheck.signals.contacts import find_contacts, measure_belt
from formcheck.signals.orientation import Orientation
from formcheck.signals.rhythm import MIN_SWING, Rhythm, flight_course, leg_difference

FLIGHT_STRIDES = 2  # to either side, over which running is told from walking
BEAT_CUTOFF = 1.6  # of the stride frequency: what is left has one fall a stride
LEVEL_STRIDES = 3  # over which the middle of the foot's course is taken
MIN_SWING_SHARE = 0.5  # of the usual swing of the legs: with less, somebody stands or walks
MAX_STRIDE_DEVIATION = 0.12  # from the running median of stride times; runners vary by 1 to 3 %


@dataclass(frozen=True)
class Strides:
    """The strides of one foot, the nearer one in a side view, the left one otherwise.

    Attributes
    ----------
    foot : str
        'left' or 'right'.
    start_s, end_s : array, shape (stride,)
        From one mid-stance to the next of the same foot (rear view: from one pass of the feet in
        height to the next).
    contact_s, toe_off_s : array, shape (stride,)
        Initial contact and toe-off of the stance in which the stride begins (side view) or that
        follows a quarter stride later; NaN where not seen.
    belt_speed : array, shape (stride,)
        Backward speed of the standing foot against the hips, leg lengths per second; NaN in rear
        and front views.
    belt_grade_pct : array, shape (stride,)
        How much the standing foot sinks on its way back, %; only changes mean something.
    """

    foot: str
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    contact_s: NDArray[np.float64]
    toe_off_s: NDArray[np.float64]
    belt_speed: NDArray[np.float64]
    belt_grade_pct: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def middle_s(self) -> NDArray[np.float64]:
        """Time to which a stride's values belong, shape (stride,)."""
        return (self.start_s + self.end_s) / 2

    @property
    def duration_s(self) -> NDArray[np.float64]:
        """Stride time, shape (stride,)."""
        return self.end_s - self.start_s


def find_strides(
    keypoints: Keypoints,
    orientation: Orientation,
    rhythm: Rhythm,
    leg_length_px: float,
    *,
    cuts_s: Sequence[float] = (),
) -> Strides:
    """Cut the course of one foot into strides and find its contacts.

    Parameters
    ----------
    keypoints : Keypoints
        Clean, times in real seconds.
    orientation : Orientation
    rhythm : Rhythm
    leg_length_px : float
    cuts_s : sequence of float
        Strides across a cut of the video are left out.

    Returns
    -------
    Strides
        Whole strides only. One whose duration is more than an eighth off the running median, or
        in which the legs are unseen for long, is left out.
    """
    foot = orientation.near_side
    side = orientation.view == "side"
    clock, step = even_clock(keypoints.time_s)
    course = _foot_course(keypoints, orientation, foot) / leg_length_px
    known = np.isfinite(course)
    if known.sum() < 16:
        return _no_strides(foot)
    even = on_clock(clock, keypoints.time_s, course)
    sos = butter(2, min(BEAT_CUTOFF * rhythm.stride_hz, 0.45 / step), fs=1 / step, output="sos")
    beat = sosfiltfilt(sos, even)
    beat -= uniform_filter1d(beat, round(LEVEL_STRIDES / rhythm.stride_hz / step), mode="reflect")
    passes = _falling_zeros(clock, beat)
    if len(passes) < 2:
        return _no_strides(foot)
    period = _local_period(passes, 1 / rhythm.stride_hz)
    passes = _sharpen_passes(clock, even, passes, period)
    middle = passes if side else passes + 0.25 * period
    contact, toe_off = find_contacts(
        keypoints, orientation.direction, foot, leg_length_px, middle, period
    )
    speed, grade = measure_belt(keypoints, orientation, foot, leg_length_px, middle, period)
    start, end = passes[:-1], passes[1:]
    expected = running_median(np.diff(passes))
    whole = np.abs((end - start) / expected - 1) < MAX_STRIDE_DEVIATION
    whole &= np.abs((end - start) * rhythm.stride_hz - 1) < 0.5
    whole &= seen_share(keypoints.time_s, known, start, end) > 0.6
    whole &= is_watched(keypoints.time_s, start) & is_watched(keypoints.time_s, end)
    legs = on_clock(clock, keypoints.time_s, leg_difference(keypoints, side) / leg_length_px)
    legs -= legs.mean()
    level, power = (mean_over(clock, x, start, end, around=0) for x in (legs, legs**2))
    swing = np.sqrt(np.maximum(power - level**2, 0))
    if whole.any():
        usual = float(np.percentile(swing[whole], 75))
        whole &= swing >= max(MIN_SWING, MIN_SWING_SHARE * usual)
    flight, _ = flight_course(keypoints, orientation, legs, clock, rhythm.stride_hz)
    whole &= mean_over(clock, flight, start, end, around=FLIGHT_STRIDES) > 0
    for cut in cuts_s:
        whole &= ~((start < cut) & (end >= cut))
    return Strides(
        foot=foot,
        start_s=start[whole],
        end_s=end[whole],
        contact_s=contact[:-1][whole],
        toe_off_s=toe_off[:-1][whole],
        belt_speed=speed[:-1][whole],
        belt_grade_pct=grade[:-1][whole],
    )


def _no_strides(foot: str) -> Strides:
    none = np.zeros(0)
    return Strides(foot, none, none, none, none, none, none)


def _foot_course(keypoints: Keypoints, orientation: Orientation, foot: str) -> NDArray[np.float64]:
    """Signal that falls through its middle once a stride, at mid-stance (side) or in the air."""
    if orientation.view == "side":
        # the knee helps where the ankle is hidden or astray
        ankle, knee = keypoints.point(f"{foot}_ankle")[:, 0], keypoints.point(f"{foot}_knee")[:, 0]
        return orientation.direction * (0.7 * ankle + 0.3 * knee - keypoints.middle("hip")[:, 0])
    other = "right" if foot == "left" else "left"
    return keypoints.point(f"{other}_ankle")[:, 1] - keypoints.point(f"{foot}_ankle")[:, 1]


def _sharpen_passes(
    clock: NDArray[np.float64],
    course: NDArray[np.float64],
    passes: NDArray[np.float64],
    period: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Move each pass to where the unfiltered course itself falls through its cycle's middle."""
    phase = np.linspace(-0.5, 0.5, PHASE_STEPS + 1)
    at = passes[:, None] + phase * period[:, None]
    value = np.interp(at, clock, course)
    level = running_median((value.max(axis=1) + value.min(axis=1)) / 2)[:, None]
    near = np.abs(phase) <= 0.15
    value, phase = (value - level)[:, near], phase[near]
    falls = (value[:, :-1] > 0) & (value[:, 1:] <= 0)
    distance = np.where(falls, np.abs(phase[:-1]), np.inf)
    best = distance.argmin(axis=1)
    row = np.arange(len(value))
    above, below = value[row, best], value[row, best + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = above / (above - below)
    crossing = phase[best] + share * (phase[1] - phase[0])
    return passes + np.where(falls.any(axis=1), crossing, 0.0) * period


def _falling_zeros(clock: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.flatnonzero((signal[:-1] > 0) & (signal[1:] <= 0))
    share = signal[at] / (signal[at] - signal[at + 1])
    return clock[at] + share * (clock[at + 1] - clock[at])


def _local_period(passes: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    gaps = np.clip(running_median(np.diff(passes)), 0.7 * typical, 1.4 * typical)
    return np.concatenate([gaps, gaps[-1:]])
