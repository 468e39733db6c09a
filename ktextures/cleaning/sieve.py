"""Small areas of a class map merged into their neighbors."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.categories import check_map
from ktextures.cleaning.components import find_areas, label_areas
from ktextures.cleaning.merging import merge_small
from ktextures.cleaning.min_area import MinArea, smallest_area
from ktextures.cleaning.parts import mapped

__all__ = ["sieve"]

Values = npt.NDArray[Any]


def sieve(
    classes: xr.DataArray, min_area: MinArea, *, connectivity: int = 4
) -> xr.DataArray:
    """Merge small areas of a class map into their neighbors.

    The smallest areas go first, and each takes the class of the neighbor with which it
    shares the longest border. Afterwards, every connected area of one class has at
    least the minimum size (the minimum mapping unit), except for islands that have only
    nodata around them. Nodata stays nodata.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata; or a map of legend codes. A lazy
        (dask-backed) map is computed once to find its areas, and a second time for the
        result: write a map that is expensive to compute to a file first.
    min_area : float or str
        Minimum size in pixels, or as text with a unit: ``"0.5 ha"``, ``"500 m2"``,
        ``"1 km2"``.
    connectivity : {4, 8}, default 4
        With 8, pixels that touch at a corner are connected, so that thin diagonal
        lines, such as rivers, count as one area and survive.

    Returns
    -------
    DataArray, (y, x)
        Like ``classes``, with names and colors; lazy if ``classes`` is. The result does
        not depend on the chunks.

    Raises
    ------
    InputError
        If it is not a class map, or ``min_area`` is not an area, or is in units of area
        for a map without CRS.

    See Also
    --------
    class_changes : What this changed, per class.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> values = np.array([[1, 1, 1], [1, 2, 1], [0, 1, 3]], np.uint8)
    >>> sieve(xr.DataArray(values, dims=("y", "x")), min_area=2).values.tolist()
    [[1, 1, 1], [1, 1, 1], [0, 1, 1]]
    """
    check_map(classes)
    smallest, weights = smallest_area(min_area, classes)
    areas = find_areas(classes, connectivity, weights, smallest)
    merged = merge_small(areas, smallest).astype(classes.dtype)

    def relabel_of(number: int) -> Callable[[Values], Values]:
        of_labels = areas.of_window(number)
        if (merged[of_labels] == areas.values[of_labels]).all():
            return _unchanged
        lookup = np.concatenate([[0], merged[of_labels]]).astype(classes.dtype)
        return partial(_relabeled, lookup=lookup, connectivity=connectivity)

    return mapped(classes, relabel_of)


def _unchanged(values: Values) -> Values:
    return values


def _relabeled(values: Values, lookup: Values, connectivity: int) -> Values:
    """Give the pixels of a window the new classes of their areas."""
    found: Values = lookup[label_areas(values, connectivity)]
    return found
