"""How much of what was read from files GDAL keeps."""

import os
from contextlib import AbstractContextManager, nullcontext

import rasterio
from rasterio.env import getenv, hasenv

__all__ = ["small_cache"]

CACHE = 32 * 2**20
"""Bytes, unless the user chose otherwise."""


def small_cache() -> AbstractContextManager[object]:
    """Keep GDAL from filling 5 % of the memory with what it has read or written.

    Returns
    -------
    context manager
        Does nothing if the user has set GDAL_CACHEMAX.
    """
    if "GDAL_CACHEMAX" in os.environ or (
        hasenv() and getenv().get("GDAL_CACHEMAX") is not None
    ):
        return nullcontext()
    limited: AbstractContextManager[object] = rasterio.Env(GDAL_CACHEMAX=CACHE)
    return limited
