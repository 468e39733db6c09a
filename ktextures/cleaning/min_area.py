"""Smallest areas, given in pixels or in units of area."""

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError
from ktextures.results.areas import row_areas

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MinArea", "smallest_area"]

MinArea = float | str
"""Pixels, or text with a unit: 20, "20 px", "0.5 ha", "500 m2", "1 km2"."""

SQUARE_METERS = {"m2": 1.0, "m²": 1.0, "ha": 1e4, "km2": 1e6, "km²": 1e6}
PIXELS = {"", "px", "pixel", "pixels"}

_FORM = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([^\s\d]*2?)\s*")


def smallest_area(
    min_area: MinArea, classes: "xr.DataArray"
) -> tuple[float, npt.NDArray[np.float64]]:
    """Smallest area, and the area of a pixel in the same unit.

    Parameters
    ----------
    min_area : float or str
        Pixels, or text with a unit: "20 px", "0.5 ha", "500 m2", "1 km2".
    classes : xarray.DataArray, (y, x)
        Map whose pixels are measured.

    Returns
    -------
    smallest : float
        In pixels or square meters.
    weights : ndarray of float64, (y,)
        Area of one pixel of each row; 1 in pixels.

    Raises
    ------
    InputError
        If it is not an area, or the map has no CRS and the unit is not pixels.

    Examples
    --------
    >>> from ktextures.datasets import synthetic
    >>> smallest, weights = smallest_area("0.5 ha", synthetic(64, k=2).truth)
    >>> smallest, float(weights[0])
    (5000.0, 100.0)
    """
    number, unit = _parsed(min_area)
    if unit in PIXELS:
        return number, np.ones(classes.sizes["y"])
    weights = row_areas(classes)
    if np.isnan(weights).any():
        what = "no CRS" if classes.rio.crs is None else "a rotated grid in degrees"
        raise InputError(
            f"min_area is {min_area!r}, but the map has {what}, so the area of its "
            "pixels is unknown: give a number of pixels, such as 20"
        )
    return number * SQUARE_METERS[unit], weights


def _parsed(min_area: MinArea) -> tuple[float, str]:
    """Number and unit of an area."""
    if isinstance(min_area, str):
        found = _FORM.fullmatch(min_area)
        if found and found[2] in PIXELS | set(SQUARE_METERS):
            return float(found[1]), found[2]
    elif isinstance(min_area, int | float | np.number) and not isinstance(
        min_area, bool
    ):
        if np.isfinite(min_area) and min_area >= 0:
            return float(min_area), ""
    raise InputError(
        f"min_area is {min_area!r}: give a number of pixels, or an area with its unit, "
        'such as "0.5 ha", "500 m2", or "1 km2"'
    )
