"""The command as a user or a script meets it: exit status, what is printed where, what is left."""

import contextlib
import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from rich.console import Console

from formcheck.cli.speech import errors_as_one_line, progress_bar, show_page
from formcheck.errors import OutputError
from formcheck.report.files import write_whole
from formcheck.video.reader import read_frames
from tests.clips import clip, write_video

CLIP = "treadmill_side_barefoot.mov"
ODD_NAME = "läuf 🏃 [bold]1\nend"
FILES = {"report.json", "report.html", "frames.parquet", "strides.parquet"}
FORMCHECK = (sys.executable, "-m", "formcheck.cli")
PATIENCE_S = 300


def formcheck(*arguments, cwd, **settings):
    return subprocess.run(
        [*FORMCHECK, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        **settings,
    )


def start(*arguments, cwd, **settings):
    """Start the command with the usual meaning of Ctrl-C, whatever this process was told."""
    return subprocess.Popen(
        [*FORMCHECK, *map(str, arguments)],
        cwd=cwd,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **settings,
    )


def wait_for(condition, process):
    patience = threading.Event()
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, "the command ended before it came to this"
        assert time.monotonic() < end
        patience.wait(0.01)


def list_files(folder):
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def assert_one_line(text, *words):
    assert text.count("\n") == 1, text
    assert text.startswith("formcheck: ")
    assert text.endswith("\n")
    for word in words:
        assert word in text


# --- a video that can be analysed ----------------------------------------------------------------


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A run as a person would do it, with an odd name and the folder that is taken by itself."""
    folder = tmp_path_factory.mktemp("person")
    video = folder / f"{ODD_NAME}.mov"
    shutil.copy(clip(CLIP), video)
    result = formcheck("analyze", video.name, "--model", "lite", cwd=folder)
    return result, folder / "formcheck_out" / ODD_NAME


@pytest.fixture(scope="module")
def as_json(tmp_path_factory):
    """A run as a script would do it."""
    folder = tmp_path_factory.mktemp("script")
    result = formcheck(
        "analyze", clip(CLIP), "--model", "lite", "--json", "--quiet", "--out", "o", cwd=folder
    )
    return result, folder / "o"


def test_an_analysed_video_ends_with_0_and_all_files(printed):
    result, folder = printed
    assert result.returncode == 0
    assert result.stderr == ""
    assert list_files(folder) == FILES
    assert f"Report: formcheck_out/{ODD_NAME}/report.html" in result.stdout
    assert json.loads((folder / "report.json").read_text())["schema"] == "formcheck.report/1"
    assert pq.read_table(folder / "frames.parquet").num_rows > 100
    assert pq.read_table(folder / "strides.parquet").num_rows > 2


def test_json_prints_the_report_and_nothing_else(as_json):
    result, folder = as_json
    assert result.returncode == 0
    assert result.stderr == ""
    assert list_files(folder) == FILES
    assert json.loads(result.stdout) == json.loads((folder / "report.json").read_text())


def test_the_same_video_gives_the_same_report(printed, as_json):
    first, second = (
        json.loads((folder / "report.json").read_text()) for _, folder in (printed, as_json)
    )
    assert first["video"].pop("path") == f"{ODD_NAME}.mov"
    assert second["video"].pop("path") == str(clip(CLIP))
    assert first == second
    for name in ("frames.parquet", "strides.parquet"):
        assert pq.read_table(printed[1] / name).equals(pq.read_table(as_json[1] / name))


def test_a_video_that_was_cut_off_is_analysed_and_says_so(tmp_path):
    pictures = (frame.rgb for frame in read_frames(clip(CLIP), max_side_px=640))
    whole = write_video(tmp_path / "whole.mkv", pictures, preset="ultrafast", crf="18")
    content = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) * 8 // 10])
    result = formcheck("analyze", "cut.mkv", "--model", "lite", "--json", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
    codes = [warning["code"] for warning in json.loads(result.stdout)["capture"]["warnings"]]
    assert "cut_off" in codes


def test_without_a_gpu_the_cpu_takes_over_with_one_line(tmp_path):
    if Path("/dev/dri").exists() or shutil.which("nvidia-smi"):
        pytest.skip("there may be a GPU here")
    result = formcheck(
        "analyze", clip(CLIP), "--model", "lite", "--device", "cuda", "--json", cwd=tmp_path
    )
    assert result.returncode == 0
    assert result.stderr.startswith("no cuda device that ONNX Runtime can use was found; running")
    assert result.stderr.count("\n") == 1
    assert json.loads(result.stdout)["engine"]["device"] == "cpu"


# --- videos that can't be ------------------------------------------------------------------------


def draw_noise(count=45):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)


def draw_wall(count=45):
    wall = np.full((240, 320, 3), 150, np.uint8)
    wall[:, ::20] = 120
    for _ in range(count):
        yield wall


def make_text(path):
    path.write_text("This is my training diary.\n" * 20)


def make_cut_off(path):
    write_video(path, draw_noise(10))
    path.write_bytes(path.read_bytes()[:-3000])


def make_sound(path):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


BAD_INPUTS = {
    "text": (make_text, "not a video"),
    "empty": (Path.touch, "empty"),
    "cut_off": (make_cut_off, "cut off"),
    "sound": (make_sound, "no moving picture"),
    "missing": (lambda path: None, "no file"),
    "folder": (Path.mkdir, "not a file"),
    "noise": (lambda path: write_video(path, draw_noise()), "no person"),
    "wall": (lambda path: write_video(path, draw_wall()), "no person"),
    "one_frame": (lambda path: write_video(path, draw_noise(1)), "only 1 picture"),
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_a_bad_input_ends_with_1_and_one_line_and_nothing_written(tmp_path, kind):
    make, words = BAD_INPUTS[kind]
    make(tmp_path / "run.mp4")
    before = list_files(tmp_path)
    result = formcheck("analyze", "run.mp4", "--model", "lite", "--json", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert_one_line(result.stderr, words)
    assert list_files(tmp_path) == before


def test_a_name_with_a_line_break_still_gives_one_line(tmp_path):
    result = formcheck("analyze", "no\nsuch\x1b[31m.mp4", cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, "no?such?[31m.mp4")


@pytest.mark.parametrize(
    ("out", "words"), [("taken", "not a folder"), ("taken/deeper", "folder"), ("/proc/x", "--out")]
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path, out, words):
    (tmp_path / "taken").write_text("mine")
    write_video(tmp_path / "run.mp4", draw_noise(5))
    result = formcheck("analyze", "run.mp4", "--out", out, cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, words)
    assert list_files(tmp_path) == {"run.mp4", "taken"}
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("target", ["out", "nowhere"])
def test_a_link_in_a_circle_or_to_nowhere_is_no_place_for_results(tmp_path, target):
    (tmp_path / "out").symlink_to(target)
    write_video(tmp_path / "run.mp4", draw_noise(5))
    result = formcheck("analyze", "run.mp4", "--out", "out", cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, "not a folder", "--out")


def test_an_overlay_never_takes_the_place_of_its_own_video(tmp_path):
    write_video(tmp_path / "overlay.mp4", draw_noise(5))
    before = (tmp_path / "overlay.mp4").read_bytes()
    result = formcheck("analyze", "overlay.mp4", "--out", ".", "--overlay", cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, "overwritten")
    assert (tmp_path / "overlay.mp4").read_bytes() == before


def test_debug_shows_the_trace(tmp_path):
    result = formcheck("analyze", "none.mp4", "--debug", cwd=tmp_path)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "VideoError" in result.stderr


# --- wrong usage, help, doctor -------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze"],
        ["analyze", "run.mp4", "--nope"],
        ["analyze", "run.mp4", "--model", "huge"],
        ["analyze", "run.mp4", "--slow-motion", "8", "--capture-fps", "240"],
        ["analyze", "run.mp4", "--slow-motion", "0"],
        ["analyze", "run.mp4", "--slow-motion", "nan"],
        ["analyze", "run.mp4", "--capture-fps", "inf"],
        ["analyze", "run.mp4", "--height-cm", "1.78"],
        ["analyse", "run.mp4"],
    ],
)
def test_wrong_usage_ends_with_2(tmp_path, arguments):
    result = formcheck(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "Error: " in result.stderr


def test_help_shows_the_examples_as_lines_to_copy(tmp_path):
    result = formcheck("analyze", "--help", cwd=tmp_path)
    assert result.returncode == 0
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert "formcheck analyze treadmill.mp4" in lines
    assert "formcheck analyze slowmo.mov --slow-motion 8 --height-cm 178" in lines
    assert "--------" not in result.stdout
    assert "analyze" in formcheck("--help", cwd=tmp_path).stdout


def test_version(tmp_path):
    result = formcheck("--version", cwd=tmp_path)
    assert result.returncode == 0
    assert re.fullmatch(r"formcheck \d+\.\d+\.\d+\S*\n", result.stdout)


def test_doctor_is_content_here(tmp_path):
    result = formcheck("doctor", cwd=tmp_path)
    assert result.returncode == 0
    assert "Everything formcheck needs is here." in result.stdout
    assert result.stderr == ""


def test_a_terminal_without_our_signs_gets_no_trace(tmp_path):
    narrow = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    result = formcheck("doctor", cwd=tmp_path, env=narrow)
    assert result.returncode == 0
    assert result.stderr == ""
    missing = formcheck("analyze", "läuf.mp4", cwd=tmp_path, env=narrow)
    assert missing.returncode == 1
    assert_one_line(missing.stderr, "no file")


# --- interruptions -------------------------------------------------------------------------------


def read_terminal(descriptor, into):
    """Read what a program shows, until it has closed its side."""
    while True:
        try:
            shown = os.read(descriptor, 4096)
        except OSError:
            return
        if not shown:
            return
        into.append(shown)


def test_ctrl_c_ends_quickly_with_130_one_line_and_no_file(tmp_path):
    video = write_video(tmp_path / "run.mp4", draw_noise(900), preset="ultrafast", crf="45")
    ours, theirs = pty.openpty()
    process = start(
        "analyze", video, "--model", "lite", cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    shown = []
    reading = threading.Thread(target=read_terminal, args=(ours, shown))
    reading.start()
    wait_for(lambda: b"Watching the run" in b"".join(shown), process)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, _ = process.communicate(timeout=PATIENCE_S)
    took = time.monotonic() - asked
    reading.join()
    os.close(ours)
    # A shell calls both 130. CPython ends by the signal itself where it came within an `exec`, as
    # imports have them (bpo-1054041), whatever the program says afterwards.
    assert process.returncode in (130, -signal.SIGINT)
    assert took < 30  # a second or two, where nothing else works
    assert out == b""
    after = b"".join(shown).rpartition(b"formcheck: ")
    assert after[2].strip() == b"stopped; nothing half-written was left"
    assert b"Traceback" not in after[0]
    assert list_files(tmp_path) == {"run.mp4"}


def turned_into_another_fault():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("initialization failed") from None


def dropped_on_its_way():
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with progress_bar(Console(file=io.StringIO()), quiet=True) as bar:
        advance = bar("Watching the run")
        for share in (0.2, 0.9):
            advance(share)
    raise AssertionError("went on")


@contextlib.contextmanager
def told_of_ctrl_c(how):
    """Let Ctrl-C mean this, whatever this process was told."""
    before = signal.signal(signal.SIGINT, how)
    try:
        yield
        assert signal.getsignal(signal.SIGINT) is how
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("happens", [turned_into_another_fault, dropped_on_its_way])
def test_ctrl_c_is_seen_though_a_library_hides_it(happens, capsys):
    usual = told_of_ctrl_c(signal.default_int_handler)
    with usual, pytest.raises(typer.Exit) as ended, errors_as_one_line(debug=False):
        happens()
    assert ended.value.exit_code == 130
    assert_one_line(capsys.readouterr().err, "stopped; nothing half-written was left")


def test_ctrl_c_stays_ignored_where_it_was(capsys):
    with told_of_ctrl_c(signal.SIG_IGN), errors_as_one_line(debug=False):
        signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == ""


def test_a_killed_run_leaves_no_half_file_under_a_final_name(tmp_path):
    folder = tmp_path / "o"
    video = clip(CLIP)
    process = start(
        "analyze",
        video,
        "--model",
        "lite",
        "--overlay",
        "--out",
        folder,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: any("partial.mp4" in name for name in list_files(folder)), process)
    process.kill()
    process.wait()
    left = {name for name in list_files(folder) if not name.startswith(".")}
    assert left <= FILES - {"report.json"}  # the one that says it is done comes last
    for name in left & {"frames.parquet", "strides.parquet"}:
        assert pq.read_table(folder / name).num_rows > 0


@pytest.mark.parametrize("screen", [":0", ""])
def test_a_page_is_opened_where_there_is_a_screen(tmp_path, monkeypatch, screen):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.chdir(tmp_path)
    show_page(Path("a run") / "report.html")
    expected = [(tmp_path / "a%20run" / "report.html").as_posix()] if screen else []
    assert [address.removeprefix("file://") for address in opened] == expected


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.json"
    write_whole(path, lambda partial: partial.write_text("old") and None)

    def look_and_write(partial):
        partial.write_text("ne")
        assert path.read_text() == "old"
        partial.write_text("new")

    write_whole(path, look_and_write)
    assert path.read_text() == "new"

    def run_out_of_room(partial):
        partial.write_text("newe")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        write_whole(path, run_out_of_room)
    assert path.read_text() == "new"
    assert list_files(path.parent) == {"report.json"}


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_a_reader_of_the_output_who_leaves_early_gets_no_trace(tmp_path, arguments):
    process = start(
        "analyze",
        clip(CLIP),
        "--model",
        "lite",
        "--out",
        "o",
        *arguments,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=PATIENCE_S) == 0
    assert complaint == b""
    assert list_files(tmp_path / "o") == FILES
