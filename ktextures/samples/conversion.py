"""Pixels in another dtype, if it can hold them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio.dtypes

from ktextures.errors import InputError

__all__ = ["checked_dtype", "converted"]


def checked_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Read the dtype that images are to have.

    Parameters
    ----------
    dtype : dtype
        As NumPy takes it.

    Returns
    -------
    dtype

    Raises
    ------
    InputError
        If it is no dtype, or a GeoTIFF cannot hold it.
    """
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise InputError(
            f"dtype is {dtype!r}: give one that NumPy knows, such as 'uint16'"
        ) from error
    if found.kind not in "iuf" or not rasterio.dtypes.check_dtype(found.name):
        raise InputError(
            f"dtype is {found}: a GeoTIFF of samples cannot hold it; give an integer "
            "type, 'float32' or 'float64'"
        )
    return found.newbyteorder("=")


def converted(
    values: npt.NDArray[Any], dtype: np.dtype[Any], label: str
) -> npt.NDArray[Any]:
    """Convert pixels, unless they would be others afterwards.

    Parameters
    ----------
    values : ndarray, any shape
        Integers or floats.
    dtype : dtype
        To convert to. Integers must hold every value exactly; floats of fewer bits may
        round floats, but not integers.
    label : str
        How messages begin that are about the scene.

    Returns
    -------
    ndarray of ``dtype``

    Raises
    ------
    InputError
        If the dtype cannot hold a value; the message says which.

    Examples
    --------
    >>> converted(np.array([1.0, 255.0]), np.dtype("uint8"), "The scene").tolist()
    [1, 255]
    """
    if np.can_cast(values.dtype, dtype, "safe"):
        return values.astype(dtype, copy=False)
    with np.errstate(all="ignore"):
        cast = values.astype(dtype)
        if values.dtype.kind == "f" and dtype.kind == "f":
            kept = np.isfinite(cast) == np.isfinite(values)
        else:
            # float64 holds every integer that rasters of up to 32 bits do.
            kept = cast.astype(np.float64) == values.astype(np.float64)
            kept &= _in_range(values, dtype)
    if not kept.all():
        raise InputError(
            f"{label} holds the value {values[~kept][0]:g}, which {dtype} cannot hold: "
            "scale or round the scene first, give nodata a value that the dtype holds, "
            "or choose another dtype"
        )
    return cast


def _in_range(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[np.bool_]:
    if dtype.kind == "f":
        return np.ones(values.shape, bool)
    limits = np.iinfo(dtype)
    # 2.0 ** 64 is one more than the largest uint64, and equal to it as float64.
    beyond = float(limits.max) + 1 if limits.bits < 64 else float(limits.max)
    number = values.astype(np.float64)
    return (number >= float(limits.min)) & (number < beyond)
