"""From pixels to people: decode, find poses, watch the camera; one pass, constant memory."""

import copy
import dataclasses
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from formcheck.pose.engine import FramePoses, PoseEngine
from formcheck.pose.people import PeopleTracker, Person
from formcheck.pose.silhouette import PROFILE_SIZE, measure_profile
from formcheck.signals.body import hide_outside_picture
from formcheck.video.ahead import start_beside, work_ahead
from formcheck.video.camera import CameraTrack, CameraWatch, Glimpse, glimpse
from formcheck.video.frame import Frame
from formcheck.video.moments import Album, Moment, choose_interval, is_due, take_moment
from formcheck.video.reader import (
    TIME_TOLERANCE_S,
    DecodeLog,
    VideoInfo,
    find_keyframes,
    hash_file,
    read_frame_near,
    read_frames,
)
from formcheck.video.spans import Span, cut_into_spans, total_length_s

WORKING_SIDE_PX = 1280  # longer side of the frames the engine sees; its network sees 256 of a crop
SURVEY_FRAMES = 8
MAX_PEOPLE = 3
SECOND_PERSON_SIZE = 0.5  # of the largest: smaller ones are passers-by at the back
PREFETCH = 8  # frames decoded ahead
MOST_PIXELS = 16 * 3840 * 2160  # decoded ahead, or one for each span side by side: fewer if large
DECODING_THREADS = 4  # on every machine: of a damaged file, more of them lose more frames
AHEAD_ELSEWHERE = 64  # spans with the helpers at a time: a few megabytes of sights each
LONGEST_STEP_S = 1.0  # between frames that follow each other, for the progress only

EngineFactory = Callable[[int], PoseEngine]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Observation:
    """What one pass over the video gave.

    Attributes
    ----------
    video_time_s : array, shape (time,)
        Presentation times of the frames.
    people : list of Person
        Most often seen first, on the video's own clock, source pixels.
    camera : CameraTrack
    log : DecodeLog
    engine : PoseEngine
        The engine that ran.
    every : int
        One of so many frames was watched.
    windows : list of Span
        What was watched, in order; empty if all of it was.
    closer : list of Span
        Further windows that `watch_more` watched; they lie where something was to be seen, so what
        is said of the whole run must not rest on them.
    moments : list of Moment
        A few pictures of the people, in order, taken every `moment_s` seconds.
    sights : list of Sight
        What was kept of each frame, for `watch_more`.
    camera_watch : CameraWatch or None
        What followed the camera; it goes on in `watch_more`.
    helpers : Helpers or None
        Who watched instead of this process, and does in `watch_more`.
    sha256 : str
        Of the file's bytes; empty = not asked for yet.
    """

    video_time_s: NDArray[np.float64]
    people: list[Person]
    camera: CameraTrack
    log: DecodeLog
    engine: PoseEngine
    every: int = 1
    windows: list[Span] = field(default_factory=list)
    closer: list[Span] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    moment_s: float = np.inf
    sights: list["Sight"] = field(default_factory=list)
    camera_watch: CameraWatch | None = None
    helpers: "Helpers | None" = None
    sha256: str = ""


@dataclass(frozen=True)
class Helpers:
    """Processes that watch spans for this one; they see the file under the same path."""

    pool: Executor
    create_engine: Callable[[], PoseEngine]


@dataclass(frozen=True)
class Sight:
    """What is kept of one frame; positions in source pixels, axes as in `FramePoses`.

    Few frames have a `moment`.
    """

    position: NDArray[np.float32]
    confidence: NDArray[np.float32]
    profile: NDArray[np.float32]
    glimpse: Glimpse
    moment: Moment | None = None

    def without_pixels(self) -> "Sight":
        """Return what is left to keep once the camera was followed."""
        return dataclasses.replace(self, glimpse=self.glimpse.without_pixels(), moment=None)


def observe_video(
    info: VideoInfo,
    create_engine: EngineFactory,
    progress: Progress | None = None,
    *,
    windows: Sequence[Span] = (),
    every: int = 1,
    resumable: bool = False,
    pool: Executor | None = None,
) -> Observation:
    """Watch a video from start to end, or in windows.

    Parameters
    ----------
    info : VideoInfo
    create_engine : callable
        Makes an engine that looks for up to so many people.
    progress : callable, optional
        Told the share done, 0 to 1; called from any thread, one at a time.
    windows : sequence of Span, optional
        Watch only these; in order, without overlap.
    every : int
        Watch one of so many frames.
    resumable : bool
        Keep what `watch_more` needs.
    pool : Executor, optional
        Of processes that are to watch instead of this one, here or on other machines.

    Returns
    -------
    Observation

    Raises
    ------
    FormcheckError
        What the reader or the engine raised; all threads have ended by then, but for the one that
        reads the file for its SHA-256, which ends by itself.
    """
    if progress is not None:
        progress(0.0)
    hashed = start_beside(partial(hash_file, info.path))  # seconds, of an hour's video
    number = _survey_people(info, create_engine)
    engine = create_engine(number)
    helpers = None if pool is None else Helpers(pool, partial(create_engine, number))
    log = DecodeLog()
    people, camera = PeopleTracker(), CameraWatch()
    kept: list[Sight] = []
    moment_s = choose_interval(total_length_s(windows) or info.promised_duration_s or 0.0)
    album = Album(moment_s)
    watched = _watch(info, engine, log, windows, every, moment_s, progress, helpers)
    with closing(watched) as sights:
        for sight in sights:
            people.add(sight.glimpse.time_s, sight.position, sight.confidence, sight.profile)
            camera.look(sight.glimpse, sight.position)
            album.add(sight.moment)
            if resumable:
                kept.append(sight.without_pixels())
    log.frames_decoded = len(people.time_s)
    return Observation(
        people.time_s,
        people.people(),
        camera.track,
        log,
        engine,
        every,
        windows=list(windows),
        moments=album.moments,
        moment_s=moment_s,
        sights=kept,
        camera_watch=camera if resumable else None,
        helpers=helpers,
        sha256=hashed.result(),
    )


def watch_more(
    info: VideoInfo,
    seen: Observation,
    windows: Sequence[Span],
    progress: Progress | None = None,
) -> Observation:
    """Watch further windows of a video that was watched in windows; return all that was seen.

    Parameters
    ----------
    info : VideoInfo
    seen : Observation
        A resumable one.
    windows : sequence of Span
        In order, clear of `seen.windows` and of each other.
    progress : callable, optional
        As in `observe_video`.
    """
    assert seen.camera_watch is not None
    log = dataclasses.replace(seen.log)
    camera = copy.deepcopy(seen.camera_watch)
    sights, moments = list(seen.sights), list(seen.moments)
    sights_of_more = _watch(
        *(info, seen.engine, log, windows, seen.every, seen.moment_s), progress, seen.helpers
    )
    with closing(sights_of_more) as watched:
        for sight in watched:
            camera.look(sight.glimpse, sight.position)
            if sight.moment is not None:
                moments.append(sight.moment)
            sights.append(sight.without_pixels())
    sights.sort(key=lambda sight: sight.glimpse.time_s)
    people = PeopleTracker()
    for sight in sights:
        people.add(sight.glimpse.time_s, sight.position, sight.confidence, sight.profile)
    log.frames_decoded = len(people.time_s)
    return dataclasses.replace(
        seen,
        video_time_s=people.time_s,
        people=people.people(),
        camera=camera.track,
        log=log,
        closer=list(windows),
        moments=sorted(moments, key=lambda moment: moment.time_s),
        sights=sights,
        camera_watch=camera,
    )


Watched = tuple[list[Sight], DecodeLog]


class _Count:
    """Tells how much of the video is done, whoever has done it."""

    def __init__(self, length_s: float, progress: Progress | None) -> None:
        self._length_s = length_s
        self._progress = progress if self._length_s > 0 else None
        self._done_s = 0.0
        self._lock = threading.Lock()

    def add(self, passed_s: float) -> None:
        """Take in that so much more of the video was watched."""
        if self._progress is None:
            return
        with self._lock:
            self._done_s += passed_s
            self._progress(min(self._done_s / self._length_s, 1.0))


def _watch(
    info: VideoInfo,
    engine: PoseEngine,
    log: DecodeLog,
    windows: Sequence[Span],
    every: int,
    moment_s: float,
    progress: Progress | None,
    helpers: Helpers | None,
) -> Generator[Sight]:
    """Yield what is seen, in order."""
    count = _Count(total_length_s(windows) or info.promised_duration_s or 0.0, progress)
    spans = windows or (cut_into_spans(info) if engine.splits else [Span()])
    video = _Pictures(info, every, whole=engine.whole_pictures, moment_s=moment_s)
    if helpers is not None and len(spans) > 1:
        return _watch_elsewhere(video, helpers, spans, count, log)
    if engine.threads == 1 or len(spans) == 1:
        return _watch_in_turn(video, engine, spans, count, log)
    return _watch_at_once(video, engine, spans, count, log)


@dataclass(frozen=True)
class _Pictures:
    """The pictures of a video that are watched; every `moment_s` one of them is kept, small."""

    info: VideoInfo
    every: int
    whole: bool
    moment_s: float

    def at_once(self, wanted: int) -> int:
        """Return how many pictures may be held, so that memory is bounded whatever their size."""
        return max(1, min(wanted, MOST_PIXELS // (self.info.width * self.info.height)))

    def read(self, span: Span, log: DecodeLog, *, threads: int) -> Generator[Frame]:
        """Yield one frame of `every`, those that come sooner after the last are left out."""
        shortest_s = (self.every - 0.5) / (self.info.nominal_fps or 1.0) if self.every > 1 else 0.0
        due_s = -np.inf
        frames = read_frames(
            self.info.path,
            max_side_px=WORKING_SIDE_PX,
            from_s=span.from_s,
            until_s=span.until_s,
            threads=threads,
            log=log,
        )
        with closing(frames):
            for frame in frames:
                if frame.time_s < due_s:
                    continue
                due_s = frame.time_s + shortest_s
                if self.whole:
                    frame.make_rgb()
                yield frame


def _watch_in_turn(
    video: _Pictures, engine: PoseEngine, spans: Sequence[Span], count: _Count, log: DecodeLog
) -> Generator[Sight]:
    """Watch one span after the other, while a thread decodes ahead; nothing is kept of them."""
    for span in spans:
        read = video.read(span, log, threads=DECODING_THREADS)
        frames = work_ahead(read, video.at_once(PREFETCH))
        with closing(_watch_span(frames, engine, span, count, video.moment_s)) as sights:
            yield from sights


def _watch_at_once(
    video: _Pictures, engine: PoseEngine, spans: Sequence[Span], count: _Count, log: DecodeLog
) -> Generator[Sight]:
    """Watch spans of the video side by side, as many as the engine likes; yield in order."""
    stop = threading.Event()

    def watch(span: Span) -> Watched:
        seen: list[Sight] = []
        span_log = DecodeLog()
        frames = video.read(span, span_log, threads=1)
        with closing(_watch_span(frames, engine, span, count, video.moment_s)) as sights:
            for sight in sights:
                seen.append(sight)
                if stop.is_set():
                    break
        return seen, span_log

    threads = video.at_once(engine.threads)
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from _in_order(spans, lambda span: pool.submit(watch, span), threads, log)
        finally:
            stop.set()


def _watch_elsewhere(
    video: _Pictures, helpers: Helpers, spans: Sequence[Span], count: _Count, log: DecodeLog
) -> Generator[Sight]:
    """Have spans of the video watched by the helpers; yield in order."""
    info = dataclasses.replace(video.info, path=video.info.path.absolute())
    video = dataclasses.replace(video, info=info)

    def submit(span: Span) -> Future[Watched]:
        future = helpers.pool.submit(_help, video, helpers.create_engine, span)
        if np.isfinite(span.until_s):
            length_s = span.until_s - max(span.from_s, 0.0)
            future.add_done_callback(lambda _: count.add(length_s))
        return future

    yield from _in_order(spans, submit, AHEAD_ELSEWHERE, log)


def _help(video: _Pictures, create_engine: Callable[[], PoseEngine], span: Span) -> Watched:
    """Watch one span for another process."""
    span_log, nobody = DecodeLog(), _Count(0.0, None)
    frames = video.read(span, span_log, threads=1)
    with closing(_watch_span(frames, create_engine(), span, nobody, video.moment_s)) as sights:
        return list(sights), span_log


def _in_order(
    spans: Sequence[Span], submit: Callable[[Span], Future[Watched]], most: int, log: DecodeLog
) -> Generator[Sight]:
    """Hand out spans, about `most` at a time; yield what was seen in the order of the spans."""
    waiting = deque(spans)
    ahead: deque[Future[Watched]] = deque()
    try:
        while waiting or ahead:
            while waiting and len(ahead) <= most:
                ahead.append(submit(waiting.popleft()))
            sights, span_log = ahead.popleft().result()
            yield from sights
            log.out_of_order += span_log.out_of_order
            log.corrupt_packets += span_log.corrupt_packets
            log.last_time_s = max(log.last_time_s, span_log.last_time_s)
    finally:
        for future in ahead:
            future.cancel()


def _watch_span(
    frames: Generator[Frame], engine: PoseEngine, span: Span, count: _Count, moment_s: float
) -> Generator[Sight]:
    """Watch one span; everything is closed at once, whatever happens: file, threads and engine."""
    with closing(frames), closing(engine.track(frames)) as tracked:
        previous_s = -np.inf
        for seen in tracked:
            time_s = seen.frame.time_s
            if time_s >= span.counts_from_s - TIME_TOLERANCE_S:
                taken = is_due(time_s, previous_s, moment_s)
                yield _keep(
                    seen, previous_s, take_moment(seen.frame, seen.position) if taken else None
                )
                passed_s = time_s - max(previous_s, span.from_s, 0.0)
                count.add(min(passed_s, LONGEST_STEP_S))
            previous_s = time_s


def _keep(seen: FramePoses, previous_s: float, moment: Moment | None) -> Sight:
    """Keep of a frame what the later stages need; its pixels go."""
    frame = seen.frame
    width, height = frame.size
    confidence = hide_outside_picture(seen.position, seen.confidence, width, height)
    return Sight(
        (seen.position * frame.scale).astype(np.float32),
        confidence.astype(np.float32),
        _profiles(seen).astype(np.float32),
        glimpse(frame, previous_s),
        moment,
    )


def _profiles(seen: FramePoses) -> NDArray[np.float64]:
    if seen.masks is None or len(seen.masks) != len(seen.position):
        return np.full((len(seen.position), PROFILE_SIZE), np.nan)
    return np.array(
        [measure_profile(m, p) for m, p in zip(seen.masks, seen.position, strict=True)]
    ).reshape(len(seen.position), PROFILE_SIZE)


def _survey_people(info: VideoInfo, create_engine: EngineFactory) -> int:
    """Look at a few frames spread over the video: how many people are worth following."""
    length_s = info.promised_duration_s or 0.0
    if length_s <= 0:
        return 1
    looks = ((np.arange(SURVEY_FRAMES) + 0.5) / SURVEY_FRAMES * length_s).tolist()
    keyframes = sorted(set(find_keyframes(info.path, looks)))
    if len(keyframes) > SURVEY_FRAMES // 2:  # nothing need be decoded on the way to them
        looks = keyframes
    found = (read_frame_near(info.path, at, max_side_px=WORKING_SIDE_PX) for at in looks)
    frames = (frame for frame in found if frame is not None)
    counts = []
    with closing(create_engine(MAX_PEOPLE).track(frames)) as watched:
        for seen in watched:
            heights = np.ptp(seen.position[..., 1], axis=1) if len(seen.position) else np.zeros(0)
            counts.append(int((heights > SECOND_PERSON_SIZE * heights.max(initial=0)).sum()))
    counts.sort()
    # one look in which somebody is seen double does not make a second person
    return max(1, counts[-2]) if len(counts) > 1 else 1
