"""Open scenes from files, URLs and arrays."""

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import rasterio
import rioxarray
import xarray as xr
from rasterio.errors import RasterioError
from rioxarray.exceptions import RioXarrayError

from ktextures._loading import load_extra
from ktextures.errors import InputError, MissingExtraError
from ktextures.raster.bands import Bands, Roles
from ktextures.raster.file_bands import (
    choose_bands,
    has_mask,
    quiet_about_georeference,
)
from ktextures.raster.file_headers import paths_of, read_headers
from ktextures.raster.from_xarray import open_array, open_dataset
from ktextures.raster.mosaic import find_mosaic
from ktextures.raster.scene import (
    Chunks,
    build_scene,
    check_chunks,
    chunk_sizes,
    inspect_array,
)
from ktextures.raster.times import Time, chosen_steps

__all__ = ["open_scene"]

_XARRAY_SUFFIXES = tuple(".nc .nc4 .cdf .h5 .hdf5 .zarr .grib .grib2 .grb".split())
Source = str | os.PathLike[str] | xr.DataArray | xr.Dataset
_EAGER_BYTES = 512 * 2**20
_LAZY_CHUNK = 1024


def open_scene(
    source: Source | Sequence[str | os.PathLike[str]],
    bands: Bands | None = None,
    chunks: Chunks | None = None,
    *,
    roles: Roles | None = None,
    time: Time | None = None,
) -> xr.DataArray:
    """Open a raster file, many files on one grid, or an array as a scene.

    Parameters
    ----------
    source : path, URL, DataArray, Dataset, or sequence of paths
        GeoTIFF, COG or another raster file that rasterio opens; NetCDF, HDF5, Zarr or
        GRIB that xarray opens (Zarr: a path that ends in .zarr, with its variables in
        alphabetical order); an array with dims in any order, whose rows and columns
        are named y/x, lat/lon, latitude/longitude, northing/easting, row(s)/col(s) or
        as ``.rio`` knows them; or a Dataset with one variable per band. Both may have
        a dim of time, as those of odc-stac, stackstac and rioxarray. Values stay as
        stored, except that packed NetCDF variables are unpacked as xarray does.
        A list or tuple of raster files on one grid is one scene, see Notes.
    bands : sequence of str or int, optional
        Bands to keep, in this order: names, roles, or numbers from 1 as in rasterio.
        By default all bands except alpha bands.
    chunks : int, "auto" or mapping of "y", "x", "band", optional
        Chunk sizes of a lazy (dask) scene. By default arrays stay as they are, and
        files are read at once if smaller than 512 MB, or else opened in chunks of
        1024 x 1024 pixels.
    roles : mapping of {"red", "green", "blue", "nir"} to str or int, optional
        The band that plays each role, by name or number from 1. Other roles come from
        the common names that stackstac gives, or else from the band names (such as
        "red", "B04", "near infrared"), or else from the file's color interpretation;
        ambiguous ones stay unknown.
    time : str, datetime64, date, int, or "all", optional
        Which of several dates to read: "2024-06-03", or also "2024-06" if there is one
        date in that month, or an index from 0. "all" reads the bands of all dates, with
        names such as "B04_2024-06", as short as they remain different, and without
        roles; a name in ``bands`` then stands for that band of all dates.

    Returns
    -------
    DataArray, dims ("band", "y", "x")
        With unique band names, the coordinate ``role`` along band ("" if unknown),
        pixel centers ``y`` and ``x`` (0.5, 1.5, ... without georeference), CRS,
        transform and nodata; other attributes are dropped. With a rotated transform,
        ``row`` and ``column`` replace ``y`` and ``x``: pixel centers, counted in pixels
        of the file. Rows keep their order.

    Raises
    ------
    InputError
        If the source cannot be opened or is empty, its dims, coordinates or dtype
        cannot be used, a band or role does not exist, or it has several dates of which
        ``time`` does not choose one; also if files do not fit together.
    MissingExtraError
        If it is a Zarr store, and zarr is not installed.

    Warns
    -----
    UserWarning
        If a band marked as alpha holds many values and is read as a band, if values
        are indices into a palette, if coordinates may be those of corners of pixels, or
        if ground control points are ignored.

    Notes
    -----
    An alpha band or mask of a file becomes NaN in a float scene. A band marked as alpha
    is read as a band instead if its name says so, if ``bands`` or ``roles`` list it, or
    if it holds many values, as the near infrared of many aerial images does.

    Of several files, the first that has data shows where they overlap: a file has data
    where no band that is read is nodata or NaN, and neither mask nor alpha band hides
    it. Where no file has data, because of holes between files or missing tiles in them,
    is nodata; if the files declare no nodata value, it is NaN in a float scene. Names
    and roles of bands are those of the first file. Files must have the same CRS, pixel
    size, bands, dtype, and nodata value, and be shifted by whole pixels. Each file is
    opened whenever a part of it is read, so a lazy scene needs them in place.
    `ktextures.train` and others that take several scenes take a list as such; there, a
    list in the list is one scene of many files.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> array = xr.DataArray(np.ones((3, 5, 2)), dims=("row", "col", "band"))
    >>> open_scene(array, bands=[2]).sizes
    Frozen({'band': 1, 'y': 3, 'x': 5})
    >>> days = np.array(["2024-06-03", "2024-07-01"], "datetime64[ns]")
    >>> cube = xr.DataArray(
    ...     np.ones((2, 3, 5)), {"time": days}, ("time", "y", "x"), name="red"
    ... )
    >>> open_scene(cube, time="2024-07").band.values.tolist()
    ['red']
    >>> open_scene(cube, time="all").band.values.tolist()
    ['red_2024-06', 'red_2024-07']
    """
    check_chunks(chunks)
    if isinstance(source, xr.Dataset):
        return open_dataset(source, bands, chunks, roles, time)
    if isinstance(source, xr.DataArray):
        scene = open_array(source, bands, chunks, roles, time)
        _remember_source(scene, source.encoding.get("source"))
        return scene
    if isinstance(source, list | tuple):
        return _open_files(source, bands, chunks, roles, time)
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            f"cannot open a {type(source).__name__} as a scene; give a path, a URL, a "
            "list of them, an xarray.Dataset or a DataArray, such as "
            'xarray.DataArray(values, dims=("band", "y", "x"))'
        )
    path = os.fspath(source)
    # Absolute, since lazy scenes may be read from another working directory.
    path = os.path.abspath(path) if os.path.exists(path) else path
    try:
        if _is_for_xarray(path):
            scene = _open_xarray_file(path, bands, chunks, roles, time)
        else:
            chosen_steps(None, time)
            scene = _open_raster_file(path, bands, chunks, roles)
        _remember_source(scene, path)
        return scene
    except (InputError, MissingExtraError):
        raise
    # Of codecs, some raise RuntimeError: those that would run code, for example.
    except (OSError, RasterioError, RioXarrayError, RuntimeError, ValueError) as error:
        raise InputError(
            f"cannot open {path!r} as a scene: {error}; check the path, or open it "
            "another way and pass the DataArray"
        ) from error


def _is_for_xarray(path: str) -> bool:
    return path.split("?")[0].rstrip("/").lower().endswith(_XARRAY_SUFFIXES)


def _remember_source(scene: xr.DataArray, source: str | None) -> None:
    """Keep the file that a scene is from, as xarray does; projects find it by that."""
    if source is not None:
        scene.encoding["source"] = source


def _open_files(
    files: Sequence[Any],
    bands: Bands | None,
    chunks: Chunks | None,
    roles: Roles | None,
    time: Time | None,
) -> xr.DataArray:
    """Put files together, or open the only one that has no place in a mosaic."""
    chosen_steps(None, time)
    paths = paths_of(files)
    for path in paths:
        if _is_for_xarray(path):
            raise InputError(
                f"{path!r} is no raster file that can be one of several; open such "
                "files together with xarray.open_mfdataset, and pass the Dataset"
            )
    headers = read_headers(paths)
    if len(headers) == 1 and not headers[0].located:
        return open_scene(paths[0], bands, chunks, roles=roles)
    mosaic = find_mosaic(headers, bands, roles)
    if chunks is None and mosaic.nbytes > _EAGER_BYTES:
        chunks = _LAZY_CHUNK
    return mosaic.open(chunks)


def _open_raster_file(
    path: str, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    with quiet_about_georeference(), rasterio.open(path) as file:
        selection, hidden = choose_bands(file, path, bands, roles)
        several = len({repr(file.nodatavals[band]) for band in selection.indices}) > 1
        masked = several or has_mask(file, selection.indices)
        itemsize = np.dtype(file.dtypes[0]).itemsize * (4 if masked or hidden else 1)
        size = len(selection.indices) * file.height * file.width * itemsize
        nodata = file.nodatavals[selection.indices[0]]
    if chunks is None and size > _EAGER_BYTES:
        chunks = _LAZY_CHUNK
    with quiet_about_georeference():
        opened = rioxarray.open_rasterio(path, masked=masked)
        # Dataset and list come only from files without bands of their own.
        opened = cast(xr.DataArray, opened)
        raster = inspect_array(opened)
        data = raster.data.isel(band=[*selection.indices, *hidden])
        if chunks is not None:
            data = data.chunk(chunk_sizes(chunks))
        data, nodata = _hide(data, len(selection.indices), nodata, masked)
        raster = replace(raster, data=data, nodata=nodata)
        scene = build_scene(raster, selection, chunks)
    if chunks is None:
        opened.close()
    else:
        scene.set_close(opened.close)
    return scene


def _hide(
    data: xr.DataArray, num_bands: int, nodata: float | None, masked: bool
) -> tuple[xr.DataArray, float | None]:
    """Set pixels to NaN that a mask hides, or the alpha bands after ``num_bands``."""
    alpha = data.isel(band=slice(num_bands, None))
    data = data.isel(band=slice(num_bands))
    if not masked and not alpha.sizes["band"]:
        return data, nodata
    if alpha.sizes["band"]:
        data = data.where((alpha != 0).all("band"))
    # Where a file has a mask, GDAL ignores its nodata value, which still counts here.
    return data if nodata is None else data.where(data != nodata), math.nan


def _xarray_dataset(path: str, **options: Any) -> xr.Dataset:
    options |= {"decode_coords": "all", "decode_times": False}
    if not path.split("?")[0].rstrip("/").lower().endswith(".zarr"):
        return xr.open_dataset(path, **options)
    load_extra("zarr", "Zarr stores")
    with warnings.catch_warnings():
        # Consolidated or not, the values are the same.
        warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated")
        dataset = xr.open_dataset(path, engine="zarr", **options)
    # Zarr lists the variables of a folder in any order.
    ordered = dataset[sorted(dataset.data_vars, key=str)]
    ordered.set_close(dataset.close)
    return ordered


def _open_xarray_file(
    path: str,
    bands: Bands | None,
    chunks: Chunks | None,
    roles: Roles | None,
    time: Time | None,
) -> xr.DataArray:
    dataset = _xarray_dataset(path, mask_and_scale=False)
    packing = {"scale_factor", "add_offset", "_Unsigned"}
    if any(packing & set(variable.attrs) for variable in dataset.variables.values()):
        dataset.close()
        dataset = _xarray_dataset(path)
    if chunks is None and dataset.nbytes > _EAGER_BYTES:
        chunks = _LAZY_CHUNK
    try:
        scene = open_dataset(dataset, bands, chunks, roles, time)
    except BaseException:
        dataset.close()
        raise
    if chunks is None:
        dataset.close()
    else:
        scene.set_close(dataset.close)
    return scene
