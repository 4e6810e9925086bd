"""What a command says, and where: answers, progress, one line for an error."""

import io
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from formcheck.errors import FormcheckError
from formcheck.names import one_line

# Ctrl-C was pressed. `KeyboardInterrupt` alone does not tell: a library that it passes through may
# turn it into a fault of its own, or drop it.
_interrupted = threading.Event()


@contextmanager
def errors_as_one_line(debug: bool) -> Iterator[None]:
    """Turn what can go wrong into an exit status and one line; the only place that does."""
    try:
        with _noting_ctrl_c():
            yield
    except typer.BadParameter:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if _interrupted.is_set() or isinstance(error, KeyboardInterrupt):
            complain("stopped; nothing half-written was left")
            raise typer.Exit(130) from None
        if debug:
            raise
        if isinstance(error, FormcheckError):
            complain(str(error))
            raise typer.Exit(1) from None
        # a fault of formcheck's own: say so, without a page of code
        complain(
            f"something unexpected went wrong ({type(error).__name__}: {error}); "
            "run again with --debug and report what it prints"
        )
        raise typer.Exit(1) from None


@contextmanager
def _noting_ctrl_c() -> Iterator[None]:
    def note(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    _interrupted.clear()
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_default or threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C is ignored, or somebody else's
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def complain(message: str, stderr: TextIO | None = None) -> None:
    """Write one line to standard error, whatever a file's name may hold."""
    (stderr or sys.stderr).write(f"formcheck: {one_line(message)}\n")


def say(console: Console, line: str) -> None:
    """Print a line as it is: no markup, no colours, no breaks."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


class Output(Console):
    """Standard output; that its reader has left is told as an error, not as an exit."""

    def on_broken_pipe(self) -> None:  # noqa: D102
        raise BrokenPipeError


def show_page(path: Path) -> None:
    """Open a page in the browser, where there is a screen to show it on."""
    has_screen = sys.platform != "linux" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_screen:
        webbrowser.open(path.absolute().as_uri())


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Let whoever reads standard output stop early (`| head`): the report's files are written."""
    try:
        yield
    except BrokenPipeError:
        _lead_nowhere(sys.stdout.fileno())


class _Aside(io.TextIOWrapper):
    """Standard error beside the work, which goes on where nobody can read it any more."""

    def write(self, text: str) -> int:
        with self._reader_may_leave():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._reader_may_leave():
            super().flush()

    @contextmanager
    def _reader_may_leave(self) -> Iterator[None]:
        try:
            yield
        except OSError:  # the pipe's other end, or the terminal, is gone
            _lead_nowhere(self.fileno())


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


@contextmanager
def own_stderr(debug: bool) -> Iterator[Any]:
    """Keep standard error for our own words: native libraries log to its descriptor unasked."""
    if debug:
        yield sys.stderr
        return
    sys.stderr.flush()
    kept = os.dup(2)
    _lead_nowhere(2)
    stream = _Aside(os.fdopen(os.dup(kept), "wb"), errors="replace", line_buffering=True)
    try:
        yield stream
    finally:
        stream.flush()
        os.dup2(kept, 2)
        os.close(kept)
        stream.close()


@contextmanager
def progress_bar(console: Console, quiet: bool) -> Iterator[Any]:
    """Give what makes, from a word on what is done, something to tell the share done, 0 to 1."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )

    def show(what: str, wanted: bool = True) -> Any:
        if not wanted:
            return None
        task: list[Any] = []

        def advance(share: float) -> None:
            if _interrupted.is_set():
                raise KeyboardInterrupt  # the first one was dropped on its way
            if not task:
                task.append(bar.add_task(what, total=1.0))
            bar.update(task[0], completed=share)

        return advance

    with bar:
        yield show
