"""What segmentation gives besides classes, as GeoTIFFs: images, masks, confidence."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.dtypes
import xarray as xr
from rasterio.enums import ColorInterp

from ktextures.classes.table import ClassTable, table_of
from ktextures.errors import InputError
from ktextures.raster.nodata import scene_nodata
from ktextures.results.file_options import file_tags
from ktextures.results.raster_writer import Driver, raster_output

__all__ = ["MASK_NODATA", "write_confidence", "write_masks", "write_simulated"]

StrPath = str | os.PathLike[str]

MASK_NODATA = 255
"""Marks nodata in files of masks, which otherwise hold 0 and 1."""

_ROUNDING = 1e-5  # confidence is a difference of float32 numbers


def write_simulated(
    simulated: xr.DataArray,
    path: StrPath,
    *,
    driver: Driver = "COG",
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """Write a simulated image as a GeoTIFF with named bands.

    A dask-backed image is computed and written part by part. Overviews hold averages.

    Parameters
    ----------
    simulated : DataArray, (band, y, x)
        Integers, float32 or float64; the dtype is kept.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    driver : {"COG", "GTiff"}, default "COG"
        Cloud-optimized with overviews, or plain tiled.
    overwrite : bool, default False
        Replace an existing file, once the new one is complete.
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
        If the dims are others, a GeoTIFF cannot hold the dtype, or the name is one
        that GDAL or QGIS gives to a sidecar file.
    OutputError
        If the file, or a sidecar file of that name, exists, or cannot be written.

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
    nodata = scene_nodata(simulated)
    if nodata is None and dtype.kind == "f":
        nodata = float("nan")
    with raster_output(
        path, driver, overwrite=overwrite, resume=resume, progress=progress
    ) as output:
        with output.created(simulated, nodata) as file:
            if len(simulated) > 1:
                file.colorinterp = _colors(simulated)
            output.write(file, simulated)
            if "band" in simulated.coords:
                file.descriptions = [str(name) for name in simulated["band"].values]
            file.update_tags(**file_tags(simulated.attrs))
        output.finish("AVERAGE")
        return output.publish()


def write_masks(
    masks: xr.DataArray,
    path: StrPath,
    *,
    classes: xr.DataArray | None = None,
    table: ClassTable | None = None,
    driver: Driver = "COG",
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """Write the masks of classes as a GeoTIFF with one band for each class.

    Bands hold 1 where a class is, 0 where it is not, and 255 for nodata. Overviews hold
    the most frequent value. Dask-backed masks are computed and written part by part.

    Parameters
    ----------
    masks : DataArray of bool, (class, y, x)
        Such as the output "masks" of `ktextures.segment`, or some of them.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    classes : DataArray of uint8, (y, x), optional
        Class map of the same segmentation; nodata is where it is 0. By default, nodata
        is where none of the masks is True, which holds for the masks of all classes.
    table : ClassTable, optional
        Names of the classes, which become those of the bands; by default those in
        ``masks.class_name``, or else in the attributes of ``classes``, or else
        "class 1", "class 2", ...
    driver : {"COG", "GTiff"}, default "COG"
        Cloud-optimized with overviews, or plain tiled.
    overwrite : bool, default False
        Replace an existing file, once the new one is complete.
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
        If dims or dtype are others, the class map has another size, or the table does
        not have a class.
    OutputError
        If the file, or a sidecar file of that name, exists, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, rasterio, xarray as xr
    >>> from ktextures.datasets import synthetic
    >>> truth = synthetic(64, k=3).truth
    >>> masks = truth == xr.DataArray([1, 2, 3], dims="class")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_masks(masks.transpose("class", "y", "x"), f"{folder}/m.tif")
    ...     with rasterio.open(path) as file:
    ...         file.descriptions, file.dtypes[0], file.nodata
    (('class 1', 'class 2', 'class 3'), 'uint8', 255.0)
    """
    _check_masks(masks, classes)
    values, names = _classes_of(masks, classes, table)
    known = masks.any("class") if classes is None else classes.variable > 0
    image = masks.astype(np.uint8).where(known, MASK_NODATA).astype(np.uint8)
    with raster_output(
        path, driver, overwrite=overwrite, resume=resume, progress=progress
    ) as output:
        with output.created(image, MASK_NODATA) as file:
            output.write(file, image)
            _describe_bands(file, values, names)
            file.update_tags(**file_tags(masks.attrs))
        output.finish("MODE")
        return output.publish()


def write_confidence(
    confidence: xr.DataArray,
    path: StrPath,
    *,
    table: ClassTable | None = None,
    driver: Driver = "COG",
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """Write confidence, or the probabilities of classes, as a GeoTIFF of float32.

    Values are 0..1, and NaN is nodata. Overviews hold averages. Dask-backed arrays are
    computed and written part by part.

    Parameters
    ----------
    confidence : DataArray of float32 or float64, (y, x) or (class, y, x)
        The output "confidence" of `ktextures.segment`, or "probabilities", which become
        one band for each class.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    table : ClassTable, optional
        Names of the classes, for probabilities; by default those in
        ``confidence.class_name``, or else "class 1", "class 2", ...
    driver : {"COG", "GTiff"}, default "COG"
        Cloud-optimized with overviews, or plain tiled.
    overwrite : bool, default False
        Replace an existing file, once the new one is complete.
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
        If dims or dtype are others, a value is not 0..1, or the table does not have a
        class.
    OutputError
        If the file, or a sidecar file of that name, exists, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from ktextures.datasets import synthetic
    >>> from ktextures.raster.open import open_scene
    >>> confidence = synthetic(64, k=3).truth.astype("float32") / 3
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_confidence(confidence, f"{folder}/confidence.tif")
    ...     open_scene(path).band.values.tolist()
    ['confidence']
    """
    if confidence.dims not in (("y", "x"), ("class", "y", "x")) or (
        confidence.dtype.kind != "f"
    ):
        raise InputError(
            f"confidence is {confidence.dtype} with dims {confidence.dims}: give "
            "float32 with dims ('y', 'x'), or probabilities with dims ('class', 'y', "
            "'x'), such as result['confidence']"
        )
    single = "class" not in confidence.dims
    image = confidence.expand_dims("class") if single else confidence
    values, names = ([], []) if single else _classes_of(confidence, None, table)
    image = image.astype(np.float32)
    with raster_output(
        path, driver, overwrite=overwrite, resume=resume, progress=progress
    ) as output:
        with output.created(image, float("nan")) as file:
            output.write(file, image, _check_shares)
            _describe_bands(file, values, names or ["confidence"])
            file.update_tags(**file_tags(confidence.attrs))
        output.finish("AVERAGE")
        return output.publish()


def _check_masks(masks: xr.DataArray, classes: xr.DataArray | None) -> None:
    if masks.dims != ("class", "y", "x") or masks.dtype != bool:
        raise InputError(
            f"masks are {masks.dtype} with dims {masks.dims}: give bool with dims "
            "('class', 'y', 'x'), such as result['masks']"
        )
    if classes is not None and (
        classes.dims != ("y", "x") or classes.shape != masks.shape[1:]
    ):
        raise InputError(
            f"classes have dims {classes.dims} and shape {classes.shape}, but masks "
            f"{masks.shape}: give the class map of the same segmentation"
        )


def _classes_of(
    layers: xr.DataArray, classes: xr.DataArray | None, table: ClassTable | None
) -> tuple[list[int], list[str]]:
    """Values and names of the classes that layers (class, y, x) belong to."""
    count = layers.sizes["class"]
    values = list(range(1, count + 1))
    if "class" in layers.coords:
        values = [int(value) for value in layers["class"].values]
    if table is None and "class_name" in layers.coords:
        return values, [str(name) for name in layers["class_name"].values]
    if table is None and classes is not None:
        table = table_of(classes.attrs)
    if table is None:
        return values, [f"class {value}" for value in values]
    unknown = [value for value in values if value not in table.values]
    if unknown:
        raise InputError(
            f"there is a layer of class {unknown[0]}, but the table has {table.k} "
            "classes: give a table with every class"
        )
    return values, [table.names[value - 1] for value in values]


def _describe_bands(
    file: rasterio.io.DatasetWriter, values: list[int], names: list[str]
) -> None:
    file.descriptions = names
    for band, value in enumerate(values, start=1):
        file.update_tags(band, class_value=value)


def _colors(image: xr.DataArray) -> list[ColorInterp]:
    """What GIS programs show as red, green and blue, by the roles of the bands."""
    roles: list[Any] = [""] * len(image)
    if "role" in image.coords:
        roles = [str(role) for role in image["role"].values]
    shown = {name: ColorInterp[name] for name in ("red", "green", "blue")}
    return [shown.get(role, ColorInterp.undefined) for role in roles]


def _check_shares(block: npt.NDArray[np.float32]) -> None:
    known = block[np.isfinite(block)]
    low, high = known.min(initial=0), known.max(initial=0)
    if low < -_ROUNDING or high > 1 + _ROUNDING or np.isinf(block).any():
        wrong = low if low < -_ROUNDING else high if high > 1 else np.inf
        raise InputError(
            f"confidence holds {wrong:g}: give values 0..1, and NaN for nodata"
        )
