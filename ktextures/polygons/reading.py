"""Polygons that users give, checked against a map."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures._loading import load_extra
from ktextures.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["read_polygons"]

KINDS = ("Polygon", "MultiPolygon")


def read_polygons(
    polygons: "gpd.GeoDataFrame | str | Path", classes: xr.DataArray, *, reproject: bool
) -> "gpd.GeoDataFrame":
    """Read polygons in the CRS of a map.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame or path
        Polygons, or a file that geopandas reads.
    classes : DataArray, (y, x)
        The map.
    reproject : bool
        Whether polygons in another CRS are reprojected.

    Returns
    -------
    geopandas.GeoDataFrame

    Raises
    ------
    InputError
        If the file cannot be read, one of the two has no CRS, the CRSs differ, there
        are other geometries than polygons, or none overlaps the map.
    """
    gpd = load_extra("geopandas", "polygons")
    pyogrio = load_extra("pyogrio", "files of polygons")
    if isinstance(polygons, str | Path):
        try:
            found = gpd.read_file(polygons)
        except (pyogrio.errors.DataSourceError, OSError) as error:
            raise InputError(
                f"cannot read {str(polygons)!r} as polygons: {error}; give a "
                "GeoPackage, GeoJSON, or another file that geopandas reads"
            ) from error
    elif isinstance(polygons, gpd.GeoDataFrame):
        found = polygons
    else:
        raise InputError(
            f"polygons is a {type(polygons).__name__}: give a GeoDataFrame or the path "
            "of a file"
        )
    kinds = set(found.geom_type[~found.geometry.is_empty].dropna())
    if not kinds or not kinds <= set(KINDS):
        raise InputError(
            f"the geometries are {sorted(kinds) or 'empty'}: give polygons"
        )
    found = _in_crs(found, classes, reproject)
    west, south, east, north = classes.rio.bounds()
    if not found.cx[west:east, south:north].size:
        raise InputError(
            "no polygon overlaps the map: check the CRS of both, or give polygons of "
            "the same area"
        )
    return found


def _in_crs(
    polygons: "gpd.GeoDataFrame", classes: xr.DataArray, reproject: bool
) -> "gpd.GeoDataFrame":
    if polygons.crs is None or classes.rio.crs is None:
        lacking = "polygons have" if polygons.crs is None else "map has"
        remedy = (
            "polygons.set_crs(...)"
            if polygons.crs is None
            else "classes.rio.write_crs(...)"
        )
        raise InputError(f"the {lacking} no CRS: set it with {remedy}")
    crs = pyproj.CRS.from_user_input(classes.rio.crs)
    if crs == polygons.crs:
        return polygons
    if not reproject:
        raise InputError(
            f"the polygons have the CRS {polygons.crs.to_string()}, but the map has "
            f"{crs.to_string()}: pass reproject=True to reproject the polygons"
        )
    return polygons.to_crs(crs)
