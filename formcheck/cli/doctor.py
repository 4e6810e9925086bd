"""`formcheck doctor`: what this machine has and lacks."""

import sys

import typer

from formcheck.cli.speech import Output, reader_may_leave

# "\b" keeps the lines of its paragraph as they are.
DOCTOR_HELP = """Check that this machine has all that formcheck needs.

\b
Examples:
  formcheck doctor

\b
Ends with
  0  when nothing is missing;
  1  when something is, and says what to do;
  2  when the command was not understood.
"""


def doctor() -> None:
    """Check this machine and show what was found; the help text is `DOCTOR_HELP`."""
    from formcheck.system import render_doctor

    all_ok = False
    with reader_may_leave():
        all_ok = render_doctor(Output())
        sys.stdout.flush()
    raise typer.Exit(0 if all_ok else 1)
