"""Watch the background for what the camera itself did: rolled, slid, zoomed, cut, lost the light.

Small grey pictures are compared twice a second; nothing but a few numbers a sample is kept.
"""

import dataclasses
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.video.frame import Frame

SAMPLE_INTERVAL_S = 0.5
WATCH_SIDE_PX = 480  # longer side of the pictures compared
CORNERS = 150
MIN_INLIERS = 12
MIN_INLIER_SHARE = 0.4
ROUND_TRIP_PX = 1.0  # a corner tracked there and back must return to within this
RANSAC_PX = 1.5
# A turned camera turns upright and level lines alike. A fit in which they part by more than this
# (radians) is a turn only if its common turn is so many times larger; a shear has them equal.
MIN_STRETCH = 0.002
TURN_OVER_STRETCH = 2.0
USUAL_LEVEL, DARKEST_LEVEL = 110.0, 15.0  # grey levels, mean over the background
THUMB_SIDE_PX = 32
CUT_DIFFERENCE = 30.0  # grey levels, mean over the thumbnail, from one frame to the next
LONGEST_PAUSE_S = 2.0  # without a frame: what changed meanwhile is no cut
CUT_PROMINENCE = 4.0  # times the typical difference before it


@dataclass(frozen=True)
class CameraTrack:
    """What the camera did, relative to the start.

    Attributes
    ----------
    time_s : array, shape (sample,)
    roll_deg : array, shape (sample,)
        Turn of the picture's content since the start, + = clockwise as seen; NaN = can't tell.
    shift_px : array, shape (sample, 2)
        Movement of the content at the picture's centre, source pixels; NaN = can't tell.
    zoom : array, shape (sample,)
        Size of the content, 1 at the start; NaN = can't tell.
    brightness : array, shape (sample,)
        Mean grey level of the background, 0 to 255.
    cuts_s : array, shape (cut,)
        Times of the first frame after each cut.
    centre_px : (float, float)
        The picture's centre, source pixels, about which `roll_deg` turns.
    """

    time_s: NDArray[np.float64]
    roll_deg: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    zoom: NDArray[np.float64]
    brightness: NDArray[np.float64]
    cuts_s: NDArray[np.float64]
    centre_px: tuple[float, float]


@dataclass(frozen=True)
class Glimpse:
    """What the watch keeps of a frame: small enough to be handed on in numbers.

    Attributes
    ----------
    time_s : float
    size : (int, int)
        Width and height of the frame.
    scale : float
        Source pixels per pixel of the frame.
    levels : array, uint8, or None
        A few of its grey levels; None once they were looked at.
    grey : array, shape (height, width), uint8, or None
        The frame, small and grey; None between the samples.
    """

    time_s: float
    size: tuple[int, int]
    scale: float
    levels: NDArray[np.uint8] | None
    grey: NDArray[np.uint8] | None

    def without_pixels(self) -> "Glimpse":
        """Return the glimpse as it is kept once it was looked at."""
        return dataclasses.replace(self, levels=None, grey=None)


def glimpse(frame: Frame, previous_s: float) -> Glimpse:
    """Take from a frame what the watch needs; `previous_s` is the time of the frame before it.

    The first frame in each interval of the clock is a sample, wherever the watch began.
    """
    is_sample = _interval(frame.time_s) > _interval(previous_s)
    grey = None
    if is_sample:
        reduction = max(1.0, max(frame.size) / WATCH_SIDE_PX)
        width, height = (max(1, round(side / reduction)) for side in frame.size)
        grey = frame.luma(width, height)
    return Glimpse(frame.time_s, frame.size, frame.scale, frame.glimpse(THUMB_SIDE_PX), grey)


def _interval(time_s: float) -> float:
    return float(np.floor(time_s / SAMPLE_INTERVAL_S + 1e-6))


@dataclass
class CameraWatch:
    """Feed it a glimpse of every frame with the people's points; ask for the `track` at the end.

    In order of time; after a pause it may also go back, to what was left out before.
    """

    _samples: list[tuple[float, NDArray[np.float64], float]] = field(default_factory=list)
    _cuts_s: list[float] = field(default_factory=list)
    _reference: NDArray[np.uint8] | None = None
    _corners: NDArray[np.float32] | None = None
    _previous: NDArray[np.uint8] | None = None
    _previous_background: NDArray[np.uint8] | None = None
    _previous_motion: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    _thumb: NDArray[np.float32] | None = None
    _thumb_s: float = -np.inf
    _differences: list[float] = field(default_factory=list)
    _reduction: float = 1.0
    _centre_px: tuple[float, float] = (0.0, 0.0)

    def look(self, seen: Glimpse, people: NDArray[np.floating]) -> None:
        """Take in one frame.

        Parameters
        ----------
        seen : Glimpse
        people : array, shape (person, keypoint, 2)
            Points on people, source pixels: the background is what lies clear of them.
        """
        self._watch_for_cut(seen)
        if seen.grey is None:
            return
        width, height = seen.size
        grey = seen.grey
        self._reduction = seen.scale * max(width, height) / max(grey.shape)
        self._centre_px = (width * seen.scale / 2, height * seen.scale / 2)
        background = _mask_background(grey.shape, people / self._reduction)
        level = float(grey[background > 0].mean()) if background.any() else float(grey.mean())
        motion = self._motion_since_start(_even_light(grey, level), background)
        self._samples.append((seen.time_s, motion, level))

    @property
    def track(self) -> CameraTrack:
        """What was seen so far."""
        samples = sorted(self._samples, key=lambda sample: sample[0])
        time_s = np.array([sample[0] for sample in samples])
        motion = np.array([sample[1] for sample in samples]).reshape(-1, 3, 3)
        linear = motion[:, :2, :2]
        centre = np.array(self._centre_px)
        centre_small = centre / max(self._reduction, 1e-9)
        moved = np.einsum("nij,j->ni", linear, centre_small) + motion[:, :2, 2] - centre_small
        return CameraTrack(
            time_s=time_s,
            roll_deg=np.degrees(
                np.arctan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
            ),
            shift_px=moved * self._reduction,
            zoom=np.sqrt(np.abs(_determinant(linear))),
            brightness=np.array([sample[2] for sample in samples]),
            cuts_s=np.array(sorted(self._cuts_s)),
            centre_px=(float(centre[0]), float(centre[1])),
        )

    def _watch_for_cut(self, seen: Glimpse) -> None:
        assert seen.levels is not None
        thumb = seen.levels.astype(np.float32)
        follows = abs(seen.time_s - self._thumb_s) < LONGEST_PAUSE_S
        self._thumb_s = seen.time_s
        if self._thumb is not None and self._thumb.shape == thumb.shape and follows:
            gain = (self._thumb.mean() + 1) / (thumb.mean() + 1)  # a light switched off is no cut
            difference = float(np.abs(gain * thumb - self._thumb).mean() / max(gain, 1.0))
            if difference > CUT_DIFFERENCE:
                typical = float(np.median(self._differences)) if self._differences else 0.0
                if difference > CUT_PROMINENCE * typical:
                    self._cuts_s.append(seen.time_s)
            self._differences = [*self._differences[-30:], difference]
        self._thumb = thumb

    def _motion_since_start(
        self, grey: NDArray[np.uint8], background: NDArray[np.uint8]
    ) -> NDArray[np.float64]:
        """Similarity from the first sample to this one, 3 x 3; NaN where it can't be told."""
        unknown = np.full((3, 3), np.nan)
        if self._reference is None:
            self._reference, self._corners = grey, _find_corners(grey, background)
            motion = np.eye(3)
        else:
            fit = _fit_similarity(self._reference, self._corners, grey)
            if fit is None and self._previous is not None:
                assert self._previous_background is not None
                corners = _find_corners(self._previous, self._previous_background)
                step = _fit_similarity(self._previous, corners, grey)
                fit = None if step is None else step @ self._previous_motion
            motion = unknown if fit is None else fit
        if np.isfinite(motion).all():
            self._previous, self._previous_motion = grey, motion
            self._previous_background = background
        return motion


def _determinant(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the determinants of 2 x 2 matrices; NaN stays NaN, without a warning."""
    return linear[:, 0, 0] * linear[:, 1, 1] - linear[:, 0, 1] * linear[:, 1, 0]


def _even_light(grey: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    """Scale a picture to the usual brightness: corners are followed by their grey levels."""
    return cv2.convertScaleAbs(grey, alpha=USUAL_LEVEL / max(level, DARKEST_LEVEL))


def _mask_background(shape: tuple[int, ...], people: NDArray[np.floating]) -> NDArray[np.uint8]:
    mask = np.full(shape, 255, dtype=np.uint8)
    for points in people:
        if not np.isfinite(points).all():
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        margin = 0.15 * (high - low).max()
        x0, y0 = np.maximum(low - margin, 0).astype(int)
        x1, y1 = np.maximum(high + margin, 0).astype(int)
        mask[y0:y1, x0:x1] = 0
    return mask


def _find_corners(
    grey: NDArray[np.uint8], background: NDArray[np.uint8]
) -> NDArray[np.float32] | None:
    corners = cv2.goodFeaturesToTrack(grey, CORNERS, 0.01, 7, mask=background)
    return None if corners is None else np.asarray(corners, dtype=np.float32)


def _fit_similarity(
    start: NDArray[np.uint8], corners: NDArray[np.float32] | None, now: NDArray[np.uint8]
) -> NDArray[np.float64] | None:
    """Motion of the background between two grey pictures, or None if it can't be told."""
    if corners is None or len(corners) < MIN_INLIERS:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(start, now, corners, None, maxLevel=4)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(now, start, there, None, maxLevel=4)
    good = (found[:, 0] > 0) & (returned[:, 0] > 0)
    good &= np.linalg.norm((back - corners)[:, 0], axis=1) < ROUND_TRIP_PX
    if good.sum() < MIN_INLIERS:
        return None
    cv2.setRNGSeed(0)
    affine, inliers = cv2.estimateAffine2D(
        corners[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PX
    )
    if affine is None or inliers.sum() < max(MIN_INLIERS, MIN_INLIER_SHARE * good.sum()):
        return None
    turn = abs(affine[1, 0] - affine[0, 1]) / 2
    stretch = np.hypot(affine[0, 0] - affine[1, 1], affine[0, 1] + affine[1, 0]) / 2
    if stretch > MIN_STRETCH and turn < TURN_OVER_STRETCH * stretch:
        return np.eye(3)  # lines that stood apart turned differently: no camera movement does that
    kept = inliers[:, 0] > 0
    similarity, _ = cv2.estimateAffinePartial2D(
        corners[good][kept], there[good][kept], method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PX
    )
    if similarity is None:
        return None
    return np.vstack([similarity, [0.0, 0.0, 1.0]])
