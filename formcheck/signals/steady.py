"""Undo what the camera did, so that the vertical stays the vertical."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from formcheck.keypoints import Keypoints
from formcheck.video.camera import CameraTrack

MIN_KNOWN_SHARE = 0.8  # of the samples in which the background could be followed
SMOOTHING_SAMPLES = 5
ROLL_WORTH_UNDOING_DEG = 0.2
TRAVEL_OF_FIXED_CAMERA = 0.25  # share of the picture; content that moves further: it is being moved


@dataclass(frozen=True)
class SteadyKeypoints:
    """Keypoints as a camera that never turned would have seen them.

    Attributes
    ----------
    keypoints : Keypoints
    roll_deg : array, shape (time,), or None
        The turn that was (or could be) undone at each frame; None where it can't be told.
    is_corrected : bool
    camera_moves : bool
        Whether the camera follows the runner rather than standing.
    """

    keypoints: Keypoints
    roll_deg: NDArray[np.float64] | None
    is_corrected: bool
    camera_moves: bool

    @property
    def removed_roll_deg(self) -> NDArray[np.float64]:
        """The turn that was undone at each frame, shape (time,); 0 where nothing was."""
        if self.roll_deg is None or not self.is_corrected:
            return np.zeros(len(self.keypoints.time_s))
        return self.roll_deg


def undo_camera_roll(
    keypoints: Keypoints, camera: CameraTrack, video_time_s: NDArray[np.float64]
) -> SteadyKeypoints:
    """Turn the points back by the camera's roll since the start.

    Parameters
    ----------
    keypoints : Keypoints
    camera : CameraTrack
        On the video's own clock.
    video_time_s : array, shape (time,)
        The same clock for each frame.

    Notes
    -----
    Only roll is undone: it alone turns the vertical. A constant tilt of the phone can't be seen
    and stays in the mean lean, but not in a change of it.
    """
    known = np.isfinite(camera.roll_deg)
    if len(known) < 2 or known.mean() < MIN_KNOWN_SHARE:
        return SteadyKeypoints(keypoints, None, False, _moves(camera))
    smooth = median_filter(camera.roll_deg[known], SMOOTHING_SAMPLES, mode="nearest")
    roll = np.interp(video_time_s, camera.time_s[known], smooth)
    moves = _moves(camera)
    if np.abs(smooth).max() < ROLL_WORTH_UNDOING_DEG:
        return SteadyKeypoints(keypoints, roll, False, moves)
    centre = np.array(camera.centre_px)
    angle = np.radians(roll)[:, None]
    x, y = np.moveaxis(keypoints.position - centre, 2, 0)
    turned = np.stack(
        [x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)], axis=2
    )
    return SteadyKeypoints(keypoints.with_position(turned + centre), roll, True, moves)


def _moves(camera: CameraTrack) -> bool:
    travel = np.abs(camera.shift_px[np.isfinite(camera.shift_px).all(axis=1)])
    if not len(travel):
        return False
    return bool(
        (travel.max(axis=0) > TRAVEL_OF_FIXED_CAMERA * 2 * np.array(camera.centre_px)).any()
    )
