"""How fast this machine is: each stage alone and the whole, beside MediaPipe's usual loop.

What is compared is timed in turn, over and over (A B C A B C), so that a machine which is busy for
a while is slow for all of them; the spread over the repeats shows how far the numbers can be
trusted. Everything has run once before it is timed, and the video is in the system's file cache.
"""

import copy
import dataclasses
import gc
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from formcheck.errors import FormcheckError, NoRunnerError, VideoError
from formcheck.models import model_path
from formcheck.observe import WORKING_SIDE_PX, Observation, observe_video
from formcheck.options import Options
from formcheck.pipeline import assess_run, create_engine, formcheck_version
from formcheck.pose.blazepose_engine import BlazePoseEngine
from formcheck.pose.engine import Mask
from formcheck.pose.mediapipe_engine import _nothing_leaves_this_machine
from formcheck.pose.networks import PROVIDERS, OnnxNetworks, Pictures, PoseNetworks, Read
from formcheck.pose.silhouette import measure_profile
from formcheck.report import write_report
from formcheck.system import GIB, count_cores, installed_version, require_system_libraries
from formcheck.video.frame import Frame, Matrix
from formcheck.video.reader import SAFE_OPTIONS, VideoInfo, probe_video, read_frames
from formcheck.video.spans import Span, cut_into_spans

SCHEMA = "formcheck.bench/1"
SAMPLE_VIDEO = Path(__file__).resolve().parent.parent / "sample_videos" / "steady_side.mp4"
SAMPLE_BYTES = 256 * 2**20  # of pictures that are kept to time the stages on
FEWEST_SAMPLE_FRAMES = 32  # of a very large picture: with fewer, the clock's steps would count
BYTES_PER_DECODED_PIXEL = 1.5  # 4:2:0, 8 bits
BYTES_PER_RGB_PIXEL = 3

BASELINE, BASELINE_DECODE = "baseline", "baseline_decode"
BASELINE_ENGINE, BASELINE_MODEL = "opencv+mediapipe", "full"
# What is timed, in the order in which it is shown.
STAGE_LABELS = {
    "decode": "decode",
    "crop": "crop",
    "network_one_core": "network, one core",
    "network_all_cores": "network, all cores",
    "masks": "masks",
    "network_with_masks": "network with masks",
    "assess": "cleaning, metrics",
    "report": "report",
    "end_to_end": "end to end",
    BASELINE_DECODE: "decode",
    BASELINE: "the usual loop",
}
# The pace that bounds another's: nothing is analysed faster than it is decoded.
LABEL_WIDTH, NUMBER_WIDTH = 18, 7  # of the table, characters; the same for each engine
LIMITS = {"end_to_end": "decode", BASELINE: BASELINE_DECODE}
EXPLANATIONS = (
    "Each stage is timed alone, in frames of the video; masks are drawn on some frames only, and "
    "their time is spread over all.",
    "MediaPipe's network can't be run without the crop and the smoothing around it.",
    "The usual loop: OpenCV decodes, MediaPipe (full model, no masks) finds the points; nothing "
    "more.",
    "End to end: from the file to the report, every frame, all cores, without Python's start. On a "
    "longer video what happens once weighs less.",
    "× loop, × decode: how many times as fast as that loop, and as decoding alone, which bounds "
    "it.",
)
PACKAGES = ("onnxruntime", "mediapipe", "av", "numpy", "opencv-contrib-python")
MEDIAPIPE_PROVIDER = "TensorFlow Lite (XNNPACK)"
# How a cut-out part of a file is stored: a container that takes all that the source's may hold.
CUT_SUFFIXES = {"mov": ".mov", "matroska": ".mkv"}
MEMORY_TRIAL = "import sys; from formcheck.bench import print_peak; print_peak(*sys.argv[1:])"

Show = Callable[[str], Callable[[float], None] | None]


@dataclass(frozen=True)
class Measurement:
    """How long one stage took.

    Attributes
    ----------
    name : str
        A key of `STAGE_LABELS`.
    engine, model : str
    frames : int
        Of the video, that went through it in each repeat.
    seconds : tuple of float
        One for each repeat.
    """

    name: str
    engine: str
    model: str
    frames: int
    seconds: tuple[float, ...]

    @property
    def frames_per_s(self) -> tuple[float, ...]:
        """One rate for each repeat."""
        return tuple(self.frames / seconds for seconds in self.seconds)

    def times_as_fast(self, other: "Measurement") -> tuple[float, ...]:
        """Return the ratio of the rates in each repeat: what slows both leaves it as it is."""
        pairs = zip(self.frames_per_s, other.frames_per_s, strict=True)
        return tuple(own / theirs for own, theirs in pairs)


@dataclass(frozen=True)
class Memory:
    """Largest resident memory of a process that analyses the clip once, MiB; None if it failed."""

    engine: str
    model: str
    peak_mib: float | None


@dataclass(frozen=True)
class EngineUsed:
    """Where an engine ran its networks; `note` is its line for the user."""

    engine: str
    model: str
    device: str
    provider: str
    note: str | None


@dataclass(frozen=True)
class Skipped:
    """What could not be measured, and why, in one line."""

    engine: str
    model: str
    reason: str


@dataclass(frozen=True)
class Machine:
    """What was measured on.

    Attributes
    ----------
    cpu : str
        The model's name.
    cores : int
        That this process may use.
    memory_gib : float
    system : str
    load_before : float or None
        Processes that wanted to run in the minute before, on average: more than a few tenths is
        work of others that the numbers contain.
    """

    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_before: float | None


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
        Its first frames, decoded, for the stages that need no file.
    """

    info: VideoInfo
    frames: int
    sample: list[Frame]


@dataclass(frozen=True)
class Stage:
    """Something to be timed: `run` does it once and returns the seconds it took."""

    name: str
    engine: str
    model: str
    frames: int
    run: Callable[[], float]
    is_warm: bool = False


@dataclass(frozen=True)
class Bench:
    """All that was found; rates in frames per second, times in seconds."""

    video: Path
    clip: VideoInfo
    clip_frames: int
    repeats: int
    machine: Machine
    versions: dict[str, str | None]
    engines: list[EngineUsed]
    measurements: list[Measurement]
    memory: list[Memory]
    skipped: list[Skipped]

    def find(self, name: str, engine: str, model: str) -> Measurement | None:
        """Return the measurement of this name, if it was made."""
        wanted = (name, engine, model)
        return next((m for m in self.measurements if (m.name, m.engine, m.model) == wanted), None)

    @property
    def baseline(self) -> Measurement | None:
        """The usual loop; None where MediaPipe does not run."""
        return self.find(BASELINE, BASELINE_ENGINE, BASELINE_MODEL)

    def times_baseline(self, measured: Measurement) -> float | None:
        """Median over the repeats of how many times as fast as the usual loop this is."""
        return None if self.baseline is None else median(measured.times_as_fast(self.baseline))

    def share_of_limit(self, measured: Measurement) -> float | None:
        """Median over the repeats of the rate over that of decoding alone; None for parts."""
        bound = LIMITS.get(measured.name)
        limit = bound and self.find(bound, measured.engine, measured.model)
        return median(measured.times_as_fast(limit)) if limit else None

    def to_report(self) -> dict[str, Any]:
        """Return the content of the JSON: plain values, None for what is not known."""
        return {
            "schema": SCHEMA,
            "video": {
                "path": str(self.video),
                "frames": self.clip_frames,
                "seconds": self.clip.promised_duration_s,
                "width": self.clip.width,
                "height": self.clip.height,
                "codec": self.clip.codec,
                "pixel_format": self.clip.pixel_format,
            },
            "repeats": self.repeats,
            "machine": dataclasses.asdict(self.machine),
            "versions": self.versions,
            "engines": [dataclasses.asdict(engine) for engine in self.engines],
            "measurements": [self._describe(measured) for measured in self.measurements],
            "memory": [dataclasses.asdict(memory) for memory in self.memory],
            "skipped": [dataclasses.asdict(skipped) for skipped in self.skipped],
        }

    def _describe(self, measured: Measurement) -> dict[str, Any]:
        rates = measured.frames_per_s
        return dataclasses.asdict(measured) | {
            "frames_per_s": {"median": median(rates), "min": min(rates), "max": max(rates)},
            "times_baseline": self.times_baseline(measured),
            "share_of_limit": self.share_of_limit(measured),
        }


def run_bench(
    video: Path | None,
    *,
    engines: Sequence[str],
    models: Sequence[str],
    seconds: float,
    repeats: int,
    show: Show = lambda what: None,
) -> Bench:
    """Measure how fast a video is analysed on this machine.

    Parameters
    ----------
    video : Path or None
        None takes the sample video of a source checkout.
    engines, models : sequence of str
        Each engine is measured with each model.
    seconds : float
        Of the video, from its start, that are used.
    repeats : int
        How many times each thing is timed.
    show : callable, optional
        Makes, from a word on what is done, something to tell the share done, 0 to 1.

    Returns
    -------
    Bench
        What an engine that doesn't run here would have shown is in its `skipped`.

    Raises
    ------
    VideoError
        There is no such video, or it can't be read.
    """
    video = video or find_sample_video()
    info = probe_video(video)
    machine = describe_machine()
    wanted = [(engine, model) for engine in engines for model in models]
    with tempfile.TemporaryDirectory(prefix="formcheck_bench_") as folder:
        clip = take_clip(info, seconds, Path(folder))
        prepared = _prepare(clip, wanted, show("Warming up"))
        measurements = _time_in_turn(prepared.stages, repeats, show("Measuring"))
        memory = _measure_memory(clip, prepared.stages, show("Measuring memory"))
    return Bench(
        video=video,
        clip=clip.info,
        clip_frames=clip.frames,
        repeats=repeats,
        machine=machine,
        versions=describe_versions(),
        engines=prepared.engines,
        measurements=measurements,
        memory=memory,
        skipped=prepared.skipped,
    )


# --- what is measured on -------------------------------------------------------------------------


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
    frames = sum(1 for _ in read_frames(info.path))
    kept = read_frames(info.path, max_side_px=WORKING_SIDE_PX)
    sample = [frame for frame, _ in zip(kept, range(_sample_size(info)), strict=False)]
    kept.close()
    return Clip(info, frames, sample)


def _cut_file(path: Path, seconds: float, folder: Path) -> Path:
    """Copy the packets of the first seconds: nothing is encoded anew."""
    try:
        with av.open(f"file:{path}", options=SAFE_OPTIONS) as source:
            kinds = source.format.name.split(",")
            suffix = next((CUT_SUFFIXES[k] for k in kinds if k in CUT_SUFFIXES), path.suffix)
            target_path = folder / f"clip{suffix}"
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


def _sample_size(info: VideoInfo) -> int:
    """How many pictures fit in the memory set aside for them, decoded and as RGB."""
    pixels = info.width * info.height
    reduction = min(1.0, WORKING_SIDE_PX / max(info.width, info.height))
    picture_bytes = pixels * (BYTES_PER_DECODED_PIXEL + BYTES_PER_RGB_PIXEL * reduction**2)
    return max(FEWEST_SAMPLE_FRAMES, int(SAMPLE_BYTES / picture_bytes))


def describe_machine() -> Machine:
    """Look at this machine."""
    load = None
    with suppress(OSError, AttributeError):
        load = os.getloadavg()[0]
    return Machine(
        cpu=_cpu_name(),
        cores=count_cores(),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB,
        system=platform.platform(),
        load_before=load,
    )


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            topic, _, value = line.partition(":")
            if topic.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def describe_versions() -> dict[str, str | None]:
    """Return the versions of what does the work; None = not installed."""
    return {
        "python": platform.python_version(),
        "formcheck": formcheck_version(),
        **{name: installed_version(name) for name in PACKAGES},
    }


# --- what is measured ----------------------------------------------------------------------------


@dataclass
class _Prepared:
    """What can be measured here, each run once, and what can't."""

    stages: list[Stage]
    engines: list[EngineUsed]
    skipped: list[Skipped]

    def add(self, engine: str, model: str, stages: Iterable[Stage]) -> None:
        """Warm up the stages and take them in; note the rest as skipped where one fails."""
        try:
            for stage in stages:
                if not stage.is_warm:
                    stage.run()
                self.stages.append(stage)
        except FormcheckError as error:
            skipped = Skipped(engine, model, " ".join(str(error).split()))
            if skipped not in self.skipped:
                self.skipped.append(skipped)


def _prepare(
    clip: Clip, wanted: list[tuple[str, str]], progress: Callable[[float], None] | None
) -> _Prepared:
    prepared = _Prepared([], [], [])
    stages_of_pixels = {"blazepose": _blazepose_stages, "mediapipe": _mediapipe_stages}
    for done, (engine, model) in enumerate(wanted):
        prepared.add(engine, model, stages_of_pixels[engine](clip, model))
        prepared.add(engine, model, _whole_stages(clip, engine, model, prepared.engines))
        _tell(progress, done + 1, len(wanted) + 1)
    prepared.add(BASELINE_ENGINE, BASELINE_MODEL, _baseline_stages(clip))
    _tell(progress, len(wanted) + 1, len(wanted) + 1)
    return prepared


def _blazepose_stages(clip: Clip, model: str) -> Iterator[Stage]:
    networks = OnnxNetworks(model)
    threads = BlazePoseEngine(model, networks=networks).threads

    def stage(name: str, work: Callable[[], object], *, one_core: bool = False) -> Stage:
        run = partial(_time, work, one_core=one_core)
        return Stage(name, "blazepose", model, len(clip.sample), run)

    decode = partial(_time, partial(_decode_spans, clip.info, threads))
    yield Stage("decode", "blazepose", model, clip.frames, decode)
    asked = _watch_engine(networks, model, clip.sample)
    yield Stage("crop", "blazepose", model, len(clip.sample), partial(_time_crops, asked))
    yield stage("network_one_core", partial(_read_crops, networks, asked, 1), one_core=True)
    yield stage("network_all_cores", partial(_read_crops, networks, asked, threads))
    yield stage("masks", partial(_draw_outlines, networks, asked))


def _mediapipe_stages(clip: Clip, model: str) -> Iterator[Stage]:
    _require_mediapipe()

    def stage(name: str, *, masks: bool = False, one_core: bool = False) -> Stage:
        run = partial(_time_mediapipe, clip.sample, model, masks=masks, one_core=one_core)
        return Stage(name, "mediapipe", model, len(clip.sample), run)

    decode = partial(_time, partial(_decode_to_rgb, clip.info))
    yield Stage("decode", "mediapipe", model, clip.frames, decode)
    if _can_hold_to_one_core():  # MediaPipe takes what cores it gets, and has no setting for it
        yield stage("network_one_core", one_core=True)
    yield stage("network_all_cores")
    yield stage("network_with_masks", masks=True)


def _whole_stages(
    clip: Clip, engine: str, model: str, engines: list[EngineUsed]
) -> Iterator[Stage]:
    """Stages after the pixels, and the whole; the engine that ran is added to `engines`."""
    options = _options(engine, model)
    if engine == "mediapipe":
        _require_mediapipe()
    observation = _observe(clip.info, options)
    engines.append(_describe_engine(observation))
    analysis = assess_run(clip.info, observation, options)
    frames = len(observation.video_time_s)

    def stage(name: str, work: Callable[[], object], *, is_warm: bool = False) -> Stage:
        return Stage(name, engine, model, frames, partial(_time, work), is_warm)

    yield stage("assess", partial(assess_run, clip.info, observation, options))
    yield stage("report", partial(_in_temporary_folder, partial(write_report, analysis)))
    yield stage("end_to_end", partial(_analyze, clip.info.path, options), is_warm=True)


def _baseline_stages(clip: Clip) -> Iterator[Stage]:
    def stage(name: str, work: Callable[[], object]) -> Stage:
        return Stage(name, BASELINE_ENGINE, BASELINE_MODEL, clip.frames, partial(_time, work))

    yield stage(BASELINE_DECODE, partial(_decode_as_usual, clip.info.path))
    _require_mediapipe()
    yield stage(BASELINE, partial(_run_usual_loop, clip.info.path))


def _options(engine: str, model: str) -> Options:
    return Options(engine=cast(Any, engine), model=cast(Any, model))


def _describe_engine(observation: Observation) -> EngineUsed:
    used = observation.engine
    provider = PROVIDERS.get(used.device, used.device)
    if used.name == "mediapipe":
        provider = MEDIAPIPE_PROVIDER
    return EngineUsed(used.name, used.model, used.device, provider, used.note)


def _require_mediapipe() -> None:
    """Say in one line what MediaPipe lacks here."""
    require_system_libraries()
    try:
        import mediapipe  # noqa: F401
    except (ImportError, OSError) as error:
        raise FormcheckError(
            f"MediaPipe does not load here ({error}); install it: pip install mediapipe"
        ) from error


# --- the clock -----------------------------------------------------------------------------------


def _time(work: Callable[[], object], *, one_core: bool = False) -> float:
    """Return how long some work takes, seconds."""
    gc.collect()  # so that nobody pays for what another left
    with _held_to_one_core() if one_core else nullcontext():
        start_s = time.perf_counter()
        work()
        return time.perf_counter() - start_s


def _time_in_turn(
    stages: list[Stage], repeats: int, progress: Callable[[float], None] | None
) -> list[Measurement]:
    seconds: list[list[float]] = [[] for _ in stages]
    for repeat in range(repeats):
        for i, stage in enumerate(stages):
            seconds[i].append(stage.run())
            _tell(progress, repeat * len(stages) + i + 1, repeats * len(stages))
    return [
        Measurement(stage.name, stage.engine, stage.model, stage.frames, tuple(taken))
        for stage, taken in zip(stages, seconds, strict=True)
    ]


def _can_hold_to_one_core() -> bool:
    return hasattr(os, "sched_setaffinity")


@contextmanager
def _held_to_one_core() -> Iterator[None]:
    """Keep this thread, and those it starts meanwhile, on one core, where the system can."""
    if not _can_hold_to_one_core():
        yield
        return
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(all_cores)})  # systems like to use the first for themselves
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def _tell(progress: Callable[[float], None] | None, done: int, of: int) -> None:
    if progress is not None:
        progress(done / of)


# --- stages: decoding ----------------------------------------------------------------------------


def _decode_spans(info: VideoInfo, threads: int) -> None:
    """Decode as the blazepose engine is fed: spans side by side, no picture made into RGB."""
    spans = cut_into_spans(info) if threads > 1 else [Span()]
    threads_each = None if len(spans) == 1 else 1

    def decode(span: Span) -> None:
        for _ in read_frames(
            info.path,
            max_side_px=WORKING_SIDE_PX,
            from_s=span.from_s,
            until_s=span.until_s,
            threads=threads_each,
        ):
            pass

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(decode, spans))


def _decode_to_rgb(info: VideoInfo) -> None:
    """Decode as the mediapipe engine is fed: in order, each picture made into RGB."""
    for frame in read_frames(info.path, max_side_px=WORKING_SIDE_PX):
        _ = frame.rgb


# --- stages: the blazepose engine, what it does replayed part by part ----------------------------


class _WatchedFrame(Frame):
    """A frame that keeps in mind which crops were asked of it."""

    def __init__(self, frame: Frame) -> None:
        vars(self).update(vars(frame))
        self.asked: list[tuple[Matrix, int, int]] = []

    def crop(self, to_frame: Matrix, width: int, height: int) -> NDArray[np.uint8]:
        self.asked.append((to_frame, width, height))
        return super().crop(to_frame, width, height)


class _WatchedNetworks:
    """Networks that keep in mind what they were given."""

    def __init__(self, networks: PoseNetworks) -> None:
        self._networks = networks
        self.crops: list[Pictures] = []
        self.features: list[list[NDArray[np.float32]]] = []

    def detect(self, squares: Pictures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._networks.detect(squares)

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        self.crops.append(crops)
        return self._networks.read(crops, for_masks=for_masks)

    def draw_masks(self, features: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        self.features.append(features)
        return self._networks.draw_masks(features)


@dataclass(frozen=True)
class _Asked:
    """What the engine asked for on the sample.

    Attributes
    ----------
    frames : list of Frame
    crops_of_frames : list of list
        For each frame, the arguments of `Frame.crop`.
    crops : list of array
        What the landmark network was given, call by call.
    features : list of list of array
        What the mask branch was given, call by call.
    outlined : list of (Mask, array)
        Masks, and the points of the person, shape (keypoint, 2), that outlines are measured with.
    """

    frames: list[Frame]
    crops_of_frames: list[list[tuple[Matrix, int, int]]]
    crops: list[Pictures]
    features: list[list[NDArray[np.float32]]]
    outlined: list[tuple[Mask, NDArray[np.float64]]]


def _watch_engine(networks: PoseNetworks, model: str, frames: list[Frame]) -> _Asked:
    """Let the engine follow one person through the sample, and keep what it asks for.

    Raises
    ------
    NoRunnerError
        Nobody is seen, so the stages would have nothing to do.
    """
    watched_networks = _WatchedNetworks(networks)
    watched_frames = [_WatchedFrame(frame) for frame in frames]
    engine = BlazePoseEngine(model, masks=True, networks=watched_networks)
    outlined = []
    for seen in engine.track(watched_frames):
        if seen.masks is not None:
            outlined += list(zip(seen.masks, seen.position, strict=True))
    if not outlined:
        raise NoRunnerError(
            f"nobody is to be seen in the first {len(frames)} frames; name the video of a run"
        )
    return _Asked(
        frames,
        [frame.asked for frame in watched_frames],
        watched_networks.crops,
        watched_networks.features,
        outlined,
    )


def _time_crops(asked: _Asked) -> float:
    """Return the seconds in which all crops are made, from pictures of which no RGB is made yet."""
    frames = [_without_rgb(frame) for frame in asked.frames]

    def crop_all() -> None:
        for frame, crops in zip(frames, asked.crops_of_frames, strict=True):
            for to_frame, width, height in crops:
                frame.crop(to_frame, width, height)

    return _time(crop_all)


def _without_rgb(frame: Frame) -> Frame:
    fresh = copy.copy(frame)
    vars(fresh).pop("rgb", None)
    return fresh


def _read_crops(networks: PoseNetworks, asked: _Asked, threads: int) -> None:
    """Run the landmark network on all crops; each thread runs it by itself, as the engine does."""
    if threads == 1:
        for crops in asked.crops:
            networks.read(crops)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(networks.read, asked.crops):
            pass


def _draw_outlines(networks: PoseNetworks, asked: _Asked) -> None:
    """Draw the masks that the engine draws on these frames, and measure the outlines in them."""
    for features in asked.features:
        networks.draw_masks(features)
    for mask, position in asked.outlined:
        measure_profile(mask, position)


# --- stages: MediaPipe ---------------------------------------------------------------------------


def _create_landmarker(model: str, *, masks: bool = False) -> Any:
    """Make MediaPipe's landmarker for videos; call while `_nothing_leaves_this_machine`."""
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    return vision.PoseLandmarker.create_from_options(
        vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model_path(model))),
            running_mode=vision.RunningMode.VIDEO,
            output_segmentation_masks=masks,
        )
    )


def _time_mediapipe(frames: list[Frame], model: str, *, masks: bool, one_core: bool) -> float:
    """Return the seconds in which MediaPipe finds the points in pictures that are RGB already."""
    import mediapipe as mp

    images = [mp.Image(image_format=mp.ImageFormat.SRGB, data=frame.rgb) for frame in frames]
    rounded_ms = np.round([frame.time_s * 1000 for frame in frames]).astype(int)
    count = np.arange(len(frames))
    times_ms = (np.maximum.accumulate(rounded_ms - count) + count).tolist()  # each after the last
    held = _held_to_one_core() if one_core else nullcontext()
    # its threads start with the landmarker, so that must be held to the core as well
    with held, _nothing_leaves_this_machine(), _create_landmarker(model, masks=masks) as landmarker:

        def find_all() -> None:
            for time_ms, image in zip(times_ms, images, strict=True):
                landmarker.detect_for_video(image, time_ms)

        return _time(find_all)


def _run_usual_loop(path: Path) -> list[list[tuple[float, float, float]]]:
    """Find the points as everybody does: OpenCV and MediaPipe in a loop; no masks."""
    import mediapipe as mp

    found = []
    with _nothing_leaves_this_machine(), _create_landmarker(BASELINE_MODEL) as landmarker:
        previous_ms = -1
        for time_ms, rgb in _read_as_usual(path):
            previous_ms = max(round(time_ms), previous_ms + 1)  # MediaPipe wants times that rise
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
            result = landmarker.detect_for_video(image, previous_ms)
            found.append([(p.x, p.y, p.visibility) for p in (result.pose_landmarks or [[]])[0]])
    return found


def _decode_as_usual(path: Path) -> None:
    for _ in _read_as_usual(path):
        pass


def _read_as_usual(path: Path) -> Iterator[tuple[float, Any]]:
    """Yield time (ms) and RGB of each frame, by OpenCV."""
    capture = cv2.VideoCapture(str(path))
    try:
        while True:
            there, bgr = capture.read()
            if not there:
                return
            yield capture.get(cv2.CAP_PROP_POS_MSEC), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


# --- stages: after the pixels, and the whole -----------------------------------------------------


def _observe(info: VideoInfo, options: Options) -> Observation:
    return observe_video(info, partial(create_engine, options))


def _analyze(path: Path, options: Options) -> None:
    """Do all that `formcheck analyze` does, from the file to the files of the report."""
    info = probe_video(path)
    analysis = assess_run(info, _observe(info, options), options)
    _in_temporary_folder(partial(write_report, analysis))


def _in_temporary_folder(write: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="formcheck_bench_") as folder:
        write(Path(folder))


# --- memory --------------------------------------------------------------------------------------


def _measure_memory(
    clip: Clip, stages: list[Stage], progress: Callable[[float], None] | None
) -> list[Memory]:
    """Run each whole once in a process of its own, so that no peak hides behind another."""
    wholes = [stage for stage in stages if stage.name in LIMITS]
    found = []
    for done, whole in enumerate(wholes):
        peak = _peak_of_process(whole, clip.info.path)
        found.append(Memory(whole.engine, whole.model, peak))
        _tell(progress, done + 1, len(wholes))
    return found


def _peak_of_process(whole: Stage, path: Path) -> float | None:
    trial = subprocess.run(
        [sys.executable, "-c", MEMORY_TRIAL, whole.engine, whole.model, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return float(trial.stdout.split()[-1]) if trial.returncode == 0 else None


def print_peak(engine: str, model: str, path: str) -> None:
    """Analyse a video once, and print the peak memory of this process, MiB."""
    if engine == BASELINE_ENGINE:
        _run_usual_loop(Path(path))
    else:
        _analyze(Path(path), _options(engine, model))
    print(peak_mib())


def peak_mib() -> float:
    """Return the largest resident memory that this process has had, MiB."""
    # Linux hands the peak of getrusage on to the programs a process starts, so there it would be
    # at least that of the parent; VmHWM (KiB) begins anew.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 2**10
    import resource

    units_in_mib = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_in_mib


# --- for people ----------------------------------------------------------------------------------


def print_bench(bench: Bench, console: Console) -> None:
    """Print what was found: the machine, a table of rates, and what has to be known with them."""
    _print_plainly(console, *_describe_setting(bench))
    for engine, model in dict.fromkeys((m.engine, m.model) for m in bench.measurements):
        _print_plainly(console, "", _headline(bench, engine, model))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", min_width=LABEL_WIDTH)
        for heading in ("frames/s", "min..max", "ms/frame", "× loop", "× decode"):
            table.add_column(heading, justify="right", min_width=NUMBER_WIDTH, no_wrap=True)
        for measured in bench.measurements:
            if (measured.engine, measured.model) == (engine, model):
                table.add_row(*_format_row(bench, measured))
        console.print(table)
    for skipped in bench.skipped:
        text = f"! {skipped.engine}, {skipped.model}, rows left out: {skipped.reason}"
        _print_plainly(console, text)
    _print_plainly(console, *EXPLANATIONS)


def _print_plainly(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _describe_setting(bench: Bench) -> list[str]:
    machine, clip = bench.machine, bench.clip
    load = "" if machine.load_before is None else f", load before: {machine.load_before:.1f}"
    versions = ", ".join(f"{name} {version or '-'}" for name, version in bench.versions.items())
    length = "" if clip.promised_duration_s is None else f"{clip.promised_duration_s:.1f} s, "
    return [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib:.1f} GiB{load}",
        machine.system,
        versions,
        f"{bench.video.name}: {length}{bench.clip_frames} frames of {clip.width} x {clip.height}, "
        f"{clip.codec}; each timed {bench.repeats} ×, the median shown",
        *(f"{used.engine}, {used.model}: {used.note}" for used in bench.engines if used.note),
    ]


def _headline(bench: Bench, engine: str, model: str) -> str:
    """Name an engine, where it runs, and what memory it takes."""
    here = (engine, model)
    facts = [u.provider for u in bench.engines if (u.engine, u.model) == here]
    facts += [
        f"peak memory {memory.peak_mib:.0f} MiB"
        for memory in bench.memory
        if (memory.engine, memory.model) == here and memory.peak_mib is not None
    ]
    return ", ".join([f"{engine}, {model}", *facts])


def _format_row(bench: Bench, measured: Measurement) -> tuple[str, ...]:
    rates = measured.frames_per_s
    is_whole = measured.name in LIMITS  # a part's pace beside a whole's would say little
    times = bench.times_baseline(measured) if is_whole else None
    share = bench.share_of_limit(measured)
    return (
        STAGE_LABELS[measured.name],
        _format_rate(median(rates)),
        f"{_format_rate(min(rates))}..{_format_rate(max(rates))}",
        f"{1000 / median(rates):.2f}",
        "" if times is None else f"{times:.2f}",
        "" if share is None else f"{share:.2f}",
    )


def _format_rate(rate: float) -> str:
    return f"{rate:.1f}" if rate < 100 else f"{rate:,.0f}"
