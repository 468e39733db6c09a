"""Scenes that one model is trained on, checked to go together."""

import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.doubts import warn_caller
from ktextures.raster.georeference import pixel_meters
from ktextures.raster.open import open_scene

__all__ = ["SceneSet", "inside", "open_scenes"]

MIN_SIDE = 32
MOST_UNLIKE = 1.5
"""Largest ratio of pixel sizes without a warning."""

DECLARED = ("units", "scale_factor", "add_offset")
"""Attributes that say what values mean."""


def inside(label: str) -> str:
    """The label of a scene as it stands inside a sentence."""
    return label[0].lower() + label[1:]


@dataclass(frozen=True)
class SceneSet:
    """One or several scenes with the same bands, of any size and CRS.

    Parameters
    ----------
    scenes : tuple of DataArray (band, y, x)
        At least one, opened.
    labels : tuple of str
        How messages begin that are about one of them: "Scene 2 ('north')".
    """

    scenes: tuple[xr.DataArray, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scenes)

    def __iter__(self) -> Iterator[xr.DataArray]:
        return iter(self.scenes)

    @property
    def first(self) -> xr.DataArray:
        """The first scene, which has the bands and roles of all."""
        return self.scenes[0]

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        return tuple(str(name) for name in self.first.band.values)

    @property
    def roles(self) -> tuple[str, ...]:
        """Role of each band, "" if unknown."""
        return tuple(str(role) for role in self.first.role.values)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows and columns of each scene."""
        return [(scene.sizes["y"], scene.sizes["x"]) for scene in self.scenes]

    @property
    def pixel_meters(self) -> float | None:
        """Median width of a pixel in meters, of the scenes that have a CRS."""
        known = [size for size in map(pixel_meters, self.scenes) if size is not None]
        return statistics.median(known) if known else None

    def band_index(self) -> dict[str, int]:
        """Index of each band by name and by role."""
        by_role = {role: index for index, role in enumerate(self.roles) if role}
        return by_role | {name: index for index, name in enumerate(self.bands)}

    def check_sizes(self) -> None:
        """Refuse scenes that are too small to train on.

        Raises
        ------
        InputError
            If one is smaller than 32 x 32 pixels.
        """
        for label, (height, width) in zip(self.labels, self.sizes, strict=True):
            if min(height, width) < MIN_SIDE:
                raise InputError(
                    f"{label} has {height} x {width} pixels; training needs at least "
                    f"{MIN_SIDE} x {MIN_SIDE}."
                )


def open_scenes(source: Any) -> SceneSet:
    """Open one scene, or a list or tuple of them, and check that they go together.

    Parameters
    ----------
    source : scene, or list or tuple of them
        Each is what `open_scene` takes: of a list in the list, the files are one scene.

    Returns
    -------
    SceneSet
        In the order given.

    Raises
    ------
    InputError
        If the list is empty, one of them is no scene, or bands, roles, or declared
        units differ.

    Warns
    -----
    UserWarning
        If pixel sizes differ by more than a factor of 1.5.

    Examples
    --------
    >>> array = xr.DataArray(np.ones((3, 40, 50)), dims=("band", "y", "x"))
    >>> open_scenes([array, array[:, :32]]).sizes
    [(40, 50), (32, 50)]
    """
    if isinstance(source, Iterator):
        raise InputError(
            f"scene is a {type(source).__name__}, which can be read only once; give "
            "one scene, or a list of them: list(...)."
        )
    if not isinstance(source, list | tuple):
        return SceneSet((open_scene(source),), ("The scene",))
    if not source:
        raise InputError("The list of scenes is empty; give at least one scene.")
    if len(source) == 1:
        # What is in the list is a scene, even if it is a list of files.
        return SceneSet((open_scene(source[0]),), ("The scene",))
    labels = tuple(_label(each, place) for place, each in enumerate(source, start=1))
    opened = SceneSet(tuple(map(_opened, source, labels)), labels)
    _check_bands(opened)
    _check_declared(source, labels)
    _warn_of_pixel_sizes(opened)
    return opened


def _label(source: Any, place: int) -> str:
    if isinstance(source, list | tuple):
        files = [os.path.basename(each) for each in source if _is_path(each)]
        name = f"{files[0]} ... {files[-1]}" if files else None
    else:
        name = source if isinstance(source, str) else getattr(source, "name", None)
    return f"Scene {place}" if name is None else f"Scene {place} ({str(name)!r})"


def _is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def _opened(source: Any, label: str) -> xr.DataArray:
    try:
        return open_scene(source)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error


def _check_bands(scenes: SceneSet) -> None:
    first = list(zip(scenes.bands, scenes.roles, strict=True))
    remedy = "Choose and name them alike with open_scene(..., bands=[...], roles={...})"
    for label, scene in zip(scenes.labels[1:], scenes.scenes[1:], strict=True):
        bands = list(zip(scene.band.values, scene.role.values, strict=True))
        if len(bands) != len(first):
            raise InputError(
                f"{label} has the bands {[str(name) for name, _ in bands]}, but "
                f"{inside(scenes.labels[0])} has {list(scenes.bands)}. {remedy}."
            )
        for place, (mine, wanted) in enumerate(zip(bands, first, strict=True), start=1):
            if tuple(map(str, mine)) != wanted:
                raise InputError(
                    f"Band {place} of {inside(label)} is {_described(*mine)}, but "
                    f"that of {inside(scenes.labels[0])} is {_described(*wanted)}. "
                    f"{remedy}."
                )


def _described(name: object, role: object) -> str:
    return f"{str(name)!r} ({f'role {str(role)!r}' if role else 'no role'})"


def _check_declared(sources: Sequence[Any], labels: Sequence[str]) -> None:
    """Refuse arrays whose attributes declare different units."""
    for name in DECLARED:
        found = [
            (label, _plain(source.attrs[name]))
            for source, label in zip(sources, labels, strict=True)
            if isinstance(source, xr.DataArray) and _plain(source.attrs.get(name))
        ]
        for label, value in found[1:]:
            if value != found[0][1]:
                raise InputError(
                    f"{label} declares {name} = {', '.join(value)}, but "
                    f"{inside(found[0][0])} {', '.join(found[0][1])}. Convert them to "
                    f"the same units, or correct the attribute {name!r}."
                )


def _plain(value: Any) -> tuple[str, ...]:
    """What an attribute declares, for all bands or for each; empty if nothing."""
    listed = np.atleast_1d(np.asarray(() if value is None else value)).tolist()
    words = [str(each).strip().casefold() for each in listed]
    if not any(words):
        return ()
    return tuple(words) if len(set(words)) > 1 else (words[0],)


def _warn_of_pixel_sizes(scenes: SceneSet) -> None:
    sizes: Mapping[str, float | None] = dict(
        zip(scenes.labels, map(pixel_meters, scenes), strict=True)
    )
    known = sorted((size, label) for label, size in sizes.items() if size)
    if known and known[-1][0] > MOST_UNLIKE * known[0][0]:
        (small, fine), (large, coarse) = known[0], known[-1]
        warn_caller(
            f"a pixel of {inside(fine)} measures about {small:g} m, one of "
            f"{inside(coarse)} {large:g} m; textures depend on the pixel size, so "
            "classes may not mean the same. Resample the scenes to one pixel size"
        )
