"""Classes: their names, colors and order.

Class values are 1..k, 0 is nodata. A *mapping* is an integer array (k,) whose entry
``i`` is the value that class ``i + 1`` gets; an *order* is an array (k,) of 0-based
classes in their new sequence, as `numpy.argsort` gives it.
"""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError
from ktextures.palette import class_colors, parse_color

__all__ = [
    "ClassTable",
    "canonical_order",
    "check_uint8",
    "match_to",
    "order_to_mapping",
    "relabel",
]

IntArray = npt.NDArray[np.int64]

_MAX_VALUE = 255  # classes are uint8


@dataclasses.dataclass(frozen=True)
class ClassTable:
    """Name and color of each class; entry ``i`` belongs to class value ``i + 1``.

    Parameters
    ----------
    names : sequence of str
        Printable text, not empty; two classes may share a name.
    colors : sequence of str
        As many CSS colors; kept as ``"#rrggbb"``.

    Raises
    ------
    InputError
        When the two differ in length, are empty, longer than 255 or hold something
        that is no name or no color.

    Examples
    --------
    >>> table = ClassTable.default(2).rename(1, "open water")
    >>> table.names
    ('open water', 'class 2')
    """

    names: tuple[str, ...]
    colors: tuple[str, ...]

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
        if not 1 <= len(self.names) <= _MAX_VALUE:
            raise InputError(
                f"a table of {len(self.names)} classes: give 1 to {_MAX_VALUE}"
            )
        object.__setattr__(self, "names", tuple(map(_parse_name, self.names)))
        object.__setattr__(self, "colors", tuple(map(parse_color, self.colors)))

    @classmethod
    def default(cls, k: int) -> Self:
        """Names "class 1" .. "class k" and the colors of `rendering.class_colors`."""
        colors = class_colors(k)
        return cls(_default_names(k), tuple(colors))

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.names)

    def rename(self, value: int, name: str) -> Self:
        """Table in which class ``value`` (1..k) is called ``name``."""
        names = list(self.names)
        names[self._index(value)] = name
        return dataclasses.replace(self, names=tuple(names))

    def recolor(self, value: int, color: str) -> Self:
        """Table in which class ``value`` (1..k) has another color."""
        colors = list(self.colors)
        colors[self._index(value)] = color
        return dataclasses.replace(self, colors=tuple(colors))

    def permuted(self, order: npt.ArrayLike) -> Self:
        """Table whose row ``i`` is the present row ``order[i]`` (0-based)."""
        checked = _check_order(order, self.k)
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in checked),
            colors=tuple(self.colors[i] for i in checked),
        )

    def matched(self, mapping: npt.ArrayLike) -> Self:
        """Table for other classes that were matched to these by `match_to`.

        Class ``i + 1`` of the new table takes name and color of ``mapping[i]``
        here. Values beyond k get a default name and a color that is still free.

        Parameters
        ----------
        mapping : array_like of int, (k_new,)
            Distinct values from 1 up.
        """
        values = _check_mapping(mapping)
        if len(set(values.tolist())) != values.size or values.min(initial=1) < 1:
            raise InputError(f"mapping is {values.tolist()}: give distinct values >= 1")
        free = _free_colors(self.colors)
        names, colors = [], []
        for row, value in enumerate(values):
            known = value <= self.k
            names.append(self.names[value - 1] if known else f"class {row + 1}")
            colors.append(self.colors[value - 1] if known else next(free))
        return dataclasses.replace(self, names=tuple(names), colors=tuple(colors))

    def attrs(self) -> dict[str, Any]:
        """CF flag attributes of a class map, and the names in full.

        Returns
        -------
        dict
            ``long_name``, ``flag_values`` (list of int), ``flag_meanings`` (names as
            single words, distinct), ``flag_colors``, ``class_names`` (JSON list).
        """
        return {
            "long_name": "class",
            "flag_values": list(range(1, self.k + 1)),
            "flag_meanings": " ".join(_words(self.names)),
            "flag_colors": " ".join(self.colors),
            "class_names": json.dumps(list(self.names), ensure_ascii=False),
        }

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any]) -> Self:
        """Read a table from the attributes that `attrs` gives.

        Also where a file format turned lists into text, such as ``"[1 2 3]"``. The
        names come from ``class_names``, else from ``flag_meanings``; without
        ``flag_colors`` the default colors are taken.

        Parameters
        ----------
        attrs : mapping
            Attributes of a class map.

        Raises
        ------
        InputError
            When there are no names, or values other than 1..k, or damaged text.
        """
        names = _read_names(attrs)
        if "flag_values" in attrs:
            values = _read_integers(attrs["flag_values"])
            if values != list(range(1, len(names) + 1)):
                raise InputError(
                    f"flag_values are {values} for {len(names)} class names: "
                    f"number the classes 1..{len(names)}"
                )
        colors = _as_words(attrs.get("flag_colors", ""))
        return cls(tuple(names), tuple(colors or class_colors(len(names))))

    def to_dict(self) -> dict[str, list[str]]:
        """Names and colors as plain lists, ready for JSON."""
        return {"names": list(self.names), "colors": list(self.colors)}

    @classmethod
    def from_dict(cls, table: Mapping[str, Sequence[str]]) -> Self:
        """Inverse of `to_dict`; raises InputError when a part is missing."""
        missing = {"names", "colors"} - set(table)
        if missing:
            raise InputError(
                f"class table without {' and '.join(sorted(missing))}: "
                "give what ClassTable.to_dict() returned"
            )
        return cls(tuple(table["names"]), tuple(table["colors"]))

    def _index(self, value: int) -> int:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not 1 <= value <= self.k:
            raise InputError(f"class {value!r} of {self.k}: give a value 1..{self.k}")
        return int(value) - 1


def _parse_name(name: str) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InputError(f"class name {name!r}: give printable text on one line")
    return name.strip()


def _default_names(k: int) -> tuple[str, ...]:
    return tuple(f"class {value}" for value in range(1, k + 1))


def _free_colors(taken: Sequence[str]) -> Iterator[str]:
    palette = class_colors(128)
    yield from (color for color in palette if color not in taken)
    yield from palette


def _words(names: Sequence[str]) -> list[str]:
    """Names as CF words: letters, digits and ``_-.+@`` only, all different."""
    words: list[str] = []
    for value, name in enumerate(names, start=1):
        word = re.sub(r"[^\w.+@-]+", "_", name)
        while word in words:
            word = f"{word}_{value}"
        words.append(word)
    return words


def _as_words(text: Any) -> list[str]:
    return text.split() if isinstance(text, str) else [str(word) for word in text]


def _read_names(attrs: Mapping[str, Any]) -> list[str]:
    stored = attrs.get("class_names")
    if stored is None:
        names = _as_words(attrs.get("flag_meanings", ""))
        if not names:
            raise InputError(
                f"no class names among the attributes {sorted(attrs)}: "
                "wanted class_names or flag_meanings; pass a ClassTable instead"
            )
        return names
    try:
        names = json.loads(stored) if isinstance(stored, str) else list(stored)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"class_names is {stored!r}: give a JSON list of text"
        ) from error
    if not isinstance(names, list):
        raise InputError(f"class_names is {stored!r}: give a JSON list of text")
    return names


def _read_integers(values: Any) -> list[int]:
    if isinstance(values, str):
        return [int(number) for number in re.findall(r"-?\d+", values)]
    return [int(value) for value in np.atleast_1d(values)]


def canonical_order(brightness: npt.ArrayLike) -> IntArray:
    """Sequence of classes from dark to bright.

    Parameters
    ----------
    brightness : array_like, (k,)
        Mean brightness of each class; NaN for a class without pixels.

    Returns
    -------
    ndarray of int64, (k,)
        0-based classes, darkest first, NaN last, equal ones as they were.

    Raises
    ------
    InputError
        When it is not one-dimensional.

    Examples
    --------
    >>> canonical_order([0.5, np.nan, 0.1]).tolist()
    [2, 0, 1]
    """
    values = np.asarray(brightness, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(
            f"brightness has shape {values.shape}: give one number for each class"
        )
    # NaN sorts last, and the stable kind keeps ties in place.
    return np.argsort(values, kind="stable").astype(np.int64)


def order_to_mapping(order: npt.ArrayLike) -> IntArray:
    """Mapping for `relabel` that puts classes in this order.

    Parameters
    ----------
    order : array_like of int, (k,)
        0-based classes in their new sequence.

    Returns
    -------
    ndarray of int64, (k,)
        New value of class ``i + 1``.

    Raises
    ------
    InputError
        When the order does not hold each of 0..k-1 once.

    Examples
    --------
    >>> order_to_mapping([2, 0, 1]).tolist()
    [2, 3, 1]
    """
    checked = _check_order(order, np.size(order))
    mapping = np.empty(checked.size, np.int64)
    mapping[checked] = np.arange(1, checked.size + 1)
    return mapping


def _check_order(order: npt.ArrayLike, k: int) -> IntArray:
    checked = np.asarray(order)
    whole = checked.ndim == 1 and checked.dtype.kind in "iu"
    if not whole or not np.array_equal(np.sort(checked), np.arange(k)):
        raise InputError(
            f"order is {checked.tolist()}: give each of 0..{k - 1} exactly once"
        )
    return checked.astype(np.int64)


def relabel(
    classes: npt.NDArray[np.uint8], mapping: npt.ArrayLike
) -> npt.NDArray[np.uint8]:
    """Give classes other values; 0 stays 0.

    Parameters
    ----------
    classes : ndarray of uint8, any shape
        Values 0..k.
    mapping : array_like of int, (k,)
        Value 1..255 that class ``i + 1`` gets; the same value merges classes.

    Returns
    -------
    ndarray of uint8
        A new array.

    Raises
    ------
    InputError
        When the dtype is another, or a class is not in the mapping.

    Examples
    --------
    >>> relabel(np.array([0, 1, 2], np.uint8), [5, 1]).tolist()
    [0, 5, 1]
    """
    values = _check_mapping(mapping)
    if values.min(initial=1) < 1 or values.max(initial=1) > _MAX_VALUE:
        raise InputError(f"mapping is {values.tolist()}: give values 1..{_MAX_VALUE}")
    check_uint8(classes.dtype)
    highest = int(classes.max(initial=0))
    if highest > values.size:
        raise InputError(
            f"class {highest} is not in the mapping of {values.size}: "
            "give a new value for every class"
        )
    return np.concatenate([[0], values]).astype(np.uint8)[classes]


def _check_mapping(mapping: npt.ArrayLike) -> IntArray:
    values = np.asarray(mapping)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InputError(
            f"mapping is {values.dtype} with shape {values.shape}: "
            "give one whole number for each class"
        )
    return values.astype(np.int64)


def check_uint8(dtype: np.dtype[Any]) -> None:
    """Raise InputError unless this is the dtype of class maps."""
    if dtype != np.uint8:
        raise InputError(
            f"classes are {dtype}: give uint8 with values 1..k, 0 for nodata"
        )


def match_to(
    new: npt.NDArray[np.uint8], old: npt.NDArray[np.uint8], k_new: int, k_old: int
) -> IntArray:
    """Match classes to those of an earlier map by the pixels they share.

    Parameters
    ----------
    new, old : ndarray of uint8, (y, x)
        Two maps of the same pixels; where either is 0 a pixel does not count.
    k_new, k_old : int
        Number of classes in each.

    Returns
    -------
    ndarray of int64, (k_new,)
        Value that class ``i + 1`` of the new map gets so that the most pixels
        agree: distinct, in 1..max(k_new, k_old). Where there are more new classes
        than old ones, the rest get the values beyond k_old.

    Raises
    ------
    InputError
        When the shapes differ, a dtype is not uint8 or a value exceeds k.

    Examples
    --------
    >>> old = np.array([[1, 1, 2, 2]], np.uint8)
    >>> match_to(3 - old, old, 2, 2).tolist()
    [2, 1]
    """
    from scipy.optimize import linear_sum_assignment

    if new.shape != old.shape:
        raise InputError(
            f"maps of shape {new.shape} and {old.shape}: give two maps of one area"
        )
    for classes, k in ((new, k_new), (old, k_old)):
        check_uint8(classes.dtype)
        if not 1 <= k <= _MAX_VALUE or classes.max(initial=0) > k:
            raise InputError(
                f"class {classes.max(initial=0)} in a map of k={k}: give k as the "
                f"number of classes, 1..{_MAX_VALUE}"
            )
    size = max(k_new, k_old)
    pairs = new.ravel().astype(np.int64) * (k_old + 1) + old.ravel()
    counts = np.bincount(pairs, minlength=(k_new + 1) * (k_old + 1))
    shared = np.zeros((k_new, size), np.int64)
    shared[:, :k_old] = counts.reshape(k_new + 1, k_old + 1)[1:, 1:]
    # Among equally good matches take the one that leaves most values as they are:
    # weights that can never outvote a pixel.
    score = shared * (2 * size + 1) + np.eye(k_new, size, dtype=np.int64)
    _, columns = linear_sum_assignment(score, maximize=True)
    return np.asarray(columns, dtype=np.int64) + 1
