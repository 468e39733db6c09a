"""Classes of a model as users name them: by number, or by name."""

from collections.abc import Sequence

import numpy as np

from ktextures.classes.lookup import find_class
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.model.masks import MIN_K

__all__ = ["described", "value_of", "values_of"]


def described(value: int, table: ClassTable) -> str:
    """Number and name of a class, as messages begin with it."""
    return f"Class {value} ({table.names[value - 1]!r})"


def value_of(wanted: object, table: ClassTable) -> int:
    """Number of a class.

    Parameters
    ----------
    wanted : int or str
        A number, 1..k, or a name.
    table : ClassTable

    Returns
    -------
    int

    Raises
    ------
    InputError
        If there is no such class, or several have the name.
    """
    return find_class(wanted, table.names)


def values_of(classes: object, table: ClassTable) -> list[int]:
    """Numbers of classes to merge.

    Parameters
    ----------
    classes : sequence of int or str
        Numbers or names.
    table : ClassTable

    Returns
    -------
    list of int

    Raises
    ------
    InputError
        If there are fewer than two, one is unknown or given twice, or only one class
        would remain.
    """
    if isinstance(classes, str) or not isinstance(classes, Sequence | np.ndarray):
        raise InputError(
            f"classes is {classes!r}; give a list of the classes to merge, such as "
            "[2, 5]."
        )
    values = [value_of(each, table) for each in classes]
    if len(values) < 2:
        raise InputError(
            f"classes is {list(classes)}; give at least two classes to merge."
        )
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        first = described(repeated[0], table)
        raise InputError(f"{first} is listed more than once; give each class once.")
    if table.k - len(values) + 1 < MIN_K:
        raise InputError(
            f"Merging all {table.k} classes would leave one, and a model has at least "
            f"{MIN_K}. Leave one out."
        )
    return values
