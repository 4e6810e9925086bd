"""`formcheck guide`: how to film."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from formcheck.cli.options import write_help
from formcheck.cli.speech import Output, errors_as_one_line, reader_may_leave, say

WIDEST = 80  # columns: longer lines are hard to read

GUIDE_HELP = write_help(
    "Say how to film a run, and why.",
    "formcheck guide",
    "formcheck guide --out filming.html",
    done="it was said",
    failed="the page can't be written",
)


def guide(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as a page with a drawing instead."),
    ] = None,
) -> None:
    """Say how to film a run; the help text is `GUIDE_HELP`."""
    from formcheck.guide import print_guide, render_guide

    with errors_as_one_line(debug=False), reader_may_leave():
        output = Output()
        if out is None:
            output.width = min(output.width, WIDEST)
            print_guide(output)
        else:
            from formcheck.report.files import write_text

            write_text(render_guide(), out)
            say(output, f"Guide: {out}")
        sys.stdout.flush()
