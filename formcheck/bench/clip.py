"""The part of a video that everything is timed on."""

from dataclasses import dataclass
from pathlib import Path

import av

from formcheck.errors import VideoError
from formcheck.observe import WORKING_SIDE_PX
from formcheck.video.frame import Frame
from formcheck.video.reader import SAFE_OPTIONS, VideoInfo, probe_video, read_frames

SAMPLE_VIDEO = Path(__file__).resolve().parents[2] / "sample_videos" / "steady_side.mp4"
SAMPLE_BYTES = 512 * 2**20  # of pictures that are kept to time the stages on
BYTES_PER_PIXEL = 4.5  # as decoded (4:2:0, 8 bits) and as RGB
FEWEST_SAMPLE_FRAMES = 32  # of a very large picture: with fewer, the clock's steps would count
# Of FFmpeg's kinds of file: the container for a part, which takes all that the whole may hold.
CUT_SUFFIXES = {"mov": ".mov", "matroska": ".mkv"}


@dataclass(frozen=True)
class Clip:
    """What everything is timed on.

    Attributes
    ----------
    info : VideoInfo
        The file that is read.
    frames : int
        In all of it.
    sample : list of Frame
        Its first frames as they were decoded (work on copies: a frame keeps its RGB once that is
        made), for the stages that need no file.
    folder : Path
        Where files may be written.
    """

    info: VideoInfo
    frames: int
    sample: list[Frame]
    folder: Path


def find_sample_video() -> Path:
    """Return the sample video of a source checkout; VideoError where there is none."""
    if not SAMPLE_VIDEO.is_file():
        raise VideoError(
            "no sample video lies beside this formcheck; name one: formcheck bench VIDEO"
        )
    return SAMPLE_VIDEO


def take_clip(info: VideoInfo, seconds: float, folder: Path) -> Clip:
    """Take the first seconds of a video, as they are encoded, into a file in `folder`."""
    length_s = info.promised_duration_s
    if length_s is None or length_s > seconds:
        info = probe_video(_cut_file(info.path, seconds, folder))
    size = max(FEWEST_SAMPLE_FRAMES, SAMPLE_BYTES / (info.width * info.height * BYTES_PER_PIXEL))
    sample, frames = [], 0
    for frame in read_frames(info.path, max_side_px=WORKING_SIDE_PX):
        frames += 1
        if frames <= size:
            sample.append(frame)
    return Clip(info, frames, sample, folder)


def _cut_file(path: Path, seconds: float, folder: Path) -> Path:
    """Copy the packets of the first seconds: nothing is encoded anew."""
    try:
        with av.open(f"file:{path}", options=SAFE_OPTIONS) as source:
            kind = source.format.name.split(",")[0]
            target_path = folder / f"clip{CUT_SUFFIXES.get(kind, path.suffix)}"
            stream = source.streams.best("video")
            assert isinstance(stream, av.VideoStream)  # it has been probed
            with av.open(str(target_path), "w") as target:
                copied = target.add_stream_from_template(stream)
                begin_s = None
                for packet in source.demux(stream):
                    if packet.size == 0:  # marks the end
                        continue
                    # Matroska gives the first pictures a time to be shown only
                    stamp = packet.pts if packet.dts is None else packet.dts
                    if stamp is not None and packet.time_base is not None:
                        time_s = float(stamp * packet.time_base)
                        begin_s = time_s if begin_s is None else begin_s
                        if time_s - begin_s >= seconds:
                            break
                    packet.stream = copied
                    target.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(
            f"the first {seconds:g} s of '{path.name}' can't be cut out; "
            "with --seconds longer than the video, all of it is measured"
        ) from error
    return target_path
