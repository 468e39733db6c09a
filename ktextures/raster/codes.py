"""Codes of categories, from the pixels of a raster of any dtype."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.classes.legend_entries import MAX_CODE
from ktextures.errors import InputError
from ktextures.raster.nodata import valid_pixels

__all__ = ["known_codes"]


def known_codes(
    values: npt.NDArray[Any], nodata: float | None
) -> npt.NDArray[np.uint16]:
    """Convert the pixels of a reference to codes.

    Parameters
    ----------
    values : ndarray, (y, x)
        Integers or floats.
    nodata : float or None
        As `scene_nodata` gives it.

    Returns
    -------
    ndarray of uint16, (y, x)
        0 where the code is unknown: at 0, nodata, and NaN.

    Raises
    ------
    InputError
        If a value is not a whole number, or outside of 0..65535.

    Examples
    --------
    >>> known_codes(np.array([[41.0, np.nan, 255.0]]), 255).tolist()
    [[41, 0, 0]]
    """
    known = np.where(valid_pixels(values[None], nodata), values, 0)
    low, high = known.min(initial=0), known.max(initial=0)
    if low < 0 or high > MAX_CODE or (known != np.floor(known)).any():
        raise InputError(
            f"the reference holds values from {low} to {high}: give codes as whole "
            f"numbers from 1 to {MAX_CODE}, and 0 where they are unknown, or declare "
            "nodata (.rio.write_nodata(...))"
        )
    return known.astype(np.uint16)
