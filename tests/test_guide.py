"""The filming guide: what it says follows from geometry and from the code, and it is well shown."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from formcheck import capture, guide
from formcheck.cli.app import app
from formcheck.drift import DriftSettings
from formcheck.guide import POINTS, point_for, render_guide
from formcheck.pose.networks import CROP_SIDE_PX
from tests.browser import needs_browser, open_browser

REPORT_DOCS = Path(__file__).parent.parent / "docs" / "report.md"


def codes_in_capture() -> set[str]:
    """Find the first argument of every `Warning(...)` in capture.py."""
    calls = (n for n in ast.walk(ast.parse(inspect.getsource(capture))) if isinstance(n, ast.Call))
    return {
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Warning"
    }


def codes_in_docs() -> set[str]:
    text = REPORT_DOCS.read_text().partition("Codes of warnings:")[2].partition("A star")[0]
    return set(re.findall(r"`(\w+)`", text))


def test_every_warning_leads_to_the_point_that_prevents_it():
    anchors = {point.anchor for point in POINTS.values()}
    assert len(codes_in_capture()) > 10
    assert {code for code in codes_in_capture() if point_for(code) not in anchors} == set()


def test_the_guide_the_code_and_the_docs_know_the_same_warnings():
    in_guide = [code for point in POINTS.values() for code in point.codes]
    assert len(in_guide) == len(set(in_guide))
    assert set(in_guide) == codes_in_capture() == codes_in_docs()


def test_an_unknown_warning_leads_nowhere():
    assert point_for("of_a_later_version") is None


def project(points_m: np.ndarray, lens_off_m: float, distance_m: float) -> np.ndarray:
    """Pixels (focal length 1) of points (x along the belt, y up from the hips) in its plane.

    The lens stands `lens_off_m` over the hips and is tilted so that it looks at them.
    """
    x, y = points_m.T
    pitch = np.arctan2(lens_off_m, distance_m)
    up, away = y - lens_off_m, distance_m
    depth = away * np.cos(pitch) - up * np.sin(pitch)
    height = up * np.cos(pitch) + away * np.sin(pitch)
    return np.column_stack([x / depth, height / depth])


def seen_lean_deg(at_m: float, lens_off_m: float, distance_m: float) -> float:
    """Lean of an upright trunk of 5 cm, seen at a place along the belt."""
    hip, above = project(np.array([[at_m, 0.0], [at_m, 0.05]]), lens_off_m, distance_m)
    return float(np.degrees(np.arctan2(*(above - hip))))


@pytest.mark.parametrize(("off_m", "moved_m", "distance_m"), [(1, 0.5, 3), (-0.2, 0.5, 4)])
def test_a_tilted_phone_makes_who_wanders_seem_to_lean(off_m, moved_m, distance_m):
    seen = seen_lean_deg(moved_m, off_m, distance_m) - seen_lean_deg(0.0, off_m, distance_m)
    computed = guide.lean_from_tilt_deg(off_m, moved_m, distance_m)
    assert computed == pytest.approx(abs(seen), rel=0.05)


def test_the_advised_place_holds_the_runner_with_room_and_at_the_least_size():
    for distance_m in (guide.NEAR_M, guide.FAR_M):
        share = guide.RUNNER_M / guide.picture_height_m(distance_m)
        assert 1 / 3 < share < 1 / 2
        assert 720 * guide.VIDEO_LONG_TO_SHORT * share > 400  # pixels, and more than was measured
        assert guide.picture_width_m(distance_m) > 0.9 * guide.RUNNER_M + guide.ROOM_M
    assert guide.lean_from_tilt_deg(guide.OFF_M, guide.ROOM_M, guide.NEAR_M) < 1


def test_numbers_from_other_parts_are_theirs():
    said = " ".join(point.why for point in POINTS.values())
    assert f"need {DriftSettings().min_strides} strides" in said
    assert f"{CROP_SIDE_PX} × {CROP_SIDE_PX} pixels" in said


def test_the_command_says_each_point_with_its_reason_in_80_columns():
    said = CliRunner().invoke(app, ["guide"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert max(map(len, said.stdout.splitlines())) <= 80
    assert "\x1b" not in said.stdout
    words = " ".join(said.stdout.split())
    for point in POINTS.values():
        assert point.do in words
        assert point.why in words


def test_a_page_that_cant_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    said = CliRunner().invoke(app, ["guide", "--out", str(tmp_path / "file" / "x.html")])
    assert said.exit_code == 1
    assert len(said.stderr.splitlines()) == 1


def test_the_page_refers_to_nothing_outside_and_each_anchor_is_there_once():
    page = render_guide()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {point.anchor for point in POINTS.values()} <= set(ids)
    assert "http:" not in page
    assert "https:" not in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        named = re.search(r'aria-labelledby="(\S+) (\S+)"', drawing)
        assert named
        assert f'<title id="{named[1]}">' in drawing
        assert f'<desc id="{named[2]}">' in drawing


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_the_page_fits_the_window_and_its_drawings_are_drawn(tmp_path, width, dark):
    page_file = tmp_path / "guide.html"
    assert CliRunner().invoke(app, ["guide", "--out", str(page_file)]).exit_code == 0
    with open_browser(width, 740, dark=dark) as page:
        page.open(f"{page_file.as_uri()}#film-hands-free")
        assert page.console() == []
        assert page.outside_requests() == []
        assert page.width() == width
        drawn = page.script(
            "return [...document.querySelectorAll('.film-drawing svg')]"
            ".map(s => s.getBoundingClientRect()).map(r => [r.width, r.height])"
        )
        assert len(drawn) == 3
        assert all(w > 200 and h > 200 for w, h in drawn)
        assert page.script("return document.querySelector('dt:target').id") == "film-hands-free"
        colours = page.script(
            "const s = e => getComputedStyle(document.querySelector(e));"
            "return [s('.film-head').fill, s('body').backgroundColor]"
        )
        assert colours[0] != colours[1]
