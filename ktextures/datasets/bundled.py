"""Two real scenes, read from installed packages."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import xarray as xr

from ktextures.errors import MissingExtraError
from ktextures.raster.open import open_scene
from ktextures.raster.scene import Chunks

__all__ = ["landsat", "sentinel2"]

_LANDSAT_BANDS = ("blue", "green", "red", "nir", "swir1", "thermal", "swir2")


def sentinel2(chunks: Chunks | None = None) -> xr.DataArray:
    """Open the Sentinel-2 scene that comes with the package spyndex.

    A real scene of 300 x 300 pixels of 10 m. Its location is unknown, so it has no CRS.
    Nothing is downloaded.

    Parameters
    ----------
    chunks : int, "auto" or mapping, optional
        Chunk sizes of a lazy scene, as in ``open_scene``.

    Returns
    -------
    DataArray of int64, dims ("band", "y", "x")
        Bands B02, B03, B04, B08 with the roles blue, green, red, nir; reflectance
        times 10,000.

    Raises
    ------
    MissingExtraError
        If spyndex is not installed.

    Examples
    --------
    >>> sentinel2().shape
    (4, 300, 300)
    """
    path = _bundled("spyndex", "data/S2_10m.json", "pip install spyndex")
    with path.open(encoding="utf-8") as file:
        values = np.array(json.load(file), dtype=np.int64)
    # Stored as band, row, column, although spyndex itself labels the axes band, x, y.
    array = xr.DataArray(
        values,
        dims=("band", "y", "x"),
        coords={"band": ["B02", "B03", "B04", "B08"]},
    )
    return open_scene(array, chunks=chunks)


def landsat(chunks: Chunks | None = None) -> xr.DataArray:
    """Open the Landsat 7 scene that comes with the package localtileserver.

    A real scene of the Great Salt Lake, 1482 x 1489 pixels of about 30 m, in
    EPSG:4326. Nothing is downloaded, and localtileserver is not imported.

    Parameters
    ----------
    chunks : int, "auto" or mapping, optional
        Chunk sizes of a lazy scene, as in ``open_scene``.

    Returns
    -------
    DataArray of uint8, dims ("band", "y", "x")
        Bands blue, green, red, nir, swir1, thermal, swir2.

    Raises
    ------
    MissingExtraError
        If localtileserver is not installed.

    Examples
    --------
    >>> landsat().shape
    (7, 1482, 1489)
    """
    path = _bundled(
        "localtileserver", "tiler/data/landsat.tif", 'pip install "ktextures[lab]"'
    )
    roles = {name: _LANDSAT_BANDS.index(name) + 1 for name in _LANDSAT_BANDS[:4]}
    scene = open_scene(path, chunks=chunks, roles=roles)
    return scene.assign_coords(band=list(_LANDSAT_BANDS))


def _bundled(package: str, name: str, remedy: str) -> Path:
    """Find a data file of an installed package without importing the package."""
    spec = importlib.util.find_spec(package)
    path = None if spec is None or not spec.origin else Path(spec.origin).parent / name
    if path is None or not path.is_file():
        state = "is not installed" if spec is None else f"has no file {name}"
        raise MissingExtraError(
            f"this scene comes with the package {package}, which {state}; install it "
            f"with: {remedy}"
        )
    return path
