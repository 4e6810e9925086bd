"""What is done with one clip, in the process of the guard."""

from dataclasses import dataclass
from pathlib import Path

from formcheck.batch.child import tell
from formcheck.batch.clips import Clip
from formcheck.batch.done import (
    NO_EXTRAS,
    Extras,
    describe_making,
    is_done,
    make_room,
    put_in_place,
    require_own,
    require_place,
    seal,
)
from formcheck.batch.guard import NO_LIMITS, Limits
from formcheck.batch.row import Row, read_row
from formcheck.errors import VideoError
from formcheck.export import choose_formats, export_analysis
from formcheck.options import Options
from formcheck.pipeline import analyze
from formcheck.report import write_report
from formcheck.video.reader import hash_file


@dataclass(frozen=True)
class Task:
    """How the clips of a batch are analysed.

    Attributes
    ----------
    out : Path
        Folder of the results; absolute.
    options : Options
    extras : Extras
    limits : Limits
    debug : bool
        Let through what libraries write to standard error.
    """

    out: Path
    options: Options
    extras: Extras = NO_EXTRAS
    limits: Limits = NO_LIMITS
    debug: bool = False


def do_clip(clip: Clip, task: Task) -> Row:
    """Analyse a clip and put its result in place, unless that is done already.

    Raises
    ------
    FormcheckError
        It can't be analysed, or its result can't be written.
    """
    if clip.path.is_dir():
        raise VideoError("this folder can't be looked into; allow that it is read")
    # what is no file any more is named by `analyze`
    content = hash_file(clip.path) if clip.path.is_file() else ""
    place = require_place(task.out, clip)
    making = describe_making(task.options, task.extras)
    if is_done(place, content, making):
        return read_row(clip, place, was_done=True)
    require_own(place, clip, content)
    analysis = analyze(clip.path, task.options, progress=tell)
    if analysis.video.sha256 != content:
        raise VideoError(
            f"'{clip.path.name}' was changed while it was analysed; "
            "start again when it is copied to the end"
        )
    with make_room(task.out) as room:
        result = room / "result"
        write_report(analysis, result, overlay=task.extras.overlay, progress=tell)
        formats, _ = choose_formats(task.extras.exports, task.options.height_cm)
        _, impossible = export_analysis(analysis, result, formats, place.name)
        seal(result, clip, content, making, list(impossible.values()))
        put_in_place(result, place, room)
    return read_row(clip, place)
