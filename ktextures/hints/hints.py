"""A list of hints that is read from many sources, and never changes."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from ktextures.errors import InputError
from ktextures.files.archive import write_atomically
from ktextures.hints.geojson import to_geojson
from ktextures.hints.hint import Hint
from ktextures.hints.sources import read_source

__all__ = ["Hints"]


class Hints(Sequence[Hint]):
    """Hints in the order in which they were given; where two contradict, later counts.

    Parameters
    ----------
    source : optional
        What `ktextures.train` takes as ``hints``: a GeoDataFrame with a column "class",
        a GeoJSON file or object, rows ``(row, col, class)``, a DataFrame with columns
        "row", "col", and "class", or any sequence of `Hint`.

    Raises
    ------
    InputError
        If the source is none of these, or one of the hints cannot be used.
    FileNotFoundError
        If it is a path and there is no such file.

    Examples
    --------
    >>> import ktextures as kt
    >>> hints = kt.Hints([(3, 5, "water"), (40, 12, "forest")])
    >>> hints += [(8, 8, "water")]
    >>> len(hints), hints.classes
    (3, ('water', 'forest'))
    """

    def __init__(self, source: object = ()) -> None:
        self._hints: tuple[Hint, ...] = (
            source._hints if isinstance(source, Hints) else tuple(read_source(source))
        )

    @overload
    def __getitem__(self, index: int) -> Hint: ...
    @overload
    def __getitem__(self, index: slice) -> "Hints": ...
    def __getitem__(self, index: int | slice) -> "Hint | Hints":
        """One hint, or some of them."""
        found = self._hints[index]
        return Hints(found) if isinstance(found, tuple) else found

    def __len__(self) -> int:
        return len(self._hints)

    def __iter__(self) -> Iterator[Hint]:
        return iter(self._hints)

    def __eq__(self, other: object) -> bool:
        """Whether the same hints are in the same order."""
        return isinstance(other, Hints) and self._hints == other._hints

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: object) -> "Hints":
        """These hints, and then others."""
        return Hints(self._hints + Hints(other)._hints)

    def __repr__(self) -> str:
        """How many, and of which classes."""
        return f"<Hints: {len(self)} of classes {list(self.classes)}>"

    @property
    def classes(self) -> tuple[int | str, ...]:
        """Classes that are named, in the order of their first hints."""
        return tuple(dict.fromkeys(hint.class_ for hint in self))

    def without(self, index: int) -> "Hints":
        """All but one.

        Parameters
        ----------
        index : int
            Place of the hint to leave out, from 0.

        Returns
        -------
        Hints
            New ones; these stay as they are.

        Raises
        ------
        InputError
            If there is no such hint.
        """
        self._check(index)
        return Hints(self._hints[:index] + self._hints[index + 1 :])

    def replaced(self, index: int, hint: Hint) -> "Hints":
        """With another hint in place of one.

        Parameters
        ----------
        index : int
            Place of the hint to replace, from 0.
        hint : Hint
            The new one.

        Returns
        -------
        Hints
            New ones; these stay as they are.

        Raises
        ------
        InputError
            If there is no such hint.
        """
        self._check(index)
        return Hints((*self._hints[:index], hint, *self._hints[index + 1 :]))

    def of_classes(self, classes: Iterable[int | str]) -> "Hints":
        """The same places with other classes.

        Parameters
        ----------
        classes : iterable of int or str
            One per hint.

        Returns
        -------
        Hints
            New ones; these stay as they are.

        Raises
        ------
        InputError
            If their number differs.
        """
        given = list(classes)
        if len(given) != len(self):
            raise InputError(
                f"{len(given)} classes for {len(self)} hints; give one each."
            )
        return Hints([h.of_class(c) for h, c in zip(self, given, strict=True)])

    def to_geojson(self) -> dict[str, Any]:
        """The hints as a GeoJSON FeatureCollection.

        Returns
        -------
        dict
            Property "class" holds number or name. Coordinates are longitude and
            latitude, or, if the hints have no CRS, columns and rows.

        Raises
        ------
        InputError
            If some have a CRS and others do not.
        """
        return to_geojson(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the hints as a GeoJSON file.

        Parameters
        ----------
        path : path
            An existing file is replaced.

        Raises
        ------
        InputError
            If some have a CRS and others do not.
        OutputError
            If the file cannot be written.
        """
        text = json.dumps(self.to_geojson(), ensure_ascii=False, indent=1)
        write_atomically(path, text.encode())

    def to_list(self) -> list[dict[str, Any]]:
        """Describe the hints in plain JSON types.

        Returns
        -------
        list of dict
            What `from_list` takes.
        """
        return [hint.to_dict() for hint in self]

    @classmethod
    def from_list(cls, described: Iterable[Mapping[str, Any]]) -> "Hints":
        """Rebuild hints from `to_list`.

        Parameters
        ----------
        described : iterable of mapping
            What `to_list` returned.

        Returns
        -------
        Hints
            New ones; these stay as they are.

        Raises
        ------
        InputError
            If a hint cannot be used.
        """
        return cls([Hint.from_dict(each) for each in described])

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise InputError(f"there is no hint {index + 1}; there are {len(self)}.")
