"""A runner made of formulas: keypoints whose cadence, lean and foot contacts are known exactly.

The body is built in three dimensions (x forward, y to the runner's right, z up, leg lengths) and
seen by a far camera. Each foot stands flat on a belt of constant speed, rolls over its toe, and
swings along a spline; the knees follow from hip and ankle. One leg runs half a stride behind the
other, the hips are lowest near mid-stance, and the arms swing against the legs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from formcheck.keypoints import BONES, INDEX, KEYPOINTS, OUTLINE_AT, Keypoints
from formcheck.metrics.posture import BACK, SLOUCH_DEG_PER_BULGE
from formcheck.observe import Observation
from formcheck.pose.people import Person
from formcheck.video.camera import CameraTrack
from formcheck.video.reader import DecodeLog, VideoInfo

Floats = NDArray[np.float64]
Course = float | Callable[[Floats], ArrayLike]

LEG_OVER_STATURE = 0.491
# Segments in leg lengths (thigh plus shank), after Drillis and Contini (1966).
THIGH = SHANK = 0.5
TRUNK = 0.66
UPPER_ARM, FOREARM = 0.38, 0.30
NECK = 0.25
SHOULDER_BREADTH = 0.65 * TRUNK  # as a pose network shows it, square on
HIP_BREADTH = SHOULDER_BREADTH / 1.5
STEP_WIDTH = 0.10
ANKLE_FROM_TOE = np.array([-0.20, 0.08])  # x forward, z up, foot flat
HEEL_FROM_TOE = np.array([-0.26, 0.0])

DUTY = 0.36  # share of the stride a foot is on the ground
TOE_AT_CONTACT = 0.45  # ahead of the hip
STANCE_TRAVEL = 0.80  # along the belt
HEEL_OFF = 0.55  # of the stance
TOE_OFF_PITCH_DEG = 55.0
LOWEST = 0.4  # of the stance, where the hips are lowest
HIP_HEIGHT = 1.015  # mean
BOUNCE = 0.07  # peak to peak
# Toe (x, z) and heel-up pitch over the swing, between toe-off (0) and contact (1).
SWING_SHARE = np.array([0.0, 0.3, 0.65, 0.85, 1.0])
SWING_X = np.array([TOE_AT_CONTACT - STANCE_TRAVEL, -0.45, 0.33, 0.586, TOE_AT_CONTACT])
SWING_Z = np.array([0.0, 0.36, 0.13, 0.077, 0.0])
SWING_PITCH_DEG = np.array([TOE_OFF_PITCH_DEG, 95.0, 30.0, -5.0, 0.0])
LIFT, DROP = 1.6, -0.9  # vertical speed of the toe at toe-off and at contact, leg lengths a stride


@dataclass(frozen=True)
class SyntheticRunner:
    """Keypoints, and the truth that they were made from.

    Attributes
    ----------
    keypoints : Keypoints
        Pixels, noise included.
    cadence_spm, lean_deg, neck_deg : array, shape (time,)
        Lean without its sway within the stride.
    contact_s, toe_off_s : dict of array
        By foot, 'left' and 'right', all within the recording; in order of time, not paired.
    leg_length_px : float
    duty_factor : float
        Contact time / stride time.
    bounce_pct : float
        Vertical oscillation, % of leg length.
    direction : int
    view : str
    """

    keypoints: Keypoints
    cadence_spm: Floats
    lean_deg: Floats
    neck_deg: Floats
    contact_s: dict[str, Floats]
    toe_off_s: dict[str, Floats]
    leg_length_px: float
    duty_factor: float
    bounce_pct: float
    direction: int
    view: str

    @property
    def contact_time_s(self) -> float:
        """Mean time of a foot on the ground."""
        return self.duty_factor * 120 / float(self.cadence_spm.mean())


def make_runner(
    duration_s: float = 30.0,
    fps: float = 60.0,
    cadence_spm: Course = 165.0,
    lean_deg: Course = 4.0,
    direction: int = 1,
    view: str = "side",
    *,
    noise_px: float = 0.0,
    seed: int = 0,
    person_px: float = 600.0,
    neck_deg: Course = 25.0,
    lean_sway_deg: float = 2.0,
    lean_sd_deg: float = 0.0,
    pelvic_drop_deg: float = 3.0,
    turned_deg: float = 0.0,
    hip_px: tuple[float, float] = (640.0, 340.0),
    time_s: Floats | None = None,
) -> SyntheticRunner:
    """Make a runner.

    Parameters
    ----------
    duration_s, fps : float
        Frames at 0, 1/fps, ... up to the duration; `time_s` overrules both.
    cadence_spm, lean_deg, neck_deg : float or function of time in seconds
        Steps per minute; trunk against vertical, + forward; neck against trunk, + forward.
    direction : {1, -1}
        Faces image right or left (side view).
    view : {'side', 'rear', 'front'}
    noise_px : float
        SD of white noise on every point.
    seed : int
    person_px : float
        Stature.
    lean_sway_deg : float
        Amplitude of the lean's swing within the stride (two beats, no mean).
    lean_sd_deg : float
        SD from stride to stride, independent.
    pelvic_drop_deg : float
        Largest slope of the pelvis, swing side lower.
    turned_deg : float
        By which the camera stands off the pure view.
    hip_px : tuple
        Mean place of mid-hip in the picture.
    time_s : array, optional
        Frame times, for a variable rate.

    Returns
    -------
    SyntheticRunner
    """
    rng = np.random.default_rng(seed)
    if time_s is None:
        time_s = np.arange(round(duration_s * fps)) / fps
    time_s = np.asarray(time_s, dtype=float)
    strides, cadence = _count_strides(time_s, cadence_spm)
    wander = rng.normal(0, lean_sd_deg, int(strides[-1]) + 3)
    lean = _at(lean_deg, time_s) + np.interp(strides, np.arange(len(wander)) - 0.5, wander)
    neck = _at(neck_deg, time_s)
    body = _build_body(strides, lean, neck, lean_sway_deg, pelvic_drop_deg)
    leg_px = LEG_OVER_STATURE * person_px
    position = leg_px * _project(body, view, direction, turned_deg)
    position += np.array(hip_px) + np.array([0.0, leg_px * HIP_HEIGHT])
    position += rng.normal(0, noise_px, position.shape)
    return SyntheticRunner(
        keypoints=Keypoints(time_s, position, _confidence(len(time_s), view, direction)),
        cadence_spm=cadence,
        lean_deg=lean,
        neck_deg=neck,
        contact_s={"left": _when(strides, time_s, 0.0), "right": _when(strides, time_s, 0.5)},
        toe_off_s={
            "left": _when(strides, time_s, DUTY),
            "right": _when(strides, time_s, DUTY + 0.5),
        },
        leg_length_px=leg_px,
        duty_factor=DUTY,
        bounce_pct=100 * BOUNCE,
        direction=direction,
        view=view,
    )


def _at(course: Course, time_s: Floats) -> Floats:
    value = course(time_s) if callable(course) else course
    return np.broadcast_to(np.asarray(value, dtype=float), time_s.shape).copy()


def _count_strides(time_s: Floats, cadence_spm: Course) -> tuple[Floats, Floats]:
    """Strides run since the start (0 = contact of the left foot), and cadence, at each time."""
    cadence = _at(cadence_spm, time_s)
    rate = cadence / 120
    steps = np.diff(time_s) * (rate[1:] + rate[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)]), cadence


def _when(strides: Floats, time_s: Floats, phase: float) -> Floats:
    """Times at which the count of strides passes whole numbers plus a phase."""
    counts = np.arange(np.ceil(strides[0] - phase), strides[-1] - phase) + phase
    return np.interp(counts, strides, time_s)


def _build_body(
    strides: Floats, lean_deg: Floats, neck_deg: Floats, sway_deg: float, drop_deg: float
) -> Floats:
    """Points in leg lengths, shape (time, keypoint, 3): x forward, y right, z up."""
    body = np.zeros((len(strides), len(KEYPOINTS), 3))
    beat = 2 * np.pi * (strides - LOWEST * DUTY)  # 0 at left mid-stance, one turn a stride

    def put(name: str, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> None:
        body[:, INDEX[name]] = np.stack(np.broadcast_arrays(x, y, z, strides)[:3], axis=-1)

    hip_z = HIP_HEIGHT - BOUNCE / 2 * np.cos(2 * beat)
    lean = np.radians(lean_deg + sway_deg * np.sin(2 * beat))
    shoulder_x, shoulder_z = TRUNK * np.sin(lean), hip_z + TRUNK * np.cos(lean)
    head = lean + np.radians(neck_deg)
    ear_x, ear_z = shoulder_x + NECK * np.sin(head), shoulder_z + NECK * np.cos(head)
    # the swing side of the pelvis sinks: the right one while the left foot stands
    drop = HIP_BREADTH / 2 * np.sin(np.radians(drop_deg)) * np.cos(beat)
    for side, sign, phase in (("left", -1, 0.0), ("right", 1, 0.5)):
        turn = 0.05 * np.sin(beat + 2 * np.pi * phase)
        put(f"{side}_hip", 0.3 * turn, sign * HIP_BREADTH / 2, hip_z - sign * drop)
        put(f"{side}_shoulder", shoulder_x - turn, sign * SHOULDER_BREADTH / 2, shoulder_z)
        put(f"{side}_ear", ear_x, sign * 0.09, ear_z)
        put(f"{side}_eye", ear_x + 0.11, sign * 0.04, ear_z + 0.02)
        put(f"{side}_eye_inner", ear_x + 0.12, sign * 0.02, ear_z + 0.02)
        put(f"{side}_eye_outer", ear_x + 0.10, sign * 0.06, ear_z + 0.02)
        put(f"mouth_{side}", ear_x + 0.11, sign * 0.03, ear_z - 0.07)
        _put_leg(put, body, side, sign, strides - phase)
        _put_arm(put, body, side, sign, beat + 2 * np.pi * phase)
    put("nose", ear_x + 0.14, 0.0, ear_z - 0.02)
    return body


def _put_leg(put: Callable, body: Floats, side: str, sign: int, strides: Floats) -> None:
    toe, pitch = _foot_course(strides % 1)
    ankle, heel = (toe + _turn(offset, pitch) for offset in (ANKLE_FROM_TOE, HEEL_FROM_TOE))
    hip = body[:, INDEX[f"{side}_hip"]]
    reach = ankle - hip[:, [0, 2]]
    distance = np.linalg.norm(reach, axis=1)
    assert distance.max() < THIGH + SHANK, "the leg is too short for its foot"
    # the knee lies in front of the line from hip to ankle
    bend = np.sqrt(THIGH**2 - (distance / 2) ** 2)
    ahead = np.stack([-reach[:, 1], reach[:, 0]], axis=1) / distance[:, None]
    knee = hip[:, [0, 2]] + reach / 2 + bend[:, None] * ahead
    width = sign * STEP_WIDTH / 2
    put(f"{side}_knee", knee[:, 0], (hip[:, 1] + width) / 2, knee[:, 1])
    for name, point in (("ankle", ankle), ("heel", heel), ("foot_index", toe)):
        put(f"{side}_{name}", point[:, 0], width, point[:, 1])


def _put_arm(put: Callable, body: Floats, side: str, sign: int, beat: Floats) -> None:
    """Upper arm back while the same side's leg is in front; elbow at a right angle."""
    shoulder = body[:, INDEX[f"{side}_shoulder"]]
    back = np.radians(15 + 30 * np.sin(beat + np.pi / 2 + 0.9))
    elbow_x = shoulder[:, 0] - UPPER_ARM * np.sin(back)
    elbow_z = shoulder[:, 2] - UPPER_ARM * np.cos(back)
    wrist_x, wrist_z = elbow_x + FOREARM * np.cos(back), elbow_z - FOREARM * np.sin(back)
    width = shoulder[:, 1]
    put(f"{side}_elbow", elbow_x, 1.15 * width, elbow_z)
    put(f"{side}_wrist", wrist_x, 0.8 * width, wrist_z)
    for name, further in (("pinky", 1.25), ("index", 1.3), ("thumb", 1.15)):
        x, z = (a + further * (b - a) for a, b in ((elbow_x, wrist_x), (elbow_z, wrist_z)))
        put(f"{side}_{name}", x, 0.7 * width, z)


def _foot_course(phase: Floats) -> tuple[Floats, Floats]:
    """Toe (x, z), shape (time, 2), and heel-up pitch in radians, 0 = contact of that foot."""
    stance = phase / DUTY
    swing = (phase - DUTY) / (1 - DUTY)
    per_swing = 1 - DUTY
    belt = -STANCE_TRAVEL / DUTY * per_swing  # a swing's length at the belt's speed
    roll = 2 * TOE_OFF_PITCH_DEG / (1 - HEEL_OFF) / DUTY * per_swing

    def spline(values: Floats, start: float, end: float) -> Floats:
        return CubicSpline(SWING_SHARE, values, bc_type=((1, start), (1, end)))(swing)

    standing = stance <= 1
    x = np.where(standing, TOE_AT_CONTACT - STANCE_TRAVEL * stance, spline(SWING_X, belt, belt))
    z = np.where(standing, 0.0, spline(SWING_Z, LIFT * per_swing, DROP * per_swing))
    rolled = np.clip((stance - HEEL_OFF) / (1 - HEEL_OFF), 0, 1) ** 2 * TOE_OFF_PITCH_DEG
    pitch = np.where(standing, rolled, spline(SWING_PITCH_DEG, roll, 0.0))
    return np.stack([x, z], axis=1), np.radians(pitch)


def _turn(offset: Floats, pitch: Floats) -> Floats:
    """Turn a vector (x, z) heel-up about the toe."""
    cos, sin = np.cos(pitch), np.sin(pitch)
    return np.stack([offset[0] * cos + offset[1] * sin, offset[1] * cos - offset[0] * sin], axis=1)


def _project(body: Floats, view: str, direction: int, turned_deg: float) -> Floats:
    """As a far camera sees it: x right, y down, shape (time, keypoint, 2)."""
    around = {"side": 0.0 if direction > 0 else 180.0, "rear": 90.0, "front": 270.0}[view]
    turned = turned_deg if view == "side" and direction > 0 else -turned_deg
    azimuth = np.radians(around + turned)
    across = np.cos(azimuth) * body[..., 0] + np.sin(azimuth) * body[..., 1]
    return np.stack([across, -body[..., 2]], axis=-1)


def _confidence(frames: int, view: str, direction: int) -> Floats:
    """Near side surer than the far one in a side view."""
    far = {"side": "left" if direction > 0 else "right"}.get(view)
    each = [0.75 if far and far in name else 0.97 for name in KEYPOINTS]
    return np.tile(each, (frames, 1))


def observe_runner(
    runner: SyntheticRunner,
    *,
    slouch_deg: Course = 0.0,
    slow_motion: float = 1.0,
    size_px: tuple[int, int] = (1280, 720),
    seed: int = 0,
) -> Observation:
    """What watching a video of this runner would give, for `formcheck.pipeline.assess_run`.

    Parameters
    ----------
    runner : SyntheticRunner
    slouch_deg : float or function of real time in seconds
        Rounding of the upper back; the outline of the back follows it.
    slow_motion : float
        The video's clock runs so many times slower than the runner's.
    size_px : tuple
        Width and height of the picture.
    seed : int
        Of the noise on the outline.
    """
    time_s = runner.keypoints.time_s
    frames = len(time_s)
    # a back that bulges evenly over its chord, by 1 on average
    bulge = np.where((OUTLINE_AT > 0.2) & (OUTLINE_AT < 1.0), 1.0, 0.0)
    bulge /= bulge[BACK].mean()
    height = 0.05 + _at(slouch_deg, time_s) / SLOUCH_DEG_PER_BULGE
    sides = np.full((frames, 2, len(OUTLINE_AT)), 0.18)
    back = 0 if runner.direction > 0 else 1
    sides[:, back] += height[:, None] * bulge
    sides += np.random.default_rng(seed).normal(0, 0.004, sides.shape)
    clock = time_s * slow_motion
    seen = Keypoints(clock, runner.keypoints.position, runner.keypoints.confidence)
    looks = np.arange(clock[0], clock[-1], 0.5)
    camera = CameraTrack(
        time_s=looks,
        roll_deg=np.zeros(len(looks)),
        shift_px=np.zeros((len(looks), 2)),
        zoom=np.ones(len(looks)),
        brightness=np.full(len(looks), 120.0),
        cuts_s=np.zeros(0),
        centre_px=(size_px[0] / 2, size_px[1] / 2),
    )
    return Observation(
        video_time_s=clock,
        people=[
            Person(seen, sides.reshape(frames, -1), frames, TRUNK * runner.leg_length_px),
        ],
        camera=camera,
        log=DecodeLog(frames_decoded=frames, last_time_s=float(clock[-1])),
        engine=SimpleNamespace(
            name="synthetic", model="none", device="cpu", note=None, precision="exact"
        ),
    )


def describe_video(
    path: Path, runner: SyntheticRunner, size_px: tuple[int, int] = (1280, 720)
) -> VideoInfo:
    """Facts of the video that `observe_runner` stands for; `path` must be some file."""
    return VideoInfo(path, *size_px, 0, "h264", "yuv420p", None, None)


def draw_frames(
    runner: SyntheticRunner, size_px: tuple[int, int] = (1280, 720)
) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the runner as a stick figure on a plain wall, RGB."""
    thick = max(2, round(runner.leg_length_px / 12))
    wall = np.full((size_px[1], size_px[0], 3), 150, dtype=np.uint8)
    wall[:, :: max(8, size_px[0] // 40)] = 120
    for points in runner.keypoints.position:
        picture = wall.copy()
        for a, b in BONES:
            ends = (tuple(map(round, points[a])), tuple(map(round, points[b])))
            cv2.line(picture, *ends, (60, 60, 90), thick, cv2.LINE_AA)
        yield picture


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    time_s: ArrayLike,
    *,
    rotation_deg: int = 0,
) -> None:
    """Encode RGB frames as H.264 at exactly these times (to a 90,000th of a second).

    Parameters
    ----------
    path : Path
    frames : iterable of array, shape (height, width, 3)
        Even sizes, as stored, before rotation.
    time_s : array, shape (time,)
    rotation_deg : int
        Written into the container: counter-clockwise turn that brings the picture upright.
    """
    clock = Fraction(1, 90_000)
    with av.open(str(path), "w", options={"movie_timescale": "90000"}) as container:
        stream = None
        for rgb, at in zip(frames, np.asarray(time_s, dtype=float), strict=True):
            if stream is None:
                stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
                stream.height, stream.width = rgb.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.time_base = stream.codec_context.time_base = clock
                if rotation_deg:
                    stream.set_display_rotation(rotation_deg)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            picture.pts, picture.time_base = round(at / clock), clock
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode(None))
