"""Which entry of a legend each class belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ktextures.classes.legend import Legend
from ktextures.classes.lookup import find_class
from ktextures.errors import InputError

__all__ = ["Assignment", "assigned"]


@dataclass(frozen=True)
class Assignment:
    """Classes assigned to the entries of a legend, several to one.

    Parameters
    ----------
    legend : Legend
    codes : tuple of int, (k,)
        Code of the entry of class ``i + 1``; 0 = none.

    Raises
    ------
    InputError
        If a code is not in the legend.

    Examples
    --------
    >>> legend = Legend(["forest", "water"])
    >>> Assignment(legend, (1, 0, 1)).classes()
    {'forest': (1, 3)}
    """

    legend: Legend
    codes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.legend, Legend):
            raise InputError(f"an assignment needs a Legend, got {self.legend!r}")
        unknown = [each for each in self.codes if each not in (0, *self.legend.codes)]
        if unknown:
            raise InputError(
                f"a class is assigned to the code {unknown[0]!r}, which the "
                "legend does not have: give one of its codes, or 0"
            )
        object.__setattr__(self, "codes", tuple(map(int, self.codes)))

    def classes(self) -> dict[str, tuple[int, ...]]:
        """Classes by the name of their entry, in the order of the legend.

        Returns
        -------
        dict of str to tuple of int
            Entries without classes are left out.
        """
        found = {
            name: tuple(v for v, each in enumerate(self.codes, 1) if each == code)
            for name, code in zip(self.legend.names, self.legend.codes, strict=True)
        }
        return {name: values for name, values in found.items() if values}

    def inherited(self, parents: Sequence[Sequence[int]]) -> Self:
        """The assignment of other classes, which come from these.

        Parameters
        ----------
        parents : sequence of sequence of int
            For each new class, those that it comes from; those above k are new. The
            first that has an entry passes it on.

        Returns
        -------
        Assignment
        """
        known = dict(enumerate(self.codes, 1))
        codes = [
            next((known[v] for v in values if known.get(v)), 0) for values in parents
        ]
        return type(self)(self.legend, tuple(codes))

    def to_dict(self) -> dict[str, Any]:
        """Describe it in plain JSON types.

        Returns
        -------
        dict
            ``legend`` and ``codes``; `from_dict` rebuilds it.
        """
        return {"legend": self.legend.to_dict(), "codes": list(self.codes)}

    @classmethod
    def from_dict(cls, described: Any) -> Self:
        """Rebuild an assignment from `to_dict`.

        Parameters
        ----------
        described : mapping
            From a file, so that it may be anything.

        Returns
        -------
        Assignment

        Raises
        ------
        InputError
            If it was not described by `to_dict`.
        """
        if not isinstance(described, Mapping) or set(described) != {"legend", "codes"}:
            raise InputError("an assignment must have legend, codes, and nothing else")
        codes = described["codes"]
        if not isinstance(codes, list) or not all(type(each) is int for each in codes):
            raise InputError(f"codes of an assignment must be a list, got {codes!r}")
        return cls(Legend.from_dict(described["legend"]), tuple(codes))


def assigned(
    mapping: Mapping[str, Any],
    names: Sequence[str],
    colors: Sequence[str],
    legend: Legend | None,
) -> Assignment:
    """Assign classes to the entries of a legend.

    Parameters
    ----------
    mapping : mapping of str to int, str, or sequence of them
        For names of entries, their classes, by number or name.
    names, colors : sequence of str
        Of the classes 1..k.
    legend : Legend or None
        None makes one of the names in the mapping, in the colors of the first class of
        each, with the codes 1, 2, 3, ...

    Returns
    -------
    Assignment

    Raises
    ------
    InputError
        If a class or a name is unknown, a class is assigned twice, or a name without
        classes is to make a legend.
    """
    values = {name: _values(given, name, names) for name, given in mapping.items()}
    if len(values) > len(names):
        raise InputError(
            f"{len(values)} names are given for {len(names)} classes; several classes "
            "can have one name, but no class several: leave out names."
        )
    if legend is None:
        legend = _legend_of(values, colors)
    codes = [0] * len(names)
    for name, classes in values.items():
        for value in classes:
            if codes[value - 1]:
                raise InputError(
                    f"Class {value} ({names[value - 1]!r}) is assigned more than once; "
                    "list each class under one name."
                )
            codes[value - 1] = legend.code(name)
        legend.code(name)  # which refuses unknown names, also those without classes
    return Assignment(legend, tuple(codes))


def _values(given: Any, name: str, names: Sequence[str]) -> list[int]:
    if isinstance(given, Mapping | set | None | float):
        raise InputError(
            f"the classes of {name!r} are {given!r}; give a list of numbers or names, "
            "such as [1, 4]."
        )
    single = isinstance(given, str | int | np.integer)
    return [find_class(each, names) for each in ([given] if single else given)]


def _legend_of(values: Mapping[str, Sequence[int]], colors: Sequence[str]) -> Legend:
    empty = [name for name, classes in values.items() if not classes]
    if empty or not values:
        what = f"{empty[0]!r} has no classes" if empty else "no names are given"
        raise InputError(
            f"{what}, and there is no legend; give each name its classes, such as "
            '{"forest": [1, 4]}, or pass legend=...'
        )
    taken: list[str] = [colors[classes[0] - 1] for classes in values.values()]
    return Legend(tuple(values), tuple(taken))
