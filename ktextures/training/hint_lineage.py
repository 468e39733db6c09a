"""Hints after classes were split, merged, or regrouped."""

from collections.abc import Sequence

import numpy as np

from ktextures.hints.hints import Hints
from ktextures.hints.pixels import find_pixels
from ktextures.model.ktextures import KTextures
from ktextures.raster.scene_set import SceneSet
from ktextures.raster.tile_set import read_tiles
from ktextures.raster.windows import Window

__all__ = ["moved_hints", "placed_hints"]

MOST_LOOKED_AT = 16
"""Pixels of a hint that decide which part of a class it lies in."""


def moved_hints(hints: Hints, united: Sequence[Sequence[int]]) -> Hints:
    """Hints with the numbers that their classes have now.

    Parameters
    ----------
    hints : Hints
        With numbers of earlier classes.
    united : sequence of sequence of int
        For each class there is now, the earlier ones that are in it.

    Returns
    -------
    Hints
        Of a class with several parts, all belong to the first.
    """
    return hints.of_classes([_candidates(h.class_, united)[0] for h in hints])


def placed_hints(
    hints: Hints, united: Sequence[Sequence[int]], scenes: SceneSet, model: KTextures
) -> Hints:
    """Hints with the numbers that their classes have now, part by part.

    Parameters
    ----------
    hints : Hints
        With numbers of earlier classes.
    united : sequence of sequence of int
        For each class of the model, the earlier ones that are in it.
    scenes : SceneSet
        Where hints of a class with several parts are looked up.
    model : KTextures
        It says which part most of the pixels of a hint are.

    Returns
    -------
    Hints
        Those outside the scenes belong to the first part.
    """
    same, origin = [0] * len(hints), model.record.hints_origin
    pixels = find_pixels(hints, scenes, same, strict=False, origin=origin)
    classes = []
    for place, hint in enumerate(hints):
        parts = _candidates(hint.class_, united)
        mine = np.flatnonzero(pixels.hints == place)
        mine = mine[:: -(-len(mine) // MOST_LOOKED_AT) or 1]
        if len(parts) > 1 and len(mine):
            found = [
                _class_at(model, scenes, *where)
                for where in zip(
                    pixels.scenes[mine],
                    pixels.rows[mine],
                    pixels.cols[mine],
                    strict=True,
                )
            ]
            parts = [max(parts, key=found.count)]
        classes.append(parts[0])
    return hints.of_classes(classes)


def _candidates(class_: int | str, united: Sequence[Sequence[int]]) -> list[int]:
    """Classes there are now that an earlier one is in."""
    return [value for value, before in enumerate(united, 1) if class_ in before]


def _class_at(
    model: KTextures, scenes: SceneSet, scene: int, row: int, col: int
) -> int:
    """Class that a model gives one pixel."""
    window = [Window(int(row), int(col), 1, 1)]
    source = scenes.scenes[int(scene)]
    tiles = read_tiles(source, window, model.reach, model.preparation)
    return int(model.infer(tiles.values)["classes"][0, 0, 0])
