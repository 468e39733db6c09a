"""Connected areas of one class, found window by window and joined across the seams."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.cleaning.parts import each_part, parts_of
from ktextures.errors import InputError
from ktextures.raster.windows import Window

__all__ = ["Areas", "Borders", "find_areas", "label_areas"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

CONNECTIVITIES = (4, 8)


@dataclass(frozen=True)
class Borders:
    """Which areas touch, along sides of pixels.

    Attributes
    ----------
    first, second : ndarray of int64, (m,)
        Two areas that touch, 0-based.
    length : ndarray of int64, (m,)
        Length of their border in sides of pixels.
    """

    first: IntArray
    second: IntArray
    length: IntArray


@dataclass(frozen=True)
class Areas:
    """The connected areas of a map.

    They are numbered from 0 in the order of their first pixels, row by row.

    Attributes
    ----------
    values : ndarray of int64, (n,)
        Class of each area.
    sizes : ndarray of float64, (n,)
        Sums of the weights of their pixels.
    starts : ndarray of int64, (windows + 1,)
        Number of labels in the windows before each one.
    numbers : ndarray of int64, (labels,)
        Area that each label of each window is a part of. Windows are those of
        `parts_of`, and labels those of `label_areas`, without 0.
    borders : Borders
        Only those with areas that may be smaller than what was asked for.
    """

    values: IntArray
    sizes: FloatArray
    starts: IntArray
    numbers: IntArray
    borders: Borders

    def of_window(self, number: int) -> IntArray:
        """Area of each label of a window; that of label 1 comes first."""
        return self.numbers[self.starts[number] : self.starts[number + 1]]


def label_areas(values: npt.NDArray[Any], connectivity: int) -> IntArray:
    """Label the connected areas of a window.

    Parameters
    ----------
    values : ndarray of int, (height, width)
        Classes, 0 = nodata.
    connectivity : {4, 8}
        Whether pixels that touch at a corner are connected.

    Returns
    -------
    ndarray of int64, (height, width)
        1, 2, ... in the order of their first pixels; 0 = nodata.

    Examples
    --------
    >>> label_areas(np.array([[1, 2], [2, 0]]), 4).tolist()
    [[1, 2], [3, 0]]
    """
    from skimage.measure import label

    labels: IntArray = label(  # type: ignore[no-untyped-call]
        values, background=0, connectivity=1 + connectivity // 8
    )
    return labels


def find_areas(
    classes: xr.DataArray,
    connectivity: int,
    weights: FloatArray,
    smallest: float = 0.0,
) -> Areas:
    """Find the connected areas of a map.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        0 = nodata. A lazy map is computed, a row of chunks at a time.
    connectivity : {4, 8}
        Whether pixels that touch at a corner are connected.
    weights : ndarray of float64, (y,)
        Size of a pixel of each row.
    smallest : float, default 0
        Borders are listed if one of the two areas may be smaller than this.

    Returns
    -------
    Areas
        The same for any chunks.

    Raises
    ------
    InputError
        If the connectivity is neither 4 nor 8.
    """
    if connectivity not in CONNECTIVITIES:
        raise InputError(
            f"connectivity is {connectivity!r}: give 4, or 8 to connect pixels that "
            "touch at a corner"
        )
    parts = [
        _read_part(values, window, connectivity, weights, smallest, classes.sizes["x"])
        for window, values in each_part(classes)
    ]
    starts = np.cumsum([0, *(part.values.size for part in parts)])
    values = np.concatenate([part.values for part in parts])
    sizes = np.concatenate([part.sizes for part in parts])
    seams = _Seams(parts_of(classes), parts, starts)
    joined = seams.joined(values, connectivity)
    first = np.concatenate([part.first for part in parts])
    numbers, order = _numbered(joined, first, values.size)
    total = np.bincount(numbers, sizes, order.size).astype(np.float64)
    borders = [
        (part.first_labels + start, part.second_labels + start, part.lengths)
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
    borders += seams.borders(values, sizes, smallest)
    return Areas(values[order], total, starts, numbers, _summed(borders, numbers))


@dataclass(frozen=True)
class _Part:
    """What is kept of a window; labels are 0-based here."""

    values: IntArray  # class of each label
    sizes: FloatArray
    first: IntArray  # first pixel of each label, counted in the whole map
    first_labels: IntArray
    second_labels: IntArray
    lengths: IntArray
    edges: dict[str, IntArray]  # labels along the sides of the window; -1 = nodata


def _read_part(
    values: npt.NDArray[Any],
    window: Window,
    connectivity: int,
    weights: FloatArray,
    smallest: float,
    width: int,
) -> _Part:
    labels = label_areas(values, connectivity)
    count = int(labels.max(initial=0))
    flat = labels.ravel()
    places = np.zeros(count + 1, np.int64)
    places[flat[::-1]] = np.arange(flat.size)[::-1]  # the first pixel is written last
    rows, cols = np.divmod(places[1:], window.width)
    by_row = np.repeat(weights[window.slices[0]], window.width)
    sizes = np.bincount(flat, by_row, count + 1).astype(np.float64)
    pairs, lengths = _touching(labels, sizes < smallest)
    return _Part(
        values.ravel()[places[1:]].astype(np.int64),
        sizes[1:],
        (window.row + rows) * width + window.col + cols,
        pairs // (count + 1) - 1,
        pairs % (count + 1) - 1,
        lengths,
        {
            "top": labels[0] - 1,
            "bottom": labels[-1] - 1,
            "left": labels[:, 0] - 1,
            "right": labels[:, -1] - 1,
        },
    )


def _touching(
    labels: IntArray, small: npt.NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    """Pairs of labels that touch, one of them small, as one number; and how far."""
    found = []
    small[0] = False
    for one, other in (
        (labels[:, :-1], labels[:, 1:]),
        (labels[:-1], labels[1:]),
    ):
        differ = one != other
        a, b = one[differ], other[differ]
        wanted = (a > 0) & (b > 0) & (small[a] | small[b])
        a, b = a[wanted], b[wanted]
        found.append(np.minimum(a, b) * small.size + np.maximum(a, b))
    pairs, lengths = np.unique(np.concatenate(found), return_counts=True)
    return pairs, lengths


class _Seams:
    """Labels on both sides of the lines between windows."""

    def __init__(
        self, rows: list[list[Window]], parts: list[_Part], starts: IntArray
    ) -> None:
        across = len(rows[0])
        self._sides = []

        def line(numbers: range, side: str) -> IntArray:
            return np.concatenate(
                [_shifted(parts[i].edges[side], starts[i]) for i in numbers]
            )

        for row in range(len(rows) - 1):
            above = range(row * across, (row + 1) * across)
            below = range((row + 1) * across, (row + 2) * across)
            self._sides.append((line(above, "bottom"), line(below, "top")))
        for col in range(across - 1):
            left = range(col, len(parts), across)
            right = range(col + 1, len(parts), across)
            self._sides.append((line(left, "right"), line(right, "left")))

    def joined(self, values: IntArray, connectivity: int) -> tuple[IntArray, IntArray]:
        """Pairs of labels across seams that belong together."""
        pairs = [(np.zeros(0, np.int64),) * 2]
        for one, other in self._sides:
            steps = [(one, other)]
            if connectivity == 8:
                steps += [(one[:-1], other[1:]), (one[1:], other[:-1])]
            for a, b in steps:
                same = (a >= 0) & (b >= 0)
                same[same] = values[a[same]] == values[b[same]]
                pairs.append((a[same], b[same]))
        firsts, seconds = zip(*pairs, strict=True)
        return np.concatenate(firsts), np.concatenate(seconds)

    def borders(
        self, values: IntArray, sizes: FloatArray, smallest: float
    ) -> list[tuple[IntArray, IntArray, IntArray]]:
        """Pairs of labels of different classes across seams, one of them small."""
        found = []
        for a, b in self._sides:
            wanted = (a >= 0) & (b >= 0)
            a, b = a[wanted], b[wanted]
            wanted = (values[a] != values[b]) & (
                (sizes[a] < smallest) | (sizes[b] < smallest)
            )
            found.append((a[wanted], b[wanted], np.ones(int(wanted.sum()), np.int64)))
        return found


def _shifted(labels: IntArray, start: int) -> IntArray:
    return np.where(labels >= 0, labels + start, -1)


def _numbered(
    joined: tuple[IntArray, IntArray], first: IntArray, count: int
) -> tuple[IntArray, IntArray]:
    """Number of the area of each label, and a label of each area."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(joined[0].size, np.int8), joined), (count, count))
    areas, found = connected_components(graph, directed=False)
    by_place = np.argsort(first, kind="stable")
    # In the order of pixels, the first label of each area is that of its first pixel.
    _, heads = np.unique(found[by_place], return_index=True)
    order = by_place[np.sort(heads)]
    numbers = np.empty(areas, np.int64)
    numbers[found[order]] = np.arange(areas)
    return numbers[found], order


def _summed(
    borders: list[tuple[IntArray, IntArray, IntArray]], numbers: IntArray
) -> Borders:
    """Borders between areas, each pair listed once."""
    firsts, seconds, lengths = (
        np.concatenate(each) for each in zip(*borders, strict=True)
    )
    a, b = numbers[firsts.astype(np.int64)], numbers[seconds.astype(np.int64)]
    count = int(numbers.max(initial=-1)) + 1
    keys = np.minimum(a, b) * count + np.maximum(a, b)
    pairs, place = np.unique(keys, return_inverse=True)
    total = np.bincount(place, weights=lengths, minlength=pairs.size).astype(np.int64)
    return Borders(pairs // max(count, 1), pairs % max(count, 1), total)
