"""The answer in the terminal: a verdict in plain words, then one compact table."""

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from formcheck.metrics import REGISTRY
from formcheck.report.advice import give_advice
from formcheck.result import Analysis, MetricFacts

MAX_HINTS = 3
WIDE = 72  # columns of a terminal that has room for an interval on one line

VERDICT_STYLE = {
    "degraded": "bold red",
    "held": "bold green",
    "changed": "bold yellow",
    "inconclusive": "bold yellow",
    "insufficient_data": "bold yellow",
}
VERDICT_WORDS = {
    "increased": "increased",
    "decreased": "decreased",
    "stable": "stable",
    "inconclusive": "can't tell",
    "insufficient_data": "mean of all, not compared",
}


def print_analysis(analysis: Analysis, console: Console) -> None:
    """Print verdict, warnings and the table of metrics."""
    verdict, gait = analysis.verdict, analysis.gait
    console.print(
        Panel(
            Text(verdict.text),
            title=verdict.label.replace("_", " "),
            title_align="left",
            border_style=VERDICT_STYLE[verdict.label],
        )
    )
    console.print(
        f"{gait.strides} strides at {gait.cadence_spm:.0f} steps/min, {analysis.capture.view} view",
        highlight=False,
    )
    if (sampling := analysis.video.sampling) is not None:
        console.print(f"Watched: {sampling.in_words(analysis.video.duration_s)}", highlight=False)
    for warning in analysis.capture.warnings:
        console.print(Text(f"! {warning.text}", style="yellow"))
    if analysis.capture.warnings:
        console.print("  How to film: formcheck guide", highlight=False)
    console.print(_metric_table(analysis.metrics, is_wide=console.width >= WIDE))
    for hint in give_advice(analysis).for_this_run[:MAX_HINTS]:
        console.print(Text(f"> {hint.short}"))


def _metric_table(metrics: dict[str, MetricFacts], is_wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for heading in ("early", "late", "change (95 %)"):
        table.add_column(heading, justify="right", no_wrap=is_wide)
    table.add_column("")
    for column, facts in metrics.items():
        if facts.mean is None:
            continue
        table.add_row(*format_row(column, facts))
    return table


def format_row(column: str, facts: MetricFacts) -> tuple[str, str, str, str, str]:
    """Label with unit, early, late, change with interval, verdict: as people read them.

    Where there are too few strides to compare, the mean of all of them stands under early.
    """
    metric = REGISTRY[column]
    digits = metric.decimals

    def number(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign}z.{digits}f}"

    change = "-"
    if facts.change.value is not None and facts.change.ci95 is not None:
        low, high = facts.change.ci95
        change = f"{number(facts.change.value, '+')} ({number(low, '+')} to {number(high, '+')})"
    return (
        f"{metric.label} ({metric.unit})",
        number(facts.baseline.mean if facts.is_compared else facts.mean),
        number(facts.late.mean if facts.is_compared else None),
        change,
        VERDICT_WORDS[facts.change.verdict],
    )
