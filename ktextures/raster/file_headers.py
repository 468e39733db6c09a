"""What raster files say about themselves, and whether their values mean the same."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import rasterio
from affine import Affine
from rasterio.errors import RasterioError

from ktextures.errors import InputError
from ktextures.raster.bands import SourceBands, bands_of_file
from ktextures.raster.file_bands import has_mask, quiet_about_georeference
from ktextures.raster.mosaic_reader import is_sparse, open_one_of_many

__all__ = ["Header", "check_alike", "paths_of", "read_headers"]

_THREADS = 16


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


def _read_header(path: str) -> Header:
    try:
        with open_one_of_many(path) as file:
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


def check_alike(header: Header, first: Header) -> None:
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
