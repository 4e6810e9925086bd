"""What can be said over few runs, each of which is known only with its own uncertainty.

Every run's change has an interval of its own, and runs differ besides; both count. The variance
between runs is what makes the weighted scatter as large as it should be (Paule and Mandel, 1982).
Intervals are those of Student's t with the scatter that is left, never less than expected (Knapp
and Hartung, 2003; Röver et al., 2015): for few runs they are wide, as they must be.

Runs that follow each other resemble each other, and whatever else changed over the months (shoes,
a longer way) would seem to go with it. How long the resemblance lasts can't be told from few runs,
so each answer is the mean over several, weighted by how well they fit (restricted likelihood), and
never surer than without any. `tests/test_history_statistics.py` holds it against simulated runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.optimize import brentq
from scipy.special import ndtri, stdtr, stdtrit

from formcheck.drift import Estimate

CONFIDENCE = 0.95
NORMAL = float(ndtri((1 + CONFIDENCE) / 2))  # standard errors in half of an interval
# Correlation of how a run and the next differ from what is usual.
RESEMBLANCES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
PRECISION = 1e-4  # of the variance between runs, as a share
LEAST_SE = 0.01  # in the unit of the change: nothing is known better

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A number found from runs, with its standard error and degrees of freedom.

    `shared_sd` is what all runs are wrong by alike, so that more of them make it no surer.
    """

    value: float
    se: float
    freedom: float
    shared_sd: float = 0.0

    @property
    def estimate(self) -> Estimate:
        """The number with its 95 % interval."""
        random = float(stdtrit(self.freedom, (1 + CONFIDENCE) / 2)) * self.se
        half = math.hypot(random, NORMAL * self.shared_sd)
        return Estimate(self.value, (self.value - half, self.value + half))

    @property
    def p(self) -> float:
        """How often chance alone brings a number so far off 0."""
        return float(
            2 * stdtr(self.freedom, -abs(self.value) / math.hypot(self.se, self.shared_sd))
        )


def standard_error(low: float, high: float) -> float:
    """Return the standard error behind a 95 % interval."""
    return max((high - low) / 2 / NORMAL, LEAST_SE)


def pool(change: _Floats, se: _Floats) -> Fitted:
    """Return the mean change over runs, each of which stands for itself; at least two.

    Parameters
    ----------
    change, se : array, shape (run,)
        The change of each run and its standard error, in the order of time.
    """
    return _fit(change, se, np.ones((len(change), 1)), RESEMBLANCES[:1])


def find_slope(change: _Floats, se: _Floats, against: _Floats) -> Fitted:
    """Return how much the change grows with something; at least three runs, not all alike in it.

    Parameters
    ----------
    change, se, against : array, shape (run,)
        In the order of time.
    """
    design = np.stack([np.ones_like(against), against - against.mean()], axis=1)
    return _fit(change, se, design, RESEMBLANCES)


def adjust(p: Sequence[float]) -> list[float]:
    """Return p-values that bear having been looked for among each other (Holm, 1979)."""
    order = np.argsort(p)
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * factors), 1.0)
    return adjusted.tolist()


@dataclass(frozen=True)
class _Candidate:
    """The answer for one length of resemblance."""

    likelihood: float  # logarithm, restricted
    value: float
    variance: float


def _fit(change: _Floats, se: _Floats, design: _Floats, resemblances: Sequence[float]) -> Fitted:
    """Fit, and return the last coefficient, its uncertainty over all these resemblances."""
    tried = [_fit_resembling(change, se, design, likeness) for likeness in resemblances]
    likelihood = np.array([candidate.likelihood for candidate in tried])
    weight = np.exp(likelihood - likelihood.max())
    value = np.array([candidate.value for candidate in tried])
    variance = np.array([candidate.variance for candidate in tried])
    mean = float(np.average(value, weights=weight))
    spread = np.maximum(variance, variance[0]) + (value - mean) ** 2
    runs, coefficients = design.shape
    return Fitted(mean, math.sqrt(np.average(spread, weights=weight)), float(runs - coefficients))


def _fit_resembling(change: _Floats, se: _Floats, design: _Floats, likeness: float) -> _Candidate:
    """Fit by generalised least squares; neighbours' differences correlate by `likeness`."""
    runs, coefficients = design.shape
    freedom = runs - coefficients

    def fit(between: float) -> tuple[_Floats, float, _Floats, float]:
        """Return coefficients, weighted scatter, information, log determinant."""
        solved, determinant = _weigh(np.column_stack([design, change]), se, between, likeness)
        information = design.T @ solved[:, :-1]
        found = np.asarray(np.linalg.solve(information, design.T @ solved[:, -1]), dtype=np.float64)
        scatter = (change - design @ found) @ (solved[:, -1] - solved[:, :-1] @ found)
        return found, float(scatter), information, determinant

    between = 0.0
    if fit(0.0)[1] > freedom:
        most = float(np.ptp(change) ** 2)
        while fit(most)[1] > freedom:
            most *= 2
        between = float(brentq(lambda v: fit(v)[1] - freedom, 0.0, most, rtol=PRECISION))
    found, scatter, information, determinant = fit(between)
    return _Candidate(
        likelihood=-0.5 * (determinant + scatter + float(np.linalg.slogdet(information)[1])),
        value=float(found[-1]),
        variance=float(np.linalg.inv(information)[-1, -1]) * max(1.0, scatter / freedom),
    )


def _weigh(columns: _Floats, se: _Floats, between: float, likeness: float) -> tuple[_Floats, float]:
    """Return the inverse of the runs' covariance times columns, and its log determinant.

    The covariance is a diagonal, the runs' own variances, and a part that falls off from run to
    run; the inverse of that part has three diagonals, so this costs little for any number of runs.
    """
    own = 1 / se**2
    if between == 0:
        return own[:, None] * columns, float(-np.log(own).sum())
    runs, innovation = len(se), between * (1 - likeness**2)
    diagonals = np.full((2, runs), -likeness / innovation)
    diagonals[1] = own + (1 + likeness**2) / innovation
    diagonals[1, [0, -1]] = own[[0, -1]] + 1 / innovation
    factor = cholesky_banded(diagonals)
    solved = own[:, None] * (columns - cho_solve_banded((factor, False), own[:, None] * columns))
    determinant = (
        -np.log(own).sum()
        + 2 * np.log(factor[1]).sum()
        + math.log(between)
        + (runs - 1) * math.log(innovation)
    )
    return solved, float(determinant)
