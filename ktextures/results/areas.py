"""Pixels, shares and areas of classes."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ktextures.classes.categories import (
    Categories,
    check_dtype,
    check_known,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.ground import is_mercator

if TYPE_CHECKING:
    import pandas as pd
    import pyproj
    import xarray as xr

__all__ = [
    "SQUARE_METERS_PER_HECTARE",
    "class_areas",
    "count_values",
    "row_areas",
]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

SQUARE_METERS_PER_HECTARE = 10_000.0
_STRIP_PIXELS = 2**21  # limits the memory of counting; more is not faster


def class_areas(
    classes: "xr.DataArray",
    table: Categories | None = None,
    *,
    values: Values = "classes",
) -> "pd.DataFrame":
    """Compute the pixels, share and area of each class.

    For projected CRSs, areas are planar. For geographic CRSs and those of the Mercator
    family (such as EPSG:3857), whose meters are not meters on the ground, areas are
    ellipsoidal and exact for every row. Dask-backed maps are counted block by block.

    Parameters
    ----------
    classes : xarray.DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata; or a map of legend codes.
    table : ClassTable or Legend, optional
        Names and colors; by default those in the attributes of the map, or else
        ``ClassTable.default``.
    values : {"classes", "legend"}, default "classes"
        "legend" computes the areas of ``ktextures.to_legend(classes, table)``.

    Returns
    -------
    pandas.DataFrame
        One row per class, or per entry of the legend: ``class`` (1..k, or the code),
        ``name``, ``color``, ``pixels``,
        ``share`` (of the valid pixels, 0..1; NaN if there are none) and ``area_ha``
        (hectares; NaN without CRS, and for a rotated geographic grid).

    Raises
    ------
    InputError
        If the dims are not (y, x), the dtype is not uint8 or uint16, or a value is not
        in the table; with ``values="legend"``, if no classes are assigned to a legend.

    Examples
    --------
    >>> from ktextures.datasets import synthetic
    >>> areas = class_areas(synthetic(64, k=2).truth)
    >>> int(areas["pixels"].sum()), round(float(areas["area_ha"].sum()), 2)
    (4096, 40.96)
    """
    import pandas as pd

    if classes.dims != ("y", "x"):
        raise InputError(
            f"classes have dims {classes.dims}: give a class map with dims ('y', 'x')"
        )
    check_dtype(classes.dtype)
    classes, found = in_values(classes, values, table)
    pixels, areas = count_values(classes.data, row_areas(classes))
    found = found or default_categories(pixels)
    check_known(pixels, found)
    inside = list(found.values)
    valid = pixels[1:].sum()
    return pd.DataFrame(
        {
            "class": inside,
            "name": found.names,
            "color": found.colors,
            "pixels": pixels[inside],
            "share": pixels[inside] / valid if valid else np.nan,
            "area_ha": areas[inside] / SQUARE_METERS_PER_HECTARE,
        }
    )


def count_values(classes: Any, weights: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """Count the pixels of each value and sum their weights.

    Parameters
    ----------
    classes : ndarray or dask array of uint8 or uint16, (y, x)
        A dask array is computed, block by block.
    weights : ndarray, (y,)
        Weight of one pixel of each row.

    Returns
    -------
    pixels : ndarray of int64, (256,) or (65536,)
        Number of pixels of each value that the dtype can hold.
    sums : ndarray of float64, likewise
        Their summed weights.

    Examples
    --------
    >>> pixels, sums = count_values(np.array([[1, 1], [1, 0]], np.uint8), [2.0, 3.0])
    >>> pixels[:2].tolist(), sums[:2].tolist()
    ([1, 3], [3.0, 7.0])
    """
    weights = np.asarray(weights, dtype=np.float64)
    if not hasattr(classes, "dask"):
        return _count_block(classes, weights)
    from dask.base import compute
    from dask.delayed import delayed

    blocks = classes.to_delayed()
    bounds = np.concatenate([[0], np.cumsum(classes.chunks[0])])
    count = delayed(_count_block)
    parts = compute(  # type: ignore[no-untyped-call]  # dask leaves it bare
        *(
            count(block, weights[bounds[row] : bounds[row + 1]])
            for row, blocks_of_row in enumerate(blocks)
            for block in blocks_of_row
        )
    )
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def _count_block(
    classes: npt.NDArray[np.unsignedinteger], weights: FloatArray
) -> tuple[IntArray, FloatArray]:
    size = np.iinfo(classes.dtype).max + 1
    pixels = np.zeros(size, np.int64)
    areas = np.full(size, 0 * weights.sum())  # NaN if the weights are
    height, width = classes.shape
    step = max(1, _STRIP_PIXELS // max(width, 1))
    for start in range(0, height, step):
        strip = classes[start : start + step]
        held = np.arange(size)
        if size > 256:  # of which a map has few, and rows could not hold all
            held, strip = np.unique(strip, return_inverse=True)
            strip = strip.reshape(-1, width)
        shape = strip.shape[0], held.size
        rows = np.arange(shape[0])[:, None] * held.size
        counts = np.bincount((rows + strip).ravel(), minlength=shape[0] * shape[1])
        counts = counts.reshape(shape)
        pixels[held] += counts.sum(axis=0)
        areas[held] += weights[start : start + step] @ counts
    return pixels, areas


def row_areas(classes: "xr.DataArray") -> FloatArray:
    """Compute the area of one pixel of each row in square meters.

    Areas are planar for projected CRSs, and ellipsoidal for upright grids in geographic
    CRSs and those of the Mercator family, whose meters are not meters on the ground.

    Parameters
    ----------
    classes : xarray.DataArray, (y, x)
        A class map, or another raster with the coordinates of a scene.

    Returns
    -------
    ndarray of float64, (y,)
        NaN without a CRS, and for a rotated geographic grid.
    """
    import pyproj

    height = classes.sizes["y"]
    if classes.rio.crs is None:
        return np.full(height, np.nan)
    crs = pyproj.CRS.from_user_input(classes.rio.crs)
    transform = scene_transform(classes)
    upright = transform.b == 0 and transform.d == 0
    edges = transform.f + transform.e * np.arange(height + 1, dtype=np.float64)
    if crs.is_geographic:
        if not upright:
            return np.full(height, np.nan)
        to_radians = crs.axis_info[0].unit_conversion_factor
        return _zone_areas(crs, edges * to_radians, transform.a * to_radians)
    if upright and is_mercator(crs):
        to_degrees = pyproj.Transformer.from_crs(
            crs, crs.geodetic_crs, always_xy=True
        ).transform
        ends = np.array([transform.c, transform.c + transform.a])
        longitudes, _ = to_degrees(ends, np.full(2, edges[0]))
        _, latitudes = to_degrees(np.full(height + 1, transform.c), edges)
        width = np.radians(longitudes[1] - longitudes[0])
        return _zone_areas(crs, np.radians(latitudes), width)
    to_meters = crs.axis_info[0].unit_conversion_factor if crs.axis_info else np.nan
    return np.full(height, abs(transform.determinant) * to_meters**2)


def _zone_areas(
    crs: "pyproj.CRS", latitudes: FloatArray, longitude_width: float
) -> FloatArray:
    """Square meters between neighboring latitudes (radians), in closed form."""
    geod = crs.get_geod()
    if geod is None:
        return np.full(latitudes.size - 1, np.nan)
    sine = np.sin(np.clip(latitudes, -np.pi / 2, np.pi / 2))
    eccentricity = np.sqrt(geod.es)
    if eccentricity == 0:
        to_equator = geod.b**2 * sine
    else:
        to_equator = (geod.b**2 / 2) * (
            sine / (1 - geod.es * sine**2)
            + np.arctanh(eccentricity * sine) / eccentricity
        )
    return np.abs(np.diff(to_equator) * longitude_width)
