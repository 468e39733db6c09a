"""Labels of a reference, and the categories that they mean."""

import math
import re
from typing import Any, NamedTuple

import numpy as np

from ktextures.classes.categories import Categories
from ktextures.classes.legend import Legend
from ktextures.errors import InputError
from ktextures.palette import free_colors

__all__ = ["Category", "Labels", "is_empty"]

_DEFAULT_NAME = re.compile(r"(?:class|code) ([1-9]\d*)")


class Category(NamedTuple):
    """A class of the map, or one that only the reference has.

    Parameters
    ----------
    value : int or None
        Number of the class, or code; None if only its name is known.
    name, color : str
    mapped : bool
        Whether it is a class of the map.
    """

    value: int | None
    name: str
    color: str
    mapped: bool


class Labels:
    """Finds the category of each label, and adds those that the map does not have.

    Parameters
    ----------
    known : ClassTable or Legend
        Categories of the map.
    legend : ClassTable, Legend, or None
        Names of the numbers in the reference, where these are not those of the map.
    complete : bool
        Whether a number that the legend does not have is an error; otherwise it is one
        of the map.

    Examples
    --------
    >>> from ktextures import ClassTable
    >>> labels = Labels(ClassTable.default(2).rename(2, "water"), None)
    >>> [labels.place(each) for each in ("water", 1, "2", "bog")]
    [1, 0, 1, 2]
    >>> labels.categories[2].name, labels.categories[2].mapped
    ('bog', False)
    """

    def __init__(
        self, known: Categories, legend: Categories | None, complete: bool = True
    ) -> None:
        rows = zip(known.values, known.names, known.colors, strict=True)
        self.categories = [Category(*row, mapped=True) for row in rows]
        self._word = "code" if isinstance(known, Legend) else "class"
        self._names: dict[int, str] = {}
        self._colors: dict[str, str] = {}
        if legend is not None:
            self._names = dict(zip(legend.values, legend.names, strict=True))
            self._colors = dict(zip(legend.names, legend.colors, strict=True))
        self._complete = complete and legend is not None
        self._free = free_colors([each.color for each in self.categories])

    def place(self, label: Any) -> int:
        """Find the category of a label, from 0.

        Parameters
        ----------
        label : int, float, or str
            A number, or a name; digits in a text are a number, unless a class has this
            name.

        Returns
        -------
        int

        Raises
        ------
        InputError
            If it is neither, several classes have the name, or the legend of the
            reference does not have the number.
        """
        if isinstance(label, str):
            text = label.strip()
            if not text.isdecimal() or self._named(text):
                return self._by_name(text)
            return self._by_number(int(text))
        number = _whole(label)
        if number is None:
            raise InputError(
                f"a label is {label!r}: give numbers or names of classes, and leave "
                "places empty that are not labeled"
            )
        return self._by_number(number)

    def _by_number(self, number: int) -> int:
        if number in self._names:
            return self._by_name(self._names[number])
        if not self._complete:
            return self._by_value(number)
        raise InputError(
            f"the reference holds {number}, which the legend does not have: add it, or "
            "leave such places empty"
        )

    def _by_value(self, value: int) -> int:
        for index, category in enumerate(self.categories):
            if category.value == value:
                return index
        return self._add(value, f"{self._word} {value}")

    def _by_name(self, name: str) -> int:
        found = self._named(name)
        if len(found) > 1:
            numbers = " and ".join(str(self.categories[at].value) for at in found)
            raise InputError(
                f"{numbers} are all named {name!r} in the map: label with numbers, "
                "give the classes different names, or assign them to one entry of a "
                "legend and pass values='legend'"
            )
        if found:
            return found[0]
        # Such names stand for a number and say nothing else.
        default = _DEFAULT_NAME.fullmatch(name)
        return self._by_value(int(default[1])) if default else self._add(None, name)

    def _named(self, name: str) -> list[int]:
        """Categories of this name; if there are none, without regard to case."""
        names = [category.name for category in self.categories]
        found = [at for at, each in enumerate(names) if each == name]
        folded = name.casefold()
        return found or [
            at for at, each in enumerate(names) if each.casefold() == folded
        ]

    def _add(self, value: int | None, name: str) -> int:
        color = self._colors.get(name) or next(self._free)
        self.categories.append(Category(value, name, color, mapped=False))
        return len(self.categories) - 1


def is_empty(label: Any) -> bool:
    """Whether a label says that nothing is known: empty, missing, NaN, or 0."""
    if label is None or (isinstance(label, str) and not label.strip()):
        return True
    if isinstance(label, float | np.floating) and math.isnan(label):
        return True
    if type(label).__name__ in ("NAType", "NaTType"):
        return True
    return bool(_whole(label) == 0) or (isinstance(label, str) and label.strip() == "0")


def _whole(label: Any) -> int | None:
    """A label as a whole number of 0 or more; None if it is none."""
    if isinstance(label, bool | np.bool_) or not isinstance(
        label, int | float | np.integer | np.floating
    ):
        return None
    number = float(label)
    return int(number) if number >= 0 and number.is_integer() else None
