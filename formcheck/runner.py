"""Who in the video is the runner, and is this running at a speed that can be real."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from formcheck.errors import NoRunnerError, SlowMotionError
from formcheck.observe import Observation
from formcheck.options import Options
from formcheck.pose.people import Person
from formcheck.signals.body import find_whole_bodies
from formcheck.signals.cleaning import CleanPose, clean_keypoints
from formcheck.signals.orientation import Orientation, find_orientation
from formcheck.signals.rhythm import STEP_BAND, Rhythm, find_rhythm
from formcheck.signals.steady import SteadyKeypoints, undo_camera_roll
from formcheck.signals.timeline import Timeline

SLOWEST_WALK_SPM = 70.0
POSSIBLE_CADENCE = (100.0, 260.0)  # steps per minute of a running pattern at real speed
USUAL_CADENCE = 165.0  # of a recreational runner, to guess a slow-motion factor from
CAPTURE_FPS = (50.0, 60.0, 100.0, 120.0, 240.0, 480.0, 960.0)  # that phones offer
PLAUSIBLE_CADENCE = (135.0, 210.0)  # with which one of those is believed
MIN_SEEN_SHARE = 0.3  # of the frames in which somebody must be seen
MIN_WHOLE_SHARE = 0.5  # of those, with the whole body
SHORTEST_RUN_S = 2.0  # two strides of a slow jogger, with what comes before and after
CANDIDATE_SHARE = 0.2  # of the most-seen person's frames, to be a candidate for the runner


@dataclass(frozen=True)
class Runner:
    """The person who is followed, and what was found about them."""

    person: Person
    steady: SteadyKeypoints
    timeline: Timeline
    pose: CleanPose
    orientation: Orientation
    rhythm: Rhythm
    whole_share: float
    people: int


def follow_runner(observation: Observation, options: Options, factor: float) -> Runner:
    """Choose the person with a running pattern, else the largest, and refuse who doesn't run.

    `factor` is how many times slower than life the video plays.

    Raises
    ------
    NoRunnerError
        Nobody is seen, or no whole body, or nobody runs.
    """
    people = observation.people
    frames = len(observation.video_time_s)
    if not people or people[0].frames_seen < MIN_SEEN_SHARE * frames:
        raise NoRunnerError(
            "no person is to be seen for most of the video; film the whole body from the side, "
            "in good light, filling at least a third of the picture's height"
        )
    enough = [p for p in people if p.frames_seen >= CANDIDATE_SHARE * people[0].frames_seen]
    candidates = [_examine(p, observation, options, factor, len(enough)) for p in enough]
    whole = [c for c in candidates if c.whole_share >= MIN_WHOLE_SHARE]
    if not whole:
        raise NoRunnerError(
            "no whole body is to be seen, only a part of it (for instance the legs); step back "
            "until head and feet are in the picture all the time"
        )
    runner = max(whole, key=lambda c: (c.rhythm.is_running, c.person.size_px))
    length_s = float(np.ptp(runner.pose.keypoints.time_s))
    if not runner.rhythm.is_gait and length_s < SHORTEST_RUN_S:
        raise NoRunnerError(
            f"the video is only {length_s:.1f} s long, and two whole strides are the least that "
            "can be measured; film at least ten seconds, better the whole run"
        )
    if not runner.rhythm.is_gait:
        raise NoRunnerError(
            "the person in the video does not run: no steady rhythm of the legs was found; "
            "film at least ten seconds of steady running" + _doubt(options)
        )
    if 2 * STEP_BAND[1] * runner.rhythm.stride_hz * runner.pose.keypoints.frame_interval_s >= 1:
        raise NoRunnerError(
            f"{1 / runner.pose.keypoints.frame_interval_s:.0f} frames a second are too few to "
            "follow the steps; film at 30 or more, better 60"
        )
    if not runner.rhythm.is_running:
        raise NoRunnerError(
            "the person in the video does not run: the hips don't rise between the steps as in "
            "running (is this walking?); formcheck judges running only" + _doubt(options)
        )
    return runner


def _doubt(options: Options) -> str:
    """Name what the user told, which may be what doesn't fit."""
    told = []
    if options.view is not None:
        told.append(f"--view {options.view}")
    if options.slow_motion is not None or options.capture_fps is not None:
        told.append("--slow-motion and --capture-fps")
    return f", or leave out {' and '.join(told)} if that doesn't fit the video" if told else ""


def _examine(
    person: Person, observation: Observation, options: Options, factor: float, people: int
) -> Runner:
    real = dataclasses.replace(person.keypoints, time_s=observation.video_time_s / factor)
    steady = undo_camera_roll(real, observation.camera, observation.video_time_s)
    timeline = Timeline.of(real.time_s)
    closed = clean_keypoints(
        timeline.close_up(steady.keypoints),
        options.cleaning,
        cuts_s=timeline.close_up_times(observation.camera.cuts_s / factor),
    )
    pose = dataclasses.replace(
        closed, keypoints=dataclasses.replace(closed.keypoints, time_s=real.time_s)
    )
    seen = pose.keypoints.seen
    whole = find_whole_bodies(pose.keypoints, pose.leg_length_px)
    orientation = find_orientation(pose.keypoints, view=options.view, direction=options.direction)
    return Runner(
        person=person,
        steady=steady,
        timeline=timeline,
        pose=pose,
        orientation=orientation,
        rhythm=find_rhythm(closed.keypoints, orientation, pose.leg_length_px),
        whole_share=float(whole[seen].mean()) if seen.any() else 0.0,
        people=people,
    )


def refuse_wrong_speed(rhythm: Rhythm, factor: float, fps: float, *, is_told: bool) -> None:
    """Raise where the rhythm can't be that of a run at real speed, naming the likely factor.

    Parameters
    ----------
    rhythm : Rhythm
        On the clock that is to be real time.
    factor : float
        By which the video's clock was divided to get there; `is_told` if the user said so.
    fps : float
        Frames per second on the video's clock.

    Raises
    ------
    SlowMotionError
        Under 100 or over 260 steps a minute.
    """
    low, high = POSSIBLE_CADENCE
    if low <= rhythm.cadence_spm <= high:
        return
    shown = rhythm.cadence_spm / factor
    if is_told and low <= shown <= high:
        raise SlowMotionError(
            f"the steps would come at {rhythm.cadence_spm:.0f} a minute with a slow motion of "
            f"{factor:.3g}, which nobody runs, but as the video plays they come at {shown:.0f}: "
            "leave out --slow-motion and --capture-fps"
        )
    guess = guess_slow_motion(shown, fps)
    told = f" with --slow-motion {factor:.3g}" if is_told else ""
    looks = "slowed down" if guess > 1 else "sped up"
    walk = "if nobody walks here, " if shown > SLOWEST_WALK_SPM and guess > 1 else ""
    raise SlowMotionError(
        f"the steps come at {rhythm.cadence_spm:.0f} a minute{told}, which nobody runs: {walk}the "
        f"video looks {looks}, about {guess if guess > 1 else 1 / guess:.1f} times (slow motion?); "
        f"run again with --slow-motion {guess:.2g} or --capture-fps {guess * fps:.0f}"
    )


def guess_slow_motion(cadence_spm: float, fps: float) -> float:
    """Guess how many times a video is slowed from the cadence it shows.

    Parameters
    ----------
    cadence_spm : float
        Steps per minute on the video's own clock.
    fps : float
        Frames per second on that clock.

    Returns
    -------
    float
        The factor of a usual capture rate (120, 240, ... frames/s) where that gives a cadence of
        135 to 210, else the one that gives 165.
    """
    by_cadence = USUAL_CADENCE / cadence_spm
    usual = [
        rate / fps
        for rate in CAPTURE_FPS
        if PLAUSIBLE_CADENCE[0] <= cadence_spm * rate / fps <= PLAUSIBLE_CADENCE[1]
        and rate > 1.2 * fps
    ]
    return min(usual, key=lambda factor: abs(math.log(factor / by_cadence)), default=by_cadence)
