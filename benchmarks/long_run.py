"""An hour of treadmill running in 1080p: how fast it is read in windows, and what that costs.

    python benchmarks/long_run.py [SOURCE] [--minutes 10 60] [--all]

Makes videos of the given lengths by looping a few seconds of SOURCE (the real side clip, where it
is at hand, else a sample video), each loop sheared about the belt by a lean that grows from half
time to +4° at the end, and analyses each in a process of its own: seconds, peak memory, change of
lean, onset, as the table that the README shows. With --all also reading every frame. The videos
are kept in build/long_run.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formcheck.bench.clock import measure_process
from formcheck.errors import FormcheckError
from formcheck.video.reader import read_frames
from tests.clips import CLIPS
from tests.test_real_clips import BELT_Y

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "build" / "long_run"
FALL_BACK = ROOT / "sample_videos" / "steady_side.mp4"
LONG_SIDE_PX = 1920
LOOP_FRAMES, FPS = 121, 30
LEAN_AT_END_DEG, LEAN_STEP_DEG = 4.0, 0.1
CLOCK = Fraction(1, 90_000)


def added_lean(share: float) -> float:
    """Lean added at a share of the run, degrees, in the steps in which it is drawn."""
    wanted = LEAN_AT_END_DEG * max(0.0, 2 * share - 1)
    return LEAN_STEP_DEG * round(wanted / LEAN_STEP_DEG)


def true_change(part: float = 0.2) -> float:
    """Mean of the lean added in the last part of the run minus that in the first."""
    share = np.linspace(1 - part, 1, 1001)
    return float(np.mean([added_lean(s) for s in share]))


def choose_source() -> Path:
    """Return the real side clip, where it is at hand, else a sample video."""
    side_clip = CLIPS / "treadmill_side_barefoot.mov"
    return side_clip if side_clip.exists() else FALL_BACK


def make_video(source: Path, minutes: float, long_side_px: int = LONG_SIDE_PX) -> Path:
    """Return a looped video of this length and size, making it if it is not there."""
    path = STORE / f"{source.stem}-{long_side_px}px-{minutes:g}min.mp4"
    if path.exists():
        return path
    STORE.mkdir(parents=True, exist_ok=True)
    loops = round(minutes * 60 * FPS / LOOP_FRAMES)
    frames = _load_loop(source, long_side_px)
    ticks = round(1 / FPS / CLOCK)
    encoded: dict[float, list[av.Packet]] = {}
    draft = path.with_suffix(".partial.mp4")
    with av.open(str(draft), "w") as target:
        stream = None
        for loop in range(loops):
            lean = added_lean(loop / max(loops - 1, 1))
            if lean not in encoded:
                encoded = {lean: _encode(frames, lean)}
            block, template = encoded[lean]
            if stream is None:
                stream = target.add_stream_from_template(template)
                stream.time_base = CLOCK
            for content, pts, dts, is_key in block:
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, CLOCK
                packet.pts = pts + loop * LOOP_FRAMES * ticks
                packet.dts = dts + loop * LOOP_FRAMES * ticks
                packet.is_keyframe = is_key
                target.mux(packet)
    draft.replace(path)
    return path


def _load_loop(source: Path, long_side_px: int) -> list[NDArray[np.uint8]]:
    frames = []
    for frame in read_frames(source):
        scale = long_side_px / max(frame.size)
        size = tuple(2 * round(side * scale / 2) for side in frame.size)
        frames.append(np.asarray(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)))
        if len(frames) == LOOP_FRAMES:
            break
    return frames


def _encode(frames: list[NDArray[np.uint8]], lean_deg: float) -> tuple[list, av.VideoStream]:
    """Encode one loop, sheared; its packets as bytes, times and whether they are keyframes."""
    height, width = frames[0].shape[:2]
    slope = np.tan(np.radians(lean_deg))
    matrix = np.array([[1.0, -slope, slope * BELT_Y * height], [0.0, 1.0, 0.0]])
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = CLOCK
            stream.options = {"preset": "superfast", "crf": "24", "g": str(FPS * 2), "bf": "0"}
            for i, rgb in enumerate(frames):
                sheared = cv2.warpAffine(
                    rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
                )
                picture = av.VideoFrame.from_ndarray(sheared, format="rgb24")
                picture.pts, picture.time_base = round(i / FPS / CLOCK), CLOCK
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        kept = av.open(file.name)  # stays open: its stream is the template
        video = kept.streams.video[0]
        block = [
            (bytes(p), round(p.pts * p.time_base / CLOCK), round(p.dts * p.time_base / CLOCK),
             p.is_keyframe)
            for p in kept.demux(video) if p.size
        ]  # fmt: skip
    return block, video


def analyse(video: Path, sample: str) -> dict[str, object]:
    """Analyse in a process of its own; seconds, peak memory and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "formcheck.cli", "analyze", str(video), "--sample", sample,
            "--out", folder, "--quiet",
        ]  # fmt: skip
        try:
            cost = measure_process(command)
        except FormcheckError as error:
            raise SystemExit(f"long_run: {error}") from None
        report = json.loads((Path(folder) / "report.json").read_text())
    lean = report["metrics"]["trunk_lean_deg"]
    return {
        "seconds": cost.seconds,
        "peak_mib": cost.peak_mib,
        "frames": report["video"]["frames_decoded"],
        "change": lean["change"],
        "onset_s": lean["onset_s"],
        "verdict": report["verdict"]["label"],
    }


def main() -> None:
    """Read the command line, make the videos, analyse them, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0])
    parser.add_argument("--all", action="store_true", help="read every frame too")
    asked = parser.parse_args()
    source = asked.source or choose_source()
    columns = ("minutes", "sample", "seconds", "peak MiB", "frames", "lean change", "true",
               "onset", "verdict")  # fmt: skip
    table = Table(*columns, box=box.MARKDOWN)
    show: Callable[[float], str] = lambda value: f"{value:+.2f}"  # noqa: E731
    for minutes in asked.minutes:
        video = make_video(source, minutes)
        for sample in ("auto", "all") if asked.all else ("auto",):
            found = analyse(video, sample)
            change, onset = found["change"], found["onset_s"]
            interval = " to ".join(show(bound) for bound in change["ci95"])
            table.add_row(
                f"{minutes:g}", sample, f"{found['seconds']:.1f}", f"{found['peak_mib']:.0f}",
                str(found["frames"]), f"{show(change['value'])} ({interval})",
                show(true_change()),
                f"{onset['value'] / 60:.1f} min" if onset else "", str(found["verdict"]),
            )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
