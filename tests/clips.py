"""Real clips for tests, where they are, and videos made from them."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from formcheck.video.reader import read_frames

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "clips"


def clip(name: str) -> Path:
    """Path of a real clip; skips the test where the clips are not at hand."""
    path = CLIPS / name
    if not path.exists():
        pytest.skip(f"real clip {name} is not here")
    return path


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    fps: float = 30.0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    clock: int = 90_000,
    times_s: ArrayLike | None = None,
    rotation_deg: int = 0,
    pixel_aspect: Fraction | None = None,
    index_first: bool = False,
    **options: str,
) -> Path:
    """Encode RGB frames.

    `times_s` gives each frame its own time (to 1/`clock` s, or as fine as the container keeps
    it), `rotation_deg` is the counter-clockwise turn that brings the picture upright, with
    `index_first` an MP4 can be read as far as it is there, and `options` go to the encoder.
    """
    tick = Fraction(1, clock)
    layout = {"movflags": "+faststart"} if index_first else {}
    with av.open(str(path), "w", options=layout) as container:
        stream = None
        for i, rgb in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=round(fps), options=options)
                stream.height, stream.width = rgb.shape[:2]
                stream.pix_fmt = pixel_format
                stream.time_base = stream.codec_context.time_base = tick
                if pixel_aspect is not None:
                    stream.codec_context.sample_aspect_ratio = pixel_aspect
                if rotation_deg:
                    stream.set_display_rotation(rotation_deg)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            picture.pts = round((i / fps if times_s is None else times_s[i]) / tick)
            picture.time_base = tick
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


def loop_clip(
    source: Path,
    target: Path,
    loops: int,
    *,
    belt_y: float,
    added_lean_deg: Callable[[float], float] = lambda share: 0.0,
    max_side_px: int = 640,
) -> Path:
    """Repeat a clip, its frames sheared about the belt line by a lean that depends on time.

    `belt_y` is the belt's height in the picture, 0 at the top, 1 at the bottom; `added_lean_deg`
    gives the lean added at each share of the length, + towards image right.
    """
    frames = [f.rgb for f in read_frames(source, max_side_px=max_side_px)]
    fps = 30.0
    total = loops * len(frames)

    def sheared():
        for i in range(total):
            rgb = frames[i % len(frames)]
            slope = np.tan(np.radians(added_lean_deg(i / total)))
            matrix = np.array([[1.0, -slope, slope * belt_y * rgb.shape[0]], [0.0, 1.0, 0.0]])
            yield cv2.warpAffine(
                rgb,
                matrix,
                rgb.shape[1::-1],
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )

    return write_video(target, sheared(), fps=fps, preset="veryfast", crf="20")
