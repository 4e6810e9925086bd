"""Runs as dots with their intervals, against a number or by kind, as SVG."""

from collections.abc import Callable, Sequence
from datetime import UTC

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from formcheck.report.svg import COLOURS, draw_svg, style_axes
from formcheck.runlog.history import Group, Outcome
from formcheck.runlog.run import Run

SIZE_IN = (6.0, 3.6)  # 72 units to the inch; two beside each other, one above the other on a phone
LONGEST_NAME = 14  # characters of a kind under its runs
SPREAD = 0.22  # half the width over which the runs of a kind are laid out
# By what is told apart: years, months, days, hours, minutes, seconds.
DATE_FORMATS = ["%Y", "%b", "%b %d", "%H:%M", "%H:%M", "%S.%f"]
SECONDS_PER_DAY = 86_400.0
LEAST_SPAN_DEG = 4.0  # so that steady runs look steady

DATE = "date"  # the name of the chart whose numbers are days since 1970

Value = Callable[[Run], float | None]


def draw_against(
    runs: Sequence[Run], outcome: Outcome, value: Value, name: str, label: str
) -> str | None:
    """Draw the change of runs against a number or date of theirs; None for fewer than two."""
    known = [run for run in runs if value(run) is not None and outcome.of(run) is not None]
    if len(known) < 2:
        return None

    def draw(axes: Axes) -> None:
        _draw_runs(axes, np.array([value(run) for run in known], dtype=float), known, outcome)
        if name == DATE:
            locator = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(
                ConciseDateFormatter(  # type: ignore[no-untyped-call]
                    locator, formats=DATE_FORMATS, show_offset=False
                )
            )
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel(label, color=COLOURS["muted"])
        axes.margins(x=0.06)

    return _draw(f"{outcome.name}-{name}", outcome, draw)


def draw_groups(runs: Sequence[Run], groups: Sequence[Group], outcome: Outcome) -> str | None:
    """Draw the runs of each kind with their mean; None for fewer than two kinds."""
    own = [group for group in groups if group.outcome == outcome.name and group.runs]
    runs = [run for run in runs if outcome.of(run) is not None]
    if len(own) < 2:
        return None

    def draw(axes: Axes) -> None:
        for at, group in enumerate(own):
            members = [run for run in runs if getattr(run, group.grouping) == group.name]
            spread = np.linspace(-SPREAD, SPREAD, len(members)) if len(members) > 1 else np.zeros(1)
            _draw_runs(axes, at + spread, members, outcome)
            axes.hlines(group.mean, at - 0.35, at + 0.35, color=COLOURS["line"], linewidth=2.5)
            if group.ci95 is not None:
                shown = np.clip(group.ci95, *axes.get_ylim())
                axes.fill_between(
                    [at - 0.35, at + 0.35], *shown, color=COLOURS["line"], alpha=0.12, linewidth=0
                )
        axes.set_xticks(range(len(own)), [_shorten(group.name) for group in own])
        axes.set_xlim(-0.6, len(own) - 0.4)

    return _draw(f"{outcome.name}-by-{own[0].grouping}", outcome, draw)


def _draw_runs(
    axes: Axes, places: NDArray[np.float64], runs: Sequence[Run], outcome: Outcome
) -> None:
    changes = np.array([outcome.of(run) for run in runs], dtype=float)
    value, low, high = changes.T
    axes.vlines(places, low, high, color=COLOURS["dot"], linewidth=2.0, alpha=0.7, zorder=2)
    increased = [getattr(run.filmed, f"{outcome.name}_verdict") == "increased" for run in runs]
    colours = [COLOURS["late" if grew else "early"] for grew in increased]
    axes.scatter(places, value, s=36, c=colours, zorder=3, linewidth=0)


def _draw(name: str, outcome: Outcome, draw: Callable[[Axes], None]) -> str:
    def draw_whole(axes: Axes) -> None:
        draw(axes)
        style_axes(axes, f"{outcome.label}, late minus early (°)")
        low, high = axes.get_ylim()
        middle, half = (low + high) / 2, max(high - low, LEAST_SPAN_DEG) / 2
        axes.set_ylim(min(middle - half, -0.5), max(middle + half, 0.5))
        axes.axhline(0, color=COLOURS["muted"], linewidth=1, zorder=1)

    return draw_svg(name, SIZE_IN, draw_whole)


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def local_day(run: Run) -> float:
    """Return the run's time as its own clock had it, in days since 1970, as a chart wants it."""
    local = run.when.time.replace(tzinfo=UTC)
    return local.timestamp() / SECONDS_PER_DAY
