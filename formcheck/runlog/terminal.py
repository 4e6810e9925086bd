"""The log in the terminal."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from formcheck.runlog.run import DATE_SOURCE_WORDS, Run
from formcheck.runlog.shoes import Wear, format_age
from formcheck.runlog.words import (
    format_change,
    format_date,
    format_distance,
    format_duration,
    format_pains,
    printable,
)

if TYPE_CHECKING:
    from formcheck.runlog.history import History

WIDE = 120  # columns of a terminal that has room for the notes


def print_runs(runs: Sequence[Run], console: Console) -> None:
    """Print a line for each run; what is not known is left out."""
    if not runs:
        _say(console, "No run is in the log yet; store one: formcheck analyze VIDEO --log")
        return
    headings = [h for h in LIST if h != "notes" or console.width >= WIDE]
    rows = [{name: LIST[name](run) for name in headings} for run in runs]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown = [name for name in headings if any(row[name] for row in rows)]
    for name in shown:
        is_number = name in ("run", "km", "time", "lean", "slouch")
        table.add_column(
            name, justify="right" if is_number else "left", no_wrap=is_number or name == "when"
        )
    for row in rows:
        table.add_row(*(Text(row[name], overflow="fold") for name in shown))
    console.print(table)
    if any(row["lean"] or row["slouch"] for row in rows):
        _say(console, "Lean and slouch: late minus early, degrees. More: formcheck history")


def _change(run: Run, name: str) -> str:
    value = None if run.filmed is None else getattr(run.filmed, f"{name}_change_deg")
    return "" if value is None else f"{value:+z.1f}"


LIST: dict[str, Callable[[Run], str]] = {
    "run": lambda run: str(run.id),
    "when": lambda run: format_date(run.when.time)[:10],
    "km": lambda run: format_distance(run.total_m).removesuffix(" km"),
    "time": lambda run: format_duration(run.lasted_s),
    "shoes": lambda run: printable(run.shoes or ""),
    "surface": lambda run: printable(run.surface or ""),
    "pain": lambda run: printable(format_pains(run.pains)),
    "verdict": lambda run: printable(run.filmed.verdict.replace("_", " ")) if run.filmed else "",
    "lean": lambda run: _change(run, "lean"),
    "slouch": lambda run: _change(run, "slouch"),
    "notes": lambda run: printable((run.notes or "").replace("\n", " / ")),
}


def describe_stored(run: Run, was_there: bool) -> str:
    """Say in a line what was stored, and where its date is from."""
    facts = [
        fact
        for fact in (
            format_distance(run.total_m),
            format_duration(run.lasted_s),
            run.shoes or "",
            run.surface or "",
            f"pain: {format_pains(run.pains)}" if run.pains else "",
        )
        if fact
    ]
    when = f"{format_date(run.when.time)} ({DATE_SOURCE_WORDS[run.when.source]})"
    done = "brought up to date" if was_there else "stored"
    return printable(f"Run {run.id} {done}: {', '.join([when, *facts])}.")


def print_shoes(wears: Sequence[Wear], console: Console) -> None:
    """Print a line for each pair."""
    if not wears:
        _say(console, "No shoes are in the log yet; name them with a run: --shoes 'blue ones'")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("shoes", "runs", "distance", "since", "age", ""):
        table.add_column(heading, justify="right" if heading in ("runs", "distance") else "left")
    for wear in wears:
        distance = f"{wear.distance_m / 1000:.0f} km ({wear.miles:.0f} miles)"
        words = [wear.word] if wear.word else []
        if wear.without_distance:
            words.append(f"{wear.without_distance} of its runs without a distance")
        cells = (
            printable(wear.shoes.name),
            str(wear.runs),
            distance,
            "" if wear.since is None else wear.since.isoformat(),
            format_age(wear.age_days),
            "; ".join(words),
        )
        table.add_row(*map(Text, cells))
    console.print(table)
    if any(wear.is_worn for wear in wears):
        _say(console, "Past 400 miles (644 km) or six months, many runners look for a new pair.")


def print_history(history: "History", console: Console) -> None:
    """Print what can be told over runs, and what can't."""
    from formcheck.runlog.history import CAUTION, OUTCOMES

    _say(console, history.summary, style="bold")
    for outcome in OUTCOMES:
        if (mean := history.means.get(outcome.name)) is None:
            continue
        interval = format_change(mean.mean, *mean.ci95) if mean.ci95 else f"{mean.mean:+z.1f}"
        _say(console, f"{outcome.label}, late minus early, mean of {mean.runs}: {interval} degrees")
    if history.left_out:
        _say(console, f"Not counted: {', '.join(history.left_out)}.")
    _say(console, "")
    for finding in history.lines:
        _say(console, f"- {finding.text} {finding.conclusion}".rstrip())
    for run, check in history.cadences:
        if not check.agrees:
            _say(console, f"! Run {run.id}: {check.text}")
    _say(console, "")
    _say(console, CAUTION)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(printable(line), style=style))
