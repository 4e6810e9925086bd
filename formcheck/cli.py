"""The command line: reads what is asked, runs the pipeline, says what came of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from formcheck.errors import FormcheckError

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Did your posture hold to the end of the run? A video in, an honest answer out.",
)


class Model(StrEnum):
    """Pose networks, quick to thorough."""

    lite = "lite"
    full = "full"
    heavy = "heavy"


class Device(StrEnum):
    """Where the network runs."""

    cpu = "cpu"
    gpu = "gpu"


class ViewChoice(StrEnum):
    """From where the camera looks."""

    side = "side"
    rear = "rear"
    front = "front"


class Direction(StrEnum):
    """Which way the runner faces in the picture."""

    right = "right"
    left = "left"


@app.command()
def analyze(
    video: Annotated[Path, typer.Argument(help="The video of a run.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results [default: formcheck_out/<name of the video>]."),
    ] = None,
    model: Annotated[Model, typer.Option(help="Pose network.")] = Model.full,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.cpu,
    view: Annotated[ViewChoice | None, typer.Option(help="Overrule the view found.")] = None,
    direction: Annotated[
        Direction | None, typer.Option(help="Overrule which way the runner faces.")
    ] = None,
    slow_motion: Annotated[
        float | None,
        typer.Option(min=0.01, help="How many times slower than life the video plays."),
    ] = None,
    capture_fps: Annotated[
        float | None,
        typer.Option(min=1, help="Frames per second at which it was filmed (slow motion)."),
    ] = None,
    height_cm: Annotated[
        float | None,
        typer.Option(min=100, max=230, help="Your height, for vertical oscillation in cm."),
    ] = None,
    lean_threshold: Annotated[
        float | None,
        typer.Option(min=0.1, help="Smallest change of lean worth reporting, degrees [2]."),
    ] = None,
    slouch_threshold: Annotated[
        float | None,
        typer.Option(min=0.1, help="Smallest change of slouch worth reporting, degrees [3]."),
    ] = None,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write overlay.mp4, the video with skeleton.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print report.json to standard output, nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the full trace of an error.")
    ] = False,
) -> None:
    """Analyse one video and write the report.

    Examples
    --------
      formcheck analyze treadmill.mp4

      formcheck analyze slowmo.mov --slow-motion 8 --height-cm 178

    Ends with 0 when the video was analysed, whatever the verdict; 1 when it can't be, with one
    line that says why and what to do; 2 when the command was not understood.
    """
    if slow_motion is not None and capture_fps is not None:
        raise typer.BadParameter("give --slow-motion or --capture-fps, not both")
    folder = out or Path("formcheck_out") / video.stem
    with _errors_as_one_line(debug), _own_stderr(debug) as stderr:
        from formcheck.pipeline import Options
        from formcheck.pipeline import analyze as run
        from formcheck.report import write_report
        from formcheck.report.files import to_json
        from formcheck.report.terminal import print_analysis

        options = Options(
            model=model.value,
            device=device.value,
            view=view.value if view else None,
            direction={Direction.right: 1, Direction.left: -1}[direction] if direction else None,
            slow_motion=slow_motion,
            capture_fps=capture_fps,
            height_cm=height_cm,
            lean_threshold=lean_threshold,
            slouch_threshold=slouch_threshold,
        )
        console = Console(file=stderr, stderr=True)
        with _progress(console, quiet) as show:
            result = run(video, options, progress=show("Watching the run"))
            write_report(
                result, folder, overlay=overlay, progress=show("Drawing the overlay", overlay)
            )
        if result.engine.note:
            console.print(result.engine.note, highlight=False)
        if json:
            sys.stdout.write(to_json(result))
            sys.stdout.flush()
        else:
            print_analysis(result, Console())
            Console().print(f"Report: {folder / 'report.html'}", highlight=False, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Check that this machine has all that formcheck needs, and show what was found."""
    from formcheck.system import render_doctor

    raise typer.Exit(0 if render_doctor(Console()) else 1)


def _show_version(wanted: bool) -> None:
    if wanted:
        from formcheck.pipeline import formcheck_version

        typer.echo(f"formcheck {formcheck_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    pass


@contextmanager
def _errors_as_one_line(debug: bool) -> Iterator[None]:
    """Turn what can go wrong into an exit status and one line; the only place that does."""
    try:
        yield
    except FormcheckError as error:
        if debug:
            raise
        sys.stderr.write(f"formcheck: {error}\n")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        sys.stderr.write("formcheck: stopped; nothing half-written was left\n")
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise typer.Exit(1) from None
    except Exception as error:  # a fault of formcheck's own: say so, without a page of code
        if debug:
            raise
        sys.stderr.write(
            f"formcheck: something unexpected went wrong ({type(error).__name__}: {error}); "
            "run again with --debug and report what it prints\n"
        )
        raise typer.Exit(1) from None


@contextmanager
def _own_stderr(debug: bool) -> Iterator[Any]:
    """Keep standard error for our own words: native libraries log to its descriptor unasked."""
    if debug:
        yield sys.stderr
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    stream = os.fdopen(os.dup(kept), "w", buffering=1)
    try:
        yield stream
    finally:
        stream.flush()
        os.dup2(kept, 2)
        os.close(kept)
        stream.close()


@contextmanager
def _progress(console: Console, quiet: bool) -> Iterator[Any]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet,
    )

    def show(what: str, wanted: bool = True) -> Any:
        if not wanted:
            return None
        task: list[Any] = []

        def advance(share: float) -> None:
            if not task:
                task.append(bar.add_task(what, total=1.0))
            bar.update(task[0], completed=share)

        return advance

    with bar:
        yield show


def main() -> None:
    """Entry point of the `formcheck` command."""
    app()


if __name__ == "__main__":
    main()
