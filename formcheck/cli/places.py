"""Where results go: refused before the work where they can't."""

import os
import tempfile
from pathlib import Path

from formcheck.errors import OutputError


def require_room_for_results(folder: Path) -> None:
    """Refuse a folder that can't be written before the analysis, which may take an hour."""
    try:
        places = (folder, *folder.absolute().parents)
        place = next(p for p in places if p.exists() or p.is_symlink())  # perhaps to nowhere
        if not place.is_dir():
            raise OutputError(f"'{place}' is a file, not a folder; name another one with --out")
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OutputError(
            f"'{folder}' can't be written ({error.strerror}); name another folder with --out"
        ) from error


def refuse_own_overlay(folder: Path, video: Path) -> None:
    """Refuse to write an overlay over the video that it is made from."""
    if os.path.realpath(video) == os.path.realpath(folder / "overlay.mp4"):
        raise OutputError(
            f"'{video}' would be overwritten by its own overlay; name another folder with --out"
        )
