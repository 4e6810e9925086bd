"""How far and how long each pair of shoes was run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from formcheck.runlog.run import Run
from formcheck.runlog.store import Shoes
from formcheck.runlog.words import METRES

# What runners told the one whose back hurt: look at the shoes past 400 miles or six months.
WORN_M = 400 * METRES["mi"]
WORN_DAYS = 183
DAYS_PER_MONTH = 30.44


@dataclass(frozen=True)
class Wear:
    """How worn a pair is.

    Attributes
    ----------
    distance_m : float
        Of all its runs, and before the log began.
    since : date, optional
        As given, else the day of its first run.
    age_days : int, optional
        Until today.
    without_distance : int
        Runs that are missing in the distance.
    word : str
        What to bear in mind; empty if nothing.
    """

    shoes: Shoes
    runs: int
    distance_m: float
    since: date | None
    age_days: int | None
    without_distance: int
    word: str

    @property
    def is_worn(self) -> bool:
        """Whether a pair in use is past the distance or the age."""
        return bool(self.word) and not self.shoes.retired

    @property
    def miles(self) -> float:
        """The distance in miles."""
        return self.distance_m / METRES["mi"]


def count_wear(pairs: Sequence[Shoes], runs: Sequence[Run], today: date) -> list[Wear]:
    """Return the wear of each pair; those in use first."""
    return sorted(
        (_count(pair, [run for run in runs if run.shoes == pair.name], today) for pair in pairs),
        key=lambda wear: (wear.shoes.retired, wear.shoes.name.casefold()),
    )


def _count(pair: Shoes, runs: Sequence[Run], today: date) -> Wear:
    distances = [run.total_m for run in runs]
    distance_m = pair.before_m + sum(d for d in distances if d is not None)
    since = pair.since or min((run.when.time.date() for run in runs), default=None)
    age_days = None if since is None else max((today - since).days, 0)
    return Wear(
        shoes=pair,
        runs=len(runs),
        distance_m=distance_m,
        since=since,
        age_days=age_days,
        without_distance=sum(d is None for d in distances),
        word=_advise(pair, distance_m, age_days),
    )


def _advise(pair: Shoes, distance_m: float, age_days: int | None) -> str:
    if pair.retired:
        return "retired"
    reached = [
        limit
        for limit, is_past in (
            ("400 miles", distance_m > WORN_M),
            ("six months", age_days is not None and age_days > WORN_DAYS),
        )
        if is_past
    ]
    return f"past {' and '.join(reached)}" if reached else ""


def format_age(days: int | None) -> str:
    """Return 12 as '12 days', 100 as '3 months'."""
    if days is None:
        return ""
    if days < 2 * DAYS_PER_MONTH:
        return f"{days} day" + ("" if days == 1 else "s")
    return f"{int(days / DAYS_PER_MONTH)} months"
