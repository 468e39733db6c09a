"""Files written in full before they appear under their names."""

import _thread
import concurrent.futures.thread
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["staging_folder"]

STARTING = {"start", "submit", "_adjust_thread_count"}
THREADS = {threading.__file__, concurrent.futures.thread.__file__}
"""Functions, and their files, that start threads and must not be interrupted."""

DELAY = 0.02
"""Seconds after which a signal that came at such a moment is sent again."""


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Make a hidden temporary folder, and remove it whatever happens meanwhile.

    A file that is written here and then moved with `os.replace` into ``parent``
    replaces an older file in one step. The folder also goes away when the process
    receives SIGTERM, as on ``kill`` or when a container stops: in the main thread the
    signal then raises SystemExit(143), unless the program handles SIGTERM itself.

    Parameters
    ----------
    parent : Path
        Existing folder in which the temporary one is made.

    Yields
    ------
    Path
        Folder with a name that no other thread, process or container uses.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    # The name is short, so it fits wherever the name of the finished file fits.
    with (
        _exiting_on_sigterm(),
        tempfile.TemporaryDirectory(dir=parent, prefix=".ktextures-") as folder,
    ):
        yield Path(folder)


@contextmanager
def _exiting_on_sigterm() -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    # Only the main thread may set handlers, and a handler of the program comes first.
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    if _starts_thread(frame):
        # A pool would forget the thread, and Python wait for it forever at its end.
        _thread.start_new_thread(_send_later, (number,))
        return
    # A second signal must not interrupt the cleanup.
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _starts_thread(frame: FrameType | None) -> bool:
    """Whether the code that a signal interrupted is about to start a thread."""
    while frame is not None:
        if frame.f_code.co_name in STARTING and frame.f_code.co_filename in THREADS:
            return True
        frame = frame.f_back
    return False


def _send_later(number: int) -> None:
    time.sleep(DELAY)
    os.kill(os.getpid(), number)
