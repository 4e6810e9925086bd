"""How long the overlay takes beside the analysis: both in one run, in turn, on the same video.

    python benchmarks/overlay.py [VIDEO] [--repeats 3] [--model full]

Printed are the median frames a second of each, their ratio (under 1: the overlay is the quicker),
the size of the overlay, and the peak memory of the whole process.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formcheck.options import Options
from formcheck.pipeline import analyze
from formcheck.report.overlay import draw_overlay
from formcheck.system import count_cores

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "degrading_side.mp4"


def main() -> None:
    """Run the benchmark and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", default="full")
    asked = parser.parse_args()

    options = Options(model=asked.model)
    analysis = analyze(asked.video, options)  # to warm up
    spent: dict[str, list[float]] = {"analysis": [], "overlay": []}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "overlay.mp4"
        for _ in range(asked.repeats):
            spent["analysis"].append(_time(lambda: analyze(asked.video, options)))
            spent["overlay"].append(_time(lambda: draw_overlay(analysis, target)))
        megabytes = target.stat().st_size / 1e6
    video = analysis.video
    frames = round(video.duration_s * video.fps)
    print(f"{video.width} x {video.height}, {frames} frames, {count_cores()} cores")
    median = {what: statistics.median(seconds) for what, seconds in spent.items()}
    for what, seconds in median.items():
        print(f"{what:9} {seconds:6.1f} s {frames / seconds:7.1f} frames/s")
    print(f"overlay / analysis {median['overlay'] / median['analysis']:.2f}")
    print(f"overlay.mp4 {megabytes:.1f} MB")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory, analysis included, {peak_mib:.0f} MiB")


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
