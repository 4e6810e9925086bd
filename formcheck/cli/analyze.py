"""`formcheck analyze`: one video."""

import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from formcheck.cli.export import prepare_exports
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
    write_help,
)
from formcheck.cli.places import refuse_own_overlay, require_room_for_results
from formcheck.cli.run_options import DbOption, MakeEntry, prepare_log, with_entry
from formcheck.cli.speech import (
    Output,
    errors_as_one_line,
    own_stderr,
    progress_bar,
    reader_may_leave,
    say,
    show_page,
)

if TYPE_CHECKING:
    from formcheck.options import Options

ANALYZE_HELP = write_help(
    "Analyse one video and write the report.",
    "formcheck analyze treadmill.mp4",
    "formcheck analyze slowmo.mov --slow-motion 8 --height-cm 178",
    'formcheck analyze treadmill.mp4 --log --shoes "blue ones" --pain "back:4"',
    done="the video was analysed, whatever the verdict",
)


@with_options
@with_entry
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
    export: ExportOption = "",
    log: Annotated[
        bool, typer.Option("--log", help="Store the run in the log, with what is said below.")
    ] = False,
    entry: MakeEntry,
    db: DbOption = None,
    show: Annotated[
        bool, typer.Option("--show", help="Open the report in the browser at the end.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print report.json to standard output, nothing else.")
    ] = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Analyse one video and write the report; the help text is `ANALYZE_HELP`."""
    folder = out or Path("formcheck_out") / video.stem
    wanted = list_of(ExportFormat, export) if export else []
    with errors_as_one_line(debug), own_stderr(debug) as stderr:
        chosen = options()
        log_run = prepare_log(log, db, entry, video)
        require_room_for_results(folder)
        refuse_own_overlay(folder, video)
        export_run = prepare_exports(wanted, chosen.height_cm)
        from formcheck.pipeline import analyze as run
        from formcheck.report import write_report
        from formcheck.report.files import to_json
        from formcheck.report.terminal import print_analysis

        console = Console(file=stderr, stderr=True)
        with progress_bar(console, quiet) as bar, _workers(scheduler, chosen) as pool:
            result = run(video, chosen, progress=bar("Watching the run"), pool=pool)
            write_report(
                result, folder, overlay=overlay, progress=bar("Drawing the overlay", overlay)
            )
        if result.engine.note:
            say(console, result.engine.note)
        with reader_may_leave():
            if json:
                sys.stdout.write(to_json(result))
            else:
                output = Output()
                print_analysis(result, output)
                say(output, f"Report: {folder / 'report.html'}")
            sys.stdout.flush()
        if show:
            show_page(folder / "report.html")
        try:
            if log_run is not None:
                say(console, log_run(result, folder))
        finally:
            if export_run is not None:
                for line in export_run(result, folder):
                    say(console, line)


@contextmanager
def _workers(scheduler: str | None, options: "Options") -> Iterator[Executor | None]:
    """Give the workers of a cluster, if one is named."""
    if scheduler is None:
        yield None
        return
    from formcheck.batch.cluster import connect

    with connect(scheduler, options) as (_, workers):
        yield workers
