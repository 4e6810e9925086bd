"""Many machines: a Dask scheduler that the user has started, and its workers."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from formcheck.batch.done import NO_EXTRAS, Extras, describe_making
from formcheck.errors import BatchError
from formcheck.export import choose_formats
from formcheck.options import Options
from formcheck.system import count_cores

if TYPE_CHECKING:
    from distributed import Client
    from distributed.cfexecutor import ClientExecutor

PATIENCE_S = 30
LONELY_S = 300.0  # without a worker; time to start one again
LOOK_EVERY_S = 1.0
GONE = (
    "the scheduler or its workers are gone; start them, and then this again: what is finished is "
    "kept"
)


@contextmanager
def connect(
    cluster: "str | Client", options: Options, extras: Extras = NO_EXTRAS
) -> Iterator[tuple["Client", "ClientExecutor"]]:
    """Give a scheduler and its workers, once there are some with the same formcheck.

    They can write the `extras`, too.

    Raises
    ------
    BatchError
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise BatchError(
            "a cluster needs Dask, here and on the workers: pip install 'formcheck[cluster]'"
        ) from None
    with _open(cluster, Client) as client:
        _require_same_workers(client, options, extras)
        workers = client.get_executor(pure=False)
        try:
            with _given_up_when_alone(client, workers):
                yield client, workers
        except (CancelledError, KilledWorker) as error:
            raise BatchError(GONE) from error
        finally:
            with suppress(Exception):  # those that are gone need no end
                workers.shutdown(wait=False)


def _open(cluster: "str | Client", kind: type["Client"]) -> AbstractContextManager["Client"]:
    if isinstance(cluster, kind):
        return nullcontext(cluster)
    try:
        return kind(cluster, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BatchError(
            f"no scheduler answers at '{cluster}' ({error}); start it with `dask scheduler`, and "
            "give the address it prints"
        ) from error


def cores_of_this_thread() -> int:
    """Return how many cores there are for each thread of the Dask worker that this is."""
    from distributed import get_worker

    return max(1, count_cores() // get_worker().state.nthreads)


@contextmanager
def _given_up_when_alone(client: "Client", workers: "ClientExecutor") -> Iterator[None]:
    """Cancel what is under way once there was no worker for long; Dask waits without end."""
    over, alone = threading.Event(), threading.Event()

    def look() -> None:
        seen_s = time.monotonic()
        while time.monotonic() - seen_s <= LONELY_S:
            if over.wait(LOOK_EVERY_S):
                return
            if client.scheduler_info().get("workers"):
                seen_s = time.monotonic()
        alone.set()
        workers.shutdown(wait=False)

    def look_or_leave() -> None:
        with suppress(Exception):  # where the scheduler is gone, Dask itself cancels
            look()

    looking = threading.Thread(target=look_or_leave, daemon=True)
    looking.start()
    try:
        yield
    except RuntimeError as error:  # of what was to be done after that
        if alone.is_set():
            raise BatchError(GONE) from error
        raise
    finally:
        over.set()
        looking.join(PATIENCE_S)


def _require_same_workers(client: "Client", options: Options, extras: Extras) -> None:
    address = client.scheduler_info()["address"]
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError:
        raise BatchError(
            f"the scheduler at {address} has no workers; start some: dask worker {address}"
        ) from None
    ours = describe_making(options)
    install = (
        f"install the same there as here: pip install 'formcheck[cluster]=={ours['formcheck']}'"
    )
    try:
        theirs = client.run(describe_making, options)
        client.run(choose_formats, extras.exports, options.height_cm)
    except Exception as error:  # whatever a worker without formcheck raises
        raise BatchError(f"the workers can't run formcheck ({error}); {install}") from error
    for worker, making in theirs.items():
        if making != ours:
            raise BatchError(f"the worker {worker} has another formcheck or models; {install}")
