"""Find the pose bundles, and make sure they are what they should be. Nothing is downloaded."""

import hashlib
import json
from pathlib import Path
from typing import Any

from formcheck.errors import ModelError

PACKAGE = Path(__file__).resolve().parent
# Where an installed formcheck keeps the bundles, and where a source checkout does.
MODEL_FOLDERS = (PACKAGE / "_models", PACKAGE.parent / "models")
MANIFEST = "models.json"


def model_path(name: str, folder: Path | None = None) -> Path:
    """Return the path of a pose bundle whose bytes have been checked.

    Parameters
    ----------
    name : str
        A key of the manifest's bundles: 'lite', 'full' or 'heavy'.
    folder : Path, optional
        Where the manifest and the bundles lie; found by itself if not given.

    Raises
    ------
    ModelError
        No such model, its file is missing, or its SHA-256 is not the manifest's.
    """
    folder = folder or find_model_folder()
    bundles = read_bundles(folder)
    if name not in bundles:
        raise ModelError(f"There is no pose model {name!r}; choose one of {', '.join(bundles)}.")
    bundle = bundles[name]
    path: Path = folder / bundle["file"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(_missing_text(name, bundle, folder)) from error
    if hashlib.sha256(content).hexdigest() != bundle["sha256"]:
        raise ModelError(
            f"The pose model {path} is not the file it should be (damaged, or cut short); "
            "get a fresh copy of formcheck, or make it again with models/build_models.py."
        )
    return path


def find_model_folder() -> Path:
    """Return the folder with the manifest; ModelError if there is none."""
    for folder in MODEL_FOLDERS:
        if (folder / MANIFEST).is_file():
            return folder
    raise ModelError("The pose models are missing from this installation; install formcheck again.")


def read_bundles(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifest's bundles by name; ModelError if it cannot be read."""
    try:
        bundles: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_text())["bundles"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The list of pose models {folder / MANIFEST} cannot be read; install formcheck again."
        ) from error
    return bundles


def _missing_text(name: str, bundle: dict[str, Any], folder: Path) -> str:
    if bundle["in_git"]:
        return f"The pose model {folder / bundle['file']} is missing; install formcheck again."
    return (
        f"The {name} pose model is not delivered with formcheck; in a source checkout make it with "
        f'`python models/build_models.py {name} --out "{folder}"`, or choose another model.'
    )
