"""The square around a body that the landmark network looks at: it turns and grows with the body.

Centre, size and turn are MediaPipe's: from the middle of the hips, and a point on the circle around
the whole body in the direction of the head. An upright square would pull the network towards the
mean posture. Steadied over time it would let trackers that began apart agree, but then the body
moves in it and is read as moving less (vertical oscillation: twice the bias on the tuning scenes).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MARGIN = 1.25  # the square over the circle around the body (MediaPipe's pose landmarker)


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


def apply(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points, shape (..., 2), by a matrix, shape (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def invert(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that undoes another, shape (2, 3)."""
    return np.asarray(cv2.invertAffineTransform(matrix))
