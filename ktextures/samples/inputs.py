"""Scenes with their class maps, opened and checked to go together."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures.classes.categories import (
    Categories,
    check_dtype,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.raster.bands import Bands
from ktextures.raster.georeference import scene_transform
from ktextures.raster.open import open_scene
from ktextures.raster.places import same_grid
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.results.areas import count_values
from ktextures.results.read_classes import read_classes
from ktextures.samples.chips import MAX_CLASSES
from ktextures.samples.names import check_names, default_names, file_of, listed

__all__ = ["Inputs", "LabeledScene", "open_inputs"]

_PROVENANCE = ("title", "source", "references", "ktextures_training")


@dataclass(frozen=True)
class LabeledScene:
    """A scene, its classes, and what tells where both are from.

    Parameters
    ----------
    name : str
        Part of the names of its chips.
    source : str
        Where the scene is from, in words.
    scene : DataArray (band, y, x)
    classes : DataArray of uint8 or uint16, (y, x)
        On the grid of the scene.
    confidence : DataArray (y, x) or None
        On the grid of the scene.
    provenance : dict of str to str
        What the class map says about the model.
    """

    name: str
    source: str
    scene: xr.DataArray
    classes: xr.DataArray
    confidence: xr.DataArray | None
    provenance: dict[str, str]


@dataclass(frozen=True)
class Inputs:
    """All scenes of a call, and the classes that their maps share.

    Parameters
    ----------
    scenes : tuple of LabeledScene
    categories : ClassTable or Legend
        Names, colors, and values of the classes in the maps.
    """

    scenes: tuple[LabeledScene, ...]
    categories: Categories

    @property
    def codes(self) -> tuple[int, ...]:
        """Value of each class in the maps, (k,)."""
        return tuple(self.categories.values)

    @cached_property
    def table(self) -> ClassTable:
        """Names and colors of the labels 1..k."""
        return ClassTable(self.categories.names, self.categories.colors)

    def lookup(self) -> npt.NDArray[np.int16]:
        """Label of each value of the maps, -1 if it has none."""
        found = np.full(2**16, -1, np.int16)
        found[[0, *self.codes]] = np.arange(len(self.codes) + 1)
        return found


def open_inputs(
    scenes: Any,
    classes: Any,
    confidence: Any = None,
    *,
    bands: Bands | None = None,
    table: Categories | None = None,
    values: Values = "classes",
    names: str | Sequence[str] | None = None,
    source: str | Sequence[str] | None = None,
    with_confidence: bool = False,
) -> Inputs:
    """Open scenes and class maps, and check that they go together.

    Parameters
    ----------
    scenes : scene, or list or tuple of them
        Each is what `open_scene` takes.
    classes : class map, or list or tuple of them
        A DataArray, a result of `ktextures.segment`, or a path for `read_classes`.
    confidence : DataArray (y, x), or list or tuple of them, optional
        By default those of the results of `ktextures.segment`.
    bands : sequence of str or int, optional
        Bands to keep.
    table : ClassTable or Legend, optional
        By default that in the attributes of the maps.
    values : {"classes", "legend"}
    names, source : str or sequence of str, optional
        One for each scene.
    with_confidence : bool
        Whether confidence is needed.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        If something is missing or does not fit.
    """
    given = _sequence(scenes, "scenes")
    number = len(given)
    maps = _sequence(classes, "classes", number)
    sure = [None] * number
    if confidence is not None:
        sure = _sequence(confidence, "confidence", number)
    opened = _opened(given, bands)
    labels = listed(names, "names", number) or default_names(given)
    check_names(labels)
    sources = listed(source, "source", number) or [file_of(each) for each in given]
    found, tables = [], []
    for place, scene in enumerate(opened):
        label = opened.labels[place]
        mapped, provenance, own = _open_map(maps[place], label)
        mapped, categories = in_values(mapped, values, table)
        _check_grid(mapped, scene, label, "class map")
        chosen = None
        if with_confidence:
            mine = own if sure[place] is None else sure[place]
            chosen = _checked_confidence(mine, scene, label)
        tables.append(categories)
        parts = (labels[place], sources[place], scene, mapped, chosen, provenance)
        found.append(LabeledScene(*parts))
    common = _common(tables, [each.classes for each in found])
    return Inputs(tuple(found), common)


def _opened(given: Sequence[Any], bands: Bands | None) -> SceneSet:
    if len(given) > 1:
        return open_scenes([open_scene(each, bands) for each in given])
    return SceneSet((open_scene(given[0], bands),), ("The scene",))


def _sequence(given: Any, what: str, number: int | None = None) -> list[Any]:
    if isinstance(given, Iterator):
        raise InputError(
            f"{what} is a {type(given).__name__}, which can be read only once: give "
            "one, or a list of them"
        )
    found = list(given) if isinstance(given, list | tuple) else [given]
    if not found:
        raise InputError(f"the list of {what} is empty: give at least one")
    if number is not None and len(found) != number:
        raise InputError(
            f"there are {number} scenes, but {len(found)} of {what}: give one for each "
            "scene, in the same order"
        )
    return found


def _open_map(
    given: Any, label: str
) -> tuple[xr.DataArray, dict[str, str], xr.DataArray | None]:
    """A class map, what it tells about the model, and the confidence beside it."""
    attrs: dict[Any, Any] = {}
    sure = None
    if isinstance(given, str | os.PathLike):
        given = read_classes(given)
    if isinstance(given, xr.Dataset):
        if "classes" not in given:
            raise InputError(
                f"{label}: the result holds {sorted(map(str, given))}, but no classes: "
                'segment with outputs=("classes", ...)'
            )
        attrs, sure, given = given.attrs, given.get("confidence"), given["classes"]
    if not isinstance(given, xr.DataArray):
        raise InputError(
            f"{label}: classes is a {type(given).__name__}: give a class map as a "
            "DataArray, such as result['classes'], or a path"
        )
    if given.dims != ("y", "x"):
        raise InputError(
            f"{label}: classes have dims {given.dims}: give a class map with dims "
            "('y', 'x')"
        )
    check_dtype(given.dtype)
    told = {**attrs, **given.attrs}
    return given, {key: str(told[key]) for key in _PROVENANCE if key in told}, sure


def _checked_confidence(given: Any, scene: xr.DataArray, label: str) -> xr.DataArray:
    if given is None:
        raise InputError(
            f"{label}: min_confidence needs the confidence of each pixel: segment with "
            'outputs=("classes", "confidence") and give the result as classes, or give '
            "confidence="
        )
    if not isinstance(given, xr.DataArray) or given.dims != ("y", "x"):
        got = given.dims if isinstance(given, xr.DataArray) else type(given).__name__
        raise InputError(
            f"{label}: confidence is {got}: give a DataArray with dims ('y', 'x')"
        )
    _check_grid(given, scene, label, "confidence")
    return given


def _check_grid(
    array: xr.DataArray, scene: xr.DataArray, label: str, what: str
) -> None:
    mine, wanted = array.shape, (scene.sizes["y"], scene.sizes["x"])
    if mine != wanted:
        raise InputError(
            f"{label} has {wanted[0]} x {wanted[1]} pixels, its {what} {mine[0]} x "
            f"{mine[1]}: give maps of the same pixels"
        )
    if same_grid(array, scene):
        return
    ours, theirs = scene_transform(scene), scene_transform(array)
    raise InputError(
        f"{label} and its {what} lie in different places, with the CRSs "
        f"{scene.rio.crs} and {array.rio.crs} and the transforms {tuple(ours[:6])} and "
        f"{tuple(theirs[:6])}: give maps of the same pixels"
    )


def _common(
    tables: Sequence[Categories | None], maps: Sequence[xr.DataArray]
) -> Categories:
    """Names, colors and values that all maps share."""
    first = next((each for each in tables if each is not None), None)
    if first is None:
        counts = [count_values(each.data, np.zeros(each.shape[0]))[0] for each in maps]
        pixels = np.zeros(max(each.size for each in counts), np.int64)
        for each in counts:
            pixels[: each.size] += each
        first = default_categories(pixels)
    for place, found in enumerate(tables, start=1):
        known = found or first
        if (known.names, known.values) != (first.names, first.values):
            raise InputError(
                f"class map {place} has the classes {list(known.names)}, an earlier "
                f"one {list(first.names)}: segment all scenes with one model, use "
                "relabel_classes, or give table= with the classes of all"
            )
    if len(first.values) > MAX_CLASSES:
        raise InputError(
            f"there are {len(first.values)} classes, but labels have room for "
            f"{MAX_CLASSES}, since 0 and 255 mean 'ignore': merge classes, or leave "
            "entries that do not occur out of the legend"
        )
    return first
