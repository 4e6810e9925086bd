"""The rhythm of the legs: is this running, how fast, and where does each stride begin.

A stride is cut at mid-stance of one foot (side view: the ankle passes under the hip), which is
sharper in time than the contact itself; initial contact and toe-off are then sought around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, periodogram, sosfiltfilt, welch

from formcheck.keypoints import Keypoints
from formcheck.signals.orientation import Orientation

STRIDE_HZ = (0.04, 2.4)  # searched in the video's own time, so that slow motion is seen too
MIN_REGULARITY = 0.35  # share of the legs' movement that the rhythm must explain
MIN_SWING = 0.12  # leg lengths: the legs' movement (SD) below which nobody runs or walks
MIN_BOUNCE = 0.02  # leg lengths: runners go up and down by 0.06 to 0.14, cyclists don't
SPECTRUM_WINDOW_S = 60.0
STEP_BAND = (1.4, 2.6)  # of the stride frequency: where the bounce of single steps lies
FLIGHT_STRIDES = 2  # to either side, over which running is told from walking
BEAT_CUTOFF = 1.6  # of the stride frequency: what is left has one fall a stride
LEVEL_STRIDES = 3  # over which the middle of the foot's course is taken
MAX_STRIDE_DEVIATION = 0.25  # from the running median of stride times
RUNNING_MEDIAN_STRIDES = 15
PHASE_STEPS = 240  # points on which each cycle is sampled
BELT_WINDOW = 0.12  # of the stride to either side of mid-stance, over which the ankle moves evenly
STANCE_CORE = 0.08  # of the stride to either side of mid-stance: the foot is flat on the ground
# Leg lengths over its standing level at which a foot counts as landed and as lifted. Chosen on the
# hand-labelled events of one clip (5 strides at 30 frames/s), where both come 20 ms late.
LANDED, LIFTED = 0.03, 0.02
NEAREST_EVENT = 0.06  # of the stride from mid-stance: an event nearer than this is a lost foot


@dataclass(frozen=True)
class Rhythm:
    """The beat of the legs over the clip.

    Attributes
    ----------
    stride_hz : float
        Strides per second; 0 where no rhythm was found.
    regularity : float
        Share of the legs' movement at that beat and its multiples, 0 to 1.
    swing : float
        SD of the legs' difference, leg lengths.
    flight : float
        -1 to 1: + where the hips are highest while the feet are apart, as in running (lowest at
        mid-stance); - where they are highest as the feet pass, as in walking.
    bounce : float
        How far the hips go up and down at two beats a stride, peak to peak, leg lengths.
    """

    stride_hz: float
    regularity: float
    swing: float
    flight: float
    bounce: float

    @property
    def is_gait(self) -> bool:
        """Whether the legs swing to a beat at all."""
        return self.regularity >= MIN_REGULARITY and self.swing >= MIN_SWING

    @property
    def is_running(self) -> bool:
        """Whether they do so as in running."""
        return self.is_gait and self.flight > 0 and self.bounce >= MIN_BOUNCE

    @property
    def cadence_spm(self) -> float:
        """Steps per minute."""
        return 120 * self.stride_hz


NO_RHYTHM = Rhythm(0.0, 0.0, 0.0, 0.0, 0.0)


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
        Initial contact and toe-off of the stance around `start_s`; NaN where not seen.
    belt_speed : array, shape (stride,)
        Backward speed of the standing foot against the hips, leg lengths per second; NaN in rear
        and front views.
    """

    foot: str
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    contact_s: NDArray[np.float64]
    toe_off_s: NDArray[np.float64]
    belt_speed: NDArray[np.float64]

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


def find_rhythm(keypoints: Keypoints, orientation: Orientation, leg_length_px: float) -> Rhythm:
    """Find the beat of the legs, from a tenth of real speed to a sprint.

    Parameters
    ----------
    keypoints : Keypoints
        Clean.
    orientation : Orientation
    leg_length_px : float

    Returns
    -------
    Rhythm
        All 0 where the legs are seen less than half of the time.
    """
    clock, step = _even_clock(keypoints.time_s)
    side = orientation.view == "side"
    legs = _leg_difference(keypoints, side) / leg_length_px
    if np.isfinite(legs).mean() < 0.5 or len(clock) < 16:
        return NO_RHYTHM
    legs_even = _on_clock(clock, keypoints.time_s, legs)
    legs_even -= legs_even.mean()
    window = min(len(clock), round(SPECTRUM_WINDOW_S / step))
    padding = 4 * window
    if window < len(clock):
        hz, power = welch(legs_even, 1 / step, nperseg=window, nfft=padding)
    else:
        hz, power = periodogram(legs_even, 1 / step, window="hann", nfft=padding)
    searched = (hz >= max(STRIDE_HZ[0], 1.5 / (window * step))) & (hz <= STRIDE_HZ[1])
    if not searched.any() or power[searched].max() <= 0:
        return NO_RHYTHM
    stride_hz = float(hz[searched][power[searched].argmax()])
    beat = np.abs(hz[:, None] / stride_hz - np.array([1, 2, 3])).min(axis=1) < 0.3
    regularity = float(power[beat & (hz < 3.3 * stride_hz)].sum() / power.sum())
    flight, bounce_px = _flight_course(keypoints, orientation, legs_even, clock, stride_hz)
    return Rhythm(
        stride_hz=stride_hz,
        regularity=regularity,
        swing=float(legs_even.std()),
        flight=float(flight.mean()),
        bounce=bounce_px / leg_length_px,
    )


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
        Whole strides only. One whose duration is more than a quarter off the running median, or
        in which the legs are unseen for long, is left out.
    """
    foot = orientation.near_side
    side = orientation.view == "side"
    clock, step = _even_clock(keypoints.time_s)
    course = _foot_course(keypoints, orientation, foot) / leg_length_px
    known = np.isfinite(course)
    if known.sum() < 16:
        return _no_strides(foot)
    even = _on_clock(clock, keypoints.time_s, course)
    sos = butter(2, min(BEAT_CUTOFF * rhythm.stride_hz, 0.45 / step), fs=1 / step, output="sos")
    beat = sosfiltfilt(sos, even)
    beat -= uniform_filter1d(beat, round(LEVEL_STRIDES / rhythm.stride_hz / step), mode="reflect")
    passes = _falling_zeros(clock, beat)
    if len(passes) < 2:
        return _no_strides(foot)
    period = _local_period(passes, 1 / rhythm.stride_hz)
    passes = _sharpen_passes(clock, even, passes, period)
    middle = passes if side else passes + 0.25 * period
    contact, toe_off = _find_contacts(keypoints, foot, leg_length_px, middle, period)
    speed = _measure_belt_speed(keypoints, orientation, foot, leg_length_px, middle, period)
    start, end = passes[:-1], passes[1:]
    expected = _running_median(np.diff(passes))
    whole = np.abs((end - start) / expected - 1) < MAX_STRIDE_DEVIATION
    whole &= np.abs((end - start) * rhythm.stride_hz - 1) < 0.5
    whole &= _seen_share(keypoints.time_s, known, start, end) > 0.6
    legs = _on_clock(clock, keypoints.time_s, _leg_difference(keypoints, side) / leg_length_px)
    flight, _ = _flight_course(keypoints, orientation, legs - legs.mean(), clock, rhythm.stride_hz)
    whole &= _mean_over(clock, flight, start, end, around=FLIGHT_STRIDES) > 0
    for cut in cuts_s:
        whole &= ~((start < cut) & (end >= cut))
    return Strides(
        foot=foot,
        start_s=start[whole],
        end_s=end[whole],
        contact_s=contact[:-1][whole],
        toe_off_s=toe_off[:-1][whole],
        belt_speed=speed[:-1][whole],
    )


def _no_strides(foot: str) -> Strides:
    none = np.zeros(0)
    return Strides(foot, none, none, none, none, none)


def _leg_difference(keypoints: Keypoints, side: bool) -> NDArray[np.float64]:
    """How far the left leg is from the right: along the run, or in height from behind."""
    axis = 0 if side else 1
    joints = ("knee", "ankle")
    return np.mean(
        [
            keypoints.point(f"left_{j}")[:, axis] - keypoints.point(f"right_{j}")[:, axis]
            for j in joints
        ],
        axis=0,
    )


def _foot_course(keypoints: Keypoints, orientation: Orientation, foot: str) -> NDArray[np.float64]:
    """Signal that falls through its middle once a stride, at mid-stance (side) or in the air."""
    if orientation.view == "side":
        # the knee helps where the ankle is hidden or astray
        ankle, knee = keypoints.point(f"{foot}_ankle")[:, 0], keypoints.point(f"{foot}_knee")[:, 0]
        return orientation.direction * (0.7 * ankle + 0.3 * knee - keypoints.middle("hip")[:, 0])
    other = "right" if foot == "left" else "left"
    return keypoints.point(f"{other}_ankle")[:, 1] - keypoints.point(f"{foot}_ankle")[:, 1]


def _find_contacts(
    keypoints: Keypoints,
    foot: str,
    leg_length_px: float,
    middle_s: NDArray[np.float64],
    period_s: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find initial contact and toe-off of the stance around each mid-stance.

    The foot is on the ground while its heel or its toe is close (`LANDED`, `LIFTED`) to the level
    on which that point stands in this stance; crossings are placed between frames by the spline.
    """
    phase = np.linspace(-0.5, 0.5, PHASE_STEPS + 1)
    at = middle_s[:, None] + phase * period_s[:, None]
    toe = _sample(keypoints, f"{foot}_foot_index", at) / leg_length_px
    heel = _sample(keypoints, f"{foot}_heel", at) / leg_length_px
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
    seen = _seen_share(
        keypoints.time_s, known, middle_s - 0.25 * period_s, middle_s + 0.25 * period_s
    )
    unseen = seen < 0.8
    contact_s = np.where(unseen | (contact > -NEAREST_EVENT), np.nan, middle_s + contact * period_s)
    toe_off_s = np.where(unseen | (toe_off < NEAREST_EVENT), np.nan, middle_s + toe_off * period_s)
    return contact_s, toe_off_s


def _measure_belt_speed(
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
    seen = _seen_share(keypoints.time_s, np.isfinite(ahead), at[:, 0], at[:, -1])
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
    level = _running_median((value.max(axis=1) + value.min(axis=1)) / 2)[:, None]
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


def _flight_course(
    keypoints: Keypoints,
    orientation: Orientation,
    legs: NDArray[np.float64],
    clock: NDArray[np.float64],
    stride_hz: float,
) -> tuple[NDArray[np.float64], float]:
    """Agreement of hip height with the spread of the legs, both at two beats a stride.

    Shape (clock,); its mean is their correlation, + in running. From behind the spread is one of
    height, largest as the feet pass, so the sign turns. 0 where the frame rate is too low to tell.
    Also the bounce of the hips at that beat, peak to peak of the sine of its SD, pixels.
    """
    step = float(clock[1] - clock[0])
    low, high = STEP_BAND[0] * stride_hz, STEP_BAND[1] * stride_hz
    if high >= 0.5 / step or len(clock) < 1.5 / stride_hz / step:
        return np.zeros(len(clock)), 0.0
    sos = butter(2, [low, high], "bandpass", fs=1 / step, output="sos")
    pad = min(len(clock) - 1, round(1 / stride_hz / step))
    height = -_on_clock(clock, keypoints.time_s, keypoints.middle("hip")[:, 1])
    one, two = (
        sosfiltfilt(sos, signal - signal.mean(), padlen=pad) for signal in (height, np.abs(legs))
    )
    scale = one.std() * two.std()
    sign = 1 if orientation.view == "side" else -1
    course = sign * one * two / scale if scale > 0 else np.zeros(len(clock))
    return course, float(2 * np.sqrt(2) * one.std())


def _even_clock(time_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    step = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
    count = max(2, round((time_s[-1] - time_s[0]) / step) + 1)
    return np.linspace(time_s[0], time_s[-1], count), step


def _on_clock(
    clock: NDArray[np.float64], time_s: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    known = np.isfinite(values)
    return np.interp(clock, time_s[known], values[known])


def _spline(time_s: NDArray[np.float64], values: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    known = np.isfinite(values)
    if known.sum() < 4:
        return lambda at: np.full(np.shape(at), np.nan)
    return make_interp_spline(time_s[known], values[known], k=3)


def _sample(keypoints: Keypoints, name: str, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Course of a point at any times, shape (*at.shape, 2)."""
    clipped = np.clip(at, keypoints.time_s[0], keypoints.time_s[-1])
    point = keypoints.point(name)
    return np.stack(
        [_spline(keypoints.time_s, point[:, axis])(clipped) for axis in (0, 1)], axis=-1
    )


def _falling_zeros(clock: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.flatnonzero((signal[:-1] > 0) & (signal[1:] <= 0))
    share = signal[at] / (signal[at] - signal[at + 1])
    return clock[at] + share * (clock[at + 1] - clock[at])


def _local_period(passes: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    gaps = np.clip(_running_median(np.diff(passes)), 0.7 * typical, 1.4 * typical)
    return np.concatenate([gaps, gaps[-1:]])


def _running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    half = min(RUNNING_MEDIAN_STRIDES // 2, max(0, len(values) - 1))
    padded = np.pad(values, half, mode="reflect") if half else values
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.median(windows, axis=1)


def _mean_over(
    clock: NDArray[np.float64],
    signal: NDArray[np.float64],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    *,
    around: int,
) -> NDArray[np.float64]:
    """Mean of an even signal over each span and as many such spans to either side."""
    total = np.concatenate([[0.0], np.cumsum(signal)])
    margin = around * (end_s - start_s)
    first = np.searchsorted(clock, start_s - margin)
    last = np.maximum(np.searchsorted(clock, end_s + margin), first + 1)
    last = np.minimum(last, len(clock))
    return (total[last] - total[first]) / np.maximum(last - first, 1)


def _seen_share(
    time_s: NDArray[np.float64],
    known: NDArray[np.bool_],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of each span in which something is known."""
    cumulative = np.concatenate([[0.0], np.cumsum(known)])
    first, last = np.searchsorted(time_s, start_s), np.searchsorted(time_s, end_s)
    return (cumulative[last] - cumulative[first]) / np.maximum(last - first, 1)
