"""Classes set to nodata, and what cleaning changed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.categories import (
    Categories,
    categories_of,
    check_known,
    check_map,
    default_categories,
)
from ktextures.classes.lookup import find_class
from ktextures.cleaning.parts import each_part, mapped
from ktextures.errors import InputError
from ktextures.results.areas import SQUARE_METERS_PER_HECTARE, row_areas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["class_changes", "drop_classes"]


def drop_classes(
    classes: xr.DataArray, dropped: int | str | Sequence[int | str]
) -> xr.DataArray:
    """Set classes to nodata, such as clouds or shadows.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata; or a map of legend codes. Stays lazy if it
        is dask-backed.
    dropped : int, str, or sequence of them
        Classes, by number (code of the legend) or name.

    Returns
    -------
    DataArray, (y, x)
        Like ``classes``. The other classes keep their numbers, names, and colors.

    Raises
    ------
    InputError
        If it is not a class map, or there is no such class.

    See Also
    --------
    relabel_classes : Merge and renumber classes.

    Examples
    --------
    >>> from ktextures.datasets import synthetic
    >>> truth = synthetic(64, k=3).truth
    >>> sorted(set(drop_classes(truth, 2).values.ravel().tolist()))
    [0, 1, 3]
    """
    check_map(classes)
    wanted = [dropped] if isinstance(dropped, int | str | np.integer) else list(dropped)
    table = categories_of(classes.attrs)
    kept = np.arange(np.iinfo(classes.dtype).max + 1, dtype=classes.dtype)
    kept[[_value(each, table) for each in wanted]] = 0

    def drop(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.take(kept, values)

    return mapped(classes, lambda number: drop)


def _value(wanted: int | str, table: Categories | None) -> int:
    """Value of a class in the map."""
    if table is None:
        if isinstance(wanted, str) or wanted < 1:
            raise InputError(
                f"dropped is {wanted!r}, but the map has no class names: give numbers "
                "from 1"
            )
        return int(wanted)
    if not isinstance(wanted, str) and wanted in table.values:
        return int(wanted)
    return table.values[find_class(wanted, table.names) - 1]


def class_changes(before: xr.DataArray, after: xr.DataArray) -> "pd.DataFrame":
    """Compute what changed per class between a map and a cleaned version of it.

    Parameters
    ----------
    before, after : DataArray of uint8 or uint16, (y, x)
        Two maps of the same pixels and classes. Lazy ones are computed part by part.

    Returns
    -------
    pandas.DataFrame
        One row per class: ``class``, ``name``, ``color``; ``pixels_before`` and
        ``pixels_after``; ``lost``, pixels that have another class now or are nodata;
        ``gained``, pixels that had another class or were nodata; and ``change_ha``, the
        change of the area in hectares (NaN without CRS).

    Raises
    ------
    InputError
        If the maps do not have the same shape and dtype, or a class has no name.

    Examples
    --------
    >>> from ktextures.cleaning.sieve import sieve
    >>> from ktextures.datasets import synthetic
    >>> truth = synthetic(64, k=3).truth
    >>> changes = class_changes(truth, sieve(truth, "0.2 ha"))
    >>> int(changes["lost"].sum() - changes["gained"].sum())
    0
    """
    import pandas as pd

    check_map(before)
    check_map(after)
    if before.shape != after.shape or before.dtype != after.dtype:
        raise InputError(
            f"the maps are {before.dtype} with shape {before.shape} and {after.dtype} "
            f"with shape {after.shape}: give a map and a cleaned version of it"
        )
    size = np.iinfo(before.dtype).max + 1
    pixels_before, pixels_after, kept = np.zeros((3, size), np.int64)
    areas = np.zeros(size)
    weights = row_areas(before) / SQUARE_METERS_PER_HECTARE
    for window, values in each_part(before):
        now = np.asarray(after.data[window.slices])
        by_row = np.repeat(weights[window.slices[0]], window.width)
        pixels_before += np.bincount(values.ravel(), minlength=size)
        pixels_after += np.bincount(now.ravel(), minlength=size)
        kept += np.bincount(values[values == now], minlength=size)
        areas += np.bincount(now.ravel(), by_row, size)
        areas -= np.bincount(values.ravel(), by_row, size)
    table = categories_of(before.attrs) or default_categories(pixels_before)
    check_known(pixels_before + pixels_after, table)
    inside = list(table.values)
    return pd.DataFrame(
        {
            "class": inside,
            "name": table.names,
            "color": table.colors,
            "pixels_before": pixels_before[inside],
            "pixels_after": pixels_after[inside],
            "lost": (pixels_before - kept)[inside],
            "gained": (pixels_after - kept)[inside],
            "change_ha": areas[inside],
        }
    )
