"""Places in a map: CRSs compared, pixels of coordinates, and grids compared."""

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.georeference import same_crs, scene_transform

__all__ = [
    "moved",
    "pixel_at",
    "point_at",
    "require_crs",
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


def same_grid(one: xr.DataArray, other: xr.DataArray) -> bool:
    """Whether two maps have the same pixels: shape, place, and CRS."""
    if one.shape != other.shape:
        return False
    crss = one.rio.crs, other.rio.crs
    if None in crss and crss != (None, None):
        return False
    if None not in crss and not same_crs(*crss):
        return False
    height, width = one.shape
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
