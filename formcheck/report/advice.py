"""What a runner could try, in plain words: tied to what was found, and never a diagnosis.

The general hints are what runners told another runner whose back hurt after running; they are
passed on as that, not as results.
"""

from dataclasses import dataclass

from formcheck.drift import Estimate
from formcheck.metrics import REGISTRY
from formcheck.result import Analysis
from formcheck.verdict import FATIGUE_FROM_S, format_time

DISCLAIMER = (
    "This report shows change, not its cause, and is no diagnosis. Leaning forward is not bad form "
    "in itself, and no study shows that a change of posture on video predicts pain."
)
PAIN = (
    "If pain stays, comes back with every run, or spreads into a leg, see a doctor or a "
    "physiotherapist, and show them this report."
)


@dataclass(frozen=True)
class Hint:
    """One thing to try: in a few words, and in full."""

    short: str
    text: str


@dataclass(frozen=True)
class Advice:
    """What to try.

    Attributes
    ----------
    for_this_run : list of Hint
        From what was found, most fitting first.
    from_runners : list of Hint
        What helped other runners whose back hurt.
    closing : list of str
        When to see a professional, and what this report is not.
    """

    for_this_run: list[Hint]
    from_runners: list[Hint]
    closing: list[str]


RUN_TALL = Hint(
    "Run tall: lift the crown of your head, shoulders back and down.",
    "Run tall: imagine a string that lifts the crown of your head, bring the shoulders back and "
    "down, and look ahead rather than at your feet.",
)
STRENGTH = Hint(
    "Strengthen back and core: planks and bridges, not only sit-ups.",
    "Strengthen the whole core, the back as well as the belly: plank, side plank, bridge and "
    "bird-dog, two or three times a week. Sit-ups alone train only the front.",
)
STRETCH = Hint(
    "Stretch hips, hamstrings and chest, or try yoga.",
    "Stretch hips, hamstrings and chest after the run, or try yoga.",
)
SHOES = Hint(
    "Shoes past 400 miles (640 km) or six months? Try a fresh pair.",
    "Look at your shoes: many runners change them after 400 miles (640 km) or six months. The "
    "evidence for that number is thin, so let worn soles and how they feel decide.",
)
SOFTER_GROUND = Hint(
    "Run on softer ground for a while.",
    "Run some of your kilometres on softer ground: grass, track or trail.",
)
FILM_FROM_SIDE = Hint(
    "Film square from the side, the whole body in the picture.",
    "Film square from the side, from hip height, with the whole body in the picture, so that lean "
    "and slouch can be seen.",
)
FILM_STEADY = Hint(
    "Film again: phone fixed, one speed, one uncut recording.",
    "Film again with the phone on something firm, at one speed and incline, hands off the rail, in "
    "one uncut recording.",
)
FILM_LONGER = Hint(
    "Film longer: two minutes at least, better the whole run.",
    "Film longer: two minutes at least, better the whole run. More strides make a surer answer.",
)


def give_advice(analysis: Analysis) -> Advice:
    """Choose what to say from verdict, onset, overstride, cadence and length of the recording."""
    hints = _about_verdict(analysis) + _about_gait(analysis)
    return Advice(hints, _from_runners(hints), [PAIN, DISCLAIMER])


def _about_verdict(analysis: Analysis) -> list[Hint]:
    label = analysis.verdict.label
    if analysis.capture.view != "side":
        return [FILM_FROM_SIDE]
    if label == "degraded":
        return _about_slump(analysis)
    if label == "held":
        return _about_hold(_recorded_s(analysis))
    if label == "changed":
        return [
            Hint(
                "You ended more upright than you began: nothing to mend in that.",
                "You ended more upright than you began. There is nothing to mend in that; film "
                "the next run in the same way to see whether it is your habit.",
            )
        ]
    if label == "insufficient_data":
        return [FILM_LONGER]
    return [FILM_STEADY] if _is_spoilt(analysis) else [FILM_LONGER, FILM_STEADY]


def _about_slump(analysis: Analysis) -> list[Hint]:
    rose = [
        column
        for column, facts in analysis.metrics.items()
        if REGISTRY[column].is_posture and facts.change.verdict == "increased"
    ]
    onset = _earliest_onset([analysis.metrics[column].onset_s for column in rose])
    hints = [RUN_TALL]
    if onset is not None:
        when = format_time(onset)
        hints.append(
            Hint(
                f"Check your posture a little before {when}, where the change began.",
                f"The change began at about {when}. Set your watch to remind you a little before, "
                "and straighten up every few minutes from there on.",
            )
        )
    if "slouch_deg" in rose:
        hints.append(
            Hint(
                "Open the chest: draw the shoulder blades together now and then.",
                "Your upper back became rounder: open the chest, draw the shoulder blades "
                "together and let the arms swing low and relaxed.",
            )
        )
    if "trunk_lean_deg" in rose:
        hints.append(
            Hint(
                "Lean from the ankles, not from the waist.",
                "Your trunk came further forward: if you lean, lean from the ankles with the hips "
                "under you, rather than bending at the waist.",
            )
        )
    return [*hints, STRENGTH]


def _about_hold(recorded_s: float) -> list[Hint]:
    keep = Hint(
        "Posture held: keep doing what you do.",
        "Posture held, so there is nothing to mend in it. If your back hurts all the same, look "
        "for the reason elsewhere: shoes, ground, strength, how fast your distance grows.",
    )
    if recorded_s >= FATIGUE_FROM_S:
        return [keep]
    return [
        keep,
        Hint(
            "Film a whole run: this was over this recording only.",
            f"This was over this recording of {format_time(recorded_s)}. Film a whole long run to "
            "see whether posture holds to its end.",
        ),
    ]


def _about_gait(analysis: Analysis) -> list[Hint]:
    """Say what to do about steps that changed at a steady speed.

    Steps 5 to 10 % quicker than the preferred ones land closer to the body and lessen the load on
    knee and hip (Heiderscheit et al. 2011, Med Sci Sports Exerc 43:296).
    """
    if _is_spoilt(analysis):
        return []

    def went(column: str, verdict: str) -> bool:
        facts = analysis.metrics.get(column)
        return facts is not None and facts.change.verdict == verdict

    if went("overstride_pct", "increased"):
        return [
            Hint(
                "The foot lands further ahead than early on: shorter, quicker steps.",
                "Your foot landed further ahead of the hips than early on. Try shorter, quicker "
                "steps, about 5 % more a minute, so that it lands closer under you.",
            )
        ]
    if went("cadence_spm", "decreased"):
        return [
            Hint(
                "Your steps became slower: keep the early rhythm.",
                "Your steps became slower than early on. Keep the early rhythm; a metronome or "
                "music of that beat helps.",
            )
        ]
    return []


def _from_runners(already: list[Hint]) -> list[Hint]:
    hints = (RUN_TALL, STRENGTH, STRETCH, SHOES, SOFTER_GROUND)
    return [hint for hint in hints if hint not in already]


def _is_spoilt(analysis: Analysis) -> bool:
    return any(warning.spoils_verdict for warning in analysis.capture.warnings)


def _recorded_s(analysis: Analysis) -> float:
    time_s = analysis.series.keypoints.time_s
    return float(time_s[-1] - time_s[0])


def _earliest_onset(onsets: list[Estimate | None]) -> float | None:
    return min((onset.value for onset in onsets if onset is not None), default=None)
