"""The command line: reads what is asked, runs the pipeline, says what came of it."""

import functools
import inspect
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from formcheck.errors import FormcheckError, OutputError

if TYPE_CHECKING:
    from formcheck.options import Options
    from formcheck.video.sampling import Sampling

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Did your posture hold to the end of the run? A video in, an honest answer out.",
)


class Model(StrEnum):
    """Pose networks, quick to thorough."""

    lite = "lite"
    full = "full"
    heavy = "heavy"


class Engine(StrEnum):
    """What runs the pose networks."""

    blazepose = "blazepose"
    mediapipe = "mediapipe"


class Device(StrEnum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    coreml = "coreml"
    directml = "directml"


class Precision(StrEnum):
    """In which the pose network computes."""

    full = "full"
    reduced = "reduced"


class ViewChoice(StrEnum):
    """From where the camera looks."""

    side = "side"
    rear = "rear"
    front = "front"


class Direction(StrEnum):
    """Which way the runner faces in the picture."""

    right = "right"
    left = "left"


OverlayOption = Annotated[
    bool, typer.Option("--overlay", help="Also write overlay.mp4, the video with the skeleton.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of a Dask scheduler, whose workers then do the work."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show the full trace of an error, and library logs.")
]


def _make_options(
    model: Annotated[Model, typer.Option(help="Pose network, quick to thorough.")] = Model.full,
    engine: Annotated[
        Engine, typer.Option(help="What runs the network: formcheck itself, or MediaPipe.")
    ] = Engine.blazepose,
    device: Annotated[
        Device,
        typer.Option(help="Where the network runs; auto takes the best that works."),
    ] = Device.auto,
    precision: Annotated[
        Precision,
        typer.Option(
            help="In which the network computes: reduced is bfloat16, faster on processors made "
            "for it, and a little noisier."
        ),
    ] = Precision.full,
    view: Annotated[
        ViewChoice | None, typer.Option(help="Where the camera stands, if found wrongly.")
    ] = None,
    direction: Annotated[
        Direction | None, typer.Option(help="Where the runner faces, if found wrongly.")
    ] = None,
    sample: Annotated[
        str,
        typer.Option(
            metavar="auto|all|LEN/EVERY",
            help="How much is watched: all of it, or windows, such as 8s/60s; auto watches up to "
            "five minutes whole, and windows of longer videos.",
        ),
    ] = "auto",
    max_fps: Annotated[
        float,
        typer.Option(
            metavar="FPS",
            min=15,
            max=100_000,
            help="Of videos with twice as many frames a second of real time or more, watch only "
            "every second, third, ... frame.",
        ),
    ] = 60.0,
    slow_motion: Annotated[
        float | None,
        typer.Option(
            metavar="TIMES",
            min=0.01,
            max=1000,
            help="How many times slower than life the video plays.",
        ),
    ] = None,
    capture_fps: Annotated[
        float | None,
        typer.Option(
            metavar="FPS",
            min=1,
            max=100_000,
            help="The same said otherwise: frames per second at which it was filmed.",
        ),
    ] = None,
    height_cm: Annotated[
        float | None,
        typer.Option(
            metavar="CM",
            min=100,
            max=230,
            help="The runner's height, for vertical oscillation in cm.",
        ),
    ] = None,
    lean_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES",
            min=0.1,
            max=45,
            help="Smallest change of lean worth reporting; 2 if not given.",
        ),
    ] = None,
    slouch_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES",
            min=0.1,
            max=45,
            help="Smallest change of slouch worth reporting; 3 if not given.",
        ),
    ] = None,
) -> "Options":
    """Make the options of an analysis from those of a command."""
    if slow_motion is not None and capture_fps is not None:
        raise typer.BadParameter("give --slow-motion or --capture-fps, not both")
    from formcheck.options import Options

    return Options(
        engine=engine.value,
        model=model.value,
        device=device.value,
        precision=precision.value,
        view=view.value if view else None,
        direction={Direction.right: 1, Direction.left: -1}[direction] if direction else None,
        sampling=_read_sampling(sample),
        max_fps=max_fps,
        slow_motion=slow_motion,
        capture_fps=capture_fps,
        height_cm=height_cm,
        lean_threshold=lean_threshold,
        slouch_threshold=slouch_threshold,
    )


MakeOptions = Callable[[], "Options"]


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all parameters of `_make_options` in place of its `options`, which makes them.

    To make them imports much, so the command does it where errors are turned into one line.
    """
    own, asked = (inspect.signature(f).parameters for f in (command, _make_options))

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in asked}
        command(options=functools.partial(_make_options, **chosen), **given)

    shown: list[inspect.Parameter] = []
    for parameter in own.values():
        shown += asked.values() if parameter.name == "options" else [parameter]
    by_name = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in shown]
    run.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in by_name}
    return run


# "\b" keeps the lines of its paragraph as they are.
ANALYZE_HELP = """Analyse one video and write the report.

\b
Examples:
  formcheck analyze treadmill.mp4
  formcheck analyze slowmo.mov --slow-motion 8 --height-cm 178

\b
Ends with
  0  when the video was analysed, whatever the verdict;
  1  when it can't be, with one line that says why and what to do;
  2  when the command was not understood.
"""


@app.command(help=ANALYZE_HELP)
@_with_options
def analyze(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video of a run.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the results go; formcheck_out/<name of the video> if not given.",
        ),
    ] = None,
    *,
    options: MakeOptions,
    scheduler: SchedulerOption = None,
    overlay: OverlayOption = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print report.json to standard output, nothing else.")
    ] = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Analyse one video and write the report; the help text is `ANALYZE_HELP`."""
    folder = out or Path("formcheck_out") / video.stem
    with _errors_as_one_line(debug), _own_stderr(debug) as stderr:
        chosen = options()
        _require_room_for_results(folder)
        _refuse_own_overlay(folder, video)
        from formcheck.pipeline import analyze as run
        from formcheck.report import write_report
        from formcheck.report.files import to_json
        from formcheck.report.terminal import print_analysis

        console = Console(file=stderr, stderr=True)
        with _progress(console, quiet) as show, _workers(scheduler, chosen) as pool:
            result = run(video, chosen, progress=show("Watching the run"), pool=pool)
            write_report(
                result, folder, overlay=overlay, progress=show("Drawing the overlay", overlay)
            )
        if result.engine.note:
            _say(console, result.engine.note)
        with _reader_may_leave():
            if json:
                sys.stdout.write(to_json(result))
            else:
                output = _Output()
                print_analysis(result, output)
                _say(output, f"Report: {folder / 'report.html'}")
            sys.stdout.flush()


BATCH_HELP = """Analyse all clips in folders, and write a summary over them.

\b
Examples:
  formcheck batch clips --out results
  formcheck batch clips --recursive --out results --jobs 4 --timeout 600
  formcheck batch clips --out results --scheduler tcp://desk:8786

Stopped in any way, the same command goes on where it was: what is done is not done again.

\b
Ends with
  0  when all clips were analysed, whatever the verdicts;
  3  when some could not be, each with a line that says why and what to do;
  1  when the batch itself could not be done, with one such line;
  2  when the command was not understood.
"""


@app.command(help=BATCH_HELP)
@_with_options
def batch(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER", help="Folders with videos, or videos.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the results go.")],
    options: MakeOptions,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Look into folders within the folders, too.")
    ] = False,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Names of the clips, such as '*_side.mp4'; all videos if not given.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=256,
            help="Clips at a time on this machine; as its cores and memory allow if not given.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=1, help="Longest time for a clip; none if not given."),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", min=0.1, help="Most memory for a clip; none if not given."),
    ] = None,
    scheduler: SchedulerOption = None,
    overlay: OverlayOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Analyse all clips in folders; the help text is `BATCH_HELP`."""
    if scheduler is not None and jobs is not None:
        raise typer.BadParameter("give --scheduler or --jobs, not both: its workers say how many")
    with _errors_as_one_line(debug), _own_stderr(debug) as stderr:
        chosen = options()
        _require_room_for_results(out)
        from formcheck.batch import Limits, analyze_batch
        from formcheck.batch.terminal import BatchProgress, count_up
        from formcheck.system import GIB

        console = Console(file=stderr, stderr=True, soft_wrap=True)
        with BatchProgress(console, quiet) as progress:
            rows = analyze_batch(
                folders,
                out,
                chosen,
                overlay=overlay,
                recursive=recursive,
                pattern=pattern,
                jobs=jobs,
                limits=Limits(timeout, None if memory is None else int(memory * GIB)),
                cluster=scheduler,
                show=progress.show,
                debug=debug,
            )
        for note in dict.fromkeys(row.note for row in rows if row.note):
            _say(console, note)
        with _reader_may_leave():
            _say(_Output(), count_up(rows))
            _say(_Output(), f"Summary: {out / 'summary.html'}")
            sys.stdout.flush()
    raise typer.Exit(3 if any(row.status == "failed" for row in rows) else 0)


@app.command()
def doctor() -> None:
    """Check that this machine has all that formcheck needs, and show what was found."""
    from formcheck.system import render_doctor

    all_ok = False
    with _reader_may_leave():
        all_ok = render_doctor(_Output())
        sys.stdout.flush()
    raise typer.Exit(0 if all_ok else 1)


@app.command()
def bench(
    video: Annotated[
        Path | None,
        typer.Argument(metavar="VIDEO", help="A video of a run; a sample if not given."),
    ] = None,
    engines: Annotated[
        str, typer.Option(metavar="NAMES", help="Engines to measure, with commas between them.")
    ] = ",".join(Engine),
    model: Annotated[
        str, typer.Option(metavar="NAMES", help="Pose networks, with commas between them.")
    ] = Model.full.value,
    seconds: Annotated[
        float, typer.Option(min=1, help="How much of the video is used, from its start.")
    ] = 30.0,
    repeats: Annotated[int, typer.Option(min=1, help="How often each thing is timed.")] = 3,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON to standard output, nothing else.")
    ] = False,
) -> None:
    """Measure how fast this machine is: each stage, the whole, and MediaPipe's usual loop.

    The blazepose engine is measured in full precision, and in reduced where the machine has that.
    """
    chosen_engines, chosen_models = _list_of(Engine, engines), _list_of(Model, model)
    with _errors_as_one_line(debug=False), _own_stderr(debug=False) as stderr:
        from json import dumps

        from formcheck.bench import print_bench, run_bench

        with _progress(Console(file=stderr, stderr=True), quiet=False) as show:
            result = run_bench(
                video,
                engines=chosen_engines,
                models=chosen_models,
                seconds=seconds,
                repeats=repeats,
                show=show,
            )
        with _reader_may_leave():
            if json:
                sys.stdout.write(dumps(result.to_report(), indent=2, allow_nan=False) + "\n")
            else:
                print_bench(result, _Output())
            sys.stdout.flush()


@contextmanager
def _workers(scheduler: str | None, options: "Options") -> Iterator[Executor | None]:
    """Give the workers of a cluster, if one is named."""
    if scheduler is None:
        yield None
        return
    from formcheck.batch.cluster import connect

    with connect(scheduler, options) as client:
        yield client.get_executor(pure=False)


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _list_of(names: type[StrEnum], text: str) -> list[str]:
    """Read names with commas between them, each once."""
    asked = list(dict.fromkeys(part.strip() for part in text.split(",")))
    if unknown := [name for name in asked if name not in list(names)]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(names)}")
    return asked


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


def _read_sampling(text: str) -> "Sampling":
    from formcheck.video.sampling import Sampling

    try:
        return Sampling.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sample") from None


def _require_room_for_results(folder: Path) -> None:
    """Refuse a folder that can't be written before the analysis, which may take an hour."""
    try:
        places = (folder, *folder.absolute().parents)
        place = next(p for p in places if p.exists() or p.is_symlink())  # perhaps to nowhere
        if not place.is_dir():
            raise OutputError(f"'{place}' is a file, not a folder; name another one with --out")
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OutputError(
            f"'{folder}' can't be written ({error.strerror}); name another folder with --out"
        ) from error


def _refuse_own_overlay(folder: Path, video: Path) -> None:
    """Refuse to write an overlay over the video that it is made from."""
    if os.path.realpath(video) == os.path.realpath(folder / "overlay.mp4"):
        raise OutputError(
            f"'{video}' would be overwritten by its own overlay; name another folder with --out"
        )


@contextmanager
def _errors_as_one_line(debug: bool) -> Iterator[None]:
    """Turn what can go wrong into an exit status and one line; the only place that does."""
    try:
        yield
    except FormcheckError as error:
        if debug:
            raise
        _complain(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        _complain("stopped; nothing half-written was left")
        raise typer.Exit(130) from None
    except typer.BadParameter:
        raise
    except Exception as error:  # a fault of formcheck's own: say so, without a page of code
        if debug:
            raise
        _complain(
            f"something unexpected went wrong ({type(error).__name__}: {error}); "
            "run again with --debug and report what it prints"
        )
        raise typer.Exit(1) from None


def _complain(message: str) -> None:
    """Write one line to standard error, whatever a file's name may hold."""
    line = "".join(c if c.isprintable() else "?" for c in message)
    sys.stderr.write(f"formcheck: {line}\n")


class _Output(Console):
    """Standard output; that its reader has left is told as an error, not as an exit."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Let whoever reads standard output stop early (`| head`): the report's files are written."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


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
        disable=quiet or not console.is_terminal,
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ° gets ? instead of a trace
    app()


if __name__ == "__main__":
    main()
