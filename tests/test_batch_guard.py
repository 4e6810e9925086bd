"""A child that crashes, hangs or grows is one thing not done, and nothing else."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from formcheck.batch import Limits
from formcheck.batch.guard import Guard
from formcheck.errors import GuardError, VideoError
from formcheck.system import count_cores
from tests import batch_faults as faults

PATIENCE_S = 180
REPOSITORY = Path(__file__).resolve().parent.parent
# A parent that waits for a child which holds Python's lock; it tells the child's number.
PARENT = """
import sys, threading
from formcheck.batch.guard import Guard
from tests import batch_faults as faults

guard = Guard(1)
print(guard.call(faults.tell_and_return), flush=True)
guard.call(getattr(faults, sys.argv[1]))
"""


@pytest.fixture(scope="module", autouse=True)
def children_find_the_tests():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        yield


@pytest.fixture(scope="module")
def guard(children_find_the_tests):
    guard = Guard(1)
    yield guard
    guard.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.segfault, "crashed (SIGSEGV)"),
        (faults.abort, "crashed (SIGABRT)"),
        (faults.exit_at_once, "crashed (exit status 7)"),
        (faults.be_killed, "was killed"),
    ],
)
def test_a_crash_is_told_and_the_next_call_works(guard, fault, words):
    with pytest.raises(GuardError) as told:
        guard.call(fault)
    assert words in str(told.value)
    assert guard.call(faults.tell_and_return) > 0


@pytest.mark.parametrize("fault", [faults.hang, faults.hang_and_hold_the_lock_of_python])
def test_what_hangs_is_killed_at_its_time(guard, fault):
    before = guard.call(faults.tell_and_return)
    with pytest.raises(GuardError, match=r"longer than 0\.5 s"):
        guard.call(fault, limits=Limits(timeout_s=0.5))
    assert not psutil.pid_exists(before)
    assert guard.call(faults.tell_and_return) != before


def test_a_slow_start_of_the_child_is_not_the_clips_time():
    guard = Guard(1)
    assert guard.call(faults.tell_and_return, limits=Limits(timeout_s=0.05)) > 0
    guard.close()


def test_what_takes_too_much_memory_is_killed(guard):
    with pytest.raises(GuardError, match=r"more than 0\.5 GiB"):
        guard.call(faults.take_memory, limits=Limits(memory_bytes=2**29))
    assert guard.call(faults.tell_and_return, limits=Limits(memory_bytes=2**29)) > 0


def test_the_child_stays_for_the_next_call_and_tells_how_far_it_is(guard):
    told = []
    first = guard.call(faults.tell_and_return, tell=told.append)
    assert guard.call(faults.tell_and_return) == first
    assert told == [0.5]


def test_the_child_takes_no_module_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise SystemExit('a script of the user')\n")
    monkeypatch.chdir(tmp_path)
    guard = Guard(1)
    assert guard.call(count_cores) == 1
    guard.close()


def test_errors_come_as_they_are_and_odd_ones_in_words(guard):
    with pytest.raises(VideoError, match="no video"):
        guard.call(faults.raise_our_error)
    with pytest.raises(RuntimeError, match="Odd: odd"):
        guard.call(faults.raise_what_cannot_be_pickled)


def test_the_child_uses_so_many_cores(guard):
    assert count_cores() >= 1
    assert guard.call(count_cores) == 1


def test_a_closed_guard_ends_a_call_and_starts_no_other():
    guard = Guard(1)
    guard.call(faults.tell_and_return)
    threading.Timer(0.1, guard.close).start()
    for _ in range(2):
        with pytest.raises(GuardError, match="stopped"):
            guard.call(faults.hang)


@pytest.mark.parametrize("fault", ["hang", "hang_and_hold_the_lock_of_python"])
def test_a_child_ends_with_a_killed_parent(fault):
    if fault != "hang" and sys.platform != "linux":
        pytest.skip("only Linux ends a process that doesn't listen")
    with subprocess.Popen([sys.executable, "-c", PARENT, fault], stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        child.wait(PATIENCE_S)
    assert not child.is_running()


def test_what_libraries_print_does_not_disturb_the_answers(guard):
    assert guard.call(os.system, "echo a line; echo another >&2") == 0
    assert guard.call(faults.tell_and_return) > 0
