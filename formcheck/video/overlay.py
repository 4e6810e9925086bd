"""Video out: the frames of a video with something drawn on them, at their own true times."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from formcheck.video.frame import Frame
from formcheck.video.reader import read_frames

MAX_SIDE_PX = 1280
CLOCK = Fraction(1, 90_000)  # seconds; fine enough for every container's times
NOMINAL_FPS = 30  # only a hint to the encoder: every frame carries its own time
ENCODING = {"preset": "veryfast", "crf": "23"}
# Index first, so that it plays while it loads; the start is kept to the same clock as the frames.
CONTAINER = {"movflags": "+faststart", "movie_timescale": str(CLOCK.denominator)}
BT709 = 1  # primaries and transfer of nearly all phone video

Draw = Callable[[Frame], NDArray[np.uint8]]


def write_overlay(
    source: Path,
    target: Path,
    draw: Draw,
    *,
    duration_s: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write a video of drawn frames: H.264 in MP4, upright, each frame at its source's time.

    Parameters
    ----------
    source : Path
        The video whose frames are drawn on.
    target : Path
        Ends in '.mp4'.
    draw : callable
        From a frame (longer side at most 1280) to an RGB picture of the same size.
    duration_s : float, optional
        Of the source, for `progress`.
    progress : callable, optional
        Told the share done, 0 to 1.

    Notes
    -----
    Frames stream through one at a time. An odd row or column at the edge is cut off, because the
    encoder wants even sizes. Sound is left out.

    Raises
    ------
    VideoError
        The source can't be read.
    OSError
        The target can't be written.
    """
    frames = read_frames(source, max_side_px=MAX_SIDE_PX)
    first = next(frames, None)
    if first is None:
        return
    height, width = (side // 2 * 2 for side in first.rgb.shape[:2])
    try:
        with av.open(f"file:{target}", "w", options=CONTAINER) as container:
            stream = container.add_stream("libx264", rate=NOMINAL_FPS, options=ENCODING)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            context = stream.codec_context
            context.time_base = stream.time_base = CLOCK
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries = context.color_trc = BT709
            for frame in _chain(first, frames):
                picture = _to_picture(draw(frame)[:height, :width])
                picture.pts, picture.time_base = round(frame.time_s / CLOCK), CLOCK
                container.mux(stream.encode(picture))
                if progress is not None and duration_s:
                    progress(min((frame.time_s - first.time_s) / duration_s, 1.0))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _to_picture(rgb: NDArray[np.uint8]) -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return picture.reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
