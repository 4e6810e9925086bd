"""Video in: upright RGB frames with their true times, streamed, from local files only."""

import ctypes
import hashlib
import itertools
import struct
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from formcheck.errors import VideoError
from formcheck.video.frame import Frame

# Kinds of file that hold the pictures themselves. Playlists (m3u8, ffconcat, DASH, SDP) are not
# among them: they name other files and hosts, and opening a video must open nothing else.
CONTAINERS = "mov,matroska,avi,gif,mpegts,mpeg,flv,asf,ogg,mxf,dv"
# Larger than 8K, which is more than any phone films: a guard against hostile headers. OpenCV can't
# sample a picture with a side of 2^15 or more.
MAX_PIXELS, MAX_SIDE_PX = 8192 * 4608, 16_384
MAX_ALLOCATION = 2**28  # bytes that FFmpeg may ask for at once: the largest picture takes half
LONGEST_PROMISE_S = 7 * 24 * 3600.0  # no run is longer: a header that says so is wrong
INDEXED = {"mov", "mp4", "matroska", "webm"}  # containers in which a keyframe is found at once
SAFE_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "protocol_whitelist": "file",
    "max_pixels": str(MAX_PIXELS),
    "enable_drefs": "0",  # of a movie whose pictures lie in another file
}
# Of metadata: the first is on the phone's own clock, the other one in UTC.
DATE_KEYS = ("com.apple.quicktime.creationdate", "creation_time")
FIRST_YEAR = 1990  # of digital video; a camera without a clock notes 1904 or 1970
MAX_CORRUPT_PACKETS_IN_A_ROW = 1000
TIME_TOLERANCE_S = 1e-6
SEEK_MARGINS_S = (0.0, 3.0)  # some containers find no keyframe close before the time asked for
VARIABLE_RATE_SPREAD = 0.10  # share of the median interval by which single intervals may differ
SAME_SHAPE = 0.02  # of width over height, by which pictures of one video may differ
TRUNCATED_SHARE = 0.9  # decoded less than this share of the promised duration: cut off


@dataclass(frozen=True)
class VideoInfo:
    """What the container says, `width` and `height` after rotation, in square pixels."""

    path: Path
    width: int
    height: int
    rotation_deg: int
    codec: str
    pixel_format: str
    nominal_fps: float | None
    promised_duration_s: float | None


@dataclass
class DecodeLog:
    """What happened while decoding, filled as the frames stream by.

    Attributes
    ----------
    frames_decoded : int
        Frames handed out.
    out_of_order : int
        Pictures left out because their time is missing or does not follow the one before.
    corrupt_packets : int
        Packets that could not be decoded, and pictures that were decoded with errors.
    last_time_s : float
        Time of the last frame handed out.
    """

    frames_decoded: int = 0
    out_of_order: int = 0
    corrupt_packets: int = 0
    last_time_s: float = 0.0


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a video's container says of itself, such as when it was made.

    Raises
    ------
    VideoError
    """
    with _open(path) as (container, _):
        return dict(container.metadata)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def probe_video(path: Path) -> VideoInfo:
    """Read what the container says, and the first frame for rotation and pixel shape.

    Raises
    ------
    VideoError
        The file is missing, empty, no video, or not one frame of it can be decoded.
    """
    with _open(path) as (container, stream):
        first = next(_decode(container, stream, DecodeLog()), None)
        if first is None:
            raise VideoError(
                f"no picture can be decoded from '{path.name}': the file is damaged or cut off; "
                "copy it again from the phone, or export it as MP4"
            )
        turns = _quarter_turns(first, _is_mirrored(first))
        width, height = _display_size(first, _pixel_aspect(stream), turns)
        return VideoInfo(
            path=path,
            width=width,
            height=height,
            rotation_deg=turns * 90,
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            nominal_fps=float(stream.average_rate) if stream.average_rate else None,
            promised_duration_s=_promised_duration_s(container, stream),
        )


def read_date(path: Path) -> date | None:
    """Return the day on which a video was filmed, as its camera noted it; None if it didn't.

    Raises
    ------
    VideoError
        As `probe_video`.
    """
    with _open(path) as (container, stream):
        for key in DATE_KEYS:
            for noted in (container.metadata, stream.metadata):
                with suppress(ValueError):
                    moment = datetime.fromisoformat(noted.get(key, ""))
                    if moment.year >= FIRST_YEAR:
                        return (moment.astimezone() if key == DATE_KEYS[-1] else moment).date()
    return None


def read_frames(
    path: Path,
    *,
    max_side_px: int | None = None,
    from_s: float = -np.inf,
    until_s: float = np.inf,
    threads: int | None = None,
    log: DecodeLog | None = None,
) -> Generator[Frame]:
    """Stream the frames of a video in order of presentation, one at a time.

    Parameters
    ----------
    path : Path
        A local file.
    max_side_px : int, optional
        Frames whose longer side exceeds this are reduced to it (area average).
    from_s : float
        Start at the first frame at or after this time (found from the keyframe before it;
        `index` then counts from there).
    until_s : float
        End before the first frame at or after this time.
    threads : int, optional
        That decode; as FFmpeg likes if not given.
    log : DecodeLog, optional
        Filled while streaming.

    Notes
    -----
    A frame whose time does not follow its predecessor's is dropped and counted; a packet that
    cannot be decoded is skipped and counted; a file cut off simply ends.

    Raises
    ------
    VideoError
        As `probe_video`.
    """
    log = log if log is not None else DecodeLog()
    with _open_pictures(path, from_s, log, threads) as (container, stream, pictures):
        pixel_aspect = _pixel_aspect(stream)
        size = stream.width, stream.height
        start = _start_s(container)
        previous_s = -np.inf
        is_mirrored: bool | None = None
        for decoded in pictures:
            if not all(size):  # of a damaged file, only the first picture tells
                size = decoded.width, decoded.height
            picture = _of_size(decoded, *size)
            if picture is None:
                log.corrupt_packets += 1
                continue
            time_s = _time_s(picture, container, start)
            if time_s is None or time_s <= previous_s:
                log.out_of_order += 1
                continue
            previous_s = time_s
            if time_s < from_s - TIME_TOLERANCE_S:
                continue
            if time_s >= until_s - TIME_TOLERANCE_S:
                return
            if is_mirrored is None:
                is_mirrored = _is_mirrored(decoded)
            index = log.frames_decoded
            log.frames_decoded, log.last_time_s = index + 1, time_s
            yield Frame.of_picture(
                index,
                time_s,
                picture,
                quarter_turns=_quarter_turns(decoded, is_mirrored),
                pixel_aspect=pixel_aspect,
                max_side_px=max_side_px,
            )


def read_frame_near(path: Path, time_s: float, *, max_side_px: int | None = None) -> Frame | None:
    """Return the first frame at or after a time, or None past the end."""
    return next(read_frames(path, max_side_px=max_side_px, from_s=time_s), None)


def find_keyframes(path: Path, near_s: Iterable[float]) -> list[float]:
    """Return the times of the keyframes at or before each of these times.

    Empty where the container can't say (no index, no times): only MP4, MOV, Matroska and WebM
    have an index to go by.

    Raises
    ------
    VideoError
        As `probe_video`.
    """
    with _open(path) as (container, stream):
        if not INDEXED & set(container.format.name.split(",")):
            return []
        start = _start_s(container)
        found = []
        for time_s in near_s:
            if not _seek(container, stream, time_s):
                return []
            try:
                packet = next(container.demux(stream))
            except (StopIteration, av.FFmpegError, OSError):
                return []
            if packet.pts is None or packet.time_base is None or not packet.is_keyframe:
                return []
            found.append(float(packet.pts * packet.time_base - start))
        return found


def is_variable_rate(time_s: NDArray[np.float64]) -> bool:
    """Tell whether the frame intervals differ by more than a tenth of their median."""
    if len(time_s) < 3:
        return False
    interval = np.diff(time_s)
    spread = np.percentile(interval, 95) - np.percentile(interval, 5)
    return bool(spread > VARIABLE_RATE_SPREAD * np.median(interval))


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    _require_readable_file(path)
    _bound_allocations()
    try:
        container = av.open(f"file:{path}", options=SAFE_OPTIONS)
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise VideoError(
            f"'{path.name}' is not a video that can be read, or it is cut off before its index; "
            "copy it again from the phone, or export it as MP4"
        ) from error
    with container:
        stream = _find_video_stream(container)
        if stream is None:
            raise VideoError(
                f"'{path.name}' holds no moving picture, only sound, a cover or data; "
                "name the video file"
            )
        _require_decodable(path, stream)
        yield container, stream


@lru_cache(maxsize=1)
def _bound_allocations() -> None:
    """Let FFmpeg ask for no more than it can need: an index may promise 2^26 pictures, in 3.7 GiB.

    PyAV does not offer the function, but has it loaded. Where it is not found (Windows shows no
    symbols of the libraries behind one), the bound of 2 GiB that FFmpeg has stays.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(av._core.__file__).av_max_alloc(ctypes.c_size_t(MAX_ALLOCATION))


@contextmanager
def _open_pictures(
    path: Path, from_s: float, log: DecodeLog, threads: int | None
) -> Iterator[tuple[InputContainer, VideoStream, Iterator[av.VideoFrame]]]:
    """Open a file at its start, or at a keyframe that is surely not after `from_s`."""
    if np.isfinite(from_s):
        for margin_s in SEEK_MARGINS_S:
            with _open(path) as (container, stream):
                if not _seek(container, stream, from_s - margin_s):
                    break
                pictures = _decode(container, stream, log, threads)
                first = next(pictures, None)
                if first is None:
                    continue
                time_s = _time_s(first, container, _start_s(container))
                if time_s is not None and time_s <= from_s + TIME_TOLERANCE_S:
                    yield container, stream, itertools.chain([first], pictures)
                    return
    with _open(path) as (container, stream):
        yield container, stream, _decode(container, stream, log, threads)


def _seek(container: InputContainer, stream: VideoStream, time_s: float) -> bool:
    """Go to the keyframe before a time, and tell whether the container can do that."""
    if stream.time_base is None:
        return False
    try:
        since_zero = Fraction(time_s) + _start_s(container)
        container.seek(round(since_zero / stream.time_base), stream=stream)
    except av.FFmpegError:
        return False
    return True


def _start_s(container: InputContainer) -> Fraction:
    """Return the time at which the first of sound and picture begins, on the container's clock."""
    begins = [
        stream.start_time * stream.time_base
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.start_time is not None and stream.time_base is not None
    ]
    return min(begins, default=Fraction(0))


def _promised_duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return how long the container says the pictures last, or None if that can't be true."""
    promised = None
    if stream.duration is not None and stream.time_base is not None:
        promised = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        promised = container.duration / av.time_base
        if "matroska" in container.format.name and promised > _start_s(container):
            promised -= float(_start_s(container))  # it says when the file ends on its own clock
    return promised if promised is not None and 0 < promised <= LONGEST_PROMISE_S else None


def _time_s(picture: av.VideoFrame, container: InputContainer, start: Fraction) -> float | None:
    """Presentation time since the container's start, or None if the picture has none."""
    # AVI holds no presentation times, but pictures leave the decoder in the order of presentation
    stamp = picture.dts if container.format.name == "avi" else picture.pts
    if stamp is None or picture.time_base is None:
        return None
    return float(stamp * picture.time_base - start)


def _require_readable_file(path: Path) -> None:
    try:
        if not path.exists():
            raise VideoError(f"there is no file '{path}'; check the name")
        if not path.is_file():
            raise VideoError(f"'{path}' is not a file; name one video")
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise VideoError(
            f"'{path}' cannot be opened ({error.strerror}); check who may read it"
        ) from error
    if is_empty:
        raise VideoError(f"'{path.name}' is empty (0 bytes); copy it again from the phone")


def _find_video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; the cover of a song or a thumbnail is none."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def _require_decodable(path: Path, stream: VideoStream) -> None:
    context = stream.codec_context
    if context is None:
        raise VideoError(
            f"'{path.name}' is encoded in a way that can't be decoded here; "
            "export it as MP4 (H.264)"
        )
    width, height = context.width, context.height
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise VideoError(
            f"'{path.name}' has pictures of {width} x {height} pixels, too large; "
            "export it at 1080p"
        )
    context.options = {"max_pixels": str(MAX_PIXELS)}


def _decode(
    container: InputContainer,
    stream: VideoStream,
    log: DecodeLog,
    threads: int | None = None,
) -> Iterator[av.VideoFrame]:
    """Yield decoded pictures, stepping over packets that cannot be read or decoded."""
    stream.thread_type = "AUTO"
    if threads is not None:
        stream.codec_context.thread_count = threads
    failed_in_a_row = 0
    packets = container.demux(stream)
    while failed_in_a_row <= MAX_CORRUPT_PACKETS_IN_A_ROW:
        try:
            packet = next(packets)
        except (StopIteration, IndexError):  # PyAV's, at the end, where a stream came in midway
            return
        except (av.FFmpegError, OSError):
            packets = container.demux(stream)  # the old one has ended with the error
            failed_in_a_row += 1
            log.corrupt_packets += 1
            continue
        try:
            pictures = packet.decode()
        except av.EOFError:
            return
        except (av.FFmpegError, OSError):
            failed_in_a_row += 1
            log.corrupt_packets += 1
            continue
        failed_in_a_row = 0
        for picture in pictures:
            log.corrupt_packets += picture.is_corrupt
            yield picture


def _of_size(picture: av.VideoFrame, width: int, height: int) -> av.VideoFrame | None:
    """Return a picture in the size of the stream, or None if it has another shape.

    A broadcast may go on in another size: it is brought to that of its start, so that pixels are
    the same all along.
    """
    if (picture.width, picture.height) == (width, height):
        return picture
    if abs(picture.width * height / (picture.height * width) - 1) > SAME_SHAPE:
        return None
    resized = picture.reformat(width=width, height=height, interpolation="AREA")
    resized.pts, resized.dts, resized.time_base = picture.pts, picture.dts, picture.time_base
    return resized


def _is_mirrored(picture: av.VideoFrame) -> bool:
    """Tell whether the file wants its pictures mirrored, as some front cameras do."""
    # A picture whose side data were asked for is freed by the next full garbage collection only
    # (PyAV 18 makes a cycle of them), so a tiny one is asked.
    tiny = picture.reformat(width=2, height=2)
    try:
        matrix: Any = tiny.side_data.get("DISPLAYMATRIX")
    except ValueError:  # side data of a kind that PyAV has no name for
        return False
    if matrix is None:
        return False
    a, b, _, c, d = struct.unpack_from("5i", matrix)
    return bool(a * d < b * c)


def _quarter_turns(picture: av.VideoFrame, is_mirrored: bool) -> int:
    """Counter-clockwise quarter turns that bring the picture upright.

    One that is to be mirrored too is only turned, so that left stays left.
    """
    turn_deg = picture.rotation
    if abs(turn_deg) > 180:
        return 0  # of a matrix that brings all to one point
    return round((-180 - turn_deg if is_mirrored else turn_deg) / 90) % 4


def _pixel_aspect(stream: VideoStream) -> float:
    """Width over height of one stored pixel; angles need square ones."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect and 0.1 < aspect < 10 else 1.0


def _display_size(
    picture: av.VideoFrame, pixel_aspect: float, quarter_turns: int
) -> tuple[int, int]:
    width, height = round(picture.width * pixel_aspect), picture.height
    return (height, width) if quarter_turns % 2 else (width, height)
