"""Render the sample videos, their truth beside them: see README.md here.

    make digital-runner
    python sample_videos/make_samples.py

What would take an hour takes a minute and a half here. Same input, same videos.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from digital_runner.body import Look
from digital_runner.film import film
from digital_runner.scene import Filming, Run, Scene

HERE = Path(__file__).resolve().parent
SECONDS = 80.0
GROWTH = (0.5 * SECONDS, 0.85 * SECONDS)  # when posture gives way, and when it has
KEPT_SMALL = {"noise": 1.5, "crf": 24, "preset": "veryslow", "width": 640, "height": 424}

WOMAN = Look(
    male=0.0, weight=0.3, muscle=0.55, height_m=1.68, skin=(214, 164, 134), hair=(70, 46, 30),
    hair_style="ponytail", shirt=(196, 70, 84), shirt_cut="tee", shirt_loose=0.3,
    shorts=(44, 48, 60), shorts_cut="tights", shoe=(70, 150, 160),
)  # fmt: skip
MAN = Look(
    male=1.0, weight=0.4, muscle=0.5, height_m=1.79, skin=(150, 102, 74), hair=(30, 24, 22),
    hair_style="short", shirt=(52, 116, 176), shirt_cut="tee", shirt_loose=0.4,
    shorts=(84, 88, 98), shorts_cut="shorts", shoe=(226, 110, 50),
)  # fmt: skip

SAMPLES = (
    Scene(
        "steady_side", 21, 60.0, WOMAN,
        Run(cadence_spm=172.0, belt_m_s=2.8, lean_deg=6.0, strike_deg=-6.0, arm_deg=55.0),
        Filming(view="left", yaw_deg=4.0, person_px=310, background=5, **KEPT_SMALL),
    ),
    Scene(
        "degrading_side", 22, SECONDS, MAN,
        Run(
            cadence_spm=164.0,
            belt_m_s=2.7,
            lean_deg=((GROWTH[0], 5.0), (GROWTH[1], 10.0)),
            flexion_deg=((GROWTH[0], 0.0), (GROWTH[1], 14.0)),
            head_deg=((GROWTH[0], 0.0), (GROWTH[1], 5.0)),
        ),
        Filming(person_px=310, background=3, **KEPT_SMALL),
    ),
    Scene(
        "rear", 23, 45.0, WOMAN,
        Run(
            cadence_spm=168.0, belt_m_s=2.7, lean_deg=6.0, pelvic_drop_deg=6.0,
            lateral_lean_deg=((20.0, 0.5), (30.0, 3.5)),
        ),
        Filming(view="rear", yaw_deg=3.0, height_m=1.0, person_px=320, background=9, **KEPT_SMALL),
    ),
)  # fmt: skip


def main() -> None:
    """Read the command line and render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("names", nargs="*", help="which; all of them if none is named")
    arguments = parser.parse_args()
    for scene in SAMPLES:
        if not arguments.names or scene.name in arguments.names:
            path = film(scene, arguments.out)
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
