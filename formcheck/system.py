"""What formcheck needs of the machine: system libraries, packages, models, codecs.

Imports nothing outside the standard library before it is asked to, so that it can say what is
missing on a machine where nothing else works, and so that `tools/setup.sh` can use it.
"""

import ctypes
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from formcheck.errors import ModelError, SystemLibraryError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class SystemLibrary:
    """A shared library that a wheel expects of the system."""

    name: str
    debian_package: str
    needed_by: str


SYSTEM_LIBRARIES = (
    SystemLibrary("libEGL.so.1", "libegl1", "MediaPipe"),
    SystemLibrary("libGLESv2.so.2", "libgles2", "MediaPipe"),
    SystemLibrary("libGL.so.1", "libgl1", "OpenCV"),
    SystemLibrary("libglib-2.0.so.0", "libglib2.0-0", "OpenCV"),
    SystemLibrary("libgthread-2.0.so.0", "libglib2.0-0", "OpenCV"),
    SystemLibrary("libxcb.so.1", "libxcb1", "OpenCV"),
)

# MediaPipe asks for this OpenCV; each of the others overwrites its files with a `cv2` of its own.
OPENCV = "opencv-contrib-python"
OTHER_OPENCVS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)

# What is wanted of PyAV -> the codecs that do it (FFmpeg's own av1 decodes on a GPU only).
DECODERS = {
    "H.264": ("h264",),
    "HEVC (H.265)": ("hevc",),
    "VP9": ("vp9", "libvpx-vp9"),
    "AV1": ("libdav1d", "libaom-av1"),
}
OVERLAY_ENCODER = "libx264"

CORES_VARIABLE = "FORMCHECK_CORES"
GIB = 2**30
CROP_MIB = 128  # of a GPU's memory for each crop in a batch: the full network's layers, twice over
LARGEST_BATCH = 32  # more crops than this make no crop cheaper
ASK_GPU_S = 5.0


def missing_libraries(load: Callable[[str], object] = ctypes.CDLL) -> list[SystemLibrary]:
    """Return the system libraries that `load` cannot open (OSError); only Linux needs any."""
    if sys.platform != "linux":
        return []
    return [library for library in SYSTEM_LIBRARIES if not _opens(library.name, load)]


def missing_packages(load: Callable[[str], object] = ctypes.CDLL) -> list[str]:
    """Return the Debian packages that bring the missing libraries, each once."""
    return list(dict.fromkeys(library.debian_package for library in missing_libraries(load)))


def require_system_libraries(load: Callable[[str], object] = ctypes.CDLL) -> None:
    """Raise SystemLibraryError if a library is missing; call before importing cv2 or mediapipe."""
    if missing := missing_libraries(load):
        names = ", ".join(f"{library.name} (for {library.needed_by})" for library in missing)
        raise SystemLibraryError(
            f"This machine lacks {names}; on Debian or Ubuntu: {install_command(load)}"
        )


def install_command(load: Callable[[str], object] = ctypes.CDLL) -> str:
    """Return the command that brings the missing packages on Debian."""
    return f"sudo apt-get install {' '.join(missing_packages(load))}"


def _opens(name: str, load: Callable[[str], object]) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Fact:
    """One line of `formcheck doctor`.

    `ok` is None where nothing is needed: the line only informs. `advice` says what to do when
    something is missing.
    """

    topic: str
    name: str
    value: str
    ok: bool | None = None
    advice: str = ""


def collect_system_facts() -> list[Fact]:
    """Return what `formcheck doctor` shows; looks only at this machine, raises nothing itself."""
    return [
        *_machine_facts(),
        *_library_facts(),
        *_distribution_facts(),
        *_model_facts(),
        *_codec_facts(),
    ]


def render_doctor(console: "Console") -> bool:
    """Print the facts as a table, and below it what to do; return whether nothing is missing."""
    from rich.table import Table

    marks = {True: "[green]ok[/]", False: "[red]missing[/]", None: ""}
    facts = collect_system_facts()
    table = Table("", "what", "here", "")
    for before, fact in zip([None, *facts], facts, strict=False):
        new_topic = before is None or before.topic != fact.topic
        topic = fact.topic if new_topic else ""
        table.add_row(topic, fact.name, fact.value, marks[fact.ok])
    console.print(table)
    for advice in dict.fromkeys(fact.advice for fact in facts if fact.advice):
        console.print(f"- {advice}", markup=False, soft_wrap=True)
    all_ok = all(fact.ok is not False for fact in facts)
    console.print("Everything formcheck needs is here." if all_ok else "Something is missing.")
    return all_ok


def _machine_facts() -> Iterator[Fact]:
    yield Fact("machine", "system", f"{platform.system()} {platform.machine()}")
    yield Fact("machine", "cores", str(count_cores()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    yield Fact("machine", "memory", f"{memory:.1f} GiB")
    yield Fact("machine", "GPU", find_gpu() or "none seen (none is needed)")


def count_cores() -> int:
    """Return how many cores this process may use; the variable FORMCHECK_CORES can say fewer."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get(CORES_VARIABLE, "")
    return min(int(told), here) if told.isdecimal() and int(told) > 0 else here


def give_back_memory() -> None:
    """Give back to the system what this process freed: glibc keeps much of each thread's."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def choose_batch() -> int:
    """Return how many crops a GPU is given at once: what its free memory holds, within reason."""
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=ASK_GPU_S,
            check=True,
        )
        free_mib = int(asked.stdout.split()[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return LARGEST_BATCH // 4
    return min(max(free_mib // CROP_MIB, 1), LARGEST_BATCH)


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies matrices of bfloat16 (Intel's AMX); only Linux tells."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def find_gpu() -> str | None:
    """Return what suggests that MediaPipe's GPU delegate could work, or None."""
    if nodes := sorted(Path("/dev/dri").glob("renderD*")):
        return f"{nodes[0]} (worth a try: --device cuda)"
    if shutil.which("nvidia-smi"):
        return "NVIDIA driver (worth a try: --device cuda)"
    return None


def _library_facts() -> Iterator[Fact]:
    missing = missing_libraries()
    for library in SYSTEM_LIBRARIES if sys.platform == "linux" else ():
        ok = library not in missing
        name = f"{library.name} (for {library.needed_by})"
        advice = "" if ok else f"Install the system libraries: {install_command()}"
        yield Fact("system library", name, library.debian_package, ok, advice)


def _distribution_facts() -> Iterator[Fact]:
    yield Fact("software", "Python", platform.python_version(), sys.version_info >= (3, 11))
    for name in ("formcheck", *required_distributions(), OPENCV):
        version = installed_version(name)
        source = "." if name == "formcheck" else name
        advice = "" if version else f"Install {name}: pip install {source}"
        yield Fact("software", name, version or "not installed", version is not None, advice)
    for name in OTHER_OPENCVS:
        if version := installed_version(name):
            advice = (
                f"{name} overwrites OpenCV's files: pip uninstall {name}, "
                f"then pip install --force-reinstall --no-deps {OPENCV}"
            )
            yield Fact("software", name, f"{version}, in the way", False, advice)


def required_distributions() -> list[str]:
    """Return the Python packages that formcheck declares; none if it is not installed."""
    try:
        requirements = importlib.metadata.requires("formcheck") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements if ";" not in text]


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed Python package, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _model_facts() -> Iterator[Fact]:
    from formcheck.models import checked_path, find_model_folder, list_models

    try:
        folder = find_model_folder()
        models = list_models(folder)
    except ModelError as error:
        yield Fact("pose model", "all", "not found", False, str(error))
        return
    for name, entry in models.items():
        try:
            path = checked_path(name, entry, folder)
        except ModelError as error:
            if entry["in_git"] or (folder / entry["file"]).exists():
                yield Fact("pose model", name, "missing or damaged", False, str(error))
            else:
                yield Fact("pose model", name, "not made (optional)")
        else:
            yield Fact("pose model", name, f"{path.name}", True)


def _codec_facts() -> Iterator[Fact]:
    try:
        from av.codec import codecs_available
    except ImportError:
        yield Fact(
            "codec", "all", "PyAV does not load", False, "Install PyAV again: pip install av"
        )
        return
    advice = "This PyAV lacks a codec; its wheel has them all: pip install --force-reinstall av"
    for name, codecs in DECODERS.items():
        found = next((codec for codec in codecs if codec in codecs_available), None)
        yield Fact("codec", f"{name} in", found or "none", bool(found), "" if found else advice)
    ok = OVERLAY_ENCODER in codecs_available
    value = OVERLAY_ENCODER if ok else "none"
    yield Fact("codec", "H.264 out", value, ok, "" if ok else advice)
