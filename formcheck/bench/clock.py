"""How long things take, timed in turn.

What is compared is timed over and over in turn (A B C A B C), so that a machine which is busy for a
while is slow for all of them; the spread over the repeats shows how far the numbers can be trusted.
"""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from formcheck.bench.findings import Case, Measurement
from formcheck.errors import FormcheckError

# Linux hands the peak of a process on to the programs it starts, so a small one must start what is
# to be measured.
WATCH = """\
import resource, subprocess, sys, time
begin_s = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - begin_s, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
PEAK_UNITS_IN_MIB = 2**20 if sys.platform == "darwin" else 2**10

Tell = Callable[[float], None]  # told the share done, 0 to 1


class Cost(NamedTuple):
    """Seconds, and the peak memory (MiB) of what was a process of its own."""

    seconds: float
    peak_mib: float | None = None


@dataclass(frozen=True)
class Stage:
    """Something to be timed: `run` does it once, on so many frames of the video."""

    name: str
    case: Case
    frames: int
    run: Callable[[], Cost]


def time_in_turn(stages: Sequence[Stage], repeats: int, tell: Tell) -> list[Measurement]:
    """Run each stage so many times, never the same twice in a row."""
    costs: list[list[Cost]] = [[] for _ in stages]
    for repeat in range(repeats):
        for i, stage in enumerate(stages):
            costs[i].append(stage.run())
            tell((repeat * len(stages) + i + 1) / (repeats * len(stages)))
    return [_sum_up(stage, spent) for stage, spent in zip(stages, costs, strict=True)]


def _sum_up(stage: Stage, costs: list[Cost]) -> Measurement:
    peaks = [cost.peak_mib for cost in costs if cost.peak_mib is not None]
    seconds = tuple(cost.seconds for cost in costs)
    return Measurement(stage.name, stage.case, stage.frames, seconds, max(peaks, default=None))


def measure_work(work: Callable[[], object]) -> Cost:
    """Do some work in this process."""
    gc.collect()  # so that nobody pays for what another left
    begin_s = time.perf_counter()
    work()
    return Cost(time.perf_counter() - begin_s)


def measure_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command, with additions to the environment, from its start to its end.

    Raises
    ------
    FormcheckError
        It fails; the last line that it wrote to standard error is told.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", WATCH, *command],
        capture_output=True,
        text=True,
        errors="replace",
        env=os.environ | dict(environment or {}),
        check=False,
    )
    if done.returncode != 0:
        *_, last = ["it says nothing", *done.stderr.strip().splitlines()]
        raise FormcheckError(f"a process of its own failed: {last}")
    seconds, peak = map(float, done.stdout.split())
    return Cost(seconds, peak / PEAK_UNITS_IN_MIB)
