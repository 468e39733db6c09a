"""Names, colors, and origins of classes that were split or merged."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count, islice

from ktextures.classes.origins import Ancestor, Origin
from ktextures.classes.table import ClassTable
from ktextures.palette import free_colors

__all__ = ["merged_table", "split_table", "with_origins"]


def split_table(table: ClassTable, value: int, parts: int) -> ClassTable:
    """Table after a class was split; the first part keeps its name and color.

    Parameters
    ----------
    table : ClassTable
    value, parts : int
        The class, and the number of its parts.

    Returns
    -------
    ClassTable
        The other parts are behind the last class.
    """
    name = table.names[value - 1]
    free = (f"{name}, part {number}" for number in count(2))
    names = list(islice((each for each in free if each not in table.names), parts - 1))
    colors = list(islice(free_colors(table.colors), parts - 1))
    origin = Origin("split", (_ancestor(value, table),))
    origins = [*table.origins, *[origin] * (parts - 1)]
    origins[value - 1] = origin
    parents = [[v] for v in range(1, table.k + 1)] + [[value]] * (parts - 1)
    return ClassTable(
        (*table.names, *names),
        (*table.colors, *colors),
        tuple(origins),
        table.assignment and table.assignment.inherited(parents),
    )


def merged_table(
    table: ClassTable, values: Sequence[int], name: str | None
) -> tuple[ClassTable, list[int]]:
    """Table after classes were merged, and the class that each row comes from.

    Parameters
    ----------
    table : ClassTable
    values : sequence of int
        The classes; the first keeps its place, color, and, without another, name.
    name : str or None

    Returns
    -------
    ClassTable, list of int
    """
    first = values[0]
    kept = [v for v in range(1, table.k + 1) if v == first or v not in values]
    made = table.matched(kept)
    if name is not None:
        made = made.rename(kept.index(first) + 1, name)
    united = [list(values) if v == first else [v] for v in kept]
    return with_origins(made, table, united), kept


def with_origins(
    made: ClassTable, table: ClassTable, united: Sequence[Sequence[int]]
) -> ClassTable:
    """Table with the origins of classes that come from those of another one.

    They also keep the entries of the legend that those are assigned to: of merged
    classes, the first that has one passes it on.

    Parameters
    ----------
    made, table : ClassTable
        After and before classes were split or merged.
    united : sequence of sequence of int
        For each class of `made`, those of `table` that it unites; a class of which
        several are parts is listed for each of them.

    Returns
    -------
    ClassTable
    """
    listed = [value for values in united for value in values]
    origins: list[Origin | None] = []
    for values in united:
        parents = tuple(_ancestor(value, table) for value in values)
        if len(values) > 1:
            origins.append(Origin("merge", parents))
        elif listed.count(values[0]) > 1:
            origins.append(Origin("split", parents))
        else:
            origins.append(table.origins[values[0] - 1])
    assignment = table.assignment and table.assignment.inherited(united)
    return replace(made, origins=tuple(origins), assignment=assignment)


def _ancestor(value: int, table: ClassTable) -> Ancestor:
    return Ancestor(table.names[value - 1], value, table.origins[value - 1])
