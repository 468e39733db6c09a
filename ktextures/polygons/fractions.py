"""Shares of the classes in given polygons, such as parcels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures._loading import load_extra
from ktextures.classes.categories import (
    Categories,
    check_known,
    check_map,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.errors import InputError
from ktextures.polygons.reading import read_polygons
from ktextures.raster.georeference import scene_transform

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

__all__ = ["class_fractions"]


def class_fractions(
    classes: xr.DataArray,
    polygons: "gpd.GeoDataFrame | str | Path",
    *,
    reproject: bool = False,
    table: Categories | None = None,
    values: Values = "classes",
) -> "pd.DataFrame":
    """Compute the share of each class in polygons, such as parcels.

    Pixels that a polygon covers partly count by the part that it covers.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata, on an upright grid; or a map of legend
        codes. Of a lazy (dask-backed) map, only what lies under the polygons is
        computed, polygon by polygon.
    polygons : geopandas.GeoDataFrame or path
        Polygons, or a file that geopandas reads.
    reproject : bool, default False
        Reproject polygons that are in another CRS.
    table : ClassTable or Legend, optional
        Names; by default those in the attributes of ``classes``.
    values : {"classes", "legend"}, default "classes"
        "legend" counts ``ktextures.to_legend(classes, table)``.

    Returns
    -------
    pandas.DataFrame
        One row per polygon, with its index: ``covered``, the share of the polygon that
        has a class (0..1); ``majority``, the class with the largest share (0 if there
        is none), and ``majority_name``; and one column per class with its number, its
        share of the part that is covered (0..1; NaN where nothing is).
        ``polygons.join(fractions)`` puts both together.

    Raises
    ------
    InputError
        If it is not a class map, one of the two has no CRS, the CRSs differ, there are
        other geometries than polygons, or none overlaps the map.
    MissingExtraError
        If geopandas or exactextract is not installed.

    Notes
    -----
    Coverage is computed exactly by exactextract (https://github.com/isciences/exactextract).
    In a CRS in degrees, shares are of the area in square degrees.

    Examples
    --------
    >>> from ktextures import to_polygons
    >>> from ktextures.datasets import synthetic
    >>> truth = synthetic(64, k=2).truth
    >>> fractions = class_fractions(truth, to_polygons(truth))
    >>> sorted(set(fractions["covered"].round(6)))
    [1.0]
    """
    import pandas as pd

    shapely = load_extra("shapely", "shares of classes in polygons")
    load_extra("geopandas", "shares of classes in polygons")
    exactextract = load_extra("exactextract", "shares of classes in polygons")
    check_map(classes)
    _check_upright(classes)
    classes, found = in_values(classes, values, table)
    places = read_polygons(polygons, classes, reproject=reproject)
    # The geometry alone: other columns could have any name and type.
    rows = exactextract.exact_extract(
        _source(classes, exactextract),
        places[[places.geometry.name]],
        ["unique", "frac", "count"],
        output="pandas",
    )
    held = np.concatenate([np.zeros(0, np.int64), *rows["unique"]]).astype(np.int64)
    pixels = np.bincount(held, minlength=np.iinfo(classes.dtype).max + 1)
    known = found or default_categories(pixels)
    check_known(pixels, known)
    shares = np.zeros((len(rows), len(known.values)))
    column = {value: index for index, value in enumerate(known.values)}
    for row, (own, parts) in enumerate(zip(rows["unique"], rows["frac"], strict=True)):
        shares[row, [column[int(value)] for value in own]] = parts
    # Not places.area, which warns of degrees; the ratio needs no unit.
    sizes = shapely.area(places.geometry.array) / abs(
        scene_transform(classes).determinant
    )
    empty = rows["count"].to_numpy() == 0
    best = shares.argmax(axis=1)
    shares[empty] = np.nan
    result = pd.DataFrame(
        {
            "covered": np.clip(rows["count"].to_numpy() / sizes, 0, 1),
            "majority": np.where(empty, 0, np.asarray(known.values)[best]),
            "majority_name": np.where(empty, "", np.asarray(known.names)[best]),
        },
        index=places.index,
    )
    counted = pd.DataFrame(shares, places.index, list(known.values))
    return pd.concat([result, counted], axis=1)


def _check_upright(classes: xr.DataArray) -> None:
    transform = scene_transform(classes)
    if transform.b != 0 or transform.d != 0:
        raise InputError(
            "the map has a rotated grid, for which shares cannot be computed: resample "
            "it with classes.rio.reproject(classes.rio.crs)"
        )


def _source(classes: xr.DataArray, exactextract: Any) -> Any:
    # A copy, since exactextract writes to what it is given.
    plain = xr.DataArray(classes.data, classes.coords, classes.dims)
    plain = plain.rio.write_crs(classes.rio.crs).rio.write_nodata(0)
    return exactextract.raster.XArrayRasterSource(plain)
