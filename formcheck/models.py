"""Find the pose models, and make sure they are what they should be. Nothing is downloaded."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from formcheck.errors import ModelError

PACKAGE = Path(__file__).resolve().parent
# Where an installed formcheck keeps the models, and where a source checkout does.
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
    _check_known(name, bundles)
    return checked_path(name, bundles[name], folder)


def network_path(
    kind: Literal["detector", "landmarks", "mask"],
    model: str | None = None,
    folder: Path | None = None,
) -> Path:
    """Return the path of one network, as an ONNX graph whose bytes have been checked.

    Parameters
    ----------
    kind : {'detector', 'landmarks', 'mask'}
        What it finds: the person, the landmarks on it, its outline. The networks' inputs and
        outputs are described in models/README.md.
    model : str, optional
        'lite', 'full' or 'heavy'. The detector is the same for all, and needs none.
    folder : Path, optional
        Where the manifest and the networks lie; found by itself if not given.

    Raises
    ------
    ModelError
        No such model, its file is missing, or its SHA-256 is not the manifest's.
    """
    folder = folder or find_model_folder()
    if model is not None or kind != "detector":
        _check_known(model, read_bundles(folder))
    key = kind if kind == "detector" else f"{kind}_{model}"
    return checked_path(model, _read_section(folder, "graphs")[key], folder)


def find_model_folder() -> Path:
    """Return the folder with the manifest; ModelError if there is none."""
    for folder in MODEL_FOLDERS:
        if (folder / MANIFEST).is_file():
            return folder
    raise ModelError("The pose models are missing from this installation; install formcheck again.")


def read_bundles(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifest's bundles by name; ModelError if it cannot be read."""
    return _read_section(folder, "bundles")


def list_models(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifest's bundles and graphs by name; ModelError if it cannot be read."""
    return _read_section(folder, "bundles") | _read_section(folder, "graphs")


def _read_section(folder: Path, section: str) -> dict[str, dict[str, Any]]:
    try:
        entries: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_text())[section]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The list of pose models {folder / MANIFEST} cannot be read; install formcheck again."
        ) from error
    return entries


def _check_known(name: str | None, bundles: dict[str, dict[str, Any]]) -> None:
    if name not in bundles:
        raise ModelError(f"There is no pose model {name!r}; choose one of {', '.join(bundles)}.")


def checked_path(name: str | None, entry: dict[str, Any], folder: Path) -> Path:
    """Return the path of a manifest's entry; ModelError unless the file is what it should be."""
    path: Path = folder / entry["file"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(_missing_text(name, entry, folder)) from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ModelError(
            f"The pose model {path} is not the file it should be (damaged, or cut short); "
            "get a fresh copy of formcheck, or make it again with models/build_models.py."
        )
    return path


def _missing_text(name: str | None, entry: dict[str, Any], folder: Path) -> str:
    if entry["in_git"]:
        return f"The pose model {folder / entry['file']} is missing; install formcheck again."
    return (
        f"The {name} pose model is not delivered with formcheck; in a source checkout make it with "
        f'`python models/build_models.py {name} --out "{folder}"`, or choose another model.'
    )
