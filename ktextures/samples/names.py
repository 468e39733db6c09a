"""Names of scenes, which become part of the names of files."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from ktextures.errors import InputError

__all__ = ["check_names", "default_names", "file_of", "listed"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def listed(given: Any, what: str, number: int) -> list[str] | None:
    """One text for each scene, or None if nothing is given."""
    if given is None:
        return None
    texts = [given] if isinstance(given, str) else list(given)
    if len(texts) != number or not all(isinstance(each, str) for each in texts):
        raise InputError(f"{what} is {given!r}: give {number} text(s), one per scene")
    return texts


def default_names(given: Sequence[Any]) -> list[str]:
    """Name scenes after their files, or by number; all differ, whatever the case."""
    found: list[str] = []
    for place, each in enumerate(given, start=1):
        stem = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(file_of(each)).stem).strip("-.")
        name = stem[:80] or (f"scene{place}" if len(given) > 1 else "scene")
        taken = {other.casefold() for other in found}
        while name.casefold() in taken:
            name = f"{name}-{place}"
        found.append(name)
    return found


def file_of(given: Any) -> str:
    """Name of the file that a scene is from, or of the first of several, or ""."""
    if isinstance(given, xr.DataArray | xr.Dataset):
        given = given.encoding.get("source", "")
    if isinstance(given, list | tuple):
        given = given[0] if given else ""
    return os.path.basename(os.fspath(given)) if given else ""


def check_names(names: Sequence[str]) -> None:
    """Raise InputError unless names can be parts of file names, and all differ."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"the scene name {name!r} cannot be part of file names: give up to 100 "
                "letters, digits and '.', '_', '-', beginning with a letter or digit"
            )
    if len({name.casefold() for name in names}) < len(names):
        raise InputError(f"names are {list(names)}: give each scene its own")
