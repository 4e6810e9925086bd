"""The answer in words: did posture hold to the end, and how sure is that."""

from collections.abc import Mapping

from formcheck.metrics import REGISTRY
from formcheck.result import Capture, Label, MetricFacts, Verdict

FATIGUE_FROM_S = 600.0  # shorter recordings say nothing about fatigue
SHORTEST_JUDGED_S = 60.0  # a slow runner takes this long for two parts of 24 strides
LATE_IN_THE_RUN, OVER_THIS_RECORDING = "late in the run", "over this recording"


def reach_verdict(
    metrics: dict[str, MetricFacts],
    capture: Capture,
    recorded_s: float,
    *,
    all_was_watched: bool = True,
) -> Verdict:
    """Put the posture metrics and the state of the recording together.

    Parameters
    ----------
    metrics : dict of MetricFacts
        By column; those that the registry marks as posture count.
    capture : Capture
        Warnings that spoil the verdict make it inconclusive.
    recorded_s : float
        Length of the recording in real seconds.
    all_was_watched : bool
        Whether the video was watched whole, not in windows.

    Returns
    -------
    Verdict
        degraded: lean or slouch increased; changed: one decreased and none increased; held: both
        stable; insufficient_data: none could be judged for want of strides; else inconclusive.
    """
    posture = {c: metrics[c] for c, metric in REGISTRY.items() if metric.is_posture}
    verdicts = {column: facts.change.verdict for column, facts in posture.items()}
    span = LATE_IN_THE_RUN if recorded_s >= FATIGUE_FROM_S else OVER_THIS_RECORDING
    if capture.view != "side":
        text = (
            f"The video is taken from the {capture.view}: lean and slouch can't be seen from "
            "there. Film from the side to have them judged."
        )
        return Verdict("inconclusive", None, text, [f"not_measurable_from_{capture.view}"])
    label = _label(verdicts)
    reasons = [f"{column}:{verdict}" for column, verdict in verdicts.items()]
    if label == "insufficient_data" and not all_was_watched:
        text = (
            "Too little of the video was watched to tell whether posture changed: run again with "
            "--sample all."
        )
        return Verdict(label, None, text, reasons)
    if label == "insufficient_data":
        what = (
            "The recording is too short"
            if recorded_s < SHORTEST_JUDGED_S
            else "Too few strides were seen well enough"
        )
        text = (
            f"{what} to tell whether posture changed: film at least two minutes, better the whole "
            "run, with the whole body in the picture."
        )
        return Verdict(label, None, text, reasons)
    spoilers = [warning for warning in capture.warnings if warning.spoils_verdict]
    if spoilers:
        text = "The video can't tell whether posture held. " + " ".join(w.text for w in spoilers)
        return Verdict("inconclusive", None, text, [w.code for w in spoilers] + reasons)
    onsets = [
        facts.onset_s.value
        for column, facts in posture.items()
        if facts.onset_s is not None and verdicts[column] == "increased"
    ]
    onset = min(onsets) if onsets and label == "degraded" else None
    return Verdict(label, onset, _sentence(label, posture, onset, span), reasons)


def _label(verdicts: Mapping[str, str]) -> Label:
    found = set(verdicts.values())
    if "increased" in found:
        return "degraded"
    if "decreased" in found:
        return "changed"
    if found == {"stable"}:
        return "held"
    if found == {"insufficient_data"}:
        return "insufficient_data"
    return "inconclusive"


def _sentence(
    label: Label, posture: dict[str, MetricFacts], onset_s: float | None, span: str
) -> str:
    changes = {
        column: (facts.change.value, facts.change.ci95)
        for column, facts in posture.items()
        if facts.change.value is not None and facts.change.ci95 is not None
    }

    def amount(column: str) -> str:
        value, (low, high) = changes[column]
        return f"{_name(column)} {value:+z.1f}° (95 % sure: {low:+z.1f} to {high:+z.1f}°)"

    if label == "held":
        return (
            f"Posture held {'to the end' if span == LATE_IN_THE_RUN else span}: "
            + ", ".join(map(amount, changes))
            + "."
        )
    if label == "degraded":
        up = [c for c, facts in posture.items() if facts.change.verdict == "increased"]
        when = f"from about {format_time(onset_s)} on" if onset_s is not None else span
        if span == OVER_THIS_RECORDING and when != span:
            when = f"{span}, {when}"
        return f"Posture gave way {when}: " + ", ".join(map(amount, up)) + "."
    if label == "changed":
        down = [c for c, facts in posture.items() if facts.change.verdict == "decreased"]
        return (
            f"Posture changed {span}, but not into a slump: " + ", ".join(map(amount, down)) + "."
        )
    missing = [_name(c) for c in posture if c not in changes]
    text = "The video can't tell whether posture held"
    if changes:
        text += ": " + ", ".join(map(amount, changes))
    if missing:
        text += f"; {' and '.join(missing)} could not be measured well enough"
    return text + "."


def _name(column: str) -> str:
    return REGISTRY[column].label.lower()


def format_time(seconds: float) -> str:
    """Return 65.2 as '1:05', 3725 as '1:02:05'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
