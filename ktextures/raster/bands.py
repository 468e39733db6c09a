"""Bands of a scene: their names, their roles, and their selection."""

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import rasterio
import xarray as xr
from rasterio.enums import ColorInterp

from ktextures.errors import InputError

__all__ = [
    "ROLES",
    "Bands",
    "Roles",
    "Selection",
    "SourceBands",
    "bands_of_array",
    "bands_of_file",
    "role_indices",
    "select_bands",
    "shown_bands",
    "unique_names",
]

ROLES = ("red", "green", "blue", "nir")

# Only names that mean one thing on every sensor: "B4" is red on Sentinel-2 and
# Landsat 8 but near infrared on Landsat 7, "B04" is always red.
_ROLE_ALIASES = {
    "b04": "red",
    "b03": "green",
    "b02": "blue",
    "b08": "nir",
    "nearinfrared": "nir",
    "nir08": "nir",
}
# What stackstac makes of the bands in STAC items, in several versions.
_COMMON_NAMES = ("common_name", "eo:common_name", "eo:bands_common_name")
# Descriptions that do not tell what a band shows.
_NEUTRAL_NAME = re.compile(r"(band|layer|channel|b)?[ _-]?\d*", re.IGNORECASE)

Bands = str | int | Sequence[str | int]
Roles = Mapping[str, str | int]


class Selection(NamedTuple):
    """Selected bands of a source: positions, names and roles."""

    indices: list[int]
    names: list[str]
    roles: list[str]


@dataclass(frozen=True)
class SourceBands:
    """What a source declares about all its bands."""

    names: list[str]
    known: list[str] | None = None  # roles of an earlier scene
    common: list[str] | None = None  # common names, as in STAC
    colors: list[str] | None = None  # roles by color interpretation
    alpha: Collection[int] = ()


def role_indices(scene: xr.DataArray, roles: Sequence[str]) -> list[int] | None:
    """Find the bands that have the given roles.

    Parameters
    ----------
    scene : DataArray
        A scene.
    roles : sequence of str
        Such as ``("red", "green", "blue")``.

    Returns
    -------
    list of int or None
        Positions along band, from 0, in the order of ``roles``; None if one is unknown.
    """
    known = [str(role) for role in scene.coords["role"].values]
    if any(role not in known for role in roles):
        return None
    return [known.index(role) for role in roles]


def select_bands(
    described: SourceBands,
    bands: Bands | None,
    roles: Roles | None,
) -> Selection:
    """Select bands by name, role or number, and assign their roles."""
    names = described.names
    given = _given_roles(names, roles)
    assigned = _assign_roles(described, given)
    if bands is None:
        indices = [
            band
            for band in range(len(names))
            if band not in described.alpha or band in given.values()
        ]
    else:
        wanted = [bands] if isinstance(bands, str | int | np.integer) else list(bands)
        indices = [_find_band(names, assigned, band, "bands") for band in wanted]
    if not indices:
        raise InputError(
            f"bands={bands!r} selects no band; choose from {_listing(names)}"
        )
    if len(set(indices)) < len(indices):
        raise InputError(
            f"bands={bands!r} selects a band twice: "
            f"{[names[band] for band in indices]}; list each band once"
        )
    return Selection(
        indices,
        [names[band] for band in indices],
        [assigned[band] for band in indices],
    )


def bands_of_file(file: rasterio.DatasetReader) -> SourceBands:
    """Read the names, color interpretation and alpha bands of a file."""
    count = file.count
    names = unique_names(file.descriptions, [f"band_{i}" for i in range(1, count + 1)])
    neutral = [not d or bool(_NEUTRAL_NAME.fullmatch(d)) for d in file.descriptions]
    colors = [
        color.name if color.name in ROLES and neutral[band] else ""
        for band, color in enumerate(file.colorinterp)
    ]
    # GDAL marks the fourth of four byte bands as alpha by default, so a name such as
    # "nir" counts more.
    alpha = [
        band
        for band, color in enumerate(file.colorinterp)
        if color == ColorInterp.alpha
        and (neutral[band] or "alpha" in names[band].lower())
    ]
    return SourceBands(names, colors=colors, alpha=alpha)


def bands_of_array(array: xr.DataArray, band_dim: Hashable | None) -> SourceBands:
    """Find band names in the labels, ``long_name`` or name of an array."""
    count = 1 if band_dim is None else array.sizes[band_dim]
    labels: list[Any] = []
    known = None
    common = _common_names(array, band_dim)
    if band_dim is not None:
        if band_dim in array.coords:
            labels = array.coords[band_dim].values.tolist()
        if "role" in array.coords and array.coords["role"].dims == (band_dim,):
            found = [str(role) for role in array.coords["role"].values]
            known = [role if role in ROLES else "" for role in found]
    elif "band" in array.coords and array.coords["band"].ndim == 0:
        labels = [array.coords["band"].item()]  # what array[0] keeps
    if labels and all(isinstance(label, str) for label in labels):
        return SourceBands(unique_names(labels, labels), known=known, common=common)
    numbers = list(range(1, count + 1))
    if labels and all(isinstance(n, int) and n > 0 for n in labels):
        numbers = labels
    described = _long_names(array.attrs.get("long_name"), numbers)
    if band_dim is None and described == [None] and isinstance(array.name, str):
        # xarray's placeholder for arrays saved without a name is not a name.
        described = [None if array.name.startswith("__") else array.name]
    return SourceBands(
        unique_names(described, [f"band_{n}" for n in numbers]),
        known=known,
        common=common,
    )


def _common_names(array: xr.DataArray, band_dim: Hashable | None) -> list[str] | None:
    """Common names of STAC, such as "red", in a coordinate along the bands."""
    for name in _COMMON_NAMES:
        # stackstac gives a coordinate without dims if there is only one band.
        dims = array.coords[name].dims if name in array.coords else None
        if dims is not None and dims in ((band_dim,), ()):
            values = np.atleast_1d(array.coords[name].values)
            count = 1 if band_dim is None else array.sizes[band_dim]
            return [str(value) for value in values] if len(values) == count else None
    return None


def _long_names(long_name: object, numbers: list[int]) -> list[str | None]:
    if isinstance(long_name, str):
        return [long_name] if len(numbers) == 1 else [None] * len(numbers)
    if not isinstance(long_name, Sequence | np.ndarray):
        return [None] * len(numbers)
    listed = [None if name is None else str(name) for name in long_name]
    if len(listed) == len(numbers):
        return listed
    # If bands were selected after opening, their numbers still index the list.
    if max(numbers) <= len(listed):
        return [listed[number - 1] for number in numbers]
    return [None] * len(numbers)


def unique_names(names: Sequence[str | None], fallback: Sequence[str]) -> list[str]:
    """Fill in missing names, and number those that occur more than once."""
    cleaned = [
        (name or "").strip() or fallback[position]
        for position, name in enumerate(names)
    ]
    unique: list[str] = []
    for position, name in enumerate(cleaned, start=1):
        result = name if cleaned.count(name) == 1 else f"{name}_{position}"
        while result in unique or (result != name and result in cleaned):
            result += "_"
        unique.append(result)
    return unique


def _given_roles(names: list[str], roles: Roles | None) -> dict[str, int]:
    given: dict[str, int] = {}
    for role, band in (roles or {}).items():
        if role not in ROLES:
            raise InputError(
                f"{role!r} is not a role; the roles are {', '.join(ROLES)}"
            )
        given[role] = _find_band(names, [""] * len(names), band, f"roles[{role!r}]")
    if len(set(given.values())) < len(given):
        raise InputError(
            f"roles={dict(roles or {})!r} gives one band two roles; give it one"
        )
    return given


def _assign_roles(described: SourceBands, given: dict[str, int]) -> list[str]:
    keys = [re.sub(r"[ _-]", "", name.lower()) for name in described.names]
    if described.known is not None:
        ranks = [described.known]
    else:
        common = described.common or []
        exact = [key if key in ROLES else "" for key in keys]
        alias = [_ROLE_ALIASES.get(key, "") for key in keys]
        same = [name if name in ROLES else "" for name in common]
        similar = [_ROLE_ALIASES.get(name, "") for name in common]
        ranks = [same, exact, similar, alias]
        # Files of any kind declare red, green, blue by default, so names come first.
        if not any(exact) and not any(alias) and described.colors:
            ranks.append(described.colors)
    assigned = [""] * len(keys)
    for role, band in given.items():
        assigned[band] = role
    for role in ROLES:
        claims = next(
            (
                c
                for rank in ranks
                if (c := [b for b, r in enumerate(rank) if r == role])
            ),
            [],
        )
        if role not in given and len(claims) == 1 and not assigned[claims[0]]:
            assigned[claims[0]] = role
    return assigned


def _find_band(
    names: list[str], roles: list[str], band: str | int, argument: str
) -> int:
    if isinstance(band, str):
        for labels in (names, roles):
            if band and band in labels:
                return labels.index(band)
    elif isinstance(band, int | np.integer) and not isinstance(band, bool):
        if 1 <= band <= len(names):
            return int(band) - 1
    raise InputError(
        f"{argument}: there is no band {band!r}; choose a name, role or number from "
        f"{_listing(names, roles)}"
    )


def _listing(names: Sequence[str], roles: Sequence[str] = ()) -> str:
    shown = [*roles, *[""] * (len(names) - len(roles))]
    return ", ".join(
        f"{number}: {name!r}" + (f" ({role})" if role and role != name else "")
        for number, (name, role) in enumerate(zip(names, shown, strict=True), start=1)
    )


def shown_bands(
    scene: xr.DataArray, bands: Sequence[str | int] | None
) -> tuple[int, ...]:
    """Choose the bands to draw: three, or one in gray.

    Parameters
    ----------
    scene : DataArray
        A scene.
    bands : sequence of str or int, or None
        Names or numbers from 1; by default the bands with the roles red, green and
        blue, or else the first three, or else the first.

    Returns
    -------
    tuple of int
        Positions along band, from 0.

    Raises
    ------
    InputError
        If there is no such band, or their number is neither 1 nor 3.
    """
    names = [str(name) for name in scene["band"].values]
    if bands is None:
        by_role = role_indices(scene, ("red", "green", "blue"))
        return tuple(by_role or (range(3) if len(names) >= 3 else [0]))
    chosen = []
    for band in [bands] if isinstance(bands, str | int) else bands:
        if isinstance(band, str) and band in names:
            chosen.append(names.index(band))
        elif not isinstance(band, str) and 1 <= band <= len(names):
            chosen.append(int(band) - 1)
        else:
            raise InputError(
                f"there is no band {band!r}: give names from {names} or numbers from 1"
            )
    if len(chosen) not in (1, 3):
        raise InputError(
            f"bands are {bands!r}: give three for red, green, blue, or one for gray"
        )
    return tuple(chosen)
