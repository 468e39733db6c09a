"""Class maps as GeoTIFFs with names and colors."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.attributes import replaced
from ktextures.classes.categories import (
    Categories,
    check_known,
    colormap,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.palette import MAX_CLASSES
from ktextures.results.file_options import file_tags
from ktextures.results.paths import aux_path, style_path
from ktextures.results.raster_writer import Driver, RasterOutput, raster_output
from ktextures.results.sidecars import pam_xml, qgis_style

__all__ = ["write_classes"]

StrPath = str | os.PathLike[str]


def write_classes(
    classes: xr.DataArray,
    path: StrPath,
    *,
    driver: Driver = "COG",
    table: Categories | None = None,
    sidecars: bool = True,
    values: Values = "classes",
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """Write a class map as a GeoTIFF that GIS programs show in its colors.

    A dask-backed map is computed and written part by part. The files appear under their
    names when all of them are complete and the raster has been read back.

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
    overwrite : bool, default False
        Replace existing files, once the new ones are complete.
    resume : bool, default False
        Keep finished blocks of a dask-backed map in a hidden folder beside the file
        until it is complete; after a run that was killed, go on from them. The file is
        the same as if it had been written in one run.
    progress : bool, default True
        Show a bar in a terminal or notebook while a dask-backed map is computed.

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
        If the raster or one of its sidecar files exists, or cannot be written.

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
    if classes.dims != ("y", "x") or classes.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"classes are {classes.dtype} with dims {classes.dims}: give a class map, "
            "uint8 (or uint16, for legend codes) with dims ('y', 'x'), such as "
            "result['classes']"
        )
    classes, found = in_values(classes, values, table)
    with raster_output(
        path,
        driver,
        style=sidecars,
        overwrite=overwrite,
        resume=resume,
        progress=progress,
    ) as output:
        found, pixels = _write_colored(output, classes, found)
        output.finish("MODE")
        if sidecars:
            output.add(aux_path(output.target), pam_xml(found, pixels))
            output.add(style_path(output.target), qgis_style(found))
        return output.publish()


def _write_colored(
    output: RasterOutput, classes: xr.DataArray, table: Categories | None
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
    with output.created(image, 0) as file:
        # GDAL cannot give a palette to a file that already has pixels.
        file.write_colormap(1, colormap(table or ClassTable.default(MAX_CLASSES)))
        output.write(file, image, count)
        table = table or default_categories(pixels)
        file.set_band_description(1, "classes")
        file.update_tags(**file_tags(replaced(classes.attrs, table.attrs())))
    return table, pixels
