"""The page and the advice: what they must say, must not say, and must never fetch."""

import dataclasses
import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from formcheck.drift import Change, Estimate
from formcheck.keypoints import INDEX
from formcheck.metrics import REGISTRY
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from formcheck.report.advice import FILM_FROM_SIDE, FILM_LONGER, FILM_STEADY, give_advice
from formcheck.report.charts import MAX_DOTS, charted_metrics, draw_chart, stride_step
from formcheck.report.drawing import draw_pose, find_pose
from formcheck.report.html import read_bokeh, render_html
from formcheck.report.pictures import MAX_BYTES, make_pictures
from formcheck.report.terminal import MAX_HINTS, format_row, print_analysis
from formcheck.result import Analysis, Verdict, Warning
from tests.synthetic import (
    describe_video,
    draw_frames,
    make_runner,
    observe_runner,
    write_video,
)

SIZE_PX = (360, 400)
LENGTH_S = 80.0
FETCHED = re.compile(
    r"""(?:src|href|action|data|poster|srcset)\s*=\s*["']?\s*(?:https?:|//)"""
    r"""|url\(\s*["']?\s*(?:https?:|//)|@import""",
    re.IGNORECASE,
)


def runner(**more):
    settings = {"person_px": 280, "hip_px": (180, 190), "noise_px": 1.0, "lean_sd_deg": 0.6}
    return make_runner(LENGTH_S, 30, **settings | more)


def analyse(path: Path, body, *, slouch_deg=0.0) -> Analysis:
    observation = observe_runner(body, slouch_deg=slouch_deg, size_px=SIZE_PX)
    return assess_run(describe_video(path, body, SIZE_PX), observation, Options())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def slumped(folder) -> Analysis:
    """A runner who leans 4 degrees more in the last third; the file is no video."""
    path = folder / "<b>x&.mp4"
    path.write_bytes(b"no video")
    body = runner(lean_deg=lambda t: 4 + 4 * np.clip((t - 40) / 15, 0, 1))
    return analyse(path, body)


@pytest.fixture(scope="module")
def filmed(folder) -> Analysis:
    """A steady runner, with a video of them."""
    path = folder / "filmed.mp4"
    body = runner()
    write_video(path, draw_frames(body, SIZE_PX), body.keypoints.time_s)
    return analyse(path, body)


def with_verdict(analysis: Analysis, label: str, **changes: str) -> Analysis:
    """The same analysis, had it found something else."""
    metrics = dict(analysis.metrics)
    for column, verdict in changes.items():
        change = Change(5.0, (4.0, 6.0), verdict)
        metrics[column] = dataclasses.replace(metrics[column], change=change, onset_s=None)
    verdict = Verdict(label, None, "Words.", [])
    return dataclasses.replace(analysis, verdict=verdict, metrics=metrics)


def all_advice(analysis: Analysis) -> str:
    advice = give_advice(analysis)
    hints = advice.for_this_run + advice.from_runners
    return " ".join([*(hint.short + " " + hint.text for hint in hints), *advice.closing])


def own_part(page: str) -> str:
    """The page without the plotting library that it carries."""
    assert page.count(read_bokeh()) == 1
    return page.replace(read_bokeh(), "")


def test_the_page_fetches_nothing(slumped, filmed):
    """What a browser does with it is in test_report_page.py."""
    for analysis in (slumped, filmed):
        page = own_part(render_html(analysis))
        assert not FETCHED.search(page)
        assert set(re.findall(r"https?://[^\s\"']*", page)) <= {"http://www.w3.org/2000/svg"}
        assert "default-src 'none'" in page
        assert "fatigue" not in page.lower()  # the recordings are short


def test_our_part_of_the_page_is_small(filmed):
    assert len(own_part(render_html(filmed)).encode()) < 1_000_000


def test_verdict_and_name_are_told_and_escaped(slumped):
    page = own_part(render_html(slumped))
    assert slumped.verdict.label == "degraded"
    assert slumped.verdict.text.replace(" %", "\u00a0%") in page
    assert "&lt;b&gt;x&amp;.mp4" in page
    assert "<b>" not in page


def test_warnings_are_told_and_escaped(slumped):
    warning = Warning("odd", "The <i>light</i> changed.")
    capture = dataclasses.replace(slumped.capture, warnings=[warning])
    page = render_html(dataclasses.replace(slumped, capture=capture))
    assert "The &lt;i&gt;light&lt;/i&gt; changed." in page


def test_the_table_shows_every_metric_that_was_measured(slumped):
    page = render_html(slumped)
    for column, facts in slumped.metrics.items():
        if facts.mean is None:
            continue
        _, early, late, _, words = format_row(column, facts)
        label = re.escape(REGISTRY[column].label)
        row = re.search(rf"<tr[^>]*>\s*<th[^>]*>{label}.*?</tr>", page, re.DOTALL)
        assert row, column
        assert f">{early}<" in page
        assert f">{late}<" in page
        assert words.replace("'", "&#39;") in page
        assert REGISTRY[column].explanation.replace("'", "&#39;") in page


def test_what_the_view_hides_is_named_with_the_reason(slumped):
    page = " ".join(render_html(slumped).split())
    assert "Lateral trunk lean, Pelvic drop (not measurable from the side)" in page
    assert "Vertical oscillation (cm) (needs --height-cm)" in page


def test_page_from_behind_charts_what_can_be_seen_there(folder):
    path = folder / "rear.mp4"
    path.write_bytes(b"no video")
    analysis = analyse(path, runner(view="rear"))
    assert charted_metrics(analysis) == ["lateral_trunk_lean_deg", "pelvic_drop_deg", "cadence_spm"]
    page = render_html(analysis)
    assert FILM_FROM_SIDE.text in page
    assert "Trunk lean, Slouch, Neck flexion" in page
    curves = re.findall('aria-label="([^"]*) over the stride', page)
    assert curves == ["Lateral trunk lean"]  # no angle that the page says can't be measured
    assert "rounder back" not in page


def test_no_lean_of_a_picture_is_minus_zero(filmed):
    angles = filmed.series.angles
    level = np.full_like(angles.trunk_lean_deg, -0.02)
    series = dataclasses.replace(
        filmed.series, angles=dataclasses.replace(angles, trunk_lean_deg=level)
    )
    camera = dataclasses.replace(filmed.capture.camera, roll_deg=-0.02)
    capture = dataclasses.replace(filmed.capture, camera=camera)
    page = own_part(render_html(dataclasses.replace(filmed, series=series, capture=capture)))
    assert "trunk lean 0.0° here" in page
    assert not re.search(r"[-−]0\.0\s?°", page)


def test_parts_that_were_not_compared_are_not_called_shaded(slumped, folder):
    path = folder / "short.mp4"
    path.write_bytes(b"no video")
    body = make_runner(10.0, 30, person_px=280, hip_px=(180, 190), noise_px=1.0, lean_sd_deg=0.6)
    assert "Shaded" not in own_part(render_html(analyse(path, body)))
    assert "Shaded" in own_part(render_html(slumped))


def test_without_the_video_the_page_says_so(slumped):
    page = own_part(render_html(slumped))
    assert "<img" not in page
    assert "No pictures: the video could not be read" in page


def test_a_video_that_is_gone_does_not_stop_the_report(slumped, tmp_path):
    video = dataclasses.replace(slumped.video, path=str(tmp_path / "gone.mp4"))
    write_report(dataclasses.replace(slumped, video=video), tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"frames.parquet", "strides.parquet", "report.html", "report.json"}


def test_two_pictures_of_the_same_size_from_both_ends(filmed):
    early, late = make_pictures(filmed)
    assert (early.width, early.height) == (late.width, late.height)
    assert early.time_s < LENGTH_S / 3
    assert late.time_s > LENGTH_S * 2 / 3
    starts = filmed.series.strides.start_s
    for picture in (early, late):
        assert np.abs(starts - picture.time_s).min() <= 0.5 / 30 + 1e-6
        assert len(picture.data_uri) <= MAX_BYTES
        assert render_html(filmed).count(picture.data_uri) == 1


def test_pictures_show_the_skeleton_on_the_runner(filmed):
    early, _ = make_pictures(filmed)
    shown = cv2.imdecode(np.frombuffer(early.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    blue, _, red = np.moveaxis(shown, 2, 0)
    # orange trunk and blue near side; the runner is dark, the wall is grey
    assert ((red - blue) > 100).sum() > 200
    assert ((blue - red) > 100).sum() > 200


def test_points_go_back_to_where_a_rolled_camera_filmed_them(filmed):
    roll = np.full_like(filmed.series.camera_roll_deg, 90.0)  # clockwise as seen
    rolled = dataclasses.replace(
        filmed, series=dataclasses.replace(filmed.series, camera_roll_deg=roll)
    )
    straight, turned = find_pose(filmed, 100), find_pose(rolled, 100)
    centre = np.array(SIZE_PX) / 2
    nose = straight.points[INDEX["nose"]] - centre
    assert turned.points[INDEX["nose"]] - centre == pytest.approx([-nose[1], nose[0]])
    assert turned.up == pytest.approx([1.0, 0.0])
    assert turned.lean_deg == straight.lean_deg


def test_points_scale_and_shift_with_the_picture(filmed):
    whole = find_pose(filmed, 100).points
    part = find_pose(filmed, 100, scale=2.0, origin_px=(40.0, 10.0)).points
    assert part == pytest.approx((whole - [40.0, 10.0]) / 2)


@pytest.mark.parametrize("size", [(360, 640), (2160, 3840)])
def test_unknown_points_are_left_out(filmed, size):
    picture = np.full((*size, 3), 128, dtype=np.uint8)
    pose = find_pose(filmed, 100)
    nothing = dataclasses.replace(pose, points=np.full_like(pose.points, np.nan))
    assert (draw_pose(picture, nothing) == 128).all()
    assert (draw_pose(picture, pose) != 128).any()
    assert (picture == 128).all()  # the picture given stays as it was


def test_charts_keep_text_as_text_and_show_parts_and_onset(slumped):
    facts = slumped.metrics["trunk_lean_deg"]
    assert facts.onset_s is not None
    svg = draw_chart(slumped, "trunk_lean_deg")
    assert svg.startswith("<svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert "Trunk lean (°)" in texts
    assert f"early: {facts.baseline.mean:.1f}°" in texts
    assert f"late: {facts.late.mean:.1f}°" in texts
    assert any(text.startswith("change from ") for text in texts)
    assert "0:30" in texts or "0:15" in texts


def test_charts_have_ids_of_their_own(slumped):
    ids = re.findall(r'\bid="([^"]+)"', own_part(render_html(slumped)))
    assert len(ids) == len(set(ids))


def test_slouch_is_charted_from_the_same_zero_as_its_mean(slumped):
    svg = draw_chart(slumped, "slouch_deg")
    assert "early: 0.0°" in svg


@pytest.mark.parametrize(("strides", "step"), [(10, 1), (MAX_DOTS, 1), (MAX_DOTS + 1, 2)])
def test_long_runs_draw_fewer_dots(strides, step):
    assert stride_step(strides) == step


def test_nothing_is_minus_zero(slumped):
    change = Change(-0.01, (-0.04, 0.02), "stable")
    facts = dataclasses.replace(slumped.metrics["trunk_lean_deg"], change=change)
    assert format_row("trunk_lean_deg", facts)[3] == "+0.0 (+0.0 to +0.0)"


def test_advice_after_a_slump_starts_with_running_tall_and_the_onset(slumped):
    hints = give_advice(slumped).for_this_run
    assert hints[0].short.startswith("Run tall")
    onset = slumped.metrics["trunk_lean_deg"].onset_s
    assert isinstance(onset, Estimate)
    minutes, seconds = divmod(round(onset.value), 60)
    assert f"{minutes}:{seconds:02}" in hints[1].text
    assert any("lean from the ankles" in hint.text for hint in hints)
    assert not any("shoulder blades" in hint.text for hint in hints)  # slouch held


def test_advice_for_a_rounder_back_speaks_of_the_chest(slumped):
    analysis = with_verdict(slumped, "degraded", trunk_lean_deg="stable", slouch_deg="increased")
    hints = give_advice(analysis).for_this_run
    assert any("shoulder blades" in hint.text for hint in hints)
    assert not any("ankles" in hint.text for hint in hints)


def test_advice_when_posture_held_says_it_was_over_this_recording(slumped):
    hints = give_advice(with_verdict(slumped, "held")).for_this_run
    assert "nothing to mend" in hints[0].text
    assert "over this recording" in hints[1].text


@pytest.mark.parametrize("label", ["insufficient_data", "inconclusive"])
def test_advice_when_the_video_can_not_tell(slumped, label):
    assert give_advice(with_verdict(slumped, label)).for_this_run[0] == FILM_LONGER


def test_advice_when_the_recording_was_spoilt(slumped):
    spoilt = Warning("camera_moves", "The camera moves.", spoils_verdict=True)
    capture = dataclasses.replace(slumped.capture, warnings=[spoilt])
    analysis = with_verdict(slumped, "inconclusive", overstride_pct="increased")
    hints = give_advice(dataclasses.replace(analysis, capture=capture)).for_this_run
    assert hints == [FILM_STEADY]  # the change of the steps may come from what spoilt it


@pytest.mark.parametrize(
    ("column", "verdict", "words"),
    [
        ("overstride_pct", "increased", "shorter, quicker"),
        ("cadence_spm", "decreased", "early rhythm"),
    ],
)
def test_advice_on_steps(slumped, column, verdict, words):
    assert words in all_advice(with_verdict(slumped, "held", **{column: verdict}))
    assert words not in all_advice(with_verdict(slumped, "held", **{column: "stable"}))


@pytest.mark.parametrize(
    "label", ["degraded", "held", "changed", "inconclusive", "insufficient_data"]
)
def test_every_advice_is_modest(slumped, label):
    words = all_advice(with_verdict(slumped, label))
    assert "no diagnosis" in words
    assert "no study shows" in words
    assert "physiotherapist" in words
    assert "evidence for that number is thin" in words
    assert "fatigue" not in words.lower()


def test_no_hint_is_given_twice(slumped, filmed):
    for analysis in (slumped, filmed, with_verdict(filmed, "changed")):
        advice = give_advice(analysis)
        shorts = [hint.short for hint in advice.for_this_run + advice.from_runners]
        assert len(shorts) == len(set(shorts))


def test_the_terminal_gives_a_few_short_hints(slumped):
    text = io.StringIO()
    print_analysis(slumped, Console(file=text, width=100))
    hints = [line for line in text.getvalue().splitlines() if line.startswith("> ")]
    assert hints[0] == "> Run tall: lift the crown of your head, shoulders back and down."
    assert len(hints) == MAX_HINTS


def test_an_interval_stays_on_one_line_of_a_usual_terminal(slumped):
    unknown = dataclasses.replace(
        slumped.metrics["overstride_pct"], change=Change(None, None, "insufficient_data")
    )
    shown = dataclasses.replace(slumped, metrics=slumped.metrics | {"overstride_pct": unknown})
    text = io.StringIO()
    print_analysis(shown, Console(file=text, width=80))
    for column in ("trunk_lean_deg", "slouch_deg", "stride_time_ms"):
        assert format_row(column, slumped.metrics[column])[3] in text.getvalue()


def test_between_two_frames_a_pose_lies_between_theirs(filmed):
    before, after = find_pose(filmed, 100), find_pose(filmed, 101)
    between = find_pose(filmed, 100.25)
    assert between.points == pytest.approx(0.75 * before.points + 0.25 * after.points)
    assert between.lean_deg == pytest.approx(0.75 * before.lean_deg + 0.25 * after.lean_deg)
