"""How rasters are written to files: formats, tiles, tags."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr

from ktextures.raster.georeference import scene_transform

__all__ = ["TILE", "cog_options", "file_tags", "geotiff_options", "grid_identity"]

TILE = 512
"""Side in pixels of what is compressed as one."""


def file_tags(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """Attributes of an array as the tags of a file, which are text.

    Parameters
    ----------
    attrs : mapping

    Returns
    -------
    dict
    """
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in attrs.items()
        if key not in ("_FillValue", "scale_factor", "add_offset")
    }


def geotiff_options(image: xr.DataArray, nodata: float | None) -> dict[str, Any]:
    """Options for a plain GeoTIFF of an image.

    Parameters
    ----------
    image : DataArray (band, y, x)
    nodata : float or None
        Declared in the file.

    Returns
    -------
    dict
        As `rasterio.open` takes them.
    """
    bands, height, width = image.shape
    predictor = {"u": 2, "i": 2, "f": 3}[image.dtype.kind]
    transform = scene_transform(image)
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": bands,
        "dtype": image.dtype.name,
        "nodata": nodata,
        "crs": image.rio.crs,
        "transform": None if transform.is_identity else transform,
        "compress": "deflate",
        "predictor": 1 if bands == 1 and image.dtype == np.uint8 else predictor,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "BIGTIFF": "IF_SAFER",
    }
    # Otherwise GDAL takes three byte bands for colors, and a fourth for alpha.
    return profile if bands == 1 else {**profile, "photometric": "MINISBLACK"}


def cog_options(plain: Path, resampling: str) -> dict[str, str]:
    """Options for a COG of a plain GeoTIFF.

    Parameters
    ----------
    plain : Path
    resampling : str
        How GDAL makes the overviews, such as "AVERAGE".

    Returns
    -------
    dict
        As `rasterio.shutil.copy` takes them.
    """
    with rasterio.open(plain) as file:
        predictor = file.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR", "1")
    return {
        "driver": "COG",
        "COMPRESS": "DEFLATE",
        "PREDICTOR": "YES" if predictor != "1" else "NO",
        "BLOCKSIZE": str(TILE),
        "OVERVIEW_RESAMPLING": resampling,
        "BIGTIFF": "IF_SAFER",
    }


def grid_identity(image: xr.DataArray) -> list[str]:
    """CRS and transform of an image as text, to be compared with another's.

    Parameters
    ----------
    image : DataArray (band, y, x)

    Returns
    -------
    list of str
    """
    crs = image.rio.crs
    return ["" if crs is None else crs.to_wkt(), *map(repr, scene_transform(image))]
