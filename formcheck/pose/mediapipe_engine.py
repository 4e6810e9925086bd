"""MediaPipe's pose landmarker (the Tasks API, VIDEO mode) as a pose engine."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from formcheck.keypoints import KEYPOINTS
from formcheck.models import model_path
from formcheck.pose.engine import FramePoses, Mask
from formcheck.system import require_system_libraries
from formcheck.video.frame import Frame

# MediaPipe contacts a host of its maker when a task is created, and offers no switch. It honours
# the proxy variables, so a closed port of this machine keeps everything here. It tries once, at
# creation, and not again later or at the end of the process (watched with strace).
CLOSED_LOOPBACK_PORT = "http://127.0.0.1:9"
NO_WAY_OUT = {
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), CLOSED_LOOPBACK_PORT),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
}


AS_IT_IS = np.eye(2, 3)  # its masks have the frame's size
GPU_TRIAL = "from formcheck.pose.mediapipe_engine import try_gpu; try_gpu({model!r})"
GPU_TRIAL_S = 60.0


class MediaPipeEngine:
    """Track people with MediaPipe.

    Parameters
    ----------
    model : {'lite', 'full', 'heavy'}
        The landmark network.
    device : str
        'auto' and 'cpu' are the CPU; anything else asks for MediaPipe's GPU delegate and falls back
        to the CPU, noted in `note`.
    people : int
        At most how many people are looked for; more than one costs time.
    masks : bool
        Whether masks of the people are computed.

    Notes
    -----
    While frames are tracked, the proxy variables of this process (`NO_WAY_OUT`) point at a closed
    port of this machine, because MediaPipe would else contact its maker; other code in the
    process that opens connections meanwhile through a proxy, or in spite of one, sees that too.
    They are as before once `track` has ended or its generator is closed. Track in one thread at a
    time: the environment belongs to the whole process.

    Raises
    ------
    ModelError, SystemLibraryError
        The model's file or a system library is missing; the line says what to do.
    """

    name = "mediapipe"
    threads = 1
    splits = False
    whole_pictures = True
    precision = "float32"

    def __init__(
        self, model: str = "full", device: str = "cpu", *, people: int = 1, masks: bool = False
    ) -> None:
        require_system_libraries()
        self.model = model
        self._wants_gpu = device not in ("auto", "cpu")
        self.device = "gpu" if self._wants_gpu else "cpu"
        self.note: str | None = None
        self._people = people
        self._masks = masks
        self._bundle = model_path(model).read_bytes()

    def track(self, frames: Iterable[Frame]) -> Generator[FramePoses]:
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
        if self._wants_gpu:
            if _gpu_works(self.model):
                return self._create_on("GPU")
            self.device = "cpu"
            self.note = "no GPU that MediaPipe can use was found; running on the CPU"
        return self._create_on("CPU")

    def _create_on(self, delegate: str) -> Any:
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        return vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(
                    model_asset_buffer=self._bundle, delegate=BaseOptions.Delegate[delegate]
                ),
                running_mode=vision.RunningMode.VIDEO,
                num_poses=self._people,
                output_segmentation_masks=self._masks,
            )
        )


def try_gpu(model: str) -> None:
    """Track one picture on the GPU; raises, or ends the process, where that can't be done."""
    import mediapipe as mp

    engine = MediaPipeEngine(model, masks=True)
    grey = np.full((256, 256, 3), 128, dtype=np.uint8)
    with _nothing_leaves_this_machine(), engine._create_on("GPU") as landmarker:
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=grey)
        landmarker.detect_for_video(image, 0)


def _gpu_works(model: str) -> bool:
    """Try the GPU in a process of its own: a driver that fails may end the process it runs in."""
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-c", GPU_TRIAL.format(model=model)],
            capture_output=True,
            timeout=GPU_TRIAL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return trial.returncode == 0


def _to_frame_poses(frame: Frame, found: Any) -> FramePoses:
    height, width = frame.rgb.shape[:2]
    people = found.pose_landmarks
    points = np.array(
        [[(p.x * width, p.y * height, p.visibility) for p in person] for person in people],
        dtype=np.float64,
    ).reshape(len(people), len(KEYPOINTS), 3)
    masks: list[Mask] | None = None
    if found.segmentation_masks:
        masks = [
            Mask(np.squeeze(mask.numpy_view()).copy(), AS_IT_IS)
            for mask in found.segmentation_masks
        ]
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
