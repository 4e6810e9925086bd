"""Work ahead in a thread, so that what makes things and what takes them overlap."""

import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")


def work_ahead(items: Generator[Item], most: int) -> Generator[Item]:
    """Make items in a thread of their own, at most so many ahead of whoever takes them.

    Notes
    -----
    What `items` raises is raised here, after the items before it. When this generator is closed,
    `items` is too, and the thread has ended.
    """
    ahead: queue.Queue[Item | BaseException | None] = queue.Queue(most)
    stop = threading.Event()

    def put(item: Item | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ahead.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def fill() -> None:
        try:
            with closing(items):
                for item in items:
                    if not put(item):
                        return
            put(None)
        except BaseException as error:  # handed over to the thread that takes
            put(error)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        while (item := ahead.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def start_beside(work: Callable[[], Item]) -> Future[Item]:
    """Do something in a thread of its own, for which nobody waits when the program ends."""
    result: Future[Item] = Future()

    def do() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # handed over to whoever asks
            result.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return result
