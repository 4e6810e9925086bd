"""What about the recording itself could look like a change of posture, or blur one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from formcheck.drift import Interval, assess_drift
from formcheck.metrics import StrideData
from formcheck.result import CameraFacts, Warning
from formcheck.signals.cleaning import CleanPose
from formcheck.signals.steady import SteadyKeypoints
from formcheck.video.camera import CameraTrack
from formcheck.video.reader import TRUNCATED_SHARE, DecodeLog, VideoInfo

LOW_FPS = 24.0
# On 24 rendered runs at constant speed and incline, halves read 3.4 % of the speed and 5 % of grade
# apart (SD; benchmarks/accuracy.py, tuning scenes), so only large changes can be told.
BELT_SPEED_CHANGE = 0.08  # share
BELT_GRADE_CHANGE_PCT = 6.0
OUTLIER_STRIDES = 5  # in a row, of whose speed the middle one counts
CADENCE_CHANGE = 0.05  # share; more than fatigue does (about 1 to 3 %)
MOVED_LEGS = 0.5  # leg lengths along the belt
SIZE_CHANGE = 0.06  # share
BRIGHTNESS_CHANGE = 50.0  # grey levels of 255
SHIFT_WORTH_NAMING = 0.02  # share of the picture
SWAPPED_SHARE = 0.10
LOST_SHARE = 0.15
STILL_HAND_LEGS = 0.08  # a running hand moves further than this in the picture within a stride
HOLDING_SHARE = 0.25


@dataclass(frozen=True)
class Parts:
    """Early and late part, real seconds."""

    baseline: Interval
    late: Interval

    def split(self, time_s: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which times lie in the early and in the late part."""
        first, last = (
            (time_s >= part[0]) & (time_s <= part[1]) for part in (self.baseline, self.late)
        )
        return first, last


def describe_camera(camera: CameraTrack, steady: SteadyKeypoints) -> CameraFacts:
    """Sum up what the camera did from start to end."""
    if steady.roll_deg is None:
        done = "the background could not be followed, so nothing was corrected"
        return CameraFacts(None, None, None, done)
    known = np.isfinite(camera.roll_deg)
    last = slice(-5, None)
    width = 2 * camera.centre_px[0]
    shift = float(np.linalg.norm(np.median(camera.shift_px[known][last], axis=0)))
    zoom = float(np.median(camera.zoom[known][last]))
    roll = steady.roll_deg[np.abs(steady.roll_deg).argmax()]
    done = "turned back to the vertical of the start" if steady.is_corrected else "nothing to do"
    return CameraFacts(float(roll), 100 * shift / width, 100 * (zoom - 1), done)


def find_warnings(
    info: VideoInfo,
    log: DecodeLog,
    camera: CameraTrack,
    steady: SteadyKeypoints,
    pose: CleanPose,
    data: StrideData,
    parts: Parts,
    people: int,
    watched_until_s: float,
    fps: float,
    slow_motion_factor: float,
) -> list[Warning]:
    """Name everything about the recording that the reader should know.

    `parts` are compared where it is a change that matters; `fps` is in real time.
    """
    return [
        *_file_warnings(info, log, fps, watched_until_s),
        *_camera_warnings(camera, steady, parts, slow_motion_factor),
        *_pose_warnings(pose, data, people),
        *_running_warnings(data, parts),
    ]


def _file_warnings(
    info: VideoInfo, log: DecodeLog, fps: float, watched_until_s: float
) -> Iterator[Warning]:
    promised_s = info.promised_duration_s or 0.0
    if log.last_time_s < TRUNCATED_SHARE * min(promised_s, watched_until_s):
        yield Warning(
            "cut_off",
            f"The file ends after {log.last_time_s:.0f} of {promised_s:.0f} s; "
            "what is there was analysed.",
        )
    if log.corrupt_packets:
        yield Warning(
            "damaged",
            f"{log.corrupt_packets} pieces of the file could not be decoded and were left out.",
        )
    if fps < LOW_FPS:
        yield Warning(
            "low_frame_rate",
            f"Only {fps:.0f} frames a second: foot contacts are rough. Film at 60 or more.",
        )


def _camera_warnings(
    camera: CameraTrack, steady: SteadyKeypoints, parts: Parts, factor: float
) -> Iterator[Warning]:
    time_s = camera.time_s / factor
    early, late = parts.split(time_s)
    if len(camera.cuts_s):
        yield Warning(
            "cuts",
            f"The video cuts to another picture {len(camera.cuts_s)} times; views may differ. "
            "Use one uncut recording.",
            spoils_verdict=True,
        )
    if steady.camera_moves:
        yield Warning(
            "camera_moves",
            "The camera follows the runner, so its own tilt can't be told from posture. "
            "Put the phone on something firm.",
            spoils_verdict=True,
        )
    elif _is_unwatched(camera, early) or _is_unwatched(camera, late):
        yield Warning(
            "background_unclear",
            "The background could not be followed through the run, so a moved camera can't be told "
            "from posture. Film with something that stands still in the picture: a shelf, a door, "
            "the treadmill's frame.",
            spoils_verdict=True,
        )
    elif steady.is_corrected and steady.roll_deg is not None:
        turned = steady.roll_deg[np.abs(steady.roll_deg).argmax()]
        yield Warning(
            "camera_turned",
            f"The camera turned by up to {abs(turned):.1f}°; this was found from the background "
            "and taken out of every angle.",
        )
    elif early.any() and late.any():
        shift = _change(camera.shift_px, early, late) / (2 * np.array(camera.centre_px))
        if np.nanmax(np.abs(shift), initial=0) > SHIFT_WORTH_NAMING:
            yield Warning(
                "camera_shifted", "The camera was pushed, but not turned; angles still hold."
            )
    if early.any() and late.any():
        change = float(_change(camera.brightness[:, None], early, late)[0])
        if abs(change) > BRIGHTNESS_CHANGE:
            yield Warning(
                "light_changed",
                "The light changed a lot during the run, which can move the points found.",
                spoils_verdict=True,
            )


def _is_unwatched(camera: CameraTrack, part: NDArray[np.bool_]) -> bool:
    """Whether the camera's movement is unknown in most of a part (of all, if that is too short)."""
    roll_deg = camera.roll_deg[part] if part.any() else camera.roll_deg
    return not len(roll_deg) or bool(np.isfinite(roll_deg).mean() <= 0.5)


def _pose_warnings(pose: CleanPose, data: StrideData, people: int) -> Iterator[Warning]:
    if people > 1:
        yield Warning(
            "several_people",
            f"{people} people are in the picture; the one who runs was followed.",
        )
    if data.orientation.is_oblique:
        yield Warning(
            "oblique_view",
            f"The camera looks about {data.orientation.turned_deg:.0f}° from the side, between "
            "side and rear view: angles come out too small. Film square from the side.",
        )
    if pose.swapped["legs"].mean() > SWAPPED_SHARE:
        yield Warning(
            "legs_swapped",
            f"Left and right leg were mixed up in {100 * pose.swapped['legs'].mean():.0f} % of "
            "the frames and put right.",
        )
    trunk = np.isfinite(pose.keypoints.middle("hip") + pose.keypoints.middle("shoulder"))
    lost = 1 - trunk.all(axis=1).mean()
    if lost > LOST_SHARE:
        yield Warning(
            "runner_lost",
            f"The runner's trunk is not to be seen in {100 * lost:.0f} % of the frames.",
        )


def _running_warnings(data: StrideData, parts: Parts) -> Iterator[Warning]:
    strides = data.strides
    early, late = parts.split(strides.middle_s)
    speed = assess_relative_change(strides.middle_s, strides.belt_speed, parts, BELT_SPEED_CHANGE)
    cadence = assess_relative_change(
        strides.middle_s, 1 / strides.duration_s, parts, CADENCE_CHANGE
    )
    grade = assess_drift(
        strides.middle_s,
        strides.belt_grade_pct,
        threshold=BELT_GRADE_CHANGE_PCT,
        parts=(parts.baseline, parts.late),
    ).change
    is_steeper = grade.verdict == "increased"
    if speed is not None or cadence is not None or is_steeper or grade.verdict == "decreased":
        if speed is not None:
            way = "faster" if speed > 0 else "slower"
            what = f"the standing foot moves {100 * abs(speed):.0f} % {way}"
        elif cadence is not None:
            what = f"cadence changed by {100 * abs(cadence):.0f} %"
        else:
            way = "steeper" if is_steeper else "flatter"
            what = f"the belt is about {abs(grade.value or 0):.0f} % {way}"
        yield Warning(
            "speed_changed",
            f"Speed or incline changed during the run ({what} late than early), and posture "
            "changes with speed. Compare runs at one speed.",
            spoils_verdict=True,
        )
    if early.any() and late.any():
        place = data.mean_over_strides(data.keypoints.middle("hip")[:, 0]) / data.leg_length_px
        moved = abs(float(_change(place[:, None], early, late)[0]))
        size = _trunk_lengths(data)
        grown = float(_change(size[:, None] / np.nanmedian(size), early, late)[0])
        if moved > MOVED_LEGS or abs(grown) > SIZE_CHANGE:
            yield Warning(
                "runner_moved",
                "The runner is at another place before the camera late than early, so the "
                "camera sees them from another angle.",
                spoils_verdict=True,
            )
    holding = _holds_on(data)
    if holding.mean() > HOLDING_SHARE:
        uneven = early.any() and late.any() and abs(holding[late].mean() - holding[early].mean())
        yield Warning(
            "holds_handrail",
            "A hand rests on the handrail for part of the run, which changes posture. Let go.",
            spoils_verdict=bool(uneven > HOLDING_SHARE),
        )


def assess_relative_change(
    time_s: NDArray[np.float64], value: NDArray[np.float64], parts: Parts, threshold: float
) -> float | None:
    """Change from early to late as a share of the mean, or None if it is within threshold."""
    if not np.isfinite(value).any():
        return None
    known = np.isfinite(value)
    time_s, value = time_s[known], median_filter(value[known], OUTLIER_STRIDES, mode="nearest")
    typical = float(np.median(value))
    if not typical > 0:
        return None
    drift = assess_drift(
        time_s, value / typical, threshold=threshold, parts=(parts.baseline, parts.late)
    )
    return drift.change.value if drift.change.verdict in ("increased", "decreased") else None


def _trunk_lengths(data: StrideData) -> NDArray[np.float64]:
    """Mean trunk length of each stride in pixels: the runner's size in the picture."""
    trunk = np.linalg.norm(data.keypoints.middle("shoulder") - data.keypoints.middle("hip"), axis=1)
    return data.mean_over_strides(trunk)


def _holds_on(data: StrideData) -> NDArray[np.bool_]:
    """In which strides the near hand stays at one place of the picture, shape (stride,)."""
    wrist = data.keypoints.point(f"{data.orientation.near_side}_wrist")
    course = data.frames_of_strides(wrist)
    seen = np.isfinite(course)
    low = np.min(course, axis=1, initial=np.inf, where=seen)
    high = np.max(course, axis=1, initial=-np.inf, where=seen)
    spread = (high - low).max(axis=1)
    known = data.mean_over_strides(wrist[:, 0])
    return np.isfinite(known) & (spread < STILL_HAND_LEGS * data.leg_length_px)


def _change(
    value: NDArray[np.float64], early: NDArray[np.bool_], late: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Median late minus median early, per column; NaN where unknown."""
    if not np.isfinite(value[early]).any() or not np.isfinite(value[late]).any():
        return np.zeros(value.shape[1])
    return np.asarray(np.nanmedian(value[late], axis=0) - np.nanmedian(value[early], axis=0))
