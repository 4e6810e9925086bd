"""Which clips there are, and where the result of each lies."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from formcheck.errors import BatchError

SUFFIXES = (
    *(".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"),
)


@dataclass(frozen=True)
class Clip:
    """A file that may be a video.

    Attributes
    ----------
    path : Path
        Absolute; may be a link.
    name : str
        Its path below the folder that was named, or below what all of them have in common; also
        that of its result below the folder of results. Bytes that are no text stand as in
        `os.fsdecode`.
    size : int
        Bytes; 0 where it can't be told.
    """

    path: Path
    name: str
    size: int


def find_clips(
    folders: Sequence[Path], out: Path, *, recursive: bool = False, pattern: str | None = None
) -> list[Clip]:
    """Find the videos in folders, by their suffix or a pattern of their names.

    Parameters
    ----------
    folders : sequence of Path
        Folders, or single files.
    out : Path
        Folder of the results: not looked into.
    recursive : bool
        Look into folders within folders, too; links to folders are not followed.
    pattern : str, optional
        Of file names, as in a shell ('*.mp4'); by the usual suffixes of videos if not given.

    Returns
    -------
    list of Clip
        By name, each once. Hidden files, such as those that macOS leaves beside others, are none.

    Raises
    ------
    BatchError
        A folder is missing, none holds a clip, or the results would lie among the clips.
    """
    for folder in folders:
        _require(folder)
    # a link to a folder is followed, a link to a clip keeps its name
    places = [f.resolve() if f.is_dir() else f.parent.resolve() / f.name for f in folders]
    base = Path(os.path.commonpath([p if p.is_dir() else p.parent for p in places]))
    out = out.resolve()
    if out in (base, *places):
        raise BatchError(
            f"the results can't lie among the clips in '{out}'; name another folder with --out"
        )
    paths = {path for place in places for path in _list(place, out, recursive, pattern)} - {base}
    if not paths:
        hint = "" if recursive else ", look deeper with --recursive"
        raise BatchError(
            f"no video was found in '{places[0]}'{' and the others' * (len(places) > 1)}; "
            f"check the name{hint}, or say with --pattern which files are meant"
        )
    clips = (Clip(path, path.relative_to(base).as_posix(), _size(path)) for path in paths)
    return sorted(clips, key=lambda clip: clip.name)


def _require(folder: Path) -> None:
    try:
        folder.stat()
    except FileNotFoundError:
        raise BatchError(f"there is no folder '{folder}'; check the name") from None
    except OSError as error:
        raise BatchError(f"'{folder}' can't be read ({error.strerror}); check the name") from error


def _list(place: Path, out: Path, recursive: bool, pattern: str | None) -> Iterator[Path]:
    """Give what is a clip, and the folders that can't be looked into: they get a line, too."""
    if not place.is_dir():
        yield place
        return
    locked: list[OSError] = []
    for folder, inner, files in os.walk(place, onerror=locked.append):
        here = Path(folder)
        inner[:] = [n for n in inner if recursive and not n.startswith(".") and here / n != out]
        for name in files:
            wanted = (
                fnmatchcase(name, pattern) if pattern else Path(name).suffix.lower() in SUFFIXES
            )
            if wanted and not name.startswith("."):
                yield here / name
    yield from (Path(error.filename) for error in locked)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
