"""Vector data that users give, opened and brought into the CRS of a map."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures._loading import load_extra
from ktextures.errors import InputError
from ktextures.raster.places import same_crs

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["in_crs", "open_vectors", "read_polygons"]

KINDS = ("Polygon", "MultiPolygon")


def open_vectors(source: Any, what: str, wanted: str) -> "gpd.GeoDataFrame":
    """Open a vector file, or take what is open already.

    Parameters
    ----------
    source : geopandas.GeoDataFrame or path
        Such as GeoPackage, GeoJSON, Shapefile, or GeoParquet.
    what : str
        What it is for the user, as the message calls it: "the reference".
    wanted : str
        What to give instead, if it is neither.

    Returns
    -------
    geopandas.GeoDataFrame

    Raises
    ------
    InputError
        If it is something else, or the file does not exist or cannot be read.
    MissingExtraError
        If geopandas is not installed.
    """
    geopandas = load_extra("geopandas", "vector files")
    if isinstance(source, geopandas.GeoDataFrame):
        return _with_geometry(source, what, geopandas)
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"{what} is a {type(source).__name__}: give {wanted}")
    path = Path(source)
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}: give the path of {what}")
    try:
        if path.suffix.lower() in (".parquet", ".geoparquet"):
            found = geopandas.read_parquet(path)
        else:
            found = geopandas.read_file(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"cannot read {str(path)!r} as {what}: {error}; give {wanted}"
        ) from error
    return _with_geometry(found, what, geopandas)


def _with_geometry(found: Any, what: str, geopandas: Any) -> "gpd.GeoDataFrame":
    """Refuse tables without places, such as those of a CSV file."""
    if (
        isinstance(found, geopandas.GeoDataFrame)
        and found.active_geometry_name is not None
    ):
        return found
    raise InputError(
        f"{what} is a table without geometry, with the columns "
        f"{[str(each) for each in found.columns]}: make a GeoDataFrame of it, such as "
        "geopandas.GeoDataFrame(table, geometry=geopandas.points_from_xy(table.x, "
        'table.y), crs="EPSG:...")'
    )


def in_crs(
    frame: "gpd.GeoDataFrame", crs: pyproj.CRS, what: str, *, reproject: bool
) -> "gpd.GeoDataFrame":
    """Bring vector data into the CRS of a map.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
    crs : pyproj.CRS
        Of the map.
    what : str
        What it is for the user, as the message calls it: "the reference".
    reproject : bool
        Whether data in another CRS are reprojected.

    Returns
    -------
    geopandas.GeoDataFrame

    Raises
    ------
    InputError
        If it has no CRS, or another one and `reproject` is False.
    """
    if frame.crs is None:
        raise InputError(
            f"{what} has no CRS, so its place is unknown: set it with "
            '.set_crs("EPSG:...")'
        )
    if same_crs(frame.crs, crs):
        return frame
    if not reproject:
        raise InputError(
            f"{what} has the CRS {frame.crs.name}, the map {crs.name}: pass "
            "reproject=True to reproject it"
        )
    return frame.to_crs(crs)


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
    what = "the set of polygons"
    found = open_vectors(polygons, what, "a GeoDataFrame, or a file of polygons")
    kinds = set(found.geom_type[~found.geometry.is_empty].dropna())
    if not kinds or not kinds <= set(KINDS):
        raise InputError(
            f"the geometries are {sorted(kinds) or 'empty'}: give polygons"
        )
    if classes.rio.crs is None:
        raise InputError(
            "the map has no CRS, so it is unknown which part of it a polygon covers: "
            "set it with classes.rio.write_crs(...)"
        )
    crs = pyproj.CRS.from_user_input(classes.rio.crs)
    found = in_crs(found, crs, what, reproject=reproject)
    west, south, east, north = classes.rio.bounds()
    if not found.cx[west:east, south:north].size:
        raise InputError(
            "no polygon overlaps the map: check the CRS of both, or give polygons of "
            "the same area"
        )
    return found
