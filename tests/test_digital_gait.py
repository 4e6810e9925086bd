"""The digital runner moves as its scene says, and its truth file gives back what is true."""

from dataclasses import replace

import numpy as np
import pytest
from digital_runner.body import JOINTS, Look, load_body, mesh_folder
from digital_runner.gait import Legs, hip_centre, lean_of, move
from digital_runner.scene import Filming, Run, Scene
from digital_runner.truth import SUFFIX, Truth

from formcheck.video.reader import probe_video, read_frames

pytestmark = pytest.mark.skipif(
    mesh_folder() is None, reason="the body's mesh is not here: make digital-runner"
)
TIMES = np.arange(0, 6, 1 / 100)


@pytest.fixture(scope="module")
def body():
    return load_body(Look())


@pytest.fixture
def film():
    moderngl = pytest.importorskip("moderngl")
    try:
        moderngl.create_context(standalone=True, backend="egl").release()
    except Exception as error:
        pytest.skip(f"OpenGL can't be started here: {error}")
    return pytest.importorskip("digital_runner.film")


@pytest.fixture(scope="module")
def motion(body):
    run = Run(lean_deg=((2.0, 5.0), (4.0, 9.0)), flexion_deg=((2.0, 0.0), (4.0, 15.0)))
    return move(body, run, TIMES, 6.0, seed=1)


def ankle(motion, side):
    return motion.pose[JOINTS[f"{side}_ankle"]][1]


def stands(motion, side):
    phase = np.zeros(len(motion.time_s), dtype=bool)
    for contact, toe_off in zip(motion.contact_s[side], motion.toe_off_s[side], strict=False):
        phase |= (motion.time_s >= contact) & (motion.time_s < toe_off)
    return phase


def test_lean_is_what_the_scene_says(motion):
    swing = 100 * 120 // 165  # frames of a stride, over which the sway averages out
    lean = np.convolve(motion.lean_deg, np.ones(swing) / swing, mode="valid")
    assert lean[0] == pytest.approx(5, abs=1.2)  # strides differ by 0.5 SD
    assert lean[-1] == pytest.approx(9, abs=1.2)


def test_lean_is_that_of_the_joint_centres(body, motion):
    hip = (hip_centre(body, motion.pose, "left") + hip_centre(body, motion.pose, "right")) / 2
    shoulder = sum(motion.pose[JOINTS[f"{side}_shoulder"]][1] for side in ("left", "right")) / 2
    trunk = shoulder - hip
    expected = np.degrees(np.arctan2(trunk[:, 2], trunk[:, 1]))
    assert lean_of(body, motion.pose) == pytest.approx(expected)


def test_flexion_turns_the_upper_back_against_the_lower(motion):
    def pitch(bone):
        turn = motion.pose[bone][0]
        return np.degrees(np.arctan2(turn[:, 2, 1], turn[:, 1, 1]))

    rounded = pitch("spine01") - pitch("spine05")
    late, early = motion.time_s > 4.2, motion.time_s < 1.8
    # the lower back takes 90 % of the lean, so 4 degrees of lean show as 0.4
    assert rounded[late].mean() - rounded[early].mean() == pytest.approx(15, abs=1.0)


def test_the_head_keeps_looking_ahead(motion):
    turn = motion.pose["head"][0]
    assert np.ptp(np.degrees(np.arctan2(turn[:, 2, 1], turn[:, 1, 1]))) < 1


@pytest.mark.parametrize("side", ["left", "right"])
def test_bones_keep_their_length(body, motion, side):
    legs = Legs.of(body)
    hip, knee = (motion.pose[JOINTS[f"{side}_{joint}"]][1] for joint in ("hip", "knee"))
    assert np.linalg.norm(knee - hip, axis=1) == pytest.approx(legs.thigh, abs=1e-6)
    assert np.linalg.norm(ankle(motion, side) - knee, axis=1) == pytest.approx(legs.shank, abs=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_flat_foot_goes_with_the_belt(motion, side):
    """No sliding: the ankle of a foot that is flat moves back as fast as the belt."""
    place = ankle(motion, side)[:, 2] + motion.belt_m
    flat = np.zeros(len(TIMES), dtype=bool)
    for contact, toe_off in zip(motion.contact_s[side], motion.toe_off_s[side], strict=False):
        share = (TIMES - contact) / (toe_off - contact)
        here = (share > 0.2) & (share < 0.45)
        flat |= here
        if here.sum() > 3:
            assert np.ptp(place[here]) < 0.002
    assert flat.sum() > 50


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_foot_is_off_the_belt_in_the_air(motion, side):
    height = ankle(motion, side)[:, 1]
    air = ~stands(motion, side)
    inner = air & np.roll(air, 5) & np.roll(air, -5)
    assert height[inner].min() > np.median(height[stands(motion, side)])


def test_the_same_run_at_other_moments(body):
    run = Run()
    coarse, fine = (move(body, run, np.arange(0, 4, step), 4.0, 3) for step in (0.1, 0.05))
    assert ankle(coarse, "left") == pytest.approx(ankle(fine, "left")[::2], abs=1e-6)


@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_film_and_truth(tmp_path, film, rotation_deg):
    filming = Filming(
        width=256, height=192, person_px=150, dropped=0.2, jitter_ms=4, rotation_deg=rotation_deg,
        roll_deg=((0.4, 0.0), (0.5, 3.0)), slow_motion=2.0,
    )  # fmt: skip
    scene = Scene("short", 5, 1.0, filming=filming)
    path = film.film(scene, tmp_path)
    truth = Truth.read(path.with_name("short" + SUFFIX))
    frames = list(read_frames(path))
    info = probe_video(path)
    assert (info.width, info.height) == (256, 192)
    assert len(frames) == len(truth.columns["time_s"]) < 30
    shown = truth.columns["time_s"] - truth.columns["time_s"][0]
    assert [f.time_s for f in frames] == pytest.approx(shown, abs=3e-5)
    assert truth.columns["time_s"] == pytest.approx(2 * truth.columns["run_s"], abs=2e-5)
    assert truth.columns["camera_roll_deg"][[0, -1]] == pytest.approx([0, 3])
    assert truth.scene["filming"]["dropped"] == 0.2
    cameras = film.place_camera(scene, truth.columns["run_s"])
    seen = [c.project(p) for c, p in zip(cameras, truth.joints_m["left_knee"], strict=True)]
    assert truth.joints_px["left_knee"] == pytest.approx(np.array(seen), abs=0.2)


def test_a_scene_is_the_same_every_time(tmp_path, film):
    scene = Scene("again", 6, 0.4, filming=Filming(width=192, height=144, person_px=110))
    first = film.film(scene, tmp_path).read_bytes()
    assert film.film(replace(scene), tmp_path).read_bytes() == first
