"""The pixels of scenes that hints cover."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.hints.burning import CELL, burn
from ktextures.hints.geojson import LONGITUDE_LATITUDE
from ktextures.hints.geometry import mapped, positions, transformed
from ktextures.hints.hint import Hint
from ktextures.hints.hints import Hints
from ktextures.raster.doubts import warn_caller
from ktextures.raster.georeference import scene_transform
from ktextures.raster.read import read_window
from ktextures.raster.scene_set import SceneSet

__all__ = ["HintedPixels", "find_pixels", "placed_in", "print_of"]

MOST_PIXELS = 2_000
"""Pixels of one hint that are looked at; a large polygon is sampled."""

PRINTED = 16
"""Side in pixels of the windows that tell one scene from another."""

LISTED = 5
"""Hints or pairs of hints that a message lists."""


@dataclass(frozen=True)
class HintedPixels:
    """Valid pixels that hints cover; of those that several cover, the last counts.

    Attributes
    ----------
    hints : array, shape (n,), int
        Place of the hint, from 0.
    scenes, rows, cols : array, shape (n,), int
        Which pixel of which scene, from 0.
    """

    hints: np.ndarray
    scenes: np.ndarray
    rows: np.ndarray
    cols: np.ndarray

    def __len__(self) -> int:
        return len(self.hints)


def find_pixels(
    hints: Hints,
    scenes: SceneSet,
    values: Sequence[int],
    *,
    strict: bool = True,
    origin: str | None = None,
) -> HintedPixels:
    """Find the valid pixels that hints cover.

    Parameters
    ----------
    hints : Hints
    scenes : SceneSet
        Hints in columns and rows need a single one.
    values : sequence of int
        Number of the class of each hint; what names the same class is the same.
    strict : bool
        Refuse hints that cover no pixel, or whose CRS does not go with the scenes;
        otherwise, they are left out.
    origin : str, optional
        What `print_of` said of the scene whose columns and rows hints are in. In
        another scene, they are left out.

    Returns
    -------
    HintedPixels
        Of a large polygon, a sample of up to 2,000 pixels, the same each time.

    Raises
    ------
    InputError
        If a hint is outside the scenes, covers nothing but nodata, or has a CRS where
        a scene has none.

    Warns
    -----
    UserWarning
        If hints were reprojected, or contradict each other.
    """
    if strict:
        _note_reprojection(hints, scenes)
    parts, outside, empty = [], [], []
    foreign = origin is not None and origin != print_of(scenes)
    for place, hint in enumerate(hints):
        if foreign and hint.crs is None:
            continue
        try:
            pixels = _pixels(hint, place, scenes)
        except InputError:
            if strict:
                raise
            continue
        if not len(pixels):
            outside.append(place + 1)
            continue
        valid = pixels[_valid(pixels, scenes)]
        if not len(valid):
            empty.append(place + 1)
        parts.append(np.insert(valid, 0, place, axis=1))
    if strict:
        _refuse(outside, "outside the scene", "move or remove", hints)
        _refuse(empty, "on pixels without data", "move or remove", hints)
    found = np.concatenate(parts) if parts else np.zeros((0, 4), int)
    return HintedPixels(*_last(found, np.asarray(values, int), tell=strict).T)


def _refuse(places: list[int], where: str, remedy: str, hints: Hints) -> None:
    if not places:
        return
    one = len(places) == 1
    listed = ", ".join(map(str, places[:LISTED])) + (
        f" and {len(places) - LISTED} more" if len(places) > LISTED else ""
    )
    hint = hints[places[0] - 1]
    x, y = positions(hint.geometry)[0]
    first = f"row {y:g}, column {x:g}" if hint.crs is None else f"{x:.10g}, {y:.10g}"
    raise InputError(
        f"Hint{'' if one else 's'} {listed} of {len(hints)} "
        f"{'is' if one else 'are'} {where} (the first at {first}); "
        f"{remedy} {'it' if one else 'them'}."
    )


def _note_reprojection(hints: Hints, scenes: SceneSet) -> None:
    """Tell of CRS that differ, except that of GeoJSON, which cannot have another."""
    own = {_name(scene) for scene in scenes}
    foreign = [h.crs for h in hints if h.crs not in own | {None, LONGITUDE_LATITUDE}]
    if foreign and own != {None}:
        names = " and ".join(sorted({str(crs) for crs in foreign}))
        warn_caller(
            f"{len(foreign)} hints were reprojected from {names} to the CRS of the "
            f"scene, {' or '.join(sorted(map(str, own)))}."
        )


def _name(scene: xr.DataArray) -> str | None:
    crs = scene.rio.crs
    return None if crs is None else str(crs.to_string())


def _pixels(hint: Hint, place: int, scenes: SceneSet) -> np.ndarray:
    """Pixels (scene, row, col) that a hint covers, as many as are looked at."""
    if hint.crs is None and len(scenes) > 1:
        raise InputError(
            f"Hint {place + 1} is given in columns and rows, but there are "
            f"{len(scenes)} scenes; give hints with a CRS."
        )
    found = []
    for number, scene in enumerate(scenes):
        try:
            covered = _covered(hint, place, scene)
        except InputError:
            if len(scenes) == 1:
                raise
            continue  # a place that this scene's CRS does not know
        found.append(np.insert(covered, 0, number, axis=1))
    return np.concatenate(found) if found else np.zeros((0, 3), int)


def _covered(hint: Hint, place: int, scene: xr.DataArray) -> np.ndarray:
    """Pixels (row, col) of a scene that a hint covers."""
    geometry, own = hint.geometry, _name(scene)
    if hint.crs is not None:
        if own is None:
            raise InputError(
                f"Hint {place + 1} has the CRS {hint.crs}, but the scene has none; "
                "give rows and columns: [(120, 45, 'water')] for example."
            )
        if hint.crs != own:
            geometry = transformed(geometry, hint.crs, own)
        inverse = ~scene_transform(scene)
        geometry = mapped(geometry, lambda x, y: _pixel(inverse, x, y))
    return burn(geometry, scene.sizes["y"], scene.sizes["x"], place)


def _pixel(inverse: Affine, x: float, y: float) -> tuple[float, float]:
    """Column and row of map coordinates, counted at the centers of pixels."""
    col = inverse.a * x + inverse.b * y + inverse.c
    row = inverse.d * x + inverse.e * y + inverse.f
    return col - 0.5, row - 0.5


def _valid(pixels: np.ndarray, scenes: SceneSet) -> np.ndarray:
    """Which of the pixels (scene, row, col) have data; not too many of them."""
    valid = np.zeros(len(pixels), bool)
    cells = pixels // (1, CELL, CELL)
    # A single number for each cell sorts far faster than rows.
    keys = np.ravel_multi_index(cells.T, cells.max(0, initial=0) + 1)
    for key in np.unique(keys):
        mine = np.flatnonzero(keys == key)
        scene, places = pixels[mine[0], 0], pixels[mine, 1:]
        (top, left), (bottom, right) = places.min(0), places.max(0) + 1
        window = (int(top), int(left), int(bottom - top), int(right - left))
        _, known = read_window(scenes.scenes[int(scene)], *window)
        valid[mine] = known[tuple((places - (top, left)).T)]
    found = np.flatnonzero(valid)
    if len(found) > MOST_PIXELS:
        kept = np.random.default_rng(len(found)).permutation(found)[:MOST_PIXELS]
        return np.sort(kept)
    return found


def _last(found: np.ndarray, values: np.ndarray, *, tell: bool) -> np.ndarray:
    """Of the rows (hint, scene, row, col) for the same pixel, the last."""
    if not len(found):
        return found
    backward = found[::-1]
    _, first, which = np.unique(
        backward[:, 1:], axis=0, return_index=True, return_inverse=True
    )
    kept = backward[first]
    if tell:
        counted = kept[which.ravel(), 0]
        other = values[backward[:, 0]] != values[counted]
        _warn_of_contradictions(backward[other, 0], counted[other])
    return kept[np.lexsort(kept.T[::-1])]


def _warn_of_contradictions(ignored: np.ndarray, counted: np.ndarray) -> None:
    pairs = np.stack([ignored, counted], 1) + 1
    if not len(pairs):
        return
    found, sizes = np.unique(pairs, axis=0, return_counts=True)
    listed = [
        f"{a} and {b} ({size} pixel{'s' if size > 1 else ''})"
        for (a, b), size in zip(found[:LISTED], sizes, strict=False)
    ]
    if len(found) > LISTED:
        listed.append(f"{len(found) - LISTED} more pairs")
    warn_caller(
        f"Hints contradict each other: {', '.join(listed)}. Where two hints give a "
        "pixel different classes, the later one counts."
    )


def placed_in(hints: Hints, scenes: SceneSet) -> Hints:
    """Hints with coordinates, if they are in columns and rows of a scene with a CRS.

    So they keep their place when a model is trained further on another scene.
    """
    crs = _name(scenes.first) if len(scenes) == 1 else None
    if crs is None:
        return hints
    transform = scene_transform(scenes.first)
    return Hints([_with_crs(hint, crs, transform) for hint in hints])


def _with_crs(hint: Hint, crs: str, transform: Affine) -> Hint:
    if hint.crs is not None:
        return hint

    def placed(col: float, row: float) -> tuple[float, float]:
        x, y = col + 0.5, row + 0.5
        return (
            transform.a * x + transform.b * y + transform.c,
            transform.d * x + transform.e * y + transform.f,
        )

    return Hint(hint.class_, mapped(hint.geometry, placed), crs)


def print_of(scenes: SceneSet) -> str:
    """A name for a scene without CRS, by its size and some of its pixels.

    Columns and rows mean something in that scene only.
    """
    scene = scenes.first
    height, width = scene.sizes["y"], scene.sizes["x"]
    side = min(PRINTED, height, width)
    content = repr((len(scenes), height, width)).encode()
    for share in (0.0, 0.5, 1.0):
        row, col = round(share * (height - side)), round(share * (width - side))
        values, valid = read_window(scene, row, col, side, side)
        content += np.where(valid[..., None], values, 0).astype("<f4").tobytes()
    return hashlib.sha256(content).hexdigest()[:16]
