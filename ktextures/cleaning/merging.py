"""Small areas merged into their neighbors, as a graph without pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktextures.cleaning.components import Areas, Borders

__all__ = ["merge_small"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

ROUNDING = 1e-9
"""Share by which sums of sizes may differ from exact ones."""


def merge_small(areas: Areas, smallest: float) -> IntArray:
    """Find a new class for each area, so that no small ones are left.

    The smallest areas merge first: those below a size, which doubles until it is
    `smallest`. Each takes the class of the neighbor with which it shares the longest
    border (of equal ones, the largest, and then the first in the map). If it has
    neighbors that are not small, only these count.

    Parameters
    ----------
    areas : Areas
        Areas, with the borders of all that are smaller than `smallest`.
    smallest : float
        Size, in the unit of the areas.

    Returns
    -------
    ndarray of int64, (n,)
        Class of each area. An area that has only nodata around it keeps its class.
    """
    groups = _Groups(areas.values.copy(), areas.sizes.copy(), areas.borders)
    place = np.arange(areas.values.size)
    for limit in _limits(areas.sizes, smallest):
        while True:
            target = _targets(groups, limit * (1 - ROUNDING))
            if target is None:
                break
            merged, groups = _merged(groups, target)
            place = merged[place]
    return groups.values[place]


@dataclass(frozen=True)
class _Groups:
    """Areas merged so far; the first of each stands for all."""

    values: IntArray
    sizes: FloatArray
    borders: Borders


def _limits(sizes: FloatArray, smallest: float) -> list[float]:
    """Sizes that double until they reach the smallest that is wanted."""
    present = sizes[sizes < smallest]
    limits = [smallest]
    while present.size and limits[-1] / 2 > present.min():
        limits.append(limits[-1] / 2)
    return limits[::-1]


def _targets(groups: _Groups, limit: float) -> IntArray | None:
    """The group that each group merges into; itself if it stays. None if all stay."""
    small = groups.sizes < limit
    borders = groups.borders
    one = np.concatenate([borders.first, borders.second])
    other = np.concatenate([borders.second, borders.first])
    length = np.concatenate([borders.length, borders.length])
    kept = small[one]
    one, other, length = one[kept], other[kept], length[kept]
    if not one.size:
        return None
    by_large = ~small[other]
    # Rows of the same group follow each other, the best neighbor last.
    order = np.lexsort((-other, groups.sizes[other], length, by_large, one))
    last = np.flatnonzero(np.diff(one[order], append=-1))
    best = order[last]
    target = np.arange(groups.values.size)
    # Two small groups may choose each other: only the lesser one merges then.
    lesser = by_large[best] | _is_lesser(groups.sizes, one[best], other[best])
    target[one[best][lesser]] = other[best][lesser]
    return target


def _is_lesser(
    sizes: FloatArray, one: IntArray, other: IntArray
) -> npt.NDArray[np.bool_]:
    """Whether one group is smaller, or as large and later in the map."""
    equal = sizes[one] == sizes[other]
    found: npt.NDArray[np.bool_] = np.where(
        equal, one > other, sizes[one] < sizes[other]
    )
    return found


def _merged(groups: _Groups, target: IntArray) -> tuple[IntArray, _Groups]:
    """Merge groups with their targets, and neighbors that now have one class."""
    while (target != target[target]).any():
        target = target[target]
    values = groups.values[target]
    borders = groups.borders
    alike = values[borders.first] == values[borders.second]
    place, heads = _joined(
        np.concatenate([np.arange(target.size), borders.first[alike]]),
        np.concatenate([target, borders.second[alike]]),
        target.size,
    )
    sizes = np.bincount(place, groups.sizes, heads.size).astype(np.float64)
    a, b = place[borders.first], place[borders.second]
    apart = a != b
    a, b, length = a[apart], b[apart], borders.length[apart]
    keys = np.minimum(a, b) * heads.size + np.maximum(a, b)
    pairs, index = np.unique(keys, return_inverse=True)
    total = np.bincount(index, weights=length, minlength=pairs.size).astype(np.int64)
    left = Borders(pairs // heads.size, pairs % heads.size, total)
    return place, _Groups(values[heads], sizes, left)


def _joined(one: IntArray, other: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """New number of each group in the order of the map, and the first of each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(one.size, np.int8), (one, other)), (count, count))
    _, found = connected_components(graph, directed=False)
    _, heads = np.unique(found, return_index=True)
    order = np.argsort(heads)
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    return rank[found], heads[order]
