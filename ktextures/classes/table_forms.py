"""What a table of classes holds, and its forms: attributes, JSON, and HTML."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ktextures.classes.arrays import MAX_VALUE
from ktextures.classes.assignment import Assignment
from ktextures.classes.attributes import described, read_flags
from ktextures.classes.origins import Origin, parse_name
from ktextures.classes.page import Swatch, html_table
from ktextures.errors import InputError
from ktextures.palette import class_colors, parse_color

__all__ = ["TableForms"]


@dataclasses.dataclass(frozen=True)
class TableForms:
    """Fields of a `ClassTable`, which documents them, and how they are written."""

    names: tuple[str, ...]
    colors: tuple[str, ...]
    origins: tuple[Origin | None, ...] = dataclasses.field(
        default=(), repr=False, compare=False
    )
    assignment: Assignment | None = dataclasses.field(default=None, repr=False)

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
        self._check_assignment()

    def _check_assignment(self) -> None:
        found = self.assignment
        if found is None:
            return
        if not isinstance(found, Assignment) or len(found.codes) != len(self.names):
            raise InputError(
                f"assignment is {found!r}: give an Assignment with one code for each "
                f"of {len(self.names)} classes"
            )

    def attrs(self) -> dict[str, Any]:
        """Describe the classes in attributes of a class map.

        Returns
        -------
        dict
            CF flag attributes and the full names: ``long_name``, ``flag_values`` (list
            of int), ``flag_meanings`` (names as distinct single words),
            ``flag_colors``, ``class_names`` (JSON list); and, if classes are assigned
            to a legend, ``class_legend`` (JSON of the legend and the codes of the
            classes).

        Examples
        --------
        >>> from ktextures import ClassTable
        >>> ClassTable.default(2).attrs()["flag_meanings"]
        'class_1 class_2'
        """
        values = range(1, len(self.names) + 1)
        attrs = described(values, self.names, self.colors, "class")
        if self.assignment is not None:
            found = json.dumps(self.assignment.to_dict(), ensure_ascii=False)
            attrs["class_legend"] = found
        return attrs

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
        >>> from ktextures import ClassTable
        >>> ClassTable.from_attrs({"flag_meanings": "water forest"}).names
        ('water', 'forest')
        """
        values, names, colors = read_flags(attrs)
        if values != list(range(1, len(names) + 1)):
            raise InputError(
                f"flag_values are {values} for {len(names)} class names: number the "
                f"classes 1..{len(names)}"
            )
        return cls(
            tuple(names),
            tuple(colors or class_colors(len(names))),
            assignment=_assignment_of(attrs),
        )

    def to_dict(self) -> dict[str, Any]:
        """Describe the table in plain JSON types.

        Returns
        -------
        dict
            ``names`` and ``colors``; ``origins`` if a class has one, and
            ``assignment`` if classes are assigned to a legend. `from_dict` rebuilds
            the table.

        Examples
        --------
        >>> from ktextures import ClassTable
        >>> ClassTable.default(1).to_dict()
        {'names': ['class 1'], 'colors': ['#0072b2']}
        """
        found: dict[str, Any] = {"names": list(self.names), "colors": list(self.colors)}
        if any(self.origins):
            found["origins"] = [
                each.to_dict() if each else None for each in self.origins
            ]
        if self.assignment is not None:
            found["assignment"] = self.assignment.to_dict()
        return found

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Rebuild a table from `to_dict`.

        Parameters
        ----------
        table : mapping
            With ``names`` and ``colors``; the rest may be missing.

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
        >>> from ktextures import ClassTable
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
        found = table.get("assignment")
        return cls(
            tuple(table["names"]),
            tuple(table["colors"]),
            tuple(origins),
            None if found is None else Assignment.from_dict(found),
        )

    def _repr_html_(self) -> str:
        values = range(1, len(self.names) + 1)
        columns: list[tuple[str, Sequence[object]]] = [
            ("value", values),
            ("color", [Swatch(each) for each in self.colors]),
            ("name", self.names),
        ]
        if any(self.origins):
            columns.append(("made of", [each or "" for each in self.origins]))
        if self.assignment is not None:
            legend = self.assignment.legend
            names = dict(zip(legend.codes, legend.names, strict=True))
            found = [names.get(code, "") for code in self.assignment.codes]
            columns.append(("legend", found))
        rows = zip(*(cells for _, cells in columns), strict=True)
        return html_table([title for title, _ in columns], list(rows))


def _assignment_of(attrs: Mapping[str, Any]) -> Assignment | None:
    stored = attrs.get("class_legend")
    if stored is None:
        return None
    try:
        return Assignment.from_dict(json.loads(stored))
    except (ValueError, TypeError) as error:  # InputError is a ValueError
        raise InputError(
            f"class_legend is damaged: {error}; remove the attribute, or assign the "
            "classes again"
        ) from error
