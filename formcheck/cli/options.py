"""Options that several commands take."""

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from formcheck.options import Options
    from formcheck.video.sampling import Sampling


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


class ExportFormat(StrEnum):
    """What a result can be brought into."""

    trc = "trc"
    mot = "mot"
    c3d = "c3d"
    csv = "csv"
    netcdf = "netcdf"
    all = "all"


HeightOption = Annotated[
    float | None,
    typer.Option(
        metavar="CM",
        min=100,
        max=230,
        help="The runner's height, for all that is in centimetres or millimetres.",
    ),
]
OverlayOption = Annotated[
    bool, typer.Option("--overlay", help="Also write overlay.mp4, the video with the skeleton.")
]
ExportOption = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help=f"Also write, with commas between: {', '.join(ExportFormat)} (formcheck export).",
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of a Dask scheduler, whose workers then do the work."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show the full trace of an error, and library logs.")
]


def make_options(
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
    height_cm: HeightOption = None,
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


def write_help(
    what: str,
    *examples: str,
    done: str,
    failed: str = "it can't be, with one line that says why and what to do",
    more: str = "",
) -> str:
    """Put together what `--help` says of a command: use, examples, when it ends with 0 and 1."""
    # "\b" keeps the lines of its paragraph as they are
    paragraphs = (
        what,
        "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples),
        more,
        f"\b\nEnds with\n  0  when {done};\n  1  when {failed};\n"
        "  2  when the command was not understood.",
    )
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


MakeOptions = Callable[[], "Options"]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all parameters of `make_options` in place of its `options`, which makes them.

    To make them imports much, so the command does it where errors are turned into one line.
    """
    return taking(command, "options", make_options)


def taking(
    command: Callable[..., None], name: str, make: Callable[..., Any]
) -> Callable[..., None]:
    """Give a command all parameters of `make` in place of its parameter `name`.

    The command gets there a function of no parameters that makes what is asked for.
    """
    own, asked = (inspect.signature(f).parameters for f in (command, make))

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {parameter: given.pop(parameter) for parameter in asked}
        command(**given, **{name: functools.partial(make, **chosen)})

    shown: list[inspect.Parameter] = []
    for parameter in own.values():
        shown += asked.values() if parameter.name == name else [parameter]
    by_name = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in shown]
    run.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in by_name}
    return run


# "\b" keeps the lines of its paragraph as they are.


def _read_sampling(text: str) -> "Sampling":
    from formcheck.video.sampling import Sampling

    try:
        return Sampling.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sample") from None


def list_of(names: type[StrEnum], text: str) -> list[str]:
    """Read names with commas between them, each once."""
    asked = list(dict.fromkeys(part.strip() for part in text.split(",")))
    if unknown := [name for name in asked if name not in list(names)]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(names)}")
    return asked
