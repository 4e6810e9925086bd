"""One early and one late picture of the runner, at the same moment of the stride."""

import base64
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.drift import Part
from formcheck.errors import FormcheckError
from formcheck.report.drawing import draw_pose, find_pose
from formcheck.result import Analysis
from formcheck.video.frame import Frame
from formcheck.video.reader import read_frame_near

MARGIN = 0.12  # of the runner's extent, around the runner
NARROWEST = 0.6  # width over height of a picture
HEIGHT_PX = 640
MAX_ENLARGEMENT = 2.5  # of a runner who is small in the video
MAX_BYTES = 150_000  # of a picture as it stands in the page
QUALITIES = (85, 75, 60, 45, 30)  # JPEG, tried until it is small enough


@dataclass(frozen=True)
class Picture:
    """A picture for the page.

    Attributes
    ----------
    part : str
        'early' or 'late'.
    time_s : float
        Real seconds of the recording.
    lean_deg : float
        Lean in that frame; NaN where unknown.
    jpeg : bytes
    width, height : int
    """

    part: str
    time_s: float
    lean_deg: float
    jpeg: bytes
    width: int
    height: int

    @property
    def data_uri(self) -> str:
        """The picture as an address that holds it."""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode("ascii")


def make_pictures(analysis: Analysis) -> list[Picture]:
    """Return the early and the late picture; empty where the video can't be read any more.

    Notes
    -----
    Both show the middle of a stance, of the stride whose lean is nearest to the mean of its part;
    both are cut to the same size around the runner.
    """
    chosen = _choose_frames(analysis)
    if chosen is None:
        return []
    path, clock = Path(analysis.video.path), analysis.series.video_time_s
    try:
        frames = [read_frame_near(path, float(clock[index])) for index in chosen]
    except (FormcheckError, av.FFmpegError, OSError):
        return []
    if any(frame is None for frame in frames):
        return []
    read = [frame for frame in frames if frame is not None]
    # a damaged file may give another frame than the one asked for
    found = [int(np.abs(clock - frame.time_s).argmin()) for frame in read]
    size = _crop_size(analysis, found)
    return [
        _make_picture(analysis, part, index, frame, size)
        for part, index, frame in zip(("early", "late"), found, read, strict=True)
    ]


def _choose_frames(analysis: Analysis) -> tuple[int, int] | None:
    """Return the indices of the early and the late frame; None without two strides."""
    strides = analysis.series.strides
    if len(strides) < 2:
        return None
    column = analysis.capture.lean_column
    facts, lean = analysis.metrics[column], analysis.series.values[column]
    early = _typical_stride(facts.baseline, strides.start_s, lean)
    late = _typical_stride(facts.late, strides.start_s, lean)
    if early is None or late is None or early >= late:
        early, late = 0, len(strides) - 1
    moment_s = strides.start_s
    if analysis.capture.view != "side":  # there a stride begins with the foot in the air
        moment_s = strides.start_s + strides.duration_s / 4
    time_s = analysis.series.keypoints.time_s
    first, last = (int(np.abs(time_s - moment_s[i]).argmin()) for i in (early, late))
    return first, last


def _typical_stride(
    part: Part, start_s: NDArray[np.float64], lean: NDArray[np.float64]
) -> int | None:
    """Return the stride of a part whose lean is nearest to the part's mean."""
    inside = (start_s >= part.from_s) & (start_s <= part.to_s) & np.isfinite(lean)
    if part.mean is None or not inside.any():
        return None
    return int(np.where(inside, np.abs(lean - part.mean), np.inf).argmin())


def _crop_size(analysis: Analysis, frames: list[int]) -> NDArray[np.float64]:
    """Width and height that hold the runner in each of the frames, source pixels."""
    whole = np.array([analysis.video.width, analysis.video.height], dtype=float)
    extents = [
        np.ptp(points[np.isfinite(points).all(axis=1)], axis=0)
        for points in analysis.series.keypoints.position[frames]
        if np.isfinite(points).all(axis=1).any()
    ]
    if not extents:
        return whole
    width, height = np.max(extents, axis=0)
    around = 2 * MARGIN * max(width, height)
    height += around
    return np.minimum([max(width + around, NARROWEST * height), height], whole)


def _make_picture(
    analysis: Analysis, part: str, index: int, frame: Frame, size: NDArray[np.float64]
) -> Picture:
    whole = np.array(frame.rgb.shape[1::-1], dtype=float)
    points = find_pose(analysis, index).points
    known = points[np.isfinite(points).all(axis=1)]
    middle = (known.min(axis=0) + known.max(axis=0)) / 2 if len(known) else whole / 2
    origin = np.clip(np.round(middle - size / 2), 0, np.maximum(whole - size, 0))
    x, y = origin.astype(int)
    crop = frame.rgb[y : y + int(size[1]), x : x + int(size[0])]
    scale = max(1 / MAX_ENLARGEMENT, crop.shape[0] / HEIGHT_PX)
    shape = (round(crop.shape[1] / scale), round(crop.shape[0] / scale))
    method = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(crop, shape, interpolation=method), dtype=np.uint8)
    pose = find_pose(analysis, index, scale=scale, origin_px=(float(x), float(y)))
    return Picture(
        part=part,
        time_s=float(analysis.series.keypoints.time_s[index]),
        lean_deg=pose.lean_deg,
        jpeg=_encode(draw_pose(small, pose)),
        width=shape[0],
        height=shape[1],
    )


def _encode(rgb: NDArray[np.uint8]) -> bytes:
    jpeg = b""
    for quality in QUALITIES:
        _, encoded = cv2.imencode(
            ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
        )
        jpeg = encoded.tobytes()
        if len(jpeg) * 4 / 3 < MAX_BYTES:
            break
    return jpeg
