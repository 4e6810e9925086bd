"""The overlay: every frame of the source, upright, at its own time, with the pose on it."""

import av
import numpy as np
import pytest

from formcheck.errors import OutputError, VideoError
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from formcheck.video.overlay import write_overlay
from formcheck.video.reader import probe_video, read_frames
from tests.synthetic import describe_video, draw_frames, make_runner, observe_runner, write_video

WIDTH, HEIGHT = 200, 240


def irregular_times(count, seed=0):
    """About 30 frames a second, none of them evenly, and not from 0."""
    return 0.4 + np.cumsum(np.random.default_rng(seed).uniform(0.02, 0.05, count))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A rotated phone video with a variable rate, and the runner in it."""
    path = tmp_path_factory.mktemp("clip") / "phone.mp4"
    runner = make_runner(
        time_s=irregular_times(150), person_px=170, hip_px=(WIDTH / 2, HEIGHT / 2 - 10)
    )
    stored = (np.rot90(frame, -1) for frame in draw_frames(runner, (WIDTH, HEIGHT)))
    write_video(path, stored, runner.keypoints.time_s, rotation_deg=90)
    return path, runner


@pytest.fixture(scope="module")
def drawn(clip, tmp_path_factory):
    """The overlay of that clip, and the progress told."""
    path, runner = clip
    info = describe_video(path, runner, (WIDTH, HEIGHT))
    analysis = assess_run(info, observe_runner(runner, size_px=(WIDTH, HEIGHT)), Options())
    folder = tmp_path_factory.mktemp("out")
    told = []
    write_report(analysis, folder, overlay=True, progress=told.append)
    return folder / "overlay.mp4", told


def leave_blank(sheet):
    """Draw nothing."""


def times(path):
    return np.array([frame.time_s for frame in read_frames(path)])


def test_every_frame_keeps_its_time(clip, drawn):
    source, written = times(clip[0]), times(drawn[0])
    assert len(written) == len(source) == 150
    assert np.abs(written - source).max() < 1e-4


def test_it_is_upright_h264_that_plays_everywhere(drawn):
    info = probe_video(drawn[0])
    assert (info.width, info.height, info.rotation_deg) == (WIDTH, HEIGHT, 0)
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    start = drawn[0].read_bytes()
    assert start.index(b"moov") < start.index(b"mdat")  # plays while it loads


def test_the_pose_lies_on_the_runner(clip, drawn):
    before = [frame.rgb.astype(int) for frame in read_frames(clip[0])]
    after = [frame.rgb.astype(int) for frame in read_frames(drawn[0])]
    for index in (20, 75, 140):
        orange = (after[index][..., 0] - after[index][..., 2]) > 100
        assert orange.sum() > 60
        # the trunk is painted where the stick figure is dark
        under = np.median(before[index][orange], axis=0)
        assert under.max() < 115


def test_progress_reaches_the_end(drawn):
    told = drawn[1]
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0, abs=0.05)


def test_nothing_else_is_left_in_the_folder(drawn):
    assert {path.name for path in drawn[0].parent.iterdir()} == {
        "frames.parquet",
        "strides.parquet",
        "overlay.mp4",
        "report.html",
        "report.json",
    }


def test_odd_and_large_pictures_become_even_and_smaller(tmp_path):
    source, target = tmp_path / "large.avi", tmp_path / "overlay.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1501, 333, "bgr0"
        for level in (0, 120, 240):
            rgb = np.full((333, 1501, 3), level, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    write_overlay(source, target, leave_blank)
    info = probe_video(target)
    assert (info.width, info.height) == (1280, 284)
    levels = [frame.rgb.mean() for frame in read_frames(target)]
    assert levels == pytest.approx([0, 120, 240], abs=3)


def test_a_source_that_is_gone_is_told(tmp_path):
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        write_overlay(tmp_path / "gone.mp4", tmp_path / "o.mp4", leave_blank)
    assert not (tmp_path / "o.mp4").exists()


def test_a_place_that_cannot_be_written_is_told(clip, tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_overlay(clip[0], tmp_path / "nowhere" / "o.mp4", leave_blank)


def test_a_killed_drawing_leaves_no_half_file(clip, tmp_path):
    path, runner = clip
    info = describe_video(path, runner, (WIDTH, HEIGHT))
    analysis = assess_run(info, observe_runner(runner, size_px=(WIDTH, HEIGHT)), Options())

    def give_up(share):
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(analysis, tmp_path, overlay=True, progress=give_up)
    assert not [p.name for p in tmp_path.iterdir() if "partial" in p.name or p.suffix == ".mp4"]


def test_a_report_folder_that_is_a_file_is_told(clip, tmp_path):
    path, runner = clip
    info = describe_video(path, runner, (WIDTH, HEIGHT))
    analysis = assess_run(info, observe_runner(runner, size_px=(WIDTH, HEIGHT)), Options())
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="--out"):
        write_report(analysis, tmp_path / "taken", overlay=True)
