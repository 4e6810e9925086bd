"""Draw what was measured onto a picture: skeleton, trunk line, vertical, and the angle between."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import BONES, INDEX, KEYPOINTS
from formcheck.result import Analysis

Colour = tuple[int, int, int]
Point = NDArray[np.float64]

# RGB, told apart by people who see red and green alike
NEAR: Colour = (0, 190, 255)
FAR: Colour = (190, 230, 245)
TRUNK: Colour = (255, 150, 20)
VERTICAL: Colour = (255, 255, 255)
EDGE: Colour = (20, 25, 35)

LINE_SHARE = 1 / 200  # of the picture's shorter side
TEXT_SHARE = 1 / 17
MIN_LINE_PX = 2
MIN_TEXT_PX = 14
VERTICAL_OVER_TRUNK = 1.5
ARC_OVER_TRUNK = 0.8
TEXT_FROM_TRUNK = {"side": 0.22, "rear": 0.6, "front": 0.6}  # trunk lengths to the side
DASHES = 9
SUBPIXEL_BITS = 4
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class PoseInPicture:
    """One frame's pose as it lies in one picture.

    Attributes
    ----------
    points : array, shape (keypoint, 2)
        Pixels of the picture; NaN = unknown.
    up : array, shape (2,)
        Unit vector against gravity, as the camera showed it.
    lean_deg : float
        Trunk against the vertical; forward lean in a side view, else lean to the runner's right.
    lean_towards : int
        +1 where positive lean is towards image right, -1 where it is towards image left.
    near_side : str
        'left' or 'right'.
    view : str
        'side', 'rear' or 'front'.
    """

    points: NDArray[np.float64]
    up: Point
    lean_deg: float
    lean_towards: int
    near_side: str
    view: str


def find_pose(
    analysis: Analysis,
    frame: float,
    *,
    scale: float = 1.0,
    origin_px: tuple[float, float] = (0.0, 0.0),
) -> PoseInPicture:
    """Return a frame's pose in the pixels of a picture of it.

    Parameters
    ----------
    analysis : Analysis
    frame : float
        Index into the arrays of `analysis.series`; between two of them, the pose is too.
    scale : float
        Source pixels per pixel of the picture.
    origin_px : tuple
        The picture's upper left corner in source pixels.

    Notes
    -----
    Where the camera's roll was taken out of the keypoints, it is put back, so that the points lie
    on the body as it was filmed.
    """
    series = analysis.series
    before, share = int(frame), frame - int(frame)

    def at_frame(course: NDArray[np.float64]) -> NDArray[np.float64]:
        ends = course[before : before + 2]
        return ends[0] + share * (ends[-1] - ends[0]) if share else ends[0]

    roll = float(np.radians(at_frame(series.camera_roll_deg)))
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    centre = np.array([analysis.video.width, analysis.video.height]) / 2
    filmed = (at_frame(series.keypoints.position) - centre) @ turn.T + centre
    view, angles = analysis.capture.view, series.angles
    lean = angles.trunk_lean_deg if view == "side" else angles.lateral_trunk_lean_deg
    towards = {"side": analysis.capture.direction, "rear": 1}.get(view, -1)
    return PoseInPicture(
        points=(filmed - np.array(origin_px)) / scale,
        up=turn @ np.array([0.0, -1.0]),
        lean_deg=float(at_frame(lean)),
        lean_towards=towards,
        near_side=analysis.capture.near_side,
        view=view,
    )


def draw_pose(picture: NDArray[np.uint8], pose: PoseInPicture) -> NDArray[np.uint8]:
    """Draw a pose onto a copy of an RGB picture; what is unknown is left out."""
    drawn = picture.copy()
    line = max(MIN_LINE_PX, round(min(picture.shape[:2]) * LINE_SHARE))
    _draw_skeleton(drawn, pose, line)
    _draw_lean(drawn, pose, line)
    return drawn


def _draw_skeleton(picture: NDArray[np.uint8], pose: PoseInPicture, line: int) -> None:
    near = [pose.near_side in name for name in KEYPOINTS]
    bones = sorted(BONES, key=lambda bone: near[bone[0]] and near[bone[1]])  # the near side on top
    for a, b in bones:
        start, end = pose.points[a], pose.points[b]
        _line(picture, start, end, EDGE, line + 2)
        _line(picture, start, end, NEAR if near[a] and near[b] else FAR, line)
    for at in {i for bone in bones for i in bone}:
        _dot(picture, pose.points[at], NEAR if near[at] else FAR, line)


def _draw_lean(picture: NDArray[np.uint8], pose: PoseInPicture, line: int) -> None:
    hip, shoulder = (
        (pose.points[INDEX[f"left_{part}"]] + pose.points[INDEX[f"right_{part}"]]) / 2
        for part in ("hip", "shoulder")
    )
    trunk = shoulder - hip
    length = float(np.linalg.norm(trunk))
    if not np.isfinite(length) or not np.isfinite(pose.lean_deg) or length < 1:
        return
    top = hip + VERTICAL_OVER_TRUNK * length * pose.up
    steps = np.linspace(0, 1, 2 * DASHES)
    for start, end in zip(steps[::2], steps[1::2], strict=True):
        for colour, width in ((EDGE, line + 2), (VERTICAL, line)):
            _line(picture, hip + start * (top - hip), hip + end * (top - hip), colour, width)
    arc = _arc(hip, ARC_OVER_TRUNK * length, pose)
    for colour, width in ((EDGE, line + 2), (TRUNK, line)):
        for start, end in pairwise(arc):
            _line(picture, start, end, colour, width)
    for colour, width in ((EDGE, 2 * line + 2), (TRUNK, 2 * line)):
        _line(picture, hip, shoulder, colour, width)
    for end in (hip, shoulder):
        _dot(picture, end, TRUNK, 2 * line)
    behind = -pose.lean_towards * np.array([-pose.up[1], pose.up[0]])
    beside = hip + 0.9 * trunk + TEXT_FROM_TRUNK[pose.view] * length * behind
    _write_angle(picture, pose.lean_deg, beside, to_left=bool(behind[0] < 0))


def _arc(hip: Point, radius: float, pose: PoseInPicture) -> NDArray[np.float64]:
    """Points from the vertical to the trunk, shape (point, 2)."""
    angle = np.radians(np.linspace(0, pose.lean_deg * pose.lean_towards, 13))[:, None]
    across = np.array([-pose.up[1], pose.up[0]])
    return hip + radius * (np.cos(angle) * pose.up + np.sin(angle) * across)


def _write_angle(picture: NDArray[np.uint8], angle_deg: float, at: Point, *, to_left: bool) -> None:
    """Write an angle on a dark plate whose nearer edge is at `at`, kept inside the picture."""
    ink = _render_angle(angle_deg, max(MIN_TEXT_PX, round(min(picture.shape[:2]) * TEXT_SHARE)))
    ink = np.pad(ink, ink.shape[0] // 2)[: picture.shape[0], : picture.shape[1]]
    size = np.array(ink.shape[1::-1])
    corner = at - size * np.array([1.0 if to_left else 0.0, 0.5])
    x, y = np.clip(corner, 0, np.array(picture.shape[1::-1]) - size).astype(int)
    plate = np.array(EDGE) + ink[..., None] * (np.array(TRUNK) - np.array(EDGE))
    picture[y : y + size[1], x : x + size[0]] = plate.round().astype(np.uint8)


def _render_angle(angle_deg: float, size_px: int) -> NDArray[np.float64]:
    """Text such as 4.2° as its share of ink, 0 to 1, cut to what is written."""
    weight = max(1, size_px // 10)
    scale = cv2.getFontScaleFromHeight(FONT, size_px, weight)
    text = f"{angle_deg:.1f}".replace("-0.0", "0.0")
    ink = np.zeros((3 * size_px, (2 + len(text)) * size_px), dtype=np.uint8)
    cv2.putText(ink, text, (size_px, 2 * size_px), FONT, scale, 255, weight, cv2.LINE_AA)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    # OpenCV's fonts have a degree sign in some versions only
    ring = max(2, size_px // 6)
    degree = (int(columns[-1]) + 2 * ring, int(rows[0]) + ring)
    cv2.circle(ink, degree, ring, 255, max(1, weight // 2), cv2.LINE_AA)
    columns = np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / 255


def _line(picture: NDArray[np.uint8], start: Point, end: Point, colour: Colour, width: int) -> None:
    if np.isfinite(start).all() and np.isfinite(end).all():
        cv2.line(picture, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, SUBPIXEL_BITS)


def _dot(picture: NDArray[np.uint8], at: Point, colour: Colour, radius: int) -> None:
    if np.isfinite(at).all():
        size = radius << SUBPIXEL_BITS
        edge = (radius + 1) << SUBPIXEL_BITS
        cv2.circle(picture, _fixed(at), edge, EDGE, -1, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.circle(picture, _fixed(at), size, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def _fixed(point: Point) -> tuple[int, int]:
    """Whole numbers of a sixteenth of a pixel, as OpenCV wants them."""
    x, y = np.clip(point, -16_000, 16_000) * (1 << SUBPIXEL_BITS)
    return round(float(x)), round(float(y))
