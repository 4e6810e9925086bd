"""What the history tells of runs, what it leaves out, and its page."""

import io
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from formcheck.runlog.cadence import compare_cadence
from formcheck.runlog.history import FEWEST_IN_GROUP, FEWEST_RUNS, tell_history
from formcheck.runlog.page import render_history
from formcheck.runlog.run import NO_PAIN, Pain
from formcheck.runlog.terminal import print_history
from tests.browser import needs_browser, open_browser
from tests.runs import DAY_0, make_activity, make_filmed, make_run

NASTY = '"><script>alert(1)</script>{{ 7 * 7 }}'


def make_runs(count, *, slope=0.0, seed=0, **facts):
    """Runs of growing duration, whose lean changes by `slope` degrees for 30 minutes more."""
    rng = np.random.default_rng(seed)
    runs = []
    for i in range(count):
        lean = slope * i / 3 + rng.normal(0, 0.2)
        filmed = make_filmed(lean=(lean, lean - 0.4, lean + 0.4))
        runs.append(make_run(day=i * 3.0, duration_s=1800.0 + 600.0 * i, filmed=filmed, **facts))
    return runs


def find(history, about, outcome="lean"):
    found = [f for f in history.findings if (f.about, f.outcome) == (about, outcome)]
    assert found
    return found[0]


def in_terminal(history):
    shown = io.StringIO()
    print_history(history, Console(width=80, file=shown))
    return " ".join(shown.getvalue().split())


# --- what is told --------------------------------------------------------------------------------


def test_lean_that_grows_with_duration_is_told_with_its_interval():
    history = tell_history(make_runs(12, slope=1.5))
    duration = find(history, "duration")
    low, high = duration.estimate.ci95
    assert low < 1.5 < high
    assert high - low < 0.6
    assert duration.is_told
    assert "stands out" in duration.conclusion
    assert "lean, late minus early, against duration: +1.5°" in history.summary
    assert not find(history, "duration", "slouch").is_told
    assert "stands out from chance" in in_terminal(history)


def test_runs_in_which_nothing_happens_tell_nothing():
    history = tell_history(make_runs(20))
    assert not any(finding.is_told for finding in history.findings)
    assert "nothing stands out from chance" in history.summary
    assert "no proof" in history.summary


@pytest.mark.parametrize("count", [0, 1, 2, FEWEST_RUNS - 1])
def test_too_few_runs_say_how_many_more_and_no_number(count):
    history = tell_history(make_runs(count, slope=3.0))
    assert history.summary.startswith("Too few runs to tell")
    assert all(finding.fitted is None for finding in history.findings)
    assert f"{FEWEST_RUNS - count} more" in find(history, "duration").text
    assert len({finding.text for finding in history.lines}) == len(history.lines)
    assert "Too few runs" in in_terminal(history)


def test_one_run_that_hurt_makes_no_slope():
    runs = [
        make_run(day=i, pains=(Pain("knee", 8),) if i == 4 else (NO_PAIN,), filmed=make_filmed())
        for i in range(12)
    ]
    pain = find(tell_history(runs), "pain")
    assert pain.fitted is None
    assert "much the same in all runs but one or two" in pain.text


def test_one_long_run_among_many_of_nearly_one_length_makes_no_slope():
    rng = np.random.default_rng(1)
    lengths = [*(1800 + rng.uniform(-5, 5, 9)), 5400.0]
    runs = [
        make_run(day=i, duration_s=length, filmed=make_filmed(lean=(float(i == 9), -0.1, 0.1)))
        for i, length in enumerate(lengths)
    ]
    assert find(tell_history(runs), "duration").fitted is None


def test_a_slope_is_told_of_a_few_runs_spread_evenly():
    assert find(tell_history(make_runs(FEWEST_RUNS)), "duration").fitted is not None


def test_clips_do_not_count_as_the_runs_they_are_of():
    runs = [make_run(day=i, filmed=make_filmed(recorded_s=100.0)) for i in range(9)]
    history = tell_history(runs)
    assert history.judged == []
    assert history.left_out == ["9 runs filmed for less than 10 minutes"]
    assert runs[0].lasted_s is None


def test_silence_about_pain_is_not_no_pain():
    pain = find(tell_history(make_runs(12)), "pain")
    assert "(0 of at least 8; 8 more)" in pain.text


def test_worst_pain_counts():
    run = make_run(pains=(Pain("knee", 2), Pain("lower back", 7)))
    assert run.worst_pain == 7


def make_pairs(count, difference, *, seed=1):
    rng = np.random.default_rng(seed)
    runs = []
    for name, size, shift in (("old", count, difference), ("new", count, 0.0)):
        for i in range(size):
            lean = shift + rng.normal(0, 0.3)
            filmed = make_filmed(lean=(lean, lean - 0.4, lean + 0.4))
            runs.append(make_run(day=float(i), shoes=name, surface="road", filmed=filmed))
    return runs


def test_shoes_that_differ_are_told():
    shoes = find(tell_history(make_pairs(8, 3.0)), "shoes")
    assert shoes.is_told
    assert abs(shoes.estimate.value) == pytest.approx(3.0, abs=0.6)
    assert "(8 and 8 runs)" in shoes.text


def test_shoes_are_not_compared_over_too_few_runs():
    history = tell_history(make_pairs(FEWEST_IN_GROUP - 1, 9.0))
    assert find(history, "shoes").fitted is None
    assert "too few runs to compare" in find(history, "shoes").text
    kinds = {(group.name, group.outcome): group for group in history.groups}
    assert kinds["old", "lean"].runs == FEWEST_IN_GROUP - 1
    assert kinds["old", "lean"].ci95 is not None


def test_one_kind_alone_is_not_compared():
    assert find(tell_history(make_pairs(8, 3.0)), "surface").fitted is None


def test_a_number_off_0_that_was_one_of_many_is_called_perhaps_chance():
    """The interval excludes 0, but among so many lines that happens by chance."""
    for seed in range(200):
        history = tell_history(make_runs(10, seed=seed))
        for finding in history.findings:
            if finding.fitted is None or finding.is_told:
                continue
            low, high = finding.estimate.ci95
            if low > 0 or high < 0:
                assert "may be chance" in finding.conclusion
                return
    pytest.fail("in 200 histories of nothing no interval excluded 0")


def test_what_a_video_can_not_tell_is_left_out_and_said():
    runs = [
        *make_runs(3),
        make_run(),
        make_run(filmed=make_filmed(view="rear", lean=None, slouch=None)),
        make_run(filmed=make_filmed(spoilers="speed_changed")),
        make_run(filmed=make_filmed(lean=None)),
    ]
    history = tell_history(runs)
    assert len(history.judged) == 4
    assert sorted(history.left_out) == [
        "1 run for lean, which could not be measured",
        "1 run in which the change may come from the camera, the belt or the light",
        "1 run not filmed from the side",
        "1 run without a video",
    ]


def test_a_run_whose_slouch_can_not_be_measured_counts_for_lean(page_path):
    runs = [
        replace(run, filmed=replace(run.filmed, slouch_change_deg=None), shoes=f"pair {i % 2}")
        for i, run in enumerate(make_runs(12, slope=1.5))
    ]
    for history in (tell_history(runs), tell_history([*runs, *make_pairs(1, 0.0)])):
        assert find(history, "duration").is_told
        assert find(history, "duration", "slouch").fitted is None
        assert history.means["lean"].runs == len(history.judged)
        assert "nan" not in re.sub(r"<svg.*?</svg>", "", render_history(history, page_path))
        assert "12 runs for slouch, which could not be measured" in in_terminal(history)


def test_too_few_runs_for_slouch_alone_are_said_of_slouch_alone():
    runs = [
        replace(run, filmed=replace(run.filmed, slouch_change_deg=None), shoes=f"pair {i % 2}")
        for i, run in enumerate(make_runs(12))
    ]
    said = in_terminal(tell_history(runs))
    assert "For slouch, against duration: too few runs to tell (0 of at least 8" in said
    assert "For slouch, by shoes: too few runs to compare" in said
    assert "- Against distance: too few runs" in said  # which is so for both
    assert "- By surface: too few runs" in said


def test_an_import_of_nonsense_breaks_nothing():
    runs = [*make_runs(12), make_run(filmed=make_filmed(lean=(1e9, -1e9, 1e300)))]
    history = tell_history(runs)
    assert history.means["lean"].runs == 12


def test_nothing_is_called_a_cause():
    history = tell_history(make_runs(12, slope=1.5))
    said = in_terminal(history) + render_history(history, Path("history.html"))
    assert not re.search(r"\b(cause[sd]?|because of|due to|leads? to more)\b", said)
    assert "Forward lean is no fault" in said
    assert "no study shows that drift on video predicts pain" in said


# --- cadence -------------------------------------------------------------------------------------


def compare(watch, video, **facts):
    filmed = make_filmed(
        cadence_spm=video, cadence_low_spm=video - 0.5, cadence_high_spm=video + 0.5, **facts
    )
    return compare_cadence(make_run(filmed=filmed, activity=make_activity(cadence_spm=watch)))


def test_cadences_that_agree_say_so_with_the_difference_and_its_interval():
    check = compare(167.0, 165.0)
    assert check.agrees
    assert "(+2.0, 95 %: +1.5 to +2.5)" in check.text
    assert "they agree" in check.text


@pytest.mark.parametrize(
    ("watch", "video", "words"),
    [
        (165.0, 82.0, "slow motion 2"),
        (165.0, 20.7, "slow motion 8"),
        (82.0, 165.0, "counts one foot"),
        (150.0, 170.0, "another run"),
    ],
)
def test_cadences_that_differ_say_what_that_could_mean(watch, video, words):
    check = compare(watch, video)
    assert not check.agrees
    assert words in check.text.replace("--slow-motion", "slow motion")


def test_a_wide_interval_is_no_disagreement():
    filmed = make_filmed(cadence_spm=157.0, cadence_low_spm=152.0, cadence_high_spm=162.0)
    check = compare_cadence(make_run(filmed=filmed, activity=make_activity(cadence_spm=165.0)))
    assert check.agrees


def test_without_a_watch_nothing_is_compared():
    assert compare_cadence(make_run(filmed=make_filmed())) is None
    assert compare_cadence(make_run(activity=make_activity())) is None
    assert (
        compare_cadence(make_run(filmed=make_filmed(), activity=make_activity(cadence_spm=None)))
        is None
    )


# --- the page ------------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("href", "src", "srcset", "action", "data"):
                self.links.append(value)


@pytest.fixture
def page_path(tmp_path):
    return tmp_path / "pages" / "history.html"


def test_the_page_refers_to_reports_that_are_there_and_to_nothing_else(tmp_path, page_path):
    result = tmp_path / "results" / "läuf #1?"
    result.mkdir(parents=True)
    (result / "report.html").write_text("report")
    there = make_filmed(result_path=str(result))
    gone = make_filmed(result_path=str(tmp_path / "gone"))
    text = render_history(
        tell_history([*make_runs(12), make_run(filmed=there), make_run(filmed=gone)]), page_path
    )
    links = [link for link in _Page(text).links if not link.startswith("#")]
    assert links == ["../results/l%C3%A4uf%20%231%3F/report.html"]
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "url(" not in re.sub(r"url\(#", "", text)


def test_names_and_notes_are_text_on_the_page(page_path):
    runs = [
        make_run(
            day=float(i),
            shoes=f"{NASTY}{i % 2}",
            surface=NASTY,
            notes=NASTY,
            pains=(Pain(NASTY, i % 5),),
            filmed=make_filmed(verdict=NASTY),
            activity=make_activity(started=DAY_0 + timedelta(days=i)),
        )
        for i in range(10)
    ]
    text = render_history(tell_history(runs), page_path)
    assert "script" not in _Page(text).tags
    assert "{{ 7 * 7 }}" in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_a_page_is_made_of_any_number_of_runs(count, page_path):
    text = render_history(tell_history(make_runs(count)), page_path)
    tags = _Page(text).tags
    assert tags.count("figure") == (4 if count > 1 else 0)  # over time and duration, two each
    assert tags.count("tr") >= count
    assert len(text) < 4_000_000
    if 1 < count < 12:
        assert re.search(r">Mar \d\d<", text)  # days under the chart have their month


@needs_browser
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("width", [360, 820, 1160, 1280])
def test_the_page_breaks_no_word_and_does_not_scroll_sideways(width, page_path):
    usual = {"surface": "treadmill", "pains": (Pain("lower back", 3),), "distance_m": 21_000.0}
    runs = [
        make_run(
            day,
            **usual,
            shoes=f"pair {day % 2}",
            notes="a long way\nwith wind from the east",
            filmed=make_filmed(
                verdict="insufficient_data", lean=(11.2, -10.5, 12.3), slouch=(10.1, -11.1, 12.2)
            ),
        )
        for day in range(4)
    ]
    page_path.parent.mkdir()
    page_path.write_text(render_history(tell_history(runs), page_path), encoding="utf-8")
    with open_browser(width, 800) as browser:
        browser.open(page_path)
        assert browser.width() == width
        inside, wide = browser.script(
            "const wide = (e) => e.getBoundingClientRect().right;"
            "return [wide(document.querySelector('.runs')), wide(document.querySelector('#runs'))]"
        )
        assert inside <= wide
        lines = browser.script(
            "const line = (e) => { const r = document.createRange(); r.selectNodeContents(e);"
            "return [...r.getClientRects()].length; };"
            "return ['insufficient data', 'treadmill'].map((words) =>"
            "[...document.querySelectorAll('.runs td, .runs .tag')]"
            ".filter((e) => e.childElementCount === 0 && e.textContent === words).map(line))"
        )
        assert lines[0] in ([1] * 4, [2] * 4)
        assert lines[1] == [1] * 4
        notes = browser.script("return document.querySelector('.runs .notes').innerText")
        assert notes == "a long way\nwith wind from the east"


def test_control_signs_do_not_reach_the_terminal():
    runs = [replace(run, shoes=f"\x1b[31m{run.shoes}\x07") for run in make_pairs(8, 3.0)]
    shown = in_terminal(tell_history(runs))
    assert "[31mold" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
