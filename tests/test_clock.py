"""An even clock over uneven frames."""

import numpy as np
import pytest

from formcheck.keypoints import KEYPOINTS, Keypoints
from formcheck.signals.cleaning import clean_keypoints
from formcheck.signals.clock import MOST_TICKS_A_FRAME, even_clock, even_step

FRAMES = 120
# most frames come a microsecond after the one before, and then nothing for almost two seconds
BURSTS_S = np.cumsum([1.9 if i % 3 == 0 else 1e-6 for i in range(FRAMES)])


def test_the_step_is_the_median_interval():
    uneven = np.cumsum(np.random.default_rng(0).choice([1 / 60, 1 / 30, 1 / 30, 1 / 15], FRAMES))
    assert even_step(uneven) == pytest.approx(1 / 30)
    clock, step = even_clock(uneven)
    assert step == even_step(uneven)
    assert (clock[0], clock[-1]) == (uneven[0], uneven[-1])
    assert np.diff(clock) == pytest.approx(step, rel=0.01)


def test_bursts_of_frames_take_no_more_ticks_than_others():
    clock, step = even_clock(BURSTS_S)
    assert len(clock) <= MOST_TICKS_A_FRAME * FRAMES + 1
    assert np.diff(clock) == pytest.approx(step)


def test_bursts_of_frames_are_cleaned_within_bounds():
    """With the median as the step, the clock would have 76 million ticks for each coordinate."""
    position = np.random.default_rng(0).normal(size=(FRAMES, len(KEYPOINTS), 2))
    raw = Keypoints(BURSTS_S, position, np.ones((FRAMES, len(KEYPOINTS))))
    assert clean_keypoints(raw).keypoints.position.shape == position.shape
