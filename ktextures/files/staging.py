"""Files written in full before they appear under their names."""

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["staging_folder"]


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


def _exit(number: int, _: FrameType | None) -> None:
    # A second signal must not interrupt the cleanup.
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)
