"""The `formcheck` command and what it can do."""

import io
import sys
from typing import Annotated

import typer

from formcheck.cli.analyze import ANALYZE_HELP, analyze
from formcheck.cli.batch import BATCH_HELP, batch
from formcheck.cli.bench import BENCH_HELP, bench
from formcheck.cli.doctor import DOCTOR_HELP, doctor
from formcheck.cli.export import EXPORT_HELP, export
from formcheck.cli.guide import GUIDE_HELP, guide
from formcheck.cli.history import HISTORY_HELP, history
from formcheck.cli.log import LOG_HELP, log
from formcheck.cli.shoes import SHOES_HELP, shoes
from formcheck.cli.snapshot import SNAPSHOT_HELP, snapshot

# "\b" keeps the lines of its paragraph as they are.
APP_HELP = """Did your posture hold to the end of the run? A video in, an honest answer out.

\b
Examples:
  formcheck guide                              how to film
  formcheck analyze treadmill.mp4              one video
  formcheck batch clips --out results          all videos in a folder
  formcheck snapshot formcheck_out/treadmill   early against late, to share
  formcheck export results/treadmill           a result, for other programs
  formcheck history                            what goes together over runs
  formcheck analyze --help                     what a command takes
  formcheck --install-completion               let the Tab key complete
"""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=APP_HELP,
)
app.command(help=ANALYZE_HELP)(analyze)
app.command(help=BATCH_HELP)(batch)
app.command(help=SNAPSHOT_HELP)(snapshot)
app.command(help=EXPORT_HELP)(export)
app.add_typer(log, name="log", help=LOG_HELP)
app.add_typer(shoes, name="shoes", help=SHOES_HELP)
app.command(help=HISTORY_HELP)(history)
app.command(help=GUIDE_HELP)(guide)
app.command(help=DOCTOR_HELP)(doctor)
app.command(help=BENCH_HELP)(bench)


def _show_version(wanted: bool) -> None:
    if wanted:
        from formcheck.pipeline import formcheck_version

        typer.echo(f"formcheck {formcheck_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the `formcheck` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ° gets ? instead of a trace
    app()
