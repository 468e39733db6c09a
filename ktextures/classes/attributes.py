"""Attributes of class maps, as they are and as file formats change them."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ktextures.errors import InputError

__all__ = ["flag_words", "read_integers", "read_names", "split_words"]


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
