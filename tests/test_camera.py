"""What the camera did is read from the background, and from nothing else."""

import warnings

import cv2
import numpy as np
import pytest

from formcheck.keypoints import INDEX
from formcheck.signals.steady import undo_camera_roll
from formcheck.video.camera import SAMPLE_INTERVAL_S, CameraWatch, glimpse
from formcheck.video.frame import Frame
from tests.synthetic import make_runner

WIDTH, HEIGHT = 480, 360
CENTRE = np.array([WIDTH, HEIGHT]) / 2
SAMPLES = 30
PRECISION_DEG = 0.3
STILL_DEG = 0.1


def paint_gym(seed=0, *, texture=1.0):
    """A wall with blurred noise, windows and posts, larger than the picture."""
    rng = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 12)
    fine = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 2)
    wall = 130 + texture * (25 * coarse / coarse.std() + 8 * fine / fine.std())
    for _ in range(round(12 * texture)):
        x, y = rng.integers(0, (WIDTH, HEIGHT))
        far = (int(x + rng.integers(20, 90)), int(y + rng.integers(20, 90)))
        cv2.rectangle(wall, (int(x), int(y)), far, float(rng.uniform(40, 220)), -1)
    return np.repeat(np.clip(wall, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def turn(deg, shift=(0.0, 0.0)):
    """Matrix that turns a picture's content clockwise, as seen, about its middle, and shifts it."""
    matrix = cv2.getRotationMatrix2D(CENTRE.tolist(), -deg, 1.0)
    matrix[:, 2] += shift
    return matrix


def shear(deg, fixed_y=0.85 * HEIGHT):
    """Matrix that leans the content to the right about a level line (the belt)."""
    slope = np.tan(np.radians(deg))
    return np.array([[1.0, -slope, slope * fixed_y], [0.0, 1.0, 0.0]])


def warp(picture, matrix):
    size = (WIDTH, HEIGHT)
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT)


def film(motion, *, seed=0, gym=None, light=None, noise=2.0, samples=SAMPLES, fps=2, scale=2.0):
    """Let a camera, moved by `motion` (share of the time -> matrix), see a person in a gym.

    The person is a dark blob that sways and bounces, and its outline is told to the watch.
    """
    gym = paint_gym(seed) if gym is None else gym
    rng = np.random.default_rng(seed)
    watch = CameraWatch()
    frames = round(samples * SAMPLE_INTERVAL_S * fps)
    for i in range(frames):
        picture = gym.copy()
        x = int(WIDTH * (0.5 + 0.1 * np.sin(i / 3)))
        y = int(HEIGHT * (0.5 + 0.03 * np.sin(i / 2)))
        cv2.ellipse(picture, (x, y), (35, 110), 10 * np.sin(i / 2), 0, 360, (30, 30, 60), -1)
        outline = np.array([[x - 40, y - 115], [x + 40, y + 115]], dtype=float)
        matrix = motion(i / (frames - 1))
        picture = cv2.convertScaleAbs(
            warp(picture, matrix), alpha=1.0 if light is None else light(i / (frames - 1))
        )
        grain = rng.integers(-4, 5, picture.shape[:2])[..., None] * noise / 2.6  # SD is noise
        seen = np.clip(picture + grain, 0, 255).astype(np.uint8)
        frame = Frame(i, i / fps, seen, scale)
        people = (outline @ matrix[:, :2].T + matrix[:, 2])[None] * scale
        watch.look(glimpse(frame, (i - 1) / fps), people)
    return watch.track


def nothing(share):
    return turn(0.0)


def test_a_still_camera_does_not_turn():
    for seed in range(3):
        track = film(nothing, seed=seed)
        assert len(track.time_s) == pytest.approx(SAMPLES, abs=1)
        assert np.abs(track.roll_deg).max() < STILL_DEG
        assert np.abs(track.shift_px).max() < 2.0
        assert track.zoom == pytest.approx(1.0, abs=0.003)
        assert len(track.cuts_s) == 0


@pytest.mark.parametrize("roll_deg", [1.0, -2.0, 3.0, 5.0])
@pytest.mark.parametrize("shift_px", [(0.0, 0.0), (12.0, -7.0)])
def test_a_bump_in_the_middle_is_measured(roll_deg, shift_px):
    track = film(lambda share: turn(roll_deg, shift_px) if share > 0.5 else turn(0.0))
    before, after = track.time_s < 7, track.time_s > 8
    assert np.abs(track.roll_deg[before]).max() < STILL_DEG
    assert track.roll_deg[after] == pytest.approx(roll_deg, abs=PRECISION_DEG)
    # in source pixels: the pictures are reduced by 2
    assert track.shift_px[after] == pytest.approx(
        np.tile(2 * np.array(shift_px), (after.sum(), 1)), abs=2.5
    )
    assert len(track.cuts_s) == 0


@pytest.mark.parametrize("roll_deg", [2.0, -4.0])
def test_a_slow_slide_is_followed(roll_deg):
    track = film(lambda share: turn(roll_deg * share, (30 * share, 0)))
    expected = roll_deg * track.time_s / track.time_s[-1]
    assert track.roll_deg == pytest.approx(expected, abs=PRECISION_DEG)


def test_the_sign_of_roll_is_clockwise_as_seen():
    """A camera turned counter-clockwise sees what stood upright lean to the right."""
    upright = np.array([[0.0, 0.0], [0.0, -100.0]])  # foot, head
    foot, head = upright @ turn(5.0)[:, :2].T
    assert head[0] > foot[0]
    track = film(lambda share: turn(5.0 * (share > 0.5)), samples=12)
    assert track.roll_deg[-1] == pytest.approx(5.0, abs=PRECISION_DEG)


@pytest.mark.parametrize("lean_deg", [0.5, 1.0, 2.0, 3.0, 4.0, -2.0, -4.0])
@pytest.mark.parametrize("is_sudden", [True, False])
def test_a_shear_is_not_a_turn(lean_deg, is_sudden):
    """No camera leans what is upright and leaves level what is level."""
    for seed in range(2):
        track = film(
            lambda share: shear(lean_deg * (share > 0.5 if is_sudden else share)), seed=seed
        )
        assert np.nanmax(np.abs(track.roll_deg)) < PRECISION_DEG


def test_a_blank_wall_tells_nothing():
    blank = np.full((HEIGHT, WIDTH, 3), 140, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        track = film(lambda share: turn(3 * share), gym=blank, noise=0.0)
    assert np.isnan(track.roll_deg[1:]).all()
    assert np.isnan(track.shift_px[1:]).all()
    assert np.isnan(track.zoom[1:]).all()
    assert track.brightness == pytest.approx(140, abs=1)


def test_the_noise_of_the_sensor_is_no_background():
    blank = np.full((HEIGHT, WIDTH, 3), 140, dtype=np.uint8)
    track = film(lambda share: turn(3 * share), gym=blank, noise=4.0)
    assert np.isnan(track.roll_deg[1:]).mean() > 0.8


@pytest.mark.parametrize("remaining", [0.4, 0.7, 1.2])
def test_light_is_seen_and_is_no_movement(remaining):
    track = film(nothing, light=lambda share: 1.0 if share < 0.5 else remaining)
    early, late = track.time_s < 7, track.time_s > 8
    lost = track.brightness[early].mean() - track.brightness[late].mean()
    assert lost == pytest.approx((1 - remaining) * track.brightness[early].mean(), rel=0.15)
    assert np.abs(track.roll_deg).max() < STILL_DEG
    assert len(track.cuts_s) == 0


def test_slow_dusk_is_followed():
    track = film(nothing, light=lambda share: 1.0 - 0.5 * share)
    assert np.abs(track.roll_deg).max() < STILL_DEG


def test_a_cut_is_found_once():
    first, second = paint_gym(1), 255 - paint_gym(2)
    watch = CameraWatch()
    nobody = np.zeros((0, 33, 2))
    for i in range(80):
        frame = Frame(i, i / 10, first if i < 40 else second)
        watch.look(glimpse(frame, (i - 1) / 10), nobody)
    assert watch.track.cuts_s.tolist() == [4.0]


def test_a_person_who_runs_past_is_no_cut():
    assert len(film(nothing, fps=10, samples=20).cuts_s) == 0


def test_zoom_is_measured():
    def grow(share):
        matrix = cv2.getRotationMatrix2D(CENTRE.tolist(), 0, 1 + 0.05 * share)
        return matrix

    track = film(grow)
    assert track.zoom[-1] == pytest.approx(1.05, abs=0.005)
    assert np.abs(track.roll_deg).max() < STILL_DEG


def test_nothing_looked_at_gives_an_empty_track():
    track = CameraWatch().track
    assert len(track.time_s) == len(track.roll_deg) == len(track.cuts_s) == 0


@pytest.mark.parametrize("direction", [1, -1])
def test_undoing_the_roll_that_was_seen_restores_the_lean(direction):
    roll_deg = 3.0
    track = film(lambda share: turn(roll_deg * (share > 0.5)))
    runner = make_runner(15.0, 30.0, lean_deg=5.0, direction=direction)
    time_s = runner.keypoints.time_s
    centre = np.array(track.centre_px)
    angle = np.radians(np.where(time_s > track.time_s[-1] / 2, roll_deg, 0.0))
    x, y = np.moveaxis(runner.keypoints.position - centre, 2, 0)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned = np.stack([x * cos - y * sin, x * sin + y * cos], axis=2) + centre
    seen = runner.keypoints.with_position(turned)
    steady = undo_camera_roll(seen, track, time_s)
    late = time_s > 10
    tilted = measure_lean(seen, direction)[late].mean() - 5.0
    restored = measure_lean(steady.keypoints, direction)[late].mean() - 5.0
    assert steady.is_corrected
    assert tilted == pytest.approx(direction * roll_deg, abs=0.1)
    assert restored == pytest.approx(0.0, abs=PRECISION_DEG)
    assert np.array_equal(
        np.argmax(seen.confidence, axis=1), np.argmax(steady.keypoints.confidence, axis=1)
    )


def measure_lean(keypoints, direction):
    position = keypoints.position
    hip = position[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    shoulder = position[:, [INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=1)
    trunk = shoulder - hip
    return np.degrees(np.arctan2(direction * trunk[:, 0], -trunk[:, 1]))


@pytest.mark.parametrize("shape", [(2, 1280), (1280, 2)])
def test_a_picture_that_is_a_line_is_looked_at(shape):
    watch = CameraWatch()
    for i in range(3):
        frame = Frame(i, i * SAMPLE_INTERVAL_S, np.zeros((*shape, 3), np.uint8), 1.0)
        watch.look(glimpse(frame, frame.time_s - SAMPLE_INTERVAL_S), np.zeros((0, 33, 2)))
    assert len(watch.track.time_s) == 3
