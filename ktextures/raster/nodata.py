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
    "fits_dtype",
    "require_valid",
    "scene_nodata",
    "valid_pixels",
]


def scene_nodata(scene: xr.DataArray) -> float | None:
    """Give a scene's nodata value; None when it has none or when it is NaN."""
    nodata = declared_nodata(scene)
    return None if nodata is None or math.isnan(nodata) else nodata


def valid_pixels(
    values: npt.NDArray[Any], nodata: float | None
) -> npt.NDArray[np.bool_]:
    """Tell which pixels are finite and not nodata in every band.

    Parameters
    ----------
    values : array, shape (band, y, x)
        NumPy or dask, any integer or float dtype.
    nodata : float or None
        Value that marks missing pixels; NaN and infinite values always do.

    Returns
    -------
    array of bool, shape (y, x)

    Examples
    --------
    >>> import numpy as np
    >>> valid_pixels(np.array([[[1.0, np.nan, 3.0]], [[0.0, 1.0, 2.0]]]), nodata=0)
    array([[False, False,  True]])
    """
    floating = values.dtype.kind == "f"
    good = np.isfinite(values) if floating else np.ones_like(values, dtype=bool)
    if nodata is not None and not math.isnan(nodata):
        if floating or fits_dtype(nodata, values.dtype):
            # In the values' own dtype, since float32(0.1) is not 0.1.
            good = good & (values != values.dtype.type(nodata))
    return cast(npt.NDArray[np.bool_], good.all(axis=0))


def require_valid(num_valid: int, num_needed: int, purpose: str) -> None:
    """Raise unless enough valid pixels were found.

    Parameters
    ----------
    num_valid, num_needed : int
        Pixels found and wanted.
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
    """Give the nodata value that an array declares, NaN included."""
    try:
        nodata = array.rio.nodata
    except (OverflowError, ValueError):
        return None  # a value that no pixel of this dtype can hold
    if nodata is None or isinstance(nodata, complex | np.complexfloating):
        return None
    return cast(float, nodata.item() if isinstance(nodata, np.generic) else nodata)


def fits_dtype(nodata: float, dtype: np.dtype[Any]) -> bool:
    """Tell whether an integer dtype can hold a nodata value."""
    if not np.isfinite(nodata) or nodata != int(nodata):
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= nodata <= limits.max)
