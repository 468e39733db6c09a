"""Matrix products on one thread each: whole blocks are computed side by side."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import scipy.linalg.cython_blas  # noqa: F401 - what compiled loops multiply with
from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded_products"]


class Limit:
    """A limit of one thread that holds as long as anyone needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._controller = ThreadpoolController().select(user_api="blas")
        self._before: list[int] = []

    def enter(self) -> None:
        """Begin to need it."""
        with self._lock:
            if not self._users:
                libraries = self._controller.lib_controllers
                self._before = [each.get_num_threads() for each in libraries]
                self._set([1] * len(libraries))
            self._users += 1

    def leave(self) -> None:
        """Need it no longer."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._set(self._before)

    def _set(self, counts: list[int]) -> None:
        for each, count in zip(self._controller.lib_controllers, counts, strict=True):
            each.set_num_threads(count)


# How many threads products use is set for the whole process, by whoever is first.
_LIMIT = Limit()


@contextmanager
def single_threaded_products() -> Iterator[None]:
    """Let each product of matrices use one thread, in the whole process."""
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()
