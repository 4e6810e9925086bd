"""Many machines: a Dask scheduler that the user has started, and its workers."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from formcheck.batch.done import describe_making
from formcheck.errors import BatchError
from formcheck.options import Options
from formcheck.system import count_cores

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S = 30


@contextmanager
def connect(cluster: "str | Client", options: Options) -> Iterator["Client"]:
    """Give a client of the scheduler, once there are workers with the same formcheck.

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
        _require_same_workers(client, options)
        try:
            yield client
        except (CancelledError, KilledWorker) as error:
            raise BatchError(
                "the scheduler or its workers are gone; start them, and then this again: what is "
                "finished is kept"
            ) from error


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


def _require_same_workers(client: "Client", options: Options) -> None:
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
    except Exception as error:  # whatever a worker without formcheck raises
        raise BatchError(f"the workers can't run formcheck ({error}); {install}") from error
    for worker, making in theirs.items():
        if making != ours:
            raise BatchError(f"the worker {worker} has another formcheck or models; {install}")
