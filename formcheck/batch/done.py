"""What is done stays done: results are put in place whole, and known again by what made them."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from formcheck.batch.clips import Clip
from formcheck.errors import BatchError, OutputError
from formcheck.models import find_model_folder, list_models
from formcheck.options import Options
from formcheck.pipeline import formcheck_version
from formcheck.report.files import cannot_write
from formcheck.video.reader import hash_file

WORKSHOP = ".formcheck"  # in the folder of results: the lock, and what is not finished
MARK = "batch.json"  # in each result: what made it, and what belongs to it
SUMMARIES = ("summary.parquet", "summary.csv", "summary.html")


@dataclass(frozen=True)
class Extras:
    """What is written beside a report.

    Attributes
    ----------
    overlay : bool
    exports : tuple of str
        Names of `formcheck.export.FORMATS`.
    """

    overlay: bool = False
    exports: tuple[str, ...] = ()


NO_EXTRAS = Extras()


def describe_making(options: Options, extras: Extras = NO_EXTRAS) -> dict[str, Any]:
    """Return all that a result depends on beside the content of the video, as JSON holds it."""
    networks = ("detector", f"landmarks_{options.model}", f"mask_{options.model}")
    wanted = networks if options.engine == "blazepose" else (options.model,)
    models = list_models(find_model_folder())
    settings = dataclasses.asdict(options) | dataclasses.asdict(extras)
    making = {
        "formcheck": formcheck_version(),
        "models": {name: models[name]["sha256"] for name in wanted if name in models},
        "settings": settings,
    }
    return json.loads(json.dumps(making, default=str))


def require_place(out: Path, clip: Clip) -> Path:
    """Return where a clip's result lies; OutputError if that is no place of its own in `out`."""
    name = clip.name
    place = out / name
    is_inside = place.parent.resolve().is_relative_to(out.resolve())
    if not is_inside or place.is_symlink() or ".." in Path(name).parts:
        raise OutputError(f"its result would lie outside '{out}'; remove the link that leads there")
    if (top := name.split("/")[0]) in (WORKSHOP, *SUMMARIES):
        raise OutputError(f"'{top}' is taken by the batch itself; give it another name")
    return place


def is_done(place: Path, content: str, making: dict[str, Any]) -> bool:
    """Tell whether a folder holds the whole result of this content, made in this way."""
    mark = _read_mark(place)
    if (mark.get("content"), mark.get("made")) != (content, making):
        return False
    return all(_hash(place / name) == digest for name, digest in mark["files"].items())


def require_own(place: Path, clip: Clip, content: str) -> None:
    """Raise OutputError if there is anything but an earlier result, which may be replaced.

    That is one of the clip under the same path, whatever it held then, or of the same content under
    another.
    """
    mark = _read_mark(place)
    is_earlier = str(clip.path) == mark.get("clip") or content == mark.get("content")
    if place.exists() and not is_earlier:
        raise OutputError(
            f"'{place}' is there already, and is no earlier result of this clip; "
            "move it away, or name another folder with --out"
        )
    if others := [name for name in _list(place) if name not in mark.get("files", {})]:
        raise OutputError(
            f"'{place}' is to be replaced, and holds '{others[0]}', which no batch wrote; "
            "move that away"
        )


def read_left_out(place: Path) -> list[str]:
    """Return why a result lacks exports that were wanted."""
    return list(_read_mark(place).get("left_out", []))


@contextmanager
def make_room(out: Path) -> Iterator[Path]:
    """Give an empty folder beside the results, for what is to be put in place; then remove it."""
    workshop = out / WORKSHOP
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix="partial-", dir=workshop))
    except OSError as error:
        raise cannot_write(workshop, error) from error
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def seal(
    folder: Path, clip: Clip, content: str, making: dict[str, Any], left_out: Sequence[str] = ()
) -> None:
    """Mark a whole result with what made it, and why it lacks an export; bring it to the disk.

    Raises
    ------
    OutputError
    """
    mark = {
        "clip": str(clip.path),
        "content": content,
        "made": making,
        "left_out": list(left_out),
    }
    try:
        mark["files"] = {name: _hash(folder / name) for name in _list(folder)}
        (folder / MARK).write_text(json.dumps(mark, indent=2) + "\n", encoding="ascii")
        for path in folder.iterdir():
            _flush(path)
    except OSError as error:
        raise cannot_write(folder, error) from error


def put_in_place(finished: Path, place: Path, room: Path) -> None:
    """Move a finished file or folder to its place; what was there before goes to `room`.

    Raises
    ------
    OutputError
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _flush(finished)
        if finished.is_dir() and place.is_dir():
            place.rename(room / "before")
        finished.replace(place)
        _flush(place.parent)
    except OSError as error:
        raise cannot_write(place, error) from error


@contextmanager
def hold(out: Path) -> Iterator[None]:
    """Hold the folder of results for one batch, and remove what a killed one has left.

    Raises
    ------
    BatchError
        Another batch holds it, or it has what the summary would replace, and never was a batch's.
    OutputError
    """
    workshop = out / WORKSHOP
    if not workshop.exists() and (others := [name for name in SUMMARIES if (out / name).exists()]):
        raise BatchError(
            f"'{out}' holds '{others[0]}', which no batch wrote; move that away, or name another "
            "folder with --out"
        )
    lock = FileLock(workshop / "lock", timeout=0)
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        lock.acquire()  # the system lets go of it with the process, however that ends
    except Timeout:
        raise BatchError(
            f"another batch is writing to '{out}'; wait for its end, or name another folder with "
            "--out"
        ) from None
    except OSError as error:
        raise cannot_write(out, error) from error
    with lock:
        lock.release()  # `with` holds it once more
        for left in workshop.glob("partial-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _read_mark(place: Path) -> dict[str, Any]:
    """Return what marks a folder as a result; empty where nothing does."""
    try:
        mark = json.loads((place / MARK).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _list(place: Path) -> list[str]:
    """Return the names in a folder but for the mark, and what file browsers leave there."""
    if not place.is_dir():
        return []
    names = sorted(path.name for path in place.iterdir())
    return [name for name in names if name != MARK and not name.startswith(".")]


def _hash(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where there is none."""
    return hash_file(path) if path.is_file() else None


def _flush(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
