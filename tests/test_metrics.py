"""A known pose has a known angle; a known run has known numbers."""

from pathlib import Path

import numpy as np
import pytest

from formcheck.keypoints import INDEX, KEYPOINTS, OUTLINE_AT, Keypoints
from formcheck.metrics import REGISTRY, StrideData, compute_metrics
from formcheck.metrics.angles import angle_between, compute_frame_angles, tilt_from_vertical
from formcheck.metrics.docs import to_markdown
from formcheck.pose.engine import Mask
from formcheck.pose.silhouette import PROFILE_SIZE, measure_profile
from formcheck.signals.cleaning import clean_keypoints
from formcheck.signals.clock import mean_of_lowest, percentile_of_known
from formcheck.signals.orientation import Orientation, find_orientation
from formcheck.signals.rhythm import find_rhythm
from formcheck.signals.strides import Strides, find_strides
from tests.synthetic import make_runner, observe_runner


def still(**points: tuple[float, float]) -> Keypoints:
    """Three frames of a body of which only these points are known (both sides alike)."""
    position = np.full((3, len(KEYPOINTS), 2), np.nan)
    for part, place in points.items():
        names = [part] if part in INDEX else [f"left_{part}", f"right_{part}"]
        position[:, [INDEX[name] for name in names]] = place
    return Keypoints(np.arange(3) / 30, position, np.ones((3, len(KEYPOINTS))))


def facing(direction: int) -> Orientation:
    return Orientation("side", direction, 0.0, "right" if direction > 0 else "left")


def test_trunk_lean_is_positive_towards_the_facing_side():
    body = still(hip=(100, 200), shoulder=(110, 100))
    lean = np.degrees(np.arctan(0.1))
    assert compute_frame_angles(body, facing(1)).trunk_lean_deg == pytest.approx(lean)
    assert compute_frame_angles(body, facing(-1)).trunk_lean_deg == pytest.approx(-lean)


def test_upright_is_zero_and_level_is_ninety():
    zero, one = np.zeros((1, 2)), np.array([[0.0, -5.0]])
    assert tilt_from_vertical(zero, one, 1) == pytest.approx(0)
    assert tilt_from_vertical(zero, np.array([[5.0, 0.0]]), 1) == pytest.approx(90)


def test_neck_flexion_is_counted_from_the_trunk():
    # trunk leans 45 forward, the head is straight above the shoulder
    body = still(hip=(0, 100), shoulder=(100, 0), ear=(100, -50))
    angles = compute_frame_angles(body, facing(1))
    assert angles.trunk_lean_deg == pytest.approx(45)
    assert angles.neck_flexion_deg == pytest.approx(-45)
    ahead = still(hip=(0, 100), shoulder=(0, 0), ear=(50, -50))
    assert compute_frame_angles(ahead, facing(1)).neck_flexion_deg == pytest.approx(45)


def test_knee_and_elbow():
    body = still(hip=(0, 0), knee=(0, 50), ankle=(-50, 50), shoulder=(0, -50), elbow=(0, -25))
    assert compute_frame_angles(body, facing(1)).knee_flexion_deg == pytest.approx(90)
    straight, bent = np.array([[0.0, -1.0]]), np.array([[1.0, -1.0]])
    corner = np.zeros((1, 2))
    assert angle_between(straight, corner, -straight) == pytest.approx(180)
    assert angle_between(straight, corner, bent) == pytest.approx(45)


def test_unknown_points_make_unknown_angles():
    angles = compute_frame_angles(still(hip=(0, 0)), facing(1))
    assert np.isnan(angles.trunk_lean_deg).all()
    assert np.isnan(angles.knee_flexion_deg).all()


def test_rear_view_signs():
    body = still(hip=(0, 100), shoulder=(10, 0), right_hip=(20, 102), left_hip=(-20, 98))
    rear = compute_frame_angles(body, Orientation("rear", 1, 90.0, "left"))
    assert rear.lateral_trunk_lean_deg == pytest.approx(np.degrees(np.arctan(0.1)))
    assert rear.pelvic_obliquity_deg == pytest.approx(np.degrees(np.arctan(0.1)))
    assert np.isnan(rear.trunk_lean_deg).all()
    front = compute_frame_angles(body, Orientation("front", 1, 90.0, "left"))
    assert front.lateral_trunk_lean_deg == pytest.approx(-np.degrees(np.arctan(0.1)))


def data_of(runner, **more) -> StrideData:
    pose = clean_keypoints(runner.keypoints)
    orientation = find_orientation(pose.keypoints)
    rhythm = find_rhythm(pose.keypoints, orientation, pose.leg_length_px)
    return StrideData(
        keypoints=pose.keypoints,
        orientation=orientation,
        strides=find_strides(pose.keypoints, orientation, rhythm, pose.leg_length_px),
        leg_length_px=pose.leg_length_px,
        **{"profile": np.full((len(runner.keypoints.time_s), PROFILE_SIZE), np.nan), **more},
    )


@pytest.mark.parametrize("direction", [1, -1])
def test_a_known_run(direction):
    runner = make_runner(30, 60, 172, lean_deg=6.5, neck_deg=20, direction=direction, noise_px=2)
    values = {
        column: np.nanmean(value)
        for column, value in compute_metrics(data_of(runner)).items()
        if np.isfinite(value).any()
    }
    assert values["trunk_lean_deg"] == pytest.approx(6.5, abs=0.1)
    assert values["neck_flexion_deg"] == pytest.approx(20, abs=0.3)
    assert values["cadence_spm"] == pytest.approx(172, abs=0.3)
    assert values["stride_time_ms"] == pytest.approx(120000 / 172, abs=2)
    assert values["vertical_oscillation_pct"] == pytest.approx(runner.bounce_pct, abs=0.5)
    assert values["duty_factor_pct"] == pytest.approx(100 * runner.duty_factor + 3, abs=4)
    # the ankle is 25 % ahead at contact; the contact found comes up to 30 ms early on these feet
    assert 24 < values["overstride_pct"] < 35


def test_rear_view_of_a_known_run():
    runner = make_runner(30, 60, view="rear", pelvic_drop_deg=3)
    values = compute_metrics(data_of(runner))
    assert np.isnan(values["trunk_lean_deg"]).all()
    assert np.isnan(values["ground_contact_time_ms"]).all()
    assert np.nanmean(values["lateral_trunk_lean_deg"]) == pytest.approx(0, abs=0.2)
    assert np.nanmean(values["pelvic_drop_deg"]) == pytest.approx(3, abs=0.6)


def test_height_gives_centimetres():
    runner = make_runner(30, 60)
    values = compute_metrics(data_of(runner, height_cm=180.0))
    bounce_cm = runner.bounce_pct / 100 * 0.491 * 180
    assert np.nanmean(values["vertical_oscillation_cm"]) == pytest.approx(bounce_cm, abs=0.4)
    without = compute_metrics(data_of(runner))
    assert np.isnan(without["vertical_oscillation_cm"]).all()


def test_slouch_follows_the_outline_and_not_the_lean():
    runner = make_runner(40, 60, lean_deg=lambda t: 4 + 5 * (t > 20))
    profile = observe_runner(runner, slouch_deg=0.0).people[0].profile
    lean_only = compute_metrics(data_of(runner, profile=profile))["slouch_deg"]
    early = data_of(runner).strides.middle_s < 20
    assert lean_only[early].mean() == pytest.approx(lean_only[~early].mean(), abs=0.3)
    rounded = observe_runner(runner, slouch_deg=lambda t: 8.0 * (t > 20)).people[0].profile
    slouch = compute_metrics(data_of(runner, profile=rounded))["slouch_deg"]
    assert slouch[~early][1:].mean() - slouch[early][:-1].mean() == pytest.approx(8, abs=0.5)


def test_slouch_ignores_an_elbow_behind_the_back_for_half_of_the_stride():
    runner = make_runner(20, 60)
    profile = observe_runner(runner).people[0].profile.copy()
    clean = compute_metrics(data_of(runner, profile=profile))["slouch_deg"]
    behind = (runner.keypoints.time_s * 165 / 120) % 1 < 0.5
    profile[np.ix_(behind, range(8, 16))] += 0.3
    hidden = compute_metrics(data_of(runner, profile=profile))["slouch_deg"]
    # the nearest of half as many outlines lie a little further off
    assert np.abs(hidden - clean).max() < 1.5


def test_percentile_agrees_with_numpy():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(20, 11, 3))
    values[rng.uniform(size=values.shape) < 0.3] = np.nan
    expected = np.nanpercentile(values, 20, axis=1)
    assert percentile_of_known(values, 20) == pytest.approx(expected)


def test_the_lowest_values_are_those_that_are_known():
    values = np.array([[5.0, np.nan, 1.0, 2.0, 9.0, 8.0, 7.0, np.nan, 3.0, 4.0]])
    assert mean_of_lowest(values, 0.5) == pytest.approx([np.mean([1, 2, 3, 4])])
    assert mean_of_lowest(values, 0.01) == pytest.approx([1.5])
    both = np.stack([values, values + 1], axis=2)
    assert mean_of_lowest(both, 0.5) == pytest.approx(np.array([[2.5, 3.5]]))
    assert np.isnan(mean_of_lowest(np.full((1, 4), np.nan), 0.3)).all()


def test_stride_means_are_cut_at_the_stride_and_refuse_gaps():
    time_s = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    none = np.zeros(2)
    strides = Strides(
        "right", np.array([0.25, 1.25]), np.array([1.25, 2.25]), none, none, none, none
    )
    keypoints = Keypoints(time_s, np.zeros((6, 33, 2)), np.ones((6, 33)))
    data = StrideData(keypoints, facing(1), strides, 1.0, np.zeros((6, PROFILE_SIZE)))
    straight = data.mean_over_strides(2 * time_s)
    assert straight == pytest.approx([1.5, 3.5], abs=0.3)
    gap = np.array([0.0, 1.0, 2.0, np.nan, np.nan, 5.0])
    assert np.isnan(data.mean_over_strides(gap)).tolist() == [False, True]


def ellipse_mask(centre, radius_x, radius_y, size=(400, 300)):
    y, x = np.mgrid[: size[0], : size[1]]
    inside = ((x - centre[0]) / radius_x) ** 2 + ((y - centre[1]) / radius_y) ** 2 < 1
    return inside.astype(np.float32)


def by_index(probability):
    """A mask that is asked by the index of a pixel, not by the place of its corner."""
    return Mask(probability, np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]))


def test_profile_of_an_ellipse():
    mask = ellipse_mask((150, 200), 40, 100)
    position = np.zeros((len(KEYPOINTS), 2))
    for side in ("left", "right"):
        position[INDEX[f"{side}_hip"]] = (150, 250)
        position[INDEX[f"{side}_shoulder"]] = (150, 150)
    left, right = measure_profile(by_index(mask), position).reshape(2, -1)
    inside = OUTLINE_AT < 1.4
    expected = 0.4 * np.sqrt(1 - (OUTLINE_AT[inside] - 0.5) ** 2)
    assert left[inside] == pytest.approx(expected, abs=0.02)
    assert right[inside] == pytest.approx(expected, abs=0.02)


def test_profile_of_a_head_that_hangs_to_one_side():
    mask = ellipse_mask((150, 200), 40, 60) + ellipse_mask((190, 120), 15, 30)
    position = np.zeros((len(KEYPOINTS), 2))
    for side in ("left", "right"):
        position[INDEX[f"{side}_hip"]] = (150, 250)
        position[INDEX[f"{side}_shoulder"]] = (150, 150)
    left, right = measure_profile(by_index(mask), position).reshape(2, -1)
    at_head = np.abs(OUTLINE_AT - 1.3).argmin()
    assert left[at_head] == pytest.approx(-0.25, abs=0.02)
    assert right[at_head] == pytest.approx(0.55, abs=0.02)


def test_profile_is_unknown_without_a_person():
    assert np.isnan(
        measure_profile(Mask(np.zeros((50, 50), np.float32), np.eye(2, 3)), np.zeros((33, 2)))
    ).all()


@pytest.mark.parametrize("column", REGISTRY)
def test_every_metric_is_explained(column):
    metric = REGISTRY[column]
    assert metric.compute.__doc__
    assert metric.explanation.endswith(".")
    assert metric.column.endswith(("_deg", "_pct", "_ms", "_cm", "_spm"))
    assert metric.views


def test_the_reference_page_is_that_of_the_registry():
    page = Path(__file__).parents[1] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == to_markdown()
