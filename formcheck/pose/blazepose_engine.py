"""MediaPipe's detector and landmark networks, run by ONNX Runtime, as a pose engine.

No smoothing: the clip is filtered as a whole later, without lag. No MediaPipe is imported.
"""

import platform
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from formcheck.errors import ModelError
from formcheck.keypoints import KEYPOINTS
from formcheck.pose.batching import BatchedNetworks
from formcheck.pose.detector import SIDE_PX, find_regions, letterbox
from formcheck.pose.engine import FramePoses, Mask
from formcheck.pose.heatmap import refine_landmarks
from formcheck.pose.networks import (
    CROP_SIDE_PX,
    OnnxNetworks,
    PoseNetworks,
    Read,
    choose_device,
    cut_features,
)
from formcheck.pose.region import Region, apply, invert, region_around
from formcheck.pose.silhouette import find_part
from formcheck.system import choose_batch, count_cores
from formcheck.video.frame import Frame

CENTRE, RIM = 33, 34  # auxiliary landmarks: middle of the hips, and the rim of the body's circle
VISIBLE = 3  # column of the landmarks
MIN_PRESENCE = 0.5
LOOK_AGAIN_S = 0.5  # how often further people are looked for while one is followed
MEASURED_ON = ("x86_64", "amd64")  # processors on which OpenVINO was found to be the faster
GOLDEN_RATIO = (1 + 5**0.5) / 2


class BlazePoseEngine:
    """Track people with MediaPipe's networks on ONNX Runtime.

    Parameters
    ----------
    model : {'lite', 'full', 'heavy'}
        The landmark network.
    device : {'auto', 'cpu', 'cuda', 'coreml', 'directml'}
    precision : {'full', 'reduced'}
        'reduced' runs the landmark network in bfloat16 on OpenVINO: twice as fast on processors
        that are made for it, and slow on others.
    people : int
        At most how many people are looked for.
    masks : bool
        Whether masks of the people are computed.
    mask_interval_s : float
        How often, on average; 0 = on every frame.
    networks : PoseNetworks, optional
        Use these instead of opening the model's.

    Notes
    -----
    `track` may run in several threads at once, each with its own frames.

    Raises
    ------
    ModelError
        As `OnnxNetworks`.
    """

    name = "blazepose"
    splits = True
    whole_pictures = False

    def __init__(
        self,
        model: str = "full",
        device: str = "auto",
        precision: str = "full",
        *,
        people: int = 1,
        masks: bool = False,
        mask_interval_s: float = 0.0,
        networks: PoseNetworks | None = None,
    ) -> None:
        self.model = model
        opened = (
            _Opened(networks, "given") if networks else _open_networks(model, device, precision)
        )
        self.device, self.note, self.threads = opened.device, opened.note, opened.threads
        self.precision = opened.precision
        self._networks = opened.networks
        self._people = people
        self._masks, self._mask_interval_s = masks, mask_interval_s

    def track(self, frames: Iterable[Frame]) -> Generator[FramePoses]:
        """Yield the poses of each frame; see `PoseEngine.track`."""
        regions: list[Region] = []
        looked_s = previous_s = -np.inf
        for frame in frames:
            if not regions or (
                len(regions) < self._people and frame.time_s - looked_s >= LOOK_AGAIN_S
            ):
                looked_s = frame.time_s
                regions = self._add_newcomers(frame, regions)
            wants_masks = self._masks and (
                self._masks_due(frame.time_s) > self._masks_due(previous_s)
            )
            previous_s = frame.time_s
            poses, regions = self._read(frame, regions, wants_masks)
            yield poses

    def _add_newcomers(self, frame: Frame, known: list[Region]) -> list[Region]:
        to_picture = letterbox(*frame.size)
        square = frame.crop(to_picture, SIDE_PX, SIDE_PX)
        boxes, scores = self._networks.detect(square[None])
        regions = list(known)
        newcomers = find_regions(boxes[0], scores[0], to_picture)
        # the largest first: passers-by at the back may be surer
        for found in sorted(newcomers, key=lambda region: -region.size):
            if not any(found.overlaps(region) for region in regions):
                regions.append(found)
        return regions

    def _masks_due(self, until_s: float) -> float:
        """Return how many masks are due until a time.

        One in each interval of the clock, early in one and late in another (by multiples of the
        golden ratio), so that no runner's strides fall into step with them.
        """
        if not self._mask_interval_s or not np.isfinite(until_s):
            return until_s
        whole, part = divmod(until_s / self._mask_interval_s, 1.0)
        return whole + (part >= whole * GOLDEN_RATIO % 1.0)

    def _draw_mask(
        self, read: Read, crop: int, places: NDArray[np.float64], to_frame: NDArray[np.float64]
    ) -> Mask:
        """Draw the mask of one body, where its outline will be asked for."""
        parts, (x, y) = cut_features(read.features, crop, *find_part(places))
        (probability,) = self._networks.draw_masks(parts)
        to_mask = invert(to_frame)
        to_mask[:, 2] -= x, y
        return Mask(probability, to_mask)

    def _read(
        self, frame: Frame, regions: list[Region], wants_masks: bool
    ) -> tuple[FramePoses, list[Region]]:
        """Read the bodies in their regions; return also where they will be looked for next."""
        if not regions:
            return _to_frame_poses(frame, np.zeros((0, len(KEYPOINTS), 3)), None), []
        matrices = [region.to_picture(CROP_SIDE_PX) for region in regions]
        crops = np.stack([frame.crop(m, CROP_SIDE_PX, CROP_SIDE_PX) for m in matrices])
        read = self._networks.read(crops, for_masks=wants_masks)
        places = refine_landmarks(read.landmarks[..., :2], read.heatmap, CROP_SIDE_PX)
        people: list[NDArray[np.float64]] = []
        following: list[Region] = []
        masks: list[Mask] = []
        there = np.flatnonzero(read.presence >= MIN_PRESENCE)
        for i in there.tolist():
            if len(following) == self._people:
                break
            points = apply(matrices[i], places[i])
            region = region_around(points[CENTRE], points[RIM])
            if any(region.overlaps(other) for other in following):
                continue  # two regions have slid onto one body
            following.append(region)
            visible = 1 / (1 + np.exp(-read.landmarks[i, :, VISIBLE].astype(np.float64)))
            people.append(np.column_stack([points, visible])[: len(KEYPOINTS)])
            if wants_masks:
                masks.append(self._draw_mask(read, i, places[i], matrices[i]))
        points_of_people = np.array(people).reshape(-1, len(KEYPOINTS), 3)
        return (
            _to_frame_poses(frame, points_of_people, masks if wants_masks else None),
            following,
        )


@dataclass(frozen=True)
class _Opened:
    networks: PoseNetworks
    device: str
    precision: str = "float32"
    note: str | None = None
    threads: int = field(default_factory=count_cores)


@lru_cache(maxsize=2)
def _open_networks(model: str, device: str, precision: str) -> _Opened:
    """Open the networks once for all engines of this process: it takes a quarter of a second."""
    best, note = choose_device(device)
    if best != "cpu":
        networks = OnnxNetworks(model, best)
        if networks.device != "cpu":
            if precision == "reduced":
                note = f"reduced precision is for the CPU; running in full on {networks.device}"
            batch = choose_batch()
            batched = BatchedNetworks(networks, batch)
            return _Opened(batched, networks.device, networks.precision, note, batch)
        note = networks.note
    faster, why_not = _open_faster(model, "bfloat16" if precision == "reduced" else "float32")
    if faster is not None:
        # OpenVINO computes in threads of its own: while they do, others of ours prepare
        return _Opened(faster, "cpu", faster.precision, note, threads=2 * count_cores())
    if precision == "reduced":
        note = note or f"reduced precision {why_not}; running in full"
    return _Opened(OnnxNetworks(model, "cpu"), "cpu", OnnxNetworks.precision, note)


def _open_faster(model: str, precision: str) -> tuple[OnnxNetworks | None, str]:
    """Open the networks on OpenVINO, where that is faster, or say why not."""
    if precision == "float32" and platform.machine().lower() not in MEASURED_ON:
        return None, "is not known to be faster here"
    try:
        from formcheck.pose.openvino_networks import OpenVinoNetworks

        return OpenVinoNetworks(model, precision), ""
    except ImportError:
        return None, "needs OpenVINO (pip install 'formcheck[fast]')"
    except ModelError as error:
        return None, f"doesn't run here ({error})"


def _to_frame_poses(
    frame: Frame, people: NDArray[np.float64], masks: list[Mask] | None
) -> FramePoses:
    return FramePoses(frame, people[..., :2], people[..., 2], masks)
