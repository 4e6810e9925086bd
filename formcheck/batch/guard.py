"""A child process that does one thing after the other; if it dies, one thing was not done.

A decoder can crash, hang or take all memory on a damaged file. In a process of its own it takes
nothing else with it. The process stays for the next job, so only the first one waits for imports.
"""

import contextlib
import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import psutil

from formcheck.errors import GuardError
from formcheck.system import CORES_VARIABLE, GIB

LOOK_EVERY_S = 0.1
STALLED_S = 3600.0  # without a sign of life; what is seen of a long video is told all the time
PATIENCE_S = 5.0  # for the end of a killed process, which may hang in the system
# Not with `multiprocessing`, which would import the user's program anew in the child and refuses
# to start one in a Dask worker.
# It finds modules where we do: by itself, Python would look first into the current folder.
CHILD = (
    *(sys.executable, "-P", "-c"),
    "import sys; sys.path[:] = sys.argv[1:]; from formcheck.batch.child import main; main()",
)
# The libraries below NumPy start a thread for each core of the machine unless told otherwise.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What one clip may take; None is no limit.

    Attributes
    ----------
    timeout_s : float, optional
        From when its process is ready for it.
    memory_bytes : int, optional
        Resident memory of the process that analyses it.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None


NO_LIMITS = Limits()


class Guard:
    """Calls functions in a child process, which is started anew after it was lost.

    Parameters
    ----------
    cores : int
        How many the child may use.
    debug : bool
        Let through what libraries write to standard error.
    """

    def __init__(self, cores: int, *, debug: bool = False) -> None:
        self._cores, self._debug = cores, debug
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[tuple[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        limits: Limits = NO_LIMITS,
        tell: Callable[[float], None] | None = None,
    ) -> Any:
        """Return `function(*arguments)`, or raise what it raised; both can be pickled.

        `tell` gets what the function tells of its progress (`formcheck.batch.child.tell`).

        Raises
        ------
        GuardError
            The child crashed, or was killed for being over a limit or silent for an hour; or the
            guard was closed.
        """
        process = self._start()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # that it is gone shows below
            pickle.dump((function, arguments), process.stdin)
            process.stdin.flush()
        started_s, heard_s = math.inf, time.monotonic()
        while True:
            try:
                answer = self._answers.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                answer = ("nothing", None)
            if answer is None:
                raise GuardError(self._bury(process))
            kind, content = answer
            if kind == "result":
                return content
            if kind == "error":
                raise content
            now_s = time.monotonic()
            if kind == "begin":  # only now does its time count: a new child has to import first
                started_s = heard_s = now_s
            if kind == "share":
                heard_s = now_s
                if tell is not None:
                    tell(content)
            if why := _over_limit(process.pid, now_s - started_s, now_s - heard_s, limits):
                process.kill()
                self._bury(process)
                raise GuardError(why)

    def close(self) -> None:
        """End the child at once, and a call that waits for it; for good."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()
            self._bury(process)

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise GuardError("the batch was stopped")
            if self._process is not None:
                return self._process
            cores = dict.fromkeys((CORES_VARIABLE, *THREAD_VARIABLES), str(self._cores))
            self._process = subprocess.Popen(
                (*CHILD, *sys.path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if self._debug else subprocess.DEVNULL,
                env=os.environ | cores,
            )
            self._answers = queue.SimpleQueue()
        reader = threading.Thread(
            target=_read_answers, args=(self._process.stdout, self._answers), daemon=True
        )
        reader.start()
        return self._process

    def _bury(self, process: "subprocess.Popen[bytes]") -> str:
        """Forget a child that has ended, or will in a moment; return how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        with self._lock:
            self._process = None
            if self._closed:
                return "the batch was stopped"
        return _describe_end(process.returncode)


def _read_answers(stream: IO[bytes], answers: "queue.SimpleQueue[tuple[str, Any] | None]") -> None:
    with stream:
        while True:
            try:
                answers.put(pickle.load(stream))
            except Exception:  # it has ended, perhaps in the middle of a word
                answers.put(None)
                return


def _over_limit(pid: int, took_s: float, silent_s: float, limits: Limits) -> str | None:
    """Return what is wrong with a child, in words, or None."""
    if limits.timeout_s is not None and took_s > limits.timeout_s:
        return (
            f"it took longer than {limits.timeout_s:g} s and was stopped; allow more with --timeout"
        )
    if silent_s > STALLED_S:
        return f"nothing went on for {STALLED_S:g} s, so it was stopped; export it again as MP4"
    if limits.memory_bytes is not None:
        with contextlib.suppress(psutil.Error):
            if psutil.Process(pid).memory_info().rss > limits.memory_bytes:
                return (
                    f"it took more than {limits.memory_bytes / GIB:g} GiB of memory and was "
                    "stopped; allow more with --memory"
                )
    return None


def _describe_end(status: int | None) -> str:
    if status == -signal.SIGKILL:
        return (
            "the process that analysed it was killed, perhaps for want of memory; start again, "
            "with fewer --jobs"
        )
    how = f"exit status {status}"
    if status is not None and status < 0:
        how = signal.Signals(-status).name
    return (
        f"the process that analysed it crashed ({how}), as a damaged file may cause; export it "
        "again as MP4, or leave it out"
    )
