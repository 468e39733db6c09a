"""Ctrl-C and SIGTERM: stop at once, or after the work that must be completed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Interrupts"]

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interrupts:
    """Turns Ctrl-C and SIGTERM into a KeyboardInterrupt, deferred where necessary.

    Only the first signal that is not deferred raises a KeyboardInterrupt as it
    arrives, so that cleanup is never interrupted.

    Attributes
    ----------
    received : list of int
        Numbers of the signals received so far.

    Examples
    --------
    >>> interrupts = Interrupts()
    >>> with interrupts.handled():
    ...     try:
    ...         with interrupts.deferred():
    ...             signal.raise_signal(signal.SIGTERM)
    ...             print("completed")
    ...     except KeyboardInterrupt:
    ...         print("stopped by", interrupts.cause)
    completed
    stopped by SIGTERM
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._accepted = 0
        self._deferring = False
        self._previous: dict[int, Any] = {}

    @property
    def cause(self) -> str:
        """Name of the first signal, for messages."""
        return _NAMES[self._first]

    @property
    def exit_code(self) -> int:
        """Exit code by the convention of shells: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self._first

    @property
    def _first(self) -> signal.Signals:
        # In another thread, a KeyboardInterrupt comes without a signal.
        return signal.Signals(self.received[0] if self.received else signal.SIGINT)

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle both signals inside the block.

        A signal that the process was started to ignore remains ignored.
        """
        # Python runs and installs signal handlers in the main thread only.
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _NAMES}
            self._previous = {
                number: handler
                for number, handler in handlers.items()
                if handler not in (signal.SIG_IGN, None)
            }
        self.reinstall()
        try:
            yield
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def reinstall(self) -> None:
        """Install the handlers again, after other code has replaced them."""
        for number in self._previous:
            signal.signal(number, self._receive)

    def defer(self) -> None:
        """From now on, only record signals."""
        self._deferring = True

    def resume(self) -> None:
        """Raise for the signals that were recorded, and from now on as they arrive."""
        self._deferring = False
        self.check()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Record signals inside the block and raise at its end."""
        self.defer()
        yield
        self.resume()

    def accept(self) -> bool:
        """Count one signal as answered, and tell whether there was one."""
        if not self._pending:
            return False
        self._accepted += 1
        return True

    def check(self) -> None:
        """Raise a KeyboardInterrupt if there is an unanswered signal.

        Needed after calls into other libraries, some of which discard exceptions.
        """
        if self._pending:
            self.defer()
            raise KeyboardInterrupt

    @property
    def _pending(self) -> int:
        return len(self.received) - self._accepted

    def _receive(self, number: int, _: object) -> None:
        self.received.append(number)
        if not self._deferring:
            self.check()
