"""`formcheck export`: finished results in the formats of the field."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from formcheck.cli.options import DebugOption, ExportFormat, HeightOption, list_of, write_help
from formcheck.cli.places import require_room_for_results
from formcheck.cli.speech import (
    Output,
    complain,
    errors_as_one_line,
    own_stderr,
    reader_may_leave,
    say,
)

if TYPE_CHECKING:
    from formcheck.result import Analysis

EXPORT_HELP = write_help(
    "Write results for OpenSim, movement, spreadsheets, and as C3D.",
    "formcheck export formcheck_out/treadmill --format trc,mot --height-cm 178",
    "formcheck export results/*/ --format csv --out tables",
    done="all was written",
    failed="some could not be, each with one line that says why and what to do",
    more="A result is the folder that `formcheck analyze` wrote; the video is not needed. "
    "Axes, units and signs of each format are in docs/export.md.",
)


def export(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT", help="Folders that analyze wrote.")
    ],
    format: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"What is wanted, with commas between: {', '.join(ExportFormat)}; all leaves out "
            "what can't be written.",
        ),
    ] = ExportFormat.all.value,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the files go; each result's own folder if not given."
        ),
    ] = None,
    height_cm: HeightOption = None,
    debug: DebugOption = False,
) -> None:
    """Write finished results in other formats; the help text is `EXPORT_HELP`."""
    names = list_of(ExportFormat, format)
    left_out: dict[str, str] = {}
    failed = False
    with errors_as_one_line(debug), own_stderr(debug) as stderr:
        from formcheck.errors import FormcheckError
        from formcheck.export import choose_formats, export_analysis, tell_height
        from formcheck.report.reading import read_analysis

        if out is not None:
            _refuse_same_names(results)
        for result in results:
            try:
                analysis = read_analysis(result)
                require_room_for_results(out or result)
                if height_cm is not None:
                    analysis = tell_height(analysis, height_cm)
                formats, without = choose_formats(names, analysis.setting("height_cm"))
                written, impossible = export_analysis(
                    analysis, out or result, formats, _name_of(result)
                )
            except FormcheckError as error:
                if debug or len(results) == 1:
                    raise
                complain(str(error), stderr)
                failed = True
                continue
            left_out |= without
            for reason in impossible.values():
                complain(f"'{result}': {reason}", stderr)
                failed = True
            with reader_may_leave():
                for path in written:
                    say(Output(), str(path))
                sys.stdout.flush()
        for reason in left_out.values():
            say(Console(file=stderr, stderr=True), f"Left out: {reason}")
    if failed:
        raise typer.Exit(1)


def prepare_exports(
    names: Sequence[str], height_cm: float | None
) -> "Callable[[Analysis, Path], list[str]] | None":
    """Return what exports a result into its folder and says so, a line each; None if nothing is.

    What is impossible is refused at once, before an analysis that may take an hour.
    """
    if not names:
        return None
    from formcheck.export import choose_formats, export_analysis

    formats, left_out = choose_formats(names, height_cm)

    def export_run(analysis: "Analysis", folder: Path) -> list[str]:
        written, impossible = export_analysis(analysis, folder, formats, _name_of(folder))
        reasons = (left_out | impossible).values()
        return [*(f"Export: {path}" for path in written), *(f"Left out: {why}" for why in reasons)]

    return export_run


def _name_of(folder: Path) -> str:
    """Return the name of a result, with which the names of its exports begin."""
    from formcheck.export import cut_name

    return cut_name(folder.resolve().name) or "run"


def _refuse_same_names(results: Sequence[Path]) -> None:
    from formcheck.errors import ExportError

    names = Counter(_name_of(result) for result in dict.fromkeys(results))
    if twice := [name for name, count in names.items() if count > 1]:
        raise ExportError(
            f"two of the results are called '{twice[0]}', so one would overwrite the other; "
            "export one of them to another folder"
        )
