"""`formcheck shoes`: how far and how long each pair was run."""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from formcheck.cli.options import DebugOption, write_help
from formcheck.cli.run_options import DbOption, read_option
from formcheck.cli.speech import Output, errors_as_one_line, reader_may_leave, say

# "\b" keeps the lines of its paragraph as they are.
SHOES_HELP = """Show how far and for how long each pair was run.

\b
Examples:
  formcheck shoes
  formcheck shoes edit "blue ones" --since 2025-01-10 --before 120km
  formcheck shoes edit "blue ones" --retired
"""

shoes = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


@shoes.callback()
def _show_unless_told(
    context: typer.Context, db: DbOption = None, debug: DebugOption = False
) -> None:
    context.obj = db
    if context.invoked_subcommand is None:
        _show(db, debug)


def _show(db: Path | None, debug: bool) -> None:
    with errors_as_one_line(debug), reader_may_leave():
        from formcheck.runlog.shoes import count_wear
        from formcheck.runlog.store import open_log
        from formcheck.runlog.terminal import print_shoes

        with open_log(db) as log:
            wears = count_wear(log.shoes(), log.runs(), date.today())
        print_shoes(wears, Output())
        sys.stdout.flush()


@shoes.command(
    "edit",
    help=write_help(
        "Say what is known of a pair besides its runs.",
        'formcheck shoes edit "blue ones" --since 2025-01-10 --before 120km',
        'formcheck shoes edit "blue ones" --retired',
        done="it was stored",
        more="An empty text takes back what was said.",
    ),
)
def edit_shoes(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the pair, as it is shown.")],
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When they were new; the first run's day if not told."),
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Run in them before the log: 120km, 75mi.")
    ] = None,
    retired: Annotated[
        bool | None, typer.Option("--retired/--in-use", help="Whether they are still worn.")
    ] = None,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Another name.")] = None,
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Say what is known of a pair; the help text stands above."""
    with errors_as_one_line(debug):
        from formcheck.errors import LogError
        from formcheck.runlog import words
        from formcheck.runlog.store import open_log

        first = read_option(words.parse_date, since or None, "--since")
        metres = read_option(words.parse_distance, before, "--before")
        with open_log(db or context.obj) as log, log.at_once():
            named = words.clean_name(name).casefold()
            pair = next((pair for pair in log.shoes() if pair.name.casefold() == named), None)
            if pair is None:
                raise LogError(f"no run was logged with shoes named '{name}'; see: formcheck shoes")
            changed = replace(
                pair,
                name=words.clean_name(rename or "") or pair.name,
                since=pair.since if since is None else first and first.date(),
                before_m=pair.before_m if metres is None else metres,
                retired=pair.retired if retired is None else retired,
            )
            log.set_shoes(pair.name, changed)
        say(Output(), f"Shoes '{changed.name}' changed.")
