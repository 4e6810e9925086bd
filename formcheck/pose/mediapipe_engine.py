"""MediaPipe's pose landmarker (the Tasks API, VIDEO mode) as a pose engine."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import KEYPOINTS
from formcheck.models import model_path
from formcheck.pose.engine import FramePoses
from formcheck.system import require_system_libraries
from formcheck.video.reader import Frame

# MediaPipe contacts a host of its maker when a task is created, and offers no switch. It honours
# the proxy variables, so a closed port of this machine keeps everything here.
CLOSED_LOOPBACK_PORT = "http://127.0.0.1:9"
NO_WAY_OUT = {
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), CLOSED_LOOPBACK_PORT),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
}


class MediaPipeEngine:
    """Track people with MediaPipe.

    Parameters
    ----------
    model : {'lite', 'full', 'heavy'}
        The landmark network.
    device : {'cpu', 'gpu'}
        'gpu' asks for MediaPipe's GPU delegate and falls back to the CPU, noted in `note`.
    people : int
        At most how many people are looked for; more than one costs time.
    masks : bool
        Whether masks of the people are computed.

    Raises
    ------
    ModelError, SystemLibraryError
        The model's file or a system library is missing; the line says what to do.
    """

    name = "mediapipe"

    def __init__(
        self, model: str = "full", device: str = "cpu", *, people: int = 1, masks: bool = False
    ) -> None:
        require_system_libraries()
        self.model = model
        self.device = device
        self.note: str | None = None
        self._people = people
        self._masks = masks
        self._bundle = model_path(model).read_bytes()

    def track(self, frames: Iterable[Frame]) -> Iterator[FramePoses]:
        """Yield the poses of each frame; see `PoseEngine.track`."""
        import mediapipe as mp

        with _nothing_leaves_this_machine(), self._create_landmarker() as landmarker:
            previous_ms = -1
            for frame in frames:
                time_ms = max(round(frame.time_s * 1000), previous_ms + 1)
                previous_ms = time_ms
                image = mp.Image(image_format=mp.ImageFormat.SRGB, data=frame.rgb)
                found = landmarker.detect_for_video(image, time_ms)
                yield _to_frame_poses(frame, found)

    def _create_landmarker(self) -> Any:
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        def create(delegate: BaseOptions.Delegate) -> Any:
            return vision.PoseLandmarker.create_from_options(
                vision.PoseLandmarkerOptions(
                    base_options=BaseOptions(model_asset_buffer=self._bundle, delegate=delegate),
                    running_mode=vision.RunningMode.VIDEO,
                    num_poses=self._people,
                    output_segmentation_masks=self._masks,
                )
            )

        if self.device == "gpu":
            try:
                return create(BaseOptions.Delegate.GPU)
            except (RuntimeError, ValueError, NotImplementedError):
                self.device = "cpu"
                self.note = "no GPU that MediaPipe can use was found; running on the CPU"
        return create(BaseOptions.Delegate.CPU)


def _to_frame_poses(frame: Frame, found: Any) -> FramePoses:
    height, width = frame.rgb.shape[:2]
    people = found.pose_landmarks
    points = np.array(
        [[(p.x * width, p.y * height, p.visibility) for p in person] for person in people],
        dtype=np.float64,
    ).reshape(len(people), len(KEYPOINTS), 3)
    masks: list[NDArray[np.float32]] | None = None
    if found.segmentation_masks:
        masks = [np.squeeze(mask.numpy_view()).copy() for mask in found.segmentation_masks]
    return FramePoses(frame, points[..., :2], points[..., 2], masks)


@contextmanager
def _nothing_leaves_this_machine() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in NO_WAY_OUT}
    os.environ.update(NO_WAY_OUT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
