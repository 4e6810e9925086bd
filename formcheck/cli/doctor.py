"""`formcheck doctor`: what this machine has and lacks."""

import sys

import typer

from formcheck.cli.options import write_help
from formcheck.cli.speech import Output, reader_may_leave

DOCTOR_HELP = write_help(
    "Check that this machine has all that formcheck needs.",
    "formcheck doctor",
    done="nothing is missing",
    failed="something is, and says what to do",
)


def doctor() -> None:
    """Check this machine and show what was found; the help text is `DOCTOR_HELP`."""
    from formcheck.system import render_doctor

    all_ok = False
    with reader_may_leave():
        all_ok = render_doctor(Output())
        sys.stdout.flush()
    raise typer.Exit(0 if all_ok else 1)
