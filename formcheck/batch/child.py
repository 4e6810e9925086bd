"""The child's side of the guard: reads what is to be done, does it, answers."""

import contextlib
import ctypes
import os
import pickle
import queue
import signal
import sys
import threading
import time
from typing import IO, Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
TELL_EVERY_S = 0.2

_answers: IO[bytes] | None = None
_lock = threading.Lock()
_told_s = 0.0


def main() -> None:
    """Do what is asked, one thing after the other, until nobody is left to ask."""
    global _answers, _told_s
    _die_with_the_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the parent decides
    asked, _answers = _take_streams()
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asked, jobs), daemon=True).start()
    while True:
        function, arguments = jobs.get()
        _told_s = 0.0
        _answer("begin", None)
        try:
            _answer("result", function(*arguments))
        except Exception as error:
            _answer("error", error)


def tell(share: float) -> None:
    """Tell the parent how much of the present job is done, 0 to 1; nothing outside a child."""
    global _told_s
    now_s = time.monotonic()
    if _answers is not None and now_s - _told_s > TELL_EVERY_S:
        _told_s = now_s
        _answer("share", share)


def _answer(kind: str, content: Any) -> None:
    try:
        answer = pickle.dumps((kind, content))
        pickle.loads(answer)  # some exceptions can't be made anew
    except Exception:
        answer = pickle.dumps(("error", RuntimeError(f"{type(content).__name__}: {content}")))
    assert _answers is not None
    with _lock, contextlib.suppress(OSError):
        _answers.write(answer)
        _answers.flush()


def _listen(asked: IO[bytes], jobs: "queue.SimpleQueue[Any]") -> None:
    while True:
        try:
            jobs.put(pickle.load(asked))
        except EOFError:  # the parent is gone
            os._exit(0)
        except Exception as error:
            _answer("error", error)


def _take_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Keep standard input and output for the parent: libraries write to them unasked."""
    streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return streams


def _die_with_the_parent() -> None:
    """Let the kernel end this process with the thread that started it, even where it hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
