"""Time and memory of the core: an hour of keypoints at 60 frames/s to report.json.

    python benchmarks/core.py [--minutes 60] [--fps 60] [--profile]

The keypoints are those of the formula runner of the tests, so no video is decoded. Memory is the
peak of the whole process, the keypoints themselves included.
"""

import argparse
import cProfile
import pstats
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report.files import to_json
from tests.synthetic import describe_video, make_runner, observe_runner


def peak_mib() -> float:
    """Peak memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the benchmark and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--fps", type=float, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()

    duration_s = 60 * asked.minutes
    runner = make_runner(
        duration_s,
        asked.fps,
        lean_deg=lambda t: 4 + 4 * (t / duration_s - 0.5).clip(0),
        noise_px=2.0,
        lean_sd_deg=0.7,
    )
    observation = observe_runner(runner)
    info = describe_video(Path(__file__), runner)
    before = peak_mib()
    profile = cProfile.Profile()
    seconds = []
    analysis = None
    for _ in range(asked.repeats):
        del analysis  # a user runs it once
        start = time.perf_counter()
        if asked.profile:
            profile.enable()
        analysis = assess_run(info, observation, Options())
        text = to_json(analysis)
        profile.disable()
        seconds.append(time.perf_counter() - start)
    print(f"{asked.minutes:g} min at {asked.fps:g} frames/s: {len(runner.keypoints.time_s)} frames")
    print(f"core, keypoints to report.json: {', '.join(f'{s:.2f}' for s in seconds)} s")
    print(f"peak memory: {peak_mib():.0f} MiB (inputs made: {before:.0f} MiB)")
    print(f"verdict: {analysis.verdict.label}; report.json {len(text)} bytes")
    if asked.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(35)


if __name__ == "__main__":
    main()
