"""The contract of a scene, checked once: dims, dtype, chunks and georeference.

A *scene* is a DataArray with dims ``("band", "y", "x")``, unique band names, the
coordinate ``role`` along band, pixel centers ``y`` and ``x``, and CRS, transform and
nodata where ``.rio`` finds them. With a rotated transform, the coordinates ``row`` and
``column`` take the place of ``y`` and ``x``: they hold pixel centers in pixels of that
transform (0.5, 1.5, ...) and so follow slicing too.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from rioxarray.exceptions import RioXarrayError

from ktextures.errors import InputError
from ktextures.raster.bands import Selection, SourceBands, bands_of_array
from ktextures.raster.corners import declared_crs, with_centers
from ktextures.raster.georeference import Grid, grid_of, locate
from ktextures.raster.nodata import declared_nodata

__all__ = [
    "Chunks",
    "Raster",
    "build_scene",
    "check_chunks",
    "checked_dtype",
    "chunk_sizes",
    "inspect_array",
    "spatial_dims",
]

_SPATIAL_NAMES = (
    ("y", "x"),
    ("lat", "lon"),
    ("latitude", "longitude"),
    ("northing", "easting"),
    ("row", "col"),
    ("rows", "cols"),
    ("row", "column"),
    ("rows", "columns"),
)
_BAND_NAMES = ("band", "bands", "channel", "channels")

Chunks = int | str | Mapping[str, Any]


@dataclass(frozen=True)
class Raster:
    """An array reduced to its data in (band, y, x), its bands and its georeference."""

    data: xr.DataArray  # without coordinates
    bands: SourceBands
    grid: Grid
    crs: rasterio.CRS | None
    nodata: float | None


def inspect_array(array: xr.DataArray) -> Raster:
    """Bring an array to (band, y, x), and read its bands and georeference."""
    spatial = spatial_dims(array)
    if spatial is None:
        raise InputError(
            f"rows and columns are unknown among the dims {array.dims} of shape "
            f'{array.shape}; rename them: array.rename({{"...": "y", "...": "x"}})'
        )
    y_dim, x_dim = spatial
    band_dim = _band_dim(array, spatial)
    bare = array.drop_vars(list(array.coords))
    extra = [dim for dim in bare.dims if dim not in (band_dim, y_dim, x_dim)]
    bare = bare.isel(dict.fromkeys(extra, 0))
    if band_dim is None:
        data = bare.transpose(y_dim, x_dim).rename({y_dim: "y", x_dim: "x"})
        data = data.expand_dims("band")
    else:
        data = bare.transpose(band_dim, y_dim, x_dim)
        data = data.rename({band_dim: "band", y_dim: "y", x_dim: "x"})
    return Raster(
        data=data,
        bands=bands_of_array(array, band_dim),
        grid=grid_of(with_centers(array, y_dim, x_dim), y_dim, x_dim),
        crs=declared_crs(array),
        nodata=declared_nodata(array),
    )


def build_scene(
    raster: Raster, selection: Selection, chunks: Chunks | None
) -> xr.DataArray:
    """Assemble a scene from its parts, reading data that is not lazy."""
    dtype = checked_dtype(raster.data.dtype)
    height, width = raster.data.sizes["y"], raster.data.sizes["x"]
    if height == 0 or width == 0:
        raise InputError(
            f"the scene is empty: {height} rows x {width} columns; check the slice or "
            "the bounding box it was cut with"
        )
    grid = raster.grid
    transform = grid.transform
    if (grid.y is None) != (grid.x is None):
        raise InputError(
            "the scene has coordinates for only one of rows and columns; drop them "
            "with array.drop_vars(...), or assign both"
        )
    if transform is None and raster.crs is not None:
        raise InputError(
            f"the scene has the CRS {raster.crs.to_string()} but neither coordinates "
            "nor a transform; write one with array.rio.write_transform(...), or drop "
            f"the CRS with array.drop_vars({'spatial_ref'!r})"
        )
    centers = grid.coords(height, width)
    data = raster.data if chunks is None else raster.data.chunk(chunk_sizes(chunks))
    values = data.data if data.dtype == dtype else data.data.astype(dtype)
    scene = xr.DataArray(
        values,
        dims=("band", "y", "x"),
        coords={"band": selection.names, "role": ("band", selection.roles), **centers},
    )
    scene.name = None  # otherwise xarray uses dask's name
    return locate(scene, raster.crs, transform, raster.nodata)


def spatial_dims(array: xr.DataArray) -> tuple[Hashable, Hashable] | None:
    """Find the dims of rows and columns; None if they are unknown."""
    try:
        spatial = (array.rio.y_dim, array.rio.x_dim)
        if set(spatial) <= set(array.dims):
            return spatial
    except RioXarrayError:
        pass  # it knows fewer names than are tried next
    by_name = {str(dim).lower(): dim for dim in array.dims}
    for y_name, x_name in _SPATIAL_NAMES:
        if y_name in by_name and x_name in by_name:
            return by_name[y_name], by_name[x_name]
    return None


def _band_dim(array: xr.DataArray, spatial: tuple[Any, Any]) -> Hashable | None:
    others = [dim for dim in array.dims if dim not in spatial]
    long = [dim for dim in others if array.sizes[dim] != 1]
    if len(long) > 1:
        raise InputError(
            f"a scene has rows, columns and bands, got the dims {array.dims} of shape "
            f"{array.shape}; select along one of {long} with array.isel(...), or "
            'rename and transpose to ("band", "y", "x")'
        )
    if long:
        return long[0]
    return next((dim for dim in others if str(dim).lower() in _BAND_NAMES), None)


def checked_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of a scene made from values of a dtype."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "iuf":
        remedy = "take abs() or the parts" if dtype.kind == "c" else "convert it first"
        raise InputError(
            f"a scene needs integer or float values, got dtype {dtype}; {remedy}"
        )
    return dtype.newbyteorder("=")


def check_chunks(chunks: Any) -> None:
    """Raise InputError unless ``chunks`` is usable."""
    sizes = chunks.values() if isinstance(chunks, Mapping) else (chunks,)
    keys = set(chunks) if isinstance(chunks, Mapping) else set()
    for size in sizes:
        number = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if size is None or size == "auto" or (number and (size > 0 or size == -1)):
            continue
        if isinstance(chunks, Mapping) and isinstance(size, tuple):
            continue
        keys.add(f"size {size!r}")
    if keys - {"band", "y", "x"}:
        raise InputError(
            f"chunks={chunks!r} is not usable; give a positive int for rows and "
            'columns, "auto", or a mapping such as {"y": 1024, "x": 1024}'
        )


def chunk_sizes(chunks: Chunks) -> dict[str, Any]:
    """Expand ``chunks`` to one size per dim, with all bands together."""
    if isinstance(chunks, Mapping):
        return {"band": -1, **chunks}
    return {"band": -1, "y": chunks, "x": chunks}
