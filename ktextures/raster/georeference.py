"""Where pixels lie: coordinates and transform of a scene, and of arrays laid on it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.nodata import fits_dtype

__all__ = [
    "axis_values",
    "cached_transform",
    "georeference",
    "locate",
    "pixel_centers",
    "pixel_meters",
    "scene_transform",
    "transform_of_axes",
]

_EVEN_TOLERANCE = 0.05  # of a pixel: leaves room for coordinates stored as float32


def scene_transform(scene: xr.DataArray) -> Affine:
    """Give the transform from (column, row) to map coordinates of a scene.

    It follows the coordinates, so it stays true when a scene is sliced. A rotated
    scene has none: cut it with ``scene.rio.isel_window`` instead of by slices.
    """
    y = scene.coords["y"].values if "y" in scene.coords else None
    x = scene.coords["x"].values if "x" in scene.coords else None
    transform = transform_of_axes(y, x, cached_transform(scene))
    return Affine.identity() if transform is None else transform


def georeference(
    values: npt.NDArray[Any],
    like: xr.DataArray,
    *,
    dims: Sequence[str],
    name: str | None,
    attrs: Mapping[str, Any] | None = None,
    coords: Mapping[str, Any] | None = None,
    nodata: float | None = None,
) -> xr.DataArray:
    """Lay an array over a scene's grid, with CRS and transform and nothing else of it.

    Parameters
    ----------
    values : array, shape (y, x) or (n, y, x)
        NumPy or dask (stays lazy), the scene's height and width.
    like : DataArray
        The scene whose pixel centers, CRS and transform are taken.
    dims : sequence of str
        Names of the axes of ``values``, "y" and "x" among them.
    name : str or None
        Name of the result.
    attrs : mapping, optional
        Its attributes; none come from the scene.
    coords : mapping, optional
        Further coordinates, such as ``{"band": names}``.
    nodata : float, optional
        Written as ``_FillValue``.

    Returns
    -------
    DataArray
        What ``.rio.to_raster`` writes with the scene's CRS and transform.

    Raises
    ------
    InputError
        If ``dims`` does not fit the array, or its size differs from the scene's.
    """
    dims = tuple(dims)
    if len(dims) != values.ndim or not {"y", "x"} <= set(dims):
        raise InputError(
            f"dims={dims!r} must name the {values.ndim} axes of an array of shape "
            f"{values.shape}, 'y' and 'x' among them"
        )
    sizes = dict(zip(dims, values.shape, strict=True))
    if (sizes["y"], sizes["x"]) != (like.sizes["y"], like.sizes["x"]):
        raise InputError(
            f"an array of {sizes['y']} x {sizes['x']} pixels cannot be laid over a "
            f"scene of {like.sizes['y']} x {like.sizes['x']} pixels; give the scene it "
            "was made from"
        )
    centers = {axis: like.coords[axis].values for axis in "yx" if axis in like.coords}
    array = xr.DataArray(
        values,
        dims=dims,
        coords={**centers, **(coords or {})},
        attrs=dict(attrs or {}),
    )
    array.name = name  # given to the constructor, None would become dask's own name
    return locate(array, like.rio.crs, scene_transform(like), nodata)


def axis_values(array: xr.DataArray, dim: Hashable) -> npt.NDArray[np.float64] | None:
    """Give the coordinate along a dim, None if absent; it must be evenly spaced."""
    if dim not in array.coords:
        return None
    values = array.coords[dim].values
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(
            f"the coordinate {dim!r} must hold finite numbers, got dtype "
            f"{values.dtype}; drop it with array.drop_vars({dim!r})"
        )
    values = np.asarray(values, dtype=np.float64)
    even = np.linspace(values[0], values[-1], len(values)) if len(values) else values
    step = abs(values[-1] - values[0]) / (len(values) - 1) if len(values) > 1 else 1.0
    if step == 0 or np.abs(values - even).max(initial=0) > _EVEN_TOLERANCE * step:
        steps = np.diff(values)
        raise InputError(
            f"the coordinate {dim!r} is unevenly spaced, with steps from "
            f"{steps.min():g} to {steps.max():g}; resample the scene to a regular "
            f"grid, or drop it with array.drop_vars({dim!r})"
        )
    return values


def cached_transform(array: xr.DataArray) -> Affine | None:
    """Give the transform that an array carries, which slicing leaves stale."""
    mapping = array.coords.get(array.rio.grid_mapping)
    text = None if mapping is None else mapping.attrs.get("GeoTransform")
    if text is not None:
        return Affine.from_gdal(*(float(number) for number in str(text).split()))
    listed = array.attrs.get("transform")
    return None if listed is None else Affine(*tuple(listed)[:6])


def transform_of_axes(
    y: npt.NDArray[np.float64] | None,
    x: npt.NDArray[np.float64] | None,
    cached: Affine | None,
) -> Affine | None:
    """Transform from pixel centers, which outlive slicing, or else the cached one."""
    if y is None or x is None or (cached is not None and _is_rotated(cached)):
        return cached
    spacing = [
        (axis[-1] - axis[0]) / (len(axis) - 1) if len(axis) > 1 else None
        for axis in (x, y)
    ]
    # A single row or column tells no pixel size of its own.
    default_x = cached.a if cached is not None else abs(spacing[1] or 1.0)
    default_y = cached.e if cached is not None else abs(spacing[0] or 1.0)
    dx, dy = spacing[0] or default_x, spacing[1] or default_y
    found = Affine(dx, 0.0, x[0] - dx / 2, 0.0, dy, y[0] - dy / 2)
    if cached is None:
        return found
    # First and last center agree within the tolerance, so the cached one is as good
    # and free of rounding.
    same = all(
        abs(start + (place + 0.5) * size - axis[place]) <= _EVEN_TOLERANCE * abs(size)
        for axis, start, size in ((x, cached.c, cached.a), (y, cached.f, cached.e))
        for place in (0, len(axis) - 1)
    )
    return cached if same else found


def pixel_centers(transform: Affine, height: int, width: int) -> dict[str, Any]:
    """Make the coordinates ``y`` and ``x``; a rotated transform has none."""
    if _is_rotated(transform):
        return {}
    return {
        "y": transform.f + (np.arange(height) + 0.5) * transform.e,
        "x": transform.c + (np.arange(width) + 0.5) * transform.a,
    }


def locate(
    array: xr.DataArray,
    crs: rasterio.CRS | None,
    transform: Affine | None,
    nodata: float | None,
) -> xr.DataArray:
    """Write CRS, transform and a nodata value that fits, in place."""
    # In place, because rioxarray else copies the pixels each time; array is ours.
    if crs is not None:
        array.rio.write_crs(crs, inplace=True)
    if crs is not None or transform not in (None, Affine.identity()):
        array.rio.write_transform(transform, inplace=True)
    if nodata is not None and (
        array.dtype.kind == "f" or fits_dtype(nodata, array.dtype)
    ):
        array.rio.write_nodata(nodata, inplace=True)
    return array


def _is_rotated(transform: Affine) -> bool:
    return bool(transform.b != 0 or transform.d != 0)


def pixel_meters(scene: xr.DataArray) -> float | None:
    """Size of a pixel in meters, roughly for a CRS in degrees; None without a CRS."""
    crs = scene.rio.crs
    if crs is None:
        return None
    side = abs(scene.rio.transform().a)
    if crs.is_geographic:
        return float(side * 111_320.0)
    return float(side * crs.linear_units_factor[1])
