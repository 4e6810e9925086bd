"""What goes together with the late-run change, over runs; and what can't be told yet."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from formcheck.drift import Estimate
from formcheck.metrics.posture import SLOUCH_GAIN_SD, SLOUCH_LEAN_LEAK_SD
from formcheck.runlog.cadence import CadenceCheck, compare_cadence
from formcheck.runlog.run import Run
from formcheck.runlog.statistics import (
    LEAST_SE,
    Fitted,
    adjust,
    find_slope,
    pool,
    standard_error,
)
from formcheck.runlog.words import format_change

# Below, the interval of a slope is so wide that hardly anything could be told.
FEWEST_RUNS = 8
FEWEST_IN_GROUP = 4
SHORTEST_S = 600.0  # of recording: a clip of seconds shows no late part of a run
# How much one run makes a slope, 1: it alone. Eight runs spread evenly have 0.42 at most, two that
# differ from all others 0.5 each.
LARGEST_LEVERAGE = 0.45
SURE = 0.05  # adjusted for all that is looked for
LARGEST_DEG = 180.0
SECONDS_PER_MONTH = 30.44 * 86_400

CAUTION = (
    "That two things go together does not say that one brings the other: runs lie in an order, and "
    "shoes, season, fitness and pace change along with it. Forward lean is no fault, and no study "
    "shows that drift on video predicts pain."
)

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """A change whose history is told.

    `gain_sd` (a share) and `leak_sd` (degrees for a degree of lean) are the runner's own, so they
    are alike in all of a runner's runs (`formcheck.metrics.registry.Metric`).
    """

    name: str
    label: str
    gain_sd: float = 0.0
    leak_sd: float = 0.0

    def of(self, run: Run) -> tuple[float, float, float] | None:
        """Return the change and its interval, if the video could tell."""
        if run.filmed is None:
            return None
        value, low, high = (
            getattr(run.filmed, f"{self.name}_{part}_deg") for part in ("change", "low", "high")
        )
        if value is None or low is None or high is None:
            return None
        is_angle = max(abs(value), abs(low), abs(high)) <= LARGEST_DEG  # not so in a wrong import
        return (value, low, high) if is_angle else None


@dataclass(frozen=True)
class Quantity:
    """A number of a run, and the step of it for which a slope is told."""

    name: str
    label: str
    step: str
    of: Callable[[Run], float | None]


@dataclass(frozen=True)
class Grouping:
    """A kind of a run: one of several."""

    name: str
    label: str
    of: Callable[[Run], str | None]


LEAN = Outcome("lean", "Lean")
OUTCOMES = (LEAN, Outcome("slouch", "Slouch", SLOUCH_GAIN_SD, SLOUCH_LEAN_LEAK_SD))
QUANTITIES = (
    Quantity("date", "Date", "a month", lambda r: r.when.time.timestamp() / SECONDS_PER_MONTH),
    Quantity("duration", "Duration", "30 minutes", lambda r: _scaled(r.lasted_s, 1800.0)),
    Quantity("distance", "Distance", "5 km", lambda r: _scaled(r.total_m, 5000.0)),
    Quantity("pain", "Worst pain", "a point of pain", lambda r: _scaled(r.worst_pain, 1.0)),
)
GROUPINGS = (
    Grouping("shoes", "Shoes", lambda run: run.shoes),
    Grouping("surface", "Surface", lambda run: run.surface),
)


@dataclass(frozen=True)
class Finding:
    """A line of the history.

    Attributes
    ----------
    fitted : Fitted, optional
        Slope or difference in degrees; None where it can't be told, and `text` says why.
    conclusion : str
        What the number says, given that others were looked at.
    is_told : bool
        It stands out from chance among all of them.
    """

    about: str
    outcome: str
    fitted: Fitted | None
    text: str
    conclusion: str = ""
    is_told: bool = False

    @property
    def estimate(self) -> Estimate | None:
        """Slope or difference with its 95 % interval."""
        return None if self.fitted is None else self.fitted.estimate


@dataclass(frozen=True)
class Group:
    """The runs of one kind: their mean change (NaN if none), an interval if two or more."""

    grouping: str
    name: str
    outcome: str
    runs: int
    mean: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class History:
    """All that is told over runs.

    Attributes
    ----------
    runs : list of Run
        All in the log, by time.
    judged : list of Run
        Those whose video tells of a change, of lean or slouch or both, that is the runner's own.
    left_out : list of str
        Why the others are not, or not for both, a sentence for each reason.
    means : dict of str to Group
        Mean change of all runs judged by it, by outcome.
    """

    runs: list[Run]
    judged: list[Run]
    left_out: list[str]
    means: dict[str, Group]
    findings: list[Finding]
    groups: list[Group]
    cadences: list[tuple[Run, CadenceCheck]]

    @property
    def lines(self) -> list[Finding]:
        """The findings, those that say the same of lean and of slouch once."""
        return list({finding.text: finding for finding in self.findings}.values())

    @property
    def summary(self) -> str:
        """The answer in a sentence."""
        told = [finding for finding in self.findings if finding.is_told]
        if told:
            lines = [f"{finding.text[0].lower()}{finding.text[1:-1]}" for finding in told]
            return f"What stands out from chance: {'; '.join(lines)}."
        missing = FEWEST_RUNS - len(self.judged)
        if missing > 0:
            return (
                f"Too few runs to tell what goes together: {FEWEST_RUNS} that a video could judge "
                f"are the least, and the log has {len(self.judged)}."
            )
        return (
            f"In {len(self.judged)} runs nothing stands out from chance; that is no proof that "
            "nothing is there."
        )


def tell_history(runs: Sequence[Run]) -> History:
    """Look for what goes together with the change of lean and slouch.

    Parameters
    ----------
    runs : sequence of Run
        In any order.
    """
    ordered = sorted(runs, key=lambda run: run.when.time)
    by = {o: [run for run in ordered if _is_judged(run, o)] for o in OUTCOMES}
    judged = [run for run in ordered if any(_is_judged(run, o) for o in OUTCOMES)]
    findings = [_relate(by[o], o, q) for q in QUANTITIES for o in OUTCOMES]
    findings += [f for g in GROUPINGS for o in OUTCOMES for f in _compare(by[o], o, g)]
    checks = ((run, compare_cadence(run)) for run in ordered)
    return History(
        runs=ordered,
        judged=judged,
        left_out=_count_left_out(ordered),
        means={o.name: _describe("all", "all runs", o, by[o]) for o in OUTCOMES if by[o]},
        findings=_judge_together(_tell_apart(findings)),
        groups=[
            _describe(grouping.name, name, outcome, members)
            for grouping in GROUPINGS
            for name, members in _split(judged, grouping).items()
            for outcome in OUTCOMES
        ],
        cadences=[(run, check) for run, check in checks if check is not None],
    )


def _scaled(value: float | None, step: float) -> float | None:
    return None if value is None else value / step


# --- which runs count -----------------------------------------------------------------------------


def _why_spoiled(run: Run) -> str | None:
    if run.filmed is None:
        return "without a video"
    if run.filmed.view != "side":
        return "not filmed from the side"
    if run.filmed.spoilers:
        return "in which the change may come from the camera, the belt or the light"
    if run.filmed.recorded_s < SHORTEST_S:
        return f"filmed for less than {SHORTEST_S / 60:.0f} minutes"
    return None


def _why_left_out(run: Run) -> str | None:
    if (spoiled := _why_spoiled(run)) is not None:
        return spoiled
    missing = [outcome.name for outcome in OUTCOMES if outcome.of(run) is None]
    return f"for {' and '.join(missing)}, which could not be measured" if missing else None


def _is_judged(run: Run, outcome: Outcome) -> bool:
    """Tell whether the change is measured and may be the runner's own."""
    return _why_spoiled(run) is None and outcome.of(run) is not None


def _count_left_out(runs: Sequence[Run]) -> list[str]:
    reasons = Counter(reason for run in runs if (reason := _why_left_out(run)) is not None)
    return [
        f"{count} run{'' if count == 1 else 's'} {reason}"
        for reason, count in reasons.most_common()
    ]


# --- numbers --------------------------------------------------------------------------------------


def _fit(
    runs: Sequence[Run], outcome: Outcome, fit: Callable[[_Floats, _Floats], Fitted]
) -> Fitted:
    """Fit what differs from run to run, then add once what all runs are wrong by alike."""
    change, low, high = np.array([outcome.of(run) for run in runs], dtype=float).T
    lean = np.array([(LEAN.of(run) or (0.0,))[0] for run in runs])
    whole = np.array([standard_error(*ends) for ends in zip(low, high, strict=True)])
    random = whole**2 - (outcome.gain_sd * change) ** 2 - (outcome.leak_sd * lean) ** 2
    se = np.sqrt(np.maximum(random, LEAST_SE**2))
    fitted = fit(change, se)
    leak = outcome.leak_sd * fit(lean, se).value if outcome.leak_sd else 0.0
    return replace(fitted, shared_sd=math.hypot(outcome.gain_sd * fitted.value, leak))


def _fit_slope(runs: Sequence[Run], outcome: Outcome, against: _Floats) -> Fitted:
    return _fit(runs, outcome, lambda change, se: find_slope(change, se, against))


def _relate(judged: Sequence[Run], outcome: Outcome, quantity: Quantity) -> Finding:
    runs = [run for run in judged if quantity.of(run) is not None]
    against = np.array([quantity.of(run) for run in runs], dtype=float)
    line = Finding(quantity.name, outcome.name, None, "")
    about = f"{outcome.label}, late minus early, against {quantity.label.lower()}"
    if (missing := FEWEST_RUNS - len(runs)) > 0:
        return replace(
            line,
            text=f"Against {quantity.label.lower()}: too few runs to tell ({len(runs)} of at least "
            f"{FEWEST_RUNS}; {missing} more).",
        )
    if _largest_leverage(against) > LARGEST_LEVERAGE:
        return replace(line, text=f"{quantity.label} was much the same in all runs but one or two.")
    fitted = _fit_slope(runs, outcome, against)
    value = _in_words(fitted.estimate)
    return replace(
        line, fitted=fitted, text=f"{about}: {value} for {quantity.step} more ({len(runs)} runs)."
    )


def _largest_leverage(against: _Floats) -> float:
    if np.ptp(against) == 0:
        return 1.0
    squares = (against - against.mean()) ** 2
    return float(1 / against.size + squares.max() / squares.sum())


def _compare(judged: Sequence[Run], outcome: Outcome, grouping: Grouping) -> list[Finding]:
    """Compare each kind with the one of most runs."""
    kinds = {
        name: members
        for name, members in _split(judged, grouping).items()
        if len(members) >= FEWEST_IN_GROUP
    }
    line = Finding(grouping.name, outcome.name, None, "")
    about = f"{outcome.label}, late minus early, by {grouping.label.lower()}"
    if len(kinds) < 2:
        return [
            replace(
                line,
                text=f"By {grouping.label.lower()}: too few runs to compare (two kinds with "
                f"{FEWEST_IN_GROUP} runs each are the least).",
            )
        ]
    (reference, most), *others = kinds.items()
    found = []
    for name, members in others:
        both = [run for run in judged if grouping.of(run) in (name, reference)]
        is_other = np.array([grouping.of(run) == name for run in both], dtype=float)
        fitted = _fit_slope(both, outcome, is_other)
        text = (
            f"{about}: {name} against {reference} {_in_words(fitted.estimate)} "
            f"({len(members)} and {len(most)} runs)."
        )
        found.append(replace(line, fitted=fitted, text=text))
    return found


def _split(judged: Sequence[Run], grouping: Grouping) -> dict[str, list[Run]]:
    """Sort runs by kind, the most frequent first."""
    names = Counter(name for run in judged if (name := grouping.of(run)) is not None)
    return {n: [run for run in judged if grouping.of(run) == n] for n, _ in names.most_common()}


def _describe(grouping: str, name: str, outcome: Outcome, runs: Sequence[Run]) -> Group:
    judged = [run for run in runs if _is_judged(run, outcome)]
    if len(judged) < 2:
        mean = next((change[0] for change in map(outcome.of, judged) if change), math.nan)
        return Group(grouping, name, outcome.name, len(judged), mean, None)
    estimate = _fit(judged, outcome, pool).estimate
    return Group(grouping, name, outcome.name, len(judged), estimate.value, estimate.ci95)


def _tell_apart(findings: Sequence[Finding]) -> list[Finding]:
    """Say of which outcome a line without a number is, where it does not hold for all of them."""
    alike = Counter(finding.text for finding in findings)
    labels = {outcome.name: outcome.label.lower() for outcome in OUTCOMES}
    return [
        finding
        if finding.fitted is not None or alike[finding.text] == len(OUTCOMES)
        else replace(
            finding,
            text=f"For {labels[finding.outcome]}, {finding.text[0].lower()}{finding.text[1:]}",
        )
        for finding in findings
    ]


def _judge_together(findings: list[Finding]) -> list[Finding]:
    """Tell which lines stand out, given that all were looked at."""
    fitted = [finding.fitted for finding in findings if finding.fitted is not None]
    adjusted = iter(adjust([number.p for number in fitted]))
    return [
        finding
        if finding.fitted is None
        else _conclude(finding, finding.fitted, next(adjusted), len(fitted))
        for finding in findings
    ]


def _conclude(finding: Finding, fitted: Fitted, adjusted_p: float, looks: int) -> Finding:
    low, high = fitted.estimate.ci95
    if adjusted_p < SURE:
        return replace(finding, conclusion="This stands out from chance.", is_told=True)
    if low > 0 or high < 0:
        words = f"Among {looks} such lines this may be chance: one in twenty is."
        return replace(finding, conclusion=words)
    return replace(finding, conclusion="No link can be told.")


def _in_words(estimate: Estimate) -> str:
    return f"{format_change(estimate.value, *estimate.ci95).replace(' (', '° (95 %: ', 1)[:-1]}°)"
