"""What a batch shows while it runs, and says at its end."""

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from formcheck.batch.row import Row
from formcheck.batch.run import Standing
from formcheck.names import one_line


class BatchProgress:
    """A line that lives while the batch runs; what failed stays above it, a line each."""

    def __init__(self, console: Console, quiet: bool) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("Looking for clips", total=None)
        self._started_s = time.monotonic()

    def __enter__(self) -> "BatchProgress":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, standing: Standing) -> None:
        """Show how far the batch has come."""
        row = standing.last
        if row is not None and row.status == "failed":
            line = one_line(f"{row.clip}: {row.reason}")
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        words = f"{standing.done} of {standing.clips} clips"
        if standing.skipped:
            words += f", {standing.skipped} done before"
        if standing.failed:
            words += f", {standing.failed} failed"
        if standing.frames:
            speed = standing.frames / (time.monotonic() - self._started_s)
            words += f", {speed:.0f} frames/s"
        self._bar.update(self._task, description=words, total=1.0, completed=standing.share)


def list_notes(rows: Sequence[Row]) -> list[str]:
    """Return what is to be said of a batch besides its count: what holds for many clips once."""
    notes = dict.fromkeys(row.note for row in rows if row.note)
    lacks = [one_line(f"{row.clip}: left out: {row.left_out}") for row in rows if row.left_out]
    return [*notes, *lacks]


def count_up(rows: Sequence[Row]) -> str:
    """Say in one line what came of a batch."""
    done = [row for row in rows if row.status == "analysed"]
    before = sum(row.was_done for row in done)
    verdicts = Counter((row.verdict or "").replace("_", " ") for row in done)
    words = f"{len(done)} of {len(rows)} clips analysed"
    if before:
        words += f", {before} of them before"
    if verdicts:
        words += f": {', '.join(f'{count} {name}' for name, count in verdicts.most_common())}"
    if failed := len(rows) - len(done):
        words += f"; {failed} could not be, see the summary"
    return words + "."
