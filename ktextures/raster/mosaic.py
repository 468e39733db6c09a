"""A scene of many raster files: headers, and whether the files fit together."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from rasterio.errors import RasterioError

from ktextures.errors import InputError
from ktextures.raster.bands import Bands, Roles, Selection, SourceBands, bands_of_file
from ktextures.raster.file_bands import (
    FileBands,
    choose_bands,
    has_mask,
    quiet_about_georeference,
)
from ktextures.raster.georeference import Grid
from ktextures.raster.mosaic_reader import MosaicReader, Part, is_sparse
from ktextures.raster.nodata import fitted_nodata
from ktextures.raster.scene import Chunks, Raster, build_scene, checked_dtype

__all__ = ["Header", "Mosaic", "find_mosaic", "paths_of", "read_headers"]

_THREADS = 16
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
        values: Any
        if chunks is None:
            values = self.reader.read(self.parts, 0, 0, *self.shape)
        else:
            values = self.reader.lazy(self.parts, *self.shape, chunks)
        data = xr.DataArray(values, dims=("band", "y", "x"))
        described = SourceBands(self.selection.names)
        grid = Grid(None, None, self.transform)
        raster = Raster(data, described, grid, self.crs, self.nodata)
        scene = build_scene(raster, self.selection, chunks)
        scene.encoding["source"] = [part.path for part in self.parts]
        return scene


@dataclass(frozen=True)
class Header:
    """What a file says about itself."""

    path: str
    crs: rasterio.CRS | None
    wkt: str
    transform: Affine
    size: tuple[int, int]
    dtypes: tuple[str, ...]
    bands: tuple[str, ...]
    nodata: tuple[float | None, ...]
    scaling: tuple[float, ...]
    masked: bool
    sparse: bool

    @property
    def located(self) -> bool:
        """Whether the file has a transform."""
        return bool(self.transform != Affine.identity())


def paths_of(files: Sequence[Any]) -> list[str]:
    """Paths of the files of a mosaic, absolute if they are local.

    Parameters
    ----------
    files : sequence of path or URL

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If there are none, one is no path, or one is listed twice.
    """
    if not files:
        raise InputError("the list of files is empty; give at least one file")
    seen: dict[str, int] = {}
    paths = []
    for place, file in enumerate(files, start=1):
        if not isinstance(file, str | os.PathLike):
            raise InputError(
                f"item {place} of the list is a {type(file).__name__}; a scene is put "
                "together from paths or URLs of raster files. Combine arrays with "
                "xarray.combine_by_coords, and pass several scenes one by one (only "
                "kt.train and others that say so take a list of scenes)"
            )
        path = os.fspath(file)
        path = os.path.abspath(path) if os.path.exists(path) else path
        same = os.path.realpath(path) if os.path.exists(path) else path
        if same in seen:
            raise InputError(
                f"{path!r} is listed twice, as items {seen[same]} and {place}; list "
                "each file once"
            )
        seen[same] = place
        paths.append(path)
    return paths


def read_headers(paths: Sequence[str]) -> list[Header]:
    """Read the headers of files, many at a time.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    # Around the threads, since they share the filters of warnings.
    with (
        quiet_about_georeference(),
        ThreadPoolExecutor(min(_THREADS, len(paths))) as pool,
    ):
        return list(pool.map(_read_header, paths))


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
        _check_alike(header, first)
    with rasterio.open(first.path) as file:
        chosen = choose_bands(file, first.path, bands, roles)
    parts = _placed(headers)
    height = max(part.row + part.height for part in parts)
    width = max(part.col + part.width for part in parts)
    gaps = any(part.sparse for part in parts) or not _covers(parts, height, width)
    reader = _reader(first, chosen, gaps, any(part.masked for part in parts))
    a, b, _, d, e, _ = tuple(first.transform)[:6]
    left, top = first.transform * (-parts[0].col, -parts[0].row)
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


def _read_header(path: str) -> Header:
    try:
        with rasterio.open(path) as file:
            described = bands_of_file(file)
            everything = list(range(file.count))
            return Header(
                path=path,
                crs=file.crs,
                wkt="" if file.crs is None else file.crs.wkt,
                transform=file.transform,
                size=(file.height, file.width),
                dtypes=file.dtypes,
                bands=_labels(described),
                nodata=file.nodatavals,
                scaling=(*file.scales, *file.offsets),
                masked=has_mask(file, everything),
                sparse=None in file.nodatavals and is_sparse(file),
            )
    except (OSError, RasterioError) as error:
        raise InputError(
            f"cannot open {path!r}, which the list of files holds: {error}; check the "
            "path, or leave it out"
        ) from error


def _labels(described: SourceBands) -> tuple[str, ...]:
    """Names of bands, and which of them are alpha."""
    return tuple(
        f"{name} (alpha)" if band in described.alpha else name
        for band, name in enumerate(described.names)
    )


def _check_alike(header: Header, first: Header) -> None:
    """Refuse a file whose values do not mean the same as those of the first."""
    pairs = (
        ("the bands", header.bands, first.bands, "choose files with the same bands"),
        (
            "the dtype",
            header.dtypes,
            first.dtypes,
            "convert it (gdal_translate -ot)",
        ),
        ("the nodata value", header.nodata, first.nodata, "declare it in all alike"),
        ("the scale and offset", header.scaling, first.scaling, "unify the values"),
    )
    for what, mine, wanted, remedy in pairs:
        # As text, in which NaN is equal to NaN.
        if repr(mine) != repr(wanted):
            raise InputError(
                f"{header.path!r} has {what} {_short(mine)}, but {first.path!r} has "
                f"{_short(wanted)}; {remedy}, or leave it out"
            )
    if header.wkt != first.wkt and header.crs != first.crs:
        raise InputError(
            f"{header.path!r} has the CRS {_crs_name(header)}, but {first.path!r} has "
            f"{_crs_name(first)}; reproject it to the grid of the first, such as with "
            "gdalwarp, or leave it out"
        )


def _short(values: tuple[Any, ...]) -> str:
    """One value if all are the same, except for names."""
    same = len({repr(value) for value in values}) == 1 and len(values) > 1
    return repr(values[0]) if same or len(values) == 1 else str(list(values))


def _crs_name(header: Header) -> str:
    return "None" if header.crs is None else str(header.crs.to_string())


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
    col, row = ~first.transform * (mine[2], mine[5])
    off = max(abs(row - round(row)), abs(col - round(col)))
    if off > _OFF_GRID:
        raise InputError(
            f"the pixels of {header.path!r} are shifted against those of "
            f"{first.path!r}, by {row - math.floor(row):.2f} rows and "
            f"{col - math.floor(col):.2f} columns; resample it to the grid of the "
            "first, such as with gdalwarp -tap, or leave it out"
        )
    return round(row), round(col)


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
