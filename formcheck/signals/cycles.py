"""Strides laid over each other: every one from 0 to 100 % of its time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.signals.clock import is_watched
from formcheck.signals.strides import Strides

PHASES = 101  # 0, 1, ... 100 % of the stride
NEXT_WITHIN_S = 1e-6  # between the end of a stride and the start of the one that follows it


@dataclass(frozen=True)
class Cycles:
    """Where strides begin and end to be laid over each other.

    Attributes
    ----------
    start_s, end_s : array, shape (cycle,)
    toe_off_pct : array, shape (cycle,)
        Of the cycle; NaN where not seen, or where a cycle does not begin with a contact.
    from_contact : bool
        Cycles begin with the initial contact of a foot; else, seen from behind or in front, with
        the pass of the feet in height.
    """

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    toe_off_pct: NDArray[np.float64]
    from_contact: bool

    def within(self, from_s: float, to_s: float, *, most: int) -> "Cycles":
        """Return those in a part of the run; of more than `most`, as many spread evenly."""
        inside = np.flatnonzero((self.start_s >= from_s) & (self.end_s <= to_s))
        if len(inside) > most:
            inside = inside[np.linspace(0, len(inside) - 1, most).round().astype(int)]
        return Cycles(
            self.start_s[inside], self.end_s[inside], self.toe_off_pct[inside], self.from_contact
        )


def find_cycles(strides: Strides, *, from_contact: bool) -> Cycles:
    """Return the cycles of a run: from contact to contact of the same foot, or its strides."""
    if not from_contact:
        unknown = np.full(len(strides), np.nan)
        return Cycles(strides.start_s, strides.end_s, unknown, from_contact=False)
    start, end = strides.contact_s[:-1], strides.contact_s[1:]
    follows = np.abs(strides.end_s[:-1] - strides.start_s[1:]) < NEXT_WITHIN_S
    known = follows & (end > start)  # False where either is NaN
    start, end = start[known], end[known]
    toe_off_pct = 100 * (strides.toe_off_s[:-1][known] - start) / (end - start)
    return Cycles(start, end, toe_off_pct, from_contact=True)


def normalise_cycles(
    time_s: NDArray[np.float64], values: NDArray[np.float64], cycles: Cycles
) -> NDArray[np.float64]:
    """Sample a course at every percent of each cycle, linearly between frames.

    Parameters
    ----------
    time_s : array, shape (time,)
    values : array, shape (time, ...)
    cycles : Cycles

    Returns
    -------
    array, shape (cycle, PHASES, ...)
        NaN where a frame beside is unknown or far away in time.
    """
    share = np.linspace(0, 1, PHASES)
    at = cycles.start_s[:, None] + share * (cycles.end_s - cycles.start_s)[:, None]
    after = np.clip(np.searchsorted(time_s, at), 1, len(time_s) - 1)
    weight = (at - time_s[after - 1]) / (time_s[after] - time_s[after - 1])
    weight = np.where(is_watched(time_s, at), weight, np.nan)
    weight = weight.reshape(*weight.shape, *[1] * (values.ndim - 1))
    return np.asarray((1 - weight) * values[after - 1] + weight * values[after])
