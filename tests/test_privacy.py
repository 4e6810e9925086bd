"""A user's run is nobody's business: no connection leaves the machine."""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from formcheck.pose.mediapipe_engine import CLOSED_LOOPBACK_PORT, NO_WAY_OUT, MediaPipeEngine
from formcheck.video.frame import Frame
from tests.clips import clip, write_video

PATIENCE_S = 600
ELSEWHERE = "http://192.0.2.1:3128"  # of a block that exists for documentation only (RFC 5737)
# An engine alone, and time for its threads to do what they may want to do afterwards.
ENGINE_ALONE = """
import sys, threading
from contextlib import nullcontext
import numpy as np
import formcheck.pose.mediapipe_engine as engine
from formcheck.video.frame import Frame

if sys.argv[1] == "unguarded":
    engine._nothing_leaves_this_machine = nullcontext
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
frames = (Frame(i, i / 30, noise, 1.0) for i in range(10))
assert sum(1 for _ in engine.MediaPipeEngine("lite").track(frames)) == 10
threading.Event().wait(1.5)
"""
# A whole analysis of a video with nobody in it; tells what was imported on the way.
ANALYZE_AND_TELL = """
import sys
from formcheck.cli.app import app

video, engine = sys.argv[1:]
try:
    app(["analyze", video, "--engine", engine, "--model", "lite", "--out", "o"])
except SystemExit as end:
    assert end.code == 1, end.code
print(*sorted({"mediapipe", "onnxruntime"} & set(sys.modules)))
"""
ENGINES = ("mediapipe", "blazepose")


def draw_noise(count=10):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)


# --- with a listener in the place of the proxy ---------------------------------------------------


@contextmanager
def a_listener():
    """Listen on this machine; gives the address, and a function that counts who came."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)

        def count_visits():
            visits = 0
            with suppress(TimeoutError):
                while True:
                    listener.accept()[0].close()
                    visits += 1
            return visits

        yield f"http://127.0.0.1:{listener.getsockname()[1]}", count_visits


def set_proxies(address, exceptions=""):
    """Return an environment in which the user has a proxy, and perhaps exceptions from it."""
    proxies = {name: exceptions if "no_" in name.lower() else address for name in NO_WAY_OUT}
    return os.environ | proxies


def run_engine_alone(how, address, command=()):
    subprocess.run(
        [*command, sys.executable, "-c", ENGINE_ALONE, how],
        env=set_proxies(address),
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )


def test_unguarded_the_engine_would_contact_its_maker():
    """If this fails, MediaPipe has changed, and the tests below prove nothing."""
    with a_listener() as (address, count_visits):
        run_engine_alone("unguarded", address)
        assert count_visits() > 0


def test_guarded_nothing_arrives_at_the_proxy_of_the_user():
    with a_listener() as (address, count_visits):
        run_engine_alone("guarded", address)
        assert count_visits() == 0


# --- with the kernel as a witness ----------------------------------------------------------------


def strace_works():
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], check=False).returncode == 0


needs_strace = pytest.mark.skipif(not strace_works(), reason="no strace here, or it may not trace")


def watch(log):
    return ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(log)]


CLOSED_PORT = CLOSED_LOOPBACK_PORT.rpartition(":")[2]


def find_ways_out(log, port=CLOSED_PORT):
    """Return the calls that address anything but this machine's own files and one port of it."""
    harmless = f'sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("127.0.0.1")'
    return [
        line
        for line in log.read_text(errors="replace").splitlines()
        if re.search(r"\b(connect|sendto|sendmsg|sendmmsg)\(", line)
        and re.search(r"sa_family=(?!AF_UNIX|AF_NETLINK)", line.replace(harmless, ""))
    ]


@needs_strace
def test_the_witness_would_see_a_way_out(tmp_path):
    log = tmp_path / "calls.txt"
    with a_listener() as (address, _):
        run_engine_alone("unguarded", address, watch(log))
    assert find_ways_out(log)


def test_the_witness_knows_a_name_lookup_and_a_foreign_host(tmp_path):
    log = tmp_path / "calls.txt"
    lines = [
        'connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16)',
        'sendto(5, "..", 2, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("9.9.9.9'
        '")}, 16)',
        'connect(5, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "::2")}, 28)',
        'connect(5, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16)',
    ]
    harmless = [
        'connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1',
        'connect(5, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("127.0.0.1")}, 16)',
        "socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 3",
    ]
    log.write_text("\n".join([*lines, *harmless]))
    assert find_ways_out(log) == lines


@needs_strace
@pytest.mark.parametrize("engine", ENGINES)
def test_an_analysis_that_finds_nobody_opens_no_connection(tmp_path, engine):
    write_video(tmp_path / "run.mp4", draw_noise())
    assert analyze_and_find_ways_out(tmp_path, tmp_path / "run.mp4", engine) == (1, [])


@needs_strace
@pytest.mark.parametrize("engine", ENGINES)
def test_a_whole_analysis_opens_no_connection(tmp_path, engine):
    """With every file that can be written, to the very end of the process."""
    video = clip("treadmill_side_barefoot.mov")
    assert analyze_and_find_ways_out(tmp_path, video, engine) == (0, [])
    assert (tmp_path / "o" / "overlay.mp4").exists()


def analyze_and_find_ways_out(folder, video, engine):
    log = folder / "calls.txt"
    command = [sys.executable, "-m", "formcheck.cli", "analyze", str(video), "--engine", engine]
    result = subprocess.run(
        [*watch(log), *command, "--model", "lite", "--overlay", "--out", "o"],
        cwd=folder,
        env=set_proxies(ELSEWHERE, "*"),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert log.exists()
    return result.returncode, find_ways_out(log)


# --- what an engine brings along, and leaves behind ----------------------------------------------


def analyze_at_home(folder, engine):
    """Return which runtimes an analysis of noise imported, and what it left in the user's home."""
    video = write_video(folder / "run.mp4", draw_noise())
    home = folder / "home"
    home.mkdir()
    places = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "MPLCONFIGDIR": folder / "matplotlib"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_"))}
    result = subprocess.run(
        [sys.executable, "-c", ANALYZE_AND_TELL, str(video), engine],
        cwd=folder,
        env=kept | {name: str(place) for name, place in places.items()},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return result.stdout.split(), list(home.rglob("*"))


def test_onnx_runtime_brings_no_mediapipe_and_leaves_nothing_in_the_users_folders(tmp_path):
    assert analyze_at_home(tmp_path, "blazepose") == (["onnxruntime"], [])


def test_mediapipe_would_have_been_seen(tmp_path):
    imported, _ = analyze_at_home(tmp_path, "mediapipe")
    assert "mediapipe" in imported


# --- the environment -----------------------------------------------------------------------------


def read_proxies():
    return {name: os.environ.get(name) for name in NO_WAY_OUT}


@pytest.fixture
def proxies_of_the_user(monkeypatch):
    for name in NO_WAY_OUT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", ELSEWHERE)
    monkeypatch.setenv("NO_PROXY", "*")
    return read_proxies()


def look_at_noise():
    return MediaPipeEngine("lite").track(
        Frame(i, i / 30, rgb, 1.0) for i, rgb in enumerate(draw_noise(3))
    )


def test_the_environment_is_the_users_again_afterwards(proxies_of_the_user):
    for _ in look_at_noise():
        assert read_proxies() == NO_WAY_OUT
    assert read_proxies() == proxies_of_the_user


def test_the_environment_is_the_users_again_after_stopping_early(proxies_of_the_user):
    watched = look_at_noise()
    next(watched)
    assert read_proxies() == NO_WAY_OUT
    watched.close()
    assert read_proxies() == proxies_of_the_user


def test_the_environment_is_the_users_again_after_an_error(proxies_of_the_user):
    def broken_frames():
        yield Frame(0, 0.0, next(draw_noise(1)), 1.0)
        raise RuntimeError("the reader broke")

    with pytest.raises(RuntimeError, match="the reader broke"):
        list(MediaPipeEngine("lite").track(broken_frames()))
    assert read_proxies() == proxies_of_the_user
