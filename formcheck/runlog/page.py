"""history.html: one page that holds all it needs; it links to the reports beside it only."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from formcheck.runlog.charts import DATE, Value, draw_against, draw_groups, local_day
from formcheck.runlog.history import (
    CAUTION,
    FEWEST_IN_GROUP,
    FEWEST_RUNS,
    GROUPINGS,
    OUTCOMES,
    Finding,
    History,
    Outcome,
)
from formcheck.runlog.run import DATE_SOURCE_WORDS, Run
from formcheck.runlog.words import (
    format_change,
    format_date,
    format_distance,
    format_duration,
    format_pains,
)

MOST_CHARTED_KINDS = 8
AGAINST: tuple[tuple[str, str, Value], ...] = (
    ("duration", "duration (min)", lambda r: None if r.lasted_s is None else r.lasted_s / 60),
    ("distance", "distance (km)", lambda r: None if r.total_m is None else r.total_m / 1000),
    ("pain", "worst pain (0 to 10)", lambda r: r.worst_pain),
)


@dataclass(frozen=True)
class _Chart:
    svg: Markup
    alt: str


@dataclass(frozen=True)
class _Topic:
    """What the change is looked at against: what is told, and the charts."""

    title: str
    findings: Sequence[Finding]
    charts: Sequence[_Chart]
    kinds: Sequence[tuple[str, int, list[tuple[str, str]]]] = ()


@dataclass(frozen=True)
class _Row:
    """A run as people read it."""

    run: Run
    when: str
    source: str
    link: str | None
    distance: str
    duration: str
    pains: str
    verdict: str
    changes: list[tuple[str, str]]


def render_history(history: History, page: Path) -> str:
    """Return the page as text.

    Parameters
    ----------
    history : History
    page : Path
        Where it will lie: links to the reports that are there still start from it.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("formcheck.runlog"), PackageLoader("formcheck.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("history.html").render(
        history=history,
        facts=_key_facts(history),
        over_time=_chart_against(history, DATE, "", local_day),
        topics=_list_topics(history),
        outcomes=OUTCOMES,
        cadences=history.cadences,
        rows=[_show(run, page) for run in reversed(history.runs)],
        caution=CAUTION,
        fewest=FEWEST_RUNS,
        fewest_in_group=FEWEST_IN_GROUP,
    )


def _key_facts(history: History) -> list[tuple[str, str]]:
    facts = [("runs", f"{len(history.runs)}"), ("judged by video", f"{len(history.judged)}")]
    known = [run.total_m for run in history.runs if run.total_m is not None]
    if known:
        facts.append(("distance", f"{sum(known) / 1000:.0f} km"))
    for outcome in OUTCOMES:
        mean = history.means.get(outcome.name)
        if mean is not None and mean.ci95 is not None:
            interval = format_change(mean.mean, *mean.ci95)
            facts.append((f"{outcome.label.lower()}, late minus early, mean", f"{interval}°"))
    return facts


def _list_topics(history: History) -> list[_Topic]:
    topics = []
    over_time = [finding for finding in history.lines if finding.about == DATE]
    topics.append(_Topic("Date", over_time, ()))
    for name, label, value in AGAINST:
        findings = [finding for finding in history.lines if finding.about == name]
        charts = _chart_against(history, name, label, value)
        topics.append(_Topic(label[0].upper() + label[1:], findings, charts))
    for grouping in GROUPINGS:
        own = [group for group in history.groups if group.grouping == grouping.name]
        findings = [finding for finding in history.lines if finding.about == grouping.name]
        names = list(dict.fromkeys(group.name for group in own))
        few = [group for group in own if group.name in names[:MOST_CHARTED_KINDS]]
        charts = [
            _Chart(Markup(svg), f"{outcome.label} by {grouping.label.lower()}")
            for outcome in OUTCOMES
            if (svg := draw_groups(history.judged, few, outcome)) is not None
        ]
        kinds = [
            (name, max(m.runs for m in members), [_mean(m.mean, m.ci95) for m in members])
            for name in names
            if (members := [group for group in own if group.name == name])
        ]
        topics.append(_Topic(grouping.label, findings, charts, kinds))
    return topics


def _chart_against(history: History, name: str, label: str, value: Value) -> list[_Chart]:
    drawn = (
        (outcome, draw_against(history.judged, outcome, value, name, label)) for outcome in OUTCOMES
    )
    return [
        _Chart(Markup(svg), f"{outcome.label}, late minus early, of each run against {name}")
        for outcome, svg in drawn
        if svg is not None
    ]


def _mean(mean: float, ci95: tuple[float, float] | None) -> tuple[str, str]:
    return "" if math.isnan(
        mean
    ) else f"{mean:+z.1f}", "" if ci95 is None else f"{ci95[0]:+z.1f} to {ci95[1]:+z.1f}"


def _show(run: Run, page: Path) -> _Row:
    return _Row(
        run=run,
        when=format_date(run.when.time),
        source=DATE_SOURCE_WORDS[run.when.source],
        link=_link(run, page),
        distance=format_distance(run.total_m),
        duration=format_duration(run.lasted_s),
        pains=format_pains(run.pains),
        verdict=run.filmed.verdict.replace("_", " ") if run.filmed is not None else "",
        changes=[_change(run, outcome) for outcome in OUTCOMES],
    )


def _change(run: Run, outcome: Outcome) -> tuple[str, str]:
    change = outcome.of(run)
    if change is None:
        return "", ""
    value, low, high = change
    return f"{value:+z.1f}", f"{low:+z.1f} to {high:+z.1f}"


def _link(run: Run, page: Path) -> str | None:
    """Return the way from the page to the run's report, if that is there still."""
    if run.filmed is None:
        return None
    report = Path(run.filmed.result_path) / "report.html"
    try:
        if not report.is_file():
            return None
        return quote(os.fsencode(Path(os.path.relpath(report, page.parent)).as_posix()))
    except (OSError, ValueError):  # on another drive; a name that can't be
        return None
