"""A long video watched in windows gives the answer that watching all of it gives."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from formcheck.keypoints import Keypoints
from formcheck.observe import observe_video, watch_more
from formcheck.pipeline import _describe_video
from formcheck.signals.timeline import GAP_S, Timeline
from formcheck.video.camera import CameraWatch, glimpse
from formcheck.video.frame import Frame
from formcheck.video.reader import probe_video
from formcheck.video.sampling import WARM_UP_S, Sampling, plan_around, plan_windows, thin_out
from formcheck.video.spans import Span
from tests.clips import write_video
from tests.synthetic import make_runner, observe_runner
from tests.test_observe import FakeEngine
from tests.test_pipeline import assess, ramp
from tests.test_spans import FPS, SECONDS, pictures, see_one_who_sways


@pytest.mark.parametrize(
    ("text", "window_s", "every_s"),
    [("8s/60s", 8, 60), ("10/2min", 10, 120), ("7.5s / 1min", 7.5, 60), ("5/5", 5, 5)],
)
def test_windows_are_read_from_text(text, window_s, every_s):
    assert Sampling.parse(text) == Sampling("windows", window_s, every_s)


@pytest.mark.parametrize(
    "text", ["", "most", "8s", "8s/", "60s/8s", "0/60", "2s/60s", "-8/60", "8h/60h", "1/2/3"]
)
def test_what_names_no_windows_is_refused(text):
    with pytest.raises(ValueError, match=r"LEN/EVERY|window"):
        Sampling.parse(text)


def test_a_sampling_says_itself_as_it_is_read():
    for text in ("auto", "all", "8s/60s"):
        assert str(Sampling.parse(text)) == text


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("sampling") / "run.mp4"
    return write_video(path, pictures(), fps=FPS, preset="ultrafast", g="10")  # a key each 0.5 s


def test_windows_lie_at_keyframes_from_the_start_to_the_end(video):
    windows = plan_windows(probe_video(video), Sampling("windows", 1, 3), 1.0)
    starts = [w.from_s for w in windows]
    assert len(windows) == round(SECONDS / 3)
    assert starts[0] == 0
    assert windows[0].counts_from_s == -np.inf
    assert np.diff(starts) == pytest.approx((SECONDS - 1.25) / 4, abs=0.5)
    assert SECONDS - 0.6 < windows[-1].until_s <= SECONDS + 0.1
    for window in windows[1:]:
        assert (window.from_s * 2) % 1 == pytest.approx(0, abs=0.01)
        assert window.until_s - window.from_s == pytest.approx(1.25)
        assert window.counts_from_s == pytest.approx(window.from_s + WARM_UP_S)


def test_windows_of_a_slowed_video_are_as_much_longer(video):
    windows = plan_windows(probe_video(video), Sampling("windows", 0.5, 1.5), 2.0)
    assert len(windows) == round(SECONDS / 2 / 1.5)
    assert windows[0].until_s == pytest.approx(1.25)


@pytest.mark.parametrize("text", ["auto", "all", "3s/3s"])
def test_a_short_video_and_windows_that_save_nothing_are_read_whole(video, text):
    assert plan_windows(probe_video(video), Sampling.parse(text), 1.0) == []


def test_auto_takes_windows_of_a_long_video(video):
    long = dataclasses.replace(probe_video(video), promised_duration_s=3600.0)
    # a header that promises too much: beyond the end, windows fall on the last keyframe
    windows = plan_windows(long, Sampling(), 1.0)
    assert len(windows) in (0, 2)
    assert plan_windows(dataclasses.replace(long, promised_duration_s=290.0), Sampling(), 1.0) == []


def test_a_video_without_keyframes_nearby_is_read_whole(tmp_path):
    path = write_video(
        tmp_path / "one_key.mp4", pictures(FPS * 40), fps=FPS, preset="ultrafast", g="1000"
    )
    assert plan_windows(probe_video(path), Sampling("windows", 1, 5), 1.0) == []


def test_windows_never_run_into_each_other(tmp_path):
    """Keyframes further apart than the pauses: where a window would begin in another, it doesn't"""
    path = write_video(
        tmp_path / "run.mp4", pictures(), fps=FPS, preset="ultrafast", g=str(3 * FPS)
    )
    windows = plan_windows(probe_video(path), Sampling("windows", 2, 3), 1.0)
    assert len(windows) >= 3
    for before, after in pairwise(windows):
        assert after.from_s >= before.until_s


def test_further_windows_keep_clear_of_those_that_are_known(video):
    info = probe_video(video)
    # of 8 s each in 15 s, beside one that takes the first 4: at most one fits
    known = plan_windows(info, Sampling("windows", 1, 3), 1.0)[:1]
    more = plan_around(info, 5.0, 12.0, known, 1.0)
    assert len(more) == 1
    assert more[0].from_s >= known[0].until_s


def make_engine(threads):
    def create(people):
        engine = FakeEngine(people, see_one_who_sways)
        engine.threads, engine.splits = threads, True
        return engine

    return create


@pytest.mark.parametrize("threads", [1, 3])
def test_only_the_windows_are_watched_and_more_are_added_in_order(video, threads):
    info = probe_video(video)
    windows = plan_windows(info, Sampling("windows", 1, 3), 1.0)
    few = observe_video(
        info, make_engine(threads), windows=[windows[0], windows[3]], resumable=True
    )
    all_at_once = observe_video(info, make_engine(threads), windows=windows)
    added = watch_more(info, few, [windows[1], windows[2], windows[4]])
    assert few.log.frames_decoded < all_at_once.log.frames_decoded
    assert (np.diff(added.video_time_s) > 0).all()
    assert added.windows == few.windows == [windows[0], windows[3]]
    assert added.closer == [windows[1], windows[2], windows[4]]
    assert np.array_equal(added.video_time_s, all_at_once.video_time_s)
    assert all_at_once.sights == []  # only what will be asked for is kept
    assert len(added.people) == 1
    assert len(added.camera.cuts_s) == 0


def test_what_changed_between_windows_is_no_cut():
    rng = np.random.default_rng(0)
    wall = rng.integers(60, 200, (90, 160, 3), dtype=np.uint8)
    watch, nobody = CameraWatch(), np.zeros((0, 33, 2))
    previous_s = -np.inf
    for time_s in [*np.arange(10) / 10, *(60 + np.arange(10) / 10)]:
        picture = wall if time_s < 30 else np.roll(wall, 40, axis=1)
        watch.look(glimpse(Frame(0, float(time_s), picture), previous_s), nobody)
        previous_s = float(time_s)
    assert len(watch.track.cuts_s) == 0


def test_windows_are_moved_up_to_each_other_and_back():
    time_s = np.concatenate(
        [np.arange(0, 8, 0.1), np.arange(60, 68, 0.1), np.arange(200, 204, 0.1)]
    )
    timeline = Timeline.of(time_s)
    course = Keypoints(time_s, np.zeros((len(time_s), 33, 2)), np.ones((len(time_s), 33)))
    closed = timeline.close_up(course).time_s
    step = np.diff(closed)
    assert step[step > 0.15] == pytest.approx(GAP_S)
    assert (step > 0.15).sum() == 2
    assert timeline.restore(closed) == pytest.approx(time_s)
    assert timeline.restore(closed - 0.3)[80] == pytest.approx(59.7)  # just before a window
    assert np.isnan(timeline.restore(np.array([np.nan]))).all()
    assert timeline.close_up_times([61.0]) == pytest.approx([closed[80] + 1.0])


def test_a_course_without_gaps_stays_as_it_is():
    time_s = np.arange(0, 20, 0.1)
    timeline = Timeline.of(time_s)
    assert timeline.restore(time_s) == pytest.approx(time_s)
    assert timeline.close_up_times(time_s) == pytest.approx(time_s)


def in_windows(observation, window_s, every_s):
    """What is left of an observation when only windows of it are watched."""
    return keep(observation, (observation.video_time_s % every_s) < window_s)


def keep(observation, kept):
    """What is left of an observation when only some frames are watched."""
    samples = np.isin(
        np.round(observation.camera.time_s, 3), np.round(observation.video_time_s[kept], 3)
    )
    person = observation.people[0]
    keypoints = person.keypoints
    return dataclasses.replace(
        observation,
        video_time_s=observation.video_time_s[kept],
        people=[
            dataclasses.replace(
                person,
                keypoints=Keypoints(
                    keypoints.time_s[kept], keypoints.position[kept], keypoints.confidence[kept]
                ),
                profile=person.profile[kept],
                frames_seen=int(kept.sum()),
            )
        ],
        camera=dataclasses.replace(
            observation.camera,
            **{
                name: getattr(observation.camera, name)[samples]
                for name in ("time_s", "roll_deg", "shift_px", "zoom", "brightness")
            },
        ),
    )


@pytest.fixture(scope="module")
def slouching():
    """40 minutes in which lean grows from 5 to 9 degrees in the last 12."""
    growing = ramp(2400, 0.5, 0.8, 4.0)
    return make_runner(2400, 30, lean_deg=lambda t: 5 + growing(t), noise_px=3, lean_sd_deg=0.7)


def test_windows_give_the_answer_of_all_frames(slouching, tmp_path):
    observed = observe_runner(slouching)
    all_frames = assess(slouching, tmp_path, observation=observed)
    sampled = assess(slouching, tmp_path, observation=in_windows(observed, 8, 80))
    lean, of_all = (a.metrics["trunk_lean_deg"] for a in (sampled, all_frames))
    assert sampled.verdict.label == all_frames.verdict.label == "degraded"
    assert lean.change.value == pytest.approx(of_all.change.value, abs=0.3)
    assert lean.change.ci95[0] < 4.0 < lean.change.ci95[1]
    assert lean.onset_s.ci95[0] <= 1200 <= lean.onset_s.ci95[1]
    assert sampled.gait.cadence_spm == pytest.approx(all_frames.gait.cadence_spm, abs=0.3)
    assert "late in the run" in sampled.verdict.text or "from about" in sampled.verdict.text


def test_strides_in_windows_are_true_strides_at_their_true_times(slouching, tmp_path):
    sampled = assess(slouching, tmp_path, observation=in_windows(observe_runner(slouching), 8, 80))
    strides = sampled.series.strides
    inside = (strides.start_s % 80 < 8) & (strides.end_s % 80 < 8)
    assert inside.all()
    assert len(strides) >= 30 * 8
    true = slouching.contact_s[strides.foot]
    contact = strides.contact_s[np.isfinite(strides.contact_s)]
    nearest = true[np.abs(contact[:, None] - true).argmin(axis=1)]
    assert len(contact) > 0.8 * len(strides)
    assert np.abs(contact - nearest).max() < 0.08


@pytest.mark.parametrize("cadence_spm", [163.7, 171.3, 177.3])
def test_windows_that_are_not_in_step_with_the_strides_keep_left_and_right(cadence_spm, tmp_path):
    runner = make_runner(2400, 30, cadence_spm=cadence_spm, noise_px=3)
    analysis = assess(runner, tmp_path, observation=in_windows(observe_runner(runner), 8, 80))
    assert analysis.series.swapped["legs"].mean() < 0.002
    strides = analysis.series.strides
    assert len(strides) >= 30 * 8
    for time_s in (strides.start_s, strides.end_s, strides.contact_s, strides.toe_off_s):
        assert (time_s[np.isfinite(time_s)] % 80 <= 8).all()
    true = runner.contact_s[strides.foot]
    contact = strides.contact_s[np.isfinite(strides.contact_s)]
    nearest = true[np.abs(contact[:, None] - true).argmin(axis=1)]
    assert np.abs(contact - nearest).max() < 0.08


def test_windows_added_for_the_onset_do_not_move_the_change(tmp_path):
    """Lean grows in the last sixth; further windows lie where that begins."""
    growing = ramp(2400, 0.85, 1.0, 9.0)
    runner = make_runner(2400, 30, lean_deg=lambda t: 5 + growing(t), noise_px=3, lean_sd_deg=0.7)
    observed = observe_runner(runner)
    even = in_windows(observed, 8, 80)
    closer = [Span(2050.0 + 20 * i, 2058.0 + 20 * i) for i in range(8)]
    kept = (observed.video_time_s % 80) < 8
    for span in closer:
        kept |= (observed.video_time_s >= span.from_s) & (observed.video_time_s < span.until_s)
    more = dataclasses.replace(keep(observed, kept), closer=closer)
    without, added = (assess(runner, tmp_path, observation=o) for o in (even, more))
    lean, of_more = (a.metrics["trunk_lean_deg"] for a in (without, added))
    assert len(added.series.strides) > len(without.series.strides) + 40
    assert of_more.change.value == pytest.approx(lean.change.value, abs=0.15)
    assert (of_more.baseline.strides, of_more.late.strides) == pytest.approx(
        (lean.baseline.strides, lean.late.strides), abs=3
    )
    # without the distinction, the change would come out too small
    all_alike = assess(runner, tmp_path, observation=dataclasses.replace(more, closer=[]))
    assert all_alike.metrics["trunk_lean_deg"].change.value < lean.change.value - 0.25
    assert of_more.onset_s.ci95[0] <= 2040 <= of_more.onset_s.ci95[1]


# --- videos of many frames a second --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fps", "slow_motion", "every"),
    [
        (24, 1, 1),
        (30, 1, 1),
        (60, 1, 1),
        (100, 1, 1),
        (119.88, 1, 2),
        (240, 1, 4),
        (30, 8, 4),  # filmed at 240
        (None, 1, 1),
    ],
)
def test_of_many_frames_a_second_only_some_are_watched(video, fps, slow_motion, every):
    info = dataclasses.replace(probe_video(video), nominal_fps=fps)
    assert thin_out(info, 60.0, slow_motion) == every


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("jitter_s", [0.0, 0.0015])
def test_every_second_frame_is_watched_also_across_seams(tmp_path, threads, jitter_s):
    frames, fps = 1200, 120
    rng = np.random.default_rng(0)
    times_s = np.arange(frames) / fps + rng.uniform(-jitter_s, jitter_s, frames)
    times_s[0] = 0.0
    path = tmp_path / "fast.mp4"
    write_video(path, pictures(frames), times_s=times_s, preset="ultrafast", g="60")
    seen = observe_video(probe_video(path), make_engine(threads), every=2)
    nearest = np.abs(seen.video_time_s[:, None] - times_s).argmin(axis=1)
    assert seen.video_time_s == pytest.approx(times_s[nearest], abs=1e-4)
    steps = np.diff(nearest)
    assert (steps != 2).sum() <= (0 if threads == 1 and not jitter_s else 8)  # at the seams
    assert 1 <= steps.min() <= steps.max() <= 3


def test_leaving_frames_out_keeps_the_true_frame_rate(tmp_path):
    path = tmp_path / "fast.mp4"
    write_video(path, pictures(240), fps=120, preset="ultrafast")
    info = probe_video(path)
    facts = _describe_video(info, observe_video(info, make_engine(1), every=2))
    assert (facts.fps, facts.watched_fps) == (pytest.approx(120), pytest.approx(60))
    facts = _describe_video(info, observe_video(info, make_engine(1)))
    assert (facts.fps, facts.watched_fps) == (pytest.approx(120), pytest.approx(120))
