"""Pixels of each pair of values in two rasters, counted part by part."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Pairs", "Part", "count_pairs", "over_parts", "parts_of"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_STRIP_PIXELS = 2**20  # limits the memory of counting; more is not faster


class Part(NamedTuple):
    """Rows and columns of a part of a map."""

    rows: slice
    cols: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start


@dataclass(frozen=True)
class Pairs:
    """Pairs of values that occur in the same pixels.

    Attributes
    ----------
    first, second : ndarray of int64, (n,)
        The values, in ascending order of both.
    pixels : ndarray of int64, (n,)
        Number of pixels with both.
    areas : ndarray of float64, (n,)
        Their summed weights.
    """

    first: IntArray
    second: IntArray
    pixels: IntArray
    areas: FloatArray

    @classmethod
    def joined(cls, parts: Iterable["Pairs"]) -> "Pairs":
        """Sum of the counts of several parts."""
        parts = [cls(*np.zeros((4, 0))), *parts]
        first, second, pixels, areas = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("first", "second", "pixels", "areas")
        )
        pairs, at = np.unique(np.stack([first, second]), axis=1, return_inverse=True)
        count = pairs.shape[1]
        return cls(
            pairs[0].astype(np.int64),
            pairs[1].astype(np.int64),
            np.bincount(at.ravel(), pixels, count).round().astype(np.int64),
            np.bincount(at.ravel(), areas, count).astype(np.float64),
        )

    def table(
        self, rows: npt.ArrayLike, columns: npt.ArrayLike
    ) -> tuple[IntArray, FloatArray]:
        """Pixels and areas (rows, columns) of the pairs of listed values."""
        row, column = (_found(each) for each in (rows, columns))
        at, to = row(self.first), column(self.second)
        listed = (at >= 0) & (to >= 0)
        shape = len(np.asarray(rows)), len(np.asarray(columns))
        pixels, areas = np.zeros(shape, np.int64), np.zeros(shape)
        np.add.at(pixels, (at[listed], to[listed]), self.pixels[listed])
        np.add.at(areas, (at[listed], to[listed]), self.areas[listed])
        return pixels, areas


def _found(values: npt.ArrayLike) -> Callable[[IntArray], IntArray]:
    """Position of values in a list; -1 for those that are not in it."""
    positions = {int(value): at for at, value in enumerate(np.asarray(values))}
    return lambda wanted: np.array(
        [positions.get(value, -1) for value in wanted.tolist()], np.int64
    )


def count_pairs(
    first: npt.NDArray[np.integer],
    second: npt.NDArray[np.integer],
    weights: FloatArray,
) -> Pairs:
    """Count the pixels of each pair of values; those that are 0 in either do not count.

    Parameters
    ----------
    first, second : ndarray of int, (y, x)
        Values of 0 or more.
    weights : ndarray of float64, (y,)
        Weight of one pixel of each row.

    Returns
    -------
    Pairs

    Examples
    --------
    >>> a, b = np.array([[1, 1, 0]]), np.array([[7, 7, 7]])
    >>> count_pairs(a, b, np.array([2.0]))
    Pairs(first=array([1]), second=array([7]), pixels=array([2]), areas=array([4.]))
    """
    height, width = first.shape
    step = max(1, _STRIP_PIXELS // max(width, 1))
    found = []
    for start in range(0, height, step):
        strip = slice(start, start + step)
        a, b = first[strip], second[strip]
        known = (a > 0) & (b > 0)
        sizes = np.broadcast_to(weights[strip, None], a.shape)[known]
        found.append(_counted(a[known], b[known], sizes))
    return Pairs.joined(found)


def _counted(
    a: npt.NDArray[np.integer], b: npt.NDArray[np.integer], sizes: FloatArray
) -> Pairs:
    (rows, at), (columns, to) = _positions(a), _positions(b)
    cells = at * columns.size + to
    count = rows.size * columns.size
    pixels = np.bincount(cells, minlength=count)
    areas = np.bincount(cells, sizes, count).astype(np.float64)
    held = np.flatnonzero(pixels)
    row, column = np.divmod(held, max(columns.size, 1))
    return Pairs(rows[row], columns[column], pixels[held], areas[held])


def _positions(values: npt.NDArray[np.integer]) -> tuple[IntArray, IntArray]:
    """The values that occur, and the position of each pixel among them."""
    held = np.flatnonzero(np.bincount(values))
    lookup = np.zeros(int(held.max(initial=0)) + 1, np.int64)
    lookup[held] = np.arange(held.size)
    return held.astype(np.int64), lookup[values]


def parts_of(data: Any) -> list[Part]:
    """Parts in which an array (y, x) is processed: blocks of dask, or strips.

    Examples
    --------
    >>> parts_of(np.zeros((2, 3)))
    [Part(rows=slice(0, 2, None), cols=slice(0, 3, None))]
    """
    height, width = data.shape
    if hasattr(data, "dask"):
        sizes = data.chunks
    else:
        step = max(1, 2 * _STRIP_PIXELS // max(width, 1))
        sizes = [min(step, height - start) for start in range(0, height, step)], [width]
    rows, cols = (np.cumsum([0, *each]).tolist() for each in sizes)
    return [
        Part(slice(top, bottom), slice(left, right))
        for top, bottom in pairwise(rows)
        for left, right in pairwise(cols)
    ]


def over_parts(
    function: Callable[..., Any], parts: Iterable[Part], *of_parts: Callable[..., Any]
) -> list[Any]:
    """Call a function for every part, at the same time for those that dask computes.

    Parameters
    ----------
    function : callable
        Takes a part, and the arrays of it.
    parts : iterable of Part
    *of_parts : callable
        Each gives an array of a part, NumPy or dask.

    Returns
    -------
    list
        What the function returned for each part.

    Examples
    --------
    >>> data = np.ones((2, 3))
    >>> over_parts(lambda part, a: a.sum(), parts_of(data), lambda p: data[p])
    [np.float64(6.0)]
    """
    later, found = [], []
    for part in parts:
        arrays = [of_part(part) for of_part in of_parts]
        if any(hasattr(array, "dask") for array in arrays):
            from dask.delayed import delayed

            later.append(delayed(function)(part, *arrays))
        else:
            found.append(function(part, *arrays))
    if not later:
        return found
    from dask.base import compute

    return [*found, *compute(*later)]  # type: ignore[no-untyped-call]  # left bare
