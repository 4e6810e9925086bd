"""A whole batch: find the clips, hand them to whoever works, gather what came of them."""

import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from formcheck.batch.clips import Clip, find_clips
from formcheck.batch.cluster import connect, cores_of_this_thread
from formcheck.batch.done import SUMMARIES, Extras, hold, make_room, put_in_place
from formcheck.batch.guard import NO_LIMITS, Guard, Limits
from formcheck.batch.row import Row, failed_row
from formcheck.batch.summary import write_summary
from formcheck.batch.work import Task, do_clip
from formcheck.errors import DiskFullError, FormcheckError, GuardError
from formcheck.export import choose_formats
from formcheck.options import Options
from formcheck.system import GIB, count_cores

if TYPE_CHECKING:
    from distributed import Client

MEMORY_OF_ONE = 1.5 * GIB  # what analysing a clip takes, with room
SHOW_EVERY_S = 0.2


@dataclass(frozen=True)
class Standing:
    """How far a batch has come.

    Attributes
    ----------
    clips, done, skipped, failed : int
        In all; finished in one way or another; of these done by an earlier batch, and failed.
    frames : int
        Of the clips that were analysed now.
    share : float
        Of the bytes of all clips, 0 to 1.
    last : Row, optional
        What was finished just now.
    """

    clips: int
    done: int = 0
    skipped: int = 0
    failed: int = 0
    frames: int = 0
    share: float = 0.0
    last: Row | None = None


def analyze_batch(
    folders: Sequence[str | Path],
    out: str | Path,
    options: Options | None = None,
    *,
    overlay: bool = False,
    exports: Sequence[str] = (),
    recursive: bool = False,
    pattern: str | None = None,
    jobs: int | None = None,
    limits: Limits = NO_LIMITS,
    cluster: "str | Client | None" = None,
    show: Callable[[Standing], None] = lambda standing: None,
    debug: bool = False,
) -> list[Row]:
    """Analyse all clips in folders; what an earlier batch has done is not done again.

    Parameters
    ----------
    folders : sequence of str or Path
        Folders, or single files; see `find_clips`.
    out : str or Path
        The result of each clip goes to a folder in it that is named as the clip, the summary
        beside them.
    options : Options, optional
    overlay : bool
        Also write overlay.mp4 for each.
    exports : sequence of str
        Formats that each is also written in: names of `formcheck.export.FORMATS`, or `all`.
    recursive, pattern
        As in `find_clips`.
    jobs : int, optional
        Clips at a time on this machine; as many as it has cores and memory for if not given.
    limits : Limits
        What one clip may take.
    cluster : str or distributed.Client, optional
        Let the workers of this Dask scheduler do it; they see the files under the same paths.
    show : callable, optional
        Told how far the batch has come, several times a second.
    debug : bool
        Let through what libraries write to standard error.

    Returns
    -------
    list of Row
        One for each clip, by name: what the summary holds.

    Raises
    ------
    BatchError
        There is no clip, another batch writes to `out`, or the workers can't be reached.
    ExportError
        A format that was named can't be written.
    OutputError
        `out` can't be written, or is full; what was finished before is kept.
    """
    out = Path(out).resolve()
    clips = find_clips([Path(f) for f in folders], out, recursive=recursive, pattern=pattern)
    options = options or Options()
    formats, _ = choose_formats(exports, options.height_cm)
    extras = Extras(overlay, tuple(format.name for format in formats))
    task = Task(out, options, extras, limits, debug)
    with hold(out):
        with _open_workers(clips, task, jobs, cluster) as submit:
            rows = _gather(clips, submit, show)
        with make_room(out) as room:
            write_summary(rows, room)
            for name in SUMMARIES:
                put_in_place(room / name, out / name, room)
    return rows


Tell = Callable[[float], None]
Submit = Callable[[Clip, Tell], "Future[Row]"]


def _gather(clips: Sequence[Clip], submit: Submit, show: Callable[[Standing], None]) -> list[Row]:
    """Hand out all clips, and wait for what comes of each."""
    finished: queue.SimpleQueue[Future[Row]] = queue.SimpleQueue()
    shares: dict[str, float] = {}
    clip_of: dict[Future[Row], Clip] = {}
    rows: dict[str, Row] = {}
    all_bytes = sum(clip.size for clip in clips) or 1
    done_bytes = skipped = failed = frames = 0
    size_of = {clip.name: clip.size for clip in clips}
    for clip in clips:
        future = submit(clip, partial(shares.__setitem__, clip.name))
        clip_of[future] = clip
        future.add_done_callback(finished.put)
    while len(rows) < len(clips):
        last = None
        try:
            future = finished.get(timeout=SHOW_EVERY_S)
        except queue.Empty:
            pass
        else:
            clip = clip_of.pop(future)
            last = rows[clip.name] = _take(future, clip)
            shares.pop(clip.name, None)
            done_bytes += clip.size
            skipped += last.was_done
            failed += last.status == "failed"
            frames += 0 if last.was_done else last.frames or 0
        under_way = sum(size_of[name] * share for name, share in list(shares.items()))
        show(
            Standing(
                len(clips),
                len(rows),
                skipped,
                failed,
                frames,
                min((done_bytes + under_way) / all_bytes, 1.0),
                last,
            )
        )
    return [rows[clip.name] for clip in clips]


def _take(future: "Future[Row]", clip: Clip) -> Row:
    """Return what came of a clip; where even its guard was lost, again and again, that."""
    try:
        return future.result()
    except (DiskFullError, CancelledError):
        raise
    except Exception as error:
        return failed_row(clip, f"the workers that had it were lost ({error}); start again")


@contextmanager
def _open_workers(
    clips: Sequence[Clip], task: Task, jobs: int | None, cluster: "str | Client | None"
) -> Iterator[Submit]:
    """Give what hands out a clip: to threads of this process, or to the workers of a cluster."""
    batch = uuid.uuid4().hex
    if cluster is None:
        jobs = min(jobs or choose_jobs(len(clips)), len(clips))
        cores = max(1, count_cores() // jobs)
        threads = ThreadPoolExecutor(jobs)
        try:
            yield lambda clip, tell: threads.submit(process, clip, task, batch, cores, tell)
        finally:  # whatever happened: first what waits, then what is under way
            threads.shutdown(wait=False, cancel_futures=True)
            close_guards(batch)
            threads.shutdown()
        return
    with connect(cluster, task.options, task.extras) as (client, workers):
        try:
            yield lambda clip, tell: workers.submit(process, clip, task, batch)
        finally:
            with suppress(Exception):  # those that are gone need no end
                workers.shutdown(wait=False)
                client.run(close_guards, batch)


def choose_jobs(clips: int) -> int:
    """Return how many clips are analysed at a time on this machine: one a core, memory allowing."""
    memory = psutil.virtual_memory().available
    return max(1, min(clips, count_cores(), int(memory / MEMORY_OF_ONE)))


# --- where the clips are analysed ----------------------------------------------------------------

_mine = threading.local()
_guards: dict[str, list[Guard]] = {}
_closed: set[str] = set()
_lock = threading.Lock()


def process(
    clip: Clip, task: Task, batch: str, cores: int | None = None, tell: Tell | None = None
) -> Row:
    """Have a clip analysed by the guard of this thread; what goes wrong with it becomes its line.

    Raises
    ------
    DiskFullError
        No further one can be done either.
    """
    try:
        guard = _guard_of_this_thread(batch, cores or cores_of_this_thread(), task.debug)
        return guard.call(do_clip, clip, task, limits=task.limits, tell=tell)
    except DiskFullError:
        raise
    except FormcheckError as error:
        return failed_row(clip, str(error))
    except Exception as error:  # a fault of formcheck's own: the other clips are none the worse
        return failed_row(
            clip,
            f"something unexpected went wrong ({type(error).__name__}: {error}); analyse it alone "
            "with --debug and report what it prints",
        )


def _guard_of_this_thread(batch: str, cores: int, debug: bool) -> Guard:
    """Return a guard that serves this thread and this batch alone.

    The kernel ends a guard's child with the thread that started it.
    """
    if getattr(_mine, "batch", None) != batch:
        if hasattr(_mine, "guard"):
            _mine.guard.close()
        _mine.batch, _mine.guard = batch, Guard(cores, debug=debug)
        with _lock:
            if batch in _closed:
                raise GuardError("the batch was stopped")
            _guards.setdefault(batch, []).append(_mine.guard)
    return _mine.guard


def close_guards(batch: str) -> None:
    """End all children of a batch in this process."""
    with _lock:
        _closed.add(batch)
        guards = _guards.pop(batch, [])
    for guard in guards:
        guard.close()
