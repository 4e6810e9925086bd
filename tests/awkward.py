"""Inputs that nobody means to give and everybody gives once, each with what must come of it.

`INPUTS` is the table: what the file is called, how it is made, and its outcome: `Refused`, with the
words of the one line, or `Analysed`, with what must be true of the analysis. All are made from the
first seconds of a sample video, with PyAV and by editing bytes. To have them as files:

    python -m tests.awkward FOLDER
"""

import os
import struct
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.video.reader import read_frames
from tests.clips import write_video

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "steady_side.mp4"
SIZE = WIDTH, HEIGHT = 320, 212
QUIET_X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}
FRAMES, FPS = 120, 30
FLV_HEAD, FLV_TAG = 13, 15  # bytes before the first tag, and of each beside its content
CADENCE_SPM = 171.8  # of the sample, from its truth

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Refused:
    """One line tells why; these words are of it."""

    words: str


@dataclass(frozen=True)
class Analysed:
    """An analysis comes of it, in which all this is true.

    `size` is that after rotation; of `frames` at least and at most so many were decoded;
    `warnings` are the codes of those that speak of the file. Where the `cadence_is_true`, it is
    that of the run, which is seen from the side.
    """

    size: tuple[int, int] = SIZE
    frames: tuple[int, int] = (FRAMES, FRAMES)
    rotation_deg: int = 0
    variable_rate: bool = False
    warnings: tuple[str, ...] = ()
    cadence_is_true: bool = True


@dataclass(frozen=True)
class Awkward:
    """An input: the name of its file, how that is made, and what must come of it.

    `names_another` where it names another file or a host; `led_on_by` are then the options with
    which FFmpeg would open that, None where it doesn't with any.
    """

    file: str
    make: Make
    outcome: Refused | Analysed
    names_another: bool = False
    led_on_by: dict[str, str] | None = None


# --- material ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def pictures() -> list[NDArray[np.uint8]]:
    """Return the first seconds of a steady run."""
    found = []
    for frame in read_frames(SAMPLE, max_side_px=WIDTH):
        found.append(frame.rgb)
        if len(found) == FRAMES:
            break
    return found


def resized(
    width: int, height: int, *, every: int = 1, count: int = FRAMES
) -> Iterator[NDArray[np.uint8]]:
    for rgb in pictures()[:count:every]:
        yield cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR)


def run(path: Path, frames: Iterable[NDArray[np.uint8]] | None = None, **how: object) -> Path:
    """Encode the run, quickly, whatever the suffix of the path."""
    how = {"preset": "ultrafast", "crf": "18"} | how if "codec" not in how else how
    kind = str(how.pop("kind", path.suffix))
    with TemporaryDirectory(dir=path.parent) as folder:
        made = write_video(Path(folder) / f"run{kind}", frames or pictures(), **how)  # type: ignore[arg-type]
        return made.rename(path)


@lru_cache(maxsize=32)
def encoded(kind: str, **how: object) -> bytes:
    """Return the bytes of the run in a container."""
    with TemporaryDirectory() as folder:
        return run(Path(folder) / f"run{kind}", **how).read_bytes()


@lru_cache(maxsize=1)
def encoded_seeds() -> dict[str, bytes]:
    """Return the run in many containers, for the fuzzer to break."""
    vp9 = {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": "8", "clock": 1000}
    with TemporaryDirectory() as folder:
        with_sound(Path(folder) / "run.mp4")
        with_sound(Path(folder) / "run.mkv")
        turned(90)(Path(folder) / "turned.mp4")
        mp4, mkv, sideways = (
            (Path(folder) / name).read_bytes() for name in ("run.mp4", "run.mkv", "turned.mp4")
        )
    return {
        "mp4": encoded(".mp4"),
        "mp4 with sound": mp4,
        "mp4 turned": sideways,
        "mp4 index first": encoded(".mp4", index_first=True, g="30"),
        "mov hevc": encoded(".mov", codec="libx265", **QUIET_X265),
        "mkv": encoded(".mkv", g="30"),
        "mkv with sound": mkv,
        "webm": encoded(".webm", **vp9),
        "avi": encoded(".avi", codec="mpeg4", clock=30, b="1M"),
        "avi mjpeg": encoded(".avi", codec="mjpeg", pixel_format="yuvj420p", clock=30),
        "ts": encoded(".ts", g="30"),
        "flv": encoded(".flv"),
        "gif": encoded(".gif", codec="gif", pixel_format="rgb8", clock=100),
    }


def written(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


def edited(edit: Callable[[bytearray], object], kind: str = ".mp4", **how: object) -> Make:
    """Make a file whose bytes were changed in place."""

    def make(path: Path) -> None:
        content = bytearray(encoded(kind, **how))
        path.write_bytes(edit(content) or content)  # type: ignore[arg-type]

    return make


def cut(tenths: int, kind: str = ".mp4", **how: object) -> Make:
    """Make a file that ends after so many tenths."""
    return edited(lambda content: content[: len(content) * tenths // 10], kind, **how)


def in_box(name: bytes, offset: int, layout: str, *values: int) -> Make:
    """Make an MP4 with other numbers in a box, `offset` bytes after its name."""
    return edited(
        lambda content: struct.pack_into(layout, content, content.index(name) + offset, *values)
    )


def rewrapped(
    edit: Callable[[list[av.Packet]], Iterable[av.Packet]], kind: str = ".mp4", **how: object
) -> Make:
    """Make a file of the same packets, or others, in a container anew."""

    def make(path: Path) -> None:
        with TemporaryDirectory(dir=path.parent) as folder:
            source = Path(folder) / f"source{kind}"
            source.write_bytes(encoded(kind, **how))
            target = Path(folder) / f"target{kind}"
            with av.open(str(source)) as there, av.open(str(target), "w") as here:
                stream = here.add_stream_from_template(there.streams.video[0])
                here.start_encoding()  # the header, where no packet follows
                packets = [p for p in there.demux(video=0) if p.dts is not None]
                for packet in edit(packets):
                    packet.stream = stream
                    here.mux_one(packet)
            target.rename(path)

    return make


def packet_of(content: bytes, like: av.Packet) -> av.Packet:
    """Return a packet of other bytes at the same place in time."""
    packet = av.Packet(content)
    packet.pts, packet.dts, packet.time_base = like.pts, like.dts, like.time_base
    packet.is_keyframe = like.is_keyframe
    return packet


# --- sound, pictures and other things that are no run --------------------------------------------


def sound(path: Path, *, codec: str = "aac", cover: bool = False) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44_100, layout="mono")
        picture = None
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pictures()[0], "rgb24")))
        dtype, layout = (np.float32, "fltp") if codec == "aac" else (np.int16, "s16")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype), layout, "mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def with_sound(path: Path, *, from_frame: int = 0, before_s: float = 0.5) -> None:
    """Write the run with a sound track that begins before the pictures."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 600)
        audio = container.add_stream("aac", rate=44_100, layout="mono")
        for i in range(200):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 44_100, 1024 * i
            container.mux(audio.encode(frame))
        for i, rgb in enumerate(pictures()[from_frame:], from_frame):
            picture = av.VideoFrame.from_ndarray(rgb, "rgb24")
            picture.pts = round(600 * (before_s + i / FPS))
            picture.time_base = Fraction(1, 600)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def photo(path: Path, codec: str, pixels: str) -> None:
    kind = {"mjpeg": ".jpg", "png": ".png", "libsvtav1": ".avif"}[codec]
    run(path, pictures()[:1], codec=codec, pixel_format=pixels, kind=kind)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run.mp4", encoded(".mp4"))


def sparse(path: Path, size: int) -> None:
    """Write a file that claims to be large, and takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


LOCKED = "locked.mp4"  # not for root, who may read everything


def locked(path: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)


def loop(path: Path) -> None:
    other = path.with_name("other end")
    other.symlink_to(path.name)
    path.symlink_to(other.name)


# --- pictures of all kinds -----------------------------------------------------------------------


def interlaced(path: Path) -> None:
    """Weave each two pictures into one, as a camcorder does, and say so."""
    woven = [rgb.copy() for rgb in pictures()[::2]]
    for whole, second in zip(woven, pictures()[1::2], strict=True):
        whole[1::2] = second[1::2]
    run(path, woven, fps=15, codec="mpeg2video", flags="+ildct+ilme", b="4M", clock=15)


def hdr(path: Path) -> None:
    tags = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1"
    how = {"preset": "ultrafast", "x265-params": tags}
    run(path, codec="libx265", pixel_format="yuv420p10le", **how)


def turned(deg: int) -> Make:
    """Make the run as a phone does that is held turned, and says so."""
    return lambda path: run(
        path, (np.rot90(rgb, -deg // 90) for rgb in pictures()), rotation_deg=deg
    )


def upside_down_mirrored(path: Path) -> None:
    """Write the run on its head, to be mirrored from top to bottom."""
    run(path, (np.rot90(rgb, 2) for rgb in pictures()))
    content = bytearray(path.read_bytes())
    struct.pack_into(">6i", content, content.index(b"tkhd") + 44, 65536, 0, 0, 0, -65536, 0)
    path.write_bytes(content)


def with_matrix(*values: float) -> Make:
    """Make an MP4 whose track header turns the picture by any matrix (a, b, c, d)."""
    a, b, c, d = (min(round(value * 65536), 2**31 - 1) for value in values)
    return in_box(b"tkhd", 44, ">6i", a, b, 0, c, d, 0)


def changing_size(path: Path) -> None:
    """Write a stream that goes on in another size, as a broadcast does."""
    half = FRAMES // 2
    with TemporaryDirectory() as folder:
        first = run(Path(folder) / "first.ts", pictures()[:half])
        second = run(
            Path(folder) / "second.ts",
            (cv2.resize(rgb, (240, 160)) for rgb in pictures()[half:]),
            times_s=np.arange(half, FRAMES) / FPS,
        )
        path.write_bytes(first.read_bytes() + second.read_bytes())


def sound_comes_later(path: Path) -> None:
    """Write a stream to which sound is added halfway."""
    half = FRAMES // 2
    with TemporaryDirectory() as folder:
        first = run(Path(folder) / "first.ts", pictures()[:half])
        second = Path(folder) / "second.ts"
        with_sound(second, from_frame=half, before_s=0.0)
        path.write_bytes(first.read_bytes() + second.read_bytes())


def changing_shape(path: Path) -> None:
    """Write pictures that stand alone (MJPEG), every second one upright instead of across."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuvj420p"
        for i, rgb in enumerate(pictures()):
            for packet in stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")):
                content = bytes(packet)
                if i >= FRAMES // 2:
                    bgr = cv2.cvtColor(cv2.resize(rgb, (212, 320)), cv2.COLOR_RGB2BGR)
                    content = cv2.imencode(".jpg", bgr)[1].tobytes()
                container.mux_one(_of_stream(packet_of(content, packet), stream))


def _of_stream(packet: av.Packet, stream: av.VideoStream) -> av.Packet:
    packet.stream = stream
    return packet


def gif_that_claims(width: int, height: int) -> Make:
    """Make a small GIF whose header says it is larger."""

    def make(path: Path) -> None:
        run(path, pictures()[:4], codec="gif", pixel_format="rgb8", clock=100)
        content = bytearray(path.read_bytes())
        content[6:10] = struct.pack("<HH", width, height)
        path.write_bytes(content)

    return make


def upside_down(path: Path) -> None:
    """Write an uncompressed AVI whose last row comes first: its height is positive."""
    flipped = (rgb[::-1] for rgb in pictures())
    run(path, flipped, codec="rawvideo", pixel_format="bgr24", clock=30)
    content = bytearray(path.read_bytes())
    height_at = content.index(b"strf") + 16
    assert struct.unpack_from("<i", content, height_at) == (-HEIGHT,)
    struct.pack_into("<i", content, height_at, HEIGHT)
    path.write_bytes(content)


# --- times ---------------------------------------------------------------------------------------


def at(times_s: Iterable[float], **how: object) -> Make:
    """Make the run with these times."""
    return partial(run, times_s=list(times_s), **how)


def at_odd_times(path: Path, times_ms: Iterable[int]) -> None:
    """Write pictures that stand alone (MJPEG) under exactly these times."""
    clock = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuvj420p"
        stream.time_base = stream.codec_context.time_base = clock
        for i, (time_ms, rgb) in enumerate(zip(times_ms, pictures(), strict=False)):
            picture = av.VideoFrame.from_ndarray(rgb, "rgb24")
            picture.pts, picture.time_base = i, clock
            for packet in stream.encode(picture):
                packet.pts, packet.dts, packet.time_base = time_ms, i - 100_000, clock
                container.mux(packet)


STEADY_MS = [round(1000 * i / FPS) for i in range(FRAMES)]
STUTTER_MS = [t - 70 if i % 10 == 5 else t for i, t in enumerate(STEADY_MS)]
_random = np.random.default_rng(0)
VARIABLE_S = np.cumsum(_random.uniform(0.015, 0.05, FRAMES))
# bursts of pictures that are a microsecond apart, with pauses of almost two seconds between
BURSTS_S = np.cumsum([1.9 if i % 3 == 0 else 1e-6 for i in range(FRAMES)])


# --- damage --------------------------------------------------------------------------------------


def damaged(places: int, kind: str = ".mp4") -> Make:
    """Make a file in which so many bytes among those of the pictures are random."""

    def edit(content: bytearray) -> None:
        rng = np.random.default_rng(0)
        start, end = len(content) // 10, len(content) * 8 // 10
        for place in rng.integers(start, end, places).tolist():
            content[place] = int(rng.integers(256))

    return edited(edit, kind, g="10")


def only_a_damaged_tag(content: bytearray) -> bytes:
    """Cut an FLV after its first picture, and garble the length that follows: its size is lost."""
    end = FLV_HEAD
    for _ in range(3):  # what the file says of itself, how to decode, the first picture
        length = int.from_bytes(content[end + 1 : end + 4], "big")
        end += FLV_TAG + length
    return bytes(content[: end - 4]) + bytes(4)


def zero_every(step: int) -> Make:
    return rewrapped(
        lambda packets: [
            packet_of(bytes(p.size), p) if i % step == step - 1 else p
            for i, p in enumerate(packets)
        ]
    )


def without_keyframes(packets: list[av.Packet]) -> list[av.Packet]:
    return [packet for packet in packets if not packet.is_keyframe]


def with_small_pictures(count: int) -> Make:
    """Make an MP4 that promises so many pictures of one byte: its index would take memory."""

    def edit(content: bytearray) -> None:
        struct.pack_into(">II", content, content.index(b"stsz") + 8, 1, count)
        struct.pack_into(">I", content, content.index(b"stsc") + 16, count)

    return edited(edit)


FILE_TYPE = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
BOXES_IN_BOXES = b"".join(struct.pack(">I4s", 8 * n, b"moov") for n in range(50_000, 0, -1))


def thousands_of_tiny_packets(path: Path) -> None:
    def edit(packets: list[av.Packet]) -> Iterator[av.Packet]:
        yield from packets
        for i in range(5000):
            last = packets[-1]
            extra = packet_of(b"\0", last)
            extra.pts = extra.dts = last.pts + (i + 1) * last.duration
            extra.is_keyframe = False
            yield extra

    rewrapped(edit, g="30", bf="0")(path)


# --- files that name others ----------------------------------------------------------------------

DECOY = "decoy.mp4"
HOST = "127.0.0.1:9"  # the tests put a listener in its place


def naming(text: str) -> Make:
    """Make a text that names a file beside it, or HOST."""

    def make(path: Path) -> None:
        path.write_text(text.replace("HOST", HOST))
        for decoy in (path.with_name(DECOY), path.with_name(DECOY).with_suffix(".ts")):
            decoy.write_bytes(encoded(decoy.suffix))

    return make


def hls(address: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{address}\n#EXT-X-ENDLIST\n"


DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" mediaPresentationDuration="PT4S">
<Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1">
<BaseURL>http://HOST/decoy.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>
"""
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
SDP += "a=rtpmap:96 H264/90000\n"


def elsewhere(kind: bytes, address: bytes) -> Make:
    """Make a MOV whose pictures lie in another file, as an old QuickTime movie may."""

    def make(path: Path) -> None:
        content = encoded(".mov")
        path.with_name(DECOY).write_bytes(content)
        own = b"\0\0\0\x0curl \0\0\0\1"
        start = content.index(b"dref") - 4
        assert content[start + 16 : start + 28] == own
        entry = struct.pack(">I4sI", 12 + len(address), kind, 0) + address
        grown = len(entry) - len(own)
        content = content.replace(
            content[content.index(b"mdat") + 4 :][:300_000], bytes(300_000), 1
        )
        longer = bytearray(content[: start + 16] + entry + content[start + 28 :])
        for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
            size_at = longer.rindex(name, 0, start + 8) - 4
            (size,) = struct.unpack_from(">I", longer, size_at)
            struct.pack_into(">I", longer, size_at, size + grown)
        path.write_bytes(longer)

    return make


def alias_of(name: str) -> bytes:
    """Return a Macintosh alias record that names a file beside, and its full path."""
    path = f"run:{name}".encode()
    path += b"\0" * (len(path) % 2)
    record = bytearray(150)
    record[10], record[11:14] = 3, b"run"  # volume
    record[50], record[51 : 51 + len(name)] = len(name), name.encode()
    struct.pack_into(">hh", record, 130, 1, 1)  # levels from and to
    return bytes(record) + struct.pack(">hh", 2, len(path)) + path + b"\xff\xff\0\0"


def avi_with_playlist(path: Path) -> None:
    """Write an AVI whose first packet of subtitles is a playlist (a known attack)."""
    entry = hls(f"http://{HOST}/decoy.ts").encode()
    block = b"GAB2\0" + struct.pack("<HI", 2, 2) + b"x\0" + struct.pack("<HI", 4, len(entry))
    content = bytearray(encoded(".avi", codec="mpeg4", clock=30, b="2M"))
    at_movi = content.index(b"movi") + 4
    chunk = b"01tx" + struct.pack("<I", len(block + entry)) + block + entry
    content[at_movi:at_movi] = chunk + b"\0" * (len(chunk) % 2)
    path.write_bytes(content)


def copied(path: Path) -> None:
    path.write_bytes(encoded(".mp4"))


def twice(pause_s: float) -> Make:
    """Make the run twice, with a pause between."""
    first = np.arange(FRAMES) / FPS
    times_s = np.concatenate([first, first + first[-1] + pause_s])
    return lambda path: run(path, [*pictures(), *pictures()], times_s=times_s)


NO_VIDEO = Refused("is not a video that can be read")
NO_INDEX = Refused("cut off before its index")
NOT_THERE = Refused("there is no file")
NO_FILE = Refused("is not a file")
NO_PICTURE = Refused("no picture can be decoded")
NO_MOVING_PICTURE = Refused("no moving picture")
ONE_PICTURE = Refused("only 1 picture")
TOO_LARGE = Refused("too large")
AN_INSTANT = Refused("lasts only an instant")
TOO_SHORT = Refused("s long, and two whole strides are the least")
TOO_FEW_STRIDES = Refused("whole strides of running are to be seen")
NOBODY = Refused("no person is to be seen")
NO_RUNNING = Refused("does not run")
WRONG_SPEED = Refused("which nobody runs")
VP9 = {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": "8"}
SHARES = range(1, 10)
LET_OUT = {"protocol_whitelist": "file,http,tcp"}


def what_is_there(tenths: int) -> Refused | Analysed:
    """Return what comes of so many tenths of the run."""
    if tenths <= 2:
        return TOO_SHORT
    if tenths <= 4:
        return TOO_FEW_STRIDES
    there = FRAMES * tenths // 10
    return Analysed(frames=(there - 14, there + 2), warnings=("cut_off",))


INPUTS: tuple[Awkward, ...] = (
    # no video at all
    Awkward("empty.mp4", written(b""), Refused("is empty (0 bytes)")),
    Awkward("one byte.mp4", written(b"\0"), NO_VIDEO),
    Awkward("diary.mp4", written(b"This is my training diary.\n" * 50), NO_VIDEO),
    Awkward("zeros.mp4", written(bytes(1_000_000)), NO_VIDEO),
    Awkward("a terabyte of nothing.mp4", partial(sparse, size=2**40), NO_VIDEO),
    Awkward("noise.mp4", written(np.random.default_rng(0).bytes(100_000)), NO_VIDEO),
    Awkward("error page.mp4", written(b"<!DOCTYPE html><html>404 Not found</html>"), NO_VIDEO),
    Awkward("beginning only.mp4", written(FILE_TYPE), NO_VIDEO),
    Awkward("archive.zip", zipped, NO_VIDEO),
    Awkward("photo.jpg", partial(photo, codec="mjpeg", pixels="yuvj420p"), NO_VIDEO),
    Awkward("photo.mp4", partial(photo, codec="png", pixels="rgb24"), NO_VIDEO),
    Awkward("photo.avif", partial(photo, codec="libsvtav1", pixels="yuv420p"), ONE_PICTURE),
    Awkward("subtitles.srt", written(b"1\n00:00:00,000 --> 00:00:04,000\nrun\n"), NO_VIDEO),
    Awkward("sound.m4a", sound, NO_MOVING_PICTURE),
    Awkward("sound.wav", partial(sound, codec="pcm_s16le"), NO_VIDEO),
    Awkward("sound.mp4", sound, NO_MOVING_PICTURE),
    Awkward("sound with a cover.mp4", partial(sound, cover=True), NO_MOVING_PICTURE),
    # no file
    Awkward("missing.mp4", lambda path: None, NOT_THERE),
    Awkward("folder.mp4", Path.mkdir, NO_FILE),
    Awkward("pipe.mp4", os.mkfifo, NO_FILE),
    Awkward("nothing.mp4", lambda path: path.symlink_to("/dev/null"), NO_FILE),
    Awkward("endless.mp4", lambda path: path.symlink_to("/dev/zero"), NO_FILE),
    Awkward("to nowhere.mp4", lambda path: path.symlink_to("missing"), NOT_THERE),
    Awkward("in a circle.mp4", loop, NOT_THERE),
    Awkward("below a file.mp4/run.mp4", lambda path: path.parent.touch(), NOT_THERE),
    Awkward(LOCKED, locked, Refused("Permission denied")),
    Awkward("x" * 300 + ".mp4", lambda path: None, Refused("File name too long")),
    # names
    Awkward("läuf 🏃 漢字 [bold]1.mp4", copied, Analysed()),
    Awkward("new\nline.mp4", copied, Analysed()),
    Awkward(os.fsdecode(b"latin-1 l\xe4uf.mp4"), copied, Analysed()),
    Awkward("-i.mp4", copied, Analysed()),
    Awkward("%03d 100%.mp4", copied, Analysed()),
    Awkward("http:x.mp4", copied, Analysed()),
    Awkward("concat:decoy.mp4|decoy.mp4", copied, Analysed()),
    Awkward("pipe:0", copied, Analysed()),
    Awkward("data:video;base64,AAAA", copied, Analysed()),
    # wrong extensions
    Awkward("run.txt", copied, Analysed()),
    Awkward("run.jpg", copied, Analysed()),
    Awkward("run", copied, Analysed()),
    Awkward("really mkv.mp4", partial(run, kind=".mkv"), Analysed()),
    Awkward("really mp4.m3u8", copied, Analysed()),
    # cut off: an MP4 with its index at the end is lost, others give what is there
    *(Awkward(f"cut at {n} tenths.mp4", cut(n), NO_INDEX) for n in SHARES),
    *(
        Awkward(f"index first, cut at {n} tenths.mp4", cut(n, index_first=True), what_is_there(n))
        for n in SHARES
    ),
    *(Awkward(f"cut at {n} tenths.mkv", cut(n, ".mkv"), what_is_there(n)) for n in SHARES),
    Awkward(
        "cut in the middle.ts",
        cut(5, ".ts"),
        Analysed(frames=(50, 62), warnings=("damaged",)),
    ),
    Awkward(
        "cut in the middle.avi",
        cut(5, ".avi", codec="mpeg4", clock=30, b="2M"),
        Analysed(frames=(50, 62), warnings=("damaged",)),
    ),
    # few pictures, and pictures of all sizes
    Awkward("one picture.mp4", lambda p: run(p, pictures()[:1]), ONE_PICTURE),
    Awkward("two pictures.mp4", lambda p: run(p, pictures()[:2]), TOO_SHORT),
    Awkward("half a second.mp4", lambda p: run(p, pictures()[:15]), TOO_SHORT),
    Awkward("no pictures.mp4", rewrapped(lambda packets: []), NO_MOVING_PICTURE),
    Awkward(
        "8K.mp4",
        lambda p: run(p, resized(7680, 4320, every=3, count=72), fps=10),
        Analysed((7680, 4320), frames=(24, 24), warnings=("low_frame_rate",)),
    ),
    Awkward("16 x 16.mp4", lambda p: run(p, resized(16, 16)), NOBODY),
    Awkward("2 x 2.mp4", lambda p: run(p, resized(2, 2)), NOBODY),
    Awkward("odd.webm", lambda p: run(p, resized(321, 213), **VP9), Analysed((321, 213))),
    Awkward(
        "very odd.mkv", lambda p: run(p, resized(319, 211), codec="ffv1"), Analysed((319, 211))
    ),
    Awkward("a line across.mp4", lambda p: run(p, resized(4096, 4, count=20)), NOBODY),
    Awkward("a line down.mp4", lambda p: run(p, resized(4, 4096, count=20)), NOBODY),
    Awkward(
        "too long a line.mkv",
        lambda p: run(p, resized(40_000, 2, count=4), codec="ffv1"),
        TOO_LARGE,
    ),
    Awkward(
        "too large.mov",
        lambda p: run(p, resized(8192, 8192, count=1), codec="png", pixel_format="gray"),
        TOO_LARGE,
    ),
    Awkward("claims 8192 x 8192.gif", gif_that_claims(8192, 8192), NO_PICTURE),
    Awkward("claims 65535 x 65535.gif", gif_that_claims(65535, 65535), NO_PICTURE),
    Awkward("claims 0 x 0.gif", gif_that_claims(0, 0), NO_VIDEO),
    Awkward("wide pixels.mp4", partial(run, pixel_aspect=Fraction(4, 3)), Analysed((427, 212))),
    Awkward("absurd pixels.mp4", partial(run, pixel_aspect=Fraction(1000, 1)), Analysed()),
    Awkward("sound comes later.ts", sound_comes_later, Analysed()),
    Awkward("changing size.ts", changing_size, Analysed()),
    Awkward(
        "changing shape.mov",
        changing_shape,
        Analysed(frames=(60, 60), warnings=("cut_off", "damaged")),
    ),
    # colours
    Awkward(
        "10 bit.mp4",
        partial(run, codec="libx265", pixel_format="yuv420p10le", **QUIET_X265),
        Analysed(),
    ),
    Awkward("10 bit.mov", partial(run, pixel_format="yuv420p10le"), Analysed()),
    Awkward("HDR.mov", hdr, Analysed()),
    Awkward("4-2-2.mov", partial(run, codec="prores_ks", pixel_format="yuv422p10le"), Analysed()),
    Awkward("4-4-4.mp4", partial(run, pixel_format="yuv444p"), Analysed()),
    Awkward("full range.mp4", partial(run, pixel_format="yuvj420p"), Analysed()),
    Awkward("grey.mkv", partial(run, codec="ffv1", pixel_format="gray"), Analysed()),
    Awkward("16 bit.mkv", partial(run, codec="ffv1", pixel_format="rgb48le"), Analysed()),
    Awkward("alpha.mov", partial(run, codec="prores_ks", pixel_format="yuva444p10le"), Analysed()),
    Awkward("alpha.webm", partial(run, pixel_format="yuva420p", **VP9), Analysed()),
    Awkward("alpha too.mov", partial(run, codec="qtrle", pixel_format="argb"), Analysed()),
    Awkward(
        "palette.gif",
        partial(run, codec="gif", pixel_format="rgb8", clock=100),
        Analysed(variable_rate=True),  # it counts in hundredths of a second
    ),
    Awkward("upside down.avi", upside_down, Analysed()),
    Awkward("interlaced.mkv", interlaced, Analysed(frames=(60, 60), warnings=("low_frame_rate",))),
    # turned; what mirrors is turned, and not mirrored
    Awkward("turned by 90.mp4", turned(90), Analysed(rotation_deg=90)),
    Awkward("turned by 180.mp4", turned(180), Analysed(rotation_deg=180)),
    Awkward("turned by 270.mov", turned(-90), Analysed(rotation_deg=270)),
    Awkward("turned by 30.mp4", with_matrix(0.866, 0.5, -0.5, 0.866), Analysed()),
    Awkward("mirrored.mp4", with_matrix(-1, 0, 0, 1), Analysed()),
    Awkward("mirrored upside down.mp4", upside_down_mirrored, Analysed(rotation_deg=180)),
    Awkward("turned to nothing.mp4", with_matrix(0, 0, 0, 0), Analysed()),
    Awkward("turned absurdly.mp4", with_matrix(32767, 0, 0, 32767), Analysed()),
    # times
    Awkward("below zero.ts", at(2**33 / 90_000 - 2 + np.arange(FRAMES) / FPS), Analysed()),
    Awkward("late.mkv", at(1e6 + np.arange(FRAMES) / FPS), Analysed()),
    Awkward("sound first.mp4", with_sound, Analysed()),
    Awkward(  # the edit list hides what lies before 0, from every player
        "negative.mov",
        lambda p: at_odd_times(p, [t - 2000 for t in STEADY_MS]),
        Analysed(frames=(60, 60)),
    ),
    Awkward(
        "stutter.mov",
        lambda p: at_odd_times(p, STUTTER_MS),
        Analysed(frames=(108, 108), variable_rate=True),
    ),
    Awkward("backwards.mov", lambda p: at_odd_times(p, STEADY_MS[::-1]), AN_INSTANT),
    Awkward("all at once.mov", lambda p: at_odd_times(p, [0] * FRAMES), AN_INSTANT),
    Awkward("variable.mp4", at(VARIABLE_S), Analysed(variable_rate=True)),
    Awkward("bursts.mkv", at(BURSTS_S, clock=1_000_000), Refused("")),
    Awkward("bursts.mp4", at(BURSTS_S, clock=1_000_000), Refused("")),
    Awkward("an hour's pause.mkv", twice(3600.0), Analysed(frames=(240, 240))),
    Awkward("ten years' pause.mkv", twice(3e8), Analysed(frames=(240, 240))),
    Awkward("one a second.mp4", at(range(FRAMES)), WRONG_SPEED),
    Awkward("one an hour.mp4", at(3600 * i for i in range(FRAMES)), NO_RUNNING),
    Awkward("1000 a second.mp4", at(i / 1000 for i in range(FRAMES)), TOO_SHORT),
    Awkward(
        "a million a second.mp4", at((i / 1e6 for i in range(FRAMES)), clock=1_000_000), AN_INSTANT
    ),
    Awkward("clock of one tick.mp4", in_box(b"mdhd", 16, ">I", 1), ONE_PICTURE),
    Awkward("clock of 2^31 ticks.mp4", in_box(b"mdhd", 16, ">I", 2**31 - 1), AN_INSTANT),
    Awkward("clock of no ticks.mp4", in_box(b"mdhd", 16, ">I", 0), ONE_PICTURE),
    Awkward("promises a century.mp4", in_box(b"mdhd", 20, ">I", 2**32 - 2), Analysed()),
    Awkward("promises ages.mp4", in_box(b"mdhd", 16, ">II", 1, 2**32 - 2), ONE_PICTURE),
    Awkward(
        "promises a week.mkv",
        edited(
            lambda content: struct.pack_into(
                ">d", content, content.index(b"\x44\x89\x88") + 3, 6e8
            ),
            ".mkv",
            g="10",
        ),
        Analysed(warnings=("cut_off",)),
    ),
    Awkward("promises nothing.mp4", in_box(b"mdhd", 20, ">I", 0), Analysed()),
    Awkward("no steps.mp4", in_box(b"stts", 12, ">II", FRAMES, 0), Refused("")),
    Awkward("vast steps.mp4", in_box(b"stts", 12, ">II", FRAMES, 2**31 - 1), ONE_PICTURE),
    Awkward("promises 2^32 pictures.mp4", in_box(b"stsz", 12, ">I", 2**32 - 1), NO_VIDEO),
    Awkward("promises 2^26 small pictures.mp4", with_small_pictures(2**26), NO_PICTURE),
    Awkward("promises 2^23 small pictures.mp4", with_small_pictures(2**23), NO_PICTURE),
    # damage
    Awkward(
        "no keyframe at first.mkv",
        rewrapped(lambda packets: packets[1:], ".mkv", g="30"),
        Analysed(frames=(90, 90)),
    ),
    Awkward("no keyframe at all.mkv", rewrapped(without_keyframes, ".mkv", g="30"), NO_PICTURE),
    Awkward("no keyframe at all.mp4", rewrapped(without_keyframes, g="30"), NO_PICTURE),
    *(
        Awkward(
            f"some of it random{kind}",
            damaged(6, kind),
            Analysed(frames=(100, FRAMES), warnings=("damaged",)),
        )
        for kind in (".mp4", ".mkv", ".ts")
    ),
    Awkward("a tenth of it random.mp4", damaged(30_000), Refused("")),
    Awkward("a tag alone.flv", edited(only_a_damaged_tag, ".flv"), ONE_PICTURE),
    Awkward("every third packet zero.mp4", zero_every(3), Refused("")),
    Awkward("every packet zero.mp4", zero_every(1), NO_PICTURE),
    Awkward(
        "thousands of tiny packets.mp4",
        thousands_of_tiny_packets,
        Analysed(warnings=("cut_off", "damaged")),
    ),
    Awkward(
        "unknown codec.mp4",
        edited(lambda content: content.replace(b"avc1", b"zzzz")),
        Refused("export it as MP4"),
    ),
    Awkward("a box that never ends.mp4", in_box(b"moov", -4, ">I", 2**32 - 1), Analysed()),
    Awkward("boxes in boxes.mp4", written(FILE_TYPE + BOXES_IN_BOXES), NO_VIDEO),
    # what names other files, or hosts
    Awkward("list.m3u8", naming(hls("decoy.ts")), NO_VIDEO, True, {}),
    Awkward("list of a host.m3u8", naming(hls("http://HOST/decoy.ts")), NO_VIDEO, True, LET_OUT),
    Awkward("list.mp4", naming(hls("http://HOST/decoy.ts")), NO_VIDEO, True),
    Awkward("list.ffconcat", naming("ffconcat version 1.0\nfile decoy.mp4\n"), NO_VIDEO, True, {}),
    Awkward(
        "list of a host.mp4",
        naming("ffconcat version 1.0\nfile http://HOST/x.mp4\n"),
        NO_VIDEO,
        True,
        {"safe": "0"} | LET_OUT,
    ),
    Awkward("manifest.mpd", naming(DASH), NO_VIDEO, True),
    Awkward("session.sdp", naming(SDP), NO_VIDEO, True),
    Awkward("redirect.mov", naming("RTSPtext\rrtsp://HOST/x\r"), NO_VIDEO, True),
    Awkward("shortcut.url", naming("[InternetShortcut]\nURL=http://HOST/x.mp4\n"), NO_VIDEO, True),
    Awkward("script.avs", naming('DirectShowSource("decoy.mp4")\n'), NO_VIDEO, True),
    Awkward("elsewhere (url).mov", elsewhere(b"url ", b"decoy.mp4\0"), NO_PICTURE, True),
    Awkward(
        "elsewhere (alias).mov",
        elsewhere(b"alis", alias_of(DECOY)),
        NO_PICTURE,
        True,
        {"enable_drefs": "1"},
    ),
    Awkward("subtitles that are a list.avi", avi_with_playlist, Analysed(), True),
)


def write_corpus(folder: Path) -> None:
    """Write every input, each into a folder of its own."""
    for i, awkward in enumerate(INPUTS):
        place = folder / f"{i:03d}"
        place.mkdir(parents=True)
        awkward.make(place / awkward.file)


if __name__ == "__main__":
    write_corpus(Path(sys.argv[1]))
