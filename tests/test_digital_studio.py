"""The picture of the digital runner's studio lies where its camera says."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

moderngl = pytest.importorskip("moderngl")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from digital_runner.camera import Camera, look_at  # noqa: E402
from digital_runner.studio import Setting, Studio  # noqa: E402

WIDTH, HEIGHT = 640, 360
RADIUS_M = 0.04
MAGENTA = (255, 0, 255)
LEVEL = look_at(np.array([-3.2, 1.1, 0.5]), np.array([0, 0.9, 0]), 620.0, WIDTH, HEIGHT)
REAR = look_at(np.array([0.8, 1.4, -2.8]), np.array([0, 0.9, 0]), 540.0, WIDTH, HEIGHT)
CAMERAS = {
    "level": LEVEL,
    "rear": REAR,
    "rolled": LEVEL.rolled(7.0),
    "off centre": replace(REAR, centre_px=np.array([290.0, 205.5])),
    "rolled and off centre": replace(LEVEL.rolled(-4.0), centre_px=np.array([345.25, 160.0])),
}
FAR_AWAY = (0.0, 30.0, 0.0)
MIDDLE = (0.0, 1.0, 0.0)
PLACES = [(0.0, 1.0, 0.0), (0.1, 1.5, 0.35), (-0.2, 0.5, -0.5), (0.2, 0.9, -0.3)]


def sphere() -> tuple[np.ndarray, np.ndarray]:
    """Corners and faces of a ball of RADIUS_M; the caps' faces repeat their last corner."""
    rings, columns = 16, 24
    tilt = np.linspace(0, np.pi, rings + 1)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    corners = np.stack(
        np.broadcast_arrays(np.sin(tilt) * np.sin(turn), np.cos(tilt), np.sin(tilt) * np.cos(turn)),
        axis=-1,
    )
    index = np.arange((rings + 1) * columns).reshape(rings + 1, columns)
    after = np.roll(index, -1, axis=1)
    faces = np.stack([index[1:], after[1:], after[:-1], index[:-1]], axis=-1)
    faces[0, :, 3] = faces[0, :, 2]
    return RADIUS_M * corners.reshape(-1, 3), faces.reshape(-1, 4)


@contextmanager
def studio(**settings: object) -> Iterator[tuple[Studio, np.ndarray]]:
    corners, faces = sphere()
    setting = Setting(**{"width": WIDTH, "height": HEIGHT, "background": 0, **settings})
    paint = np.tile(np.array(MAGENTA, np.uint8), (len(faces), 1))
    try:
        made = Studio(setting, faces, paint)
    except Exception as error:  # the binding's own kinds are not public
        pytest.skip(f"no OpenGL here: {error}")
    yield made, corners
    made.close()


def middle_of_magenta(picture: np.ndarray, without: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(float) - without, 2, 0)
    strength = np.minimum(red, blue) - green
    weight = np.clip(strength / 60 - 0.5, 0, 1)
    assert weight.sum() > 30
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("name", CAMERAS)
def test_a_ball_is_seen_where_the_camera_projects_it(name: str) -> None:
    with studio(console=False) as (made, corners):
        without = made.draw(corners + FAR_AWAY, CAMERAS[name], 0.0)
        for place in PLACES:
            picture = made.draw(corners + place, CAMERAS[name], 0.0)
            seen = middle_of_magenta(picture, without)
            np.testing.assert_allclose(seen, CAMERAS[name].project(np.array(place)), atol=0.3)


def test_the_picture_is_rgb_in_the_asked_size_and_repeats() -> None:
    with studio(background=1, handrail=True) as (made, corners):
        ball = corners + MIDDLE
        first = made.draw(ball, LEVEL, 0.3)
        made.draw(ball + 0.2, REAR, 0.5)
        again = made.draw(ball, LEVEL, 0.3)
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    np.testing.assert_array_equal(first, again)


def test_less_light_makes_a_darker_picture() -> None:
    with studio(light=1.0) as (made, corners):
        bright = made.draw(corners + MIDDLE, LEVEL, 0.0)
        dim = made.draw(corners + MIDDLE, LEVEL, 0.0, light=0.45)
    assert 0.5 < dim.mean() / bright.mean() < 0.8


def test_the_belt_goes_backwards_under_the_runner() -> None:
    camera = look_at(np.array([-2.4, 1.6, 0.0]), np.array([0, 0, 0]), 500.0, WIDTH, HEIGHT)
    travel_m = 0.1
    with studio() as (made, corners):
        away = corners + FAR_AWAY
        before, after = (made.draw(away, camera, belt_m).mean(axis=2) for belt_m in (0, travel_m))
    middle = camera.project(np.zeros(3)).astype(int)
    row_before, row_after = (
        picture[middle[1] - 3 : middle[1] + 4].mean(axis=0) for picture in (before, after)
    )
    expected = camera.project(np.array([0, 0, -travel_m]))[0] - middle[0]
    part = slice(middle[0] - 70, middle[0] + 70)
    shifts = range(-40, 41)
    error = [np.abs(np.roll(row_before, s) - row_after)[part].mean() for s in shifts]
    assert shifts[int(np.argmin(error))] == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize("background", range(3))
def test_there_is_always_something_to_follow_behind_the_runner(background: int) -> None:
    with studio(background=background) as (made, corners):
        for angle in np.radians([-120, -90, -60, 60, 90, 120, 150, 180, 210]):
            position = 4.0 * np.array([np.sin(angle), 0, np.cos(angle)]) + [0, 1.2, 0]
            camera: Camera = look_at(position, np.array([0, 0.9, 0]), 600.0, WIDTH, HEIGHT)
            picture = made.draw(corners + MIDDLE, camera, 0.0).mean(axis=2)
            for part in (picture[:180, :320], picture[:180, 320:], picture[180:, :320]):
                assert part.std() > 8
