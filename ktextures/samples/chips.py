"""Image and label chips as GeoTIFFs."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.env import env_ctx_if_needed
from rasterio.errors import NotGeoreferencedWarning

from ktextures.classes.categories import Colormap, colormap
from ktextures.classes.table import ClassTable
from ktextures.raster.nodata import valid_pixels

__all__ = [
    "IGNORED",
    "MAX_CLASSES",
    "NODATA",
    "ImageFormat",
    "LabelFormat",
    "read_image",
    "read_label",
    "write_image",
    "write_label",
]

NODATA = 0
"""Label of pixels without data or class."""

IGNORED = 255
"""Label of pixels whose class is too uncertain."""

MAX_CLASSES = IGNORED - 1

_IGNORED_COLOR = (128, 128, 128, 255)


@dataclass(frozen=True)
class ImageFormat:
    """What all image chips of a scene have in common.

    Parameters
    ----------
    bands, roles : tuple of str, (band,)
        Names, and roles or "".
    dtype : dtype
        Of the pixels.
    nodata : float or None
        Declared in the files.
    crs : rasterio.CRS or None
    """

    bands: tuple[str, ...]
    roles: tuple[str, ...]
    dtype: np.dtype[Any]
    nodata: float | None
    crs: Any


@dataclass(frozen=True)
class LabelFormat:
    """What all label chips have in common.

    Parameters
    ----------
    table : ClassTable
        Names and colors of the classes 1..k.
    """

    table: ClassTable

    @cached_property
    def colormap(self) -> Colormap:
        """Red, green, blue and alpha of each label."""
        return {**colormap(self.table), IGNORED: _IGNORED_COLOR}

    @cached_property
    def tags(self) -> dict[str, str]:
        """Names and colors for readers of the files."""
        attrs = self.table.attrs()
        texts = {
            name: each if isinstance(each, str) else str(each)
            for name, each in attrs.items()
        }
        return {**texts, "ignore": f"{NODATA} {IGNORED}"}


def write_image(
    path: Path, values: npt.NDArray[Any], transform: Affine, form: ImageFormat
) -> None:
    """Write an image chip.

    Parameters
    ----------
    path : Path
        File to make.
    values : ndarray, (band, y, x)
        In the dtype of the format.
    transform : Affine
        Of the chip.
    form : ImageFormat
    """
    with _created(path, values, transform, form.crs, form.nodata) as file:
        # Otherwise GDAL takes the fourth of four byte bands for transparency.
        file.colorinterp = _color_interpretation(form.roles)
        file.descriptions = form.bands
        file.write(values)


def write_label(
    path: Path,
    labels: npt.NDArray[np.uint8],
    transform: Affine,
    crs: Any,
    form: LabelFormat,
) -> None:
    """Write a label chip, with names and colors of the classes.

    Parameters
    ----------
    path : Path
        File to make.
    labels : ndarray of uint8, (y, x)
        Classes 1..k, `NODATA` or `IGNORED`.
    transform : Affine
        Of the chip.
    crs : rasterio.CRS or None
    form : LabelFormat
    """
    with _created(path, labels[None], transform, crs, NODATA) as file:
        # GDAL cannot give a palette to a file that already has pixels.
        file.write_colormap(1, form.colormap)
        file.set_band_description(1, "classes")
        file.update_tags(**form.tags)
        file.write(labels, 1)


def _color_interpretation(roles: Sequence[str]) -> list[ColorInterp]:
    known: Mapping[str, ColorInterp] = {
        name: ColorInterp[name] for name in ("red", "green", "blue")
    }
    return [known.get(role, ColorInterp.undefined) for role in roles]


@contextlib.contextmanager
def _created(
    path: Path,
    values: npt.NDArray[Any],
    transform: Affine,
    crs: Any,
    nodata: float | None,
) -> Iterator[rasterio.io.DatasetWriter]:
    bands, height, width = values.shape
    with warnings.catch_warnings():
        # Scenes without georeference are welcome.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=bands,
            dtype=values.dtype.name,
            nodata=nodata,
            crs=crs,
            transform=None if transform.is_identity else transform,
            compress="deflate",
            predictor=3 if values.dtype.kind == "f" else 2 if bands > 1 else 1,
            # One strip: a chip is read as a whole.
            blockysize=height,
        ) as file:
            yield file


class _ChipFile(rasterio.DatasetReader):  # type: ignore[misc]  # has no types
    """A chip to be read, wherever it lies.

    rasterio warns of files without a georeference when it asks for the transform. To
    silence it would change the warning filters of all threads for a moment.
    """

    def read_transform(self) -> list[float]:
        """The identity, in the order of GDAL."""
        return [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]


def read_image(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Read an image chip.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray, (band, y, x)
        Values as stored.
    ndarray of bool, (y, x)
        Where every band is finite and not nodata.
    """
    with env_ctx_if_needed(), _ChipFile(os.fspath(path)) as file:
        values = file.read()
        nodata = file.nodata
    return values, valid_pixels(values, nodata)


def read_label(path: Path) -> npt.NDArray[np.uint8]:
    """Read the labels (y, x) of a label chip.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of uint8, (y, x)
    """
    with env_ctx_if_needed(), _ChipFile(os.fspath(path)) as file:
        labels: npt.NDArray[np.uint8] = file.read(1)
    return labels
