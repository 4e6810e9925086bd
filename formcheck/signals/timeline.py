"""A course watched in windows, told without the time between them.

Filters and rhythms want an even clock, and have nothing to say of the minutes in which nobody
looked: so each window is moved up to the one before, with a short gap between, and the strides that
are found are moved back to where they were.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import Keypoints
from formcheck.signals.strides import Strides

# Left between windows, and a pause this long in the frames is one between windows: longer than a
# stride, so that none reaches across.
GAP_S = 2.0


@dataclass(frozen=True)
class Timeline:
    """Windows of time, and how far each is moved.

    Attributes
    ----------
    start_s : array, shape (window,)
        Where each begins once moved.
    moved_s : array, shape (window,)
        What was taken from its times.
    """

    start_s: NDArray[np.float64]
    moved_s: NDArray[np.float64]

    @classmethod
    def of(cls, time_s: NDArray[np.float64]) -> "Timeline":
        """Find the windows in the times of the frames, shape (time,), real seconds."""
        step = np.diff(time_s)
        after = np.flatnonzero(step > GAP_S) + 1
        moved = np.concatenate([[0.0], np.cumsum(step[after - 1] - GAP_S)])
        first = time_s[np.concatenate([[0], after])] if len(time_s) else np.zeros(1)
        return cls(first - moved, moved)

    def close_up(self, keypoints: Keypoints) -> Keypoints:
        """Return the course with the windows moved up to each other."""
        return dataclasses.replace(keypoints, time_s=self._closed(keypoints.time_s))

    def close_up_times(self, time_s: Sequence[float] | NDArray[np.float64]) -> list[float]:
        """Return times of the run, each within a window, on the closed-up clock."""
        closed: list[float] = self._closed(np.asarray(time_s, dtype=float)).tolist()
        return closed

    def _closed(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        original_start = self.start_s + self.moved_s
        window = np.searchsorted(original_start, time_s, side="right") - 1
        return time_s - self.moved_s[np.clip(window, 0, None)]

    def restore(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return times on the closed-up clock as times of the run; NaN stays NaN."""
        # an event may lie a little before the first frame of its window
        edges = self.start_s - GAP_S / 2
        window = np.searchsorted(edges, np.nan_to_num(time_s), side="right") - 1
        return time_s + self.moved_s[np.clip(window, 0, None)]

    def restore_strides(self, strides: Strides) -> Strides:
        """Return strides at the times of the run."""
        return dataclasses.replace(
            strides,
            start_s=self.restore(strides.start_s),
            end_s=self.restore(strides.end_s),
            contact_s=self.restore(strides.contact_s),
            toe_off_s=self.restore(strides.toe_off_s),
        )
