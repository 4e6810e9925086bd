"""Paint lines, dots and see-through layers onto an RGB picture or onto the planes of a video."""

from collections.abc import Iterable
from functools import lru_cache

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.report.palette import Colour
from formcheck.video.frame import ColourSpace, colour_space, from_rgb, planes_of

Points = NDArray[np.float64]  # shape (point, 2): x, y in pixels; NaN = unknown

Value = tuple[float, ...]  # of a colour in one plane

EDGE: Colour = (20, 25, 35)
EDGE_PX = 1
STEPS = (1, 2, 2)  # pixels of the picture for one of the plane
LINE_TYPES = {1: cv2.LINE_AA, 2: cv2.LINE_8}  # nobody sees steps in the colours
SUBPIXEL_BITS = 4
FARTHEST_PX = 16_000  # outside the picture, so that OpenCV's whole numbers hold it


class Layer:
    """A see-through picture that can be laid onto a canvas many times.

    Parameters
    ----------
    rgba : array, shape (height, width, 4), uint8
        Its last channel is 255 where nothing shines through. An odd side grows by one.
    """

    def __init__(self, rgba: NDArray[np.uint8]) -> None:
        height, width = rgba.shape[:2]
        self._rgba = np.pad(rgba, ((0, height % 2), (0, width % 2), (0, 0)))
        self.is_opaque = bool((self._rgba[..., 3] == 255).all())
        self._prepared: dict[ColourSpace | None, list[tuple[NDArray[np.uint8], ...]]] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self._rgba.shape[1], self._rgba.shape[0]

    def planes(self, space: ColourSpace | None) -> list[tuple[NDArray[np.uint8], ...]]:
        """For each plane of such a canvas: what to add, and how much (of 255) to keep of it."""
        if space not in self._prepared:
            colour, cover = self._rgba[..., :3], cv2.merge([self._rgba[..., 3]] * 3)
            values = colour if space is None else cv2.transform(colour, from_rgb(space))
            added = cv2.multiply(values, cover, scale=1 / 255)
            self._prepared[space] = list(
                zip(_into_planes(added, space), _into_planes(255 - cover, space), strict=True)
            )
        return self._prepared[space]


class Canvas:
    """Something to paint on: an RGB picture, or the planes of a yuv420p one.

    Parameters
    ----------
    picture : array, shape (height, width, 3), uint8, or VideoFrame
        The frame is upright, of even size and in limited range.

    Attributes
    ----------
    width, height : int
    """

    def __init__(self, picture: NDArray[np.uint8] | av.VideoFrame) -> None:
        self._space: ColourSpace | None = None
        self._planes = [picture] if isinstance(picture, np.ndarray) else planes_of(picture)
        if not isinstance(picture, np.ndarray):
            self._space = colour_space(picture)
        self.height, self.width = self._planes[0].shape[:2]

    def lines(self, paths: NDArray[np.float64], colour: Colour, width: int) -> None:
        """Draw paths, shape (path, point, 2), with a dark edge; none that has an unknown point."""
        known = paths[np.isfinite(paths).all(axis=(1, 2))]
        for plane, step, value, edge in self._with_values(colour):
            fixed, kind = list(_fixed(known / step)), LINE_TYPES[step]
            for shade, thick in ((edge, width + 2 * EDGE_PX), (value, width)):
                thick = max(1, round(thick / step))
                cv2.polylines(plane, fixed, False, shade, thick, kind, SUBPIXEL_BITS)

    def dots(self, points: Points, colour: Colour, radius: int) -> None:
        """Draw filled circles with a dark edge at the points that are known."""
        known = points[np.isfinite(points).all(axis=1)]
        for plane, step, value, edge in self._with_values(colour):
            fixed, kind = _fixed(known / step).tolist(), LINE_TYPES[step]
            for shade, size in ((edge, radius + EDGE_PX), (value, radius)):
                size = round(size / step * (1 << SUBPIXEL_BITS))
                for at in fixed:
                    cv2.circle(plane, at, size, shade, -1, kind, SUBPIXEL_BITS)

    def lay(self, layer: Layer, at: Iterable[float], *, columns: slice = slice(None)) -> None:
        """Lay a layer, or some of its columns, with its corner at about a place (even pixels).

        What would hang over the edge is moved in, and cut off where there is no room.
        """
        room = (self.width - layer.size[0], self.height - layer.size[1])
        x, y = (int(np.clip(a, 0, max(0, most))) // 2 * 2 for a, most in zip(at, room, strict=True))
        first, last, _ = columns.indices(min(layer.size[0], self.width))
        for plane, (added, kept), step in zip(
            self._planes, layer.planes(self._space), STEPS, strict=False
        ):
            part = np.s_[: self.height // step, first // step : last // step]
            added, kept = added[part], kept[part]
            below = plane[y // step :, (x + first) // step :][: added.shape[0], : added.shape[1]]
            if layer.is_opaque:
                below[...] = added
            else:
                below[...] = cv2.add(cv2.multiply(below, kept, scale=1 / 255), added)

    def _with_values(self, colour: Colour) -> Iterable[tuple[NDArray[np.uint8], int, Value, Value]]:
        """Each plane with its step, and what the colour and that of edges are in it."""
        values, edges = _values(colour, self._space), _values(EDGE, self._space)
        return zip(self._planes, STEPS, values, edges, strict=False)


@lru_cache
def _values(colour: Colour, space: ColourSpace | None) -> list[Value]:
    """Return what a colour is in each plane."""
    if space is None:
        return [colour]
    return [(value,) for value in (from_rgb(space) @ [*colour, 1]).round().tolist()]


def _into_planes(values: NDArray[np.uint8], space: ColourSpace | None) -> list[NDArray[np.uint8]]:
    """Cut channels into the planes of a canvas; colour differences lie half as dense."""
    if space is None:
        return [values]
    half = (values.shape[1] // 2, values.shape[0] // 2)
    small = cv2.resize(values, half, interpolation=cv2.INTER_AREA)
    return [cv2.extractChannel(values, 0), *(cv2.extractChannel(small, i) for i in (1, 2))]


def _fixed(points: Points) -> NDArray[np.int32]:
    """Whole numbers of a sixteenth of a pixel, as OpenCV wants them."""
    near = np.clip(points, -FARTHEST_PX, FARTHEST_PX)
    return np.asarray((near * (1 << SUBPIXEL_BITS)).round(), dtype=np.int32)
