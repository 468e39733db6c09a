"""Hints from what users have: tables, files, and lists."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ktextures.errors import InputError
from ktextures.hints.geojson import LONGITUDE_LATITUDE, from_features, read_geojson
from ktextures.hints.hint import Hint

__all__ = ["read_source"]

COLUMNS = ("row", "col", "class")

WANTED = (
    "give a GeoDataFrame, the path of a GeoJSON file, or rows and columns: "
    '[(120, 45, "water"), (30, 200, "forest")] for example.'
)


def read_source(source: object) -> list[Hint]:
    """Read hints.

    Parameters
    ----------
    source : object
        See `ktextures.Hints`.

    Returns
    -------
    list of Hint
        In the order of the source.

    Raises
    ------
    InputError
        If the source is nothing that holds hints, or one of them cannot be used.
    FileNotFoundError
        If it is a path and there is no such file.
    """
    if isinstance(source, str | os.PathLike):
        return read_geojson(source)
    if isinstance(source, Mapping):
        return from_features(source, LONGITUDE_LATITUDE)
    if hasattr(source, "__geo_interface__"):
        return _from_geodataframe(source)
    if hasattr(source, "columns") and hasattr(source, "itertuples"):
        return _from_table(source)
    if isinstance(source, Iterable):
        return [_from_row(row, place) for place, row in enumerate(source, 1)]
    raise InputError(f"hints is {source!r}; {WANTED}")


def _from_geodataframe(table: Any) -> list[Hint]:
    """Hints from a GeoDataFrame, or anything else that describes its features."""
    crs = getattr(table, "crs", None)
    if crs is None:
        raise InputError(
            "The hints have no CRS, and so their place is unknown. Set it with "
            "hints.set_crs(...), or give rows and columns: "
            "[(120, 45, 'water')] for example."
        )
    return from_features(table.__geo_interface__, str(crs))


def _from_table(table: Any) -> list[Hint]:
    """Hints from a DataFrame with rows, columns, and classes."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise InputError(
            f"The table of hints has the columns {[str(c) for c in table.columns]} and "
            f"no {' and no '.join(map(repr, missing))}; name them 'row', 'col', and "
            "'class'."
        )
    rows = table[list(COLUMNS)].itertuples(index=False, name=None)
    return [_from_row(row, place) for place, row in enumerate(rows, 1)]


def _from_row(row: object, place: int) -> Hint:
    if isinstance(row, Hint):
        return row
    kinds = (Sequence, np.ndarray)
    if not isinstance(row, kinds) or isinstance(row, str) or len(row) != 3:
        raise InputError(f"Hint {place} is {row!r}; {WANTED}")
    down, across, class_ = row
    try:
        return Hint.at(down, across, class_)
    except InputError as error:
        raise InputError(f"Hint {place}: {error}") from error
