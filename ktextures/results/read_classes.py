"""Class maps and maps of legend codes, read with their names and colors."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ktextures.classes.attributes import replaced
from ktextures.classes.categories import Categories, Colormap, categories_of
from ktextures.classes.legend import MAX_ENTRIES, Legend
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.raster.open import open_scene
from ktextures.results.paths import aux_path
from ktextures.results.sidecars import category_names

__all__ = ["read_classes"]

StrPath = str | os.PathLike[str]

# Tags that GDAL adds to a file by itself.
_GDAL_TAGS = ("AREA_OR_POINT", "STATISTICS_", "TIFFTAG_", "OVR_")


def read_classes(path: StrPath, chunks: Any = None) -> xr.DataArray:
    """Read a class map with its names and colors.

    Parameters
    ----------
    path : path
        File that `write_classes` wrote, or another single-band raster with nodata 0:
        uint8 with classes 1..k, or uint16 with the codes of a legend. Names come from
        its tags, or else from ``<path>.aux.xml``; colors from its tags, or else from
        its color table.
    chunks : int, "auto" or mapping, optional
        Chunk sizes of a lazy, dask-backed map, as for `open_scene`.

    Returns
    -------
    DataArray of uint8 or uint16, (y, x)
        Named "classes", with the attributes of `ClassTable.attrs`, or, if it holds
        legend codes, of `Legend.attrs`.

    Raises
    ------
    InputError
        If the file cannot be opened or is not a class map.

    Examples
    --------
    >>> import tempfile
    >>> from ktextures import write_classes
    >>> from ktextures.datasets import synthetic
    >>> truth = synthetic(64, k=3).truth
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     classes = read_classes(write_classes(truth, f"{folder}/truth.tif"))
    >>> ClassTable.from_attrs(classes.attrs).names
    ('class 1', 'class 2', 'class 3')
    """
    try:
        classes, tags, colormap = _open_classes(path, chunks)
    except (RasterioError, OSError) as error:
        raise InputError(
            f"cannot read {str(path)!r} as a class map: {error}; give a file that "
            "write_classes wrote"
        ) from error
    table = _restored(Path(path), classes, tags, colormap)
    kept = {key: tag for key, tag in tags.items() if not key.startswith(_GDAL_TAGS)}
    classes.attrs = replaced(kept, table.attrs())
    restored: xr.DataArray = classes.rio.write_nodata(0)
    return restored


def _open_classes(
    path: StrPath, chunks: Any
) -> tuple[xr.DataArray, dict[str, str], Colormap]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            tags = file.tags()
            layout = (file.count, file.dtypes[0], file.nodata)
            palette = file.colorinterp[0] == rasterio.enums.ColorInterp.palette
            colormap = file.colormap(1) if palette else {}
        if (
            layout[0] != 1
            or layout[1] not in ("uint8", "uint16")
            or layout[2] not in (0, None)
        ):
            raise InputError(
                f"{str(path)!r} has {layout[0]} band(s) of {layout[1]}, nodata "
                f"{layout[2]}: give a class map, one band of uint8, or of "
                "uint16 for legend codes, with nodata 0"
            )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"band 1 of .* color palette")
        scene = open_scene(path, chunks=chunks)
    classes = scene.isel(band=0, drop=True).rename("classes")
    classes.encoding = {}
    return classes, tags, colormap


def _restored(
    path: Path, classes: xr.DataArray, tags: dict[str, str], colormap: Colormap
) -> Categories:
    """Names and colors, from wherever the file has them."""
    described = categories_of(tags)
    if described is not None:
        return described
    names = category_names(aux_path(path))
    if classes.dtype == np.uint16:
        return _restored_legend(classes, names, colormap)
    k = max(1, len(names) - 1 if names[1:] else int(classes.max()))
    table = ClassTable.default(k)
    for value, name in enumerate(names[1:], start=1):
        table = table.rename(value, name or f"class {value}")
    for value in range(1, k + 1):
        if value in colormap:
            table = table.recolor(value, _color(colormap, value))
    return table


def _restored_legend(
    classes: xr.DataArray, names: list[str], colormap: Colormap
) -> Legend:
    """A legend of the codes that occur."""
    found = np.unique(np.asarray(classes.data))
    codes = [int(code) for code in found if code]
    if not 1 <= len(codes) <= MAX_ENTRIES:
        raise InputError(
            f"the raster holds {len(codes)} different codes: give a class map, which "
            f"has 1 to {MAX_ENTRIES}"
        )
    known = dict(enumerate(names))
    return Legend(
        tuple(known.get(code) or f"code {code}" for code in codes),
        tuple(_color(colormap, code) for code in codes) if colormap else (),
        tuple(codes),
    )


def _color(colormap: Colormap, value: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colormap[value][:3])
