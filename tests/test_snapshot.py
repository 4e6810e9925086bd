"""A picture to share: early against late, the verdict in words, and nothing private."""

import dataclasses
import shutil
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image

from formcheck.errors import OutputError, ResultError
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from formcheck.report.lettering import load_font
from formcheck.report.snapshot import EARLY, LATE, MARGIN, WIDTH, with_video, wrap, write_snapshot
from formcheck.video.reader import read_date
from tests.synthetic import describe_video, draw_frames, make_runner, observe_runner, write_video

PATIENCE_S = 600
SIZES = {"portrait": (240, 400), "landscape": (480, 270)}


def film(folder, size_px, *, view="side", duration_s=60.0, lean_deg=4.0):
    """Video and analysis of a runner."""
    width, height = size_px
    runner = make_runner(
        duration_s,
        24,
        view=view,
        lean_deg=lean_deg,
        person_px=0.7 * height,
        hip_px=(width / 2, height / 2),
        lean_sd_deg=0.5,
    )
    path = folder / "secret name.mp4"
    write_video(path, draw_frames(runner, size_px), runner.keypoints.time_s)
    observation = observe_runner(runner, size_px=size_px)
    return assess_run(describe_video(path, runner, size_px), observation, Options())


def slump(time_s):
    return 4 + 6 * np.clip((time_s - 30) / 10, 0, 1)


@pytest.fixture(scope="module")
def slumped(tmp_path_factory):
    return film(tmp_path_factory.mktemp("run"), SIZES["portrait"], lean_deg=slump)


def open_picture(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert not image.info  # no name, no place, no date of the file
        return np.asarray(image).astype(int)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("view", ["side", "rear"])
def test_early_and_late_stand_side_by_side(tmp_path, shape, view):
    analysis = film(tmp_path, SIZES[shape], view=view)
    write_snapshot(analysis, tmp_path / "s.png")
    rgb = open_picture(tmp_path / "s.png")
    assert rgb.shape[1] == WIDTH
    assert 900 <= rgb.shape[0] <= 1400
    orange = (rgb[..., 0] - rgb[..., 2] > 150) & (rgb[..., 1] > 100)  # the trunk's line
    middle = WIDTH // 2
    assert orange[:, :middle].sum() > 300
    assert orange[:, middle:].sum() > 300
    rgb[:, MARGIN - 2 : 2 - MARGIN] = rgb[0, 0]  # letters have soft edges
    assert abs(rgb - rgb[0, 0]).max() == 0  # the margin is free


def test_a_text_is_broken_into_lines_with_nothing_lost():
    text = "The camera was moved at 0:20 by more than can be put right. " * 6
    font = load_font(30)
    lines = list(wrap(text, font, 500))
    assert " ".join(lines) == text.strip()
    assert max(font.getlength(line) for line in lines) <= 500
    assert len(lines) < font.getlength(text) / 500 * 1.5


def test_a_long_verdict_makes_the_picture_taller(slumped, tmp_path):
    text = "The camera was moved at 0:20 by more than can be put right. " * 8
    verdict = dataclasses.replace(slumped.verdict, text=text, label="inconclusive")
    write_snapshot(dataclasses.replace(slumped, verdict=verdict), tmp_path / "long.png")
    write_snapshot(slumped, tmp_path / "short.png")
    long, short = open_picture(tmp_path / "long.png"), open_picture(tmp_path / "short.png")
    assert long.shape[0] > short.shape[0]
    margin = long[:, 2 - MARGIN :]
    assert abs(margin - margin[0, 0]).max() == 0


def test_the_colour_says_the_verdict(slumped, tmp_path):
    held = dataclasses.replace(slumped, verdict=dataclasses.replace(slumped.verdict, label="held"))
    bars = []
    for name, analysis in (("bad", slumped), ("good", held)):
        write_snapshot(analysis, tmp_path / f"{name}.png")
        bars.append(open_picture(tmp_path / f"{name}.png")[MARGIN + 10, MARGIN + 4])
    assert bars[0].argmax() == 0  # red
    assert bars[1].argmax() == 1  # green


def test_a_mean_of_all_strides_is_not_shown_as_early(slumped, tmp_path):
    short = film(tmp_path, SIZES["portrait"], duration_s=10.0)
    for name, analysis, is_compared in (("short", short, False), ("whole", slumped, True)):
        write_snapshot(analysis, tmp_path / f"{name}.png")
        table = open_picture(tmp_path / f"{name}.png")[-250:]
        for colour in (EARLY, LATE):
            assert (table == colour).all(axis=-1).any() == is_compared
        margin = table[:, 2 - MARGIN :]
        assert abs(margin - margin[0, 0]).max() == 0


def test_too_few_strides_are_told(slumped, tmp_path):
    strides = slumped.series.strides
    one = dataclasses.replace(
        strides,
        **{
            name: value[:1]
            for name, value in vars(strides).items()
            if isinstance(value, np.ndarray)
        },
    )
    analysis = dataclasses.replace(slumped, series=dataclasses.replace(slumped.series, strides=one))
    with pytest.raises(ResultError, match="two strides"):
        write_snapshot(analysis, tmp_path / "s.png")


def test_a_place_that_cannot_be_written_is_told(slumped, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="--out"):
        write_snapshot(slumped, tmp_path / "taken" / "s.png")


# --- where the video is --------------------------------------------------------------------------


@pytest.fixture
def moved(slumped, tmp_path, monkeypatch):
    """A result whose video is no longer where it was; gives a copy of the video to put back."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "result").mkdir()
    video = dataclasses.replace(slumped.video, path=str(tmp_path / "was" / "secret name.mp4"))
    return dataclasses.replace(slumped, video=video), slumped.video.path


def test_the_video_is_found_where_it_was(slumped, tmp_path):
    assert with_video(slumped, tmp_path).video.path == slumped.video.path


@pytest.mark.parametrize("place", ["result", "."])
def test_a_moved_video_is_found_by_its_name(moved, tmp_path, place):
    analysis, video = moved
    shutil.copy(video, tmp_path / place / "secret name.mp4")
    found = with_video(analysis, tmp_path / "result")
    write_snapshot(found, tmp_path / "s.png")
    assert open_picture(tmp_path / "s.png").shape[1] == WIDTH


def test_a_video_that_is_gone_or_another_is_told(moved, tmp_path):
    analysis, video = moved
    with pytest.raises(ResultError, match=r"'secret name\.mp4'.* is gone or was changed"):
        with_video(analysis, tmp_path / "result")
    with open(video, "rb") as file:  # noqa: PTH123
        (tmp_path / "secret name.mp4").write_bytes(file.read() + b"\0")
    with pytest.raises(ResultError, match="changed"):
        with_video(analysis, tmp_path / "result")


# --- the command ---------------------------------------------------------------------------------


def snapshot(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "formcheck.cli", "snapshot", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_command_makes_a_picture_of_a_result(slumped, tmp_path):
    write_report(slumped, tmp_path / "result")
    done = snapshot("result", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Snapshot: secret name_snapshot.png\n"
    assert open_picture(tmp_path / "secret name_snapshot.png").shape[1] == WIDTH


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("nothing.mp4",), 1, "there is no file 'nothing.mp4'"),
        (("empty",), 1, "holds no result of formcheck"),
        (("empty", "--out", "s.jpg"), 2, "PNG"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(tmp_path, arguments, status, told):
    (tmp_path / "empty").mkdir()
    done = snapshot(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert told in done.stderr
    assert status == 2 or done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.png"))


# --- the date ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noted", "day"),
    [
        ({"creation_time": "2024-05-03T12:00:00Z"}, "2024-05-03"),
        ({"creation_time": "1904-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
def test_the_day_is_the_one_the_camera_noted(tmp_path, noted, day):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.metadata.update(noted)
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    found = read_date(path)
    assert (found and found.isoformat()) == day
