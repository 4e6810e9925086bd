"""The square around a body that the landmark network looks at: it turns and grows with the body.

Centre, size and turn are MediaPipe's: from the middle of the hips, and a point on the circle around
the whole body in the direction of the head. An upright square would pull the network towards the
mean posture.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MARGIN = 1.25  # the square over the circle around the body (MediaPipe's pose landmarker)
STEADY_S = 0.3  # over which a region is steadied: about a step


@dataclass(frozen=True)
class Region:
    """A turned square in a picture, pixels.

    Attributes
    ----------
    x, y : float
        Its centre.
    size : float
        Length of its sides.
    turn : float
        Radians, + = clockwise as seen; 0 = upright.
    """

    x: float
    y: float
    size: float
    turn: float

    def to_picture(self, side: int) -> NDArray[np.float64]:
        """Matrix from a crop of `side` x `side` pixels to the picture, shape (2, 3).

        Both in continuous coordinates: the first pixel reaches from 0 to 1.
        """
        scale = self.size / side
        c, s = scale * math.cos(self.turn), scale * math.sin(self.turn)
        middle = side / 2
        return np.array([
            [c, -s, self.x - (c - s) * middle],
            [s, c, self.y - (s + c) * middle],
        ])  # fmt: skip

    def overlaps(self, other: "Region") -> bool:
        """Whether the centre of either lies near that of the other: the same body."""
        apart = math.hypot(self.x - other.x, self.y - other.y)
        return apart < 0.25 * min(self.size, other.size) / MARGIN


def region_around(centre: NDArray[np.float64], rim: NDArray[np.float64]) -> Region:
    """Return the region of a body, from the middle of its hips and a point towards its head.

    Parameters
    ----------
    centre, rim : array, shape (2,)
        Pixels; `rim` lies on the circle around the whole body, straight above an upright one.
    """
    x, y = (rim - centre).tolist()
    size = 2 * MARGIN * math.hypot(x, y)
    return Region(float(centre[0]), float(centre[1]), size, math.atan2(x, -y))


class RegionTrack:
    """The region of one body from frame to frame, steadied: what the network reads shakes with it.

    Two trackers that began at different frames come to the same crops by it. (Measured on rendered
    runners: a frame's lean then differs by 0.10° between them, and by 0.29° where the region is
    taken as it is found.) The centre is followed by level and trend, critically damped, so that it
    does not lag behind somebody who crosses the picture; size and turn by their level.

    Parameters
    ----------
    region : Region
        Where the detector saw the body.
    time_s : float

    Attributes
    ----------
    region : Region
        Where it is looked for next.
    """

    def __init__(self, region: Region, time_s: float) -> None:
        self.region = region
        self._time_s = time_s
        self._speed_x = self._speed_y = 0.0  # pixels a second
        self._seen = 0

    def move(self, found: Region, time_s: float) -> None:
        """Take in where the landmark network found the body; the first time it is believed."""
        passed_s = time_s - self._time_s
        self._time_s = time_s
        self._seen += 1
        # at first every frame counts as much as those before it
        kept = min(math.exp(-passed_s / STEADY_S), 1 - 1 / self._seen)
        level = 1 - kept**2
        trend = (1 - kept) ** 2 / passed_s if passed_s > 0 else 0.0
        old = self.region
        ahead_x, ahead_y = old.x + self._speed_x * passed_s, old.y + self._speed_y * passed_s
        self.region = Region(
            ahead_x + level * (found.x - ahead_x),
            ahead_y + level * (found.y - ahead_y),
            old.size + (1 - kept) * (found.size - old.size),
            old.turn + (1 - kept) * math.remainder(found.turn - old.turn, 2 * math.pi),
        )
        self._speed_x += trend * (found.x - ahead_x)
        self._speed_y += trend * (found.y - ahead_y)


def apply(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points, shape (..., 2), by a matrix, shape (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def invert(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that undoes another, shape (2, 3)."""
    return np.asarray(cv2.invertAffineTransform(matrix))
