"""One picture of a video: upright and in square pixels, made only as far as it is asked for."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

ColourSpace = tuple[float, float]  # weights of red and blue in luma
Matrix = NDArray[np.float64]  # (2, 3), continuous coordinates: the first pixel is 0 to 1

# Formats whose planes can be sampled as they are: 8 bits, half as many colours each way.
PLANAR = {"yuv420p": False, "yuvj420p": True}  # and whether levels fill all of 0 to 255
TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
# Numbers of colour spaces that every player knows (BT.709, unspecified, BT.601 twice).
KNOWN_SPACES = (1, 2, 5, 6)
# As FFmpeg does, a picture that doesn't say is taken for BT.601.
BT709, BT601 = (0.2126, 0.0722), (0.299, 0.114)
# Luma of black, and how many levels luma and colour differences have from there.
FULL, LIMITED = (0, 255, 255), (16, 219, 224)


@dataclass(frozen=True)
class _Layout:
    """How a decoded picture lies in the upright one."""

    picture: av.VideoFrame
    quarter_turns: int  # counter-clockwise, to bring it upright
    pixel_aspect: float
    size: tuple[int, int]  # of the reduced picture before it is turned: width, height


class Frame:
    """One upright picture.

    Parameters
    ----------
    index : int
        Counts decoded frames from 0.
    time_s : float
        Presentation time from the container, seconds, counted from the container's start, as a
        player shows it; strictly increasing.
    rgb : array, shape (height, width, 3), uint8, optional
        The picture; else `layout` says how to make it.
    scale : float
        Source pixels per pixel of `rgb`.

    Attributes
    ----------
    rgb : array, shape (height, width, 3), uint8
        Upright, square pixels, possibly reduced in size; made when it is first asked for.
    """

    def __init__(
        self,
        index: int,
        time_s: float,
        rgb: NDArray[np.uint8] | None = None,
        scale: float = 1.0,
        *,
        layout: _Layout | None = None,
    ) -> None:
        self.index, self.time_s, self.scale = index, time_s, scale
        self._layout = layout
        if rgb is not None:
            self.rgb = rgb

    @classmethod
    def of_picture(
        cls,
        index: int,
        time_s: float,
        picture: av.VideoFrame,
        *,
        quarter_turns: int,
        pixel_aspect: float,
        max_side_px: int | None,
    ) -> "Frame":
        """Wrap a decoded picture; one whose longer side exceeds `max_side_px` is reduced to it."""
        width, height = round(picture.width * pixel_aspect), picture.height
        scale = 1.0
        if max_side_px is not None and max(width, height) > max_side_px:
            scale = max(width, height) / max_side_px
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        layout = _Layout(picture, quarter_turns, pixel_aspect, size)
        return cls(index, time_s, scale=scale, layout=layout)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """The whole picture."""
        assert self._layout is not None
        picture, size = self._layout.picture, self._layout.size
        if size == (picture.width, picture.height):
            rgb = picture.to_ndarray(format="rgb24")
        else:
            rgb = picture.to_ndarray(
                format="rgb24", width=size[0], height=size[1], interpolation="AREA"
            )
        # FFmpeg pads its rows, and MediaPipe finds nobody, silently, in what isn't contiguous
        return np.ascontiguousarray(np.rot90(rgb, self._layout.quarter_turns))

    def to_yuv(self, reformatter: VideoReformatter) -> av.VideoFrame:
        """Copy as an encoder wants it: upright, planes of 8 bits (yuv420p), limited range.

        An odd row or column at the edge is left out. The colour space is the video's own, or
        BT.709 where it is a rare one. The reformatter should be the same for all frames.
        """
        assert self._layout is not None
        picture, size = self._layout.picture, self._layout.size
        is_known = picture.colorspace in KNOWN_SPACES and not picture.format.is_rgb
        planar = reformatter.reformat(
            picture,
            width=size[0],
            height=size[1],
            format="yuv420p",
            interpolation="AREA",
            dst_colorspace=None if is_known else Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        width, height = (side // 2 * 2 for side in self.size)
        copy = av.VideoFrame(width, height, "yuv420p")
        for to, plane in zip(planes_of(copy), planes_of(planar), strict=True):
            turn = TURNS.get(self._layout.quarter_turns)
            upright = plane if turn is None else cv2.rotate(plane, turn)
            to[:] = upright[: to.shape[0], : to.shape[1]]
        copy.colorspace, copy.color_range = planar.colorspace, ColorRange.MPEG
        copy.color_primaries = picture.color_primaries if is_known else Colorspace.ITU709
        copy.color_trc = picture.color_trc if is_known else Colorspace.ITU709
        return copy

    def make_rgb(self) -> None:
        """Make `rgb` now: in this thread, not in the one that will ask for it."""
        _ = self.rgb

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of `rgb`."""
        if self._layout is None:
            return self.rgb.shape[1], self.rgb.shape[0]
        width, height = self._layout.size
        return (height, width) if self._layout.quarter_turns % 2 else (width, height)

    def crop(self, to_frame: Matrix, width: int, height: int) -> NDArray[np.uint8]:
        """Sample an RGB crop, shape (height, width, 3); black outside the picture.

        `to_frame` maps pixels of the crop to pixels of `rgb`. Where the decoder's planes can be
        sampled directly, `rgb` is not made for it.
        """
        layout = self._layout
        if layout is None or layout.picture.format.name not in PLANAR:
            return warp(self.rgb, to_frame, width, height)
        to_source = compose(self._to_source, to_frame)
        luma, *chroma = planes_of(layout.picture)
        y = warp(luma, to_source, width, height)
        # colours lie half as dense, in the picture and so in the crop
        to_chroma = to_source * [1.0, 1.0, 0.5]
        small = (width // 2, height // 2)
        u, v = (
            cv2.resize(warp(plane, to_chroma, *small, outside=128), (width, height))
            for plane in chroma
        )
        return np.asarray(cv2.transform(cv2.merge((y, u, v)), _to_rgb(layout.picture)))

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return a small grey picture, shape (height, width), area averaged."""
        layout = self._layout
        if layout is None or layout.picture.format.name not in PLANAR:
            small = cv2.resize(self.rgb, (width, height), interpolation=cv2.INTER_AREA)
            return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        turned = layout.quarter_turns % 2
        size = (height, width) if turned else (width, height)
        small = cv2.resize(planes_of(layout.picture)[0], size, interpolation=cv2.INTER_AREA)
        dark, levels, _ = _levels(layout.picture)
        gain = 255 / levels
        grey = cv2.addWeighted(small, gain, small, 0.0, -dark * gain)  # blacker than black is 0
        return np.ascontiguousarray(np.rot90(grey, layout.quarter_turns))

    def glimpse(self, side_px: int) -> NDArray[np.uint8]:
        """Return a few of the picture's grey levels, longer side about `side_px`, as they lie."""
        layout = self._layout
        if layout is None or layout.picture.format.name not in PLANAR:
            plane = self.rgb[..., 1]
        else:
            plane = planes_of(layout.picture)[0]
        step = max(1, max(plane.shape) // side_px)
        return plane[::step, ::step].copy()

    @cached_property
    def _to_source(self) -> Matrix:
        """From pixels of `rgb` to pixels of the decoded picture."""
        assert self._layout is not None
        turns = self._layout.quarter_turns
        width, height = self._layout.size
        # what `np.rot90` does, the other way round
        turned = {
            0: [[1, 0, 0], [0, 1, 0]],
            1: [[0, -1, width], [1, 0, 0]],
            2: [[-1, 0, width], [0, -1, height]],
            3: [[0, 1, 0], [-1, 0, height]],
        }[turns]
        picture = self._layout.picture
        stretch = np.array([[picture.width / width], [picture.height / height]])
        return np.array(turned, dtype=float) * stretch


def warp(
    picture: NDArray[np.uint8], to_picture: Matrix, width: int, height: int, *, outside: int = 0
) -> NDArray[np.uint8]:
    """Sample a picture at the pixels of a crop, linearly.

    `to_picture` maps continuous coordinates; OpenCV counts from the middle of the first pixel.
    """
    matrix = to_picture.copy()
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    return np.asarray(
        cv2.warpAffine(
            picture,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderValue=(outside, outside, outside),
        )
    )


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """Matrix that does `inner` first, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def planes_of(picture: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Return the planes of a picture as they lie in memory, without the padding of their rows.

    A negative length of a row means that the last one lies first.
    """
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, abs(plane.line_size))[
            :: 1 if plane.line_size > 0 else -1, : plane.width
        ]
        for plane in picture.planes
    ]


def colour_space(picture: av.VideoFrame) -> ColourSpace:
    """Return by what red and blue weigh in the luma of a picture."""
    return BT709 if picture.colorspace == Colorspace.ITU709 else BT601


def from_rgb(space: ColourSpace) -> NDArray[np.float64]:
    """Matrix from RGB to luma and the two colour differences in limited range, shape (3, 4)."""
    matrix = _colour_matrix(space, LIMITED)
    inverse = np.linalg.inv(matrix[:, :3])
    return np.column_stack([inverse, -inverse @ matrix[:, 3]])


def _to_rgb(picture: av.VideoFrame) -> NDArray[np.float64]:
    """Matrix from luma and the two colour differences to RGB, shape (3, 4)."""
    return _colour_matrix(colour_space(picture), _levels(picture))


@lru_cache
def _colour_matrix(weights: ColourSpace, ranges: tuple[int, int, int]) -> NDArray[np.float64]:
    red, blue = weights
    green = 1 - red - blue
    dark, levels, colours = ranges
    rows = np.array([
        [1, 0, 2 * (1 - red)],
        [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
        [1, 2 * (1 - blue), 0],
    ]) * [255 / levels, 255 / colours, 255 / colours]  # fmt: skip
    return np.column_stack([rows, -rows @ [dark, 128, 128]])


def _levels(picture: av.VideoFrame) -> tuple[int, int, int]:
    """Return `FULL` or `LIMITED`."""
    is_full = PLANAR[picture.format.name] or picture.color_range == ColorRange.JPEG
    return FULL if is_full else LIMITED
