"""Draw what was measured onto a picture: skeleton, trunk line, vertical, and the angle between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import BONES, INDEX, KEYPOINTS
from formcheck.report.canvas import Canvas, Points
from formcheck.report.lettering import write_plate
from formcheck.report.palette import Colour
from formcheck.result import Analysis

Point = NDArray[np.float64]

# RGB, told apart by people who see red and green alike
NEAR: Colour = (0, 190, 255)
FAR: Colour = (190, 230, 245)
TRUNK: Colour = (255, 150, 20)
VERTICAL: Colour = (255, 255, 255)

LINE_SHARE = 1 / 200  # of the picture's shorter side
TEXT_SHARE = 1 / 17
MIN_LINE_PX = 2
MIN_TEXT_PX = 14
VERTICAL_OVER_TRUNK = 1.5
ARC_OVER_TRUNK = 0.8
TEXT_FROM_TRUNK = {"side": 0.22, "rear": 0.6, "front": 0.6}  # trunk lengths to the side
DASHES = 9
ARC_POINTS = 7


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
    """Draw a pose and its angle onto a copy of an RGB picture; what is unknown is left out."""
    drawn = picture.copy()
    paint_pose(Canvas(drawn), pose, pose.lean_deg)
    return drawn


def paint_pose(canvas: Canvas, pose: PoseInPicture, shown_deg: float | None) -> None:
    """Draw a pose; what is unknown is left out.

    Parameters
    ----------
    canvas : Canvas
    pose : PoseInPicture
    shown_deg : float, optional
        The angle that is written beside the trunk.
    """
    line = max(MIN_LINE_PX, round(min(canvas.width, canvas.height) * LINE_SHARE))
    _paint_skeleton(canvas, pose, line)
    _paint_lean(canvas, pose, line, shown_deg)


def _paint_skeleton(canvas: Canvas, pose: PoseInPicture, line: int) -> None:
    near = np.array([pose.near_side in name for name in KEYPOINTS])
    bones = np.array(BONES)
    is_near = near[bones].all(axis=1)
    for colour, shown in ((FAR, bones[~is_near]), (NEAR, bones[is_near])):  # the near side on top
        canvas.lines(pose.points[shown], colour, line)
    joints = np.unique(bones)
    for colour, shown in ((FAR, joints[~near[joints]]), (NEAR, joints[near[joints]])):
        canvas.dots(pose.points[shown], colour, line)


def _paint_lean(canvas: Canvas, pose: PoseInPicture, line: int, shown_deg: float | None) -> None:
    hip, shoulder = (
        (pose.points[INDEX[f"left_{part}"]] + pose.points[INDEX[f"right_{part}"]]) / 2
        for part in ("hip", "shoulder")
    )
    trunk = shoulder - hip
    length = float(np.linalg.norm(trunk))
    if not np.isfinite(length) or not np.isfinite(pose.lean_deg) or length < 1:
        return
    steps = np.linspace(0, VERTICAL_OVER_TRUNK * length, 2 * DASHES)[:, None]
    ends = np.stack([hip, shoulder])
    canvas.lines((hip + steps * pose.up).reshape(DASHES, 2, 2), VERTICAL, line)
    canvas.lines(_arc(hip, ARC_OVER_TRUNK * length, pose)[None], TRUNK, line)
    canvas.lines(ends[None], TRUNK, 2 * line)
    canvas.dots(ends, TRUNK, 2 * line)
    if shown_deg is None or not np.isfinite(shown_deg):
        return
    behind = -pose.lean_towards * np.array([-pose.up[1], pose.up[0]])
    x, y = hip + 0.9 * trunk + TEXT_FROM_TRUNK[pose.view] * length * behind
    size = max(MIN_TEXT_PX, round(min(canvas.width, canvas.height) * TEXT_SHARE))
    plate = write_plate(f"{shown_deg:z.1f}°", size, TRUNK)
    width, height = plate.size
    canvas.lay(plate, (x - width if behind[0] < 0 else x, y - height / 2))


def _arc(hip: Point, radius: float, pose: PoseInPicture) -> Points:
    """Points from the vertical to the trunk."""
    angle = np.radians(np.linspace(0, pose.lean_deg * pose.lean_towards, ARC_POINTS))[:, None]
    across = np.array([-pose.up[1], pose.up[0]])
    return hip + radius * (np.cos(angle) * pose.up + np.sin(angle) * across)
