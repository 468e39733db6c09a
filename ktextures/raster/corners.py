"""Arrays as stackstac makes them: coordinates of corners, and an EPSG code as CRS."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine
from rasterio.errors import CRSError

from ktextures.errors import InputError
from ktextures.raster.doubts import warn_caller

__all__ = ["declared_crs", "with_centers"]

_TOLERANCE = 0.05  # of a pixel, as for coordinates stored as float32


def declared_crs(array: xr.DataArray) -> rasterio.CRS | None:
    """Read the CRS of an array.

    Parameters
    ----------
    array : DataArray
        Any array.

    Returns
    -------
    rasterio.CRS or None
        What rioxarray finds, or else that of the coordinate ``epsg``.

    Raises
    ------
    InputError
        If that is not the code of a CRS.
    """
    crs: rasterio.CRS | None = array.rio.crs
    if crs is not None or not _has_epsg(array):
        return crs
    code = array.coords["epsg"].item()
    try:
        return rasterio.CRS.from_epsg(int(code))
    except (CRSError, TypeError, ValueError) as error:
        raise InputError(
            f"the coordinate 'epsg' holds {code!r}, which is not the code of a CRS; "
            "drop it with array.drop_vars('epsg')"
        ) from error


def with_centers(array: xr.DataArray, y_dim: Hashable, x_dim: Hashable) -> xr.DataArray:
    """Move coordinates from the corners of pixels to their centers.

    Parameters
    ----------
    array : DataArray
        Any array.
    y_dim, x_dim : hashable
        Its dims of rows and columns.

    Returns
    -------
    DataArray
        The same array, unless its attribute ``transform`` shows that the coordinates
        along both dims are those of the upper left corners of pixels.

    Warns
    -----
    UserWarning
        If the array has a coordinate ``epsg``, as those of stackstac, but no transform,
        and the coordinates may be those of corners.
    """
    axes = [_axis(array, dim) for dim in (x_dim, y_dim)]
    if any(axis is None for axis in axes):
        return array
    x, y = (np.asarray(axis, np.float64) for axis in axes)
    listed = array.attrs.get("transform")
    if listed is None:
        _warn_of_corners(array, x, y)
        return array
    transform = Affine(*tuple(listed)[:6])
    across, down = transform.a, transform.e
    if transform.b or transform.d or not across or not down:
        return array
    if not _on_corners(x, transform.c, across) or not _on_corners(y, transform.f, down):
        return array
    centers = {x_dim: x + across / 2, y_dim: y + down / 2}
    return array.assign_coords({dim: (dim, values) for dim, values in centers.items()})


def _has_epsg(array: xr.DataArray) -> bool:
    return "epsg" in array.coords and array.coords["epsg"].ndim == 0


def _axis(array: xr.DataArray, dim: Hashable) -> npt.NDArray[Any] | None:
    """Coordinate along a dim, if it holds numbers."""
    if dim not in array.coords:
        return None
    values: npt.NDArray[Any] = array.coords[dim].values
    return values if values.size and values.dtype.kind in "iuf" else None


def _on_corners(axis: npt.NDArray[np.float64], edge: float, size: float) -> bool:
    """Whether an axis has pixels of this size, and starts at the edge of one."""
    step = (axis[-1] - axis[0]) / (axis.size - 1) if axis.size > 1 else size
    if abs(step - size) * axis.size > _TOLERANCE * abs(size):
        return False
    place = (axis[0] - edge) / size
    return bool(abs(place - np.rint(place)) <= _TOLERANCE)


def _warn_of_corners(
    array: xr.DataArray, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> None:
    """Warn of coordinates on the grid of edges that stackstac makes by default."""
    if not _has_epsg(array) or array.coords.keys() & {"spatial_ref"}:
        return
    if x.size < 2 or y.size < 2:
        return
    across, down = ((axis[-1] - axis[0]) / (axis.size - 1) for axis in (x, y))
    if across and down and _on_corners(x, 0, across) and _on_corners(y, 0, down):
        warn_caller(
            "the coordinates x and y are taken for pixel centers, but may be the upper "
            "left corners that stackstac gives by default, half a pixel away; stack "
            "with xy_coords='center', or keep the attribute 'transform'"
        )
