"""How well it was filmed: what is good is said to be, what is not points to the guide."""

import dataclasses

import numpy as np
import pytest

from formcheck.guide import POINTS
from formcheck.keypoints import INDEX
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report.html import render_html
from formcheck.report.quality import judge_quality, runner_height_px
from formcheck.result import Analysis, Warning
from tests.synthetic import describe_video, make_runner, observe_runner


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Analysis:
    """130 s at 60 frames a second, 280 px tall, square from the side."""
    path = tmp_path_factory.mktemp("quality") / "run.mp4"
    path.write_bytes(b"no video")
    body = make_runner(130.0, 60, person_px=280, hip_px=(180, 190), noise_px=1.0)
    observation = observe_runner(body, slouch_deg=0.0, size_px=(360, 400))
    return assess_run(describe_video(path, body, (360, 400)), observation, Options())


def grades(analysis: Analysis) -> dict[str | None, str]:
    """Grade of every point that is not good, by the point of the guide."""
    judged = judge_quality(analysis)
    assert all((item.point is None) == (item.grade == "good") for item in judged)
    assert all(item.point is None or item.point in POINTS.values() for item in judged)
    return {item.point.anchor: item.grade for item in judged if item.point}


def in_capture(analysis: Analysis, **changes) -> Analysis:
    return dataclasses.replace(analysis, capture=dataclasses.replace(analysis.capture, **changes))


def test_a_well_filmed_run_is_good_in_every_point(run):
    assert grades(run) == {}
    assert len(judge_quality(run)) == 6


@pytest.mark.parametrize("hidden", [(), ("left_wrist", "right_thumb", "left_ear")])
def test_the_height_in_the_picture_is_that_of_the_runner(run, hidden):
    points = run.series.keypoints
    position = points.position.copy()
    position[:, [INDEX[name] for name in hidden]] = np.nan
    series = dataclasses.replace(run.series, keypoints=points.with_position(position))
    seen = dataclasses.replace(run, series=series)
    assert runner_height_px(seen) == pytest.approx(280, rel=0.06)


@pytest.mark.parametrize(("share", "grade"), [(1.0, None), (0.6, "fair"), (0.3, "poor")])
def test_a_small_runner_is_told(run, share, grade):
    points = run.series.keypoints
    small = dataclasses.replace(run.series, keypoints=points.with_position(points.position * share))
    assert grades(dataclasses.replace(run, series=small)).get("film-distance") == grade


@pytest.mark.parametrize(("turned", "grade"), [(10, None), (-20, "fair"), (35, "poor")])
def test_a_view_off_square_is_told(run, turned, grade):
    assert grades(in_capture(run, turned_deg=float(turned))).get("film-square") == grade


@pytest.mark.parametrize(
    ("fps", "slow", "grade"), [(60, 1, None), (30, 1, "fair"), (15, 1, "poor"), (30, 8, None)]
)
def test_frames_count_in_real_time(run, fps, slow, grade):
    video = dataclasses.replace(run.video, watched_fps=float(fps))
    slowed = in_capture(dataclasses.replace(run, video=video), slow_motion_factor=float(slow))
    assert grades(slowed).get("film-frame-rate") == grade


@pytest.mark.parametrize(
    ("code", "grade"),
    [("camera_moves", "poor"), ("cuts", "poor"), ("camera_turned", "fair"), ("damaged", None)],
)
def test_a_camera_that_moved_is_told(run, code, grade):
    warned = in_capture(run, warnings=[Warning(code, "Words.")])
    assert grades(warned).get("film-camera-fixed") == grade


def test_a_runner_who_leaves_the_picture_is_told(run):
    points = run.series.keypoints
    confidence = points.confidence.copy()
    confidence[: len(confidence) // 5] = 0
    series = dataclasses.replace(
        run.series, keypoints=dataclasses.replace(points, confidence=confidence)
    )
    assert grades(dataclasses.replace(run, series=series))["film-whole-body"] == "poor"


def test_the_page_links_each_warning_and_each_point_to_the_guide_in_it(run):
    warned = in_capture(run, turned_deg=25.0, warnings=[Warning("camera_moves", "It moves.")])
    page = render_html(warned)
    for anchor in ("film-square", "film-camera-fixed"):
        assert f'href="#{anchor}"' in page
        assert page.count(f'id="{anchor}"') == 1
    assert np.isfinite(runner_height_px(warned))
