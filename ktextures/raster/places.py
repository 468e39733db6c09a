"""Places in rasters: pixels of coordinates, and CRSs and grids compared."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform

__all__ = [
    "moved",
    "pixel_at",
    "point_at",
    "require_crs",
    "same_crs",
    "same_grid",
]

FloatArray = npt.NDArray[np.float64]

_TOLERANCE = 0.05
"""Of a pixel, by which grids of the same pixels may differ."""


def require_crs(classes: xr.DataArray, purpose: str) -> pyproj.CRS:
    """The CRS of a map, or an InputError that says what needs it."""
    if classes.rio.crs is None:
        raise InputError(
            f"the map has no CRS, which {purpose} need: set it with "
            'classes.rio.write_crs("EPSG:...")'
        )
    return pyproj.CRS.from_user_input(classes.rio.crs)


def same_crs(one: Any, other: Any) -> bool:
    """Whether two CRSs mean the same, however they are written.

    Parameters
    ----------
    one, other : rasterio.CRS, pyproj.CRS, or text

    Returns
    -------
    bool
        Whatever order of the axes they name: x comes first in all data here.
    """
    one, other = (pyproj.CRS.from_user_input(each) for each in (one, other))
    return bool(one == other or one.equals(other, ignore_axis_order=True))


def same_grid(one: xr.DataArray, other: xr.DataArray) -> bool:
    """Whether two rasters have the same pixels: size, place, and CRS.

    Parameters
    ----------
    one, other : DataArray, (..., y, x)

    Returns
    -------
    bool
        Corners may differ by a twentieth of a pixel.
    """
    if one.shape[-2:] != other.shape[-2:]:
        return False
    crss = one.rio.crs, other.rio.crs
    if None in crss and crss != (None, None):
        return False
    if None not in crss and not same_crs(*crss):
        return False
    height, width = one.shape[-2:]
    corners = np.array([[0, width, 0, width], [0, 0, height, height]], np.float64)
    seen = pixel_at(scene_transform(other), *point_at(scene_transform(one), *corners))
    return bool(np.abs(np.array(seen) - corners).max() <= _TOLERANCE)


def point_at(
    transform: Affine, cols: npt.ArrayLike, rows: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Map coordinates of positions, in pixels from the corner of the first one."""
    cols, rows = np.asarray(cols, np.float64), np.asarray(rows, np.float64)
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * cols + b * rows + c, d * cols + e * rows + f


def pixel_at(
    transform: Affine, x: npt.ArrayLike, y: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Positions of map coordinates: columns and rows, from the corner of the map."""
    a, b, c, d, e, f = tuple(transform)[:6]
    right, down = np.asarray(x, np.float64) - c, np.asarray(y, np.float64) - f
    size = a * e - b * d
    return (e * right - b * down) / size, (a * down - d * right) / size


def moved(transform: Affine, row: int, col: int) -> Affine:
    """Transform of the part of a map that begins at a pixel."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return Affine(a, b, c + a * col + b * row, d, e, f + d * col + e * row)
