"""What a batch costs beside its clips, and what it gains from the cores.

    python benchmarks/batch.py --clips 20

Each round measures, in turn on the same clips and with processes that are warm: every clip alone
in a process that is held on one core; every clip as a batch does it there, one after the other;
every clip alone on all cores, as `formcheck analyze` does it; the whole folder with one job for
each core. Ideal is the first sum divided by the cores, and the third as it is, for a clip alone
keeps all cores at work. The medians over the rounds are printed; a busy machine shows in their
spread.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from formcheck.batch import Standing, analyze_batch
from formcheck.batch.clips import Clip, find_clips
from formcheck.batch.guard import Guard
from formcheck.batch.work import Task, do_clip
from formcheck.bench.clip import SAMPLE_VIDEO, take_clip
from formcheck.options import Options
from formcheck.pipeline import analyze
from formcheck.report import write_report
from formcheck.system import count_cores
from formcheck.video.reader import probe_video

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Measure as asked on the command line, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a clip")
    parser.add_argument("--model", default="full")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    options, cores = Options(model=asked.model), count_cores()
    os.environ["PYTHONPATH"] = str(HERE)  # so that the children find what they are to do
    from batch import do_alone, hold_on_one_core

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = make_clips(folder / "clips", asked.clips, asked.seconds)
        one, all_cores = Guard(1), Guard(cores)
        one.call(hold_on_one_core)
        for guard in (one, all_cores):
            guard.call(do_alone, clips[0], options, folder / "warm")
        ratios, whole_ratios, overheads = [], [], []
        for number in range(asked.rounds):
            alone_s, overhead_s = measure_each(one, clips, options, folder / f"each-{number}")
            single_s = sum(
                all_cores.call(do_alone, clip, options, folder / "single") for clip in clips
            )
            whole_s = measure_batch(folder, options, cores, number)
            ratios.append(whole_s * cores / alone_s)
            whole_ratios.append(whole_s / single_s)
            overheads.append(overhead_s)
            print(
                f"round {number + 1}: the clips alone, on one core, {alone_s:.1f} s in all, on all "
                f"cores {single_s:.1f} s; as a batch with {cores} jobs {whole_s:.1f} s after the "
                f"first frames; overhead {overhead_s:.3f} s a clip",
                flush=True,
            )
        one.close()
        all_cores.close()
    print(f"{len(clips)} clips of {asked.seconds:g} s, {cores} jobs on {cores} cores:")
    for name, found in (("one core / cores", ratios), ("all cores", whole_ratios)):
        print(
            f"  {median(found):.2f} x the sum of single times, {name} "
            f"({min(found):.2f} to {max(found):.2f})"
        )
    print(f"  overhead {median(overheads):.3f} s a clip")


def make_clips(folder: Path, count: int, seconds: float) -> list[Clip]:
    """Cut the sample into clips that differ a little in length."""
    folder.mkdir()
    info = probe_video(SAMPLE_VIDEO)
    for number in range(count):
        length_s = seconds * (1 + 0.2 * (number % 5 - 2) / 2)
        cut = take_clip(info, length_s, folder).info.path
        cut.rename(folder / f"{number:03}.mp4")
    return find_clips([folder], folder.parent / "none")


def hold_on_one_core() -> None:
    """Keep this process and all its threads on one core, whatever it starts."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def do_alone(clip: Clip, options: Options, out: Path) -> float:
    """Do what `formcheck analyze` does in a process that has begun; return the seconds."""
    began_s = time.perf_counter()
    write_report(analyze(clip.path, options), out / clip.name)
    return time.perf_counter() - began_s


def measure_each(
    guard: Guard, clips: list[Clip], options: Options, out: Path
) -> tuple[float, float]:
    """Return the seconds of all clips alone, and the median of what the batch adds to one."""
    from batch import do_alone

    alone, more = [], []
    for clip in clips:
        alone.append(guard.call(do_alone, clip, options, out / "alone"))
        began_s = time.perf_counter()
        guard.call(do_clip, clip, Task(out / "batch", options))
        more.append(time.perf_counter() - began_s - alone[-1])
    shutil.rmtree(out)
    return sum(alone), median(more)


def measure_batch(folder: Path, options: Options, jobs: int, number: int) -> float:
    """Return the seconds of a whole batch, from when its processes have begun to watch."""
    began_s: list[float] = []

    def show(standing: Standing) -> None:
        if not began_s and standing.share > 0:
            began_s.append(time.perf_counter())

    analyze_batch([folder / "clips"], folder / f"o-{number}", options, jobs=jobs, show=show)
    return time.perf_counter() - began_s[0]


if __name__ == "__main__":
    main()
