"""Measure whether the intervals, verdicts and onsets of `formcheck.drift` keep their word.

Simulates runs whose truth is known and prints one table for steady runs (coverage of the 95 %
interval, false alarms, how often `stable` is said) and one for runs with a change (power, coverage,
error of the onset). An `!` marks a number beyond its bar. Nothing is written.

    python benchmarks/drift_simulation.py                 # the published table, 5 minutes
    python benchmarks/drift_simulation.py --quick         # a tenth of the runs
    python benchmarks/drift_simulation.py --development   # other runs, to choose settings by

The settings of `formcheck.drift` were chosen on the development seed only.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from formcheck.drift import Drift, assess_drift, choose_parts
from formcheck.video.sampling import USUAL_WINDOWS, WINDOW_S

PUBLISHED_SEED = 20_260_117
DEVELOPMENT_SEED = 1
STEADY_RUNS = 2000
CHANGING_RUNS = 1000

STRIDE_TIME_S = 0.75
STRIDE_TIME_SD_S = 0.02
THRESHOLD_DEG = 2.0
FEWEST_ONSETS = 20  # for a median and a coverage that mean something

COVERAGE_BAR = 0.93
FALSE_ALARM_BAR = 0.025
POWER_BAR = 0.95
ONSET_ERROR_BAR_MIN = 2.0
ONSET_COVERAGE_BAR = 0.90
SHORT_ONSET_ERROR_BAR = 0.10  # of the length
SHORT_CHANGE_ERROR_BAR_DEG = 0.3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """How a steady runner's strides scatter: SD in degrees, and their correlation.

    `kind` is `ar1` (lag-1 correlation `strength`), `ar1+white` (half the variance is measurement
    noise without memory), or `1/f` (fractional Gaussian noise, Hurst exponent `strength`; stride
    series of people have been reported at 0.75 and above: Hausdorff et al. 1996, J Appl Physiol
    80:1448; Jordan et al. 2006, Gait & Posture 24:120).
    """

    kind: Literal["ar1", "ar1+white", "1/f"]
    strength: float
    sd_deg: float

    def __str__(self) -> str:
        return f"{self.kind} {self.strength:.2f}, SD {self.sd_deg:.1f}"

    def draw(self, rng: np.random.Generator, runs: int, strides: int) -> Floats:
        """Draw the scatter, shape (runs, strides)."""
        if self.kind == "1/f":
            return self.sd_deg * _draw_fractional_noise(rng, runs, strides, self.strength)
        correlated = _draw_ar1(rng, runs, strides, self.strength)
        if self.kind == "ar1+white":
            correlated = (correlated + rng.standard_normal((runs, strides))) / np.sqrt(2)
        return self.sd_deg * correlated


def _draw_ar1(rng: np.random.Generator, runs: int, strides: int, correlation: float) -> Floats:
    shocks = rng.standard_normal((runs, strides))
    shocks[:, 1:] *= np.sqrt(1 - correlation**2)
    series: Floats = lfilter([1.0], [1.0, -correlation], shocks, axis=1)
    return series


def _draw_fractional_noise(
    rng: np.random.Generator, runs: int, strides: int, hurst: float
) -> Floats:
    """Draw by circulant embedding (Davies & Harte 1987), which is exact."""
    lag = np.arange(strides + 1.0)
    power = 2 * hurst
    covariance = ((lag + 1) ** power - 2 * lag**power + np.abs(lag - 1) ** power) / 2
    spectrum = np.fft.fft(np.concatenate([covariance, covariance[-2:0:-1]])).real.clip(0)
    shape = (runs, spectrum.size)
    shocks = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return np.fft.fft(np.sqrt(spectrum / spectrum.size) * shocks, axis=1).real[:, :strides]


@dataclass(frozen=True)
class Course:
    """The true course of the posture: `rise_deg` between two shares of the run."""

    rise_deg: float = 0.0
    start: float = 1.0
    end: float = 1.0

    def __str__(self) -> str:
        if self.rise_deg == 0:
            return "steady"
        span = (
            f"at {self.start:.0%}" if self.start == self.end else f"{self.start:.0%}-{self.end:.0%}"
        )
        return f"{self.rise_deg:+.0f}° {span}"

    def shift(self, share: float) -> "Course":
        """Return the same course, beginning a little later, unless it begins with the run."""
        if self.start == 0:
            return self
        end = self.end if self.end == 1 else self.end + share
        return replace(self, start=self.start + share, end=end)

    def follow(self, share_of_run: Floats) -> Floats:
        """Return the true value in degrees at each share of the run."""
        length = max(self.end - self.start, 1e-9)
        return self.rise_deg * np.clip((share_of_run - self.start) / length, 0, 1)


@dataclass(frozen=True)
class Scenario:
    """Runs of one kind; `flaw` is what spoils them."""

    minutes: float
    noise: Noise
    course: Course = Course()
    flaw: Literal["", "15 % missing", "3 gaps", "1 % outliers", "windows"] = ""
    judged: bool = True

    def __str__(self) -> str:
        flaw = f", {self.flaw}" if self.flaw else ""
        return f"{self.minutes:>3g} min  {self.noise}{flaw}"


@dataclass(frozen=True)
class Outcome:
    """What formcheck said of one run, and the truth."""

    drift: Drift
    true_change: float
    onset_s: float
    length_s: float


def simulate(scenario: Scenario, runs: int, rng: np.random.Generator) -> Iterator[Outcome]:
    """Assess `runs` simulated runs of one kind."""
    strides = round(scenario.minutes * 60 / STRIDE_TIME_S)
    noise = scenario.noise.draw(rng, runs, strides)
    for scatter in noise:
        stride_time = STRIDE_TIME_S + STRIDE_TIME_SD_S * rng.standard_normal(strides)
        stride_time_s = np.cumsum(stride_time)
        length_s = stride_time_s[-1] - stride_time_s[0]
        # Else the onset would always lie on the edge of a bin.
        course = scenario.course.shift(rng.uniform(-0.02, 0.0))
        truth = course.follow((stride_time_s - stride_time_s[0]) / length_s)
        value = truth + scatter
        if scenario.flaw == "15 % missing":
            value[rng.random(strides) < 0.15] = np.nan
        elif scenario.flaw == "3 gaps":
            for start in rng.uniform(0, 0.95, 3):
                value[int(start * strides) :][: strides // 20] = np.nan
        elif scenario.flaw == "1 % outliers":
            wrong = rng.random(strides) < 0.01
            value[wrong] += 10 * scenario.noise.sd_deg * rng.choice([-1, 1], wrong.sum())
        watched = np.ones(strides, dtype=bool)
        if scenario.flaw == "windows":  # as formcheck.video.sampling places them
            start = np.linspace(0, stride_time_s[-1] - WINDOW_S, USUAL_WINDOWS)
            since = stride_time_s[:, None] - start
            watched = ((since >= STRIDE_TIME_S) & (since <= WINDOW_S)).any(axis=1)
        early, late = choose_parts(stride_time_s[watched])
        seen = np.isfinite(value)  # the truth is that of the whole parts, watched or not
        baseline_mean, late_mean = (
            truth[seen & (stride_time_s >= first) & (stride_time_s <= last)].mean()
            for first, last in (early, late)
        )
        yield Outcome(
            assess_drift(stride_time_s[watched], value[watched], threshold=THRESHOLD_DEG),
            true_change=late_mean - baseline_mean,
            onset_s=stride_time_s[0] + course.start * length_s,
            length_s=length_s,
        )


def measure(outcomes: list[Outcome]) -> dict[str, float]:
    """Sum up the outcomes of one scenario; rates are shares, times are minutes."""
    verdicts = [outcome.drift.change.verdict for outcome in outcomes]
    changes = [outcome.drift.change for outcome in outcomes]
    value, low, high = np.array([[change.value, *(change.ci95 or ())] for change in changes]).T
    truth = np.array([outcome.true_change for outcome in outcomes])
    return {
        "coverage": np.mean((low <= truth) & (truth <= high)),
        "half_width": np.median(high - low) / 2,
        "true_change": np.mean(truth),
        "change_error_95": np.quantile(np.abs(value - truth), 0.95),
        "increased": verdicts.count("increased") / len(outcomes),
        "decreased": verdicts.count("decreased") / len(outcomes),
        "stable": verdicts.count("stable") / len(outcomes),
        **measure_onsets(outcomes),
    }


def measure_onsets(outcomes: list[Outcome]) -> dict[str, float]:
    """Sum up the onsets where one was given; NaN if that was rare."""
    onsets = np.array(
        [
            [onset.value, *onset.ci95, outcome.onset_s, outcome.length_s]
            for outcome in outcomes
            if (onset := outcome.drift.onset_s) is not None
        ]
    )
    if len(onsets) < FEWEST_ONSETS:
        onsets = np.full((1, 5), np.nan)
    value, low, high, truth, length_s = onsets.T
    error = value - truth
    covers = np.where(np.isnan(error), np.nan, (low <= truth) & (truth <= high))
    return {
        "onset_error_min": np.median(np.abs(error)) / 60,
        "onset_bias_min": np.median(error) / 60,
        "onset_error_share": np.median(np.abs(error) / length_s),
        "onset_width_min": np.median(high - low) / 60,
        "onset_coverage": np.mean(covers),
    }


def steady_scenarios() -> list[Scenario]:
    """List the steady runs: the cells with a bar, then the harder kinds."""
    cells = [
        Scenario(minutes, Noise("ar1", correlation, sd))
        for minutes in (10, 30, 60)
        for correlation in (0.0, 0.4, 0.8)
        for sd in (1.0, 2.0)
    ]
    flawed = [
        Scenario(30, Noise("ar1", 0.8, 2.0), flaw="15 % missing"),
        Scenario(30, Noise("ar1", 0.8, 2.0), flaw="3 gaps"),
        Scenario(10, Noise("ar1", 0.4, 1.0), flaw="1 % outliers"),
    ]
    short = [Scenario(3, Noise("ar1", correlation, 0.9)) for correlation in (0.0, 0.4, 0.8)]
    sampled = [
        Scenario(minutes, Noise("ar1", correlation, sd), flaw="windows")
        for minutes in (10, 60, 180)
        for correlation, sd in ((0.0, 1.0), (0.4, 1.0), (0.8, 1.0), (0.8, 2.0))
    ]
    # Not of the model: reported, not judged.
    other = [
        *(
            Scenario(60, noise, flaw="windows", judged=False)
            for noise in (Noise("ar1", 0.98, 1.0), Noise("1/f", 0.75, 1.0), Noise("1/f", 0.9, 0.9))
        ),
        Scenario(10, Noise("ar1+white", 0.8, 2.0), judged=False),
        Scenario(30, Noise("ar1", 0.95, 2.0), judged=False),
        *(
            Scenario(minutes, Noise("1/f", hurst, 2.0), judged=False)
            for hurst in (0.75, 0.9)
            for minutes in (10, 60)
        ),
        Scenario(10, Noise("1/f", 0.9, 0.9), judged=False),  # the SD seen on real runners
    ]
    return cells + flawed + short + sampled + other


def changing_scenarios() -> list[Scenario]:
    """List the runs with a change: +4°, +2°, and a short clip."""
    early_ramps = [Course(4, start, 1) for start in (0.0, 0.25, 0.5)]
    steps = [Course(4, start, start) for start in (0.25, 0.5, 0.75)]
    plateau = [Course(4, 0.3, 0.6)]
    noises = [Noise("ar1", 0.4, 1.0), Noise("ar1", 0.4, 2.0), Noise("ar1", 0.8, 2.0)]
    judged = [
        Scenario(30, noise, course) for course in early_ramps + steps + plateau for noise in noises
    ]
    late_ramp = [Scenario(30, noise, Course(4, 0.75, 1), judged=False) for noise in noises]
    small = [
        Scenario(30, noise, course, judged=False)
        for course in (Course(2, 0.0, 1), Course(2, 0.5, 1), Course(2, 0.5, 0.5))
        for noise in noises
    ]
    other = [
        Scenario(30, noise, course, judged=False)
        for course in (Course(4, 0.5, 1), Course(4, 0.5, 0.5))
        for noise in (Noise("ar1+white", 0.8, 2.0), Noise("1/f", 0.75, 2.0))
    ]
    sampled = [
        Scenario(60, noise, course, flaw="windows", judged=False)
        for course in (Course(4, 0.25, 1), Course(4, 0.5, 1), Course(4, 0.75, 0.75))
        for noise in (Noise("ar1", 0.4, 1.0), Noise("ar1", 0.8, 2.0))
    ]
    return judged + late_ramp + small + sampled + other


def short_scenarios() -> list[Scenario]:
    """List the three-minute clips, with the scatter seen on real treadmill runners."""
    return [
        Scenario(3, Noise("ar1", correlation, sd), Course(4, 0.5, 1))
        for correlation in (0.1, 0.4)
        for sd in (0.3, 0.6, 0.9)
    ]


def mark(text: str, bad: bool) -> str:
    """Put an `!` behind a number beyond its bar."""
    return text + ("!" if bad else " ")


def steady_row(scenario: Scenario, found: dict[str, float]) -> str:
    """Write the row of one kind of steady run."""
    alarms = found["increased"] + found["decreased"]
    coverage = mark(
        f"{found['coverage']:8.1%}", scenario.judged and found["coverage"] < COVERAGE_BAR
    )
    false_alarms = mark(f"{alarms:8.2%}", scenario.judged and alarms > FALSE_ALARM_BAR)
    return (
        f"{scenario!s:48}{coverage}{false_alarms}{found['stable']:8.1%} {found['half_width']:8.2f}"
    )


def changing_row(scenario: Scenario, found: dict[str, float]) -> str:
    """Write the row of one kind of run with a change."""
    judged = scenario.judged
    coverage = mark(f"{found['coverage']:8.1%}", judged and found["coverage"] < COVERAGE_BAR)
    power = mark(f"{found['increased']:8.1%}", judged and found["increased"] < POWER_BAR)
    error = mark(
        f"{found['onset_error_min']:8.2f}",
        judged and found["onset_error_min"] > ONSET_ERROR_BAR_MIN,
    )
    onset_coverage = mark(
        f"{found['onset_coverage']:8.1%}", judged and found["onset_coverage"] < ONSET_COVERAGE_BAR
    )
    return (
        f"{scenario.course!s:12}{scenario!s:32}{found['true_change']:6.2f}{coverage}{power}"
        f"{error}{found['onset_bias_min']:+8.2f}{onset_coverage}{found['onset_width_min']:8.2f}"
    )


def short_row(scenario: Scenario, found: dict[str, float]) -> str:
    """Write the row of one kind of short clip."""
    share = mark(
        f"{found['onset_error_share']:10.1%}", found["onset_error_share"] > SHORT_ONSET_ERROR_BAR
    )
    error = mark(
        f"{found['change_error_95']:10.2f}", found["change_error_95"] > SHORT_CHANGE_ERROR_BAR_DEG
    )
    return changing_row(scenario, found) + share + error


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    parser.add_argument("--development", action="store_true", help="the development seed")
    options = parser.parse_args()
    seed = DEVELOPMENT_SEED if options.development else PUBLISHED_SEED
    fewer = 10 if options.quick else 1
    began = time.perf_counter()

    print(f"seed {seed}, threshold {THRESHOLD_DEG:g}°, a stride every {STRIDE_TIME_S} s")
    print(
        f"bars: coverage >= {COVERAGE_BAR:.0%}, false alarms <= {FALSE_ALARM_BAR:.1%}, power >= "
        f"{POWER_BAR:.0%}, onset error <= {ONSET_ERROR_BAR_MIN:g} min, onset coverage >= "
        f"{ONSET_COVERAGE_BAR:.0%}; ! is beyond; rows marked * are reported, not judged"
    )
    change_columns = (
        f"{'course':12}{'noise':32}{'truth':>6}{'coverage':>8} {'power':>8} {'onset±':>8}"
        f"{'bias':>9}{'covers':>8} {'width':>8}"
    )
    tables = [
        (
            f"steady runs, {STEADY_RUNS // fewer} a row",
            f"{'noise':48}{'coverage':>8} {'alarms':>8} {'stable':>8} {'±deg':>8}",
            steady_scenarios(),
            STEADY_RUNS,
            steady_row,
        ),
        (
            f"runs with a change, {CHANGING_RUNS // fewer} a row (onset: median error, median "
            "bias, coverage, median width of the interval; minutes)",
            change_columns,
            changing_scenarios(),
            CHANGING_RUNS,
            changing_row,
        ),
        (
            f"short clips, {CHANGING_RUNS // fewer} a row (as above; then the median onset error "
            "as share of the clip, and the error of the change that 95 % stay below, degrees)",
            change_columns + f"{'share':>10} {'change±':>10}",
            short_scenarios(),
            CHANGING_RUNS,
            short_row,
        ),
    ]
    for table, (title, columns, scenarios, runs, write_row) in enumerate(tables):
        print(f"\n{title}\n{columns}")
        for row, scenario in enumerate(scenarios):
            rng = np.random.default_rng([seed, table, row])
            found = measure(list(simulate(scenario, runs // fewer, rng)))
            print(write_row(scenario, found) + ("" if scenario.judged else " *"), flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
