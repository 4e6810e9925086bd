"""report.html in a real browser: what is there, what it does when touched, what it must not do."""

import base64
import dataclasses
import re
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from formcheck.keypoints import INDEX
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report.html import render_html
from formcheck.report.page_data import make_page_data
from formcheck.result import Analysis
from formcheck.video.moments import ENOUGH, Moment
from tests.browser import needs_browser, open_browser
from tests.synthetic import describe_video, make_runner, observe_runner

SIZE_PX = (360, 400)
LENGTH_S = 80.0
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desk": (1440, 900)}
DRAWN = "return document.documentElement.classList.contains('drawn')"
SAYS = "return document.getElementById('moment-words').textContent.startsWith('%s')"
TIPS = """
const all = (root) => [...root.querySelectorAll('*')].flatMap(e =>
  [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
const tips = all(document.body).filter(e => e.classList.contains('bk-Tooltip'))
  .map(e => e.shadowRoot.textContent).join(' ').trim()
"""
MOST_BYTES = 4_000_000

pytestmark = pytest.mark.xdist_group("browser")


def take(time_s: float, body, *, quality: int = 60) -> Moment:
    """A picture of the runner's box, grey by time, as a moment at that time."""
    grey = int(255 * time_s / LENGTH_S)
    picture = np.full((360, 240, 3), grey, dtype=np.uint8)
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Moment(time_s, jpeg.tobytes(), (60.0, 20.0), (240.0, 360.0))


@pytest.fixture(scope="module")
def slumped(tmp_path_factory) -> Analysis:
    """Someone who leans 4 degrees more in the last third."""
    path = tmp_path_factory.mktemp("page") / "run.mp4"
    path.write_bytes(b"no video")
    body = make_runner(
        *(LENGTH_S, 30),
        **{"person_px": 280, "hip_px": (180, 190), "noise_px": 1.0, "lean_sd_deg": 0.6},
        lean_deg=lambda t: 4 + 4 * np.clip((t - 40) / 15, 0, 1),
    )
    observation = observe_runner(body, slouch_deg=0.0, size_px=SIZE_PX)
    analysis = assess_run(describe_video(path, body, SIZE_PX), observation, Options())
    times = np.arange(0, LENGTH_S, 2.0)
    return dataclasses.replace(analysis, moments=[take(float(t), body) for t in times])


@pytest.fixture(scope="module")
def page(slumped, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_text(render_html(slumped), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def desk(page):
    with open_browser(*SIZES["desk"]) as browser:
        load(browser, page)
        yield browser


def load(browser, page: Path) -> None:
    browser.open(page)
    wait_until(browser, DRAWN)


def wait_until(browser, condition: str) -> None:
    """Let the page's own clock run until something holds; fails after ten seconds."""
    code = (
        "const done = arguments[arguments.length - 1], until = performance.now() + 10000;"
        "const holds = () => {" + condition + "};"
        "const look = () => holds() ? done(true) : performance.now() > until ? done(false)"
        " : requestAnimationFrame(look); look();"
    )
    assert browser.driver.execute_async_script(code), condition


def words(browser) -> str:
    return browser.script("return document.getElementById('moment-words').textContent")


def plot(browser, place: str) -> list[float]:
    """Where something of the first chart is in the window, CSS pixels."""
    return browser.script(
        "const root = Bokeh.documents[0].roots()[0], view = Bokeh.index.get_one(root);"
        "view.el.scrollIntoView({block: 'center'});"
        "const box = view.canvas_view.el.getBoundingClientRect();" + place
    )


def point_at(browser, time_s: float, value: float) -> tuple[float, float]:
    x, y = plot(
        browser,
        f"return [box.x + view.frame.x_scale.compute({1000 * time_s}),"
        f" box.y + view.frame.y_scale.compute({value})]",
    )
    return x, y


def mouse(browser, kind: str, at: tuple[float, float], **more) -> None:
    browser.command("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **more)


def click(browser, at: tuple[float, float], times: int = 1) -> None:
    mouse(browser, "mouseMoved", at)
    for count in range(1, times + 1):
        mouse(browser, "mousePressed", at, button="left", clickCount=count)
        mouse(browser, "mouseReleased", at, button="left", clickCount=count)


def shown_range(browser) -> list[float]:
    return plot(browser, "return [root.x_range.start / 1000, root.x_range.end / 1000]")


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_at_every_size_all_is_there_and_nothing_is_asked_for(page, size, dark, tmp_path):
    with open_browser(*SIZES[size], dark=dark) as browser:
        load(browser, page)
        assert [line for line in browser.console() if not line.startswith("INFO")] == []
        assert browser.outside_requests() == []
        assert browser.width() <= SIZES[size][0]  # does not scroll sideways
        charts = browser.script(
            "return [...document.querySelectorAll('[data-chart] > *')].map(e => e.clientHeight)"
        )
        assert len(charts) == 3
        assert min(charts) > 150
        assert browser.script("return document.querySelectorAll('#moment line').length") > 10
        ink, back = browser.script(
            "const style = getComputedStyle(document.body);"
            "return [Bokeh.documents[0].roots()[0].title.text_color, style.backgroundColor]"
        )
        # what Bokeh draws follows the page's colours
        assert ink == ("#e8edee" if dark else "#1b2326")
        assert back == ("rgb(18, 23, 26)" if dark else "rgb(244, 245, 243)")


@needs_browser
def test_clicking_a_stride_shows_the_runner_at_that_time(desk, slumped):
    lean = slumped.metrics["trunk_lean_deg"]
    click(desk, point_at(desk, 70.3, lean.late.mean))
    wait_until(desk, SAYS % "1:10")
    shown = desk.script("return document.querySelector('#moment image').getAttribute('href')")
    taken = next(m for m in slumped.moments if m.time_s == 70.0)
    assert base64.b64decode(shown.partition(",")[2]) == taken.jpeg
    click(desk, point_at(desk, 9.8, lean.baseline.mean))
    wait_until(desk, SAYS % "0:10")


@needs_browser
def test_the_skeleton_lies_where_the_runner_is(desk, slumped):
    click(desk, point_at(desk, 30.0, 4.0))
    wait_until(desk, SAYS % "0:30")
    ends = np.array(
        desk.script(
            "return [...document.querySelectorAll('#moment line')].flatMap(line =>"
            " ['1', '2'].map(end => ['x', 'y'].map(axis => +line.getAttribute(axis + end))))"
        )
    )
    position = slumped.series.keypoints.position[
        np.abs(slumped.series.keypoints.time_s - 30.0).argmin()
    ]
    for name in ("left_ankle", "right_wrist", "left_ear"):
        assert np.linalg.norm(ends - position[INDEX[name]], axis=1).min() < 0.2, name


@needs_browser
def test_the_arrow_keys_go_through_the_moments(desk):
    slider = desk.driver.find_element("id", "when")
    desk.script("arguments[0].value = 4; arguments[0].dispatchEvent(new Event('input'))", slider)
    assert words(desk).startswith("0:08")
    slider.send_keys("\ue014")  # arrow to the right
    assert words(desk).startswith("0:10")
    assert slider.get_attribute("aria-valuetext") == words(desk)


@needs_browser
def test_hovering_over_a_stride_tells_its_time_and_value(desk, slumped):
    strides, lean = slumped.series.strides, slumped.series.values["trunk_lean_deg"]
    mouse(desk, "mouseMoved", point_at(desk, float(strides.middle_s[20]), float(lean[20])))
    wait_until(desk, f"{TIPS}; return tips !== ''")
    told = desk.script(f"{TIPS}; return tips")
    seconds = round(float(strides.middle_s[20]))
    assert f"{seconds // 60}:{seconds % 60:02}" in told
    assert f"{lean[20]:.1f}" in told


@needs_browser
def test_dragging_zooms_in_and_a_double_click_zooms_out(desk):
    before = shown_range(desk)
    start, end = point_at(desk, 20.0, 5.0), point_at(desk, 40.0, 6.0)
    mouse(desk, "mouseMoved", start)
    mouse(desk, "mousePressed", start, button="left", clickCount=1)
    for share in (0.3, 0.6, 1.0):
        at = (start[0] + share * (end[0] - start[0]), start[1])
        mouse(desk, "mouseMoved", at, button="left", buttons=1)
    mouse(desk, "mouseReleased", end, button="left", clickCount=1)
    assert shown_range(desk) == pytest.approx([20.0, 40.0], abs=0.5)
    others = desk.script("return Bokeh.documents[0].roots().map(r => r.x_range.start / 1000)")
    assert others == pytest.approx([20.0] * 3, abs=0.5)
    click(desk, point_at(desk, 30.0, 5.0), times=2)
    assert shown_range(desk) == pytest.approx(before)


@needs_browser
def test_before_the_start_there_is_no_time(desk):
    labels = desk.script(
        "const axis = Bokeh.documents[0].roots()[0].below[0];"
        "return axis.formatter.doFormat([-30000, 0, 30000], {loc: 0})"
    )
    assert labels == ["", "0:00", "0:30"]


@needs_browser
def test_buttons_zoom_about_the_moment_shown(desk):
    whole = shown_range(desk)
    slider = desk.driver.find_element("id", "when")
    desk.script("arguments[0].value = 10; arguments[0].dispatchEvent(new Event('input'))", slider)
    near, far, back = desk.driver.find_elements("css selector", "[data-zoom]")
    for _ in range(3):
        near.send_keys(" ")  # as a keyboard does
    start, end = shown_range(desk)
    assert end - start == pytest.approx((whole[1] - whole[0]) / 8)
    assert start < 20.0 < end
    far.send_keys(" ")
    assert np.diff(shown_range(desk))[0] == pytest.approx((whole[1] - whole[0]) / 4)
    back.send_keys(" ")
    assert shown_range(desk) == pytest.approx(whole)


@needs_browser
def test_after_an_hour_the_clock_has_hours(slumped, tmp_path):
    """The same strides, a minute apart each."""
    series, slow = slumped.series, 60.0
    points = dataclasses.replace(series.keypoints, time_s=series.keypoints.time_s * slow)
    strides = dataclasses.replace(
        series.strides, start_s=series.strides.start_s * slow, end_s=series.strides.end_s * slow
    )
    long = dataclasses.replace(series, keypoints=points, strides=strides)
    page = tmp_path / "report.html"
    page.write_text(render_html(dataclasses.replace(slumped, series=long)), encoding="utf-8")
    with open_browser() as browser:
        load(browser, page)
        labels = plot(
            browser,
            "root.x_range.setv({start: 3900000, end: 4800000});"
            "const axis = root.below[0];"
            "return axis.formatter.doFormat([4200000, 4500000], {loc: 0})",
        )
    assert labels == ["1:10:00", "1:15:00"]


def test_moments_that_do_not_show_the_runner_are_left_out(slumped):
    beside = Moment(10.0, slumped.moments[0].jpeg, (300.0, 20.0), (60.0, 360.0))
    other = dataclasses.replace(slumped, moments=[*slumped.moments[:3], beside])
    assert [m["time"] for m in make_page_data(other, [])["moments"]] == [0.0, 2.0, 4.0]


@needs_browser
def test_the_mean_bodies_move_through_the_stride(desk):
    legs = "return document.querySelector('#bodies path.early.limbs').getAttribute('d')"
    moved = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    slider = desk.driver.find_element("id", "phase")
    desk.script(moved, slider, 0)
    first = desk.script(legs)
    desk.script(moved, slider, 50)
    assert desk.script(legs) != first
    desk.script(moved, slider, 100)
    # a stride ends as it begins
    ends = [np.array(re.findall(r"-?[\d.]+", d), dtype=float) for d in (first, desk.script(legs))]
    assert np.abs(ends[0] - ends[1]).max() < 5
    play = desk.driver.find_element("id", "play")
    desk.script("arguments[0].click()", play)
    wait_until(desk, "return document.getElementById('phase').value !== '100'")
    desk.script("arguments[0].click()", play)
    assert play.get_attribute("aria-pressed") == "false"


@needs_browser
def test_what_is_drawn_before_any_script_is_what_the_script_draws(page, slumped):
    path = "return [...document.querySelectorAll('#bodies path')].map(p => p.getAttribute('d'))"
    with open_browser() as browser:
        browser.open(page)
        before = browser.script(path)
        browser.script(
            "const p = document.getElementById('phase'); p.dispatchEvent(new Event('input'))"
        )
        after = browser.script(path)
    assert len(before) == 6
    for first, second in zip(before, after, strict=True):
        ends = [np.sort(np.array(re.findall(r"-?[\d.]+", d), dtype=float)) for d in (first, second)]
        assert ends[0] == pytest.approx(ends[1], abs=0.11)


@needs_browser
def test_the_page_can_not_reach_out_even_if_told_to(desk):
    code = (
        "const done = arguments[arguments.length - 1];"
        "fetch('https://example.com/').then(() => done('reached'), error => done(error.name))"
    )
    assert desk.driver.execute_async_script(code) == "TypeError"
    assert desk.outside_requests() == []


@needs_browser
def test_without_scripts_and_on_paper_the_drawings_stand_in(page):
    state = (
        "return ['.live', '.unscripted'].map(k => [...document.querySelectorAll(k)]"
        ".filter(e => e.getClientRects().length).length)"
    )
    with open_browser() as browser:
        load(browser, page)
        live, drawn = browser.script(state)
        assert live > 4
        assert drawn == 0
        browser.command("Emulation.setEmulatedMedia", media="print")
        assert browser.script(state) == [0, 3]
        browser.command("Emulation.setEmulatedMedia", media="screen")
        browser.command("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(page)
        browser.command("Emulation.setScriptExecutionDisabled", value=False)
        assert browser.script(state) == [0, 3]


@needs_browser
def test_what_a_screen_reader_meets_has_names(desk):
    nameless = desk.script(
        "return [...document.querySelectorAll('button, input, svg[role], figure[role], img')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.alt"
        " || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.outerHTML)"
    )
    assert nameless == []
    levels = desk.script(
        "return [...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_stays_small_however_long_the_run(slumped):
    """Every picture at its largest: square, and as busy as leaves."""
    noise = np.random.default_rng(1).integers(0, 255, (360, 360, 3), dtype=np.uint8)
    noise = cv2.GaussianBlur(noise, (3, 3), 0)
    _, jpeg = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 60])
    moments = [
        Moment(t, jpeg.tobytes(), (60.0, 20.0), (240.0, 360.0))
        for t in np.linspace(0, LENGTH_S - 1, 2 * ENOUGH - 1)
    ]
    page = render_html(dataclasses.replace(slumped, moments=moments))
    assert 0 < page.count('"jpeg"') < ENOUGH
    # an hour of strides and two photos add so much
    assert len(page.encode()) < MOST_BYTES - 900_000


def test_what_is_shown_of_a_name_can_not_end_the_script(slumped):
    video = dataclasses.replace(slumped.video, path="</script><script>alert(1)</script>.mp4")
    page = render_html(dataclasses.replace(slumped, video=video))
    assert "<script>alert" not in page
    assert page.count("<script") == page.count("</script")
