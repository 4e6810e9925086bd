"""`formcheck history`: what goes together over runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from formcheck.cli.options import DebugOption, write_help
from formcheck.cli.run_options import DbOption
from formcheck.cli.speech import Output, errors_as_one_line, reader_may_leave, say

HISTORY_HELP = write_help(
    "Show what goes together over your runs.",
    "formcheck history",
    "formcheck history --out my_runs.html",
    done="the page was written",
    more="The late-run change is held against duration, distance, pain, shoes and surface, "
    "each with how sure it is; with fewer than eight runs it says how many more are "
    "needed.",
)


def history(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to be written.")] = Path(
        "formcheck_out/history.html"
    ),
    db: DbOption = None,
    debug: DebugOption = False,
) -> None:
    """Show what goes together over runs; the help text is `HISTORY_HELP`."""
    with errors_as_one_line(debug), reader_may_leave():
        from formcheck.report.files import write_text
        from formcheck.runlog.history import tell_history
        from formcheck.runlog.page import render_history
        from formcheck.runlog.store import open_log
        from formcheck.runlog.terminal import print_history

        with open_log(db) as log:
            told = tell_history(log.runs())
        write_text(render_history(told, out), out)
        print_history(told, Output())
        say(Output(), f"Page: {out}")
        sys.stdout.flush()
