"""The intervals over few runs keep their word, and chance is rarely taken for a finding."""

import numpy as np
import pytest

from formcheck.metrics.posture import SLOUCH_GAIN_SD, SLOUCH_LEAN_LEAK_SD
from formcheck.runlog.history import FEWEST_IN_GROUP, FEWEST_RUNS, tell_history
from formcheck.runlog.run import Pain
from formcheck.runlog.statistics import adjust, find_slope, pool, standard_error
from tests.runs import make_filmed, make_run

REPETITIONS = 400
COVERS = 0.92  # of 95 %: about three standard errors of 400 repetitions below
SEED = 20261126


def simulate(rng, runs, *, between, tails="normal", mean=0.0):
    """Changes of runs (degrees) that differ by `between` (SD), each known with its own error."""
    se = rng.uniform(0.15, 1.2, runs)
    scatter = rng.standard_t(3, runs) / np.sqrt(3) if tails == "heavy" else rng.normal(size=runs)
    return mean + between * scatter + se * rng.normal(size=runs), se


@pytest.mark.parametrize("runs", [FEWEST_RUNS, 30])
@pytest.mark.parametrize(("between", "tails"), [(0.0, "normal"), (1.0, "normal"), (1.0, "heavy")])
def test_the_interval_of_a_slope_covers_the_true_one(runs, between, tails):
    rng = np.random.default_rng(SEED)
    covered = 0
    for _ in range(REPETITIONS):
        against = rng.exponential(1.0, runs)
        change, se = simulate(rng, runs, between=between, tails=tails)
        low, high = find_slope(change + 0.7 * against, se, against).estimate.ci95
        covered += low <= 0.7 <= high
    assert covered / REPETITIONS >= COVERS


@pytest.mark.parametrize("runs", [2, FEWEST_IN_GROUP, 20])
@pytest.mark.parametrize("between", [0.0, 1.0])
def test_the_interval_of_a_mean_covers_the_true_one(runs, between):
    rng = np.random.default_rng(SEED)
    covered = 0
    for _ in range(REPETITIONS):
        low, high = pool(*simulate(rng, runs, between=between, mean=1.5)).estimate.ci95
        covered += low <= 1.5 <= high
    assert covered / REPETITIONS >= COVERS


@pytest.mark.parametrize("lean", [0.0, 2.0])
def test_what_is_alike_in_all_runs_of_a_runner_is_not_averaged_away(lean):
    """The gain of slouch and what lean adds to it are a runner's own, and not known."""
    rng = np.random.default_rng(SEED)
    covered, runs, se = 0, FEWEST_RUNS - 1, 0.5
    for _ in range(REPETITIONS):
        gain, leak = 1 + SLOUCH_GAIN_SD * rng.normal(), SLOUCH_LEAN_LEAK_SD * rng.normal()
        seen = 3.0 * gain + leak * lean + se * rng.normal(size=runs)
        half = 1.96 * np.sqrt(
            se**2 + (SLOUCH_GAIN_SD * seen) ** 2 + (SLOUCH_LEAN_LEAK_SD * lean) ** 2
        )
        filmed = [
            make_filmed(lean=(lean, lean - 1, lean + 1), slouch=(v, v - h, v + h))
            for v, h in zip(seen.tolist(), half.tolist(), strict=True)
        ]
        history = tell_history([make_run(day=i, filmed=f) for i, f in enumerate(filmed)])
        low, high = history.means["slouch"].ci95
        covered += low <= 3.0 <= high
    assert COVERS <= covered / REPETITIONS <= 0.99


def wander(rng, runs, likeness):
    """Differences between runs, SD 1 degree, that resemble their neighbours by so much."""
    value = rng.normal(size=runs)
    for i in range(1, runs):
        value[i] = likeness * value[i - 1] + np.sqrt(1 - likeness**2) * value[i]
    return value


@pytest.mark.parametrize("runs", [FEWEST_RUNS, 20])
@pytest.mark.parametrize("kind", ["trend", "new shoes"])
def test_what_changed_over_the_months_is_rarely_taken_for_a_link(runs, kind):
    """The runs wander, and so does what they are held against: without regard to that, 18 % err."""
    rng = np.random.default_rng(SEED)
    order = np.arange(runs, dtype=float)
    against = order if kind == "trend" else (order >= runs // 2).astype(float)
    wrong = 0
    for _ in range(REPETITIONS):
        se = rng.uniform(0.15, 1.2, runs)
        change = wander(rng, runs, 0.5) + se * rng.normal(size=runs)
        wrong += find_slope(change, se, against).p < 0.05
    assert wrong / REPETITIONS <= 0.08


@pytest.mark.parametrize("between", [0.0, 1.0])
def test_the_interval_of_a_difference_covers_the_true_one(between):
    rng = np.random.default_rng(SEED)
    is_other = np.arange(16) % 4 == 0  # four runs of one kind, twelve of the other
    covered = 0
    for _ in range(REPETITIONS):
        change, se = simulate(rng, 16, between=between)
        low, high = find_slope(change + is_other, se, is_other.astype(float)).estimate.ci95
        covered += low <= 1.0 <= high
    assert covered / REPETITIONS >= COVERS


def test_a_slope_is_found_where_there_is_one():
    rng = np.random.default_rng(SEED)
    against = np.linspace(0, 4, 16)
    found = 0
    for _ in range(100):
        change, se = simulate(rng, 16, between=0.5)
        found += find_slope(change + against, se, against).p < 0.05
    assert found > 90


def test_a_run_that_is_known_badly_counts_little():
    against = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    change = np.array([0.0, 1.0, 2.0, 3.0, 40.0])
    slope = find_slope(change, np.array([0.1, 0.1, 0.1, 0.1, 50.0]), against)
    assert slope.value == pytest.approx(1.0, abs=0.01)


def test_a_mean_of_runs_alike_and_well_known():
    fitted = pool(np.full(4, 2.0), np.full(4, 0.5))
    assert fitted.value == pytest.approx(2.0)
    assert fitted.se == pytest.approx(0.25)  # 0.5 / sqrt(4), and no scatter makes it less
    assert standard_error(1.02, 2.98) == pytest.approx(0.5, abs=1e-3)


def test_holms_adjustment_by_hand():
    assert adjust([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert adjust([0.9, 0.8]) == [1.0, 1.0]
    assert adjust([]) == []


def test_runs_in_which_nothing_goes_together_rarely_say_so():
    """All lines of a history at once: at most one in twenty histories tells of something."""
    rng = np.random.default_rng(SEED)
    repetitions, false_alarms = 60, 0
    for _ in range(repetitions):
        changes = [simulate(rng, 16, between=1.0) for _ in range(2)]
        runs = []
        for i in range(16):
            lean, slouch = ((v[i], v[i] - 1.96 * se[i], v[i] + 1.96 * se[i]) for v, se in changes)
            runs.append(
                make_run(
                    day=float(i * 3),
                    distance_m=float(rng.uniform(3000, 20_000)),
                    duration_s=float(rng.uniform(1200, 7000)),
                    pains=(Pain("back", int(rng.integers(0, 6))),),
                    shoes=("old", "new")[i % 2],
                    surface=("road", "treadmill")[int(rng.integers(2))],
                    filmed=make_filmed(lean=lean, slouch=slouch),
                )
            )
        false_alarms += any(finding.is_told for finding in tell_history(runs).findings)
    assert false_alarms / repetitions <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repetitions)
