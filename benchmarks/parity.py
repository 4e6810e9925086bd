"""How far formcheck's points lie from MediaPipe's own, on the same frames.

    python benchmarks/parity.py [VIDEO ...] [--frames 240]

Without VIDEO: the sample videos, and the real clips, where they are at hand. The engine of
formcheck does not smooth, so MediaPipe is asked twice: as it is, and with its frames so far apart
in time that its filter lets each one through. Median over points and frames on which both see
somebody, as a share of the length of the torso. A tracker looks where it last found somebody,
and so goes on from its own errors: how far that alone leads, MediaPipe begun a little later tells,
held against itself from some frames on.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formcheck.keypoints import INDEX
from formcheck.observe import WORKING_SIDE_PX
from formcheck.pose.blazepose_engine import BlazePoseEngine
from formcheck.pose.engine import PoseEngine
from formcheck.pose.mediapipe_engine import MediaPipeEngine
from formcheck.video.frame import Frame
from formcheck.video.reader import read_frames
from tests.clips import CLIPS

SAMPLES = Path(__file__).resolve().parents[1] / "sample_videos"
SUFFIXES = {".mp4", ".mov"}
LATER, SETTLED = 15, 30  # frames: where the second start is, and from where on it is compared
APART = 5000  # times as far apart: MediaPipe's filter knows nothing after that long

Floats = NDArray[np.float64]


def see(engine: PoseEngine, frames: Sequence[Frame], stretch: float = 1.0) -> list[Floats]:
    """Points of the people in each frame, each shape (person, keypoint, 2)."""
    stretched = (Frame(f.index, f.time_s * stretch, f.rgb) for f in frames)
    return [poses.position for poses in engine.track(stretched)]


def trunk_length(points: Floats) -> Floats:
    """Distance of the middles of shoulders and hips, shape (...)."""
    shoulder, hip = (
        points[..., [INDEX[f"left_{part}"], INDEX[f"right_{part}"]], :].mean(axis=-2)
        for part in ("shoulder", "hip")
    )
    return np.asarray(np.linalg.norm(shoulder - hip, axis=-1))


def distances(ours: list[Floats], theirs: list[Floats]) -> Floats:
    """Distance of each point where both see somebody, torso lengths, shape (frame, keypoint)."""
    pairs = [(a[0], b[0]) for a, b in zip(ours, theirs, strict=True) if len(a) and len(b)]
    if not pairs:
        return np.zeros((0, len(INDEX)))
    points = np.array(pairs)
    length = np.median(trunk_length(points[:, 1]))
    return np.asarray(np.linalg.norm(points[:, 0] - points[:, 1], axis=-1) / length)


def main() -> None:
    """Read the command line, watch each video four times, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--frames", type=int, default=240, help="of each video, from its start")
    asked = parser.parse_args()
    at_hand = sorted(p for folder in (SAMPLES, CLIPS) for p in folder.glob("*.m*"))
    table = Table("video", "frames", "of both", "without smoothing", "its worst point",
                  "with smoothing", "MediaPipe from itself", box=box.MARKDOWN)  # fmt: skip
    for video in asked.videos or [path for path in at_hand if path.suffix in SUFFIXES]:
        read = read_frames(video, max_side_px=WORKING_SIDE_PX)
        frames = list(itertools.islice(read, asked.frames))
        ours = see(BlazePoseEngine(), frames)
        unsmoothed = see(MediaPipeEngine(), frames, APART)
        sharp = distances(ours, unsmoothed)
        begun_later = see(MediaPipeEngine(), frames[LATER:], APART)
        itself = distances(begun_later[SETTLED - LATER :], unsmoothed[SETTLED:])
        smooth = distances(ours, see(MediaPipeEngine(), frames))
        if not len(sharp):
            table.add_row(video.name, str(len(frames)), "0", "", "", "", "")
            continue
        per_point = np.median(sharp, axis=0)
        worst = list(INDEX)[int(np.argmax(per_point))]
        table.add_row(
            video.name, str(len(frames)), str(len(sharp)), f"{np.median(sharp):.2%}",
            f"{worst} {per_point.max():.1%}", f"{np.median(smooth):.2%}",
            f"{np.median(itself):.2%}" if len(itself) else "",
        )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
