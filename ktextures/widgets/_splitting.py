"""Split a class that is shown, and describe the classes; both take seconds."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ktextures.classes.assignment import Assignment
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.hints.hint import Hint
from ktextures.results.profiles import Part, profile_classes, texture_side
from ktextures.widgets._frames import snapshot_of
from ktextures.widgets._preview import Preview
from ktextures.widgets._results import Shared
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._trainer import LOADING, Trainer, with_hints

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["Splitter", "describe_shown"]


class Splitter:
    """Splits classes in the worker thread.

    Parameters
    ----------
    shared : Shared
    trainer : Trainer
        Knows the area that is trained on.
    """

    def __init__(self, shared: Shared, trainer: Trainer) -> None:
        self._state, self._book, self._preview, self._shelf = shared
        self._trainer = trainer

    def split(self, value: int, into: int, stopped: Callable[[], bool]) -> None:
        """Split the class shown with this value; the change can be undone.

        Raises
        ------
        InputError
            As of `ktextures.split`, or if the classes change meanwhile.
        """
        self._trainer.load(lambda: self._state.say(LOADING))
        from ktextures.training.divide import split

        state = self._state
        with state.lock:
            before, table, mapping = self._shelf.model, state.table, state.mapping
            hints = state.hints
        if before is None or len(mapping) != before.k:
            raise InputError(
                "there is no model yet whose class could be split; press Train first."
            )
        name = table.names[value - 1]
        state.say(f"Splitting {name} into {into}.")
        model, shown_as, own = _united(with_hints(before, hints), mapping, value)
        parts = split(self._trainer.training_scene(), model, own, into)
        added = range(model.k, parts.k)
        shown = ClassTable(
            (*table.names, *(parts.classes.names[row] for row in added)),
            (*table.colors, *(parts.classes.colors[row] for row in added)),
            (),
            _inherited(table, value, len(added)),
        )
        values = (*shown_as, *range(table.k + 1, table.k + into))
        snapshot = snapshot_of(parts, self._preview)
        if stopped():
            state.say("Stopped; the classes stay as they are.")
            return
        with state.lock:
            if (state.table, state.mapping) != (table, mapping):
                raise InputError(
                    f"the classes were changed while {name} was split; split it again."
                )
            self._book.put(before, snapshot, shown, values)
            self._shelf.put(parts)
            since = [hint for hint in state.hints if hint not in hints]
            self._trainer.take_hints(parts.hints)
            state.hints += _renumbered(since, mapping, values)
            state.k = parts.k
        state.say(f"Split {name} into {into}. Continue lets the parts settle.")


def _renumbered(
    hints: Sequence[Hint], before: Sequence[int], after: Sequence[int]
) -> list[Hint]:
    """Hints for a model that shows the same classes by other classes of its own.

    `before` and `after` hold the class shown for each class of the models.
    """
    shown = [before[int(hint.class_) - 1] for hint in hints]
    pairs = zip(hints, shown, strict=True)
    return [hint.of_class(after.index(value) + 1) for hint, value in pairs if value]


def _inherited(table: ClassTable, value: int, added: int) -> Assignment | None:
    """Entries of a legend after a class was split: parts have that of the class."""
    if table.assignment is None:
        return None
    parents = [[each] for each in range(1, table.k + 1)] + [[value]] * added
    return table.assignment.inherited(parents)


def _united(
    model: "KTextures", mapping: tuple[int, ...], value: int
) -> "tuple[KTextures, tuple[int, ...], int]":
    """A model in which the class shown is a single one.

    Returns
    -------
    model : KTextures
    mapping : tuple of int
        Class shown for each class of this model.
    own : int
        Its class, from 1, that is shown with this value.
    """
    from ktextures.training.divide import merge

    mine = [row + 1 for row, each in enumerate(mapping) if each == value]
    if len(mine) == 1:
        return model, mapping, mine[0]
    dropped = set(mine[1:])
    kept = tuple(each for row, each in enumerate(mapping, 1) if row not in dropped)
    return merge(model, mine), kept, mine[0]


def describe_shown(
    state: ExplorerState, preview: Preview, model: "KTextures | None"
) -> xr.Dataset:
    """Profiles of the classes shown, from the pixels of the preview.

    Raises
    ------
    InputError
        If there are no classes yet.
    """
    with state.lock:
        snapshot, mapping, table = state.snapshot, state.mapping, state.table
        classes, rows = state.shown_classes(), state.classes
    if snapshot is None or classes is None:
        raise InputError("there are no classes to describe yet; press Train first.")
    chosen = [mapping.index(value) for value in range(1, table.k + 1)]
    scale = None if model is None else model.mask_network.texture_scale
    result = profile_classes(
        [Part(preview.exact().values, classes)],
        np.asarray(snapshot.textures)[chosen],
        table,
        [str(name) for name in preview.scene.band.values],
        texture_side=texture_side(scale),
    )
    for name in ("patch_row", "patch_col"):
        place = result[name]
        result[name] = (
            (place * preview.step).where(place >= 0, -1).assign_attrs(place.attrs)
        )
    area = [row.area_ha for row in rows]
    result["area_ha"] = ("class", area, {"long_name": "area", "units": "ha"})
    return result.assign_attrs(
        title="k-textures class profiles",
        shown_bands=[index + 1 for index in preview.bands],
        share_looked_at=1 / preview.step**2,
    )
