"""The mean stride of the early and of the late part: its curves, and the body in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formcheck.result import Analysis
from formcheck.signals.cycles import Cycles, find_cycles, normalise_cycles

FEWEST = 3  # strides, for a mean
MOST = 100  # strides of a part that are laid over each other: enough, and little memory


@dataclass(frozen=True)
class MeanStride:
    """The strides of one part of the run, laid over each other.

    Attributes
    ----------
    part : str
        'early', 'late' or 'all'.
    strides : int
        That were laid over each other; of a long part, some of them.
    body : array, shape (PHASES, keypoint, 2)
        Mean position against the middle of the hips, source pixels, y down; NaN = unknown.
    mean, sd : dict of array, shape (PHASES,)
        Of each angle of a frame, by column name, degrees: mean and SD over the strides.
    toe_off_pct : float
        Median; NaN where it can't be seen.
    """

    part: str
    strides: int
    body: NDArray[np.float64]
    mean: dict[str, NDArray[np.float64]]
    sd: dict[str, NDArray[np.float64]]
    toe_off_pct: float


def find_mean_strides(analysis: Analysis) -> list[MeanStride]:
    """Return the mean stride of the early and of the late part.

    Where these are not compared, that of the whole run alone; empty where strides are too few.
    """
    is_side = analysis.capture.view == "side"
    cycles = find_cycles(analysis.series.strides, from_contact=is_side)
    facts = analysis.metrics[analysis.capture.lean_column]
    parts = {"early": facts.baseline, "late": facts.late}
    spans = {name: (part.from_s, part.to_s) for name, part in parts.items()}
    if not facts.is_compared:
        spans = {"all": (-np.inf, np.inf)}
    found = [
        _lay_over(analysis, name, cycles.within(*span, most=MOST)) for name, span in spans.items()
    ]
    known = (np.isfinite(mean.mean[analysis.capture.lean_column]).any() for mean in found)
    return found if all(known) else []


def _lay_over(analysis: Analysis, part: str, cycles: Cycles) -> MeanStride:
    series = analysis.series
    points = series.keypoints
    from_hip = points.position - points.middle("hip")[:, None]
    body, _ = _mean_and_sd(normalise_cycles(points.time_s, from_hip, cycles))
    courses = {
        column: _mean_and_sd(normalise_cycles(points.time_s, angle, cycles))
        for column, angle in vars(series.angles).items()
    }
    known = cycles.toe_off_pct[np.isfinite(cycles.toe_off_pct)]
    return MeanStride(
        part=part,
        strides=len(cycles.start_s),
        body=body,
        mean={column: mean for column, (mean, _) in courses.items()},
        sd={column: sd for column, (_, sd) in courses.items()},
        toe_off_pct=float(np.median(known)) if len(known) else np.nan,
    )


def _mean_and_sd(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Over the first axis; NaN where fewer than `FEWEST` are known."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        spread = np.where(known, values - mean, 0.0)
        sd = np.sqrt((spread**2).sum(axis=0) / (count - 1))
    enough = count >= FEWEST
    return np.where(enough, mean, np.nan), np.where(enough, sd, np.nan)
