"""The landmark network in bfloat16 on OpenVINO: twice as fast on processors that are made for it.

Detector and masks stay as they are: they run seldom.
"""

import threading
from typing import Any

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
SETTINGS = {
    "INFERENCE_PRECISION_HINT": "bf16",
    "PERFORMANCE_HINT": "THROUGHPUT",
    "ENABLE_CPU_PINNING": False,
}


class OpenVinoNetworks(OnnxNetworks):
    """The networks on the CPU, the landmark network rounded to 8 bits of mantissa.

    Parameters
    ----------
    model : {'lite', 'full', 'heavy'}

    Notes
    -----
    On rendered runners the lean of a frame scatters by 0.3 degrees more than in full precision, and
    the mean of a stride by less than 0.1 (benchmarks/accuracy.py).

    Raises
    ------
    ModelError
        As `OnnxNetworks`, or OpenVINO can't run here.
    """

    precision = "bfloat16"

    def __init__(self, model: str) -> None:
        self._of_thread = threading.local()
        super().__init__(model, "cpu")

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        """See `PoseNetworks.read`."""
        requests = self._requests()
        network = requests["for_masks" if for_masks else "plain"]
        each = []
        for i in range(len(crops)):
            answer = network.infer({"image": crops[i : i + 1]})
            names = (*ANSWERS, *(FEATURES if for_masks else ()))
            each.append([np.array(answer[name]) for name in names])
        landmarks, presence, heatmap, *features = (
            np.concatenate(parts) for parts in zip(*each, strict=True)
        )
        return Read(landmarks.reshape(len(crops), -1, 5), presence[:, 0], heatmap, features)

    def _requests(self) -> dict[str, Any]:
        """Return what this thread asks by: requests can't be shared."""
        if not hasattr(self._of_thread, "requests"):
            self._of_thread.requests = {
                name: compiled.create_infer_request() for name, compiled in self._compiled.items()
            }
        requests: dict[str, Any] = self._of_thread.requests
        return requests

    def _open_landmarks(self) -> None:
        import openvino

        core, cores = openvino.Core(), count_cores()
        settings = SETTINGS | {"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores}
        self._compiled = {}
        for name, outputs in (("plain", ANSWERS), ("for_masks", (*ANSWERS, *FEATURES))):
            network = core.read_model(self._paths["landmarks"])
            network.reshape([1, CROP_SIDE_PX, CROP_SIDE_PX, 3])
            asked = openvino.Model(
                [network.output(output) for output in outputs], network.get_parameters()
            )
            self._compiled[name] = core.compile_model(asked, "CPU", settings)
        blank: NDArray[np.uint8] = np.zeros((1, CROP_SIDE_PX, CROP_SIDE_PX, 3), np.uint8)
        self.read(blank)
