"""Options that say what is known of a run besides its video."""

import functools
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from formcheck.cli.options import taking

if TYPE_CHECKING:
    from formcheck.result import Analysis
    from formcheck.runlog.store import Entry, Stored

DbOption = Annotated[
    Path | None,
    typer.Option(
        "--db",
        metavar="FILE",
        help="The log's database; the variable FORMCHECK_DB, or the data folder, if not given.",
    ),
]
DateOption = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="When the run began, such as '2025-05-01 18:30'."),
]
DistanceOption = Annotated[
    str | None,
    typer.Option(metavar="LENGTH", help="Of the whole run: 5km, 3.1mi; kilometres if bare."),
]
DurationOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Of the whole run: 45:30, 1:05:00 or 45min.")
]
ShoesOption = Annotated[str | None, typer.Option(metavar="NAME", help="Which pair was worn.")]
SurfaceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="What was run on: treadmill, road, trail, ...")
]
PainOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHERE:LEVEL",
        help="Where it hurt, and how much from 0 to 10: 'lower back:4'; none, if nothing did. "
        "Can be given several times.",
    ),
]
NotesOption = Annotated[str | None, typer.Option(metavar="TEXT", help="Whatever else.")]
ActivityOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The watch's file of this run, FIT or GPX."),
]
_Value = TypeVar("_Value")


def make_entry(
    date: DateOption = None,
    distance: DistanceOption = None,
    duration: DurationOption = None,
    shoes: ShoesOption = None,
    surface: SurfaceOption = None,
    pain: PainOption = None,
    notes: NotesOption = None,
    activity: ActivityOption = None,
) -> "Entry":
    """Make what is to be stored of a run, except for its video, from the options of a command."""
    from formcheck.runlog import words
    from formcheck.runlog.activity import read_activity
    from formcheck.runlog.run import Details
    from formcheck.runlog.store import Entry

    details = Details(
        started=read_option(words.parse_date, date, "--date"),
        distance_m=read_option(words.parse_distance, distance, "--distance"),
        duration_s=read_option(words.parse_duration, duration, "--duration"),
        shoes=read_option(words.clean_name, shoes, "--shoes"),
        surface=read_option(lambda text: words.clean_name(text).lower(), surface, "--surface"),
        pains=read_option(words.parse_pains, pain or None, "--pain"),
        notes=read_option(words.clean_notes, notes, "--notes"),
    )
    return Entry(details, activity=None if activity is None else read_activity(activity))


MakeEntry = functools.partial["Entry"]


def with_entry(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all parameters of `make_entry` in place of its `entry`, which makes it."""
    return taking(command, "entry", make_entry)


def prepare_log(
    wanted: bool, db: Path | None, entry: MakeEntry, video: Path
) -> Callable[["Analysis", Path], str] | None:
    """Return what stores an analysis and says so, or None if that is not wanted.

    The options are read and the log is opened once now, before the work, which may take an hour.

    Raises
    ------
    FormcheckError
        The log can't be opened, or the watch's file can't be read or is another video's.
    """
    from formcheck.errors import LogError
    from formcheck.runlog.store import Entry, open_log

    given = entry()
    if not wanted:
        if given != Entry() or db is not None:
            raise typer.BadParameter("what is said of the run is stored with --log: add that")
        return None
    with open_log(db) as log:
        log.require_room(given, video)

    def log_run(analysis: "Analysis", folder: Path) -> str:
        try:
            return store_analysis(analysis, folder, given, db)
        except Exception as error:
            later = _write_command(folder, entry.keywords | {"db": db})
            raise LogError(f"{error}; the report is written; log it later: {later}") from error

    return log_run


def _write_command(folder: Path, options: dict[str, Any]) -> str:
    """Return the command that stores a result with all that was said."""
    words = ["formcheck", "log", "add", str(folder)]
    for name, value in options.items():
        for text in value if isinstance(value, list) else [value]:
            words += [] if text is None else [f"--{name}", str(text)]
    return shlex.join(words)


def store_analysis(analysis: "Analysis", folder: Path, entry: "Entry", db: Path | None) -> str:
    """Store a run with its analysis; return what was done, in words."""
    from formcheck.runlog.filmed import describe_filmed, find_filming_time
    from formcheck.runlog.store import open_log

    filmed, when = describe_filmed(analysis, folder), find_filming_time(analysis, folder)
    with open_log(db) as log:
        return describe(log.store(replace(entry, filmed=filmed, when=when)))


def describe(stored: "Stored") -> str:
    """Say what was stored and joined, and whether the watch's cadence is the video's."""
    from formcheck.runlog.cadence import compare_cadence
    from formcheck.runlog.terminal import describe_stored

    check = compare_cadence(stored.run)
    said = describe_stored(stored.run, stored.before is not None)
    lines = [said, stored.note, "" if check is None else check.text]
    return "\n".join(line for line in lines if line)


def read_option(parse: Callable[[Any], _Value], text: Any, option: str) -> _Value | None:
    """Return what an option says, None where it is not given; a wrong one is wrong usage."""
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
