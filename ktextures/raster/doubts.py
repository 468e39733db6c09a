"""Warnings about sources that may hold something other than what they seem to."""

import sys
import warnings
from collections.abc import Iterable

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.windows import Window

__all__ = [
    "holds_measurements",
    "warn_caller",
    "warn_of_control_points",
    "warn_of_palette",
]

_SAMPLES = 3  # windows along each side of a file
_SAMPLE_SIDE = 128


def warn_caller(message: str) -> None:
    """Issue a UserWarning that names the line which called ktextures.

    Parameters
    ----------
    message : str
        One line: what was found, what it is taken for, and how to change that.
    """
    level, frame = 1, sys._getframe()
    while frame is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, UserWarning, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("ktextures", "contextlib")


def holds_measurements(file: rasterio.DatasetReader, band: int) -> bool:
    """Tell whether a band marked as alpha looks like a band of the image.

    Transparency has one common value besides 0, measurements have many.

    Parameters
    ----------
    file : rasterio.DatasetReader
        Open file.
    band : int
        Position of the band, from 0.

    Returns
    -------
    bool
        True if the most frequent value other than 0 fills less than half of the
        pixels that are not 0, in windows that reach all edges of the file.
    """
    height, width = (min(side, _SAMPLE_SIDE) for side in (file.height, file.width))
    samples = [
        file.read(band + 1, window=Window(left, top, width, height)).ravel()
        for top in _starts(file.height, height)
        for left in _starts(file.width, width)
    ]
    values = np.concatenate(samples)
    _, counts = np.unique(values[values != 0], return_counts=True)
    return bool(2 * counts.max(initial=0) < counts.sum())


def _starts(length: int, side: int) -> list[int]:
    starts = np.linspace(0, length - side, _SAMPLES).astype(int).tolist()
    return sorted(set(starts))


def warn_of_palette(
    file: rasterio.DatasetReader, path: str, bands: Iterable[int]
) -> None:
    """Warn that bands hold indices into a color table.

    Parameters
    ----------
    file : rasterio.DatasetReader
        Open file.
    path : str
        What the warning calls it.
    bands : iterable of int
        Positions of the bands that are used, from 0.
    """
    for band in bands:
        if file.colorinterp[band] == ColorInterp.palette:
            warn_caller(
                f"band {band + 1} of {path!r} holds indices into a color palette, "
                "which are not measurements; convert the file to colors first, such "
                "as with gdal_translate -expand rgb"
            )


def warn_of_control_points(file: rasterio.DatasetReader, path: str) -> None:
    """Warn that ground control points are ignored.

    Parameters
    ----------
    file : rasterio.DatasetReader
        Open file.
    path : str
        What the warning calls it.
    """
    if file.gcps[0] and file.transform == Affine.identity():
        warn_caller(
            f"{path!r} is georeferenced only by ground control points, which are "
            "ignored; warp it first (gdalwarp) for a georeferenced result"
        )
