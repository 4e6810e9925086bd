"""The beat of the legs: is this running, walking or neither, and how fast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, periodogram, sosfiltfilt, welch

from formcheck.keypoints import Keypoints
from formcheck.signals.clock import even_clock, on_clock
from formcheck.signals.orientation import Orientation

STRIDE_HZ = (0.04, 2.4)  # from slow motion that was not told to a sprint
BEAT_WIDTH = 0.15  # of the stride frequency, to either side: the band in which strides vary
MIN_REGULARITY = 0.35  # share of the legs' movement that the rhythm must explain
MIN_KNOWN_SHARE = 0.5  # of the frames with the person in them, in which legs or hips must be known
# Leg lengths: the legs' movement (SD) below which nobody runs or walks. From behind, where it is
# one of height, rendered runners swing by 0.15 to 0.19, and the pose network shows 0.10 to 0.15.
MIN_SWING = 0.08
MIN_BOUNCE = 0.02  # leg lengths: runners go up and down by 0.06 to 0.14, cyclists don't
SPECTRUM_WINDOW_S = 60.0
STEP_BAND = (1.4, 2.6)  # of the stride frequency: where the bounce of single steps lies


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
        All 0 where the legs are known in less than half of the frames with the person in them.
    """
    clock, step = even_clock(keypoints.time_s)
    side = orientation.view == "side"
    legs = leg_difference(keypoints, side) / leg_length_px
    known = np.isfinite(legs).sum()
    if known < max(16, MIN_KNOWN_SHARE * keypoints.seen.sum()):
        return NO_RHYTHM
    legs_even = on_clock(clock, keypoints.time_s, legs)
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
    stride_hz = _strongest_band(hz, power, searched)
    beat = np.abs(hz[:, None] / stride_hz - np.array([1, 2, 3])).min(axis=1) < 0.3
    regularity = float(power[beat & (hz < 3.3 * stride_hz)].sum() / power.sum())
    flight, bounce_px = flight_course(keypoints, orientation, legs_even, clock, stride_hz)
    return Rhythm(
        stride_hz=stride_hz,
        regularity=regularity,
        swing=float(legs_even.std()),
        flight=float(flight.mean()),
        bounce=bounce_px / leg_length_px,
    )


def _strongest_band(
    hz: NDArray[np.float64], power: NDArray[np.float64], searched: NDArray[np.bool_]
) -> float:
    """Return the middle of the band that holds most power.

    A band, not a single line: where the phase jumps (a cut, a stumble, a looped clip) the line of
    the strides splits, and a line far below may stand higher than its parts.
    """
    total = np.concatenate([[0.0], np.cumsum(power)])
    low = np.searchsorted(hz, hz * (1 - BEAT_WIDTH))
    high = np.searchsorted(hz, hz * (1 + BEAT_WIDTH), side="right")
    within = np.where(searched, total[high] - total[low], 0.0)
    best = within.argmax()
    band = slice(low[best], high[best])
    return float((hz[band] * power[band]).sum() / power[band].sum())


def leg_difference(keypoints: Keypoints, side: bool) -> NDArray[np.float64]:
    """Return how far left knee and ankle are from the right ones, pixels, shape (time,).

    Along the run in a side view, else in height.
    """
    axis = 0 if side else 1
    joints = ("knee", "ankle")
    return np.mean(
        [
            keypoints.point(f"left_{j}")[:, axis] - keypoints.point(f"right_{j}")[:, axis]
            for j in joints
        ],
        axis=0,
    )


def flight_course(
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
    hip_y = keypoints.middle("hip")[:, 1]
    hidden = np.isfinite(hip_y).sum() < MIN_KNOWN_SHARE * keypoints.seen.sum()
    if hidden or high >= 0.5 / step or len(clock) < 1.5 / stride_hz / step:
        return np.zeros(len(clock)), 0.0
    sos = butter(2, [low, high], "bandpass", fs=1 / step, output="sos")
    pad = min(len(clock) - 1, round(1 / stride_hz / step))
    height = -on_clock(clock, keypoints.time_s, hip_y)
    one, two = (
        sosfiltfilt(sos, signal - signal.mean(), padlen=pad) for signal in (height, np.abs(legs))
    )
    scale = one.std() * two.std()
    sign = 1 if orientation.view == "side" else -1
    course = sign * one * two / scale if scale > 0 else np.zeros(len(clock))
    return course, float(2 * np.sqrt(2) * one.std())
