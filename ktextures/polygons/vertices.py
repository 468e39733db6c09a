"""Vertices of polygons whose sides run along rows and columns of pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["corners_only", "with_shared_vertices"]

Polygons = npt.NDArray[np.object_]
IntArray = npt.NDArray[np.int64]


def corners_only(polygons: Polygons) -> Polygons:
    """Remove vertices at which a polygon goes straight on.

    Parameters
    ----------
    polygons : ndarray of shapely.Polygon, (n,)
        Whole numbers as coordinates, sides along the axes.

    Returns
    -------
    ndarray of shapely.Polygon, (n,)
        In normal form, so that equal polygons have the same vertices in the same order.
    """
    import shapely

    _, vertices, (rings, parts) = shapely.to_ragged_array(polygons)
    points, sizes = _opened(vertices, rings)
    before, after = _neighbors(sizes)
    straight = ((points[before] == points) & (points[after] == points)).any(axis=1)
    kept = ~straight
    ring_of = np.repeat(np.arange(sizes.size), sizes)
    sizes = np.bincount(ring_of[kept], minlength=sizes.size)
    found: Polygons = shapely.normalize(_closed(points[kept], sizes, parts))
    return found


def with_shared_vertices(polygons: Polygons) -> Polygons:
    """Add the vertices of neighbors, so that shared sides have the same vertices.

    Where the border between two polygons meets the straight side of a third one, that
    one has no vertex of its own, but simplification needs to know the place.

    Parameters
    ----------
    polygons : ndarray of shapely.Polygon, (n,)
        Whole numbers as coordinates, sides along the axes; they do not overlap.

    Returns
    -------
    ndarray of shapely.Polygon, (n,)
        The same areas.
    """
    import shapely

    _, vertices, (rings, parts) = shapely.to_ragged_array(polygons)
    points, sizes = _opened(vertices, rings)
    corners = points.astype(np.int64)
    _, after = _neighbors(sizes)
    stride = int(corners.max(initial=0)) + 2
    added, number = _between(corners, corners[after], stride)
    ring_of = np.repeat(np.arange(sizes.size), sizes)
    total = np.bincount(ring_of, 1 + number, sizes.size).astype(np.int64)
    place = np.arange(points.shape[0]) + np.cumsum(number) - number
    result = np.empty((points.shape[0] + added.shape[0], 2), np.int64)
    own = np.zeros(result.shape[0], bool)
    own[place] = True
    result[own], result[~own] = corners, added
    found: Polygons = _closed(result.astype(np.float64), total, parts)
    return found


def _between(
    starts: IntArray, ends: IntArray, stride: int
) -> tuple[IntArray, IntArray]:
    """Vertices strictly inside each side, in its direction; and their number."""
    number = np.zeros(len(starts), np.int64)
    low, high = np.zeros((2, len(starts)), np.int64)
    sorted_keys = []
    offset = 0
    for along in (0, 1):  # sides along x, then along y
        across = 1 - along
        keys = np.sort(starts[:, across] * stride + starts[:, along])
        keys = keys[np.diff(keys, prepend=-1) > 0]  # faster than np.unique
        mine = starts[:, across] == ends[:, across]
        a = starts[mine, across] * stride + starts[mine, along]
        b = starts[mine, across] * stride + ends[mine, along]
        low[mine] = np.searchsorted(keys, np.minimum(a, b), "right") + offset
        high[mine] = np.searchsorted(keys, np.maximum(a, b), "left") + offset
        # As x and y, whichever the keys begin with.
        places = np.stack(np.divmod(keys, stride)[:: -1 if along == 0 else 1], axis=1)
        sorted_keys.append(places)
        offset += keys.size
    number = high - low
    places = np.concatenate(sorted_keys)
    backwards = (ends < starts).any(axis=1)
    step = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    forward = np.repeat(low, number) + step
    reverse = np.repeat(high, number) - 1 - step
    index = np.where(np.repeat(backwards, number), reverse, forward)
    return places[index], number


def _opened(
    vertices: npt.NDArray[np.float64], rings: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Vertices of rings without the last, which repeats the first; and their number."""
    kept = np.ones(len(vertices), bool)
    kept[np.asarray(rings[1:]) - 1] = False
    return vertices[kept], np.diff(rings).astype(np.int64) - 1


def _neighbors(sizes: IntArray) -> tuple[IntArray, IntArray]:
    """The vertices before and after each one in its ring."""
    ends = np.cumsum(sizes)
    places = np.arange(int(sizes.sum()))
    before, after = places - 1, places + 1
    before[ends - sizes] = ends - 1
    after[ends - 1] = ends - sizes
    return before, after


def _closed(
    points: npt.NDArray[np.float64], sizes: IntArray, parts: npt.NDArray[Any]
) -> Polygons:
    """Polygons of rings whose last vertex is missing."""
    import shapely

    ends = np.cumsum(sizes)
    vertices = np.insert(points, ends, points[ends - sizes], axis=0)
    rings = np.concatenate([[0], np.cumsum(sizes + 1)])
    found: Polygons = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, vertices, (rings, parts)
    )
    return found
