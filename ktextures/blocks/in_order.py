"""Work that is done ahead of whoever needs it, and handed over in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

__all__ = ["done_ahead", "in_threads", "thread_count"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[tuple[Item, Result]]:
    """Call a function with each item, in several threads.

    Parameters
    ----------
    function : callable
    items : iterable
        Taken as they are needed.
    threads : int
        Calls at a time; as many results wait for whoever takes them, at most.

    Yields
    ------
    item, result
        In the order of the items. An exception of the function is raised here. If the
        iterator is closed, calls that have not begun are dropped.
    """
    # Otherwise the library of linear algebra would start threads in each of these.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        ThreadPoolExecutor(threads, "ktextures-block") as pool,
    ):

        def begin(item: Item) -> "Future[Result]":
            return pool.submit(function, item)

        yield from done_ahead(begin, Future.result, Future.cancel, items, 2 * threads)


def done_ahead(
    begin: Callable[[Item], "Future[Result]"],
    result: Callable[["Future[Result]"], Result],
    cancel: Callable[["Future[Result]"], object],
    items: Iterable[Item],
    most: int,
) -> Iterator[tuple[Item, Result]]:
    """Keep some work begun, and hand over results in order.

    Parameters
    ----------
    begin : callable
        Begins the work for an item.
    result, cancel : callable
        Wait for the result of what `begin` returned; drop it.
    items : iterable
    most : int
        Items that are begun and not handed over, at most.

    Yields
    ------
    item, result
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, begin(item)))
            if len(waiting) >= most:
                first, future = waiting.popleft()
                yield first, result(future)
        while waiting:
            first, future = waiting.popleft()
            yield first, result(future)
    finally:
        for _, future in waiting:
            cancel(future)


def thread_count() -> int:
    """Threads to compute in: dask's ``num_workers``, or else one for each core."""
    from dask import config
    from dask.system import CPU_COUNT

    if config.get("scheduler", None) in ("sync", "synchronous", "single-threaded"):
        return 1
    return int(config.get("num_workers", None) or CPU_COUNT)
