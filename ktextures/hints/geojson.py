"""Hints as GeoJSON: the text that GIS programs read and write."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from ktextures.errors import InputError
from ktextures.hints.geometry import transformed
from ktextures.hints.hint import Hint

__all__ = ["LONGITUDE_LATITUDE", "from_features", "read_geojson", "to_geojson"]

LONGITUDE_LATITUDE = "OGC:CRS84"
"""CRS of all GeoJSON that says nothing else (RFC 7946)."""

MOST_BYTES = 100_000_000
"""Larger files are no hints of a person."""

PROPERTY = "class"


def from_features(collection: Mapping[str, Any], crs: str | None) -> list[Hint]:
    """Hints from the features of a GeoJSON object.

    Parameters
    ----------
    collection : mapping
        A FeatureCollection or a Feature. Property "class" of each feature holds number
        or name of the class.
    crs : str or None
        Of the coordinates; None = columns and rows.

    Returns
    -------
    list of Hint

    Raises
    ------
    InputError
        If there are no features, or one has no geometry or no class.
    """
    kind = collection.get("type")
    features = [collection] if kind == "Feature" else collection.get("features")
    if not isinstance(features, list | tuple) or not all(
        isinstance(each, Mapping) for each in features
    ):
        raise InputError(
            f"the hints are GeoJSON of type {kind!r}; give a FeatureCollection of "
            f"points, lines, or polygons with the property {PROPERTY!r}."
        )
    return [_from_feature(each, place, crs) for place, each in enumerate(features, 1)]


def _from_feature(feature: Mapping[str, Any], place: int, crs: str | None) -> Hint:
    properties = feature.get("properties") or {}
    if PROPERTY not in properties:
        raise InputError(
            f"Hint {place} has no property {PROPERTY!r}, only "
            f"{sorted(map(str, properties))}; name the property or column with number "
            f"or name of the class {PROPERTY!r}."
        )
    if not feature.get("geometry"):
        raise InputError(f"Hint {place} has no geometry; leave it out.")
    try:
        return Hint(properties[PROPERTY], feature["geometry"], crs)
    except InputError as error:
        raise InputError(f"Hint {place}: {error}") from error


def read_geojson(path: str | os.PathLike[str]) -> list[Hint]:
    """Hints from a GeoJSON file.

    Parameters
    ----------
    path : path
        Coordinates are longitude and latitude unless the member "crs" says otherwise;
        where it is null, they are columns and rows.

    Returns
    -------
    list of Hint

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        If it is not GeoJSON, or a feature is no hint.
    """
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{str(path)!r} is a folder; give a GeoJSON file.")
    if file.stat().st_size > MOST_BYTES:
        raise InputError(
            f"{str(path)!r} has more than {MOST_BYTES // 1_000_000} MB; give a file "
            "with fewer hints."
        )
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{str(path)!r} is not GeoJSON ({error}). Other vector files: read them "
            "with geopandas.read_file, and pass the GeoDataFrame."
        ) from error
    if not isinstance(content, Mapping):
        raise InputError(
            f"{str(path)!r} holds a {type(content).__name__}; a GeoJSON file holds a "
            "FeatureCollection."
        )
    return from_features(content, _declared(content))


def _declared(content: Mapping[str, Any]) -> str | None:
    """CRS of a GeoJSON object; None = columns and rows."""
    if "crs" not in content:
        return LONGITUDE_LATITUDE
    declared = content["crs"]
    if declared is None:
        return None
    name = declared.get("properties", {}).get("name") if _holds(declared) else declared
    try:
        return str(CRS.from_user_input(name).to_string())
    except CRSError as error:
        raise InputError(
            f"the GeoJSON declares the CRS {declared!r}, which is unknown; remove its "
            'member "crs" if the coordinates are longitude and latitude.'
        ) from error


def _holds(declared: object) -> bool:
    return isinstance(declared, Mapping) and isinstance(
        declared.get("properties"), Mapping
    )


def to_geojson(hints: Iterable[Hint]) -> dict[str, Any]:
    """A FeatureCollection of hints.

    Parameters
    ----------
    hints : iterable of Hint
        All with a CRS, or all in columns and rows.

    Returns
    -------
    dict
        In longitude and latitude (RFC 7946); of hints in columns and rows, "crs" is
        null.

    Raises
    ------
    InputError
        If some have a CRS and others do not.
    """
    found = list(hints)
    kinds = {hint.crs is None for hint in found}
    if len(kinds) > 1:
        raise InputError(
            "Some hints have a CRS and others are in columns and rows; one file cannot "
            "hold both. Save them in two files."
        )
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if True in kinds:
        collection["crs"] = None
    collection["features"] = [
        {
            "type": "Feature",
            "properties": {PROPERTY: hint.class_},
            "geometry": dict(
                hint.geometry
                if hint.crs is None
                else transformed(hint.geometry, hint.crs, LONGITUDE_LATITUDE)
            ),
        }
        for hint in found
    ]
    return collection
