"""What was measured on: the machine, and the versions of what does the work."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from formcheck.pipeline import formcheck_version
from formcheck.system import GIB, count_cores, installed_version

PACKAGES = ("onnxruntime", "openvino", "mediapipe", "av", "numpy", "opencv-contrib-python")


@dataclass(frozen=True)
class Machine:
    """What was measured on.

    Attributes
    ----------
    cpu : str
        The model's name.
    cores : int
        That this process may use.
    memory_gib : float
    system : str
    load_before : float
        Processes that wanted to run in the minute before, on average: more than a few tenths is
        work of others that the numbers contain.
    """

    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_before: float


def describe_machine() -> Machine:
    """Look at this machine."""
    return Machine(
        cpu=_cpu_name(),
        cores=count_cores(),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB,
        system=platform.platform(),
        load_before=os.getloadavg()[0],
    )


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            topic, _, value = line.partition(":")
            if topic.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def describe_versions() -> dict[str, str | None]:
    """Return the versions of what does the work; None = not installed."""
    return {
        "python": platform.python_version(),
        "formcheck": formcheck_version(),
        **{name: installed_version(name) for name in PACKAGES},
    }
