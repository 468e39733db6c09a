"""Where classes come from: the tree of splits and merges behind a class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from ktextures.classes.arrays import MAX_VALUE
from ktextures.errors import InputError

__all__ = ["Ancestor", "Origin", "parse_name"]

KINDS = ("split", "merge")

MOST_GENERATIONS = 16
"""Generations of ancestors that are kept; earlier ones are forgotten."""

MOST_ANCESTORS = 512
"""Ancestors that are kept: splitting and merging in turn would pile them up."""


@dataclass(frozen=True)
class Ancestor:
    """A class of an earlier model.

    Parameters
    ----------
    name : str
    value : int
        Its number there, 1..255.
    origin : Origin, optional
        Where it came from; None = trained, or forgotten.

    Raises
    ------
    InputError
        If it has no usable name or number.
    """

    name: str
    value: int
    origin: "Origin | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", parse_name(self.name))
        whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not whole or not 1 <= self.value <= MAX_VALUE:
            raise InputError(
                f"an ancestor has the number {self.value!r}: give 1 to {MAX_VALUE}"
            )


@dataclass(frozen=True)
class Origin:
    """How a class was made of earlier classes.

    Ancestors more than 16 generations back are forgotten; of more than 512, those
    farthest back.

    Parameters
    ----------
    kind : {"split", "merge"}
    parents : tuple of Ancestor
        The class that it is a part of, or those that it unites.

    Raises
    ------
    InputError
        If the kind is unknown, or the number of parents does not fit it.

    Examples
    --------
    >>> origin = Origin("split", (Ancestor("forest", 2),))
    >>> str(origin)
    'part of forest'
    >>> str(Origin("merge", (Ancestor("oak", 1), Ancestor("beech", 3))))
    'oak + beech'
    """

    kind: str
    parents: tuple[Ancestor, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"an origin is {self.kind!r}: give one of {KINDS}")
        parents = tuple(self.parents)
        if (len(parents) == 1) != (self.kind == "split") or not parents:
            raise InputError(f"{len(parents)} parents do not make a {self.kind}")
        for generations in range(MOST_GENERATIONS, 0, -1):
            kept = _kept(parents, generations)
            if _count(kept) <= MOST_ANCESTORS:
                break
        object.__setattr__(self, "parents", kept)

    def ancestors(self) -> tuple[str, ...]:
        """Names of all ancestors, those of the last generation first.

        Returns
        -------
        tuple of str
        """
        found: list[str] = []
        generation = self.parents
        while generation:
            found += [each.name for each in generation]
            generation = tuple(
                parent
                for each in generation
                if each.origin
                for parent in each.origin.parents
            )
        return tuple(found)

    def __str__(self) -> str:
        """What it was made of, in a few words."""
        names = " + ".join(each.name for each in self.parents)
        return f"part of {names}" if self.kind == "split" else names

    def to_dict(self) -> dict[str, Any]:
        """Describe it in plain JSON types.

        Returns
        -------
        dict
        """
        return {
            "kind": self.kind,
            "parents": [
                {
                    "name": each.name,
                    "value": each.value,
                    "origin": each.origin.to_dict() if each.origin else None,
                }
                for each in self.parents
            ],
        }

    @classmethod
    def from_dict(cls, described: Any, generations: int = MOST_GENERATIONS) -> Self:
        """Rebuild an origin from `to_dict`.

        Parameters
        ----------
        described : mapping
            From a file, so that it may be anything.
        generations : int
            How many there may be.

        Returns
        -------
        Origin

        Raises
        ------
        InputError
            If it was not described by `to_dict`, or is deeper.
        """
        if generations < 1:
            raise InputError(f"an origin has more than {MOST_GENERATIONS} generations")
        kind, parents = _fields(described, "an origin", ("kind", "parents"))
        if not isinstance(parents, list) or len(parents) > MAX_VALUE:
            raise InputError(f"an origin must list at most {MAX_VALUE} parents")
        found = []
        for each in parents:
            name, value, origin = _fields(each, "a parent", ("name", "value", "origin"))
            if origin is not None:
                origin = cls.from_dict(origin, generations - 1)
            found.append(Ancestor(name, value, origin))
        return cls(kind, tuple(found))


def parse_name(name: object) -> str:
    """The name of a class, without space around it.

    Raises
    ------
    InputError
        If it is not printable text on one line.
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InputError(
            f"{name!r} is not a class name: give printable text on one line"
        )
    return name.strip()


def _fields(described: Any, what: str, names: tuple[str, ...]) -> list[Any]:
    """Values of a mapping that has these names and no others."""
    if not isinstance(described, Mapping) or set(described) != set(names):
        raise InputError(f"{what} must have {', '.join(names)}, and nothing else")
    return [described[name] for name in names]


def _kept(parents: tuple[Ancestor, ...], generations: int) -> tuple[Ancestor, ...]:
    """Parents with so many generations, their own included."""
    kept = []
    for each in parents:
        origin = each.origin
        if origin is not None and generations == 1:
            each = replace(each, origin=None)
        elif origin is not None:
            earlier = _kept(origin.parents, generations - 1)
            if earlier != origin.parents:
                each = replace(each, origin=Origin(origin.kind, earlier))
        kept.append(each)
    return tuple(kept)


def _count(parents: tuple[Ancestor, ...]) -> int:
    """How many ancestors there are in all generations."""
    return sum(
        1 + (_count(each.origin.parents) if each.origin else 0) for each in parents
    )
