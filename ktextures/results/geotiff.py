"""Results to files: class maps with names and colors, simulated images.

A file appears under its name only when it is complete: everything is written to a
hidden folder beside it and moved from there.
"""

import contextlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.dtypes
import rasterio.shutil
import xarray as xr
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from ktextures.classes import ClassTable
from ktextures.errors import InputError, OutputError
from ktextures.palette import MAX_CLASSES
from ktextures.raster.georeference import scene_transform
from ktextures.raster.nodata import scene_nodata
from ktextures.raster.open import open_scene
from ktextures.results.sidecars import category_names, pam_xml, qgis_style

__all__ = ["check_writable", "read_classes", "write_classes", "write_simulated"]

Driver = Literal["COG", "GTiff"]
StrPath = str | os.PathLike[str]

_BLOCK = 512
_BATCH_BYTES = 256 * 2**20
# What GDAL adds to a file's tags by itself.
_GDAL_TAGS = ("AREA_OR_POINT", "STATISTICS_", "TIFFTAG_", "OVR_")


def check_writable(path: StrPath) -> None:
    """Find out whether a file can be written, without writing it.

    Parameters
    ----------
    path : path
        File to be made or replaced.

    Raises
    ------
    OutputError
        When it cannot; the message says why and what to do. Nothing is left behind
        and an existing file is not touched.

    Examples
    --------
    >>> check_writable("no such folder/classes.tif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ktextures.errors.OutputError: cannot write 'no such folder/classes.tif': ...
    """
    target = Path(path)
    problem = f"cannot write {str(target)!r}:"
    folder = target.resolve().parent
    if target.is_dir():
        raise OutputError(f"{problem} it is a folder; add a file name")
    if not folder.exists():
        raise OutputError(f"{problem} folder '{folder}' does not exist; create it")
    if not folder.is_dir():
        raise OutputError(f"{problem} '{folder}' is a file; choose another folder")
    if target.exists() and not target.is_file():
        raise OutputError(f"{problem} it is not a regular file; choose another name")
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"{problem} the file is read-only; choose another name")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{problem} folder '{folder}' takes no new files "
            f"({error.strerror or error}); choose another folder"
        ) from error


def write_classes(
    classes: xr.DataArray,
    path: StrPath,
    *,
    driver: Driver = "COG",
    table: ClassTable | None = None,
    sidecars: bool = True,
) -> Path:
    """Write a class map as a GeoTIFF that GIS programs show in its colors.

    A dask-backed map is computed and written part by part. Existing files of these
    names are replaced, once the new ones are complete.

    Parameters
    ----------
    classes : DataArray of uint8, (y, x)
        Values 1..k, 0 = nodata.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    driver : {"COG", "GTiff"}
        Cloud-optimized with overviews, or plain tiled.
    table : ClassTable, optional
        Names and colors; by default those in the attributes of ``classes``, else
        ``ClassTable.default``.
    sidecars : bool
        Also write class names and pixel counts to ``<path>.aux.xml`` (for GDAL and
        QGIS) and a QGIS style to ``<path without suffix>.qml``.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        When it is not a class map, or a class is not in the table.
    OutputError
        When the file cannot be written.
    """
    _check_driver(driver)
    if classes.dims != ("y", "x") or classes.dtype != np.uint8:
        raise InputError(
            f"classes are {classes.dtype} with dims {classes.dims}: give a class map, "
            "uint8 with dims ('y', 'x'), such as result['classes']"
        )
    check_writable(path)
    if table is None:
        table = _table_of(classes)
    target = Path(path).resolve()
    pixels = np.zeros(256, np.int64)

    def count(block: npt.NDArray[Any]) -> None:
        nonlocal pixels
        pixels += np.bincount(block.ravel(), minlength=256)
        highest = int(np.flatnonzero(pixels).max(initial=0))
        if table is not None and highest > table.k:
            raise InputError(
                f"the map holds class {highest} but the table has {table.k} classes: "
                "pass table= with every class"
            )

    with _staged(target) as folder:
        raster = folder / "classes.tif"
        with _created(raster, classes.expand_dims("band"), 0) as file:
            # GDAL cannot give a palette to a file that has pixels already.
            palette = table or ClassTable.default(MAX_CLASSES)
            file.write_colormap(1, _colormap(palette))
            _write_blocks(file, classes.expand_dims("band"), count)
            if table is None:
                table = ClassTable.default(
                    max(1, int(np.flatnonzero(pixels).max(initial=0)))
                )
            file.set_band_description(1, "classes")
            file.update_tags(**_tags({**classes.attrs, **table.attrs()}))
        finished = {target: _finish(raster, driver, "MODE")}
        if sidecars:
            texts = {
                _aux_path(target): pam_xml(table, pixels),
                target.with_suffix(".qml"): qgis_style(table),
            }
            for place, text in texts.items():
                finished[place] = folder / place.name
                finished[place].write_text(text, encoding="utf-8")
        _publish(target, finished)
    return target


def read_classes(path: StrPath, chunks: Any = None) -> xr.DataArray:
    """Read a class map back, with names and colors.

    Parameters
    ----------
    path : path
        File of `write_classes`, or another single-band uint8 raster of classes 1..k
        with nodata 0. Names come from its tags, else from ``<path>.aux.xml``; colors
        from its tags, else from its color table.
    chunks : int, "auto" or mapping, optional
        Chunk sizes of a lazy, dask-backed map, as for `open_scene`.

    Returns
    -------
    DataArray of uint8, (y, x)
        Named "classes", with the attributes of `ClassTable.attrs`.

    Raises
    ------
    InputError
        When the file cannot be opened or is no class map.
    """
    try:
        classes, tags, colormap = _open_classes(path, chunks)
    except (RasterioError, OSError) as error:
        raise InputError(
            f"cannot read {str(path)!r} as a class map: {error}; give a file that "
            "write_classes made"
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
        Integers or float32/float64; its dtype is kept.
    path : path
        GeoTIFF to write, usually ``*.tif``; its folder must exist.
    driver : {"COG", "GTiff"}
        Cloud-optimized with overviews, or plain tiled.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        When dims or dtype are others.
    OutputError
        When the file cannot be written.
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
    check_writable(path)
    nodata = scene_nodata(simulated)
    if nodata is None and dtype.kind == "f":
        nodata = float("nan")
    target = Path(path).resolve()
    with _staged(target) as folder:
        raster = folder / "simulated.tif"
        with _created(raster, simulated, nodata) as file:
            _write_blocks(file, simulated)
            if "band" in simulated.coords:
                file.descriptions = [str(name) for name in simulated["band"].values]
            file.update_tags(**_tags(simulated.attrs))
        _publish(target, {target: _finish(raster, driver, "AVERAGE")})
    return target


# --- writing ---------------------------------------------------------------------


def _check_driver(driver: str) -> None:
    if driver not in get_args(Driver):
        raise InputError(f"driver is {driver!r}: give 'COG' or 'GTiff'")


@contextlib.contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target, so that moving from it is atomic."""
    with tempfile.TemporaryDirectory(
        dir=target.parent, prefix=f".{target.name}-"
    ) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _told(path: StrPath) -> Iterator[None]:
    """Raise what the file system says as OutputError."""
    try:
        with warnings.catch_warnings():
            # Scenes without georeference are welcome.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except (RasterioError, OSError) as error:
        raise OutputError(
            f"writing {str(path)!r} failed: {error}; check the free space of the disk"
        ) from error


@contextlib.contextmanager
def _created(
    path: Path, image: xr.DataArray, nodata: float | None
) -> Iterator[rasterio.io.DatasetWriter]:
    bands, height, width = image.shape
    if 0 in image.shape:
        raise InputError(f"nothing to write: the image has shape {image.shape}")
    predictor = {"u": 2, "i": 2, "f": 3}[image.dtype.kind]
    transform = scene_transform(image)
    with _told(path):
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
        with _told(path):
            file.close()


def _write_blocks(
    file: rasterio.io.DatasetWriter,
    image: xr.DataArray,
    visit: Any = None,
) -> None:
    """Compute and write an image (band, y, x) block by block."""
    for window, block in _blocks(image):
        if visit is not None:
            visit(block)
        with _told(file.name):
            file.write(block, window=window)


def _blocks(image: xr.DataArray) -> Iterator[tuple[Window, npt.NDArray[Any]]]:
    """Parts of an image (band, y, x); of a lazy one, whole chunks side by side.

    Neighboring chunks are computed together, as they share input, up to a size that
    bounds the memory.
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


def _finish(raster: Path, driver: str, resampling: str) -> Path:
    if driver == "GTiff":
        return raster
    finished = raster.with_name(f"cog-{raster.name}")
    with _told(finished):
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


def _publish(target: Path, finished: dict[Path, Path]) -> None:
    """Move finished files to their places, the raster first."""
    with _told(target):
        # Names, statistics and overviews of a former file would describe the new one.
        for stale in (_aux_path(target), target.with_name(f"{target.name}.ovr")):
            stale.unlink(missing_ok=True)
        for place, source in finished.items():
            os.replace(source, place)


def _aux_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.aux.xml")


def _colormap(table: ClassTable) -> dict[int, tuple[int, int, int, int]]:
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
) -> tuple[xr.DataArray, dict[str, str], dict[int, tuple[int, int, int, int]]]:
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
                f"{layout[2]}: a class map has one band of uint8, nodata 0"
            )
    scene = open_scene(path, chunks=chunks)
    classes = scene.isel(band=0, drop=True).rename("classes")
    classes.encoding = {}
    return classes, tags, colormap


def _table_of(classes: xr.DataArray) -> ClassTable | None:
    if "class_names" in classes.attrs or "flag_meanings" in classes.attrs:
        return ClassTable.from_attrs(classes.attrs)
    return None


def _restored_table(
    path: Path,
    classes: xr.DataArray,
    tags: dict[str, str],
    colormap: dict[int, tuple[int, int, int, int]],
) -> ClassTable:
    if "class_names" in tags or "flag_meanings" in tags:
        return ClassTable.from_attrs(tags)
    names = category_names(_aux_path(path))[1:]
    k = len(names) or max(1, int(classes.max()))
    table = ClassTable.default(k)
    for value, name in enumerate(names, start=1):
        table = table.rename(value, name or f"class {value}")
    for value in range(1, k + 1):
        if value in colormap:
            color = "#{:02x}{:02x}{:02x}".format(*colormap[value][:3])
            table = table.recolor(value, color)
    return table
