"""What the blazepose engine asks for, call by call, to be done again part by part."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from formcheck.errors import NoRunnerError
from formcheck.pose.blazepose_engine import BlazePoseEngine
from formcheck.pose.networks import Pictures, PoseNetworks, Read
from formcheck.pose.silhouette import measure_profile
from formcheck.video.frame import Frame, Matrix

Jobs = list[Callable[[], object]]


@dataclass(frozen=True)
class Replay:
    """All crops that were asked for, all runs of the landmark network, and all of the outlines."""

    crops: Jobs = field(default_factory=list)
    reads: Jobs = field(default_factory=list)
    outlines: Jobs = field(default_factory=list)


def watch_engine(
    networks: PoseNetworks, model: str, frames: Sequence[Frame], mask_interval_s: float
) -> Replay:
    """Let the engine follow one person through the frames, and keep what it asks for.

    Raises
    ------
    NoRunnerError
        Nobody is seen, so the stages would have nothing to do.
    """
    replay = Replay()
    engine = BlazePoseEngine(
        model,
        masks=True,
        mask_interval_s=mask_interval_s,
        networks=_WatchedNetworks(networks, replay),
    )
    for seen in engine.track(_WatchedFrame(frame, replay) for frame in frames):
        for mask, position in zip(seen.masks or [], seen.position, strict=False):
            replay.outlines.append(partial(measure_profile, mask, position))
    if not replay.outlines:
        raise NoRunnerError(
            f"nobody is to be seen in the first {len(frames)} frames; name the video of a run"
        )
    return replay


class _WatchedFrame(Frame):
    def __init__(self, frame: Frame, replay: Replay) -> None:
        vars(self).update(vars(frame))
        self._plain, self._replay = frame, replay

    def crop(self, to_frame: Matrix, width: int, height: int) -> NDArray[np.uint8]:
        self._replay.crops.append(partial(_crop_anew, self._plain, to_frame, width, height))
        return super().crop(to_frame, width, height)


def _crop_anew(frame: Frame, to_frame: Matrix, width: int, height: int) -> None:
    """Crop a picture of which nothing has been made yet, and keep nothing of it."""
    copy.copy(frame).crop(to_frame, width, height)


class _WatchedNetworks:
    def __init__(self, networks: PoseNetworks, replay: Replay) -> None:
        self.detect = networks.detect
        self._networks, self._replay = networks, replay

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        again = partial(self._networks.read, crops, for_masks=for_masks)
        self._replay.reads.append(again)
        return again()

    def draw_masks(self, features: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        again = partial(self._networks.draw_masks, features)
        self._replay.outlines.append(again)
        return again()
