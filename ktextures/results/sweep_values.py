"""What figures of a sweep over k share: what its Dataset holds, and a color."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.errors import InputError

__all__ = ["CHOSEN", "check_sweep", "classes_of", "colors_of", "ks_of"]

CHOSEN = "#d55e00"
"""Color of what concerns the recommended k."""


def check_sweep(sweep: xr.Dataset, names: Sequence[str]) -> None:
    """Raise an error unless it is the Dataset of a sweep, with these variables."""
    needed = {"classes", "color", *names}
    if not isinstance(sweep, xr.Dataset) or not needed <= set(sweep.data_vars):
        raise InputError(
            "this is not the Dataset of a sweep: give what ktextures.sweep returned, "
            "with all its variables"
        )
    if "k" not in sweep.dims:
        raise InputError(
            "the sweep has a single k without a dimension: select with k=[...] instead"
        )


def ks_of(sweep: xr.Dataset) -> list[int]:
    """Numbers of classes that were tried."""
    return [int(k) for k in sweep.k.values]


def classes_of(sweep: xr.Dataset, k: int) -> npt.NDArray[np.uint8]:
    """The map of one k; files are read with NaN where there are no data."""
    values = np.nan_to_num(sweep.classes.sel(k=k).values)
    return np.asarray(values, np.uint8)


def colors_of(sweep: xr.Dataset, k: int) -> list[str]:
    """Colors of the classes of one k."""
    return [str(color) for color in sweep.color.sel(k=k).values[:k]]
