"""Parts of a video watched side by side give what watching it from start to end gives."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from formcheck.observe import observe_video
from formcheck.video import spans as spans_module
from formcheck.video.reader import find_keyframes, probe_video, read_frames
from formcheck.video.spans import OVERLAP_S, Span, _choose_count, cut_into_spans
from tests.clips import write_video
from tests.test_observe import FakeEngine, stand_at

FPS, SECONDS = 20, 15


def pictures(count=FPS * SECONDS, size=(48, 64)):
    rng = np.random.default_rng(0)
    wall = rng.integers(60, 200, (*size, 3), dtype=np.uint8)
    for i in range(count):
        yield np.roll(wall, i // 40, axis=1)


@pytest.fixture(scope="module", params=["mp4", "mov", "mkv"])
def video(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("spans") / f"run.{request.param}"
    return write_video(path, pictures(), fps=FPS, preset="ultrafast", g="30", bf="2")


def counted_times(path, span):
    frames = read_frames(path, from_s=span.from_s, until_s=span.until_s, threads=1)
    return [frame.time_s for frame in frames if frame.time_s >= span.counts_from_s]


def test_spans_count_every_frame_once_and_in_order(video):
    spans = cut_into_spans(probe_video(video))
    assert len(spans) == 2
    apart = [t for span in spans for t in counted_times(video, span)]
    assert apart == [frame.time_s for frame in read_frames(video)]


def test_spans_are_of_one_length_and_go_on_over_the_next(video):
    spans = cut_into_spans(probe_video(video))
    for i, (before, after) in enumerate(pairwise(spans)):
        assert after.from_s == pytest.approx(7.5 * (i + 1), abs=0.15 * 7.5)
        assert before.until_s == pytest.approx(after.from_s + OVERLAP_S)
        assert after.counts_from_s == before.until_s


@pytest.mark.parametrize(
    ("length_s", "count"),
    [(0, 1), (7, 1), (8, 2), (15, 2), (16, 4), (32, 8), (160, 8), (161, 16), (3600, 184)],
)
def test_the_number_of_spans_falls_to_two_four_and_eight_cores_alike(length_s, count):
    assert _choose_count(length_s) == count


def test_spans_begin_at_keyframes_that_are_near(tmp_path):
    path = write_video(tmp_path / "run.mp4", pictures(), fps=FPS, preset="ultrafast", g="12")
    for span in cut_into_spans(probe_video(path))[1:]:  # a keyframe each 0.6 s
        assert (span.from_s / 0.6) % 1 == pytest.approx(0, abs=0.01)


def test_keyframes_are_those_at_or_before(video):
    first, second = find_keyframes(video, [4.0, 4.6])
    assert first == pytest.approx(3.0, abs=0.11)
    assert second == pytest.approx(4.5, abs=0.11)


@pytest.mark.parametrize("suffix", ["avi", "ts"])
def test_a_container_without_an_index_is_one_span(tmp_path, suffix):
    codec = {"avi": "mpeg4", "ts": "libx264"}[suffix]
    path = write_video(tmp_path / f"run.{suffix}", pictures(), fps=FPS, codec=codec, clock=FPS)
    assert cut_into_spans(probe_video(path)) == [Span()]


def test_a_video_of_one_keyframe_is_one_span(tmp_path):
    path = write_video(
        tmp_path / "run.mp4", pictures(FPS * 40), fps=FPS, preset="ultrafast", g="1000"
    )
    assert cut_into_spans(probe_video(path)) == [Span()]


def see_one_who_sways(time_s):
    return [stand_at(32 + 4 * np.sin(5 * time_s), 20, size=0.1)]


def test_side_by_side_sees_what_one_after_the_other_sees(video):
    def watch(threads):
        def create(people):
            engine = FakeEngine(people, see_one_who_sways, masks=True)
            engine.threads, engine.splits = threads, True
            return engine

        return observe_video(probe_video(video), create)

    one, many = watch(1), watch(4)
    assert np.array_equal(one.video_time_s, many.video_time_s)
    for name in ("time_s", "position", "confidence"):
        of_one, of_many = (getattr(seen.people[0].keypoints, name) for seen in (one, many))
        assert np.array_equal(of_one, of_many, equal_nan=True)
    for name in ("time_s", "roll_deg", "shift_px", "brightness", "cuts_s"):
        assert np.array_equal(getattr(one.camera, name), getattr(many.camera, name))
    assert one.log == many.log
    assert len(one.camera.time_s) == 2 * SECONDS


def test_what_goes_wrong_in_a_span_comes_through(video):
    def fail(time_s):
        if time_s > 6:
            raise RuntimeError("the network broke")
        return see_one_who_sways(time_s)

    def create(people):
        engine = FakeEngine(people, see_one_who_sways if people > 1 else fail)
        engine.threads, engine.splits = 2, True
        return engine

    with pytest.raises(RuntimeError, match="the network broke"):
        observe_video(probe_video(video), create)


@pytest.mark.parametrize("frames", [800, 824, 848])
def test_no_frame_is_lost_where_a_seam_falls_on_it(tmp_path, frames):
    """At 24 frames/s a seam's overlap is six frames, to the last digits of its time."""
    path = write_video(
        tmp_path / "run.mp4", pictures(frames), fps=24, preset="ultrafast", g="240", bf="0"
    )
    spans = cut_into_spans(probe_video(path))
    assert len(spans) > 4
    seen = watch_with(path, threads=2)
    assert len(seen.video_time_s) == frames


def watch_with(path, threads):
    def create(people):
        engine = FakeEngine(people, see_one_who_sways)
        engine.threads, engine.splits = threads, True
        return engine

    return observe_video(probe_video(path), create)


def test_a_length_that_is_promised_and_not_there_is_one_span(tmp_path, monkeypatch):
    """A header may promise a week: to look for the keyframes of 30,000 spans takes minutes."""
    path = write_video(tmp_path / "run.mp4", pictures(), fps=FPS, preset="ultrafast", g="12")
    asked = []

    def count_and_find(path, near_s):
        asked.extend(near_s)
        return find_keyframes(path, near_s)

    monkeypatch.setattr(spans_module, "find_keyframes", count_and_find)
    info = replace(probe_video(path), promised_duration_s=6 * 86_400.0)
    assert cut_into_spans(info) == [Span()]
    assert len(asked) == 1
