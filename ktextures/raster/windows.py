"""Geometry of training tiles and prediction windows, from sizes only.

Rows and columns are counted from the upper left corner of the scene; every function
here covers the whole scene, remainder included, and knows nothing of the data.
"""

from math import ceil
from typing import NamedTuple

import numpy as np

__all__ = ["Window", "cover_evenly", "cover_regularly", "grow", "mirror"]

Padding = tuple[tuple[int, int], tuple[int, int]]


class Window(NamedTuple):
    """A rectangle of pixels: first row and column, height and width."""

    row: int
    col: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row slice and column slice of the window."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.col, self.col + self.width),
        )


def _even_starts(length: int, size: int) -> tuple[list[int], int]:
    """First pixels and common size of the fewest equal spans that cover `length`."""
    count = ceil(length / size)
    span = ceil(length / count)
    starts = np.linspace(0, length - span, count).round().astype(int)
    return [int(start) for start in starts], span


def _fixed_starts(length: int, size: int) -> tuple[list[int], int]:
    span = min(size, length)
    count = ceil(length / span)
    starts = np.linspace(0, length - span, count).round().astype(int)
    return [int(start) for start in starts], span


def cover_evenly(height: int, width: int, size: int, *, shrink: bool) -> list[Window]:
    """Cover a scene with equal tiles, overlapping where they do not divide it.

    Parameters
    ----------
    height, width : int
        Size of the scene in pixels.
    size : int
        Largest side of a tile in pixels.
    shrink : bool
        True: tiles shrink together so that they hardly overlap. False: they keep
        `size` (or the scene's, where that is smaller) and overlap as needed.

    Returns
    -------
    list of Window
        All of one height and one width, in row order; each pixel is in at least one.

    Examples
    --------
    >>> [w.row for w in cover_evenly(300, 100, 128, shrink=True)]
    [0, 100, 200]
    >>> [w.row for w in cover_evenly(300, 100, 128, shrink=False)]
    [0, 86, 172]
    """
    starts = _even_starts if shrink else _fixed_starts
    rows, tall = starts(height, size)
    cols, wide = starts(width, size)
    return [Window(row, col, tall, wide) for row in rows for col in cols]


def cover_regularly(height: int, width: int, size: int) -> list[Window]:
    """Cut a scene into windows that do not overlap; the last of a row may be smaller.

    Parameters
    ----------
    height, width, size : int
        Size of the scene and side of a window, in pixels.

    Returns
    -------
    list of Window
        In row order; each pixel is in exactly one.

    Examples
    --------
    >>> [(w.col, w.width) for w in cover_regularly(4, 10, 4)]
    [(0, 4), (4, 4), (8, 2)]
    """
    return [
        Window(row, col, min(size, height - row), min(size, width - col))
        for row in range(0, height, size)
        for col in range(0, width, size)
    ]


def grow(window: Window, halo: int, height: int, width: int) -> tuple[Window, Padding]:
    """Grow a window by a halo, and tell how much of the halo is off the scene.

    Parameters
    ----------
    window : Window
        Lies in the scene.
    halo : int
        Pixels to add on each side.
    height, width : int
        Size of the scene in pixels.

    Returns
    -------
    Window
        The part of the grown window that lies in the scene.
    ((int, int), (int, int))
        Missing pixels (above, below), (left, right), to be filled by `mirror`.

    Examples
    --------
    >>> grow(Window(0, 2, 4, 4), 3, 10, 10)
    (Window(row=0, col=0, height=7, width=9), ((3, 0), (1, 0)))
    """
    top, left = max(window.row - halo, 0), max(window.col - halo, 0)
    bottom = min(window.row + window.height + halo, height)
    right = min(window.col + window.width + halo, width)
    missing = (
        (halo - window.row + top, window.row + window.height + halo - bottom),
        (halo - window.col + left, window.col + window.width + halo - right),
    )
    return Window(top, left, bottom - top, right - left), missing


def mirror(values: np.ndarray, padding: Padding) -> np.ndarray:
    """Fill the part of a grown window that is off the scene by mirroring at its edge.

    Parameters
    ----------
    values : array, shape (y, x) or (y, x, band)
    padding : ((int, int), (int, int))
        Pixels to add (above, below), (left, right).

    Returns
    -------
    array
        The edge row itself is not repeated, as published; a padding wider than the
        array is mirrored again.

    Examples
    --------
    >>> mirror(np.array([[1, 2, 3]]), ((0, 0), (2, 1)))
    array([[3, 2, 1, 2, 3, 2]])
    """
    if padding == ((0, 0), (0, 0)):
        return values
    rest = ((0, 0),) * (values.ndim - 2)
    return np.pad(values, (*padding, *rest), mode="reflect")
