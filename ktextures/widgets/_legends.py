"""Class tables of the explorer, with their classes assigned to a legend."""

from collections.abc import Sequence
from dataclasses import replace

from ktextures.classes.assignment import Assignment
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.hints.hints import Hints

__all__ = ["assigned_in", "entry_of", "hinted_table", "with_legend"]


def entry_of(table: ClassTable, value: int) -> str:
    """Name of the entry of a legend that a class is assigned to; "" = none."""
    assignment = table.assignment
    if assignment is None or not assignment.codes[value - 1]:
        return ""
    code = assignment.codes[value - 1]
    return assignment.legend.names[assignment.legend.codes.index(code)]


def assigned_in(table: ClassTable, values: Sequence[int], name: str) -> ClassTable:
    """A table in which classes are assigned to an entry; "" = to none.

    Parameters
    ----------
    table : ClassTable
        Without a legend, one is made of the names that are used.
    values : sequence of int
    name : str

    Returns
    -------
    ClassTable

    Raises
    ------
    InputError
        If no classes are given, or the name cannot be used.
    """
    if not values:
        raise InputError("select one class or more to assign.")
    before = table.assignment
    if before is None and not name:
        return table
    if before is None:
        legend = Legend((name,), (table.colors[values[0] - 1],))
        before = Assignment(legend, (0,) * table.k)
    legend = before.legend
    if name and name not in legend.names:
        legend = _extended(legend, name, table.colors[values[0] - 1])
    code = legend.code(name) if name else 0
    codes = [
        code if value in values else each for value, each in enumerate(before.codes, 1)
    ]
    return replace(table, assignment=Assignment(legend, tuple(codes)))


def _extended(legend: Legend, name: str, color: str) -> Legend:
    """A legend with one more entry, whose code follows the largest."""
    if color in legend.colors:
        color = "#808080"
    return Legend(
        (*legend.names, name),
        (*legend.colors, color),
        (*legend.codes, max(legend.codes) + 1),
    )


def with_legend(table: ClassTable, source: object) -> ClassTable:
    """A table whose classes are assigned to another legend, by the names of entries.

    Parameters
    ----------
    table : ClassTable
    source : object
        What `Legend.read` takes, or None to remove the legend.

    Returns
    -------
    ClassTable

    Raises
    ------
    InputError
        If it is no legend, or there is no such file.
    """
    if source is None:
        return replace(table, assignment=None)
    legend = Legend.read(source)
    codes = []
    for value, own in enumerate(table.names, 1):
        name = entry_of(table, value) or own
        codes.append(legend.code(name) if name in legend.names else 0)
    return replace(table, assignment=Assignment(legend, tuple(codes)))


def hinted_table(
    before: ClassTable, matched: ClassTable | None, hints: Hints
) -> ClassTable | None:
    """Table of a new model, in which hinted classes are as they were.

    Parameters
    ----------
    before : ClassTable
        Of the classes that the hints were for.
    matched : ClassTable or None
        Names, colors, and entries by overlap.
    hints : Hints
        With numbers.

    Returns
    -------
    ClassTable or None
        None if there are no classes yet whose names could be kept.
    """
    if matched is None or not len(hints):
        return matched
    names, colors = list(matched.names), list(matched.colors)
    assignment = matched.assignment
    codes = None if assignment is None else list(assignment.codes)
    for value in hints.classes:
        if not isinstance(value, int) or value > min(before.k, matched.k):
            continue
        place = value - 1
        color = before.colors[place]
        if color in colors:  # that class gets what the hinted one would have had
            other = colors.index(color)
            names[other], colors[other] = names[place], colors[place]
        names[place], colors[place] = before.names[place], color
        if codes is not None and before.assignment is not None:
            codes[place] = before.assignment.codes[place]
    if assignment is not None and codes is not None:
        assignment = Assignment(assignment.legend, tuple(codes))
    return ClassTable(tuple(names), tuple(colors), (), assignment)
