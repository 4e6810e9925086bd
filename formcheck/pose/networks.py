"""MediaPipe's networks on ONNX Runtime: pictures in, plain numbers out, on any of its devices."""

import os
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from formcheck.errors import ModelError
from formcheck.models import network_path

# From version 1.29 on, ONNX Runtime reports to its maker and keeps an identifier in the user's
# cache; pyproject.toml asks for an older one, and this closes that way in newer ones.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

CROP_SIDE_PX = 256
FEATURES = ("feature_0", "feature_1")  # of the landmark network: what a mask is made from
# What the user may ask for -> ONNX Runtime's names of it.
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
BEST_FIRST = ("cuda", "cpu")  # for 'auto': the others are there to be asked for

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Read:
    """What the landmark network reads in crops.

    Attributes
    ----------
    landmarks : array, shape (crop, 39, 5)
        x and y in pixels of the crop, depth, and logits of being visible and of being there.
    presence : array, shape (crop,)
        Probability that a body is in the crop.
    heatmap : array, shape (crop, 64, 64, 39)
        Logits of each landmark's place.
    features : list of array
        What `PoseNetworks.draw_masks` needs, first axis: crop; empty if not asked for.
    """

    landmarks: NDArray[np.float32]
    presence: NDArray[np.float32]
    heatmap: NDArray[np.float32]
    features: list[NDArray[np.float32]]


class PoseNetworks(Protocol):
    """Detector, landmark network and mask branch; safe to call from several threads."""

    def detect(self, squares: Pictures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes, shape (square, 2254, 12), and scores, shape (square, 2254)."""
        ...

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        """Landmarks in crops, shape (crop, 256, 256, 3); good until the same thread asks again."""
        ...

    def draw_masks(self, features: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probability that a pixel belongs to the person, shape (crop, 256, 256).

        Or as much of it as the part of the features that is given: see `cut_features`.
        """
        ...


CELL_PX = 4  # of the crop: the smallest part of the features
MARGIN_CELLS = 4  # the mask's network sees so far, and sees its edge within it (measured: 16 px)


def cut_features(
    features: list[NDArray[np.float32]],
    crop: int,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[list[NDArray[np.float32]], tuple[int, int]]:
    """Cut out what the mask of a part of one crop is made from: a quarter costs a quarter.

    Parameters
    ----------
    features : list of array
    crop : int
        Which of the crops.
    low, high : array, shape (2,)
        Corners of the part, pixels of the crop.

    Returns
    -------
    list of array
        Contiguous, first axis of length 1; with the margin that the network needs.
    (int, int)
        Where the mask begins in the crop: x and y, pixels.
    """
    cells = CROP_SIDE_PX // CELL_PX
    first = np.clip(np.floor(low / CELL_PX).astype(int) - MARGIN_CELLS, 0, cells - 1)
    last = np.clip(np.ceil(high / CELL_PX).astype(int) + MARGIN_CELLS, first + 1, cells)
    parts = []
    for feature in features:
        scale = feature.shape[-1] // cells
        (x0, y0), (x1, y1) = first * scale, last * scale
        parts.append(np.ascontiguousarray(feature[crop : crop + 1, :, y0:y1, x0:x1]))
    return parts, (int(first[0]) * CELL_PX, int(first[1]) * CELL_PX)


class OnnxNetworks:
    """The networks on one device of ONNX Runtime.

    Parameters
    ----------
    model : {'lite', 'full', 'heavy'}
    device : {'auto', 'cpu', 'cuda', 'coreml', 'directml'}
        'auto' takes the best that really runs; a device that doesn't falls back to the CPU with a
        line in `note`.

    Attributes
    ----------
    device : str
        Where they run.
    precision : str
        In which the landmark network computes.
    note : str or None

    Raises
    ------
    ModelError
        A file is missing or damaged, or ONNX Runtime can't read it.
    """

    precision = "float32"

    def __init__(self, model: str, device: str = "auto") -> None:
        self._paths = {
            "detector": network_path("detector"),
            "landmarks": network_path("landmarks", model),
            "mask": network_path("mask", model),
        }
        self.device, self.note = choose_device(device)
        if self.device != "cpu" and not self._runs():
            self.device, self.note = "cpu", _fall_back_text(self.device)
        if self.device == "cpu":
            try:
                self._open()
            except Exception as error:
                raise ModelError(
                    f"the pose networks don't run here ({error}); install formcheck again"
                ) from error

    def detect(self, squares: Pictures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `PoseNetworks.detect`."""
        boxes, scores = self._detector.run(["boxes", "scores"], {"image": squares})
        return boxes, scores

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        """See `PoseNetworks.read`."""
        wanted = ["landmarks", "presence", "heatmap", *(FEATURES if for_masks else ())]
        landmarks, presence, heatmap, *features = self._landmarks.run(wanted, {"image": crops})
        return Read(landmarks.reshape(len(crops), -1, 5), presence[:, 0], heatmap, features)

    def draw_masks(self, features: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """See `PoseNetworks.draw_masks`."""
        (masks,) = self._mask.run(["mask"], dict(zip(FEATURES, features, strict=True)))
        return np.asarray(masks)

    def _runs(self) -> bool:
        """Open on a device that may fail, and try it.

        Where a library of the device is missing, ONNX Runtime takes the CPU without a word.
        """
        try:
            self._open()
            self.read(np.zeros((1, CROP_SIDE_PX, CROP_SIDE_PX, 3), np.uint8))
        except Exception:
            return False
        return PROVIDERS[self.device] in self._landmarks.get_providers()

    def _open(self) -> None:
        self._detector = _open_session(self._paths["detector"], self.device)
        self._mask = _open_session(self._paths["mask"], self.device, in_blocks=False)
        self._open_landmarks()

    def _open_landmarks(self) -> None:
        self._landmarks = _open_session(self._paths["landmarks"], self.device)


def _open_session(path: os.PathLike[str], device: str, *, in_blocks: bool = True) -> Any:
    """Open a network; `in_blocks` of sixteen channels, in which a CPU computes most of them faster.

    Not the mask's: it has eight channels, and takes a fifth less time without (measured).
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # it logs to standard error, unasked
    # Each thread that tracks runs the networks by itself: two cores then do twice the work, where
    # one network on both does 1.6 times (measured, full model).
    settings.intra_op_num_threads = 1
    settings.inter_op_num_threads = 1
    if not in_blocks:
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        settings.graph_optimization_level = level
    providers = list(dict.fromkeys((PROVIDERS[device], PROVIDERS["cpu"])))
    return onnxruntime.InferenceSession(os.fspath(path), settings, providers=providers)


def choose_device(asked: str) -> tuple[str, str | None]:
    """Return the best device that ONNX Runtime knows, or the one asked for; else the CPU, and why.

    Whether it really runs shows when it is opened.
    """
    import onnxruntime

    here = onnxruntime.get_available_providers()
    if asked == "auto":
        return next(device for device in BEST_FIRST if PROVIDERS[device] in here), None
    if PROVIDERS[asked] not in here:
        return "cpu", _fall_back_text(asked)
    return asked, None


def _fall_back_text(device: str) -> str:
    return (
        f"no {device} device that ONNX Runtime can use was found; running on the CPU "
        "(for NVIDIA cards: pip install 'formcheck[gpu]')"
    )
