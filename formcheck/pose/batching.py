"""Several threads that track, one device: what they ask of the networks at once becomes a batch.

A GPU takes sixteen crops in hardly more time than one. Spans of a video that are watched side by
side keep in step by this: each waits for its answer, and the batch for those who are under way.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formcheck.pose.networks import Pictures, PoseNetworks, Read

GATHERING_S = 0.002  # without a newcomer for so long, the batch goes


class BatchedNetworks:
    """Networks that answer many threads in batches.

    Parameters
    ----------
    networks : PoseNetworks
        `read` is called from one thread only.
    most : int
        Crops in a batch at most; a single call with more goes by itself.

    Notes
    -----
    `close` ends the thread; calls that are under way are answered first. What the networks raise
    is raised in every thread whose crops were in the batch.
    """

    def __init__(self, networks: PoseNetworks, most: int) -> None:
        self._networks = networks
        self._most = most
        self._asked: queue.Queue[tuple[Pictures, bool, Future[Read]] | None] = queue.Queue()
        self._opening = threading.Lock()
        self._closed = False
        self._seldom = threading.Lock()  # detector and masks go one by one
        self._runner = threading.Thread(target=self._run, daemon=True)
        self._runner.start()

    def read(self, crops: Pictures, *, for_masks: bool = False) -> Read:
        """See `PoseNetworks.read`."""
        answer: Future[Read] = Future()
        with self._opening:
            if self._closed:
                raise RuntimeError("these networks are closed")
            self._asked.put((crops, for_masks, answer))
        return answer.result()

    def detect(self, squares: Pictures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `PoseNetworks.detect`."""
        with self._seldom:
            return self._networks.detect(squares)

    def draw_masks(self, features: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """See `PoseNetworks.draw_masks`."""
        with self._seldom:
            return self._networks.draw_masks(features)

    def close(self) -> None:
        """End the thread."""
        with self._opening:
            self._closed = True
            self._asked.put(None)
        self._runner.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._gather()
            if batch:
                _answer(batch, self._networks.read)

    def _gather(self) -> tuple[list[tuple[Pictures, bool, Future[Read]]], bool]:
        """Wait for somebody to ask, then for those who follow at once."""
        batch: list[tuple[Pictures, bool, Future[Read]]] = []
        wait_s: float | None = None
        while sum(len(crops) for crops, _, _ in batch) < self._most:
            try:
                asked = self._asked.get(timeout=wait_s)
            except queue.Empty:
                break
            if asked is None:
                return batch, False
            batch.append(asked)
            wait_s = GATHERING_S
        return batch, True


def _answer(batch: list[tuple[Pictures, bool, Future[Read]]], read: Callable[..., Read]) -> None:
    """Run a batch and give each thread its part."""
    try:
        whole = read(
            np.concatenate([crops for crops, _, _ in batch]),
            for_masks=any(for_masks for _, for_masks, _ in batch),
        )
        parts = []
        first = 0
        for crops, for_masks, _ in batch:
            part: Any = slice(first, first + len(crops))
            first += len(crops)
            features = [feature[part] for feature in whole.features] if for_masks else []
            parts.append(
                Read(whole.landmarks[part], whole.presence[part], whole.heatmap[part], features)
            )
    except BaseException as error:
        for _, _, answer in batch:
            answer.set_exception(error)
        return
    for (_, _, answer), its_own in zip(batch, parts, strict=True):
        answer.set_result(its_own)
