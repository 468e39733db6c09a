"""GeoTIFFs written block by block in a temporary folder, then moved into place."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
import xarray as xr
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from ktextures.errors import InputError, OutputError
from ktextures.raster.georeference import scene_transform
from ktextures.results.paths import aux_path

__all__ = ["created", "finish", "publish", "write_blocks"]

StrPath = str | os.PathLike[str]
Block = npt.NDArray[Any]

_BLOCK = 512
_BATCH_BYTES = 256 * 2**20


@contextlib.contextmanager
def created(
    path: Path, image: xr.DataArray, nodata: float | None
) -> Iterator[rasterio.io.DatasetWriter]:
    """Open a new tiled GeoTIFF with the shape, dtype and grid of an image.

    Parameters
    ----------
    path : Path
        File to make.
    image : DataArray, (band, y, x)
        The image; its pixels are not read.
    nodata : float or None
        Declared in the file.

    Yields
    ------
    rasterio.io.DatasetWriter
        The open file; it is closed when the block ends.

    Raises
    ------
    InputError
        If the image has no pixels.
    OutputError
        If the file cannot be written.
    """
    bands, height, width = image.shape
    if 0 in image.shape:
        raise InputError(
            f"the image has shape {image.shape}, so there is nothing to write; check "
            "the slice or bounding box it was cut with"
        )
    predictor = {"u": 2, "i": 2, "f": 3}[image.dtype.kind]
    transform = scene_transform(image)
    with _errors_named(path):
        file = rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=bands,
            dtype=image.dtype.name,
            nodata=nodata,
            crs=image.rio.crs,
            transform=None if transform.is_identity else transform,
            compress="deflate",
            predictor=1 if bands == 1 and image.dtype == np.uint8 else predictor,
            tiled=True,
            blockxsize=_BLOCK,
            blockysize=_BLOCK,
            BIGTIFF="IF_SAFER",
        )
    try:
        yield file
    finally:
        with _errors_named(path):
            file.close()


def write_blocks(
    file: rasterio.io.DatasetWriter,
    image: xr.DataArray,
    visit: Callable[[Block], None] | None = None,
) -> None:
    """Compute and write an image block by block.

    Parameters
    ----------
    file : rasterio.io.DatasetWriter
        Open file of the image's shape.
    image : DataArray, (band, y, x)
        NumPy or dask.
    visit : callable, optional
        Called with each block (band, y, x) before it is written.

    Raises
    ------
    OutputError
        If a block cannot be written.
    """
    for window, block in _blocks(image):
        if visit is not None:
            visit(block)
        with _errors_named(file.name):
            file.write(block, window=window)


def _blocks(image: xr.DataArray) -> Iterator[tuple[Window, Block]]:
    """Parts of an image (band, y, x); of a lazy one, whole chunks side by side.

    Neighboring chunks are computed together, because they share input, up to a size
    that limits the memory.
    """
    bands, height, width = image.shape
    data = image.data
    if image.chunks is None:
        yield Window(0, 0, width, height), data
        return
    row_bytes = bands * image.dtype.itemsize
    row = 0
    for rows in data.chunks[1]:
        col = start = 0
        for cols in (*data.chunks[2], 0):
            full = rows * (col - start + cols) * row_bytes > _BATCH_BYTES
            if col > start and (full or cols == 0):
                part = data[:, row : row + rows, start:col]
                yield Window(start, row, col - start, rows), part.compute()
                start = col
            col += cols
        row += rows


def finish(raster: Path, driver: str, resampling: str) -> Path:
    """Convert a plain GeoTIFF to the format that was asked for.

    Parameters
    ----------
    raster : Path
        The plain GeoTIFF.
    driver : {"COG", "GTiff"}
        "GTiff" leaves it as it is.
    resampling : str
        How GDAL makes the overviews, such as "AVERAGE".

    Returns
    -------
    Path
        The finished file, in the same folder.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if driver == "GTiff":
        return raster
    finished = raster.with_name(f"cog-{raster.name}")
    with _errors_named(finished):
        with rasterio.open(raster) as file:
            predictor = file.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR", "1")
        rasterio.shutil.copy(
            raster,
            finished,
            driver="COG",
            COMPRESS="DEFLATE",
            PREDICTOR="YES" if predictor != "1" else "NO",
            BLOCKSIZE=str(_BLOCK),
            OVERVIEW_RESAMPLING=resampling,
            BIGTIFF="IF_SAFER",
        )
    return finished


def publish(target: Path, finished: dict[Path, Path]) -> None:
    """Move finished files into place, the raster first.

    Parameters
    ----------
    target : Path
        The raster.
    finished : dict of Path to Path
        Where each file goes, and where it is now.

    Raises
    ------
    OutputError
        If a file cannot be moved.
    """
    with _errors_named(target):
        # Names, statistics and overviews of an older file would describe the new one.
        for stale in (aux_path(target), target.with_name(f"{target.name}.ovr")):
            # A file whose name is too long, which unlink refuses, cannot exist.
            if os.path.lexists(stale):
                stale.unlink()
        for place, source in finished.items():
            os.replace(source, place)


@contextlib.contextmanager
def _errors_named(path: StrPath) -> Iterator[None]:
    """Raise what the file system reports as OutputError."""
    try:
        with warnings.catch_warnings():
            # Scenes without georeference are welcome.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except (RasterioError, OSError) as error:
        raise OutputError(
            f"writing {str(path)!r} failed: {error}; check the free space of the disk"
        ) from error
