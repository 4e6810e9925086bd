"""What formcheck reads on real clips, beside what a person counted and placed by hand.

    python benchmarks/real_clips.py [--no-loops]

The labels are in tests/hand_labels; the clips are not part of the project, and their folder is the
one the tests use. The loops repeat the side clip 45 times, plain and leaning (some minutes).
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formcheck import Options, analyze
from tests.clips import CLIPS, loop_clip
from tests.test_real_clips import BELT_Y, LABELS

# Clip: options, and by how much its clock is slowed. Every frame is watched, so that their numbers
# are those on the labels.
SHOWN = {
    "treadmill_side_barefoot.mov": (Options(), 1.0),
    "treadmill_rear_barefoot.mov": (Options(), 1.0),
    "treadmill_side_slowmotion.mp4": (Options(slow_motion=8.0, max_fps=1000.0), 8.0),
    "road_side_panning_slowmotion.mp4": (Options(slow_motion=2.0, max_fps=1000.0), 2.0),
}


def show_clips() -> None:
    """Print cadence, trunk lean and contact time of each labelled clip."""
    for name, (options, factor) in SHOWN.items():
        found = analyze(CLIPS / name, options)
        labels = json.loads((LABELS / f"{Path(name).stem}.json").read_text())
        counted = labels["cadence_spm"]
        print(
            f"{name}: cadence in stored time {found.gait.cadence_spm / factor:.2f}, "
            f"by hand {counted['best']} ± {counted['uncertainty_95']}"
        )
        if points := labels["points"]:
            placed = np.array([point["trunk_lean_deg"] for point in points])
            frames = [point["frame"] for point in points]
            error = found.series.angles.trunk_lean_deg[frames] - placed
            print(f"  lean minus {len(points)} placed: {error.mean():+.2f}°, SD {error.std():.2f}°")
        contact = found.metrics["ground_contact_time_ms"]
        if contact.mean is not None:
            print(f"  contact time {contact.mean:.0f} ± {contact.uncertainty:.0f} ms")


def show_loops() -> None:
    """Print what comes out of a looped clip, steady and sheared from half time to +4°."""
    for what, slope in (("steady", 0.0), ("leaning", 8.0)):
        with tempfile.TemporaryDirectory() as folder:
            video = loop_clip(
                CLIPS / "treadmill_side_barefoot.mov",
                Path(folder) / f"{what}.mp4",
                45,
                belt_y=BELT_Y,
                added_lean_deg=lambda share, slope=slope: slope * max(0.0, share - 0.5),
            )
            found = analyze(video)
        print(f"loop, {what}: {found.verdict.text}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-loops", action="store_true")
    asked = parser.parse_args()
    show_clips()
    if not asked.no_loops:
        show_loops()
