"""Outlines of connected areas, traced window by window and joined across the seams."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.cleaning.components import Areas, label_areas
from ktextures.cleaning.parts import each_part
from ktextures.polygons.vertices import corners_only
from ktextures.raster.windows import Window

__all__ = ["CONNECTIVITY", "trace_areas"]

Polygons = npt.NDArray[np.object_]

CONNECTIVITY = 4
"""A polygon cannot continue through a corner."""


def trace_areas(classes: xr.DataArray, areas: Areas) -> Polygons:
    """Trace the outlines of the areas of a map.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        The map. A lazy one is computed, a row of chunks at a time.
    areas : Areas
        Its areas, with a connectivity of 4.

    Returns
    -------
    ndarray of shapely.Polygon, (n,)
        Outline of each area, with holes, in columns and rows of the map. Vertices are
        at the corners of the outline only. The same for any chunks.
    """
    import shapely

    pieces, numbers = [], []
    for index, (window, values) in enumerate(each_part(classes)):
        outlines, labels = _trace(values, window)
        pieces.append(outlines)
        numbers.append(areas.of_window(index)[labels - 1])
    found = np.empty(areas.values.size, object)
    if not found.size:
        return found
    parts, places = np.concatenate(pieces), np.concatenate(numbers)
    order = np.argsort(places, kind="stable")
    parts, places = parts[order], places[order]
    count = np.bincount(places, minlength=found.size)
    ends = np.cumsum(count)
    single = count == 1
    found[single] = parts[ends[single] - 1]
    for number in np.flatnonzero(~single):
        of_area = parts[ends[number] - count[number] : ends[number]]
        # Corners are whole numbers; the grid keeps them so.
        found[number] = shapely.union_all(of_area, grid_size=1)
    return corners_only(found)


def _trace(
    values: npt.NDArray[Any], window: Window
) -> tuple[Polygons, npt.NDArray[np.int64]]:
    """Outlines of the labels of a window, and the label of each."""
    import shapely
    from rasterio.features import shapes

    labels = label_areas(values, CONNECTIVITY).astype(np.int32)
    rings, found, ends = [], [], [0]
    for geometry, label in shapes(labels, labels > 0, CONNECTIVITY):
        rings += geometry["coordinates"]
        ends.append(len(rings))
        found.append(int(label))
    if not found:
        return np.empty(0, object), np.empty(0, np.int64)
    sizes = np.fromiter(map(len, rings), np.int64, len(rings))
    vertices = np.concatenate([np.asarray(ring, np.float64) for ring in rings])
    vertices += (window.col, window.row)
    outlines: Polygons = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON,
        vertices,
        (np.concatenate([[0], np.cumsum(sizes)]), np.asarray(ends)),
    )
    return outlines, np.asarray(found)
