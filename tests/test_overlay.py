"""The overlay: every frame of the source, upright, at its own time, with the pose on it."""

import dataclasses
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from formcheck.errors import FormcheckError, OutputError, VideoError
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from formcheck.report.overlay import HERE_S, Overlay
from formcheck.report.reading import read_analysis
from formcheck.result import SamplingFacts
from formcheck.video.overlay import AHEAD, Sheet, write_overlay
from formcheck.video.reader import probe_video, read_frames
from tests.synthetic import describe_video, draw_frames, make_runner, observe_runner, write_video

WIDTH, HEIGHT = 200, 240
PORTRAIT = (360, 640)


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


def find_orange(rgb):
    """Where the trunk's line, its angle and the course of the chart are drawn."""
    return (rgb[..., 0].astype(int) - rgb[..., 2]) > 100


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
    with av.open(str(drawn[0])) as container:
        assert container.streams.video[0].profile in ("High", "Main")
        assert not container.streams.audio
    start = drawn[0].read_bytes()
    assert start.index(b"moov") < start.index(b"mdat")  # plays while it loads


def test_the_pose_lies_on_the_runner(clip, drawn):
    before = [frame.rgb.astype(int) for frame in read_frames(clip[0])]
    after = [frame.rgb.astype(int) for frame in read_frames(drawn[0])]
    for index in (20, 75, 140):
        orange = find_orange(after[index])
        orange[HEIGHT * 2 // 3 :] = False  # the running chart
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


def test_an_overlay_that_can_not_be_made_costs_no_report(clip, tmp_path):
    path, runner = clip
    info = describe_video(path, runner, (WIDTH, HEIGHT))
    analysis = assess_run(info, observe_runner(runner, size_px=(WIDTH, HEIGHT)), Options())
    (tmp_path / "report.json").write_text("of an older run")
    gone = dataclasses.replace(analysis.video, path=str(tmp_path / "gone.mp4"))
    with pytest.raises(FormcheckError):
        write_report(dataclasses.replace(analysis, video=gone), tmp_path, overlay=True)
    assert read_analysis(tmp_path).verdict == analysis.verdict
    assert (tmp_path / "report.html").exists()


def test_a_report_folder_that_is_a_file_is_told(clip, tmp_path):
    path, runner = clip
    info = describe_video(path, runner, (WIDTH, HEIGHT))
    analysis = assess_run(info, observe_runner(runner, size_px=(WIDTH, HEIGHT)), Options())
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="--out"):
        write_report(analysis, tmp_path / "taken", overlay=True)


# --- what is said and drawn at a moment ----------------------------------------------------------


def assess(size_px=PORTRAIT, duration_s=90.0, *, view="side", lean_deg=4.0, time_s=None, slow=1.0):
    width, height = size_px
    runner = make_runner(
        duration_s,
        30,
        time_s=time_s,
        lean_deg=lean_deg,
        view=view,
        person_px=0.7 * height,
        hip_px=(width / 2, height / 2),
        lean_sd_deg=0.5,
    )
    observation = observe_runner(runner, size_px=size_px, slow_motion=slow)
    info = describe_video(Path(__file__), runner, size_px)
    return assess_run(info, observation, Options(slow_motion=slow if slow != 1 else None))


def slump(time_s):
    return 4 + 6 * np.clip((time_s - 40) / 20, 0, 1)


@pytest.fixture(scope="module")
def slumped():
    analysis = assess(lean_deg=slump)
    assert analysis.verdict.label == "degraded"
    return analysis


def paint(analysis, time_s, size_px=PORTRAIT):
    """What is drawn on a grey frame, as RGB."""
    picture = av.VideoFrame(*size_px, "yuv420p")
    for plane in picture.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    picture.color_range = ColorRange.MPEG
    Overlay(analysis).draw(Sheet(time_s, 1.0, picture))
    return picture.to_ndarray(format="rgb24")


def words(analysis, time_s):
    return [[cell.text for cell in row] for row in Overlay(analysis).tell(time_s)]


def test_early_on_the_numbers_stand_alone(slumped):
    assert words(slumped, 3.0)[0] == ["0:03", "now"]
    assert [row[0] for row in words(slumped, 3.0)[1:]] == ["Trunk lean", "Slouch", "Steps/min"]
    assert {len(row) for row in words(slumped, 3.0)} == {2}


def test_later_each_number_has_its_change_from_the_early_part(slumped):
    clock, lean, *_ = words(slumped, 80.0)
    assert clock == ["1:20", "now", "change"]
    assert float(lean[1].removesuffix("°")) == pytest.approx(10.0, abs=1.5)
    early = slumped.metrics["trunk_lean_deg"].baseline.mean
    change = float(lean[1].removesuffix("°")) - early
    assert float(lean[2].removesuffix("°")) == pytest.approx(change, abs=0.11)
    assert lean[2].startswith("+")


def test_the_onset_is_told_when_it_comes_and_stays_told(slumped):
    onset_s = slumped.verdict.onset_s
    assert not any("gave way" in row[0] for row in words(slumped, onset_s - 0.1))
    assert words(slumped, onset_s + 0.1)[-1] == ["Posture gave way here"]
    assert words(slumped, onset_s + HERE_S + 0.1)[-1][0].startswith("Posture gave way at 0:")


def test_slow_motion_tells_real_time():
    analysis = assess(duration_s=60.0, slow=4.0)
    assert words(analysis, 120.0)[0][0] == "0:30"


def test_from_behind_other_angles_are_told():
    rows = words(assess(duration_s=60.0, view="rear"), 50.0)
    assert [row[0] for row in rows[1:3]] == ["Lateral trunk lean", "Pelvic drop"]


@pytest.fixture(scope="module")
def windows():
    """Watched from 0 to 30 and from 60 to 90 s only."""
    time_s = np.arange(0, 90, 1 / 30)
    analysis = assess(time_s=time_s[(time_s < 30) | (time_s >= 60)])
    video = dataclasses.replace(analysis.video, sampling=SamplingFacts(2, 30.0, 60.0))
    return dataclasses.replace(analysis, video=video)


def test_what_was_not_watched_is_said_and_has_no_skeleton(windows):
    assert words(windows, 45.0) == [["0:45"], ["not watched here"]]
    assert len(words(windows, 29.5)) == len(words(windows, 60.5)) == 4
    body = np.s_[150:400]
    assert not find_orange(paint(windows, 45.0)[body]).any()
    for watched_s in (29.0, 61.0):
        assert find_orange(paint(windows, watched_s)[body]).sum() > 100


def test_frames_between_watched_ones_have_the_skeleton_between():
    time_s = np.arange(0, 60, 1 / 30)
    whole, half = assess(time_s=time_s), assess(time_s=time_s[::2])
    skipped = paint(half, 20 + 1 / 30)[150:400]
    assert abs(skipped.astype(int) - paint(whole, 20 + 1 / 30)[150:400]).mean() < 4
    last = time_s[-1]  # after the last one watched
    assert find_orange(paint(half, last)[150:400]).sum() > 100
    assert len(words(half, last + 0.1)) == 4


def test_the_chart_is_strong_up_to_now_and_pale_from_there(slumped):
    orange = find_orange(paint(slumped, 45.0))[-80:]
    left, right = orange[:, :180].sum(), orange[:, 200:].sum()
    assert left > 150
    assert right < left / 4
    at_the_end = find_orange(paint(slumped, 90.0))[-80:]
    assert at_the_end[:, 200:].sum() > 100


def test_the_chart_has_a_gap_where_nothing_was_watched(windows):
    for now_s in (45.0, 90.0):
        columns = find_orange(paint(windows, now_s)[-80:]).any(axis=0)
        assert not columns[140:220].any()
        assert columns[30:130].sum() > 40
    assert columns[255:345].sum() > 40


def test_the_chart_of_a_few_strides_has_its_line():
    short = assess(duration_s=8.0)
    assert find_orange(paint(short, 8.0)[-80:]).any(axis=0).sum() > 150


@pytest.mark.parametrize("size", [(64, 48), (200, 240), (360, 640), (640, 360), (1280, 720)])
def test_any_size_of_picture_has_room(size):
    analysis = assess(size, duration_s=30.0)
    drawn = paint(analysis, 20.0, size)
    assert (abs(drawn.astype(int) - 130) > 40).any()
    if size[0] >= 360:  # plate, skeleton and chart leave some of the picture
        assert (abs(drawn.astype(int) - 130).max(axis=2) < 8).mean() > 0.4


def test_one_stride_or_none_known_leaves_the_chart_out(slumped):
    values = slumped.series.values | {
        "trunk_lean_deg": np.full(len(slumped.series.strides), np.nan)
    }
    series = dataclasses.replace(slumped.series, values=values)
    unknown = dataclasses.replace(slumped, series=series)
    assert not find_orange(paint(unknown, 45.0)[-80:]).any()
    assert words(unknown, 45.0)[1] == ["Trunk lean", "–", "–"]


# --- the file ------------------------------------------------------------------------------------


def write_patches(path, colorspace, color_range):
    """Four coloured patches, in a video that says how its colours are meant."""
    rgb = np.zeros((64, 96, 3), dtype=np.uint8)
    for i, colour in enumerate([(200, 40, 40), (40, 180, 60), (50, 70, 210), (230, 230, 230)]):
        rgb[:, 24 * i : 24 * i + 24] = colour
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = colorspace, color_range
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=colorspace, dst_color_range=color_range
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return rgb


@pytest.mark.parametrize("colorspace", [Colorspace.ITU709, Colorspace.ITU601, Colorspace.BT2020])
@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
def test_colours_stay(tmp_path, colorspace, color_range):
    source, target = tmp_path / "patches.mp4", tmp_path / "overlay.mp4"
    rgb = write_patches(source, colorspace, color_range)
    write_overlay(source, target, leave_blank)
    shown = next(read_frames(target)).rgb.astype(int)
    inside = np.s_[8:-8, [6, 12, 18, 30, 36, 42, 54, 60, 66, 78, 84, 90]]
    assert abs(shown[inside] - rgb[inside]).max() < 14


def test_drawn_colours_are_those_that_were_meant(clip, tmp_path):
    source, target = tmp_path / "patches.mp4", tmp_path / "overlay.mp4"
    write_patches(source, Colorspace.ITU709, ColorRange.MPEG)

    def draw(sheet):
        from formcheck.report.canvas import Canvas, Layer

        canvas = Canvas(sheet.picture)
        canvas.lay(Layer(np.full((32, 40, 4), (255, 150, 20, 255), dtype=np.uint8)), (0, 0))
        canvas.lay(Layer(np.full((32, 40, 4), (0, 0, 0, 128), dtype=np.uint8)), (56, 0))

    write_overlay(source, target, draw)
    shown = next(read_frames(target)).rgb.astype(int)
    assert shown[8:24, 8:32].mean(axis=(0, 1)) == pytest.approx([255, 150, 20], abs=12)
    assert shown[8:24, 80:92].mean(axis=(0, 1)) == pytest.approx([115, 115, 115], abs=12)


def test_a_drawing_that_fails_is_told_and_all_threads_have_ended(clip, tmp_path):
    before = threading.active_count()

    def fail(sheet):
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        write_overlay(clip[0], tmp_path / "o.mp4", fail)
    assert threading.active_count() == before


def test_only_a_few_pictures_wait(clip, tmp_path):
    """Drawing runs ahead of encoding by a queue, whatever the length of the video."""
    drawn, ahead = [], []

    def count(sheet):
        drawn.append(sheet.time_s)

    def look(share):
        ahead.append(len(drawn) - len(ahead) - 1)

    write_overlay(clip[0], tmp_path / "o.mp4", count, duration_s=6.0, progress=look)
    assert len(drawn) == 150
    assert max(ahead) <= AHEAD + 3
