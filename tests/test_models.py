"""The pose models: found, unchanged, and every way to lack one said in one line."""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import pytest

from formcheck.errors import ModelError
from formcheck.models import (
    MANIFEST,
    find_model_folder,
    model_path,
    network_path,
    read_bundles,
)

Kind = Literal["detector", "landmarks", "mask"]

REPOSITORY = Path(__file__).resolve().parent.parent
IN_GIT = ("lite", "full")
NETWORKS: list[tuple[Kind, str | None]] = [
    ("detector", None),
    *((kind, name) for name in IN_GIT for kind in ("landmarks", "mask")),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the manifest, the smaller bundle and one network."""
    for name in (MANIFEST, "pose_landmarker_lite.task", "pose_mask_lite.onnx"):
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
    with pytest.raises(ModelError, match="cannot be read"):
        network_path("detector", None, tmp_path)


def test_every_message_is_one_line(folder: Path) -> None:
    for name in ("full", "heavy", "huge"):
        for find in (model_path, lambda *where: network_path("landmarks", *where)):
            with pytest.raises(ModelError) as caught:
                find(name, folder)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_delivered_networks_are_found_and_unchanged(kind: Kind, name: str | None) -> None:
    expected = f"pose_{kind}_{name}.onnx" if name else f"pose_{kind}.onnx"
    assert network_path(kind, name).name == expected


def test_every_model_has_the_same_detector() -> None:
    assert network_path("detector", "heavy") == network_path("detector")


@pytest.mark.parametrize("name", ["huge", None])
def test_unknown_network_lists_the_known_models(name: str | None) -> None:
    with pytest.raises(ModelError, match=rf"{name!r}.*lite, full, heavy"):
        network_path("landmarks", name)


def test_a_truncated_network_is_noticed(folder: Path) -> None:
    path = network_path("mask", "lite", folder)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"pose_mask_lite\.onnx is not the file it should be"):
        network_path("mask", "lite", folder)


def test_absent_delivered_network_says_install_again(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"pose_detector\.onnx is missing; install"):
        network_path("detector", "lite", folder)


def test_absent_heavy_network_says_how_to_make_it(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"heavy pose model .*build_models\.py heavy"):
        network_path("mask", "heavy", folder)


@pytest.mark.parametrize("batch", [1, 3])
def test_detector_gives_boxes_and_their_probabilities(batch: int) -> None:
    found = run_network("detector", None, {"image": random_images(batch, 224)})
    assert found["boxes"].shape == (batch, 2254, 12)
    assert found["scores"].shape == (batch, 2254)
    assert 0 <= found["scores"].min() <= found["scores"].max() <= 1


@pytest.mark.parametrize("name", IN_GIT)
@pytest.mark.parametrize("batch", [1, 3])
def test_landmarks_and_the_mask_made_from_their_features(name: str, batch: int) -> None:
    found = run_network("landmarks", name, {"image": random_images(batch, 256)})
    assert found["landmarks"].shape == (batch, 195)
    assert found["presence"].shape == (batch, 1)
    assert 0 <= found["presence"].min() <= found["presence"].max() <= 1
    assert found["heatmap"].shape == (batch, 64, 64, 39)
    features = {key: found[key] for key in found if key.startswith("feature_")}
    assert list(features) == ["feature_0", "feature_1"]
    mask = run_network("mask", name, features)
    assert list(mask) == ["mask"]
    assert mask["mask"].shape == (batch, 256, 256)
    assert 0 <= mask["mask"].min() < mask["mask"].max() <= 1


@pytest.mark.parametrize(("kind", "size"), [("detector", 224), ("landmarks", 256)])
def test_a_batch_gives_what_its_images_give_alone(kind: Kind, size: int) -> None:
    images = random_images(2, size)
    both = run_network(kind, "lite", {"image": images})
    second = run_network(kind, "lite", {"image": images[1:]})
    for name, values in second.items():
        np.testing.assert_allclose(both[name][1:], values, rtol=1e-4, atol=1e-3)


def random_images(count: int, size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def run_network(
    kind: Kind, name: str | None, inputs: dict[str, np.ndarray[Any, Any]]
) -> dict[str, np.ndarray[Any, Any]]:
    session = onnxruntime.InferenceSession(
        network_path(kind, name), providers=["CPUExecutionProvider"]
    )
    assert {each.name for each in session.get_inputs()} == set(inputs)
    outputs = [output.name for output in session.get_outputs()]
    return dict(zip(outputs, session.run(outputs, inputs), strict=True))


def test_networks_carry_nothing_of_the_machine_that_made_them() -> None:
    for kind, name in NETWORKS:
        content = network_path(kind, name).read_bytes()
        for word in (b"/tmp", b"/home", b"tf2onnx", b"tflite"):
            assert word not in content


def test_delivered_models_are_those_kept_in_git_and_packed() -> None:
    models = REPOSITORY / "models"
    bundles = read_bundles(models)
    assert tuple(name for name, bundle in bundles.items() if bundle["in_git"]) == IN_GIT
    graphs = json.loads((models / MANIFEST).read_text())["graphs"]
    packed = (REPOSITORY / "pyproject.toml").read_text()
    ignored = (REPOSITORY / ".gitignore").read_text().splitlines()
    for entry in [*bundles.values(), *graphs.values()]:
        assert (f'"formcheck/_models/{entry["file"]}"' in packed) == entry["in_git"]
        assert (f"/models/{entry['file']}" in ignored) == (not entry["in_git"])


def test_every_model_has_its_networks_and_is_delivered_whole() -> None:
    manifest = json.loads((REPOSITORY / "models" / MANIFEST).read_text())
    graphs = manifest["graphs"]
    names = [f"{kind}_{name}" for name in manifest["bundles"] for kind in ("landmarks", "mask")]
    assert list(graphs) == ["detector", *names]
    for graph in graphs.values():
        bundle = manifest["bundles"].get(graph["network"], {"in_git": True})
        assert graph["in_git"] == bundle["in_git"]


def test_readme_of_the_models_gives_the_manifests_sums() -> None:
    manifest = json.loads((REPOSITORY / "models" / MANIFEST).read_text())
    text = (REPOSITORY / "models" / "README.md").read_text()
    for section in ("networks", "bundles", "graphs"):
        for entry in manifest[section].values():
            assert entry["sha256"] in text
