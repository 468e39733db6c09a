"""Split one class of a trained model into parts, and merge classes into one."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.model.checks import MOST_ROWS
from ktextures.model.config import TrainingRecord, check_bands
from ktextures.model.ktextures import KTextures, find_model
from ktextures.model.masks import MAX_K
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.raster.tile_set import choose_tiles
from ktextures.training.class_arguments import described, value_of, values_of
from ktextures.training.hint_lineage import moved_hints, placed_hints
from ktextures.training.lineage import merged_table, split_table
from ktextures.training.mask_rows import classes_of_rows, rebuilt, rows_of
from ktextures.training.parts import (
    Sample,
    count_parts,
    find_parts,
    largest,
    limited,
    sample_class,
)
from ktextures.training.presets import find_preset
from ktextures.training.request import check_seed

__all__ = ["merge", "split"]

FEWEST = 50
"""Pixels that a part must have."""


def split(
    scene: xr.DataArray | Sequence[xr.DataArray],
    model: KTextures | str | os.PathLike[str],
    class_: int | str,
    into: int = 2,
    *,
    seed: int | None = None,
) -> KTextures:
    """Split a class into parts that differ in color or texture.

    The new model can segment any scene without further training. In the scenes given,
    every other class keeps about 99.5 % of its pixels or more, and the parts together
    as many of those of the class. Training the new model further
    (``train(scene, model=...)``) lets the parts and their textures settle.

    Parameters
    ----------
    scene : DataArray (band, y, x), or list or tuple of them
        As `train` takes them: where the class is looked at. Any scene with the bands of
        the model will do, if it has pixels of the class.
    model : KTextures or path
        A model of preset "default", or its file; it stays as it is.
    class_ : int or str
        The class, 1..k, or its name.
    into : int
        Number of parts, 2 or more.
    seed : int, optional
        Same seed, scene and model: same parts. That of the model by default.

    Returns
    -------
    KTextures
        A new model of ``k + into - 1`` classes. The largest part keeps number, name,
        and color; the others follow behind the last class by size, with names such as
        "forest, part 2". All begin with the texture of the class, in their own color.

    Raises
    ------
    InputError
        If there is no such class, or several have this name; if the class has too few
        pixels or is too uniform for so many parts, or there would be more than 128
        classes; if the bands differ from the model's, or its preset is "paper".
    FileNotFoundError, ModelFileError
        If `model` is a path and there is no such file, or it is damaged.

    See Also
    --------
    merge : The opposite, which needs no scene.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=3, seed=1, contrast="both")
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> parts = kt.split(scene, model.rename({2: "forest"}), "forest", into=2)
    >>> parts.classes.names
    ('class 1', 'forest', 'forest, part 2')
    >>> parts.classes.ancestors(3)
    ('forest',)
    """
    scenes = open_scenes(scene)
    model = find_model(model).copy()
    check_bands(scenes.bands, model.config)
    _check_contextual(model, "split")
    value = value_of(class_, model.classes)
    _check_into(into, model, value)
    seed = model.config.seed if seed is None else check_seed(seed)
    mask = int(model.record.order[value - 1])
    sample = sample_class(model, mask, *_tiles(scenes, model, seed), seed)
    parts = _parts(sample, into, seed, described(value, model.classes))
    found = largest(sample.hidden, parts)
    parts = limited(model, mask, sample, parts)
    made = _with_parts(model, value, parts, seed)
    before = sample.colors.mean(0)
    for part, place in enumerate([value - 1, *range(model.k, made.k)]):
        made.texture_bank.recolor(place, before, sample.colors[found == part].mean(0))
    if len(model.hints):
        united = [*([v] for v in range(1, model.k + 1)), *[[value]] * (into - 1)]
        hints = placed_hints(model.hints, united, scenes, made)
        made.record = replace(made.record, hints=hints)
    return made


def merge(
    model: KTextures | str | os.PathLike[str],
    classes: Sequence[int | str],
    *,
    name: str | None = None,
) -> KTextures:
    """Merge classes into one, exactly.

    In every scene, the merged class has the pixels that one of the classes had, and no
    others; all other classes keep theirs.

    Parameters
    ----------
    model : KTextures or path
        A model of preset "default", or its file; it stays as it is.
    classes : sequence of int or str
        At least two classes, 1..k, or their names.
    name : str, optional
        Of the merged class; by default that of the first class listed.

    Returns
    -------
    KTextures
        A new model. The merged class takes place, color, and texture of the first class
        listed. The numbers of later classes close up; names and colors stay.

    Raises
    ------
    InputError
        If fewer than two classes are given, one is given twice or unknown, or only one
        class would remain; if the model's preset is "paper", or the name cannot be
        used.
    FileNotFoundError, ModelFileError
        If `model` is a path and there is no such file, or it is damaged.

    See Also
    --------
    split : The opposite.
    relabel_classes : Merges classes of a class map, without a model.

    Notes
    -----
    The logit of the merged class is the largest of those of its classes, and so its
    probability depends on the most probable one.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=3, seed=1)
    >>> model = kt.train(scene, k=3, steps=2, seed=1, progress=False)
    >>> merged = kt.merge(model, [1, 3], name="forest")
    >>> merged.classes.names
    ('forest', 'class 2')
    >>> merged.classes.ancestors(1)
    ('class 1', 'class 3')
    """
    model = find_model(model).copy()
    _check_contextual(model, "merged")
    values = values_of(classes, model.classes)
    table, kept = merged_table(model.classes, values, name)
    place = kept.index(values[0])
    numbers = {v: kept.index(v) for v in kept} | dict.fromkeys(values, place)
    # Rows keep their order, and so logits are computed alike, to the last bit.
    groups = [numbers[each + 1] for each in classes_of_rows(model)]
    textures = [v - 1 for v in kept]
    record = _record(model, table, {"merged": values})
    united = [values if v == values[0] else [v] for v in kept]
    record = replace(record, hints=moved_hints(model.hints, united))
    return rebuilt(model, rows_of(model.mask_network), groups, textures, record)


def _check_contextual(model: KTextures, done: str) -> None:
    if not model.mask_network.has_probabilities:
        raise InputError(
            f"Classes cannot be {done} in models of preset 'paper', whose masks are "
            "slices of one score; train a model with preset='default'."
        )


def _check_into(into: object, model: KTextures, value: int) -> None:
    """Refuse a number of parts that is none, or that makes too many classes."""
    if isinstance(into, bool) or not isinstance(into, int | np.integer) or into < 2:
        raise InputError(f"into is {into!r}; give a number of parts, 2 or more.")
    k = model.k + into - 1
    if k > MAX_K:
        raise InputError(
            f"into={into} would make {k} classes of {model.k}, and there may be "
            f"{MAX_K}. Choose a smaller number, or merge classes first."
        )
    groups = classes_of_rows(model)
    rows = len(groups) + (into - 1) * groups.count(value - 1)
    if rows > MOST_ROWS:
        raise InputError(
            f"{described(value, model.classes)} was merged of "
            f"{groups.count(value - 1)} classes, and into={into} would need {rows} "
            f"rows of the last layer, of which there may be {MOST_ROWS}. Split a model "
            "from before the merge."
        )


def _tiles(
    scenes: SceneSet, model: KTextures, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Values with the model's reach around them, and which are valid without it."""
    recorded = model.record.provenance.get("preset_settings")
    preset = find_preset(recorded or model.config.preset)
    tiles = choose_tiles(
        scenes,
        preset.tile_size,
        model.reach,
        model.preparation,
        most=preset.max_tiles,
        seed=seed,
        shrink=True,
    )
    return tiles.values, tiles.inner()[1]


def _parts(sample: Sample, into: int, seed: int, name: str) -> np.ndarray:
    """Differences between the rows of the parts, if there are as many as asked for."""
    if not sample.count:
        raise InputError(
            f"{name} has no pixels in the tiles looked at; give a scene that has "
            "this class, or split another one."
        )
    if sample.count < FEWEST * into:
        raise InputError(
            f"{name} has {sample.count} pixels in the tiles looked at, too few "
            f"for {into} parts of at least {FEWEST}. Choose fewer parts, or give a "
            "scene with more of this class."
        )
    found = count_parts(sample, into)
    parts = find_parts(sample, found, seed) if found > 1 else np.zeros((1, 1))
    if len(parts) == into:
        return parts
    if len(parts) == 1:
        raise InputError(f"{name} is uniform: it has no parts. Split another one.")
    raise InputError(
        f"{name} is too uniform for {into} parts: only {len(parts)} can be told "
        f"apart. Choose into={len(parts)} or less."
    )


def _with_parts(
    model: KTextures, value: int, parts: np.ndarray, seed: int
) -> KTextures:
    """A model in which a class is divided by differences (part, hidden + 1)."""
    groups = classes_of_rows(model)
    # In class order, as many rows as classes need no groups.
    order = np.argsort(groups, kind="stable")
    rows, groups = rows_of(model.mask_network)[order], sorted(groups)
    mine = [row for row, each in enumerate(groups) if each == value - 1]
    added = [rows[mine] + part for part in parts[1:]]
    rows[mine] += parts[0]
    new = list(range(model.k, model.k + len(parts) - 1))
    table = split_table(model.classes, value, len(parts))
    done = {"split": value, "into": len(parts), "seed": seed}
    return rebuilt(
        model,
        np.vstack([rows, *added]),
        groups + [each for each in new for _ in mine],
        [*range(model.k), *[value - 1] * len(new)],
        _record(model, table, done),
    )


def _record(
    model: KTextures, table: ClassTable, done: dict[str, Any]
) -> TrainingRecord:
    """The record of a model, with other classes, and what was done to them."""
    record = model.record.copy()
    changes = [*record.provenance.get("changes", ()), done]
    provenance = {**record.provenance, "k": table.k, "changes": changes}
    return replace(
        record, classes=table, order=np.arange(table.k), provenance=provenance
    )
