"""Threads that ask at once are answered in batches, each with its own part."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from formcheck.pose.batching import BatchedNetworks
from formcheck.pose.networks import Read


class Echo:
    """Networks that answer with the level of each crop."""

    def __init__(self):
        self.sizes = []

    def read(self, crops, *, for_masks=False):
        self.sizes.append(len(crops))
        level = crops[:, 0, 0, 0].astype(np.float32)
        if (level == 255).any():
            raise RuntimeError("the device is gone")
        features = [level[:, None], 2 * level[:, None]] if for_masks else []
        landmarks = np.broadcast_to(level[:, None, None], (len(crops), 39, 5))
        return Read(landmarks, level, level[:, None, None, None], features)


def crops_of(*levels):
    return np.stack([np.full((4, 4, 3), level, np.uint8) for level in levels])


def test_each_thread_gets_its_own_part():
    echo = Echo()
    networks = BatchedNetworks(echo, most=8)
    start = threading.Barrier(16)

    def ask(level):
        start.wait()
        return networks.read(crops_of(level, level + 100), for_masks=level % 2 == 0)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    networks.close()
    for level, answer in enumerate(answers):
        assert answer.presence.tolist() == [level, level + 100]
        assert answer.landmarks[:, 0, 0].tolist() == [level, level + 100]
        assert answer.heatmap[:, 0, 0, 0].tolist() == [level, level + 100]
        assert len(answer.features) == (2 if level % 2 == 0 else 0)
        if answer.features:
            assert answer.features[1][:, 0].tolist() == [2 * level, 2 * (level + 100)]
    assert sum(echo.sizes) == 32
    assert max(echo.sizes) <= 8
    assert len(echo.sizes) < 16


def test_one_who_asks_alone_is_not_kept_waiting_for_others():
    networks = BatchedNetworks(Echo(), most=1000)
    assert networks.read(crops_of(7)).presence.tolist() == [7]
    networks.close()


def test_what_the_device_raises_reaches_who_asked_and_the_next_is_answered():
    networks = BatchedNetworks(Echo(), most=8)
    with pytest.raises(RuntimeError, match="the device is gone"):
        networks.read(crops_of(255))
    assert networks.read(crops_of(1)).presence.tolist() == [1]
    networks.close()


def test_closing_ends_the_thread():
    before = threading.active_count()
    networks = BatchedNetworks(Echo(), most=8)
    assert threading.active_count() == before + 1
    networks.close()
    assert threading.active_count() == before


def test_an_answer_that_can_not_be_handed_out_fails_for_who_asked_and_the_next_is_answered():
    class Broken(Echo):
        def read(self, crops, *, for_masks=False):
            whole = super().read(crops, for_masks=for_masks)
            return None if crops[0, 0, 0, 0] == 1 else whole

    networks = BatchedNetworks(Broken(), most=1)
    with pytest.raises(AttributeError):
        networks.read(crops_of(1))
    assert networks.read(crops_of(2)).presence.tolist() == [2]
    networks.close()


def test_who_asks_after_the_end_is_refused():
    networks = BatchedNetworks(Echo(), most=1)
    networks.close()
    with pytest.raises(RuntimeError, match="closed"):
        networks.read(crops_of(1))
