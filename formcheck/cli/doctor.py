"""`formcheck doctor`: what this machine has and lacks."""

import sys

import typer

from formcheck.cli.speech import Output, reader_may_leave


def doctor() -> None:
    """Check that this machine has all that formcheck needs, and show what was found."""
    from formcheck.system import render_doctor

    all_ok = False
    with reader_may_leave():
        all_ok = render_doctor(Output())
        sys.stdout.flush()
    raise typer.Exit(0 if all_ok else 1)
