"""Maps taken apart into windows, and functions of windows put together as maps."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.raster.windows import Window, cover_regularly

__all__ = ["SIDE", "each_part", "filtered", "mapped", "parts_of"]

Values = npt.NDArray[Any]

SIDE = 2048
"""Side of a window of a map that is in memory; limits what is needed besides it."""


def parts_of(classes: xr.DataArray) -> list[list[Window]]:
    """Windows of a map, row by row: its chunks, or else squares.

    Parameters
    ----------
    classes : DataArray, (y, x)
        A map; its pixels are not read.

    Returns
    -------
    list of list of Window
        Rows of windows; each pixel is in exactly one.
    """
    height, width = classes.shape
    if classes.chunks is None:
        found = cover_regularly(height, width, SIDE)
        across = len({window.col for window in found})
        return [found[i : i + across] for i in range(0, len(found), across)]
    rows, cols = (np.cumsum((0, *sizes)).tolist() for sizes in classes.chunks)
    return [
        [
            Window(top, left, bottom - top, right - left)
            for left, right in pairwise(cols)
        ]
        for top, bottom in pairwise(rows)
    ]


def each_part(classes: xr.DataArray) -> Iterator[tuple[Window, Values]]:
    """Read a map window by window, as `parts_of` lists them.

    Parameters
    ----------
    classes : DataArray, (y, x)
        A map; of a lazy one, a row of chunks is computed at a time.

    Yields
    ------
    window : Window
    values : ndarray, (height, width)
    """
    lazy = classes.chunks is not None
    for row in parts_of(classes):
        rows = row[0].slices[0]
        # Chunks side by side share input, and are computed in parallel.
        strip = classes.data[rows].compute() if lazy else classes.data[rows]
        for window in row:
            yield window, np.asarray(strip[:, window.slices[1]])


def mapped(
    classes: xr.DataArray, function_of: Callable[[int], Callable[[Values], Values]]
) -> xr.DataArray:
    """Apply a function to each window of a map.

    Parameters
    ----------
    classes : DataArray, (y, x)
        A map.
    function_of : callable
        Takes the number of a window in `parts_of`, and returns the function of its
        values, which returns values of the same shape and dtype.

    Returns
    -------
    DataArray, (y, x)
        Lazy if the map is.
    """
    if classes.chunks is None:
        data = np.empty(classes.shape, classes.dtype)
        for number, (window, values) in enumerate(each_part(classes)):
            data[window.slices] = function_of(number)(values)
        return _like(classes, data)
    from dask import array as da
    from dask.delayed import delayed

    # One function for each chunk, so that a cluster sends only what the chunk needs.
    blocks = classes.data.to_delayed()
    across = blocks.shape[1]
    found = [
        [
            da.from_delayed(  # type: ignore[no-untyped-call]
                delayed(function_of(row * across + col))(blocks[row, col]),
                (window.height, window.width),
                classes.dtype,
            )
            for col, window in enumerate(windows)
        ]
        for row, windows in enumerate(parts_of(classes))
    ]
    return _like(classes, da.block(found))  # type: ignore[no-untyped-call]


def filtered(
    classes: xr.DataArray, function: Callable[[Values], Values], reach: int
) -> xr.DataArray:
    """Apply a function of a neighborhood to a map.

    Parameters
    ----------
    classes : DataArray, (y, x)
        A map.
    function : callable
        Takes values, and returns values of the same shape and dtype. Beyond the edges
        of the map there is nodata.
    reach : int
        Distance in pixels over which it looks.

    Returns
    -------
    DataArray, (y, x)
        Lazy if the map is.
    """
    if classes.chunks is not None:
        from dask.array import overlap

        data = overlap.map_overlap(  # type: ignore[no-untyped-call]
            function,
            classes.data,
            # There is nothing to see beyond a map that is smaller than the reach.
            depth={axis: min(reach, n) for axis, n in enumerate(classes.shape)},
            boundary=0,
            dtype=classes.dtype,
            meta=np.empty((0, 0), classes.dtype),
        )
        return _like(classes, data)
    padded = np.pad(np.asarray(classes.data), reach)
    data = np.empty(classes.shape, classes.dtype)
    for row in parts_of(classes):
        for top, left, height, width in row:
            around = padded[top : top + height + 2 * reach]
            found = function(around[:, left : left + width + 2 * reach])
            data[top : top + height, left : left + width] = found[
                reach : reach + height, reach : reach + width
            ]
    return _like(classes, data)


def _like(classes: xr.DataArray, data: Any) -> xr.DataArray:
    result = classes.copy(data=data)
    result.encoding = {
        key: value for key, value in classes.encoding.items() if key == "_FillValue"
    }
    return result
