"""Video out: the frames of a video with something drawn on them, at their own true times."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from formcheck.video.ahead import work_ahead
from formcheck.video.reader import read_frames

MAX_SIDE_PX = 1280
CLOCK = Fraction(1, 90_000)  # seconds; fine enough for every container's times
USUAL_FPS, MOST_FPS = 30.0, 240.0  # told where not known, and at most
# As good as "veryfast" at 23 in half the time, a fifth to a half larger (by PSNR). No picture waits
# for a later one, and a keyframe comes every second or two: a player finds any moment at once.
ENCODING = {"preset": "superfast", "crf": "25", "bf": "0", "g": "60"}
# Index first, so that it plays while it loads; the start is kept to the same clock as the frames.
CONTAINER = {"movflags": "+faststart", "movie_timescale": str(CLOCK.denominator)}
AHEAD = 4  # pictures that wait before each of drawing and encoding


@dataclass(frozen=True)
class Sheet:
    """A picture of the video to draw on.

    Attributes
    ----------
    time_s : float
        Its time in the source.
    scale : float
        Source pixels per pixel of the picture.
    picture : VideoFrame
        Upright yuv420p of even size, longer side at most 1280.
    """

    time_s: float
    scale: float
    picture: av.VideoFrame


Draw = Callable[[Sheet], None]


def write_overlay(
    source: Path,
    target: Path,
    draw: Draw,
    *,
    fps: float = USUAL_FPS,
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
        Draws onto the picture of a sheet; called in order, in another thread than this one.
    fps : float
        Of the source, about: what a player is told to be ready for; every frame has its own time.
    duration_s : float, optional
        Of the source, for `progress`.
    progress : callable, optional
        Told the share done, 0 to 1.

    Notes
    -----
    One thread decodes, one draws, this one encodes; a few frames wait between them, whatever the
    length. An odd row or column at the edge is cut off, because the encoder wants even sizes. Sound
    is left out.

    Raises
    ------
    VideoError
        The source can't be read.
    OSError
        The target can't be written.
    """
    rate = Fraction(min(fps, MOST_FPS)).limit_denominator(1001)
    with (
        closing(work_ahead(_read(source), AHEAD)) as blank,
        closing(work_ahead(_draw_each(blank, draw), AHEAD)) as sheets,
    ):
        first = next(sheets, None)
        if first is None:
            return
        try:
            with av.open(f"file:{target}", "w", options=CONTAINER) as container:
                stream = container.add_stream("libx264", rate=rate, options=ENCODING)
                _set_up(stream, first.picture)
                container.mux(stream.encode(first.picture))
                for sheet in sheets:
                    container.mux(stream.encode(sheet.picture))
                    if progress is not None and duration_s:
                        progress(min((sheet.time_s - first.time_s) / duration_s, 1.0))
                container.mux(stream.encode(None))
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error


def _read(source: Path) -> Generator[Sheet]:
    reformatter, tick = VideoReformatter(), -1
    with closing(read_frames(source, max_side_px=MAX_SIDE_PX)) as frames:
        for frame in frames:
            tick = max(tick + 1, round(frame.time_s / CLOCK))  # two may lie within one
            picture = frame.to_yuv(reformatter)
            picture.pts, picture.time_base = tick, CLOCK
            yield Sheet(frame.time_s, frame.scale, picture)


def _draw_each(sheets: Generator[Sheet], draw: Draw) -> Generator[Sheet]:
    for sheet in sheets:
        draw(sheet)
        yield sheet


def _set_up(stream: VideoStream, picture: av.VideoFrame) -> None:
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
    context = stream.codec_context
    context.time_base = stream.time_base = CLOCK
    context.colorspace, context.color_range = picture.colorspace, picture.color_range
    context.color_primaries, context.color_trc = picture.color_primaries, picture.color_trc
