"""Video in: upright RGB frames with their true times, streamed, from local files only."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from formcheck.errors import VideoError

LOCAL_FILES_ONLY = {"protocol_whitelist": "file"}  # a playlist must not open the network
MAX_PIXELS = 8192 * 8192  # larger than any phone films; a guard against hostile headers
MAX_CORRUPT_PACKETS_IN_A_ROW = 1000
VARIABLE_RATE_SPREAD = 0.10  # share of the median interval by which single intervals may differ
TRUNCATED_SHARE = 0.9  # decoded less than this share of the promised duration: cut off


@dataclass(frozen=True)
class Frame:
    """One upright picture.

    Attributes
    ----------
    index : int
        Counts decoded frames from 0.
    time_s : float
        Presentation time from the container, seconds; strictly increasing.
    rgb : array, shape (height, width, 3), uint8
        Upright, square pixels, possibly reduced in size.
    scale : float
        Source pixels per pixel of `rgb`.
    """

    index: int
    time_s: float
    rgb: NDArray[np.uint8]
    scale: float


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
    """What happened while decoding, filled as the frames stream by."""

    frames_decoded: int = 0
    out_of_order: int = 0
    corrupt_packets: int = 0
    last_time_s: float = 0.0
    notes: list[str] = field(default_factory=list)


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
    with _open(path) as container:
        stream = container.streams.video[0]
        first = next(_decode(container, stream, DecodeLog()), None)
        if first is None:
            raise VideoError(
                f"no picture can be decoded from '{path.name}': the file is damaged or cut off; "
                "copy it again from the phone, or export it as MP4"
            )
        width, height = _display_size(first, _pixel_aspect(stream))
        promised = None
        if stream.duration is not None and stream.time_base is not None:
            promised = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            promised = container.duration / av.time_base
        return VideoInfo(
            path=path,
            width=width,
            height=height,
            rotation_deg=_quarter_turns(first) * 90,
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            nominal_fps=float(stream.average_rate) if stream.average_rate else None,
            promised_duration_s=promised,
        )


def read_frames(
    path: Path,
    *,
    max_side_px: int | None = None,
    from_s: float | None = None,
    log: DecodeLog | None = None,
) -> Iterator[Frame]:
    """Stream the frames of a video in order of presentation, one at a time.

    Parameters
    ----------
    path : Path
        A local file.
    max_side_px : int, optional
        Frames whose longer side exceeds this are reduced to it (area average).
    from_s : float, optional
        Start at the first frame at or after this time (found from the keyframe before it;
        `index` then counts from there).
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
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if from_s is not None and stream.time_base is not None:
            container.seek(max(0, int(from_s / stream.time_base)), stream=stream, backward=True)
        pixel_aspect = _pixel_aspect(stream)
        previous_s = -np.inf
        for picture in _decode(container, stream, log):
            time_s = picture.time
            if time_s is None or time_s <= previous_s:
                log.out_of_order += 1
                continue
            previous_s = time_s
            if from_s is not None and time_s < from_s - 1e-6:
                continue
            rgb, scale = _to_upright_rgb(picture, pixel_aspect, max_side_px)
            yield Frame(log.frames_decoded, time_s, rgb, scale)
            log.frames_decoded += 1
            log.last_time_s = time_s


def read_frame_near(path: Path, time_s: float, *, max_side_px: int | None = None) -> Frame | None:
    """Return the first frame at or after a time, or None past the end."""
    return next(read_frames(path, max_side_px=max_side_px, from_s=time_s), None)


def is_variable_rate(time_s: NDArray[np.float64]) -> bool:
    """Tell whether the frame intervals differ by more than a tenth of their median."""
    if len(time_s) < 3:
        return False
    interval = np.diff(time_s)
    spread = np.percentile(interval, 95) - np.percentile(interval, 5)
    return bool(spread > VARIABLE_RATE_SPREAD * np.median(interval))


def _open(path: Path) -> av.container.InputContainer:
    if not path.exists():
        raise VideoError(f"there is no file '{path}'; check the name")
    if not path.is_file():
        raise VideoError(f"'{path}' is not a file; name one video")
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoError(f"'{path.name}' cannot be opened: {error.strerror}") from error
    if size == 0:
        raise VideoError(f"'{path.name}' is empty (0 bytes); copy it again from the phone")
    try:
        container = av.open(f"file:{path}", options=LOCAL_FILES_ONLY)
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise VideoError(
            f"'{path.name}' is not a video that can be read, or it is cut off before its index; "
            "copy it again from the phone, or export it as MP4"
        ) from error
    if not container.streams.video:
        container.close()
        raise VideoError(f"'{path.name}' holds no picture, only sound or data; name the video file")
    context = container.streams.video[0].codec_context
    if context.width * context.height > MAX_PIXELS:
        container.close()
        raise VideoError(
            f"'{path.name}' has frames of {context.width} x {context.height} pixels, too large; "
            "export it at 1080p"
        )
    return container


def _decode(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, log: DecodeLog
) -> Iterator[av.VideoFrame]:
    """Yield decoded pictures, stepping over packets that cannot be decoded."""
    corrupt_in_a_row = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            pictures = packet.decode()
        except StopIteration:
            return
        except av.EOFError:
            return
        except (av.FFmpegError, OSError):
            log.corrupt_packets += 1
            corrupt_in_a_row += 1
            if corrupt_in_a_row > MAX_CORRUPT_PACKETS_IN_A_ROW:
                return
            continue
        corrupt_in_a_row = 0
        yield from pictures


def _quarter_turns(picture: av.VideoFrame) -> int:
    """Counter-clockwise quarter turns that bring the picture upright."""
    return round(picture.rotation / 90) % 4


def _pixel_aspect(stream: av.video.stream.VideoStream) -> float:
    """Width over height of one stored pixel; angles need square ones."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect and 0.1 < aspect < 10 else 1.0


def _display_size(picture: av.VideoFrame, pixel_aspect: float) -> tuple[int, int]:
    width, height = round(picture.width * pixel_aspect), picture.height
    return (height, width) if _quarter_turns(picture) % 2 else (width, height)


def _to_upright_rgb(
    picture: av.VideoFrame, pixel_aspect: float, max_side_px: int | None
) -> tuple[NDArray[np.uint8], float]:
    width, height = round(picture.width * pixel_aspect), picture.height
    scale = 1.0
    if max_side_px is not None and max(width, height) > max_side_px:
        scale = max(width, height) / max_side_px
    target = (max(1, round(width / scale)), max(1, round(height / scale)))
    if target == (picture.width, picture.height):
        rgb = picture.to_ndarray(format="rgb24")
    else:
        rgb = picture.to_ndarray(
            format="rgb24", width=target[0], height=target[1], interpolation="AREA"
        )
    turns = _quarter_turns(picture)
    # FFmpeg pads its rows, and MediaPipe finds nobody, silently, in an array that isn't contiguous
    return np.ascontiguousarray(np.rot90(rgb, turns)), scale
