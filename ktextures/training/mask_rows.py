"""The rows of the last layer of contextual masks, and models made of others.

Each row gives a logit; a class has one row, or, if it was merged, several, and gets the
pixels where one of them is the largest. Other rows make another division into classes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ktextures.model.config import TrainingRecord
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import ContextualMasks

__all__ = ["assign_rows", "classes_of_rows", "rebuilt", "rows_of"]


def rows_of(network: ContextualMasks) -> np.ndarray:
    """Weights of the last layer, (row, hidden + 1), the offset last, in float64."""
    kernel, bias = (weight.numpy() for weight in network.head.weights)
    return np.vstack([kernel[0, 0], bias]).T.astype("float64")


def assign_rows(network: ContextualMasks, rows: np.ndarray) -> None:
    """Assign as many rows (row, hidden + 1) as the last layer has."""
    kernel, bias = network.head.weights
    kernel.assign(rows[:, :-1].T[None, None].astype("float32"))
    bias.assign(rows[:, -1].astype("float32"))


def classes_of_rows(model: KTextures) -> list[int]:
    """Class, from 0, of each row of the last layer."""
    classes = np.empty(model.k, int)
    classes[model.record.order] = np.arange(model.k)
    return classes[list(model.mask_network.groups)].tolist()


def rebuilt(
    model: KTextures,
    rows: np.ndarray,
    classes: Sequence[int],
    textures: Sequence[int],
    record: TrainingRecord,
) -> KTextures:
    """A model with other rows of the last layer, everything else being equal.

    Parameters
    ----------
    model : KTextures
        With contextual masks; left as it is.
    rows : array, shape (row, hidden + 1)
        The offset last.
    classes : sequence of int
        Class, from 0, of each row: the masks of the model are its classes, in order.
    textures : sequence of int
        For each class, that of `model`, from 0, whose texture it has.
    record : TrainingRecord
        Its order is 0, 1, 2, ...

    Returns
    -------
    KTextures
    """
    k = len(textures)
    options = {**model.config.masks_options, "groups": tuple(map(int, classes))}
    if options["groups"] == tuple(range(k)):
        del options["groups"]
    made = KTextures(
        replace(model.config, k=k, masks_options=options),
        model.preparation,
        [extractor.copy() for extractor in model.extractors],
    )
    old, new = model.mask_network, made.mask_network
    head = {id(weight) for weight in old.head.weights}
    for before, after in zip(old.weights, new.weights, strict=True):
        if id(before) not in head:
            after.assign(before)
    assign_rows(new, rows)
    masks = model.record.order[np.asarray(textures)]
    for before, after in zip(
        model.texture_bank.weights, made.texture_bank.weights, strict=True
    ):
        after.assign(before.numpy()[masks])
    made.record = record
    return made
