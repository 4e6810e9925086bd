"""From a scene to a phone's video with its truth beside it."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from digital_runner.body import JOINTS, Body, load_body, skin
from digital_runner.camera import Camera, look_at
from digital_runner.gait import Motion, hip_centre, lean_of, move
from digital_runner.scene import Scene, course_at
from digital_runner.studio import Setting, Studio
from digital_runner.truth import SUFFIX, Truth

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]

CLOCK = Fraction(1, 90_000)
BLUR_LOOKS = 3  # pictures averaged over the time the shutter is open
AIM_SHARE = 0.50  # of the runner's height: where the camera looks
NOISE_FIELDS, NOISE_SPARE_PX = 8, 64  # pictures of noise, each used at shifting places
NOISE_ZERO = 64
NOISE_LEVEL = (NOISE_ZERO,) * 4
NOISE_AT_DARK = 1.6  # factor on the noise at half the light, as phones amplify


def film(scene: Scene, folder: Path) -> Path:
    """Render a scene to `<folder>/<name>.mp4`, its truth beside it; return the video's path.

    Both are written under another name first, so that a video that is there is whole.
    """
    path = folder / f"{scene.name}.mp4"
    draft, draft_truth = path.with_suffix(".partial.mp4"), path.with_suffix(".partial.parquet")
    times = frame_times(scene)
    body = load_body(scene.look)
    motion = move(body, scene.run, times, scene.seconds, scene.seed)
    cameras = place_camera(scene, times)
    truth = note_truth(scene, body, motion, cameras)
    _encode(
        draft, scene, times * scene.filming.slow_motion, _pictures(scene, body, motion, cameras)
    )
    truth.write(draft_truth)
    draft_truth.replace(path.with_suffix(SUFFIX))
    draft.replace(path)
    return path


def frame_times(scene: Scene) -> Floats:
    """Moments of the run at which the phone took a frame: dropped ones left out, jitter in."""
    filming = scene.filming
    rng = np.random.default_rng([scene.seed, 1])
    times = np.arange(round(scene.seconds * filming.fps)) / filming.fps
    jitter = np.clip(rng.normal(0, filming.jitter_ms / 1000, len(times)), *(
        0.4 / filming.fps * np.array([-1, 1])
    ))  # fmt: skip
    times = np.maximum(times + jitter, 0)
    lost = rng.random(len(times)) < filming.dropped
    lost[[0, -1]] = False
    return times[~lost]


def place_camera(scene: Scene, times: Floats) -> list[Camera]:
    """Return the camera of each frame."""
    filming, height_m = scene.filming, scene.look.height_m
    angle = np.radians(filming.yaw_deg)
    towards = {
        "right": np.array([-np.cos(angle), 0, np.sin(angle)]),
        "left": np.array([np.cos(angle), 0, np.sin(angle)]),
        "rear": np.array([-np.sin(angle), 0, -np.cos(angle)]),
    }[filming.view]
    target = np.array([0.0, AIM_SHARE * height_m, 0.0])
    position = towards * filming.distance_m + [0.0, filming.height_m, 0.0]
    focal = filming.person_px * float(np.linalg.norm(position - target)) / height_m
    still = look_at(position, target, focal, filming.width, filming.height)
    cameras = []
    for roll, pan, tilt, zoom in zip(
        *(course_at(c, times) for c in (
            filming.roll_deg, filming.pan_deg, filming.tilt_deg, filming.zoom
        )), strict=True,
    ):  # fmt: skip
        # about the picture's down and right axes
        turn = Rotation.from_euler("YX", [pan, tilt], degrees=True).as_matrix()
        turned = Camera(position, turn.T @ still.axes, focal * zoom, still.centre_px)
        cameras.append(turned.rolled(float(roll)))
    return cameras


def note_truth(scene: Scene, body: Body, motion: Motion, cameras: list[Camera]) -> Truth:
    """Gather what is true in the video."""
    joints = {name: motion.pose[bone][1] for name, bone in JOINTS.items()}
    joints |= {f"{side}_hip": hip_centre(body, motion.pose, side) for side in ("left", "right")}
    joints |= _marks(body, motion)
    pixels = {
        name: np.stack([c.project(p) for c, p in zip(cameras, points, strict=True)])
        for name, points in joints.items()
    }
    across = joints["left_hip"] - joints["right_hip"]
    trunk = (
        joints["left_shoulder"]
        + joints["right_shoulder"]
        - joints["left_hip"]
        - joints["right_hip"]
    )
    columns = {
        "time_s": motion.time_s * scene.filming.slow_motion,
        "run_s": motion.time_s,
        "lean_deg": lean_of(body, motion.pose),
        "flexion_deg": motion.flexion_deg,
        "head_deg": motion.head_deg,
        "lateral_lean_deg": np.degrees(np.arctan2(-trunk[:, 0], trunk[:, 1])),
        "pelvic_obliquity_deg": np.degrees(np.arctan2(across[:, 1], across[:, 0])),
        "cadence_spm": motion.cadence_spm,
        "camera_roll_deg": course_at(scene.filming.roll_deg, motion.time_s),
    }
    return Truth(columns, joints, pixels, motion.contact_s, motion.toe_off_s, scene.to_dict())


def _marks(body: Body, motion: Motion) -> dict[str, Floats]:
    """Points on the skin, shape (time, 3) each."""
    found: dict[str, list[Floats]] = {name: [] for name in body.marks}
    for i in range(len(motion.time_s)):
        vertices = skin(body, _at(motion, i))
        for name, points in body.marks.items():
            found[name].append(vertices[points].mean(axis=0))
    return {name: np.array(places, dtype=float) for name, places in found.items()}


def _at(motion: Motion, frame: int) -> dict[str, tuple[Floats, Floats]]:
    return {
        bone: (turn if turn.ndim == 2 else turn[frame], at if at.ndim == 1 else at[frame])
        for bone, (turn, at) in motion.pose.items()
    }


def _pictures(scene: Scene, body: Body, motion: Motion, cameras: list[Camera]) -> Iterator[Picture]:
    filming = scene.filming
    setting = Setting(
        width=filming.width,
        height=filming.height,
        background=filming.background,
        light=float(course_at(filming.light, 0.0)),
        light_yaw_deg=filming.light_yaw_deg,
        handrail=filming.handrail,
        console=filming.console,
    )
    studio = Studio(setting, body.faces, body.paint)
    light = course_at(filming.light, motion.time_s)
    fields = _noise_fields(scene)
    rng = np.random.default_rng([scene.seed, 3])
    looks = _shutter_times(scene, motion.time_s)
    blurred = move(body, scene.run, looks.ravel(), scene.seconds, scene.seed)
    for i in range(len(motion.time_s)):
        shots = [
            studio.draw(skin(body, _at(blurred, k)), cameras[i], blurred.belt_m[k], float(light[i]))
            for k in range(i * looks.shape[1], (i + 1) * looks.shape[1])
        ]
        shot = shots[0] if len(shots) == 1 else np.mean(shots, axis=0).astype(np.uint8)
        gain = 1 + (NOISE_AT_DARK - 1) * 2 * float(np.clip(1 - light[i], 0, 1))
        field = fields[rng.integers(NOISE_FIELDS)]
        y, x = (int(rng.integers(0, n)) for n in (NOISE_SPARE_PX, NOISE_SPARE_PX))
        noise = field[y : y + filming.height, x : x + filming.width]
        if gain != 1:
            noise = cv2.convertScaleAbs(noise, alpha=gain, beta=(1 - gain) * NOISE_ZERO)
        yield cv2.subtract(cv2.add(shot, noise, dtype=cv2.CV_16S), NOISE_LEVEL, dtype=cv2.CV_8U)
    studio.close()


def _noise_fields(scene: Scene) -> Picture:
    """Noise of the sensor around `NOISE_ZERO`, a little larger than the picture."""
    filming = scene.filming
    rng = np.random.default_rng([scene.seed, 2])
    shape = (NOISE_FIELDS, filming.height + NOISE_SPARE_PX, filming.width + NOISE_SPARE_PX)
    grain = rng.normal(0, filming.noise, (*shape, 1)) + rng.normal(
        0, filming.noise / 2, (*shape, 3)
    )
    return np.clip(np.round(grain) + NOISE_ZERO, 0, 255).astype(np.uint8)


def _shutter_times(scene: Scene, times: Floats) -> Floats:
    """Moments whose pictures make up each frame, centred on the frame's own, (time, look)."""
    open_s = scene.filming.shutter / scene.filming.fps
    if not open_s:
        return times[:, None]
    offsets = (np.arange(BLUR_LOOKS) + 0.5) / BLUR_LOOKS - 0.5
    return np.maximum(times[:, None] + open_s * offsets, 0)


def _encode(path: Path, scene: Scene, times_s: Floats, pictures: Iterator[Picture]) -> None:
    filming = scene.filming
    turns = filming.rotation_deg // 90
    with av.open(str(path), "w", options={"movie_timescale": "90000"}) as container:
        options = {"preset": filming.preset, "crf": str(filming.crf), "g": "60", "threads": "1"}
        stream = container.add_stream("libx264", rate=round(filming.fps), options=options)
        stream.width, stream.height = filming.width, filming.height
        if turns % 2:
            stream.width, stream.height = filming.height, filming.width
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = CLOCK
        if turns:
            stream.set_display_rotation(filming.rotation_deg)
        for at, picture in zip(times_s, pictures, strict=True):
            stored = np.ascontiguousarray(np.rot90(picture, -turns))
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
            frame.pts, frame.time_base = round(at / CLOCK), CLOCK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
