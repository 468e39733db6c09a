"""Names and colors of classes."""

import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ktextures.classes.arrays import (
    MAX_VALUE,
    check_mapping,
)
from ktextures.classes.attributes import (
    flag_words,
    read_integers,
    read_names,
    split_words,
)
from ktextures.classes.origins import Origin, parse_name
from ktextures.errors import InputError
from ktextures.palette import class_colors, free_colors, parse_color

__all__ = ["ClassTable", "table_of"]


@dataclasses.dataclass(frozen=True)
class ClassTable:
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
        equal if their names and colors are.

    Raises
    ------
    InputError
        If the lengths differ, are 0 or more than 255, or an entry is not a name, not a
        color, or not an origin.

    Examples
    --------
    >>> table = ClassTable.default(2).rename(1, "open water")
    >>> table.names
    ('open water', 'class 2')
    """

    names: tuple[str, ...]
    colors: tuple[str, ...]
    origins: tuple[Origin | None, ...] = dataclasses.field(
        default=(), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for field in ("names", "colors"):
            entries = getattr(self, field)
            if isinstance(entries, str) or not isinstance(entries, Sequence):
                raise InputError(f"{field} is {entries!r}: give a list of text")
        if len(self.names) != len(self.colors):
            raise InputError(
                f"{len(self.names)} names but {len(self.colors)} colors: "
                "give one of each for every class"
            )
        if not 1 <= len(self.names) <= MAX_VALUE:
            raise InputError(
                f"a table has 1 to {MAX_VALUE} classes, got {len(self.names)}"
            )
        object.__setattr__(self, "names", tuple(map(parse_name, self.names)))
        object.__setattr__(self, "colors", tuple(map(parse_color, self.colors)))
        origins = tuple(self.origins) or (None,) * len(self.names)
        strange = [each for each in origins if not isinstance(each, Origin | None)]
        if len(origins) != len(self.names) or strange:
            raise InputError(
                f"origins is {self.origins!r}: give one Origin or None for every class"
            )
        object.__setattr__(self, "origins", origins)

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
            Class ``i + 1`` of the new table takes name, color and origin of class
            ``mapping[i]`` here. Values are distinct and at least 1; those above k get a
            default name and a color that no other class has.

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
        return type(self)(tuple(names), tuple(colors), tuple(origins))

    def attrs(self) -> dict[str, Any]:
        """Describe the classes in attributes of a class map.

        Returns
        -------
        dict
            CF flag attributes and the full names: ``long_name``, ``flag_values`` (list
            of int), ``flag_meanings`` (names as distinct single words),
            ``flag_colors``, ``class_names`` (JSON list).

        Examples
        --------
        >>> ClassTable.default(2).attrs()["flag_meanings"]
        'class_1 class_2'
        """
        return {
            "long_name": "class",
            "flag_values": list(range(1, self.k + 1)),
            "flag_meanings": " ".join(flag_words(self.names)),
            "flag_colors": " ".join(self.colors),
            "class_names": json.dumps(list(self.names), ensure_ascii=False),
        }

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any]) -> Self:
        """Read a table from the attributes of a class map.

        Attributes that a file format turned into text, such as ``"[1 2 3]"``, are read
        too.

        Parameters
        ----------
        attrs : mapping
            Names come from ``class_names``, or else from ``flag_meanings``; colors from
            ``flag_colors``, or else from the default colors.

        Returns
        -------
        ClassTable
            What `attrs` described.

        Raises
        ------
        InputError
            If there are no names, the values are not 1..k, or the text is damaged.

        Examples
        --------
        >>> ClassTable.from_attrs({"flag_meanings": "water forest"}).names
        ('water', 'forest')
        """
        names = read_names(attrs)
        if "flag_values" in attrs:
            values = read_integers(attrs["flag_values"])
            if values != list(range(1, len(names) + 1)):
                raise InputError(
                    f"flag_values are {values} for {len(names)} class names: "
                    f"number the classes 1..{len(names)}"
                )
        colors = split_words(attrs.get("flag_colors", ""))
        return cls(tuple(names), tuple(colors or class_colors(len(names))))

    def to_dict(self) -> dict[str, list[Any]]:
        """Describe the table in plain JSON types.

        Returns
        -------
        dict of str to list
            ``names`` and ``colors``, and ``origins`` if a class has one; `from_dict`
            rebuilds the table.

        Examples
        --------
        >>> ClassTable.default(1).to_dict()
        {'names': ['class 1'], 'colors': ['#0072b2']}
        """
        described = {"names": list(self.names), "colors": list(self.colors)}
        if not any(self.origins):
            return described
        origins = [each.to_dict() if each else None for each in self.origins]
        return {**described, "origins": origins}

    @classmethod
    def from_dict(cls, table: Mapping[str, Sequence[Any]]) -> Self:
        """Rebuild a table from `to_dict`.

        Parameters
        ----------
        table : mapping of str to sequence
            With ``names`` and ``colors``; ``origins`` may be missing.

        Returns
        -------
        ClassTable
            Equal to the one that `to_dict` described.

        Raises
        ------
        InputError
            If a part is missing or not usable.

        Examples
        --------
        >>> table = ClassTable.default(3)
        >>> ClassTable.from_dict(table.to_dict()) == table
        True
        """
        missing = {"names", "colors"} - set(table)
        if missing:
            raise InputError(
                f"the class table has no {' and no '.join(sorted(missing))}: "
                "give what ClassTable.to_dict() returned"
            )
        origins = [
            each if each is None else Origin.from_dict(each)
            for each in table.get("origins", ())
        ]
        return cls(tuple(table["names"]), tuple(table["colors"]), tuple(origins))

    def _repr_html_(self) -> str:
        swatch = '<div style="width: 2em; height: 1em; background: {}"></div>'
        left = '<td style="text-align: left">{}</td>'
        columns = ["value", "color", "name"]
        if any(self.origins):
            columns.append("made of")
        rows = []
        for value, (name, color, origin) in enumerate(
            zip(self.names, self.colors, self.origins, strict=True), start=1
        ):
            cells = f"<td>{value}</td><td>{swatch.format(color)}</td>"
            cells += left.format(html.escape(name))
            if len(columns) > 3:
                cells += left.format(html.escape(str(origin or "")))
            rows.append(f"<tr>{cells}</tr>")
        head = "".join(f"<th>{column}</th>" for column in columns)
        body = "".join(rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

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
    named = "class_names" in attrs or "flag_meanings" in attrs
    return ClassTable.from_attrs(attrs) if named else None
