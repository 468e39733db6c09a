"""Pixels of a scene, read as plain arrays."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.source import direct_source

__all__ = ["is_lazy", "read_sample", "read_window", "sample_windows"]

_SAMPLE_WINDOW = 256
_SAMPLE_WINDOWS = 64


def is_lazy(scene: xr.DataArray) -> bool:
    """Return whether a scene is dask-backed, so that reading it computes."""
    return scene.chunks is not None


def read_window(
    scene: xr.DataArray, row: int, col: int, height: int, width: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Read one window of a scene.

    Of a lazy scene of a file, only the window is read; of other lazy scenes, only the
    chunks in the window are computed.

    Parameters
    ----------
    scene : DataArray
        A scene.
    row, col : int
        First row and column, from 0.
    height, width : int
        Size in pixels; the window must lie within the scene.

    Returns
    -------
    values : ndarray, shape (height, width, band)
        In the scene's own units, invalid pixels as stored. The dtype is float64 for
        float64 and for integers of 32 bits or more, and otherwise float32.
    valid : ndarray of bool, shape (height, width)
        Where every band is finite and not nodata.

    Raises
    ------
    InputError
        If the window reaches beyond the scene or is empty.
    """
    rows, cols = scene.sizes["y"], scene.sizes["x"]
    inside = 0 <= row < row + height <= rows and 0 <= col < col + width <= cols
    if not inside:
        raise InputError(
            f"the window of {height} x {width} pixels at row {row}, column {col} is "
            f"not within the scene of {rows} x {cols} pixels; give a smaller window"
        )
    part = slice(row, row + height), slice(col, col + width)
    source = direct_source(scene.data)
    block = source.read(*part) if source else np.asarray(scene.data[:, *part])
    return _channel_last(block), valid_pixels(block, scene_nodata(scene))


def read_sample(
    scene: xr.DataArray, max_pixels: int = 4_000_000
) -> tuple[npt.NDArray[Any], float]:
    """Read the valid pixels of a scene, or a sample of a large one.

    The same scene always gives the same sample.

    Parameters
    ----------
    scene : DataArray
        A scene; of a lazy one only the windows are computed.
    max_pixels : int, default 4_000_000
        Scenes of up to this many pixels are read whole. Larger ones are sampled in up
        to 64 windows of 256 x 256 pixels, on a regular grid that reaches all edges.

    Returns
    -------
    values : ndarray, shape (n, band)
        Valid pixels in the scene's own units, float32 or float64 as in
        ``read_window``; n may be 0.
    valid_share : float
        Valid pixels among those read, 0..1.

    Raises
    ------
    InputError
        If ``max_pixels`` is below 1.
    """
    if max_pixels < 1:
        raise InputError(f"max_pixels must be at least 1, got {max_pixels!r}")
    windows = sample_windows(scene.sizes["y"], scene.sizes["x"], max_pixels)
    nodata = scene_nodata(scene)
    pixels = [
        _channel_last(block)[valid_pixels(block, nodata)]
        for block in _blocks(scene, windows)
    ]
    total = sum(height * width for _, _, height, width in windows)
    values = np.concatenate(pixels)
    return values, len(values) / total


def _blocks(
    scene: xr.DataArray, windows: list[tuple[int, int, int, int]]
) -> Iterable[npt.NDArray[Any]]:
    """Values (band, y, x) of several windows."""
    parts = [
        (slice(row, row + height), slice(col, col + width))
        for row, col, height, width in windows
    ]
    # A whole scene is read chunk by chunk, which may be in parallel.
    if len(parts) > 1 and (source := direct_source(scene.data)):
        return (source.read(*part) for part in parts)
    blocks = [scene.data[:, *part] for part in parts]
    if is_lazy(scene):
        from dask.base import compute

        # All at once, so that chunks shared by windows are read only once.
        blocks = list(compute(*blocks))  # type: ignore[no-untyped-call]
    return blocks


def _channel_last(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    small = block.dtype.itemsize <= (4 if block.dtype.kind == "f" else 2)
    dtype = np.float32 if small else np.float64
    return np.ascontiguousarray(np.moveaxis(block, 0, -1), dtype=dtype)


def sample_windows(
    rows: int, cols: int, max_pixels: int
) -> list[tuple[int, int, int, int]]:
    """Windows (row, col, height, width) that `read_sample` reads, all of one size."""
    if rows * cols <= max_pixels:
        return [(0, 0, rows, cols)]
    # Small enough for about 16 windows, so that a small sample is spread out too.
    side = max(1, min(_SAMPLE_WINDOW, math.isqrt(max_pixels // 16)))
    height = rows if rows < 2 * side else side
    width = cols if cols < 2 * side else side
    count = max(1, min(_SAMPLE_WINDOWS, max_pixels // (height * width)))
    down = min(max(1, round(math.sqrt(count * rows / cols))), rows // height, count)
    across = max(1, min(count // down, cols // width))
    down = max(1, min(count // across, rows // height))
    if down * across == 1:
        return [((rows - height) // 2, (cols - width) // 2, height, width)]
    # A single line of windows runs diagonally, so that it reaches all edges too.
    line = down == 1 or across == 1
    tops = np.linspace(0, rows - height, down * across if line else down).astype(int)
    lefts = np.linspace(0, cols - width, down * across if line else across).astype(int)
    places = zip(tops, lefts, strict=True) if line else itertools.product(tops, lefts)
    return [(int(top), int(left), height, width) for top, left in places]
