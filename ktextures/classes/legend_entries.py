"""Entries of a legend: names, colors, and codes, as they are given."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ktextures.errors import InputError

__all__ = ["MAX_CODE", "Row", "parse_code", "refuse_twice", "row_of"]

MAX_CODE = 65_535
"""Codes fill rasters of uint8, or, above 255, of uint16."""

Row = tuple[str, str | None, int | None]
"""Name, color, and code; None where the source has none."""


def row_of(name: str, entry: Any) -> Row:
    """Name, color, and code of an entry of a mapping, or an InputError."""
    if isinstance(entry, str):
        return name, entry, None
    if isinstance(entry, int | np.integer) and not isinstance(entry, bool):
        return name, None, int(entry)
    if isinstance(entry, Mapping) and set(entry) <= {"color", "code"}:
        return name, entry.get("color"), entry.get("code")
    raise InputError(
        f"the entry of {name!r} is {entry!r}: give a color, a code, or "
        '{"color": ..., "code": ...}'
    )


def parse_code(code: Any) -> int:
    """The code of an entry, 1..65535, or an InputError."""
    whole = isinstance(code, int | np.integer) and not isinstance(code, bool)
    if whole and 1 <= code <= MAX_CODE:
        return int(code)
    hint = " (0 means nodata)" if whole and code == 0 else ""
    raise InputError(
        f"{code!r} is not a legend code{hint}: give whole numbers from 1 to {MAX_CODE}"
    )


def refuse_twice(names: Sequence[str], codes: Sequence[int]) -> None:
    """Raise InputError if a name or a code occurs twice."""
    for field, entries in (("name", names), ("code", codes)):
        [(entry, times)] = Counter(entries).most_common(1)
        if times > 1:
            raise InputError(
                f"the legend has the {field} {entry!r} {times} times: give every entry "
                f"a {field} of its own"
            )
