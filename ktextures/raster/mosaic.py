"""A scene of many raster files on one grid, the first on top."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.bands import Bands, Roles, Selection, SourceBands
from ktextures.raster.file_bands import FileBands, choose_bands
from ktextures.raster.file_headers import Header, check_alike
from ktextures.raster.georeference import Grid
from ktextures.raster.mosaic_array import MosaicArray
from ktextures.raster.mosaic_reader import MosaicReader, Part
from ktextures.raster.nodata import fitted_nodata
from ktextures.raster.scene import Chunks, Raster, build_scene, checked_dtype

__all__ = ["Mosaic", "find_mosaic"]

_OFF_GRID = 0.01  # of a pixel: leaves room for rounded transforms


@dataclass(frozen=True)
class Mosaic:
    """Files that fit together, and how they are read.

    Attributes
    ----------
    parts : tuple of Part
        The first is on top.
    reader : MosaicReader
    selection : Selection
        Bands of the scene.
    shape : tuple of int
        Rows and columns.
    transform : Affine
    crs : rasterio.CRS or None
    nodata : float or None
    """

    parts: tuple[Part, ...]
    reader: MosaicReader
    selection: Selection
    shape: tuple[int, int]
    transform: Affine
    crs: rasterio.CRS | None
    nodata: float | None

    @property
    def nbytes(self) -> int:
        """Size of the scene in bytes."""
        reader = self.reader
        return len(reader.bands) * math.prod(self.shape) * reader.dtype.itemsize

    def open(self, chunks: Chunks | None) -> xr.DataArray:
        """Make the scene, read at once if ``chunks`` is None."""
        pixels = MosaicArray(self.reader, self.parts, *self.shape)
        values = pixels[:] if chunks is None else pixels.lazy(chunks)
        data = xr.DataArray(values, dims=("band", "y", "x"))
        described = SourceBands(self.selection.names)
        grid = Grid(None, None, self.transform)
        raster = Raster(data, described, grid, self.crs, self.nodata)
        scene = build_scene(raster, self.selection, chunks)
        scene.encoding["source"] = [part.path for part in self.parts]
        return scene


def find_mosaic(
    headers: Sequence[Header], bands: Bands | None, roles: Roles | None
) -> Mosaic:
    """Check that files fit together, and find the place of each.

    Parameters
    ----------
    headers : sequence of Header
        The first is on top, and its bands and roles are those of the scene.
    bands, roles : see `ktextures.open_scene`

    Returns
    -------
    Mosaic

    Raises
    ------
    InputError
        If a file has no transform, or differs from the first in its bands, dtype,
        nodata value, or grid.
    """
    first = headers[0]
    for header in headers:
        check_alike(header, first)
    with rasterio.open(first.path) as file:
        chosen = choose_bands(file, first.path, bands, roles)
    parts = _placed(headers)
    height = max(part.row + part.height for part in parts)
    width = max(part.col + part.width for part in parts)
    gaps = any(part.sparse for part in parts) or not _covers(parts, height, width)
    reader = _reader(first, chosen, gaps, any(part.masked for part in parts))
    a, b, _, d, e, _ = tuple(first.transform)[:6]
    left, top = _applied(first.transform, -parts[0].col, -parts[0].row)
    return Mosaic(
        parts=parts,
        reader=reader,
        selection=chosen.selection,
        shape=(height, width),
        transform=Affine(a, b, left, d, e, top),
        crs=first.crs,
        nodata=math.nan if math.isnan(reader.fill) else reader.nodata[0],
    )


def _reader(first: Header, chosen: FileBands, gaps: bool, masked: bool) -> MosaicReader:
    """How the files are read: with NaN if their own values cannot mark all gaps."""
    indices = chosen.selection.indices
    dtype = np.result_type(*(checked_dtype(np.dtype(first.dtypes[b])) for b in indices))
    nodata = tuple(fitted_nodata(first.nodata[band], dtype) for band in indices)
    differ = len({repr(value) for value in nodata}) > 1
    hides = masked or differ or bool(chosen.alpha) or (gaps and nodata[0] is None)
    return MosaicReader(
        bands=tuple(band + 1 for band in indices),
        alpha=tuple(band + 1 for band in chosen.alpha),
        nodata=nodata,
        dtype=np.result_type(dtype, np.float32) if hides else dtype,
        fill=math.nan if hides else nodata[0] or 0,
    )


def _placed(headers: Sequence[Header]) -> tuple[Part, ...]:
    """Find the place of each file in the smallest mosaic that holds all."""
    corners = [_corner(header, headers[0]) for header in headers]
    top = min(row for row, _ in corners)
    left = min(col for _, col in corners)
    return tuple(
        Part(each.path, row - top, col - left, *each.size, each.masked, each.sparse)
        for each, (row, col) in zip(headers, corners, strict=True)
    )


def _corner(header: Header, first: Header) -> tuple[int, int]:
    """Row and column of the first pixel of a file on the grid of the first file."""
    if not header.located:
        raise InputError(
            f"{header.path!r} has no transform, so its place among the other files is "
            "unknown; georeference it, or open the files one by one"
        )
    mine, wanted = tuple(header.transform)[:6], tuple(first.transform)[:6]
    pixel = max(map(abs, (wanted[0], wanted[1], wanted[3], wanted[4])))
    # Pixel sizes may differ by what is still small at the far end of the file.
    drift = max(abs(mine[i] - wanted[i]) for i in (0, 1, 3, 4)) * max(header.size)
    if drift > _OFF_GRID * pixel:
        raise InputError(
            f"{header.path!r} has {_pixels(mine)}, but {first.path!r} has "
            f"{_pixels(wanted)}; resample it to the grid of the first, such as with "
            "gdalwarp, or leave it out"
        )
    col, row = _applied(~first.transform, mine[2], mine[5])
    off = max(abs(row - round(row)), abs(col - round(col)))
    if off > _OFF_GRID:
        raise InputError(
            f"the pixels of {header.path!r} are shifted against those of "
            f"{first.path!r}, by {row - math.floor(row):.2f} rows and "
            f"{col - math.floor(col):.2f} columns; resample it to the grid of the "
            "first, such as with gdalwarp -tap, or leave it out"
        )
    return round(row), round(col)


def _applied(transform: Affine, x: float, y: float) -> tuple[float, float]:
    # Written out, because affine is changing its operators.
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


def _pixels(transform: Sequence[float]) -> str:
    a, b, _, d, e, _ = transform
    if b == d == 0:
        return f"pixels of {abs(a):.9g} x {abs(e):.9g}" + (
            " and rows from south to north" if e > 0 else ""
        )
    return f"the rotated transform {tuple(transform)}"


def _covers(parts: Sequence[Part], height: int, width: int) -> bool:
    """Tell whether the files leave no hole, strip of rows by strip of rows."""
    places = np.array([part[1:5] for part in parts])
    tops, lefts = places[:, 0], places[:, 1]
    bottoms, rights = tops + places[:, 2], lefts + places[:, 3]
    order = np.argsort(lefts, kind="stable")
    tops, bottoms, lefts, rights = (a[order] for a in (tops, bottoms, lefts, rights))
    edges = np.unique([*tops, *bottoms])
    for top in edges[:-1]:
        inside = (tops <= top) & (bottoms > top)
        starts, reach = lefts[inside], np.maximum.accumulate(rights[inside])
        if not len(starts) or starts[0] > 0 or reach[-1] < width:
            return False
        if (starts[1:] > reach[:-1]).any():
            return False
    return bool(edges[0] == 0 and edges[-1] == height)
