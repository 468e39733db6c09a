"""Pixels of many raster files on one grid, read window by window.

A GDAL VRT decides band by band which file a pixel is from, and knows one nodata value
for each; here a pixel is from one file in all bands, and NaN, masks, alpha bands, and
missing tiles count too. Files are opened for each window, so that threads and other
processes can read at the same time.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Interleaving
from rasterio.errors import RasterioError
from rasterio.windows import Window

from ktextures.errors import InputError

__all__ = ["MosaicReader", "Part", "is_sparse", "missing_tiles", "open_one_of_many"]

_LISTING = "GDAL_DISABLE_READDIR_ON_OPEN"
_TIFF_DRIVERS = ("GTiff", "COG")


class Part(NamedTuple):
    """A file and its place in the mosaic.

    Attributes
    ----------
    path : str
    row, col : int
        Of its first pixel in the mosaic.
    height, width : int
        In pixels.
    masked : bool
        Whether it has a mask of its own.
    sparse : bool
        Whether tiles are missing that would not hold a nodata value.
    """

    path: str
    row: int
    col: int
    height: int
    width: int
    masked: bool
    sparse: bool


@dataclass(frozen=True)
class MosaicReader:
    """Reads windows of a mosaic.

    Parameters
    ----------
    bands : tuple of int
        Numbers of the bands that are read, from 1.
    alpha : tuple of int
        Numbers of bands that hide pixels where they are 0.
    nodata : tuple of float or None
        Value in each band that marks missing pixels.
    dtype : dtype
        Of the result.
    fill : float
        Value where no file is. If it is NaN, so are all pixels without data.
    """

    bands: tuple[int, ...]
    alpha: tuple[int, ...]
    nodata: tuple[float | None, ...]
    dtype: np.dtype[Any]
    fill: float

    def read(
        self, parts: Sequence[Part], row: int, col: int, height: int, width: int
    ) -> npt.NDArray[Any]:
        """Read a window, each pixel from the first file that has data there.

        Parameters
        ----------
        parts : sequence of Part
            Those that the window may touch.
        row, col, height, width : int
            The window, in pixels of the mosaic.

        Returns
        -------
        ndarray, shape (band, height, width)
            A pixel without data in any file has the values of the first.
        """
        shape = (len(self.bands), height, width)
        values = np.full(shape, self.fill, self.dtype)
        known = np.zeros((height, width), bool)
        reached = np.zeros((height, width), bool)
        for part in parts:
            top, left = max(part.row, row), max(part.col, col)
            bottom = min(part.row + part.height, row + height)
            right = min(part.col + part.width, col + width)
            if top >= bottom or left >= right:
                continue
            here = (slice(top - row, bottom - row), slice(left - col, right - col))
            if known[here].all():
                continue
            size = (right - left, bottom - top)
            pixels, valid = self._read_file(
                part, Window(left - part.col, top - part.row, *size)
            )
            new = ~reached[here] | (valid & ~known[here])
            np.copyto(
                values[(slice(None), *here)], pixels, casting="same_kind", where=new
            )
            known[here] |= valid
            reached[here] = True
        return values

    def _read_file(
        self, part: Part, window: Window
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Pixels of a window of a file, and where they have data in all bands."""
        try:
            with open_one_of_many(part.path) as file:
                pixels = file.read([*self.bands, *self.alpha], window=window)
                pixels, alpha = np.split(pixels, [len(self.bands)])
                shown = (alpha != 0).all(axis=0)
                if part.masked:
                    masks = file.read_masks(list(self.bands), window=window)
                    shown &= (masks != 0).all(axis=0)
                if part.sparse:
                    shown &= ~missing_tiles(file, self.bands, window)
        except (OSError, RasterioError) as error:
            raise InputError(
                f"cannot read {part.path!r}, a file of the scene: {error}; check "
                "whether it is complete, and whether it was moved since the scene was "
                "opened"
            ) from error
        floating = pixels.dtype.kind == "f"
        good = np.isfinite(pixels) if floating else np.ones(pixels.shape, bool)
        for band, nodata in enumerate(self.nodata):
            if nodata is not None and not np.isnan(nodata):
                good[band] &= pixels[band] != pixels.dtype.type(nodata)
        if np.isnan(self.fill):
            pixels = np.where(good & shown, pixels, self.dtype.type(np.nan))
        return pixels, good.all(axis=0) & shown


@contextmanager
def open_one_of_many(path: str) -> Iterator[rasterio.DatasetReader]:
    """Open a file without listing its folder, which may hold thousands of others.

    Parameters
    ----------
    path : str
        Absolute, or a URL, which is opened as rasterio does by default.

    Yields
    ------
    rasterio.DatasetReader
    """
    local = os.path.isabs(path) and not path.startswith("/vsi")
    if local and _LISTING not in os.environ:
        with rasterio.Env(**{_LISTING: "TRUE"}), rasterio.open(path) as file:
            yield file
    else:
        with rasterio.open(path) as file:
            yield file


def is_sparse(file: rasterio.DatasetReader) -> bool:
    """Tell whether a GeoTIFF lacks tiles, which GDAL reads as nodata or else as 0."""
    whole = Window(0, 0, file.width, file.height)
    bands = range(1, file.count + 1)
    return bool(missing_tiles(file, bands, whole, pixels=False).any())


def missing_tiles(
    file: rasterio.DatasetReader,
    bands: Sequence[int],
    window: Window,
    *,
    pixels: bool = True,
) -> npt.NDArray[np.bool_]:
    """Find out where a GeoTIFF lacks tiles or strips.

    Parameters
    ----------
    file : rasterio.DatasetReader
        Open file; others than GeoTIFF lack none.
    bands : sequence of int
        From 1.
    window : Window
        In pixels of the file.
    pixels : bool, default True
        Whether to return an element for each pixel, or one for each tile.

    Returns
    -------
    ndarray of bool, shape (height, width) of the window, or that of its tiles
        True where the tile of any of the bands is missing.
    """
    height, width = file.block_shapes[0]
    top, left = window.row_off // height, window.col_off // width
    bottom = -(-(window.row_off + window.height) // height)
    right = -(-(window.col_off + window.width) // width)
    missing: npt.NDArray[np.bool_] = np.zeros((bottom - top, right - left), bool)
    if file.driver in _TIFF_DRIVERS:
        # Bands that are stored together have the same tiles.
        apart = file.interleaving in (Interleaving.band, None)
        for band in bands if apart else bands[:1]:
            for y, x in np.ndindex(missing.shape):
                item = f"BLOCK_OFFSET_{left + x}_{top + y}"
                missing[y, x] |= file.get_tag_item(item, "TIFF", bidx=band) is None
    if not pixels:
        return missing
    rows = (window.row_off + np.arange(window.height)) // height - top
    cols = (window.col_off + np.arange(window.width)) // width - left
    spread: npt.NDArray[np.bool_] = missing[np.ix_(rows, cols)]
    return spread
