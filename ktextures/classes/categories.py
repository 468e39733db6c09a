"""What the values of a raster mean: classes 1..k, or codes of a legend."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.arrays import MAX_VALUE
from ktextures.classes.attributes import is_described, read_flags
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.palette import rgb_values

__all__ = [
    "Categories",
    "Colormap",
    "categories_of",
    "check_dtype",
    "check_known",
    "check_map",
    "colormap",
    "compacted",
    "default_categories",
]

Categories = ClassTable | Legend
"""Both have names, colors, and the values that these belong to."""

Colormap = dict[int, tuple[int, int, int, int]]
"""Red, green, blue, and alpha of values, 0..255, as GDAL takes them."""

IntArray = npt.NDArray[np.int64]


def categories_of(attrs: Mapping[str, Any]) -> Categories | None:
    """Read names and colors from the attributes of a raster, if they describe them.

    Parameters
    ----------
    attrs : mapping
        Attributes of a class map, or of a raster of legend codes.

    Returns
    -------
    ClassTable, Legend, or None
        A table if the values are 1..k, or else a legend; None if there are no names.

    Raises
    ------
    InputError
        If the attributes are damaged.
    """
    if not is_described(attrs):
        return None
    values, _, _ = read_flags(attrs)
    if len(values) <= MAX_VALUE and values == list(range(1, len(values) + 1)):
        return ClassTable.from_attrs(attrs)
    return Legend.from_attrs(attrs)


def default_categories(pixels: IntArray) -> ClassTable:
    """Make a table for a raster without names.

    Parameters
    ----------
    pixels : ndarray of int64, (256,) or (65536,)
        Number of pixels of each value.

    Returns
    -------
    ClassTable
        Of classes up to the highest value.

    Raises
    ------
    InputError
        If the raster has room for codes above 255.
    """
    if pixels.size > MAX_VALUE + 1:
        raise InputError(
            "the map holds legend codes (uint16) without names: pass "
            "table=Legend.read(...), or a map with the attributes Legend.attrs()"
        )
    highest = int(np.flatnonzero(pixels).max(initial=0))
    return ClassTable.default(max(1, highest))


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raise InputError unless this is the dtype of class maps or legend codes."""
    if dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"classes are {dtype}: give uint8 with values 1..k, 0 for nodata, or "
            "legend codes as uint8 or uint16"
        )


def check_map(classes: Any, name: str = "classes") -> None:
    """Raise InputError unless this is a map of classes, or of legend codes.

    Parameters
    ----------
    classes : object
        What the user gave.
    name : str, default "classes"
        Of the argument.
    """
    if not isinstance(classes, xr.DataArray):
        raise InputError(
            f"{name} is a {type(classes).__name__}: give a class map as a DataArray, "
            "such as result['classes'], or what ktextures.read_classes returns"
        )
    if classes.dims != ("y", "x") or classes.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{name} is {classes.dtype} with dims {classes.dims}: give a class map, "
            "uint8 (or uint16, for legend codes) with dims ('y', 'x')"
        )
    if 0 in classes.shape:
        raise InputError(f"{name} has shape {classes.shape}: give a map with pixels")


def check_known(pixels: IntArray, categories: Categories) -> None:
    """Raise InputError if there are pixels of a value that has no name.

    Parameters
    ----------
    pixels : ndarray of int64, (256,) or (65536,)
        Number of pixels of each value.
    categories : ClassTable or Legend
    """
    held = np.flatnonzero(pixels)
    unknown = np.setdiff1d(held, [0, *categories.values])
    if not unknown.size:
        return
    if isinstance(categories, Legend):
        raise InputError(
            f"the map holds the code {unknown[0]}, which is not in the legend: give a "
            "legend with every code"
        )
    raise InputError(
        f"the map holds class {unknown[-1]}, but the table has {categories.k} classes: "
        "give a table with every class"
    )


def colormap(categories: Categories) -> Colormap:
    """Color table of a raster file.

    Parameters
    ----------
    categories : ClassTable or Legend

    Returns
    -------
    dict of int to tuple of int
        For each value, and for 0, which is transparent.

    Examples
    --------
    >>> colormap(ClassTable(("lake",), ("#0072b2",)))
    {0: (0, 0, 0, 0), 1: (0, 114, 178, 255)}
    """
    colors = rgb_values(categories.colors).tolist()
    found = {
        value: (red, green, blue, 255)
        for value, (red, green, blue) in zip(categories.values, colors, strict=True)
    }
    return {0: (0, 0, 0, 0), **found}


def compacted(
    values: npt.NDArray[np.unsignedinteger], codes: Sequence[int]
) -> npt.NDArray[np.uint8]:
    """Replace codes by their positions, as pictures with a palette need them.

    Parameters
    ----------
    values : ndarray of uint8 or uint16, any shape
        Codes.
    codes : sequence of int
        At most 255.

    Returns
    -------
    ndarray of uint8
        Position in `codes`, from 1; 0 for all other values.

    Examples
    --------
    >>> compacted(np.array([41, 0, 11], np.uint8), [11, 41]).tolist()
    [2, 0, 1]
    """
    lookup = np.zeros(np.iinfo(values.dtype).max + 1, np.uint8)
    lookup[list(codes)] = np.arange(1, len(codes) + 1)
    places: npt.NDArray[np.uint8] = lookup[values]
    return places
