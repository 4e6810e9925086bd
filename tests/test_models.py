"""The pose bundles: found, unchanged, and every way to lack one said in one line."""

import json
import shutil
from pathlib import Path

import pytest

from formcheck.errors import ModelError
from formcheck.models import MANIFEST, find_model_folder, model_path, read_bundles

REPOSITORY = Path(__file__).resolve().parent.parent
IN_GIT = ("lite", "full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the manifest and the smaller bundle."""
    for name in (MANIFEST, "pose_landmarker_lite.task"):
        shutil.copy(find_model_folder() / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", IN_GIT)
def test_delivered_bundles_are_found_and_unchanged(name: str) -> None:
    assert model_path(name).name == f"pose_landmarker_{name}.task"


def test_one_changed_byte_is_noticed(folder: Path) -> None:
    path = model_path("lite", folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not the file it should be"):
        model_path("lite", folder)


def test_a_truncated_bundle_is_noticed(folder: Path) -> None:
    path = model_path("lite", folder)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="not the file it should be"):
        model_path("lite", folder)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"'huge'.*lite, full, heavy"):
        model_path("huge")


def test_absent_heavy_says_how_to_make_it(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"python models/build_models\.py heavy"):
        model_path("heavy", folder)


def test_absent_delivered_bundle_says_install_again(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"pose_landmarker_full\.task is missing; install"):
        model_path("full", folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_unreadable_manifest_is_a_model_error(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(ModelError, match="cannot be read"):
        model_path("full", tmp_path)


def test_every_message_is_one_line(folder: Path) -> None:
    for name in ("full", "heavy", "huge"):
        with pytest.raises(ModelError) as caught:
            model_path(name, folder)
        assert "\n" not in str(caught.value)


def test_delivered_bundles_are_those_kept_in_git_and_packed() -> None:
    bundles = read_bundles(REPOSITORY / "models")
    assert tuple(name for name, bundle in bundles.items() if bundle["in_git"]) == IN_GIT
    packed = (REPOSITORY / "pyproject.toml").read_text()
    for name, bundle in bundles.items():
        assert (f'"formcheck/_models/{bundle["file"]}"' in packed) == (name in IN_GIT)


def test_readme_of_the_models_gives_the_manifests_sums() -> None:
    manifest = json.loads((REPOSITORY / "models" / MANIFEST).read_text())
    text = (REPOSITORY / "models" / "README.md").read_text()
    for entry in [*manifest["networks"].values(), *manifest["bundles"].values()]:
        assert entry["sha256"] in text
