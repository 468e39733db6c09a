"""Results as files: class maps with names and colors, and simulated images.

A file appears under its name only when it is complete: it is written in a hidden
folder beside it and moved from there.
"""

import json
import os
import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.dtypes
import xarray as xr
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ktextures.classes.table import ClassTable, table_of
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.palette import MAX_CLASSES
from ktextures.raster.nodata import scene_nodata
from ktextures.raster.open import open_scene
from ktextures.results.paths import (
    aux_path,
    check_name_length,
    check_raster_name,
    check_writable,
)
from ktextures.results.raster_writer import (
    created,
    finish,
    publish,
    write_blocks,
)
from ktextures.results.sidecars import category_names, pam_xml, qgis_style

__all__ = ["check_writable", "read_classes", "write_classes", "write_simulated"]

Driver = Literal["COG", "GTiff"]
StrPath = str | os.PathLike[str]
Colormap = dict[int, tuple[int, int, int, int]]

# Tags that GDAL adds to a file by itself.
_GDAL_TAGS = ("AREA_OR_POINT", "STATISTICS_", "TIFFTAG_", "OVR_")


def write_classes(
    classes: xr.DataArray,
    path: StrPath,
    *,
    driver: Driver = "COG",
    table: ClassTable | None = None,
    sidecars: bool = True,
) -> Path:
    """Write a class map as a GeoTIFF that GIS programs show in its colors.

    A dask-backed map is computed and written part by part. Existing files with these
    names are replaced once the new ones are complete.

    Parameters
    ----------
    classes : DataArray of uint8, (y, x)
        Values 1..k, 0 = nodata.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    driver : {"COG", "GTiff"}, default "COG"
        Cloud-optimized with overviews, or plain tiled.
    table : ClassTable, optional
        Names and colors; by default those in the attributes of ``classes``, or else
        ``ClassTable.default``.
    sidecars : bool, default True
        Also write class names and pixel counts to ``<path>.aux.xml`` (for GDAL and
        QGIS) and a QGIS style to ``<path without suffix>.qml``.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If it is not a class map, a class is not in the table, or the name is one that
        GDAL or QGIS gives to a sidecar file.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from ktextures.datasets import synthetic
    >>> truth = synthetic(64, k=3).truth
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_classes(truth, f"{folder}/truth.tif")
    ...     sorted(each.name for each in path.parent.iterdir())
    ['truth.qml', 'truth.tif', 'truth.tif.aux.xml']
    """
    _check_driver(driver)
    if classes.dims != ("y", "x") or classes.dtype != np.uint8:
        raise InputError(
            f"classes are {classes.dtype} with dims {classes.dims}: give a class map, "
            "uint8 with dims ('y', 'x'), such as result['classes']"
        )
    check_raster_name(path)
    check_writable(path)
    target = Path(path).resolve()
    if sidecars:
        check_name_length(
            aux_path(target),
            f"cannot write the sidecar file of {str(path)!r} (pass sidecars=False to "
            "do without):",
        )
    with staging_folder(target.parent) as folder:
        raster = folder / "classes.tif"
        table, pixels = _write_colored(
            raster, classes, table or table_of(classes.attrs)
        )
        finished = {target: finish(raster, driver, "MODE")}
        if sidecars:
            texts = {
                aux_path(target): pam_xml(table, pixels),
                target.with_suffix(".qml"): qgis_style(table),
            }
            for number, (place, text) in enumerate(texts.items()):
                finished[place] = folder / f"sidecar{number}"
                finished[place].write_text(text, encoding="utf-8")
        publish(target, finished)
    return target


def _write_colored(
    raster: Path, classes: xr.DataArray, table: ClassTable | None
) -> tuple[ClassTable, npt.NDArray[np.int64]]:
    """Write a plain GeoTIFF; return its table and the pixels (256,) of each value."""
    pixels = np.zeros(256, np.int64)

    def count(block: npt.NDArray[Any]) -> None:
        nonlocal pixels
        pixels += np.bincount(block.ravel(), minlength=256)
        highest = int(np.flatnonzero(pixels).max(initial=0))
        if table is not None and highest > table.k:
            raise InputError(
                f"the map holds class {highest}, but the table has {table.k} classes: "
                "give a table with every class"
            )

    image = classes.expand_dims("band")
    with created(raster, image, 0) as file:
        # GDAL cannot give a palette to a file that already has pixels.
        file.write_colormap(1, _colormap(table or ClassTable.default(MAX_CLASSES)))
        write_blocks(file, image, count)
        if table is None:
            highest = int(np.flatnonzero(pixels).max(initial=0))
            table = ClassTable.default(max(1, highest))
        file.set_band_description(1, "classes")
        file.update_tags(**_tags({**classes.attrs, **table.attrs()}))
    return table, pixels


def read_classes(path: StrPath, chunks: Any = None) -> xr.DataArray:
    """Read a class map with its names and colors.

    Parameters
    ----------
    path : path
        File that `write_classes` wrote, or another single-band uint8 raster of classes
        1..k with nodata 0. Names come from its tags, or else from ``<path>.aux.xml``;
        colors from its tags, or else from its color table.
    chunks : int, "auto" or mapping, optional
        Chunk sizes of a lazy, dask-backed map, as for `open_scene`.

    Returns
    -------
    DataArray of uint8, (y, x)
        Named "classes", with the attributes of `ClassTable.attrs`.

    Raises
    ------
    InputError
        If the file cannot be opened or is not a class map.

    Examples
    --------
    >>> import tempfile
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
    table = _restored_table(Path(path), classes, tags, colormap)
    kept = {key: tag for key, tag in tags.items() if not key.startswith(_GDAL_TAGS)}
    classes.attrs = {**kept, **table.attrs()}
    restored: xr.DataArray = classes.rio.write_nodata(0)
    return restored


def write_simulated(
    simulated: xr.DataArray, path: StrPath, *, driver: Driver = "COG"
) -> Path:
    """Write a simulated image as a GeoTIFF with named bands.

    A dask-backed image is computed and written part by part.

    Parameters
    ----------
    simulated : DataArray, (band, y, x)
        Integers, float32 or float64; the dtype is kept.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    driver : {"COG", "GTiff"}, default "COG"
        Cloud-optimized with overviews, or plain tiled.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the dims are others, a GeoTIFF cannot hold the dtype, or the name is one
        that GDAL or QGIS gives to a sidecar file.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from ktextures.datasets import synthetic
    >>> from ktextures.raster.open import open_scene
    >>> scene = synthetic(64, k=3).scene
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_simulated(scene, f"{folder}/simulated.tif")
    ...     open_scene(path).band.values.tolist()
    ['red', 'green', 'blue', 'nir']
    """
    _check_driver(driver)
    if simulated.dims != ("band", "y", "x"):
        raise InputError(
            f"the image has dims {simulated.dims}: give ('band', 'y', 'x'), such as "
            "result['simulated']"
        )
    dtype = simulated.dtype
    if dtype.kind not in "iuf" or not rasterio.dtypes.check_dtype(dtype.name):
        raise InputError(
            f"a GeoTIFF cannot hold {dtype}: convert with .astype('float32')"
        )
    check_raster_name(path)
    check_writable(path)
    nodata = scene_nodata(simulated)
    if nodata is None and dtype.kind == "f":
        nodata = float("nan")
    target = Path(path).resolve()
    with staging_folder(target.parent) as folder:
        raster = folder / "simulated.tif"
        with created(raster, simulated, nodata) as file:
            write_blocks(file, simulated)
            if "band" in simulated.coords:
                file.descriptions = [str(name) for name in simulated["band"].values]
            file.update_tags(**_tags(simulated.attrs))
        publish(target, {target: finish(raster, driver, "AVERAGE")})
    return target


# --- writing ---------------------------------------------------------------------


def _check_driver(driver: str) -> None:
    if driver not in get_args(Driver):
        raise InputError(f"driver is {driver!r}: give 'COG' or 'GTiff'")


def _colormap(table: ClassTable) -> Colormap:
    colors = {
        value: (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16), 255)
        for value, color in enumerate(table.colors, start=1)
    }
    return {0: (0, 0, 0, 0), **colors}


def _tags(attrs: dict[Any, Any]) -> dict[str, str]:
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in attrs.items()
        if key not in ("_FillValue", "scale_factor", "add_offset")
    }


# --- reading ---------------------------------------------------------------------


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
        if layout[:2] != (1, "uint8") or layout[2] not in (0, None):
            raise InputError(
                f"{str(path)!r} has {layout[0]} band(s) of {layout[1]}, nodata "
                f"{layout[2]}: give a class map, one band of uint8 with nodata 0"
            )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"band 1 of .* color palette")
        scene = open_scene(path, chunks=chunks)
    classes = scene.isel(band=0, drop=True).rename("classes")
    classes.encoding = {}
    return classes, tags, colormap


def _restored_table(
    path: Path,
    classes: xr.DataArray,
    tags: dict[str, str],
    colormap: Colormap,
) -> ClassTable:
    described = table_of(tags)
    if described is not None:
        return described
    names = category_names(aux_path(path))[1:]
    k = len(names) or max(1, int(classes.max()))
    table = ClassTable.default(k)
    for value, name in enumerate(names, start=1):
        table = table.rename(value, name or f"class {value}")
    for value in range(1, k + 1):
        if value in colormap:
            color = "#{:02x}{:02x}{:02x}".format(*colormap[value][:3])
            table = table.recolor(value, color)
    return table
