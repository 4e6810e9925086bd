"""One pass over a video, with an engine of our own: no network is run here."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from formcheck import observe as observe_module
from formcheck.errors import VideoError
from formcheck.keypoints import KEYPOINTS
from formcheck.observe import MAX_PEOPLE, PREFETCH, _Pictures, observe_video
from formcheck.pose.engine import FramePoses, Mask
from formcheck.video import moments as moments_module
from formcheck.video.ahead import work_ahead
from formcheck.video.frame import Frame
from formcheck.video.reader import VideoInfo, probe_video
from tests.clips import write_video
from tests.test_people import stand_at

PATIENCE_S = 300
WIDTH, HEIGHT, FRAMES = 320, 240, 40


class FakeEngine:
    """Sees in each frame whatever it was told to see at that time."""

    name, model, device, precision, note, threads = "fake", "none", "cpu", "exact", None, 1
    splits, whole_pictures = False, False

    def __init__(self, people, see, *, masks=False, log=None):
        self.people, self.see, self.masks = people, see, masks
        self.log = [] if log is None else log

    def track(self, frames):
        try:
            for frame in frames:
                seen = self.see(frame.time_s)[: self.people]
                position = np.array(seen, dtype=float).reshape(-1, len(KEYPOINTS), 2)
                masks = [Mask(np.ones(frame.rgb.shape[:2], np.float32), np.eye(2, 3))] * len(seen)
                yield FramePoses(
                    frame,
                    position,
                    np.full(position.shape[:2], 0.9),
                    masks if self.masks else None,
                )
        finally:
            self.log.append(("closed", self.people))


def one(time_s):
    return [stand_at(160, 100, size=0.4)]


def two(time_s):
    return [stand_at(80, 100, size=0.4), stand_at(240, 100, size=0.4)]


@pytest.fixture
def video(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    wall = rng.integers(60, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return write_video(tmp_path / "run.mp4", (wall for _ in range(FRAMES)), preset="ultrafast")


def observe(video, see, **settings):
    """Watch, and return what was observed and how many people each engine was made for."""
    asked = []

    def create(people):
        asked.append(people)
        return FakeEngine(people, see, **settings)

    return observe_video(probe_video(video), create), asked


def test_all_frames_are_watched_once_in_order(video):
    shares = []
    info = probe_video(video)
    seen = observe_video(info, lambda people: FakeEngine(people, one), shares.append)
    assert seen.video_time_s == pytest.approx(np.arange(FRAMES) / 30, abs=1e-4)
    assert seen.log.frames_decoded == FRAMES
    assert len(seen.people) == 1
    assert seen.people[0].frames_seen == FRAMES
    assert seen.people[0].keypoints.position[3] == pytest.approx(stand_at(160, 100, size=0.4))
    assert len(seen.camera.time_s) == pytest.approx(FRAMES / 30 / 0.5, abs=1)
    assert len(shares) == 1 + FRAMES  # once before the first, so that a bar shows at once
    assert np.diff(shares).min() >= 0
    assert 0 <= shares[0] < shares[-1] <= 1
    assert shares[-1] > 0.9


def test_a_few_pictures_of_the_runner_are_kept(video, monkeypatch):
    monkeypatch.setattr(moments_module, "ENOUGH", 4)
    seen, _ = observe(video, one)
    assert [m.time_s for m in seen.moments] == pytest.approx([0.0, 0.3333, 0.6667, 1.0], abs=0.04)
    assert {m.size_px for m in seen.moments} == {seen.moments[0].size_px}
    assert observe(video, lambda t: [])[0].moments == []


@pytest.mark.parametrize(
    ("see", "wanted"),
    [
        (one, 1),
        (two, 2),
        (lambda t: two(t) + one(t), 3),
        (lambda t: [], 1),
        # one look in which somebody is seen double
        (lambda t: one(t) * (2 if 0.5 < t < 0.6 else 1), 1),
        # somebody small at the back
        (lambda t: [stand_at(80, 100, size=0.4), stand_at(240, 100, size=0.1)], 1),
    ],
)
def test_the_survey_chooses_how_many_people_are_followed(video, see, wanted):
    seen, asked = observe(video, see)
    assert asked == [MAX_PEOPLE, wanted]
    assert len(seen.people) == min(wanted, len(see(0.0)))


def test_the_survey_decodes_nothing_on_the_way_to_keyframes(tmp_path, monkeypatch):
    pictures = (np.full((64, 96, 3), 90, np.uint8) for _ in range(200))
    video = write_video(tmp_path / "run.mp4", pictures, fps=20, preset="ultrafast", g="20")
    looked_at = []
    read = observe_module.read_frame_near

    def look(path, time_s, **how):
        looked_at.append(time_s)
        return read(path, time_s, **how)

    monkeypatch.setattr(observe_module, "read_frame_near", look)
    observe(video, lambda t: [])
    assert len(looked_at) == 8
    assert np.mod(looked_at, 1.0) == pytest.approx(0.0)  # a keyframe each second


def test_points_are_given_in_pixels_of_the_source(tmp_path):
    large = (np.full((960, 1920, 3), 90, np.uint8) for _ in range(3))
    video = write_video(tmp_path / "large.mp4", large, preset="ultrafast")
    seen, _ = observe(video, lambda t: [stand_at(640, 320)])
    assert seen.people[0].keypoints.position[0] == pytest.approx(1.5 * stand_at(640, 320))
    assert seen.camera.centre_px == pytest.approx((960, 480))


def test_points_beyond_the_edge_have_no_confidence(video):
    seen, _ = observe(video, lambda t: [stand_at(160, 200, size=0.6)])
    person = seen.people[0].keypoints
    outside = person.position[0, :, 1] > 1.05 * HEIGHT
    assert outside.any()
    assert (person.confidence[0, outside] == 0).all()
    assert person.confidence[0, ~outside] == pytest.approx(0.9)


def test_without_masks_the_profile_is_unknown(video):
    seen, _ = observe(video, one)
    assert np.isnan(seen.people[0].profile).all()
    with_masks, _ = observe(video, one, masks=True)
    assert with_masks.people[0].profile.shape == seen.people[0].profile.shape


def assert_threads_end(before):
    """The one that hashes the file may take a moment longer than what was raised."""
    end = time.monotonic() + PATIENCE_S
    while threading.active_count() > before:
        assert time.monotonic() < end
        threading.Event().wait(0.01)


def test_what_the_engine_raises_comes_through_and_all_is_closed(video):
    log, before = [], threading.active_count()

    def fail(time_s):
        if time_s > 0.5:
            raise RuntimeError("the network broke")
        return one(time_s)

    def create(people):
        # the survey goes well
        return FakeEngine(people, one if people == MAX_PEOPLE else fail, log=log)

    with pytest.raises(RuntimeError, match="the network broke") as caught:
        observe_video(probe_video(video), create)
    assert log == [("closed", MAX_PEOPLE), ("closed", 1)]
    assert_threads_end(before)
    assert caught.traceback  # still held: nothing waits for it to be let go


def test_what_progress_raises_comes_through_and_all_is_closed(video):
    log, before = [], threading.active_count()

    def stop(share):
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observe_video(probe_video(video), lambda people: FakeEngine(people, one, log=log), stop)
    assert ("closed", 1) in log
    assert_threads_end(before)


def test_a_file_that_vanishes_is_told(video):
    info = probe_video(video)
    video.unlink()
    before = threading.active_count()
    with pytest.raises(VideoError, match="no file"):
        observe_video(info, lambda people: FakeEngine(people, one))
    assert_threads_end(before)


def count_frames(made, fail_at=None):
    for i in range(1000):
        if i == fail_at:
            raise VideoError("the reader broke")
        made.append(i)
        yield Frame(i, i / 30, np.zeros((2, 2, 3), np.uint8), 1.0)


def wait_until_full(made):
    """Give the thread the time that it needs to decode all it may."""
    patience = threading.Event()
    for _ in range(500):
        if len(made) >= PREFETCH + 1:
            break
        patience.wait(0.01)
    patience.wait(0.05)


def test_decoding_ahead_is_bounded_and_ends_with_the_reader_of_it():
    made, before = [], threading.active_count()
    frames = work_ahead(count_frames(made), PREFETCH)
    assert next(frames).index == 0
    wait_until_full(made)
    # those waiting, the one read, and the one that finds no room
    assert len(made) <= PREFETCH + 2
    assert threading.active_count() == before + 1
    frames.close()
    assert threading.active_count() == before
    assert len(made) <= PREFETCH + 3


def test_decoding_ahead_gives_every_frame_once():
    made, before = [], threading.active_count()
    assert [f.index for f in work_ahead(count_frames(made), PREFETCH)] == list(range(1000))
    assert threading.active_count() == before


def test_an_error_of_the_reader_comes_after_the_frames_before_it():
    made, before = [], threading.active_count()
    got = []
    with pytest.raises(VideoError, match="the reader broke"):
        got.extend(f.index for f in work_ahead(count_frames(made, fail_at=20), PREFETCH))
    frames = work_ahead(count_frames([], fail_at=3), PREFETCH)
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(VideoError):
        next(frames)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("size", "at_once"),
    [((1080, 1920), 8), ((3840, 2160), 8), ((7680, 4320), 4), ((8192, 4608), 3)],
)
def test_of_large_pictures_fewer_are_held(size, at_once):
    info = VideoInfo(Path("run.mp4"), *size, 0, "h264", "yuv420p", 30.0, 10.0)
    assert _Pictures(info, every=1, whole=False, moment_s=1.0).at_once(PREFETCH) == at_once
