"""Positions of training tiles and prediction windows, computed from sizes only.

Rows and columns are counted from the upper left corner of the scene, and the whole
scene is covered, even if its size is not a multiple of theirs.
"""

from math import ceil
from typing import NamedTuple

import numpy as np

__all__ = ["Window", "cover_evenly", "cover_regularly", "grow", "mirror", "reflected"]

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

    def moved(self, rows: int, cols: int) -> "Window":
        """The same window some rows further down and some columns to the right."""
        return Window(self.row + rows, self.col + cols, self.height, self.width)


def _even_starts(length: int, size: int) -> tuple[list[int], int]:
    """First pixels and size of the fewest equal spans that cover `length`."""
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
    """Cover a scene with tiles of equal size that overlap if necessary.

    Parameters
    ----------
    height, width : int
        Size of the scene in pixels.
    size : int
        Largest side of a tile in pixels.
    shrink : bool
        True: tiles become smaller, so that they hardly overlap. False: they have sides
        of `size` (or of the scene, if that is smaller) and overlap as needed.

    Returns
    -------
    list of Window
        All of the same size, in row order. Each pixel is in at least one.

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
    """Divide a scene into windows that do not overlap.

    The last window of a row or column may be smaller.

    Parameters
    ----------
    height, width, size : int
        Size of the scene and side of a window, in pixels.

    Returns
    -------
    list of Window
        In row order. Each pixel is in exactly one.

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
    """Grow a window by a halo, and find how much of the halo is outside the scene.

    Parameters
    ----------
    window : Window
        A window within the scene.
    halo : int
        Pixels to add on each side.
    height, width : int
        Size of the scene in pixels.

    Returns
    -------
    Window
        The part of the grown window that is in the scene.
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
    """Pad an array by mirroring it at its edges.

    Parameters
    ----------
    values : array, shape (y, x) or (y, x, band)
        The part of a grown window that is in the scene.
    padding : ((int, int), (int, int))
        Pixels to add (above, below), (left, right).

    Returns
    -------
    array
        The row at the edge is not repeated, as published. If the padding is wider than
        the array, it is mirrored repeatedly.

    Examples
    --------
    >>> mirror(np.array([[1, 2, 3]]), ((0, 0), (2, 1)))
    array([[3, 2, 1, 2, 3, 2]])
    """
    if padding == ((0, 0), (0, 0)):
        return values
    rest = ((0, 0),) * (values.ndim - 2)
    return np.pad(values, (*padding, *rest), mode="reflect")


def reflected(length: int, before: int, after: int) -> np.ndarray:
    """Index of the row or column that is shown at each position, as by `mirror`.

    Parameters
    ----------
    length : int
        Of the array to be padded.
    before, after : int
        Pixels to add on either side.

    Returns
    -------
    array of int, shape (before + length + after,)

    Examples
    --------
    >>> reflected(3, 2, 1)
    array([2, 1, 0, 1, 2, 1])
    """
    return np.pad(np.arange(length), (before, after), mode="reflect")
