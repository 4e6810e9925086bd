"""Many machines: a Dask scheduler that the user has started, and its workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from formcheck.batch.done import describe_making
from formcheck.batch.work import Task
from formcheck.errors import BatchError
from formcheck.system import count_cores

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S = 30


@contextmanager
def connect(cluster: "str | Client", task: Task) -> Iterator["Client"]:
    """Give a client of the scheduler, once there are workers with the same formcheck.

    Raises
    ------
    BatchError
    """
    try:
        from distributed import Client
    except ImportError:
        raise BatchError(
            "a cluster needs Dask, here and on the workers: pip install 'formcheck[cluster]'"
        ) from None
    if isinstance(cluster, Client):
        _require_same_workers(cluster, task)
        yield cluster
        return
    try:
        client = Client(cluster, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BatchError(
            f"no scheduler answers at '{cluster}' ({error}); start it with `dask scheduler`, and "
            "give the address it prints"
        ) from error
    with client:
        _require_same_workers(client, task)
        yield client


def cores_of_this_thread() -> int:
    """Return how many cores there are for each thread of the Dask worker that this is."""
    from distributed import get_worker

    return max(1, count_cores() // get_worker().state.nthreads)


def _require_same_workers(client: "Client", task: Task) -> None:
    address = client.scheduler_info()["address"]
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError:
        raise BatchError(
            f"the scheduler at {address} has no workers; start some: dask worker {address}"
        ) from None
    ours = describe_making(task.options, overlay=task.overlay)
    install = (
        f"install the same there as here: pip install 'formcheck[cluster]=={ours['formcheck']}'"
    )
    try:
        theirs = client.run(describe_making, task.options, overlay=task.overlay)
    except Exception as error:  # whatever a worker without formcheck raises
        raise BatchError(f"the workers can't run formcheck ({error}); {install}") from error
    for worker, making in theirs.items():
        if making != ours:
            raise BatchError(f"the worker {worker} has another formcheck or models; {install}")
