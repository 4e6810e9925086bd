"""`formcheck log`: the runs that were stored, and what is known of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from formcheck.cli.options import DebugOption, write_help
from formcheck.cli.run_options import DbOption, MakeEntry, describe, store_analysis, with_entry
from formcheck.cli.speech import Output, complain, errors_as_one_line, reader_may_leave, say

if TYPE_CHECKING:
    from formcheck.runlog.store import Entry, RunLog

# "\b" keeps the lines of its paragraph as they are.
LOG_HELP = """The log of your runs: list, add, edit, remove, export, import.

\b
Examples:
  formcheck log
  formcheck log add formcheck_out/treadmill --distance 12km
  formcheck log add --date "2025-05-01 18:30" --distance 5km
  formcheck log edit 7 --pain "lower back:4" --surface road
  formcheck log import morning.fit --to 7
  formcheck log export runs.csv

It is a file on this machine and nowhere else: the one that --db or the variable FORMCHECK_DB names,
or else runs.sqlite3 in the folder for the data of programs.
"""

log = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the run, as the list shows it.")]


@log.callback()
def _list_unless_told(context: typer.Context, db: DbOption = None) -> None:
    context.obj = db
    if context.invoked_subcommand is None:
        list_runs(context)


@log.command(
    "list",
    help=write_help("List all runs, by time.", "formcheck log list", done="they were listed"),
)
def list_runs(context: typer.Context, db: DbOption = None, debug: DebugOption = False) -> None:
    """List all runs; the help text stands above."""
    with _opened(context, db, debug) as runs:
        from formcheck.runlog.terminal import print_runs

        print_runs(runs.runs(), Output())


@log.command(
    "add",
    help=write_help(
        "Add finished results, or a run that was not filmed.",
        "formcheck log add formcheck_out/treadmill --distance 12km",
        "formcheck log add results/*/ --surface treadmill",
        'formcheck log add --date "2025-05-01 18:30" --distance 5km',
        done="all was stored",
        failed="some could not be, each with one line that says why and what to do",
        more="A result is not analysed again. Of several, only shoes and surface can be said.",
    ),
)
@with_entry
def add_run(
    context: typer.Context,
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RESULT_FOLDER",
            help="Of a finished analysis; without one, a run that was not filmed is added.",
        ),
    ] = None,
    *,
    entry: MakeEntry,
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Add a run; the help text stands above."""
    if not results:
        with _opened(context, db, debug) as runs:
            from formcheck.runlog.store import Entry

            said = entry()
            if said == Entry():
                raise typer.BadParameter("name a RESULT_FOLDER, or say of the run what is known")
            say(Output(), describe(runs.store(said)))
        return
    failed = False
    with errors_as_one_line(debug):
        from formcheck.errors import FormcheckError
        from formcheck.report.reading import read_analysis

        said = entry()
        if len(results) > 1:
            _require_common(said)
        for result in results:
            try:
                stored = store_analysis(read_analysis(result), result, said, db or context.obj)
            except FormcheckError as error:
                if debug or len(results) == 1:
                    raise
                complain(f"'{result}': {error}")
                failed = True
            else:
                _say_in_passing(stored)
    if failed:
        raise typer.Exit(1)


def _say_in_passing(line: str) -> None:
    """Say what was done, where more is to do: whether or not anybody reads it."""
    with reader_may_leave():
        say(Output(), line)
        sys.stdout.flush()


def _require_common(said: "Entry") -> None:
    from formcheck.runlog.run import Details
    from formcheck.runlog.store import Entry

    common = Entry(Details(shoes=said.details.shoes, surface=said.details.surface))
    if said != common:
        raise typer.BadParameter(
            "of several results, only --shoes and --surface can be said; add one alone, or say the "
            "rest with formcheck log edit"
        )


@log.command(
    "edit",
    help=write_help(
        "Change what is known of a run.",
        'formcheck log edit 7 --pain "lower back:4" --surface road',
        "formcheck log edit 7 --shoes ''",
        done="it was changed",
        more="An empty text takes back what was said.",
    ),
)
@with_entry
def edit_run(
    context: typer.Context,
    number: Number,
    *,
    entry: MakeEntry,
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Change what is known of a run; the help text stands above."""
    with _opened(context, db, debug) as runs:
        from formcheck.runlog.store import Entry

        said = entry()
        if said == Entry():
            raise typer.BadParameter("say what is to be changed, such as --shoes or --pain")
        say(Output(), describe(runs.store(said, number)))


@log.command(
    "remove",
    help=write_help(
        "Remove runs from the log.",
        "formcheck log remove 7 9",
        done="they were removed",
        more="Their reports stay where they are.",
    ),
)
def remove_runs(
    context: typer.Context,
    numbers: Annotated[
        list[int], typer.Argument(metavar="NUMBER", help="Of the runs, as the list shows them.")
    ],
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Remove runs from the log; the help text stands above."""
    with _opened(context, db, debug) as runs:
        from formcheck.runlog.words import format_date

        for run in runs.remove(numbers):
            say(Output(), f"Run {run.id} of {format_date(run.when.time)} removed.")


@log.command(
    "export",
    help=write_help(
        "Write all runs as CSV.",
        "formcheck log export runs.csv",
        done="they were written",
        more="Each column has its unit in its name or in docs/log.md.",
    ),
)
def export_runs(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="To be written, CSV; standard output if not given."),
    ] = None,
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Write all runs as CSV; the help text stands above."""
    with _opened(context, db, debug) as runs:
        from formcheck.report.files import write_text
        from formcheck.runlog.table import write_csv

        text = write_csv(runs.runs())
        if file is None:
            typer.echo(text.encode(), nl=False)  # UTF-8, whatever the terminal has
        else:
            write_text(text, file)


@log.command(
    "import",
    help=write_help(
        "Read runs from CSV, or from the file of a watch.",
        "formcheck log import runs.csv",
        "formcheck log import morning.fit --to 7",
        done="they were read",
        more="A watch's file is joined with the run of the same time, if there is just one, and "
        "its cadence compared with the video's; else it becomes a run of its own.",
    ),
)
def import_files(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="CSV as export writes it, or a watch's .fit or .gpx (also .gz)."
        ),
    ],
    to: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Of the run that the watch's file belongs to."),
    ] = None,
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Read runs from files; the help text stands above."""
    if to is not None and len(files) != 1:
        raise typer.BadParameter("--to goes with one file of a watch")
    with _opened(context, db, debug) as runs:
        from formcheck.runlog.activity import is_activity

        for file in files:
            if is_activity(file) or to is not None:
                _import_activity(file, runs, to)
            else:
                _import_table(file, runs)


def _import_activity(file: Path, runs: "RunLog", to: int | None) -> None:
    from formcheck.runlog.activity import read_activity
    from formcheck.runlog.store import Entry

    _say_in_passing(describe(runs.store(Entry(activity=read_activity(file)), to)))


def _import_table(file: Path, runs: "RunLog") -> None:
    from formcheck.runlog.table import read_csv

    with runs.at_once():
        found = read_csv(file, runs.runs())
        new = runs.restore(found)
    _say_in_passing(f"{new} new, {len(found) - new} brought up to date, from {file.name}.")


@contextmanager
def _opened(context: typer.Context, db: Path | None, debug: bool) -> Iterator["RunLog"]:
    with errors_as_one_line(debug), reader_may_leave():
        from formcheck.runlog.store import open_log

        with open_log(db or context.obj) as runs:
            yield runs
        sys.stdout.flush()
