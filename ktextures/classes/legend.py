"""Legends: the categories that a map is to have, with names, colors, and codes."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any, Protocol, Self, runtime_checkable

from ktextures.classes.attributes import described, read_flags
from ktextures.classes.legend_entries import Row, parse_code, refuse_twice, row_of
from ktextures.classes.legend_files import csv_text, read_rows
from ktextures.classes.origins import parse_name
from ktextures.classes.page import Swatch, html_table
from ktextures.errors import InputError
from ktextures.files.archive import write_atomically
from ktextures.palette import free_colors, parse_color

__all__ = ["MAX_ENTRIES", "Legend"]

MAX_ENTRIES = 1024
"""Of categories, and of classes that have none of them."""


@runtime_checkable
class _Named(Protocol):
    """What has one name and one color per class, such as a ClassTable."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def colors(self) -> tuple[str, ...]: ...
    @property
    def values(self) -> tuple[int, ...]: ...


@dataclasses.dataclass(frozen=True)
class Legend:
    """Categories that classes are assigned to: a name, a color, and a code each.

    Notebooks show a legend with its colors.

    Parameters
    ----------
    names : sequence of str
        Printable text, one line each, all different.
    colors : sequence of str, optional
        As many CSS colors; kept as ``"#rrggbb"``. By default those of
        `ClassTable.default`.
    codes : sequence of int, optional
        As many different whole numbers in 1..65535, which stand for the categories in
        rasters; 0 is nodata. By default 1, 2, 3, ...

    Raises
    ------
    InputError
        If there are no names, or more than 1024; if a name or a code occurs twice; or
        if an entry is not a name, not a color, or not a code.

    See Also
    --------
    ktextures.KTextures.assign : Assign the classes of a model to a legend.

    Examples
    --------
    >>> legend = Legend(["forest", "water"], ["green", "blue"], [41, 11])
    >>> legend.code("water")
    11
    """

    names: tuple[str, ...]
    colors: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for field in ("names", "colors", "codes"):
            entries = getattr(self, field)
            if isinstance(entries, str) or not isinstance(entries, Sequence):
                raise InputError(f"{field} of the legend is {entries!r}: give a list")
        count = len(self.names)
        if not 1 <= count <= MAX_ENTRIES:
            raise InputError(f"a legend has 1 to {MAX_ENTRIES} entries, got {count}")
        names = tuple(map(parse_name, self.names))
        colors = tuple(map(parse_color, self.colors))
        colors = colors or tuple(islice(cycle(free_colors(())), count))
        codes = tuple(map(parse_code, self.codes)) or tuple(range(1, count + 1))
        for field, found in (("colors", colors), ("codes", codes)):
            if len(found) != count:
                raise InputError(
                    f"the legend has {count} names but {len(found)} {field}: give one "
                    "of each for every entry"
                )
        refuse_twice(names, codes)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "colors", colors)
        object.__setattr__(self, "codes", codes)

    @classmethod
    def read(cls, source: Any) -> Self:
        """Read a legend from whatever describes one.

        Parameters
        ----------
        source : path, mapping, ClassTable, or Legend
            A CSV file with the columns ``name``, ``color``, ``code``, of which only the
            first is needed, separated by commas, semicolons, or tabs; a QGIS style
            ``*.qml`` of a raster with a palette; a mapping as `from_dict` takes it; or
            a class table, whose class numbers become the codes.

        Returns
        -------
        Legend
            With the entries in the order of the source. Where colors are missing, they
            are chosen; where there are no codes, they are 1, 2, 3, ...

        Raises
        ------
        InputError
            If there is no such file, or it is damaged, too large, or not a legend.

        Examples
        --------
        >>> Legend.read({"forest": "#00aa00", "water": "#0000ff"}).codes
        (1, 2)
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, str | os.PathLike):
            return cls._from_rows(read_rows(source), f"{os.fspath(source)!r}")
        if isinstance(source, Mapping):
            return cls.from_dict(source)
        if isinstance(source, _Named):
            return cls(source.names, source.colors, source.values)
        raise InputError(
            f"the legend is {source!r}: give a Legend, a ClassTable, a mapping of "
            "names to colors, or the path of a CSV or QML file"
        )

    @classmethod
    def from_dict(cls, legend: Mapping[str, Any]) -> Self:
        """Make a legend from a mapping of names, or rebuild it from `to_dict`.

        Parameters
        ----------
        legend : mapping
            Of names to colors, ``{"water": "#0000ff"}``, to codes, ``{"water": 11}``,
            or to both, ``{"water": {"color": "#0000ff", "code": 11}}``; or what
            `to_dict` returned.

        Returns
        -------
        Legend
            In the order of the mapping.

        Raises
        ------
        InputError
            If an entry is not usable, or only some have a code.

        Examples
        --------
        >>> Legend.from_dict({"forest": {"color": "green", "code": 41}}).codes
        (41,)
        """
        if not isinstance(legend, Mapping):
            raise InputError(f"the legend is {legend!r}: give a mapping from names")
        if set(legend) == {"names", "colors", "codes"} and not any(
            isinstance(each, str | Mapping) for each in legend.values()
        ):
            return cls(legend["names"], legend["colors"], legend["codes"])
        return cls._from_rows(
            [row_of(*entry) for entry in legend.items()], "the mapping"
        )

    def to_dict(self) -> dict[str, list[Any]]:
        """Describe the legend in plain JSON types.

        Returns
        -------
        dict of str to list
            ``names``, ``colors`` and ``codes``; `from_dict` rebuilds the legend.

        Examples
        --------
        >>> Legend(["water"], ["blue"], [11]).to_dict()
        {'names': ['water'], 'colors': ['#0000ff'], 'codes': [11]}
        """
        return {
            "names": list(self.names),
            "colors": list(self.colors),
            "codes": list(self.codes),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the legend as a CSV file, which `read` and spreadsheets open.

        Parameters
        ----------
        path : path
            Any name but that of a QGIS style, ``*.qml``. An existing file is replaced.

        Raises
        ------
        InputError
            If it is the name of a QGIS style.
        OutputError
            If the file cannot be written.
        """
        if str(path).lower().endswith(".qml"):
            raise InputError(
                f"cannot save a legend as {str(path)!r}: legends are saved as CSV; use "
                "'.csv' (write_classes writes a QGIS style with each map)"
            )
        rows = list(zip(self.names, self.colors, self.codes, strict=True))
        write_atomically(path, csv_text(rows).encode("utf-8"))

    @property
    def values(self) -> tuple[int, ...]:
        """The codes, under the name that they have in rasters."""
        return self.codes

    def code(self, name: str) -> int:
        """Look up the code of an entry.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        int
            Its code, 1..65535.

        Raises
        ------
        InputError
            If the legend has no such name.
        """
        wanted = name.strip() if isinstance(name, str) else name
        if wanted not in self.names:
            shown = ", ".join(map(repr, self.names[:20]))
            more = ", ..." if len(self.names) > 20 else ""
            raise InputError(
                f"the legend has no {name!r}: give one of its names, {shown}{more}"
            )
        return self.codes[self.names.index(wanted)]

    def attrs(self) -> dict[str, Any]:
        """Describe the legend in attributes of a raster of its codes.

        Returns
        -------
        dict
            CF flag attributes and full names, as `ClassTable.attrs` returns them, with
            the codes as ``flag_values``.

        Examples
        --------
        >>> Legend(["water"], ["blue"], [11]).attrs()["flag_values"]
        [11]
        """
        return described(self.codes, self.names, self.colors, "legend code")

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any]) -> Self:
        """Read a legend from the attributes of a raster of its codes.

        Parameters
        ----------
        attrs : mapping
            Codes come from ``flag_values``, of which 0 or less are ignored, or are else
            1, 2, 3, ...; names from ``class_names``, or else from ``flag_meanings``;
            colors from ``flag_colors``, or are else chosen.

        Returns
        -------
        Legend
            What `attrs` described.

        Raises
        ------
        InputError
            If there are no names, or the attributes are damaged.

        Examples
        --------
        >>> attrs = {"flag_values": [11, 41], "flag_meanings": "water forest"}
        >>> Legend.from_attrs(attrs).code("forest")
        41
        """
        values, names, colors = read_flags(attrs)
        kept = [row for row, value in enumerate(values) if value > 0]
        return cls(
            tuple(names[row] for row in kept),
            tuple(colors[row] for row in kept) if colors else (),
            tuple(values[row] for row in kept),
        )

    @classmethod
    def _from_rows(cls, rows: Sequence[Row], source: str) -> Self:
        """Make a legend of rows, in which colors may be missing, or all codes."""
        without = [name for name, _, code in rows if code is None]
        if without and len(without) < len(rows):
            raise InputError(
                f"{without[0]!r} has no code in {source}, but others have: give every "
                "entry a code, or none"
            )
        given = [parse_color(color) for _, color, _ in rows if color is not None]
        free = cycle(free_colors(given))
        return cls(
            tuple(name for name, _, _ in rows),
            tuple(next(free) if color is None else color for _, color, _ in rows),
            tuple(code for _, _, code in rows if code is not None),
        )

    def _repr_html_(self) -> str:
        rows = zip(self.codes, map(Swatch, self.colors), self.names, strict=True)
        return html_table(("code", "color", "name"), list(rows))
