"""`formcheck batch`: all clips in folders."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from formcheck.cli.options import (
    DebugOption,
    ExportFormat,
    ExportOption,
    MakeOptions,
    OverlayOption,
    QuietOption,
    SchedulerOption,
    list_of,
    with_options,
)
from formcheck.cli.places import require_room_for_results
from formcheck.cli.speech import (
    Output,
    errors_as_one_line,
    own_stderr,
    reader_may_leave,
    say,
    show_page,
)

# "\b" keeps the lines of its paragraph as they are.
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


@with_options
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
        typer.Option(
            metavar="GIB", min=0.1, max=1e6, help="Most memory for a clip; none if not given."
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    overlay: OverlayOption = False,
    export: ExportOption = "",
    show: Annotated[
        bool, typer.Option("--show", help="Open the summary in the browser at the end.")
    ] = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Analyse all clips in folders; the help text is `BATCH_HELP`."""
    if scheduler is not None and jobs is not None:
        raise typer.BadParameter("give --scheduler or --jobs, not both: its workers say how many")
    wanted = list_of(ExportFormat, export) if export else []
    with errors_as_one_line(debug), own_stderr(debug) as stderr:
        chosen = options()
        require_room_for_results(out)
        from formcheck.batch import Limits, analyze_batch
        from formcheck.batch.terminal import BatchProgress, count_up, list_notes
        from formcheck.export import choose_formats
        from formcheck.system import GIB

        formats, left_out = choose_formats(wanted, chosen.height_cm)
        console = Console(file=stderr, stderr=True, soft_wrap=True)
        with BatchProgress(console, quiet) as progress:
            rows = analyze_batch(
                folders,
                out,
                chosen,
                overlay=overlay,
                exports=[format.name for format in formats],
                recursive=recursive,
                pattern=pattern,
                jobs=jobs,
                limits=Limits(timeout, None if memory is None else int(memory * GIB)),
                cluster=scheduler,
                show=progress.show,
                debug=debug,
            )
        for line in (*(f"Left out: {reason}" for reason in left_out.values()), *list_notes(rows)):
            say(console, line)
        with reader_may_leave():
            say(Output(), count_up(rows))
            say(Output(), f"Summary: {out / 'summary.html'}")
            sys.stdout.flush()
        if show:
            show_page(out / "summary.html")
    raise typer.Exit(3 if any(row.status == "failed" for row in rows) else 0)
