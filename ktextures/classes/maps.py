"""Class maps compared and renumbered, with their names and colors."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.arrays import MAX_VALUE, match_to, relabel
from ktextures.classes.assignment import Assignment
from ktextures.classes.attributes import replaced
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable, table_of
from ktextures.errors import InputError
from ktextures.palette import free_colors

__all__ = ["match_classes", "relabel_classes"]

ClassMap = TypeVar("ClassMap", xr.DataArray, npt.NDArray[np.uint8])
AnyMap = xr.DataArray | npt.ArrayLike
Entries = dict[int, tuple[str, str, int]]
"""Name, color, and legend code (0 = none) by class value."""


def match_classes(new: ClassMap, old: AnyMap) -> ClassMap:
    """Renumber the classes of a map so that it agrees with another in most pixels.

    The numbers of an unsupervised segmentation are arbitrary. After this, classes that
    cover the same ground have the same number, name and color, so the two maps can be
    compared pixel by pixel or side by side.

    Parameters
    ----------
    new : DataArray or array of int, (y, x)
        Class map to renumber, values 1..255, 0 = nodata. A dask-backed one is computed.
    old : DataArray or array of int, (y, x)
        Class map of the same pixels to agree with, such as a reference or an earlier
        result.

    Returns
    -------
    DataArray or ndarray of uint8, (y, x)
        Like ``new``, with coordinates and attributes if it has them. Each class takes
        the number of a different class of ``old``; if ``new`` has more, the surplus
        classes get higher numbers. Names, colors, and entries of a legend come from
        ``old`` if it has them, or else move along with the classes of ``new``.

    Raises
    ------
    InputError
        If the shapes differ, or a map does not hold whole numbers in 0..255.

    See Also
    --------
    relabel_classes : Renumber or merge classes as you choose.

    Examples
    --------
    >>> truth = np.array([[1, 1, 2, 2, 3]])
    >>> match_classes(np.array([[3, 3, 1, 2, 2]]), truth)
    array([[1, 1, 2, 3, 3]], dtype=uint8)
    """
    new_values, old_values = _as_uint8(new, "new"), _as_uint8(old, "old")
    new_table, old_table = _table_of(new), _table_of(old)
    k_new, k_old = _k(new_values, new_table), _k(old_values, old_table)
    mapping = match_to(new_values, old_values, k_new, k_old)
    values = relabel(new_values, mapping)
    if new_table is None and old_table is None:
        return _like(new, values, None)
    legend = _legend(old_table) or _legend(new_table)
    entries: Entries = {}
    if old_table is not None:
        entries = _entries(old_table, range(1, k_old + 1), legend)
    if new_table is not None:
        taken = {color for _, color, _ in entries.values()}
        moved = _entries(new_table, mapping.tolist(), legend)
        for value, (name, color, code) in moved.items():
            entries.setdefault(value, (name, "" if color in taken else color, code))
    return _like(new, values, _table(entries, max(*mapping.tolist(), k_old), legend))


def relabel_classes(
    classes: ClassMap, mapping: Mapping[int, int] | Sequence[int]
) -> ClassMap:
    """Renumber or merge the classes of a map.

    Parameters
    ----------
    classes : DataArray or array of int, (y, x)
        Class map, values 1..255, 0 = nodata. A dask-backed one is computed.
    mapping : mapping of int to int, or sequence of int
        New value of each class: ``{3: 1}`` turns class 3 into class 1 and leaves the
        others; ``[2, 1, 1]`` lists the new values of classes 1, 2, 3. Classes with the
        same new value are merged. New values are in 1..255, or 0 for nodata.

    Returns
    -------
    DataArray or ndarray of uint8, (y, x)
        Like ``classes``, with coordinates and attributes if it has them. Names, colors,
        and entries of a legend move along with the classes. A merged class keeps those
        of the class that had its number before, or else of the lowest one.

    Raises
    ------
    InputError
        If a value is out of range, a class has no new value, all classes would be
        nodata, or the map does not hold whole numbers in 0..255.

    See Also
    --------
    match_classes : Renumber classes to agree with another map.

    Examples
    --------
    >>> relabel_classes(np.array([[0, 1, 2, 3]]), {3: 1})
    array([[0, 1, 2, 1]], dtype=uint8)
    """
    values, table = _as_uint8(classes, "classes"), _table_of(classes)
    full = _full_mapping(mapping, _k(values, table))
    if not any(full):
        raise InputError(
            f"mapping is {full}, which leaves no class: give at least one new value of "
            "1 or more"
        )
    relabeled = relabel(values, full)
    if table is None:
        return _like(classes, relabeled, None)
    entries = _entries(table, full, table.legend)
    renamed = _table(entries, max(full[: table.k]), table.legend)
    return _like(classes, relabeled, renamed)


def _full_mapping(mapping: Mapping[int, int] | Sequence[int], k: int) -> list[int]:
    """New value of each class 1..k."""
    if isinstance(mapping, Mapping):
        unknown = sorted(set(mapping) - set(range(1, k + 1)))
        if unknown:
            raise InputError(
                f"mapping has the keys {unknown}, but the classes are 1..{k}: give "
                "existing classes as keys"
            )
        return [mapping.get(value, value) for value in range(1, k + 1)]
    if len(mapping) < k:
        raise InputError(
            f"mapping has {len(mapping)} values for {k} classes: give a new value for "
            "every class"
        )
    return list(mapping)


def _as_uint8(classes: AnyMap, name: str) -> npt.NDArray[np.uint8]:
    values = np.asarray(classes)
    if values.dtype.kind not in "iu":
        raise InputError(
            f"{name} holds {values.dtype}: give classes as whole numbers, 1..k, and 0 "
            "for nodata"
        )
    low, high = values.min(initial=0), values.max(initial=0)
    if low < 0 or high > MAX_VALUE:
        raise InputError(
            f"{name} holds values from {low} to {high}: give classes 1..{MAX_VALUE}, "
            "and 0 for nodata"
        )
    return values.astype(np.uint8)


def _table_of(classes: AnyMap) -> ClassTable | None:
    return table_of(classes.attrs) if isinstance(classes, xr.DataArray) else None


def _k(values: npt.NDArray[np.uint8], table: ClassTable | None) -> int:
    return max(int(values.max(initial=1)), 0 if table is None else table.k)


def _legend(table: ClassTable | None) -> Legend | None:
    return None if table is None else table.legend


def _entries(
    table: ClassTable, values: Sequence[int], legend: Legend | None
) -> Entries:
    """Entries by new value; numbered names get the new number."""
    found = table.assignment
    same = found is not None and found.legend == legend
    codes = found.codes if found is not None and same else (0,) * table.k
    # Of merged classes the last counts: the lowest, or the one that keeps its value.
    rows = sorted(range(table.k), key=lambda row: (values[row] == row + 1, -row))
    return {
        values[row]: (_moved_name(table, row, values), table.colors[row], codes[row])
        for row in rows
    }


def _moved_name(table: ClassTable, row: int, values: Sequence[int]) -> str:
    name = table.names[row]
    return f"class {values[row]}" if name == f"class {row + 1}" else name


def _table(entries: Entries, k: int, legend: Legend | None) -> ClassTable:
    """Make a table of k classes, with free colors where there is none."""
    free = free_colors([color for _, color, _ in entries.values()])
    rows = [entries.get(value, (f"class {value}", "", 0)) for value in range(1, k + 1)]
    codes = tuple(code for _, _, code in rows)
    return ClassTable(
        tuple(name for name, _, _ in rows),
        tuple(color or next(free) for _, color, _ in rows),
        assignment=None if legend is None else Assignment(legend, codes),
    )


def _like(
    classes: ClassMap, values: npt.NDArray[np.uint8], table: ClassTable | None
) -> ClassMap:
    if not isinstance(classes, xr.DataArray):
        return values
    result = classes.copy(data=values)
    if table is not None:
        described = {
            **table.attrs(),
            "long_name": classes.attrs.get("long_name", "class"),
        }
        result.attrs = replaced(classes.attrs, described)
    return result
