"""GeoJSON geometries: checked, moved, and turned to another CRS."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pyproj import Transformer
from pyproj.exceptions import ProjError

from ktextures.errors import InputError

__all__ = ["check_geometry", "mapped", "positions", "transformed"]

DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
"""How deep the positions (x, y) of each geometry are nested."""

FEWEST = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}
"""Positions that a line or a ring has at least."""

Position = tuple[float, float]


def check_geometry(geometry: object) -> dict[str, Any]:
    """Return a geometry in plain types, its positions being pairs of numbers.

    Parameters
    ----------
    geometry : mapping
        A GeoJSON geometry; a third coordinate is dropped.

    Returns
    -------
    dict
        With "type" and "coordinates", the latter as nested tuples.

    Raises
    ------
    InputError
        If it is no geometry of points, lines, or polygons, or a coordinate is not a
        finite number.
    """
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(geometry, Mapping) or kind not in DEPTHS:
        raise InputError(
            f"a hint has the geometry {kind or geometry!r}; give one of "
            f"{', '.join(DEPTHS)}."
        )
    nested = _checked(geometry.get("coordinates"), DEPTHS[kind], FEWEST.get(kind, 1))
    return {"type": kind, "coordinates": nested}


def _checked(nested: object, depth: int, fewest: int) -> tuple[Any, ...]:
    if not isinstance(nested, Sequence) or isinstance(nested, str):
        raise InputError(f"a hint has the coordinates {nested!r}; give lists of x, y.")
    if depth:
        if len(nested) < (fewest if depth == 1 else 1):
            raise InputError(
                f"a line or ring of a hint has {len(nested)} positions; lines have at "
                "least 2, and rings of polygons at least 4, the last being the first."
            )
        return tuple(_checked(each, depth - 1, fewest) for each in nested)
    if len(nested) < 2 or not all(map(_is_finite, nested[:2])):
        raise InputError(f"a hint has the position {nested!r}; give two numbers, x, y.")
    return tuple(float(each) for each in nested[:2])


def _is_finite(value: object) -> bool:
    # Numbers of numpy have no common base class; text must not pass as a number.
    if isinstance(value, str | bool):
        return False
    try:
        return math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def mapped(
    geometry: Mapping[str, Any], function: Callable[[float, float], Position]
) -> dict[str, Any]:
    """A geometry with other positions.

    Parameters
    ----------
    geometry : mapping
        As `check_geometry` returned it.
    function : callable
        From x, y to the new x, y.

    Returns
    -------
    dict
    """

    def moved(nested: Any, depth: int) -> Any:
        if depth:
            return tuple(moved(each, depth - 1) for each in nested)
        return function(*nested)

    kind = geometry["type"]
    return {"type": kind, "coordinates": moved(geometry["coordinates"], DEPTHS[kind])}


def positions(geometry: Mapping[str, Any]) -> list[Position]:
    """All positions (x, y) of a geometry, in order."""
    found: list[Position] = []

    def collect(x: float, y: float) -> Position:
        found.append((x, y))
        return x, y

    mapped(geometry, collect)
    return found


def transformed(geometry: Mapping[str, Any], source: str, target: str) -> Any:
    """A geometry in another CRS.

    Parameters
    ----------
    geometry : mapping
        As `check_geometry` returned it.
    source, target : str
        CRS as pyproj takes them; x comes before y, and longitude before latitude.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If a CRS is unknown, or a position has no place in the target.
    """
    try:
        transformer = Transformer.from_crs(source, target, always_xy=True)
        # As lists: pyproj takes an array of one position for a number, and warns.
        xs, ys = transformer.transform(*np.array(positions(geometry)).T.tolist())
        moved = iter(zip(xs, ys, strict=True))
        return check_geometry(mapped(geometry, lambda x, y: next(moved)))
    except (ProjError, InputError) as error:
        raise InputError(
            f"a hint could not be reprojected from {source!r} to {target!r}: {error}. "
            "Check the CRS of the hints."
        ) from error
