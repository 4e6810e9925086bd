"""Every awkward input of the table ends as it says, by the way that a video of a runner takes."""

import ctypes
import os
import socket
import subprocess
import sys
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import pytest

from formcheck import Options, analyze
from formcheck.errors import FormcheckError
from formcheck.video.sampling import Sampling
from tests import awkward
from tests.awkward import CADENCE_SPM, INPUTS, LOCKED, Refused
from tests.test_reader import an_ordinary_user

OPTIONS = Options(model="lite", sampling=Sampling("all"))
OF_THE_FILE = {"cut_off", "damaged", "low_frame_rate", "cuts"}  # warnings
PATIENCE_S = 180


def name_of(entry):
    return ascii(entry.file)[1:50]


def test_the_corpus_is_large_and_nothing_in_it_twice():
    assert len({entry.file for entry in INPUTS}) == len(INPUTS) >= 60


@contextmanager
def a_folder_without_privileges():
    """As root every file can be read: go on as somebody else, in a folder of their own."""
    with an_ordinary_user(), TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("entry", INPUTS, ids=name_of)
def test_an_awkward_input_ends_as_the_table_says(tmp_path, entry):
    place = a_folder_without_privileges() if entry.file == LOCKED else nullcontext(tmp_path)
    with place as folder:
        path = folder / entry.file
        entry.make(path)
        if isinstance(entry.outcome, Refused):
            with pytest.raises(FormcheckError) as caught:
                analyze(path, OPTIONS)
            assert entry.outcome.words in str(caught.value)
            assert "\n" not in str(caught.value)
            return
        run = analyze(path, OPTIONS)
    expected = entry.outcome
    fewest, most = expected.frames
    assert fewest <= run.video.frames_decoded <= most
    assert (run.video.width, run.video.height) == expected.size
    assert run.video.rotation_deg == expected.rotation_deg
    assert run.video.variable_frame_rate == expected.variable_rate
    warnings = {warning.code for warning in run.capture.warnings}
    assert warnings & OF_THE_FILE == set(expected.warnings)
    assert run.gait.cadence_spm == pytest.approx(CADENCE_SPM, rel=0.03)
    assert (run.capture.view, run.capture.direction) == ("side", -1)
    assert run.verdict.label == "insufficient_data"  # all that four seconds can say


# --- nothing else is opened ----------------------------------------------------------------------

NAMING_OTHERS = [entry for entry in INPUTS if entry.names_another]
LEADING_ON = [entry for entry in NAMING_OTHERS if entry.led_on_by is not None]
IN_OPEN, IN_NONBLOCK = 0x20, os.O_NONBLOCK  # of Linux's inotify


@contextmanager
def a_witness(monkeypatch):
    """Put a listener in the place of the host, and give a function that tells what was touched.

    Besides those who came to the host it tells which of the given files were opened.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "inotify_init1"):
        pytest.skip("only Linux tells who opens a file")
    watch = libc.inotify_init1(IN_NONBLOCK)
    with socket.socket() as listener, os.fdopen(watch, "rb", buffering=0) as events:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        monkeypatch.setattr(awkward, "HOST", f"127.0.0.1:{listener.getsockname()[1]}")

        def lay(entry, folder):
            path = folder / entry.file
            entry.make(path)
            for other in folder.iterdir():
                if other != path:
                    assert libc.inotify_add_watch(watch, os.fsencode(other), IN_OPEN) >= 0
            return path

        def touched():
            found = set()
            with suppress(BlockingIOError):
                listener.accept()[0].close()
                found.add("host")
            if events.read(4096):
                found.add("file")
            return found

        yield lay, touched


@pytest.mark.parametrize("entry", LEADING_ON, ids=name_of)
def test_ffmpeg_itself_would_follow(tmp_path, monkeypatch, entry):
    """If this fails, FFmpeg has changed, and of this input the test below proves nothing."""
    with a_witness(monkeypatch) as (lay, touched):
        path = lay(entry, tmp_path)
        with suppress(av.FFmpegError), av.open(str(path), options=entry.led_on_by, timeout=2):
            pass
        assert touched()


@pytest.mark.parametrize("entry", NAMING_OTHERS, ids=name_of)
def test_formcheck_opens_nothing_else(tmp_path, monkeypatch, entry):
    with a_witness(monkeypatch) as (lay, touched):
        path = lay(entry, tmp_path)
        with suppress(FormcheckError):
            analyze(path, OPTIONS)
        assert touched() == set()


# --- memory --------------------------------------------------------------------------------------

MEASURE = """
import re, sys
from pathlib import Path
from formcheck.errors import VideoError
from formcheck.video.reader import probe_video

def mib(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

for path in sys.argv[1:]:
    before = mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    try:
        probe_video(Path(path))
    except VideoError:
        pass
    print(mib("VmHWM") - before)
"""
LARGE_CLAIMS = [entry for entry in INPUTS if "promises" in entry.file or "claims" in entry.file]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_what_a_header_promises_takes_no_memory(tmp_path):
    paths = [tmp_path / entry.file for entry in LARGE_CLAIMS]
    for entry, path in zip(LARGE_CLAIMS, paths, strict=True):
        entry.make(path)
    printed = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    grown_mib = dict(zip([path.name for path in paths], map(float, printed.split()), strict=True))
    assert len(grown_mib) >= 8
    assert max(grown_mib.values()) < 600, grown_mib  # 3700 without a bound
