"""Thousands of broken videos: nothing but an answer or one line may come of them.

    python benchmarks/fuzz_containers.py [--mutants 2000] [--seed 1] [--analyse 0.05]

Takes real containers, breaks each in one of many ways (bits, runs of bytes, cuts, copies, splices,
sizes and numbers in the containers' own boxes) and hands it to a process that reads all its frames,
and of some makes the whole analysis. That process may take SLOWEST_S for a mutant and GROWTH_MIB of
memory; when it dies, hangs or raises anything but a FormcheckError, the mutant is kept in
build/fuzz, and the status is 1. The same seed makes the same mutants: `--only NUMBER` repeats one.
"""

import argparse
import json
import os
import re
import resource
import selectors
import struct
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formcheck.errors import FormcheckError
from tests.awkward import encoded_seeds

STORE = Path(__file__).resolve().parents[1] / "build" / "fuzz"
SLOWEST_S = 60.0  # for 120 small pictures, which take 0.1 s to read and 1.3 s to analyse
GROWTH_MIB = 600  # while it looks at one; what a header promises may take up to 500
ADDRESS_SPACE = 16 * 2**30  # where even the watch on memory would come too late
EDGES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
FOURCC = re.compile(rb"[a-zA-Z][a-zA-Z0-9 ]{3}")
# IDs of EBML elements (RFC 9559) that tell sizes, times, tracks and places.
EBML = re.compile(
    rb"\x1a\x45\xdf\xa3|\x18\x53\x80\x67|\x16\x54\xae\x6b|\x1f\x43\xb6\x75|\x1c\x53\xbb\x6b"
    rb"|\x2a\xd7\xb1|\x44\x89|\x23\xe3\x83|\x63\xa2|[\xae\xa3\xe7\xe0\xb0\xba]"
)

Random = np.random.Generator


# --- breaking ------------------------------------------------------------------------------------


def flip_bits(content: bytearray, rng: Random) -> bytearray:
    """Flip up to a hundred bits anywhere."""
    for place in rng.integers(0, len(content), int(rng.integers(1, 100))).tolist():
        content[place] ^= 1 << int(rng.integers(8))
    return content


def flip_bits_of_header(content: bytearray, rng: Random) -> bytearray:
    """Flip some bits where containers keep what they say of themselves: at either end."""
    reach = min(4096, len(content))
    for offset in rng.integers(0, reach, int(rng.integers(1, 12))).tolist():
        place = offset if rng.random() < 0.5 else len(content) - 1 - offset
        content[place] ^= 1 << int(rng.integers(8))
    return content


def overwrite_run(content: bytearray, rng: Random) -> bytearray:
    """Put random bytes, zeros or ones in the place of up to a tenth."""
    start = int(rng.integers(len(content)))
    length = int(rng.integers(1, max(2, len(content) // 10)))
    end = min(len(content), start + length)
    fill = (rng.bytes(end - start), bytes(end - start), b"\xff" * (end - start))
    content[start:end] = fill[int(rng.integers(3))]
    return content


def cut_off(content: bytearray, rng: Random) -> bytearray:
    """Drop the end."""
    return content[: int(rng.integers(len(content)))]


def drop_part(content: bytearray, rng: Random) -> bytearray:
    """Drop something from the middle."""
    start, end = sorted(rng.integers(0, len(content), 2).tolist())
    return content[:start] + content[end:]


def repeat_part(content: bytearray, rng: Random) -> bytearray:
    """Repeat something from the middle, up to fifty times."""
    start, end = sorted(rng.integers(0, len(content), 2).tolist())
    end = min(end, start + 20_000)
    return content[:end] + content[start:end] * int(rng.integers(1, 50)) + content[end:]


def splice(content: bytearray, rng: Random) -> bytearray:
    """Go on as another video, from any place of it."""
    seeds = list(encoded_seeds().values())
    other = seeds[int(rng.integers(len(seeds)))]
    cut = int(rng.integers(len(content)))
    return content[:cut] + other[int(rng.integers(len(other))) :]


def edit_box(content: bytearray, rng: Random) -> bytearray:
    """Write extreme numbers into the size or the first fields of some boxes, or other names."""
    boxes = [match.start() for match in FOURCC.finditer(content)]
    for _ in range(int(rng.integers(1, 4))):
        box = boxes[int(rng.integers(len(boxes)))]
        if rng.random() < 0.1:
            other = boxes[int(rng.integers(len(boxes)))]
            content[box : box + 4] = content[other : other + 4]
            continue
        _put_edge(content, box - 4 + 4 * int(rng.integers(0, 16)), rng)
    return content


def edit_known_box(content: bytearray, rng: Random) -> bytearray:
    """Do the same to the boxes of MP4 that promise counts, times and sizes."""
    names = rb"mvhd|tkhd|mdhd|stts|ctts|stsc|stsz|stco|co64|stss|elst|avc1|avcC|trex|trun|dref|moov"
    boxes = [match.start() for match in re.finditer(names, content)]
    if not boxes:
        return edit_ebml(content, rng)
    for _ in range(int(rng.integers(1, 4))):
        box = boxes[int(rng.integers(len(boxes)))]
        _put_edge(content, box - 4 + 4 * int(rng.integers(0, 12)), rng)
    return content


def edit_ebml(content: bytearray, rng: Random) -> bytearray:
    """Write extreme sizes and values behind the IDs of EBML elements."""
    reach = content[:4096]
    elements = [match.end() for match in EBML.finditer(reach)]
    if not elements:
        return edit_box(content, rng)
    for _ in range(int(rng.integers(1, 4))):
        _put_edge(content, elements[int(rng.integers(len(elements)))], rng)
    return content


def _put_edge(content: bytearray, place: int, rng: Random) -> None:
    value = int(rng.choice(EDGES)) if rng.random() < 0.7 else int(rng.integers(2**32))
    size = int(rng.choice([1, 2, 4, 4, 4, 8]))
    order = ">" if rng.random() < 0.8 else "<"
    packed = struct.pack(order + "Q", value * (0x1_0000_0001 if size == 8 else 1))
    packed = packed[-size:] if order == ">" else packed[:size]
    if 0 <= place <= len(content) - size:
        content[place : place + size] = packed


MUTATIONS: tuple[Callable[[bytearray, Random], bytearray], ...] = (
    flip_bits,
    flip_bits_of_header,
    overwrite_run,
    cut_off,
    drop_part,
    repeat_part,
    splice,
    edit_box,
    edit_known_box,
    edit_ebml,
)


def make_mutant(seed: int, number: int) -> tuple[str, bytes]:
    """Return what was done to which container, and the mutant; the same for the same numbers."""
    rng = np.random.default_rng([seed, number])
    seeds = encoded_seeds()
    name = list(seeds)[number % len(seeds)]
    content = bytearray(seeds[name])
    done = []
    for _ in range(1 if rng.random() < 0.7 else 2):
        mutate = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        content = mutate(content, rng) if content else content
        done.append(mutate.__name__)
    return f"{name} {' + '.join(done)}", bytes(content)


# --- the process that looks at them --------------------------------------------------------------


def look(path: Path, *, whole_analysis: bool) -> str:
    """Return in a few words what came of a video; raises what should not be raised."""
    from formcheck import Options, analyze
    from formcheck.observe import WORKING_SIDE_PX
    from formcheck.video.reader import probe_video, read_frames
    from formcheck.video.sampling import Sampling

    try:
        if whole_analysis:
            analyze(path, Options(model="lite", sampling=Sampling("all")))
            return "analysed"
        probe_video(path)
        count = 0
        for frame in read_frames(path, max_side_px=WORKING_SIDE_PX):
            frame.luma(32, 32)
            assert frame.rgb.shape[2] == 3
            count += 1
    except FormcheckError as error:
        return re.sub(r"'.*?'|[\d.]+", "…", str(error), flags=re.DOTALL)[:60]
    return "read" if count else "read, but no frame"


def _memory_mib(what: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def work() -> None:
    """Take paths from standard input, one a line, and answer each with a line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg complains a lot
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seed = STORE / "whole.mp4"
    seed.write_bytes(encoded_seeds()["mp4"])
    look(seed, whole_analysis=True)  # so that all is loaded that will be
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        before = _memory_mib("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # let the peak begin anew
        fault = None
        try:
            outcome = look(Path(asked["path"]), whole_analysis=asked["analyse"])
        except Exception:
            outcome = fault = traceback.format_exc()
        grown = _memory_mib("VmHWM") - before
        print(
            json.dumps({"outcome": outcome, "fault": fault, "grown_mib": grown}),
            file=answers,
            flush=True,
        )


# --- the one that hands them over ----------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came of a mutant: `fault` is None, or what should not have been."""

    outcome: str
    fault: str | None = None
    grown_mib: float = 0.0
    took_s: float = 0.0


class Worker:
    """A process that looks at mutants; made anew when it has died or was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, __file__, "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._process = process
        if self._read_line(120.0) is None:
            raise RuntimeError("the process that looks at mutants does not start")
        return process

    def _read_line(self, patience_s: float) -> str | None:
        """Return the next line, '' if the process has ended, None if it takes too long."""
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(patience_s):
                return None
        return self._process.stdout.readline()

    def ask(self, path: Path, *, analyse: bool) -> Answer:
        """Let the process look at one video."""
        process = self._process or self._start()
        assert process.stdin is not None
        began = time.monotonic()
        process.stdin.write(json.dumps({"path": str(path), "analyse": analyse}) + "\n")
        process.stdin.flush()
        line = self._read_line(SLOWEST_S)
        took_s = time.monotonic() - began
        if line is None:
            self.end()
            return Answer("HANG", f"no answer in {SLOWEST_S:.0f} s", took_s=took_s)
        if not line:
            status = process.wait()
            self._process = None
            return Answer("CRASH", f"the process ended with {status}", took_s=took_s)
        told = json.loads(line)
        if told["fault"]:
            last = told["fault"].strip().splitlines()[-1]
            return Answer(f"RAISED {last[:50]}", told["fault"], told["grown_mib"], took_s)
        if told["grown_mib"] > GROWTH_MIB:
            self.end()
            fault = f"memory grew by {told['grown_mib']:.0f} MiB"
            return Answer("MEMORY", fault, told["grown_mib"], took_s)
        return Answer(told["outcome"], None, told["grown_mib"], took_s)

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> int:
    """Make mutants, hand them over, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--analyse", type=float, default=0.05, help="share that is analysed whole")
    parser.add_argument("--only", type=int, help="this mutant alone")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    STORE.mkdir(parents=True, exist_ok=True)
    if asked.work:
        work()
        return 0
    console = Console()
    numbers = range(asked.mutants) if asked.only is None else [asked.only]
    every = round(1 / asked.analyse) if asked.analyse else 0
    outcomes: Counter[tuple[str, str]] = Counter()
    answers: dict[int, Answer] = {}
    worker = Worker()
    path = STORE / "mutant"
    try:
        for number in numbers:
            what, content = make_mutant(asked.seed, number)
            path.write_bytes(content)
            # so many steps that the analysed ones are of all containers
            analyse = bool(every) and (number // len(encoded_seeds())) % every == 0
            answer = worker.ask(path, analyse=analyse)
            outcomes["analyse" if analyse else "read", answer.outcome] += 1
            answers[number] = answer
            if answer.fault:
                kept = STORE / f"seed{asked.seed}-{number}"
                kept.write_bytes(content)
                console.print(f"{number}: {what}: {answer.fault}\n  kept as {kept}", markup=False)
    finally:
        worker.end()
        path.unlink(missing_ok=True)
    faults = sum(answer.fault is not None for answer in answers.values())
    table = Table(title=f"{len(numbers)} mutants, seed {asked.seed}: {faults} faults")
    for column in ("", "what came of it", "mutants"):
        table.add_column(column, justify="right" if column == "mutants" else "left")
    for (stage, outcome), count in sorted(outcomes.items(), key=lambda item: -item[1]):
        table.add_row(stage, outcome, str(count))
    console.print(table)
    slowest = max(answers, key=lambda number: answers[number].took_s)
    largest = max(answers, key=lambda number: answers[number].grown_mib)
    console.print(
        f"slowest {answers[slowest].took_s:.1f} s (mutant {slowest}); "
        f"most memory for one {answers[largest].grown_mib:.0f} MiB (mutant {largest})"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
