"""Each pixel replaced by the most frequent class around it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.categories import check_map
from ktextures.cleaning.parts import filtered
from ktextures.errors import InputError

__all__ = ["majority_filter"]

Values = npt.NDArray[Any]

LARGEST = 101


def majority_filter(classes: xr.DataArray, size: int = 3) -> xr.DataArray:
    """Replace each pixel by the most frequent class of the pixels around it.

    This smooths edges and removes single pixels, but also thins out lines; `sieve`
    removes small areas and leaves everything else as it is.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata; or a map of legend codes. Stays lazy if it
        is dask-backed.
    size : int, default 3
        Side of the square window in pixels, odd, 3 to 101.

    Returns
    -------
    DataArray, (y, x)
        Like ``classes``. Nodata stays nodata, and does not count. Of equally frequent
        classes, a pixel keeps its own if it is one of them, and otherwise takes the
        lowest. The result does not depend on the chunks.

    Raises
    ------
    InputError
        If it is not a class map, or the size is not an odd number in 3..101.

    See Also
    --------
    class_changes : What this changed, per class.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> values = np.array([[1, 1, 1], [1, 2, 1], [0, 1, 1]], np.uint8)
    >>> majority_filter(xr.DataArray(values, dims=("y", "x"))).values.tolist()
    [[1, 1, 1], [1, 1, 1], [0, 1, 1]]
    """
    check_map(classes)
    whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    if not whole or not 3 <= size <= LARGEST or size % 2 == 0:
        raise InputError(f"size is {size!r}: give an odd number from 3 to {LARGEST}")
    size = int(size)

    def most_frequent(values: Values) -> Values:
        return _most_frequent(values, size)

    return filtered(classes, most_frequent, size // 2)


def _most_frequent(values: Values, size: int) -> Values:
    best = np.zeros(values.shape, np.int32)
    found = np.zeros_like(values)
    own = np.zeros(values.shape, np.int32)
    held = np.unique(values)
    for value in held[held > 0]:
        there = values == value
        count = _box_sums(there, size)
        own[there] = count[there]
        better = count > best
        best[better] = count[better]
        found[better] = value
    kept = (own == best) | (values == 0)
    return np.where(kept, values, found)


def _box_sums(there: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.int32]:
    """Number of true pixels in the window around each pixel."""
    sums = there.astype(np.int32)
    for axis in (0, 1):
        padded = np.zeros(
            [n + size if i == axis else n for i, n in enumerate(sums.shape)], np.int32
        )
        inside = [slice(None), slice(None)]
        inside[axis] = slice(size // 2 + 1, size // 2 + 1 + sums.shape[axis])
        padded[tuple(inside)] = sums
        np.cumsum(padded, axis=axis, out=padded)
        ends = [slice(None), slice(None)]
        begins = [slice(None), slice(None)]
        ends[axis] = slice(size, None)
        begins[axis] = slice(None, -size)
        sums = padded[tuple(ends)] - padded[tuple(begins)]
    return sums
