"""Class maps in the codes of the legend that their classes are assigned to."""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures.classes.arrays import check_uint8
from ktextures.classes.attributes import replaced
from ktextures.classes.categories import Categories, categories_of
from ktextures.classes.legend import Legend
from ktextures.classes.legend_entries import MAX_CODE
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError

__all__ = ["Values", "in_values", "to_legend"]

Values = Literal["classes", "legend"]
Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def to_legend(classes: xr.DataArray, table: ClassTable | None = None) -> xr.DataArray:
    """Turn a class map into a map of the legend that its classes are assigned to.

    `ktextures.write_classes`, `ktextures.class_areas` and `ktextures.plot` take the
    result like a class map, and do the same if they are called with
    ``values="legend"``.

    Parameters
    ----------
    classes : DataArray of uint8, (y, x)
        Class map, values 1..k, 0 = nodata; stays lazy if it is dask-backed.
    table : ClassTable, optional
        With the assignment; by default that in the attributes of ``classes``, where
        `ktextures.segment` writes that of the model.

    Returns
    -------
    DataArray of uint8 or uint16, (y, x)
        Codes of the legend, 0 = nodata; uint16 if there are codes above 255. Its
        attributes hold names and colors of all entries. Class ``i``, if it is not
        assigned, remains visible: it has the largest code of the legend plus ``i``, its
        own color, and a name such as "class 3 (unassigned)".

    Raises
    ------
    InputError
        If no classes are assigned to a legend, the map does not hold classes 1..k, or
        there is no code left for a class that is not assigned.

    See Also
    --------
    ktextures.KTextures.assign : Assign the classes of a model to a legend.

    Examples
    --------
    >>> import ktextures as kt
    >>> truth = kt.datasets.synthetic(64, k=3).truth
    >>> table = kt.ClassTable.default(3)
    >>> legend = {"forest": {"code": 41}, "water": {"code": 11}}
    >>> table = table.assign({"forest": [1, 3]}, legend)
    >>> kt.class_areas(kt.to_legend(truth, table))["class"].tolist()
    [41, 11, 43]
    """
    if not isinstance(classes, xr.DataArray):
        raise InputError(
            f"classes is a {type(classes).__name__}: give a class map as a DataArray, "
            "such as result['classes']"
        )
    table = table or _table_of(classes)
    check_uint8(classes.dtype)
    legend, codes = _with_unassigned(table)
    dtype = np.uint8 if max(legend.codes) <= np.iinfo(np.uint8).max else np.uint16
    lookup = np.array([0, *codes], dtype)
    if hasattr(classes.data, "dask"):
        data = classes.data.map_blocks(_looked_up, lookup, dtype=dtype)
    else:
        data = _looked_up(np.asarray(classes.data), lookup)
    coded = classes.copy(data=data)
    coded.attrs, coded.encoding = replaced(classes.attrs, legend.attrs()), {}
    result: xr.DataArray = coded.rio.write_nodata(0)
    return result


def in_values(
    classes: xr.DataArray, values: str, table: Categories | None
) -> tuple[xr.DataArray, Categories | None]:
    """A map in the values asked for, and what they mean.

    Parameters
    ----------
    classes : DataArray, (y, x)
        Class map, or a raster of legend codes.
    values : {"classes", "legend"}
        "classes" leaves the map as it is.
    table : ClassTable, Legend, or None
        Takes precedence over the attributes of the map.

    Returns
    -------
    DataArray, (y, x)
    ClassTable, Legend, or None
        None if nothing tells the names.

    Raises
    ------
    InputError
        If `values` is neither, or as `to_legend`.
    """
    if values not in get_args(Values):
        raise InputError(f"values is {values!r}: give 'classes' or 'legend'")
    if values == "classes":
        return classes, table or categories_of(classes.attrs)
    if isinstance(table, Legend):
        raise InputError(
            "values='legend' needs to know which class belongs to which entry: give a "
            "ClassTable with an assignment, not a Legend"
        )
    coded = to_legend(classes, table)
    return coded, categories_of(coded.attrs)


def _table_of(classes: xr.DataArray) -> ClassTable:
    found = categories_of(classes.attrs)
    if isinstance(found, Legend):
        raise InputError(
            f"the map holds the legend codes {list(found.codes)[:10]} already: give a "
            "map of classes, or leave out values='legend'"
        )
    if found is None:
        raise InputError(
            "the map has no class names in its attributes: give table=model.classes"
        )
    return found


def _with_unassigned(table: ClassTable) -> tuple[Legend, list[int]]:
    """The legend with entries for the other classes, and the code of each class."""
    found = table.assignment
    if found is None:
        raise InputError(
            'the classes are not assigned to a legend: use model.assign({"forest": '
            "[1, 4], ...}) and segment with the model that it returns"
        )
    legend, codes = found.legend, list(found.codes)
    highest = max(legend.codes)
    names, colors = list(legend.names), list(legend.colors)
    others = [value for value, code in enumerate(codes, 1) if code == 0]
    for value in others:
        codes[value - 1] = highest + value
        name = f"{table.names[value - 1]} (unassigned)"
        names.append(f"class {value}, {name}" if name in names else name)
        colors.append(table.colors[value - 1])
    added = [codes[value - 1] for value in others]
    if max(added, default=0) > MAX_CODE:
        raise InputError(
            f"{len(others)} classes are not assigned, and there are no codes for them "
            f"between the largest of the legend, {highest}, and {MAX_CODE}: assign all "
            "classes, or use smaller codes"
        )
    return Legend(tuple(names), tuple(colors), (*legend.codes, *added)), codes


def _looked_up(classes: npt.NDArray[np.uint8], lookup: Any) -> Codes:
    highest = int(classes.max(initial=0))
    if highest >= lookup.size:
        raise InputError(
            f"the map holds class {highest}, but the table has {lookup.size - 1} "
            "classes: give a table with every class"
        )
    codes: Codes = lookup[classes]
    return codes
