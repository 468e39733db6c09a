"""Memory that was used for a moment, given back to the system."""

import ctypes
import sys

__all__ = ["return_memory"]


def return_memory() -> None:
    """Let the C library give back what it holds after arrays were freed.

    On Linux, threads keep what they freed in heaps of their own, where others cannot
    use it: after many tiles, some 500 MB. Elsewhere, nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl not
    if trim is not None:
        trim(0)
