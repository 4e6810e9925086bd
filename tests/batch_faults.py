"""What can go wrong with a clip, by its name; imported by the children that are to suffer it."""

import ctypes
import os
import signal
import time

from formcheck.batch.child import tell
from formcheck.batch.row import Row
from formcheck.errors import DiskFullError, VideoError

LONG_S = 600


def segfault():
    os.kill(os.getpid(), signal.SIGSEGV)


def exit_at_once():
    os._exit(7)


def abort():
    os.abort()


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    time.sleep(LONG_S)


def hang_and_hold_the_lock_of_python():
    ctypes.PyDLL(None).sleep(LONG_S)


def take_memory():
    hold = bytearray(2**30)
    hold[::4096] = b"1" * len(hold[::4096])  # touched, so that it is resident
    time.sleep(LONG_S)


def raise_our_error():
    raise VideoError("it is no video; name another")


def raise_what_cannot_be_pickled():
    raise type("Odd", (Exception,), {})("odd")


def disk_full():
    raise DiskFullError("no room; make some")


def tell_and_return():
    tell(0.5)
    return os.getpid()


def do_clip(clip, task):
    """In the place of the real one: suffer what the clip's name says, or be well."""
    stem = clip.path.stem
    if stem in globals():
        globals()[stem]()
    return Row(clip=clip.name, status="analysed", verdict="held", cadence_spm=160.0, report="x")
