"""Real clips against what a person counted and placed by hand, without sight of our numbers.

The labels and how they were made are in tests/hand_labels. The clips themselves are not part of
the project: without them these tests skip.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from formcheck import Analysis, FormcheckError, Options, analyze
from tests.clips import CLIPS, clip, loop_clip

LABELS = Path(__file__).parent / "hand_labels"
one_worker = pytest.mark.xdist_group("clips")  # so that each clip is analysed once
BELT_Y = 1540 / 1920  # height of the belt in treadmill_side_barefoot.mov, read off a frame


def labels(stem: str) -> dict:
    return json.loads((LABELS / f"{stem}.json").read_text())


@cache
def analysed(name: str, **options) -> Analysis:
    return analyze(CLIPS / name, Options(**options))


@one_worker
def test_side_clip_is_seen_as_it_is():
    clip("treadmill_side_barefoot.mov")
    analysis = analysed("treadmill_side_barefoot.mov")
    assert (analysis.capture.view, analysis.capture.direction) == ("side", 1)
    assert analysis.verdict.label == "insufficient_data"
    assert not analysis.capture.warnings


@one_worker
def test_cadence_within_one_percent_of_the_hand_count():
    clip("treadmill_side_barefoot.mov")
    counted = labels("treadmill_side_barefoot")["cadence_spm"]["best"]  # 161.3, 95 %: 0.7
    assert analysed("treadmill_side_barefoot.mov").gait.cadence_spm == pytest.approx(
        counted, rel=0.01
    )


@one_worker
def test_rear_clip():
    clip("treadmill_rear_barefoot.mov")
    analysis = analysed("treadmill_rear_barefoot.mov")
    assert analysis.capture.view == "rear"
    assert analysis.metrics["trunk_lean_deg"].mean is None
    counted = labels("treadmill_rear_barefoot")["cadence_spm"]["best"]
    assert analysis.gait.cadence_spm == pytest.approx(counted, rel=0.01)


@one_worker
def test_slow_motion_clip_without_an_option_names_a_factor():
    path = clip("treadmill_side_slowmotion.mp4")
    with pytest.raises(FormcheckError, match="slow motion") as caught:
        analyze(path)
    words = str(caught.value).split()
    factor = float(words[words.index("--slow-motion") + 1])
    assert 7 <= factor <= 10


@one_worker
def test_slow_motion_clip_with_its_factor():
    clip("treadmill_side_slowmotion.mp4")
    analysis = analysed("treadmill_side_slowmotion.mp4", slow_motion=8.0)
    counted = 8 * labels("treadmill_side_slowmotion")["cadence_spm"]["best"]
    # the handrail hides the near leg for a third of each stride, so few strides are whole
    assert analysis.gait.cadence_spm == pytest.approx(counted, rel=0.02)
    assert analysis.capture.direction == 1


@one_worker
def test_panning_clip():
    path = clip("road_side_panning_slowmotion.mp4")
    with pytest.raises(FormcheckError, match="slow motion"):
        analyze(path)
    analysis = analysed("road_side_panning_slowmotion.mp4", slow_motion=2.0)
    counted = 2 * labels("road_side_panning_slowmotion")["cadence_spm"]["best"]
    assert analysis.gait.cadence_spm == pytest.approx(counted, rel=0.01)
    assert analysis.capture.direction == -1
    assert analysis.verdict.label in ("insufficient_data", "inconclusive")


@one_worker
def test_nobody_runs():
    with pytest.raises(FormcheckError, match=r"walk|not run"):
        analyze(clip("two_people_walking.mp4"))


@one_worker
def test_legs_only():
    with pytest.raises(FormcheckError, match="whole body"):
        analyze(clip("cuts_and_legs_only.mp4"))


@one_worker
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("treadmill_side_barefoot.mov", {}),
        # every frame is watched, so that their numbers are those on the labels
        ("treadmill_side_slowmotion.mp4", {"slow_motion": 8.0, "max_fps": 1000.0}),
    ],
)
def test_trunk_lean_against_points_placed_by_hand(name, options):
    clip(name)
    analysis = analysed(name, **options)
    points = labels(Path(name).stem)["points"]
    frames = [point["frame"] for point in points]
    placed = np.array([point["trunk_lean_deg"] for point in points])
    difference = analysis.series.angles.trunk_lean_deg[frames] - placed
    assert len(difference) >= 14  # 32 frames over both clips
    assert abs(difference.mean()) <= 3.0
    # it follows the swing of the trunk within the stride, not only the mean
    assert np.corrcoef(analysis.series.angles.trunk_lean_deg[frames], placed)[0, 1] > 0.6


@one_worker
def test_contacts_against_events_placed_by_hand():
    clip("treadmill_side_barefoot.mov")
    strides = analysed("treadmill_side_barefoot.mov").series.strides
    events = labels("treadmill_side_barefoot")["events"]
    half_frame_s = 0.5 / 30.1  # the label is the first frame after the event

    def placed(kind):
        return np.array(
            [
                e["pts_s"] - half_frame_s
                for e in events
                if e["foot"] == "near" and e["event"] == kind
            ]
        )

    for found, kind in ((strides.contact_s, "initial_contact"), (strides.toe_off_s, "toe_off")):
        found = found[np.isfinite(found)]
        assert len(found) >= 4
        nearest = np.abs(found[:, None] - placed(kind)).argmin(axis=1)
        error = found - placed(kind)[nearest]
        assert np.abs(error).max() < 2 / 30.1  # at worst 55 ms, with MediaPipe's smoothing 32
        assert abs(error.mean()) < 1 / 30.1
    contact_time = np.nanmean(strides.toe_off_s - strides.contact_s)
    by_hand = (placed("toe_off") - placed("initial_contact")[:-1]).mean()
    assert contact_time == pytest.approx(by_hand, abs=1 / 30.1)


# The same clip, looped to three minutes: real pixels whose change is known.


def test_looped_clip_held(tmp_path):
    source = clip("treadmill_side_barefoot.mov")
    looped = loop_clip(source, tmp_path / "steady.mp4", 45, belt_y=BELT_Y)
    assert analyze(looped).verdict.label == "held"


def test_looped_clip_leaning_forward_degraded(tmp_path):
    source = clip("treadmill_side_barefoot.mov")

    def added(share: float) -> float:
        return 8 * max(0.0, share - 0.5)  # nothing at half time, 4 degrees at the end

    looped = loop_clip(source, tmp_path / "leaning.mp4", 45, belt_y=BELT_Y, added_lean_deg=added)
    analysis = analyze(looped)
    lean = analysis.metrics["trunk_lean_deg"]
    length_s = analysis.video.duration_s
    put_in = [
        np.mean([added(t / length_s) for t in np.linspace(part.from_s, part.to_s, 200)])
        for part in (lean.baseline, lean.late)
    ]
    assert analysis.verdict.label == "degraded"
    assert lean.change.value == pytest.approx(put_in[1] - put_in[0], abs=0.8)
    assert analysis.verdict.onset_s == pytest.approx(length_s / 2, abs=0.1 * length_s)
