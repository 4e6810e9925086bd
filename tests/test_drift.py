"""Whether, how much, and since when a per-stride series changed."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from formcheck.drift import Calibration, DriftSettings, assess_drift, choose_parts

STRIDES = 1200
TIME = np.arange(STRIDES) * 0.75  # a run of 15 minutes
RUN_S = TIME[-1]
ONE_BIN_S = RUN_S / DriftSettings().bins


def scatter(seed=0, strides=STRIDES, correlation=0.0, sd=1.0):
    """Draw a steady runner's strides around 0: AR(1) with the given lag-1 correlation."""
    shocks = np.random.default_rng(seed).standard_normal(strides)
    shocks[1:] *= np.sqrt(1 - correlation**2)
    return sd * lfilter([1.0], [1.0, -correlation], shocks)


def step(at, height=4.0):
    return height * (at * RUN_S < TIME)


def ramp(start, end=1.0, height=4.0):
    return height * np.clip((TIME / RUN_S - start) / (end - start), 0, 1)


class TestParts:
    def test_are_the_first_and_last_fifth_of_a_long_run(self):
        assert choose_parts(TIME) == (
            pytest.approx((0, 0.2 * RUN_S)),
            pytest.approx((0.8 * RUN_S, RUN_S)),
        )

    def test_grow_until_they_hold_enough_strides(self):
        early, late = choose_parts(np.arange(80.0))
        assert early == (0, 23)  # strides 0 to 23 are 24
        assert late == (56, 79)

    def test_grow_alone_where_strides_are_sparse(self):
        time = np.concatenate([np.arange(0, 100, 10.0), np.arange(100, 1000.0)])
        early, late = choose_parts(time, DriftSettings(min_strides=150))
        assert early == (0, time[149])
        assert late == pytest.approx((999 * 0.8, 999))

    def test_never_exceed_their_largest_share(self):
        early, late = choose_parts(np.arange(31.0))
        assert early == (0, 12)
        assert late == (18, 30)

    def test_count_from_the_first_stride_and_skip_unknown_times(self):
        time = np.concatenate([[np.nan], 100 + np.arange(101.0), [np.nan]])
        assert choose_parts(time, DriftSettings(min_strides=1)) == ((100, 120), (180, 200))

    def test_of_no_strides_have_no_length(self):
        assert choose_parts([]) == ((0, 0), (0, 0))

    def test_can_be_given(self):
        drift = assess_drift(TIME, TIME, threshold=1, parts=((0, 75), (300, 375)))
        assert (drift.baseline.from_s, drift.baseline.to_s) == (0, 75)
        assert drift.baseline.strides == 101
        assert drift.change.value == pytest.approx(300)


class TestChange:
    def test_of_a_clean_step_is_its_height(self):
        drift = assess_drift(TIME, 7 + step(0.5), threshold=2)
        assert (drift.baseline.mean, drift.late.mean) == (7, 11)
        assert drift.change.value == 4
        assert drift.change.verdict == "increased"
        assert drift.change.ci95 == pytest.approx((4, 4), abs=0.05)

    def test_of_a_clean_ramp_is_the_difference_of_the_part_means(self):
        # Linear over the run: the parts' middles are at 10 % and 90 %, but for one stride.
        drift = assess_drift(TIME, ramp(0), threshold=2)
        assert drift.change.value == pytest.approx(0.8 * 4, abs=4 / STRIDES)
        assert drift.change.ci95 == pytest.approx([drift.change.value] * 2)

    def test_downwards_is_a_decrease(self):
        assert assess_drift(TIME, -step(0.5), threshold=2).change.verdict == "decreased"

    def test_of_a_constant_is_stable(self):
        change = assess_drift(TIME, np.full(STRIDES, 5.0), threshold=2).change
        assert (change.value, change.ci95, change.verdict) == (0, (0, 0), "stable")

    def test_is_told_from_correlated_scatter(self):
        noise = scatter(correlation=0.6)
        steady = assess_drift(TIME, noise, threshold=2).change
        changed = assess_drift(TIME, noise + ramp(0.3), threshold=2).change
        assert steady.verdict == "stable"
        assert changed.verdict == "increased"

    def test_a_real_change_is_not_read_as_scatter(self):
        def width(value):
            low, high = assess_drift(TIME, value, threshold=2).change.ci95
            return high - low

        noise = scatter(sd=0.5)
        for change in (step(0.5, 8), ramp(0.4, height=8), ramp(0.3, 0.6, 8)):
            assert width(noise + change) < 1.3 * width(noise)

    def test_correlated_strides_are_worth_fewer(self):
        def width(correlation):
            intervals = [
                assess_drift(TIME, scatter(seed, correlation=correlation), threshold=2).change.ci95
                for seed in range(30)
            ]
            return np.median(np.diff(intervals))

        # The variance of a mean grows by (1 + r) / (1 - r), so its width at 0.8 by 3.
        assert width(0.8) == pytest.approx(3 * width(0.0), rel=0.25)

    @pytest.mark.parametrize(("correlation", "strides"), [(0.0, 800), (0.8, 800), (0.8, 240)])
    def test_interval_keeps_its_word(self, correlation, strides):
        runs = 300
        covered = 0
        for seed in range(runs):
            noise = scatter(seed, strides, correlation)
            low, high = assess_drift(TIME[:strides], noise, threshold=2).change.ci95
            covered += low <= 0 <= high
        # A true 93 % falls below this once in a thousand tries, a plain t-test always.
        assert covered >= binom.ppf(0.001, runs, 0.93)
        assert covered < runs


NOISE = scatter(correlation=0.4)
IN_LATE_PART = choose_parts(TIME)[1][0] <= TIME


def noisy_change(to):
    """Shift the late part of a steady run so that its change is exactly this."""
    return NOISE + (to - assess_drift(TIME, NOISE, threshold=2).change.value) * IN_LATE_PART


class TestVerdict:
    @pytest.mark.parametrize("threshold", [0.05, 0.5, 2.0])
    def test_follows_change_and_interval(self, threshold):
        verdicts = set()
        for wanted in np.linspace(-3, 3, 61) * 1.0001:
            change = assess_drift(TIME, noisy_change(wanted), threshold=threshold).change
            low, high = change.ci95
            assert change.value == pytest.approx(wanted)
            if wanted >= threshold and low > 0:
                assert change.verdict == "increased"
            elif wanted <= -threshold and high < 0:
                assert change.verdict == "decreased"
            elif -threshold < low and high < threshold:
                assert change.verdict == "stable"
            else:
                assert change.verdict == "inconclusive"
            verdicts.add(change.verdict)
        # No interval of this run is narrow enough to lie within the smallest threshold.
        certain = {"stable"} if threshold > 0.05 else set()
        assert verdicts == {"increased", "decreased", "inconclusive"} | certain

    def test_without_threshold_follows_the_interval_and_is_never_stable(self):
        verdicts = set()
        for wanted in np.linspace(-3, 3, 61):
            change = assess_drift(TIME, noisy_change(wanted), threshold=None).change
            low, high = change.ci95
            expected = "increased" if low > 0 else "decreased" if high < 0 else "inconclusive"
            assert change.verdict == expected
            verdicts.add(change.verdict)
        assert verdicts == {"increased", "decreased", "inconclusive"}

    def test_a_constant_without_threshold_is_inconclusive(self):
        constant = assess_drift(TIME, np.full(STRIDES, 5.0), threshold=None)
        assert constant.change.verdict == "inconclusive"

    def test_reaching_the_threshold_exactly_is_a_change(self):
        assert assess_drift(TIME, step(0.5, 2.0), threshold=2.0).change.verdict == "increased"

    def test_onset_is_given_only_with_a_change(self):
        assert assess_drift(TIME, noisy_change(3), threshold=2).onset_s is not None
        assert assess_drift(TIME, noisy_change(1.9), threshold=2).onset_s is None
        assert assess_drift(TIME, noisy_change(0), threshold=2).onset_s is None

    @pytest.mark.parametrize("threshold", [0, -1, np.nan])
    def test_needs_a_positive_threshold(self, threshold):
        with pytest.raises(ValueError, match="threshold"):
            assess_drift(TIME, TIME, threshold=threshold)


class TestMissingStrides:
    def test_too_few_in_a_part_is_insufficient_data(self):
        value = scatter() + 3
        value[24:400] = np.nan
        assert assess_drift(TIME, value, threshold=2).change.verdict != "insufficient_data"
        value[23] = np.nan
        drift = assess_drift(TIME, value, threshold=2)
        assert drift.change.verdict == "insufficient_data"
        assert (drift.change.value, drift.change.ci95) == (None, None)
        assert (drift.trend_per_hour, drift.onset_s) == (None, None)
        assert drift.baseline.strides == 23
        assert drift.baseline.mean == pytest.approx(value[:23].mean())

    def test_no_value_at_all_is_insufficient_data(self):
        for time in (TIME, TIME[:1], TIME[:0]):
            drift = assess_drift(time, np.full(time.size, np.nan), threshold=2)
            assert drift.change.verdict == "insufficient_data"
            assert (drift.baseline.mean, drift.baseline.strides) == (None, 0)

    def test_two_short_glimpses_do_not_show_how_posture_wanders(self):
        value = np.full(STRIDES, np.nan)
        value[:30] = value[-30:] = scatter(strides=30)
        assert assess_drift(TIME, value, threshold=2).change.verdict == "insufficient_data"

    def test_equal_strides_that_were_never_there(self):
        value = scatter() + ramp(0.5)
        seen = np.random.default_rng(1).random(STRIDES) > 0.2
        seen[[0, -1]] = True
        with_nan = assess_drift(TIME, np.where(seen, value, np.nan), threshold=2)
        assert with_nan == assess_drift(TIME[seen], value[seen], threshold=2)

    def test_a_gap_neither_hides_nor_makes_a_change(self):
        noise = scatter(correlation=0.4)
        for first in (100, 500, 800):
            gap = np.s_[first : first + 200]
            for truth, verdict in ((0 * TIME, "stable"), (ramp(0.3), "increased")):
                value = noise + truth
                value[gap] = np.nan
                assert assess_drift(TIME, value, threshold=2).change.verdict == verdict

    def test_onset_in_a_gap_is_somewhere_in_the_gap(self):
        value = scatter(sd=0.3) + step(0.5)
        value[500:700] = np.nan
        low, high = assess_drift(TIME, value, threshold=2).onset_s.ci95
        assert low <= TIME[500]
        assert high >= TIME[699]

    @pytest.mark.parametrize("time", [TIME[:-1], TIME[::-1], TIME * 0])
    def test_times_that_do_not_fit_are_refused(self, time):
        with pytest.raises(ValueError, match="stride times"):
            assess_drift(time, TIME, threshold=2)


class TestOutliers:
    def test_a_few_wrong_strides_change_little(self):
        value = scatter(correlation=0.4)
        spoiled = value.copy()
        spoiled[[5, 40, 90, 600, 1100, 1190]] += [60, 60, 60, -60, -60, -60]
        clean = assess_drift(TIME, value, threshold=2)
        robust = assess_drift(TIME, spoiled, threshold=2)
        assert robust.change.value == pytest.approx(clean.change.value, abs=0.05)
        assert robust.change.ci95 == pytest.approx(clean.change.ci95, abs=0.1)
        assert robust.baseline.strides == clean.baseline.strides - 3

    def test_neither_ramp_nor_step_has_any(self):
        for value in (ramp(0), step(0.5), scatter(sd=0.1) + ramp(0, height=20)):
            drift = assess_drift(TIME, value, threshold=2)
            assert drift.baseline.strides == np.sum(drift.baseline.to_s >= TIME)
            assert drift.late.strides == np.sum(drift.late.from_s <= TIME)


class TestTrend:
    def test_of_a_clean_ramp_is_its_slope_per_hour(self):
        trend = assess_drift(TIME, 3 - 2 * TIME / 3600, threshold=2).trend_per_hour
        assert trend.value == pytest.approx(-2)
        assert trend.ci95 == pytest.approx((-2, -2))

    def test_interval_keeps_its_word(self):
        runs = 300
        covered = 0
        for seed in range(runs):
            value = scatter(seed, correlation=0.6) + 6 * TIME / 3600
            low, high = assess_drift(TIME, value, threshold=2).trend_per_hour.ci95
            covered += low <= 6 <= high
        assert covered >= binom.ppf(0.001, runs, 0.93)
        assert covered < runs


class TestOnset:
    @pytest.mark.parametrize("start", [0.2, 0.333, 0.5, 0.71])
    @pytest.mark.parametrize(
        "course",
        [step, ramp, lambda start: ramp(start, start + 0.2), lambda start: -ramp(start)],
        ids=["step", "ramp", "plateau", "downwards"],
    )
    def test_of_a_clean_change_is_within_a_bin(self, course, start):
        onset = assess_drift(TIME, course(start), threshold=1).onset_s
        assert onset.value == pytest.approx(start * RUN_S, abs=ONE_BIN_S)
        assert onset.ci95[0] <= start * RUN_S <= onset.ci95[1]
        assert np.diff(onset.ci95) <= 4 * ONE_BIN_S

    def test_of_a_drift_from_the_beginning_is_the_beginning(self):
        onset = assess_drift(TIME, ramp(0), threshold=2).onset_s
        assert onset.value == pytest.approx(0, abs=ONE_BIN_S)
        assert onset.ci95[0] == 0

    @pytest.mark.parametrize("course", [step(0.6), ramp(0.4), ramp(0.3, 0.55)])
    def test_interval_holds_the_truth_under_scatter(self, course):
        truth = TIME[np.argmax(course > 0)]
        onsets = [
            assess_drift(TIME, course + scatter(seed, correlation=0.4), threshold=2).onset_s
            for seed in range(60)
        ]
        covered = sum(onset.ci95[0] <= truth <= onset.ci95[1] for onset in onsets)
        errors = [abs(onset.value - truth) for onset in onsets]
        assert covered >= binom.ppf(0.001, len(onsets), 0.93)
        assert np.median(errors) < 0.05 * RUN_S

    def test_of_a_three_minute_clip(self):
        time = np.arange(240) * 0.75
        truth = 4 * np.clip(time / time[-1] * 2 - 1, 0, 1)
        for seed in range(10):
            value = truth + scatter(seed, 240, sd=0.6)
            drift = assess_drift(time, value, threshold=2)
            true_change = truth[-48:].mean() - truth[:48].mean()
            assert drift.change.value == pytest.approx(true_change, abs=0.5)
            assert drift.onset_s.value == pytest.approx(time[-1] / 2, abs=0.1 * time[-1])


CHANGING = NOISE + ramp(0.4)


def numbers(drift):
    change, trend = drift.change, drift.trend_per_hour
    return np.array([change.value, *change.ci95, trend.value, *trend.ci95])


class TestUnits:
    @pytest.mark.parametrize("factor", [0.01, 57.3, -3.0])
    def test_scaled_values_scale_the_answer(self, factor):
        plain = assess_drift(TIME, CHANGING, threshold=2)
        scaled = assess_drift(TIME, factor * CHANGING, threshold=2 * abs(factor))
        expected = factor * numbers(plain)
        if factor < 0:
            expected[[1, 2, 4, 5]] = expected[[2, 1, 5, 4]]
        assert numbers(scaled) == pytest.approx(expected)
        assert scaled.onset_s == plain.onset_s
        assert scaled.change.verdict == ("increased" if factor > 0 else "decreased")

    def test_shifted_values_shift_only_the_means(self):
        plain = assess_drift(TIME, CHANGING, threshold=2)
        shifted = assess_drift(TIME, CHANGING + 1000, threshold=2)
        assert numbers(shifted) == pytest.approx(numbers(plain))
        assert shifted.baseline.mean == pytest.approx(plain.baseline.mean + 1000)
        assert shifted.onset_s == plain.onset_s

    def test_a_later_clock_moves_only_times(self):
        plain = assess_drift(TIME, CHANGING, threshold=2)
        later = assess_drift(TIME + 600, CHANGING, threshold=2)
        assert numbers(later) == pytest.approx(numbers(plain))
        assert later.onset_s.value == pytest.approx(plain.onset_s.value + 600)
        assert later.baseline.from_s == 600

    def test_the_same_run_gets_the_same_answer(self):
        assert assess_drift(TIME, CHANGING, threshold=2) == assess_drift(
            TIME, CHANGING, threshold=2
        )


def test_what_is_not_known_of_the_gain_widens_the_interval_of_the_change():
    value = NOISE + np.where(IN_LATE_PART, 10.0, 0.0)
    plain = assess_drift(TIME, value, threshold=3.0)
    open_gain = assess_drift(TIME, value, threshold=3.0, calibration=Calibration(gain_sd=0.1))
    half, wider = ((d.change.ci95[1] - d.change.ci95[0]) / 2 for d in (plain, open_gain))
    assert open_gain.change.value == plain.change.value
    assert wider == pytest.approx(np.hypot(half, 1.96 * 0.1 * plain.change.value), rel=1e-3)
    leaking = assess_drift(TIME, NOISE, threshold=3.0, calibration=Calibration(offset_sd=2.0))
    assert assess_drift(TIME, NOISE, threshold=3.0).change.verdict == "stable"
    assert leaking.change.verdict == "inconclusive"
