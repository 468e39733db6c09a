"""Attributes of class maps, as they are and as file formats change them."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ktextures.errors import InputError

__all__ = [
    "described",
    "flag_words",
    "is_described",
    "read_flags",
    "read_integers",
    "read_names",
    "replaced",
    "split_words",
]

_OWN = ("flag_values", "flag_meanings", "flag_colors", "class_names", "class_legend")


def described(
    values: Sequence[int], names: Sequence[str], colors: Sequence[str], long_name: str
) -> dict[str, Any]:
    """Describe the values of a raster in CF flag attributes, with the full names."""
    return {
        "long_name": long_name,
        "flag_values": list(values),
        "flag_meanings": " ".join(flag_words(names)),
        "flag_colors": " ".join(colors),
        "class_names": json.dumps(list(names), ensure_ascii=False),
    }


def is_described(attrs: Mapping[str, Any]) -> bool:
    """Whether attributes hold names of values."""
    return "class_names" in attrs or "flag_meanings" in attrs


def replaced(attrs: Mapping[Any, Any], new: Mapping[str, Any]) -> dict[Any, Any]:
    """Attributes in which nothing is left of what described other values."""
    return {**{key: each for key, each in attrs.items() if key not in _OWN}, **new}


def read_flags(attrs: Mapping[str, Any]) -> tuple[list[int], list[str], list[str]]:
    """Read values, names, and colors among attributes; there may be no colors.

    Raises
    ------
    InputError
        If there are no names, or another number of values.
    """
    names = read_names(attrs)
    values = list(range(1, len(names) + 1))
    if "flag_values" in attrs:
        values = read_integers(attrs["flag_values"])
    if len(values) != len(names):
        raise InputError(
            f"flag_values are {values} for {len(names)} class names: give one for each"
        )
    return values, names, split_words(attrs.get("flag_colors", ""))


def flag_words(names: Sequence[str]) -> list[str]:
    """Write names as CF words: letters, digits and ``_-.+@`` only, all distinct."""
    words: list[str] = []
    for value, name in enumerate(names, start=1):
        word = re.sub(r"[^\w.+@-]+", "_", name)
        while word in words:
            word = f"{word}_{value}"
        words.append(word)
    return words


def split_words(text: Any) -> list[str]:
    """Read a list of words, given as text or as a sequence."""
    return text.split() if isinstance(text, str) else [str(word) for word in text]


def read_names(attrs: Mapping[str, Any]) -> list[str]:
    """Read the class names among attributes, or raise InputError."""
    stored = attrs.get("class_names")
    if stored is None:
        names = split_words(attrs.get("flag_meanings", ""))
        if not names:
            raise InputError(
                f"the attributes {sorted(attrs)} hold no class names: give class_names "
                "or flag_meanings, or pass a ClassTable"
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


def read_integers(values: Any) -> list[int]:
    """Read a list of whole numbers, given as text, one number or a sequence."""
    if isinstance(values, str):
        return [int(number) for number in re.findall(r"-?\d+", values)]
    return [int(value) for value in np.atleast_1d(values)]
