"""A bar that tells how far work on a raster is, how fast, and how long it takes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

__all__ = ["progress_bar"]

FORMAT = (
    "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} Mpx "
    "[{elapsed}<{remaining}, {rate_fmt}]"
)

DELAY = 1
"""Seconds before the bar appears: work that is soon done needs none."""


@contextmanager
def progress_bar(
    pixels: int, title: str, shown: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show a bar in a terminal or notebook; elsewhere nothing.

    It appears after a second.

    Parameters
    ----------
    pixels : int
        All there is to do.
    title : str
    shown : bool
        False never shows it.

    Yields
    ------
    callable
        To be called with the number of pixels that were done since the last call.
    """
    bar = tqdm(
        total=pixels / 1e6,
        desc=title,
        unit="Mpx",
        bar_format=FORMAT,
        delay=DELAY,
        disable=not (shown and (_in_notebook() or sys.stderr.isatty())),
    )
    try:
        yield lambda done: bar.update(done / 1e6)
    finally:
        bar.close()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
