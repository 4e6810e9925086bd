"""The landmark network on OpenVINO: a quarter faster on x86 processors than on ONNX Runtime.

In bfloat16 twice as fast as that, on processors that are made for it. Detector and masks stay as
they are: they run seldom.
"""

import copy
import sys
import threading
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from formcheck.pose.networks import (
    CROP_SIDE_PX,
    FEATURES,
    OnnxNetworks,
    Pictures,
    Read,
)
from formcheck.system import count_cores

ANSWERS = ("landmarks", "presence", "heatmap")


def _import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    It reports to its maker as it is imported, and keeps an identifier in the user's home, if the
    package for that can be imported; it does without.
    """
    sys.modules.setdefault("openvino_telemetry", cast(Any, None))
    import openvino

    return openvino


HINTS = {"float32": "f32", "bfloat16": "bf16"}
SETTINGS = {"PERFORMANCE_HINT": "THROUGHPUT", "ENABLE_CPU_PINNING": False}


class OpenVinoNetworks(OnnxNetworks):
    """The networks on the CPU, the landmark network run by OpenVINO.

    Parameters
    ----------
    model : {'lite', 'full', 'heavy'}
    precision : {'float32', 'bfloat16'}

    Notes
    -----
    In bfloat16, numbers are rounded to 8 bits of mantissa, and points scatter more; what that does
    to the figures, `benchmarks/accuracy.py --precision reduced` prints.

    Raises
    ------
    ModelError
        As `OnnxNetworks`, or OpenVINO can't run here.
    """

    def __init__(self, model: str, precision: str) -> None:
        _import_openvino()
        self.precision = precision
        self._of_thread = threading.local()
        super().__init__(model, "cpu")

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        """See `PoseNetworks.read`."""
        if len(crops) == 1:
            return self._read_one(crops, for_masks)
        each = [
            copy.deepcopy(self._read_one(crops[i : i + 1], for_masks)) for i in range(len(crops))
        ]
        return Read(
            np.concatenate([read.landmarks for read in each]),
            np.concatenate([read.presence for read in each]),
            np.concatenate([read.heatmap for read in each]),
            [np.concatenate(maps) for maps in zip(*(read.features for read in each), strict=True)],
        )

    def _read_one(self, crop: Pictures, for_masks: bool) -> Read:
        """Read one crop, in arrays that the next call writes over."""
        openvino = _import_openvino()
        request = self._request()
        request.set_tensor("image", openvino.Tensor(crop, shared_memory=True))
        request.start_async()  # not `infer`, which copies every answer, features too
        request.wait()
        landmarks, presence, heatmap = (request.get_tensor(name).data for name in ANSWERS)
        features = [
            request.get_tensor(name).data.transpose(0, 3, 1, 2)
            for name in (FEATURES if for_masks else ())
        ]
        return Read(landmarks.reshape(1, -1, 5), presence[:, 0], heatmap, features)

    def _request(self) -> Any:
        """Return what this thread asks by: it can't be shared."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._compiled.create_infer_request()
        return self._of_thread.request

    def _open_landmarks(self) -> None:
        openvino = _import_openvino()
        core, cores = openvino.Core(), count_cores()
        network = core.read_model(self._paths["landmarks"])
        network.reshape([1, CROP_SIDE_PX, CROP_SIDE_PX, 3])
        # Features are handed out with their channels last, as OpenVINO holds them: to turn them
        # round costs a seventh of the whole. One network for both kinds of question, though it
        # makes features that nobody asked for: two would push each other out of the cache.
        layouts = openvino.preprocess.PrePostProcessor(network)
        for name in FEATURES:
            layouts.output(name).model().set_layout(openvino.Layout("NCHW"))
            layouts.output(name).tensor().set_layout(openvino.Layout("NHWC"))
        settings = SETTINGS | {
            "INFERENCE_PRECISION_HINT": HINTS[self.precision],
            "NUM_STREAMS": cores,
            "INFERENCE_NUM_THREADS": cores,
        }
        self._compiled = core.compile_model(layouts.build(), "CPU", settings)
        blank: NDArray[np.uint8] = np.zeros((1, CROP_SIDE_PX, CROP_SIDE_PX, 3), np.uint8)
        self.read(blank)
