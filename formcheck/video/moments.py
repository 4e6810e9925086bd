"""A few small pictures of the people in a video, taken while it is watched."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.video.frame import Frame

ENOUGH = 96  # over the whole of what is watched; twice as many are kept at most
INTERVAL_S = 1.0  # between them, where nothing tells how long the video is
SIDE_PX = 360  # longer side of a picture
MARGIN = 0.15  # of the people's extent, around them
ALSO_SHOWN = 0.5  # of the largest person's height: smaller ones are passers-by at the back
QUALITY = 60  # JPEG


@dataclass(frozen=True)
class Moment:
    """A picture of the people at one time.

    Attributes
    ----------
    time_s : float
        On the video's own clock.
    jpeg : bytes
    origin_px, size_px : tuple of float
        Where it lies in the upright video: x, y of its corner, width and height, source pixels.
    """

    time_s: float
    jpeg: bytes
    origin_px: tuple[float, float]
    size_px: tuple[float, float]


def choose_interval(watched_s: float) -> float:
    """Return how often a moment is taken where so many seconds are watched; 0 = not known."""
    return watched_s / ENOUGH if watched_s > 0 else INTERVAL_S


def is_due(time_s: float, previous_s: float, interval_s: float) -> bool:
    """Tell whether a frame is the first of its interval; on one clock, wherever one begins."""
    return math.isinf(previous_s) or time_s // interval_s != previous_s // interval_s


def take_moment(frame: Frame, position: NDArray[np.float64]) -> Moment | None:
    """Cut the people out of a frame.

    Parameters
    ----------
    frame : Frame
    position : array, shape (person, keypoint, 2)
        In pixels of the frame.

    Returns
    -------
    Moment or None
        None where nobody is to be seen.
    """
    if not len(position):
        return None
    low, high = position.min(axis=1), position.max(axis=1)
    height = high[:, 1] - low[:, 1]
    shown = height >= ALSO_SHOWN * np.nan_to_num(height).max()
    if not shown.any():
        return None
    low, high = low[shown].min(axis=0), high[shown].max(axis=0)
    around = MARGIN * float((high - low).max())
    low = np.clip(low - around, 0, frame.size)
    width, height_px = np.clip(high + around, 0, frame.size) - low
    if min(width, height_px) < 1:
        return None
    step = max(1.0, max(width, height_px) / SIDE_PX)
    shape = (max(2, int(width / step) // 2 * 2), max(2, int(height_px / step) // 2 * 2))
    stretch = np.array([width / shape[0], height_px / shape[1]])
    rgb = frame.crop(np.column_stack([np.diag(stretch), low]), *shape)
    _, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    x, y, width, height_px = (float(v * frame.scale) for v in (*low, width, height_px))
    return Moment(frame.time_s, jpeg.tobytes(), (x, y), (width, height_px))


class Album:
    """Moments that come one after the other; where they become too many, every second one goes."""

    def __init__(self, interval_s: float) -> None:
        self.moments: list[Moment] = []
        self._interval_s = interval_s
        self._least_s = 0.0  # between two that are kept

    def add(self, moment: Moment | None) -> None:
        """Take in the next moment, if it is not too close to the last."""
        if moment is None:
            return
        if self.moments and moment.time_s - self.moments[-1].time_s < self._least_s:
            return
        self.moments.append(moment)
        if len(self.moments) >= 2 * ENOUGH:
            del self.moments[1::2]
            self._interval_s *= 2
            self._least_s = 0.75 * self._interval_s  # they come at steps of the first interval
