"""The phone: where it stands, where it looks, and where a point of the world lands in its picture.

World axes, metres, as the body mesh has them: x to the runner's left, y up, z where the runner
runs to; the belt's middle is the origin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without lens distortion.

    Attributes
    ----------
    position : array, shape (3,)
        Metres.
    axes : array, shape (3, 3)
        Rows: the picture's right, its down, and the way the camera looks; unit vectors of the
        world.
    focal_px : float
    centre_px : array, shape (2,)
        Where the optical axis meets the picture; pixels from the left upper corner of the first
        pixel.
    """

    position: Floats
    axes: Floats
    focal_px: float
    centre_px: Floats

    def project(self, points: Floats) -> Floats:
        """Return the pixels of points (..., 3) as (..., 2); a pixel's middle is at + 0.5."""
        seen = (np.asarray(points) - self.position) @ self.axes.T
        return np.asarray(seen[..., :2] / seen[..., 2:] * self.focal_px + self.centre_px)

    def rolled(self, degrees: float) -> "Camera":
        """Turn the phone about its optical axis: + turns the picture's content anticlockwise."""
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        right, down, ahead = self.axes
        return Camera(
            self.position,
            np.array([c * right + s * down, c * down - s * right, ahead]),
            self.focal_px,
            self.centre_px,
        )


def look_at(position: Floats, target: Floats, focal_px: float, width: int, height: int) -> Camera:
    """Aim a level camera at a point."""
    ahead = target - position
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    return Camera(
        position,
        np.array([right, down, ahead]),
        focal_px,
        np.array([width / 2, height / 2]),
    )
