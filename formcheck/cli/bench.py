"""`formcheck bench`: how fast this machine is."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from formcheck.cli.options import Engine, Model, list_of, write_help
from formcheck.cli.speech import (
    Output,
    errors_as_one_line,
    own_stderr,
    progress_bar,
    reader_may_leave,
)

BENCH_HELP = write_help(
    "Measure how fast this machine is.",
    "formcheck bench",
    "formcheck bench treadmill.mp4 --model lite,full --seconds 10",
    done="it was measured",
    more="Each stage, the whole, and beside them MediaPipe's usual loop. The blazepose engine "
    "is measured in full precision, and in reduced where the machine has that.",
)


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
    """Measure how fast this machine is; the help text is `BENCH_HELP`."""
    chosen_engines, chosen_models = list_of(Engine, engines), list_of(Model, model)
    with errors_as_one_line(debug=False), own_stderr(debug=False) as stderr:
        from json import dumps

        from formcheck.bench import print_bench, run_bench

        with progress_bar(Console(file=stderr, stderr=True), quiet=False) as show:
            result = run_bench(
                video,
                engines=chosen_engines,
                models=chosen_models,
                seconds=seconds,
                repeats=repeats,
                show=show,
            )
        with reader_may_leave():
            if json:
                sys.stdout.write(dumps(result.to_report(), indent=2, allow_nan=False) + "\n")
            else:
                print_bench(result, Output())
            sys.stdout.flush()
