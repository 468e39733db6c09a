"""Results as files: class maps with names and colors, and simulated images.

A file appears under its name only when it is complete: it is written in a hidden
folder beside it and moved from there.
"""

import json
import os
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.dtypes
import xarray as xr

from ktextures.classes.attributes import replaced
from ktextures.classes.categories import (
    Categories,
    check_known,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.palette import MAX_CLASSES
from ktextures.raster.nodata import scene_nodata
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
from ktextures.results.sidecars import pam_xml, qgis_style

__all__ = ["check_writable", "write_classes", "write_simulated"]

Driver = Literal["COG", "GTiff"]
StrPath = str | os.PathLike[str]
Colormap = dict[int, tuple[int, int, int, int]]


def write_classes(
    classes: xr.DataArray,
    path: StrPath,
    *,
    driver: Driver = "COG",
    table: Categories | None = None,
    sidecars: bool = True,
    values: Values = "classes",
) -> Path:
    """Write a class map as a GeoTIFF that GIS programs show in its colors.

    A dask-backed map is computed and written part by part. Existing files with these
    names are replaced once the new ones are complete.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Values 1..k, 0 = nodata; or codes of a legend.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    driver : {"COG", "GTiff"}, default "COG"
        Cloud-optimized with overviews, or plain tiled.
    table : ClassTable or Legend, optional
        Names and colors; by default those in the attributes of ``classes``, or else
        ``ClassTable.default``.
    sidecars : bool, default True
        Also write class names and pixel counts to ``<path>.aux.xml`` (for GDAL and
        QGIS) and a QGIS style to ``<path without suffix>.qml``.
    values : {"classes", "legend"}, default "classes"
        "legend" writes ``ktextures.to_legend(classes, table)``.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If it is not a class map, a value is not in the table, or the name is one that
        GDAL or QGIS gives to a sidecar file; with ``values="legend"``, if no classes
        are assigned to a legend.
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
    if classes.dims != ("y", "x") or classes.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"classes are {classes.dtype} with dims {classes.dims}: give a class map, "
            "uint8 (or uint16, for legend codes) with dims ('y', 'x'), such as "
            "result['classes']"
        )
    classes, found = in_values(classes, values, table)
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
        found, pixels = _write_colored(raster, classes, found)
        finished = {target: finish(raster, driver, "MODE")}
        if sidecars:
            texts = {
                aux_path(target): pam_xml(found, pixels),
                target.with_suffix(".qml"): qgis_style(found),
            }
            for number, (place, text) in enumerate(texts.items()):
                finished[place] = folder / f"sidecar{number}"
                finished[place].write_text(text, encoding="utf-8")
        publish(target, finished)
    return target


def _write_colored(
    raster: Path, classes: xr.DataArray, table: Categories | None
) -> tuple[Categories, npt.NDArray[np.int64]]:
    """Write a plain GeoTIFF; return its table and the pixels of each value."""
    pixels = np.zeros(np.iinfo(classes.dtype).max + 1, np.int64)
    if table is None and pixels.size > 256:
        default_categories(pixels)  # raises, before anything is written

    def count(block: npt.NDArray[Any]) -> None:
        nonlocal pixels
        pixels += np.bincount(block.ravel(), minlength=pixels.size)
        if table is not None:
            check_known(pixels, table)

    image = classes.expand_dims("band")
    with created(raster, image, 0) as file:
        # GDAL cannot give a palette to a file that already has pixels.
        file.write_colormap(1, _colormap(table or ClassTable.default(MAX_CLASSES)))
        write_blocks(file, image, count)
        table = table or default_categories(pixels)
        file.set_band_description(1, "classes")
        file.update_tags(**_tags(replaced(classes.attrs, table.attrs())))
    return table, pixels


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


def _colormap(table: Categories) -> Colormap:
    colors = {
        value: (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16), 255)
        for value, color in zip(table.values, table.colors, strict=True)
    }
    return {0: (0, 0, 0, 0), **colors}


def _tags(attrs: dict[Any, Any]) -> dict[str, str]:
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in attrs.items()
        if key not in ("_FillValue", "scale_factor", "add_offset")
    }
