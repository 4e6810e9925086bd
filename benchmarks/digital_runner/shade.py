"""The body's surface from frame to frame: its normals, and the shadows it throws."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from digital_runner.room import FLOOR_M

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Picture = NDArray[np.uint8]

KEY_ELEVATION_DEG = 60.0

# Maps of the shadows: seen from the lamp, and of the ground, columns along x and rows along z
SHADOW_CELLS = 128
SHADOW_HALF_M = 1.8
SHADOW_CENTRE_M = (0.0, 0.9, 0.0)
SHADOW_BIAS_M = (0.06, 0.14)  # nothing and all of the shadow, by how far below the cover
SELF_SHADOW = 0.85  # share of the key light that it takes
GROUND_SHADOW = 0.45  # share of the display value that it takes
CONTACT_SHADOW = 0.5  # the same, for the dark beneath the feet
CONTACT_REACH_M = 0.12
BLUR_CELLS = 1.4
UNCOVERED_M = -10.0


class Mesh:
    """The body's corners, one copy of each for every colour that meets there.

    Attributes
    ----------
    used : array of int
        Vertices that faces use; the other arrays count these.
    source : array of int, shape (copy,)
        Which of the used vertices a copy is of.
    colours : array, shape (copy, 3)
        From 0 to 1.
    triangles : array, shape (triangle, 3)
        Of copies.
    """

    def __init__(self, faces: NDArray[np.integer], paint: NDArray[np.uint8]) -> None:
        self.used, corner = np.unique(faces, return_inverse=True)
        self._faces = corner.reshape(faces.shape)
        palette, colour = np.unique(paint, axis=0, return_inverse=True)
        keys = self._faces * len(palette) + colour.reshape(-1, 1)
        names, copies = np.unique(keys, return_inverse=True)
        self.source, self.colours = names // len(palette), palette[names % len(palette)] / 255
        copies = copies.reshape(faces.shape)
        triangles = np.vstack([copies[:, [0, 1, 2]], copies[:, [0, 2, 3]]]).astype(np.int32)
        self.triangles = triangles[triangles[:, 1] != triangles[:, 2]]
        count = len(faces)
        joins = csr_matrix(
            (np.ones(4 * count, np.float32), (self._faces.ravel(), np.repeat(range(count), 4))),
            shape=(len(self.used), count),
        )
        self._to_copies = joins[self.source]
        share = 1 / np.maximum(np.asarray(joins.sum(axis=1)).ravel(), 1)
        average = diags_array(share.astype(np.float32)) @ joins @ joins.T / 4
        self._soften = csr_matrix(average, dtype=np.float32)

    @property
    def count(self) -> int:
        """How many copies there are."""
        return len(self.source)

    def normals(self, points: Singles) -> Singles:
        """Return the normals of the copies, of any length."""
        a, b, c, d = (points[self._faces[:, i]] for i in range(4))
        p, q = c - a, d - b
        of_faces = np.empty_like(p)
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            of_faces[:, i] = p[:, j] * q[:, k] - p[:, k] * q[:, j]
        return np.asarray(self._to_copies @ of_faces)

    def soften(self, values: Singles) -> Singles:
        """Average each vertex's value with its neighbours'."""
        return np.asarray(self._soften @ values)


class Shadows:
    """What the key light does not reach.

    Parameters
    ----------
    lamp : array, shape (3,)
        Unit vector towards the light.
    mesh : Mesh
    """

    def __init__(self, lamp: Floats, mesh: Mesh) -> None:
        self._mesh = mesh
        across = np.cross([0.0, 1.0, 0.0], lamp)
        across /= np.linalg.norm(across)
        plane = np.array([across, np.cross(lamp, across)])
        self._axes = np.column_stack([plane.T, lamp]).astype(np.float32)
        self._offset = (plane @ SHADOW_CENTRE_M).astype(np.float32)
        self._scale = SHADOW_CELLS / (2 * SHADOW_HALF_M)
        # From a cell of the ground map to the lamp's map, for each height of the ground
        self._to_lamp = []
        for level in (0.0, FLOOR_M):
            first = 0.5 / self._scale - SHADOW_HALF_M
            linear = plane[:, [0, 2]]
            start = plane @ [first, level, first] - self._offset + SHADOW_HALF_M
            self._to_lamp.append(np.column_stack([linear, start * self._scale - 0.5]))

    def cast(self, points: Singles) -> tuple[Singles, Picture, Picture]:
        """Throw the shadows of one pose.

        Returns
        -------
        array, shape (vertex,)
            Share of the key light that reaches each vertex.
        two pictures
            Maps of the darkness on the ground at the belt's and at the floor's height, 0 to 255.
        """
        cells = SHADOW_CELLS
        seen = points @ self._axes
        cell = self._cells(seen[:, :2] - self._offset)
        height = np.ascontiguousarray(seen[:, 2])
        cover = np.full(cells * cells, UNCOVERED_M, np.float32)
        np.maximum.at(cover, cell, height)
        cover = cv2.dilate(cover.reshape(cells, cells), np.ones((3, 3), np.uint8))
        low, high = SHADOW_BIAS_M
        hidden = np.clip((cover.ravel()[cell] - height - low) / (high - low), 0, 1)
        reaching = self._mesh.soften(1 - SELF_SHADOW * hidden)

        dark = np.where(cover > UNCOVERED_M, np.float32(255 * GROUND_SHADOW), np.float32(0))
        dark = cv2.GaussianBlur(dark, (0, 0), BLUR_CELLS)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        belt, floor = (
            cv2.warpAffine(dark, to_lamp, (cells, cells), flags=flags) for to_lamp in self._to_lamp
        )
        belt += self._contact(points) * (1 - belt / 255)
        belt[[0, -1]] = belt[:, [0, -1]] = 0  # what lies outside takes the edge's value
        return reaching, belt.astype(np.uint8), floor.astype(np.uint8)

    def _contact(self, points: Singles) -> Singles:
        near = points[points[:, 1] < 3 * CONTACT_REACH_M]
        closeness = np.exp(-np.clip(near[:, 1], 0, None) / CONTACT_REACH_M)
        contact = np.zeros(SHADOW_CELLS**2, np.float32)
        np.maximum.at(contact, self._cells(near[:, [0, 2]]), 255 * CONTACT_SHADOW * closeness)
        return cv2.GaussianBlur(contact.reshape(SHADOW_CELLS, -1), (0, 0), BLUR_CELLS)

    def _cells(self, places: Singles) -> NDArray[np.int32]:
        """Cell of each place (column, row) in metres from the map's middle."""
        at = np.clip((places + SHADOW_HALF_M) * self._scale, 0, SHADOW_CELLS - 1).astype(np.int32)
        return at[:, 1] * SHADOW_CELLS + at[:, 0]


def lamp_direction(yaw_deg: float) -> Floats:
    """Return the unit vector towards the key light."""
    yaw, up = np.radians(yaw_deg), np.radians(KEY_ELEVATION_DEG)
    return np.array([np.sin(yaw) * np.cos(up), np.sin(up), np.cos(yaw) * np.cos(up)])
