"""Doubts about what a training finds, and the record of what it found."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ktextures._version import __version__
from ktextures.classes.arrays import canonical_order
from ktextures.hints.hints import Hints
from ktextures.model.config import TrainingRecord
from ktextures.model.ktextures import KTextures
from ktextures.raster.doubts import warn_caller
from ktextures.raster.scene_samples import count_distinct
from ktextures.raster.tile_set import TileSet
from ktextures.training.dictionary_objective import DictionaryObjective
from ktextures.training.hint_guide import HintGuide
from ktextures.training.hint_task import HintTask, as_hinted
from ktextures.training.plan import Plan
from ktextures.training.presets import find_preset
from ktextures.training.request import Request

__all__ = ["conclude", "told_in_our_words", "warn_of_few_groups"]

LEAST_SHARE = 0.001
"""Share of the pixels that a class should hold."""

LEAST_STEPS, MOST_RATE = 100, 10
"""Steps after which it should, and how many times too high a learning rate may be."""

SAME = 0.05
"""Largest difference of descriptors that may be noise, as a share of their spread."""

LEAST_KEPT = 0.95
"""Share of the hinted pixels that should have their class."""

LOOKED_AT = 20_000
"""Pixels whose descriptors are compared."""


@contextmanager
def told_in_our_words() -> Iterator[None]:
    """Silence k-means about too few groups, which `warn_of_few_groups` reports."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Number of distinct clusters", ConvergenceWarning
        )
        yield


def warn_of_few_groups(plan: Plan, k: int) -> None:
    """Warn if fewer than k groups of pixels can be told apart.

    Parameters
    ----------
    plan : Plan
        Of preset "default"; others compare no descriptors.
    k : int
        Number of classes.
    """
    if not isinstance(plan.objective, DictionaryObjective):
        return
    batches = plan.objective.batches
    rows = batches.descriptors[batches.inside]
    rows = rows[:: max(len(rows) // LOOKED_AT, 1)]
    spread = float(np.sqrt(rows.var(0).sum()))
    found = count_distinct(rows / max(spread, 1e-9), k, SAME)
    if found < k:
        warn_caller(
            f"Only {found} groups of pixels can be told apart, but k is {k}; the other "
            f"classes divide noise or stay empty. Choose k = {max(found, 2)} or less, "
            "or train on a larger or more varied scene."
        )


def conclude(
    plan: Plan,
    request: Request,
    scenes: int,
    task: HintTask | None = None,
    *,
    continued: bool,
) -> None:
    """Give the classes their order, and record what was done.

    Parameters
    ----------
    plan : Plan
        Its model gets a new record.
    request : Request
    scenes : int
        How many were trained on.
    task : HintTask, optional
        What hints asked for.
    continued : bool
        Whether the classes of an earlier model keep their order.

    Warns
    -----
    UserWarning
        If classes hold no pixels although there were steps enough, or hinted pixels
        are not of their class.
    """
    model = plan.model
    order, table = model.record.order, model.record.classes
    if not continued:
        brightness, shares = _measured(model, plan.tiles)
        order = canonical_order(brightness)
        if task is not None:
            guide = _guide(plan)
            if guide is not None:
                order, table = as_hinted(order, table, task, guide)
        _warn_of_empty_classes(shares, request, model.record.steps)
    provenance = {
        "preset": request.preset.name,
        "preset_settings": request.preset.to_dict(),
        "k": request.k,
        "seed": request.seed,
        "scenes": scenes,
        "steps": len(model.record.losses.get("loss", ())),
        "texture_scale": model.mask_network.texture_scale,
        "features": [extractor.describe() for extractor in model.extractors],
        "ktextures": __version__,
    }
    hints = model.hints
    if task is not None:
        hints = _numbered(task, order, plan, continued=continued)
        provenance["hints"] = _kept_hints(plan, task)
    with model.lock:
        model.record = TrainingRecord(
            table, order, dict(model.record.losses), provenance, hints
        )


def _guide(plan: Plan) -> HintGuide | None:
    return (
        plan.objective.guide
        if isinstance(plan.objective, DictionaryObjective)
        else None
    )


def _numbered(
    task: HintTask, order: np.ndarray, plan: Plan, *, continued: bool
) -> Hints:
    """The hints, with the numbers that their classes have in the model."""
    guide = _guide(plan)
    if continued or guide is None:
        return task.numbered([int(each) for each in task.classes])
    places = order.tolist()
    return task.numbered([places.index(mask) + 1 for mask in guide.masks.tolist()])


def _kept_hints(plan: Plan, task: HintTask) -> dict[str, Any]:
    """How many hints there were, and how many of their pixels have their class."""
    guide = _guide(plan)
    kept = None if guide is None else guide.kept(plan.model.mask_network)
    # Who stops a training early knows that not all is learned.
    if kept is not None and kept < LEAST_KEPT and not plan.model.stop_training:
        warn_caller(
            f"Only {kept:.0%} of the hinted pixels have their class. Hints that "
            f"contradict each other within {plan.model.reach} pixels cannot all be "
            "followed; check them, or train for more steps."
        )
    told = {"count": len(task.hints), "pixels": len(task.pixels), "kept": kept}
    return told if task.origin is None else {**told, "scene": task.origin}


def _warn_of_empty_classes(shares: np.ndarray, request: Request, steps: int) -> None:
    found = int((shares >= LEAST_SHARE).sum())
    rate, own = request.preset.learning_rate, find_preset(request.preset.name)
    # The published masks often begin with one class; that alone means nothing yet.
    early = steps < LEAST_STEPS and rate <= MOST_RATE * own.learning_rate
    if found < request.k and not early:
        warn_caller(
            f"Only {found} of {request.k} classes hold pixels (at least "
            f"{LEAST_SHARE:.1%} of the training tiles). "
            "Choose a smaller k, train for more steps, or, if you changed it, lower "
            f"the learning rate ({rate:g})."
        )


def _measured(model: KTextures, tiles: TileSet) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the scaled bands of each mask, NaN if it is empty, and its share."""
    total, count = np.zeros(model.k), np.zeros(model.k)
    values, _ = tiles.inner(model.reach)
    pixels, valid = tiles.inner()
    for tile, colors, known in zip(values, pixels, valid, strict=True):
        masks = model(tile[None], training=False).numpy()[0].argmax(-1)[known]
        total += np.bincount(masks, colors.mean(-1)[known], model.k)
        count += np.bincount(masks, minlength=model.k)
    brightness = np.where(count > 0, total / np.maximum(count, 1), math.nan)
    return brightness, count / max(count.sum(), 1)
