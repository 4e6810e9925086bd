"""From pixels to people: decode, find poses, watch the camera; one pass, constant memory."""

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.pose.engine import FramePoses, PoseEngine
from formcheck.pose.people import PeopleTracker, Person
from formcheck.pose.silhouette import PROFILE_SIZE, measure_profile
from formcheck.signals.body import hide_outside_picture
from formcheck.video.camera import CameraTrack, CameraWatch
from formcheck.video.reader import DecodeLog, Frame, VideoInfo, read_frame_near, read_frames

WORKING_SIDE_PX = 1280  # longer side of the frames the engine sees; its network sees 256 of a crop
SURVEY_FRAMES = 8
MAX_PEOPLE = 3
SECOND_PERSON_SIZE = 0.5  # of the largest: smaller ones are passers-by at the back
PREFETCH = 8  # frames decoded ahead

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
    """

    video_time_s: NDArray[np.float64]
    people: list[Person]
    camera: CameraTrack
    log: DecodeLog
    engine: PoseEngine


def observe_video(
    info: VideoInfo, create_engine: EngineFactory, progress: Progress | None = None
) -> Observation:
    """Watch a video from start to end.

    Parameters
    ----------
    info : VideoInfo
    create_engine : callable
        Makes an engine that looks for up to so many people.
    progress : callable, optional
        Told the share done, 0 to 1.

    Returns
    -------
    Observation

    Raises
    ------
    FormcheckError
        What the reader or the engine raised; the decoding thread has ended by then.
    """
    if progress is not None:
        progress(0.0)
    engine = create_engine(_survey_people(info, create_engine))
    log, tracker, camera = DecodeLog(), PeopleTracker(), CameraWatch()
    length_s = info.promised_duration_s or 0.0
    decoded = read_frames(info.path, max_side_px=WORKING_SIDE_PX, log=log)
    # closed at once, whatever happens: the file, the decoding thread, and the engine
    with closing(_prefetch(decoded)) as frames, closing(engine.track(frames)) as watched:
        for seen in watched:
            frame = seen.frame
            height, width = frame.rgb.shape[:2]
            confidence = hide_outside_picture(seen.position, seen.confidence, width, height)
            tracker.add(frame.time_s, seen.position * frame.scale, confidence, _profiles(seen))
            camera.look(frame.rgb, frame.time_s, frame.scale, seen.position)
            if progress is not None and length_s > 0:
                progress(min(frame.time_s / length_s, 1.0))
    return Observation(tracker.time_s, tracker.people(), camera.track, log, engine)


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
    looks = (np.arange(SURVEY_FRAMES) + 0.5) / SURVEY_FRAMES * length_s
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


def _prefetch(frames: Generator[Frame]) -> Generator[Frame]:
    """Decode ahead in a thread, so that decoding and the network overlap; the queue is bounded."""
    ahead: queue.Queue[Frame | BaseException | None] = queue.Queue(PREFETCH)
    stop = threading.Event()

    def put(item: Frame | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ahead.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def fill() -> None:
        try:
            with closing(frames):
                for frame in frames:
                    if not put(frame):
                        return
            put(None)
        except BaseException as error:  # handed over to the thread that reads
            put(error)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        while (item := ahead.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
