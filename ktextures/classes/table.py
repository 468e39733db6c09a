"""Names and colors of classes."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ktextures.classes.arrays import check_mapping
from ktextures.classes.assignment import assigned
from ktextures.classes.attributes import is_described
from ktextures.classes.legend import Legend
from ktextures.classes.majority import MajorityResult
from ktextures.classes.table_forms import TableForms
from ktextures.errors import InputError
from ktextures.palette import class_colors, free_colors

__all__ = ["ClassTable", "table_of"]


class ClassTable(TableForms):
    """Name and color of each class; entry ``i`` belongs to class value ``i + 1``.

    Notebooks show a table with its colors.

    Parameters
    ----------
    names : sequence of str
        Printable text, one line each; two classes may have the same name.
    colors : sequence of str
        As many CSS colors; kept as ``"#rrggbb"``.
    origins : sequence of Origin or None, optional
        What each class was split from or merged of; None = neither. Two tables are
        equal if all but their origins are.
    assignment : Assignment, optional
        Which entry of a legend each class belongs to; see `assign`.

    Raises
    ------
    InputError
        If the lengths differ, are 0 or more than 255, or an entry is not a name, not a
        color, or not an origin, or the assignment is not for these classes.

    Examples
    --------
    >>> table = ClassTable.default(2).rename(1, "open water")
    >>> table.names
    ('open water', 'class 2')
    """

    @classmethod
    def default(cls, k: int) -> Self:
        """Make a table of numbered names and the default colors.

        Parameters
        ----------
        k : int
            Number of classes, 1..128.

        Returns
        -------
        ClassTable
            Names "class 1" .. "class k", with `ktextures.palette.class_colors`.

        Raises
        ------
        InputError
            If k is not a whole number in 1..128.

        Examples
        --------
        >>> ClassTable.default(2)
        ClassTable(names=('class 1', 'class 2'), colors=('#0072b2', '#e69f00'))
        """
        return cls(
            tuple(f"class {value}" for value in range(1, k + 1)),
            tuple(class_colors(k)),
        )

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.names)

    @property
    def values(self) -> tuple[int, ...]:
        """Values of the classes in maps, 1..k."""
        return tuple(range(1, self.k + 1))

    @property
    def legend(self) -> Legend | None:
        """Legend that classes are assigned to, if there is one."""
        return None if self.assignment is None else self.assignment.legend

    def rename(self, value: int, name: str) -> Self:
        """Return a table in which one class has another name.

        Parameters
        ----------
        value : int
            The class, 1..k.
        name : str
            Its new name.

        Returns
        -------
        ClassTable
            This table is unchanged.

        Raises
        ------
        InputError
            If there is no such class, or the name is not printable text on one line.

        Examples
        --------
        >>> ClassTable.default(2).rename(2, "forest").names
        ('class 1', 'forest')
        """
        names = list(self.names)
        names[self._index(value)] = name
        return dataclasses.replace(self, names=tuple(names))

    def recolor(self, value: int, color: str) -> Self:
        """Return a table in which one class has another color.

        Parameters
        ----------
        value : int
            The class, 1..k.
        color : str
            Its new color, as CSS writes it: "#00aa00", "teal".

        Returns
        -------
        ClassTable
            This table is unchanged.

        Raises
        ------
        InputError
            If there is no such class, or the color is not a color.

        Examples
        --------
        >>> ClassTable.default(2).recolor(2, "teal").colors
        ('#0072b2', '#008080')
        """
        colors = list(self.colors)
        colors[self._index(value)] = color
        return dataclasses.replace(self, colors=tuple(colors))

    def assign(self, classes: Any, legend: Any = None) -> Self:
        """Return a table in which classes are assigned to the entries of a legend.

        Parameters
        ----------
        classes : mapping of str to int, str, or sequence of them, or result, or None
            For names of entries, their classes, by number or name:
            ``{"forest": [1, 4], "water": 2}``; classes that are not listed have no
            entry. Or what `ktextures.assign_by` returned, with its legend. None
            removes legend and assignment.
        legend : Legend, or what `Legend.read` takes, optional
            By default that of the table, or else one made of the names given, each in
            the color of its first class, with the codes 1, 2, 3, ...

        Returns
        -------
        ClassTable
            This table is unchanged; earlier assignments are replaced.

        Raises
        ------
        InputError
            If a class or a name is unknown, a class is assigned twice, more names are
            given than there are classes, or the legend is not usable.

        Examples
        --------
        >>> table = ClassTable.default(3).assign({"forest": [1, 3]})
        >>> table.legend.names, table.assignment.classes()
        (('forest',), {'forest': (1, 3)})
        """
        if classes is None:
            return dataclasses.replace(self, assignment=None)
        known = self.legend if legend is None else Legend.read(legend)
        if isinstance(classes, MajorityResult):
            known = classes.legend if legend is None else known
            classes = classes.assignment
        if not isinstance(classes, Mapping):
            raise InputError(
                f"classes is {classes!r}; give a mapping from names of the legend to "
                'classes, such as {"forest": [1, 4]}.'
            )
        found = assigned(classes, self.names, self.colors, known)
        return dataclasses.replace(self, assignment=found)

    def ancestors(self, value: int) -> tuple[str, ...]:
        """Names of the classes that a class was split from or merged of.

        Parameters
        ----------
        value : int
            The class, 1..k.

        Returns
        -------
        tuple of str
            Parents first, then their parents; empty if the class was found in training.

        Raises
        ------
        InputError
            If there is no such class.

        Examples
        --------
        >>> ClassTable.default(2).ancestors(1)
        ()
        """
        origin = self.origins[self._index(value)]
        return origin.ancestors() if origin else ()

    def matched(self, mapping: npt.ArrayLike) -> Self:
        """Return a table for other classes that correspond to these.

        Parameters
        ----------
        mapping : array_like of int, (k_new,)
            Class ``i + 1`` of the new table takes name, color, origin, and entry of the
            legend from class ``mapping[i]`` here. Values are distinct and at least 1;
            those above k get a default name and a color that no other class has.

        Returns
        -------
        ClassTable
            Of k_new classes.

        Raises
        ------
        InputError
            If a value is repeated or below 1.

        Examples
        --------
        >>> ClassTable.default(2).matched([2, 1, 3]).names
        ('class 2', 'class 1', 'class 3')
        """
        values = check_mapping(mapping)
        if len(set(values.tolist())) != values.size or values.min(initial=1) < 1:
            raise InputError(f"mapping is {values.tolist()}: give distinct values >= 1")
        free = free_colors(self.colors)
        names, colors, origins = [], [], []
        for row, value in enumerate(values):
            known = value <= self.k
            origins.append(self.origins[value - 1] if known else None)
            names.append(self.names[value - 1] if known else f"class {row + 1}")
            colors.append(self.colors[value - 1] if known else next(free))
        found = self.assignment and self.assignment.inherited(
            [[v] for v in values.tolist()]
        )
        return type(self)(tuple(names), tuple(colors), tuple(origins), found)

    def _index(self, value: int) -> int:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not 1 <= value <= self.k:
            raise InputError(
                f"there is no class {value!r} in a table of {self.k}: give a value "
                f"1..{self.k}"
            )
        return int(value) - 1


def table_of(attrs: Mapping[str, Any]) -> ClassTable | None:
    """Read a table from the attributes of a class map, if they describe one.

    Parameters
    ----------
    attrs : mapping
        Attributes of a class map.

    Returns
    -------
    ClassTable or None
        None if the attributes hold no names.

    Raises
    ------
    InputError
        If they are damaged.
    """
    return ClassTable.from_attrs(attrs) if is_described(attrs) else None
