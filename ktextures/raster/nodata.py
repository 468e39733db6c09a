"""Missing pixels: the value that marks them, and which pixels are valid."""

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures.errors import InputError

__all__ = [
    "declared_nodata",
    "fitted_nodata",
    "require_valid",
    "scene_nodata",
    "valid_pixels",
]


def scene_nodata(scene: xr.DataArray) -> float | None:
    """Give the nodata value of a scene.

    Parameters
    ----------
    scene : DataArray
        A scene.

    Returns
    -------
    float or None
        None if the scene has none, or if it is NaN.
    """
    nodata = declared_nodata(scene)
    return None if nodata is None or math.isnan(nodata) else nodata


def valid_pixels(
    values: npt.NDArray[Any], nodata: float | None
) -> npt.NDArray[np.bool_]:
    """Find the pixels that are finite and not nodata in every band.

    Parameters
    ----------
    values : array, shape (band, y, x)
        NumPy or dask, any integer or float dtype.
    nodata : float or None
        Value that marks missing pixels; NaN and infinite values always do.

    Returns
    -------
    array of bool, shape (y, x)
        True where a pixel is valid.

    Examples
    --------
    >>> import numpy as np
    >>> valid_pixels(np.array([[[1.0, np.nan, 3.0]], [[0.0, 1.0, 2.0]]]), nodata=0)
    array([[False, False,  True]])
    """
    floating = values.dtype.kind == "f"
    good = np.isfinite(values) if floating else np.ones_like(values, dtype=bool)
    fitted = fitted_nodata(nodata, values.dtype)
    if fitted is not None and not math.isnan(fitted):
        # In the values' own dtype, since float32(0.1) is not 0.1.
        good = good & (values != values.dtype.type(fitted))
    return cast(npt.NDArray[np.bool_], good.all(axis=0))


def require_valid(num_valid: int, num_needed: int, purpose: str) -> None:
    """Raise an error unless enough valid pixels were found.

    Parameters
    ----------
    num_valid, num_needed : int
        Numbers of pixels found and needed.
    purpose : str
        What they are for, such as "training"; part of the message.

    Raises
    ------
    InputError
        If ``num_valid`` is below ``num_needed``.
    """
    if num_valid < num_needed:
        raise InputError(
            f"{purpose} needs at least {num_needed} valid pixels, got {num_valid}: the "
            "others are nodata, NaN or infinite in at least one band; check the nodata "
            "value (scene.rio.nodata), or leave out empty bands with bands=[...]"
        )


def declared_nodata(array: xr.DataArray) -> float | None:
    """Give the nodata value that an array declares.

    Parameters
    ----------
    array : DataArray
        Any array of numbers.

    Returns
    -------
    float or None
        May be NaN; None if there is none or no pixel of this dtype can hold it.
    """
    try:
        # rioxarray casts it to the array's dtype.
        with np.errstate(over="ignore"):
            nodata = array.rio.nodata
    except (OverflowError, ValueError):
        return None
    if nodata is None or isinstance(nodata, complex | np.complexfloating):
        return None
    if isinstance(nodata, np.generic):
        nodata = nodata.item()
    return fitted_nodata(nodata, array.dtype) if array.dtype.kind == "f" else nodata


def fitted_nodata(nodata: float | None, dtype: np.dtype[Any]) -> float | None:
    """Give the nodata value as pixels of a dtype hold it.

    Parameters
    ----------
    nodata : float or None
        Declared value.
    dtype : dtype
        Of the pixels, an integer or float type.

    Returns
    -------
    float or None
        None if no pixel can hold it. Values beyond the range of a float type become
        its largest or smallest number, as in files that GDAL writes.

    Examples
    --------
    >>> fitted_nodata(-9999, np.dtype("uint8")) is None
    True
    >>> fitted_nodata(-1.797e308, np.dtype("float32"))
    -3.4028234663852886e+38
    """
    if nodata is None:
        return None
    if dtype.kind != "f":
        if not np.isfinite(nodata) or nodata != int(nodata):
            return None
        limits = np.iinfo(dtype)
        return nodata if limits.min <= nodata <= limits.max else None
    largest = float(np.finfo(dtype).max)
    return nodata if math.isnan(nodata) else min(max(nodata, -largest), largest)
