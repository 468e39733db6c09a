"""Where pixels lie: coordinates and transform of a scene, and of arrays on its grid."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.nodata import fitted_nodata

__all__ = [
    "Grid",
    "georeference",
    "grid_of",
    "locate",
    "pixel_meters",
    "scene_transform",
]

_EVEN_TOLERANCE = 0.05  # of a pixel: leaves room for coordinates stored as float32


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an array lie, as its coordinates and its transform say.

    Attributes
    ----------
    y, x : ndarray of float64 or None
        Pixel centers along rows and columns: map coordinates, or pixels of the
        reference where ``in_pixels``.
    reference : Affine or None
        Transform that the array carries.
    in_pixels : bool
        Whether ``y`` and ``x`` count pixels of the reference.
    """

    y: npt.NDArray[np.float64] | None
    x: npt.NDArray[np.float64] | None
    reference: Affine | None
    in_pixels: bool = False

    @property
    def transform(self) -> Affine | None:
        """Transform from (column, row) to map coordinates; None if unknown."""
        if not self.in_pixels or self.reference is None:
            return _transform_of_axes(self.y, self.x, self.reference)
        pixels = _transform_of_axes(self.y, self.x, Affine.identity())
        return _composed(self.reference, pixels or Affine.identity())

    def coords(self, height: int, width: int) -> dict[str, Any]:
        """Coordinates for a scene of this many rows and columns on this grid."""
        transform = self.transform or Affine.identity()
        if not _is_rotated(transform):
            if self.y is not None and self.x is not None and not self.in_pixels:
                return {"y": self.y, "x": self.x}
            return _upright_centers(transform, height, width)
        rows: npt.ArrayLike | None = self.y
        columns: npt.ArrayLike | None = self.x
        if not self.in_pixels:
            rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
        reference = self.reference if self.in_pixels else transform
        text = " ".join(map(repr, (reference or transform).to_gdal()))
        attrs = {"long_name": "pixels of the transform", "transform": text}
        return {"row": ("y", rows, attrs), "column": ("x", columns, attrs)}


def grid_of(array: xr.DataArray, y_dim: Hashable = "y", x_dim: Hashable = "x") -> Grid:
    """Read the grid of an array.

    Parameters
    ----------
    array : DataArray
        A scene, or any array that has rows and columns.
    y_dim, x_dim : hashable, default "y" and "x"
        Its dims of rows and columns.

    Returns
    -------
    Grid
        From the coordinates ``row`` and ``column`` of a scene with a rotated
        transform, or else from the coordinates along the dims.

    Raises
    ------
    InputError
        If a coordinate is unevenly spaced or does not hold finite numbers.
    """
    reference = _reference(array, y_dim, x_dim)
    if reference is None:
        y, x = _axis_values(array, y_dim), _axis_values(array, x_dim)
        return Grid(y, x, _cached_transform(array))
    rows, columns = _axis_values(array, "row"), _axis_values(array, "column")
    return Grid(rows, columns, reference, in_pixels=True)


def _reference(array: xr.DataArray, y_dim: Hashable, x_dim: Hashable) -> Affine | None:
    """Transform that the coordinates row and column of a scene refer to."""
    for name, dim in (("row", y_dim), ("column", x_dim)):
        if name not in array.coords or array.coords[name].dims != (dim,):
            return None
    # Other arrays may count rows and columns from another pixel, or for no transform.
    text = array.coords["row"].attrs.get("transform")
    return None if text is None else Affine.from_gdal(*map(float, str(text).split()))


def scene_transform(scene: xr.DataArray) -> Affine:
    """Compute the transform from (column, row) to map coordinates of a scene.

    It follows the coordinates, so it stays correct when a scene is sliced, thinned or
    coarsened.

    Parameters
    ----------
    scene : DataArray
        A scene, or an array made by `georeference`.

    Returns
    -------
    Affine
        The identity if the scene has neither coordinates nor a transform.
    """
    transform = grid_of(scene).transform
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
    """Put an array on a scene's grid, with its CRS and transform and nothing else.

    Parameters
    ----------
    values : array, shape (y, x) or (n, y, x)
        NumPy or dask (stays lazy), the scene's height and width.
    like : DataArray
        Scene that gives the coordinates of the pixels, CRS and transform.
    dims : sequence of str
        Names of the axes of ``values``, including "y" and "x".
    name : str or None
        Name of the result.
    attrs : mapping, optional
        Attributes of the result; none come from the scene.
    coords : mapping, optional
        Further coordinates, such as ``{"band": names}``.
    nodata : float, optional
        Written as ``_FillValue``.

    Returns
    -------
    DataArray
        ``.rio.to_raster`` writes it with the scene's CRS and transform.

    Raises
    ------
    InputError
        If ``dims`` does not fit the array, or its size differs from the scene's.
    """
    dims = tuple(dims)
    if len(dims) != values.ndim or not {"y", "x"} <= set(dims):
        raise InputError(
            f"dims={dims!r} must name the {values.ndim} axes of an array of shape "
            f"{values.shape}, including 'y' and 'x'"
        )
    sizes = dict(zip(dims, values.shape, strict=True))
    if (sizes["y"], sizes["x"]) != (like.sizes["y"], like.sizes["x"]):
        raise InputError(
            f"an array of {sizes['y']} x {sizes['x']} pixels does not fit a scene of "
            f"{like.sizes['y']} x {like.sizes['x']} pixels; give the scene it was made "
            "from"
        )
    grid = grid_of(like)
    known = grid.transform is not None
    centers = grid.coords(sizes["y"], sizes["x"]) if known else {}
    array = xr.DataArray(
        values,
        dims=dims,
        coords={**centers, **(coords or {})},
        attrs=dict(attrs or {}),
    )
    array.name = name  # given to the constructor, None would become dask's own name
    transform = grid.transform or Affine.identity()
    return locate(array, like.rio.crs, transform, nodata)


def _axis_values(array: xr.DataArray, dim: Hashable) -> npt.NDArray[np.float64] | None:
    """Read an evenly spaced coordinate; None if the array does not have it."""
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


def _cached_transform(array: xr.DataArray) -> Affine | None:
    """Read the transform that an array carries, which slicing leaves unchanged."""
    mapping = array.coords.get(array.rio.grid_mapping)
    text = None if mapping is None else mapping.attrs.get("GeoTransform")
    if text is not None:
        return Affine.from_gdal(*(float(number) for number in str(text).split()))
    listed = array.attrs.get("transform")
    return None if listed is None else Affine(*tuple(listed)[:6])


def _transform_of_axes(
    y: npt.NDArray[np.float64] | None,
    x: npt.NDArray[np.float64] | None,
    cached: Affine | None,
) -> Affine | None:
    """Transform from pixel centers, which follow slicing, or else the cached one."""
    if y is None or x is None or (cached is not None and _is_rotated(cached)):
        return cached
    spacing = [
        (axis[-1] - axis[0]) / (len(axis) - 1) if len(axis) > 1 else None
        for axis in (x, y)
    ]
    # A single row or column does not tell the size of its pixels.
    default_x = cached.a if cached is not None else abs(spacing[1] or 1.0)
    default_y = cached.e if cached is not None else abs(spacing[0] or 1.0)
    dx, dy = spacing[0] or default_x, spacing[1] or default_y
    found = Affine(dx, 0.0, x[0] - dx / 2, 0.0, dy, y[0] - dy / 2)
    if cached is None:
        return found
    # If the first and last center agree, the cached one is as good, without rounding.
    same = all(
        abs(start + (place + 0.5) * size - axis[place]) <= _EVEN_TOLERANCE * abs(size)
        for axis, start, size in ((x, cached.c, cached.a), (y, cached.f, cached.e))
        for place in (0, len(axis) - 1)
    )
    return cached if same else found


def _upright_centers(transform: Affine, height: int, width: int) -> dict[str, Any]:
    return {
        "y": transform.f + (np.arange(height) + 0.5) * transform.e,
        "x": transform.c + (np.arange(width) + 0.5) * transform.a,
    }


def _composed(outer: Affine, inner: Affine) -> Affine:
    """Transform that applies first the inner, then the outer one."""
    # Written out, because affine is changing its operators.
    a, b, c, d, e, f = tuple(outer)[:6]
    x, y = inner.c, inner.f
    return Affine(
        *(a * inner.a + b * inner.d, a * inner.b + b * inner.e, a * x + b * y + c),
        *(d * inner.a + e * inner.d, d * inner.b + e * inner.e, d * x + e * y + f),
    )


def locate(
    array: xr.DataArray,
    crs: rasterio.CRS | None,
    transform: Affine | None,
    nodata: float | None,
) -> xr.DataArray:
    """Write CRS, transform, and nodata if the dtype can hold it, in place."""
    # In place, because rioxarray otherwise copies the pixels each time.
    if crs is not None:
        array.rio.write_crs(crs, inplace=True)
    if crs is not None or transform not in (None, Affine.identity()):
        array.rio.write_transform(transform, inplace=True)
    fitted = fitted_nodata(nodata, array.dtype)
    if fitted is not None:
        array.rio.write_nodata(fitted, inplace=True)
    return array


def _is_rotated(transform: Affine) -> bool:
    return bool(transform.b != 0 or transform.d != 0)


def pixel_meters(scene: xr.DataArray) -> float | None:
    """Compute the width of a pixel in meters.

    Parameters
    ----------
    scene : DataArray
        A scene.

    Returns
    -------
    float or None
        An estimate, along the equator, for a CRS in degrees; None without a CRS.
    """
    crs = scene.rio.crs
    if crs is None:
        return None
    transform = scene_transform(scene)
    side = math.hypot(transform.a, transform.d)
    if crs.is_geographic:
        return float(side * 111_320.0)
    return float(side * crs.linear_units_factor[1])
