"""From raw to trustworthy keypoints: gate, repair, fill short gaps, smooth without lag."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.signal import butter, sosfiltfilt

from formcheck.keypoints import INDEX, Keypoints
from formcheck.signals.clock import even_step
from formcheck.signals.swaps import repair_swaps


@dataclass(frozen=True)
class CleaningSettings:
    """How keypoints are cleaned.

    Attributes
    ----------
    min_confidence : float
        A point less sure than this is unknown.
    max_speed_legs_per_s : float
        A point that is faster, both coming and going, jumped. A sprinter's swing foot passes the
        body at about 20 m/s, some 22 leg lengths a second.
    max_limb_ratio : float
        A limb longer than this times what anatomy allows for the leg length has lost its end.
    max_gap_s : float
        Gaps up to this are bridged; longer ones stay unknown.
    cutoff_hz : float
        Zero-lag low-pass (Butterworth, order 4 after both passes), lowered to 0.4 x the frame
        rate where that is less. 10 Hz keeps sagittal running kinematics (usual: 6 to 15 Hz).
    """

    min_confidence: float = 0.5
    max_speed_legs_per_s: float = 25.0
    max_limb_ratio: float = 1.4
    max_gap_s: float = 0.2
    cutoff_hz: float = 10.0


@dataclass(frozen=True)
class CleanPose:
    """Clean keypoints, and what was done to get them.

    Attributes
    ----------
    keypoints : Keypoints
        NaN where the point is unknown.
    leg_length_px : float
        Thigh plus shank, median over the clip, the longer of the two sides; source pixels.
    swapped : dict of array, shape (time,)
        'legs' and 'arms': True where left and right were exchanged back.
    removed_share : float
        Share of the points seen that were discarded.
    cutoff_hz : float
        The cut-off that was applied.
    """

    keypoints: Keypoints
    leg_length_px: float
    swapped: dict[str, NDArray[np.bool_]]
    removed_share: float
    cutoff_hz: float


# Length of a limb in leg lengths (thigh plus shank), from segment lengths as shares of stature:
# thigh 0.245, shank 0.246, upper arm 0.186, forearm 0.146, foot 0.152 (Drillis and Contini 1966,
# in Winter 2009, fig. 4.1). Foreshortening only makes them shorter.
LIMBS = tuple(
    (INDEX[f"{side}_{start}"], INDEX[f"{side}_{end}"], length)
    for side in ("left", "right")
    for start, end, length in (
        ("hip", "knee", 0.50),
        ("knee", "ankle", 0.50),
        ("ankle", "heel", 0.15),
        ("ankle", "foot_index", 0.30),
        ("shoulder", "elbow", 0.38),
        ("elbow", "wrist", 0.30),
    )
)


def clean_keypoints(
    raw: Keypoints, settings: CleaningSettings | None = None, *, cuts_s: Sequence[float] = ()
) -> CleanPose:
    """Clean one person's keypoints.

    Parameters
    ----------
    raw : Keypoints
        As the engine saw them.
    settings : CleaningSettings, optional
    cuts_s : sequence of float
        Times at which the video cuts to something else; no gap is bridged across one.

    Returns
    -------
    CleanPose
    """
    settings = settings or CleaningSettings()
    seen = np.isfinite(raw.position[..., 0])
    position = np.where((raw.confidence < settings.min_confidence)[..., None], np.nan, raw.position)
    gated = raw.with_position(position)
    leg_length = measure_leg_length(gated)
    repaired, swapped = repair_swaps(gated, leg_length)
    position = repaired.position
    position[_jumps(repaired, settings.max_speed_legs_per_s * leg_length)] = np.nan
    _drop_stretched_limbs(position, settings.max_limb_ratio * leg_length)
    kept = np.isfinite(position[..., 0])
    cutoff = min(settings.cutoff_hz, 0.4 / raw.frame_interval_s)
    smooth = _smooth(repaired.time_s, position, settings.max_gap_s, cutoff, cuts_s)
    return CleanPose(
        keypoints=Keypoints(repaired.time_s, smooth, repaired.confidence),
        leg_length_px=leg_length,
        swapped=swapped,
        removed_share=float(1 - kept[seen].mean()) if seen.any() else 0.0,
        cutoff_hz=cutoff,
    )


def measure_leg_length(keypoints: Keypoints) -> float:
    """Thigh plus shank in pixels: medians over time, the longer of the two sides."""
    lengths = []
    for side in ("left", "right"):
        hip, knee, ankle = (keypoints.point(f"{side}_{j}") for j in ("hip", "knee", "ankle"))
        thigh, shank = np.linalg.norm(hip - knee, axis=1), np.linalg.norm(knee - ankle, axis=1)
        if np.isfinite(thigh).any() and np.isfinite(shank).any():
            lengths.append(float(np.nanmedian(thigh) + np.nanmedian(shank)))
    return max(lengths, default=np.nan)


def _jumps(keypoints: Keypoints, max_speed_px_s: float) -> NDArray[np.bool_]:
    """Where a point leaps away and back from one frame to the next, shape (time, keypoint)."""
    step = np.linalg.norm(np.diff(keypoints.position, axis=0), axis=2)
    fast = step > max_speed_px_s * np.diff(keypoints.time_s)[:, None]
    jumped = np.zeros(keypoints.position.shape[:2], dtype=bool)
    jumped[1:-1] = fast[1:] & fast[:-1]
    return jumped


def _drop_stretched_limbs(position: NDArray[np.float64], unit_px: float) -> None:
    """Forget the far end of every limb that is too long to be one."""
    for start, end, length in LIMBS:
        reach = np.linalg.norm(position[:, start] - position[:, end], axis=1)
        position[reach > length * unit_px, end] = np.nan


def _smooth(
    time_s: NDArray[np.float64],
    position: NDArray[np.float64],
    max_gap_s: float,
    cutoff_hz: float,
    cuts_s: Sequence[float],
) -> NDArray[np.float64]:
    """Bridge short gaps and low-pass on an even clock, then return to the true times.

    The filter needs even steps, so the points go through a cubic spline onto an even clock of the
    median frame interval and back. Long gaps are bridged for the filter only, and are NaN again
    in what is returned.
    """
    flat = position.reshape(len(time_s), -1)
    bridged, unknown = _bridge_gaps(time_s, flat, max_gap_s)
    interval = np.diff(time_s)
    step = even_step(time_s)
    sos = butter(2, min(cutoff_hz / _DUAL_PASS, 0.49 / step), fs=1 / step, output="sos")
    for start, end in _uncut_spans(time_s, cuts_s):
        span_time, span = time_s[start:end], bridged[start:end]
        even = np.allclose(interval[start : end - 1], step, rtol=0.01)
        count = round((span_time[-1] - span_time[0]) / step) + 1
        if min(count, end - start) < 16:  # too short to filter, or to hold a stride
            continue
        clock = np.linspace(span_time[0], span_time[-1], count)
        on_clock = span if even else make_interp_spline(span_time, span, k=3)(clock)
        filtered = sosfiltfilt(sos, on_clock, axis=0)
        back = filtered if even else make_interp_spline(clock, filtered, k=3)(span_time)
        bridged[start:end] = back
    bridged[unknown] = np.nan
    return bridged.reshape(position.shape)


HALF_A_MILLISECOND_S = 0.0005  # so that rounded times don't make a gap of 0.2 s longer

# A Butterworth run forwards and backwards halves the power at its cut-off twice; designed this much
# higher, the two passes together have their -3 dB at the stated frequency (Winter 2009, 2.2.4.4).
_DUAL_PASS = (2**0.5 - 1) ** 0.25


def _bridge_gaps(
    time_s: NDArray[np.float64], flat: NDArray[np.float64], max_gap_s: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fill every gap linearly; also tell what lies in gaps that are too long to believe it."""
    filled = flat.copy()
    unknown = np.zeros(flat.shape, dtype=bool)
    for column in np.flatnonzero(~np.isfinite(flat).all(axis=0)):
        known = np.flatnonzero(np.isfinite(flat[:, column]))
        if not len(known):
            filled[:, column] = 0.0
            unknown[:, column] = True
            continue
        filled[:, column] = np.interp(time_s, time_s[known], flat[known, column])
        before = np.searchsorted(known, np.arange(len(flat)), side="right") - 1
        after = np.searchsorted(known, np.arange(len(flat)), side="left")
        outside = (before < 0) | (after >= len(known))
        start, end = known[np.clip(before, 0, None)], known[np.clip(after, None, len(known) - 1)]
        # a gap is what is missing between two known frames
        missing_s = time_s[end] - time_s[start]
        unknown[:, column] = outside | (missing_s > max_gap_s + HALF_A_MILLISECOND_S)
    return filled, unknown


def _uncut_spans(time_s: NDArray[np.float64], cuts_s: Sequence[float]) -> list[tuple[int, int]]:
    edges = [0, *np.searchsorted(time_s, list(cuts_s)).tolist(), len(time_s)]
    return [(a, b) for a, b in pairwise(edges) if b > a]
