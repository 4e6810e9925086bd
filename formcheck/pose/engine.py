"""What a pose engine is."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from formcheck.video.frame import Frame


@dataclass(frozen=True)
class Mask:
    """Which pixels belong to a person, in a grid that may lie turned and scaled in the frame.

    Attributes
    ----------
    probability : array, shape (height, width), float32
    to_mask : array, shape (2, 3)
        From pixels of `frame.rgb` to those of the grid, in continuous coordinates.
    """

    probability: NDArray[np.float32]
    to_mask: NDArray[np.float64]


@dataclass(frozen=True)
class FramePoses:
    """Everybody an engine saw in one frame.

    Attributes
    ----------
    frame : Frame
        The picture the poses belong to.
    position : array, shape (person, keypoint, 2)
        x right and y down, in pixels of `frame.rgb`. May lie outside the picture.
    confidence : array, shape (person, keypoint)
        0 to 1: how likely the point is where the engine puts it, and visible.
    masks : list of Mask, or None
        One for each person; None on frames for which no mask was computed.
    """

    frame: Frame
    position: NDArray[np.float64]
    confidence: NDArray[np.float64]
    masks: list[Mask] | None = None


class PoseEngine(Protocol):
    """Frames and their times in, keypoints and confidence out; nothing else knows the engine."""

    name: str
    model: str
    device: str
    precision: str  # in which its network computes
    note: str | None  # a line for the user, such as a fall-back to the CPU
    threads: int  # how many may call `track` at once, each with frames of its own
    splits: bool  # whether parts of a video may be tracked apart: nothing is smoothed over time
    whole_pictures: bool  # whether it asks for `Frame.rgb` of every frame

    def track(self, frames: Iterable[Frame]) -> Generator[FramePoses]:
        """Yield the poses of each frame, in order, one output for each input.

        Closing the generator ends the engine's work and gives back what it holds.
        """
        ...
