"""`formcheck snapshot`: the early/late comparison as a picture to share."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from formcheck.cli.options import DebugOption, MakeOptions, QuietOption, with_options, write_help
from formcheck.cli.places import require_room_for_results
from formcheck.cli.speech import (
    Output,
    errors_as_one_line,
    own_stderr,
    progress_bar,
    reader_may_leave,
    say,
)

SNAPSHOT_HELP = write_help(
    "Write early against late as one picture to share.",
    "formcheck snapshot formcheck_out/treadmill",
    "formcheck snapshot treadmill.mp4 --out for_my_coach.png",
    done="the picture was written",
    more="A folder is the result of an analysis, whose video must still be there. A video is "
    "analysed first, with the options of analyze, and nothing is kept but the picture.",
)


@with_options
def snapshot(
    source: Annotated[
        Path, typer.Argument(metavar="RESULT|VIDEO", help="Folder of a result, or a video.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Where the picture goes; <name of the video>_snapshot.png here if not given.",
        ),
    ] = None,
    *,
    options: MakeOptions,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Write a picture to share; the help text is `SNAPSHOT_HELP`."""
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter("the picture is a PNG: name a FILE.png", param_hint="--out")
    with errors_as_one_line(debug), own_stderr(debug) as stderr:
        chosen = options()
        require_room_for_results(out.parent if out else Path())
        from formcheck.pipeline import analyze
        from formcheck.report.reading import read_analysis
        from formcheck.report.snapshot import with_video, write_snapshot

        console = Console(file=stderr, stderr=True)
        if source.is_dir():
            result = with_video(read_analysis(source), source)
        else:
            with progress_bar(console, quiet) as show:
                result = analyze(source, chosen, progress=show("Watching the run"))
            if result.engine.note:
                say(console, result.engine.note)
        target = out or Path(f"{Path(result.video.path).stem}_snapshot.png")
        write_snapshot(result, target)
        with reader_may_leave():
            say(Output(), f"Snapshot: {target}")
            sys.stdout.flush()
