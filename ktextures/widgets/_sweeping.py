"""Sweeps over k in the worker thread, and the adoption of what they found."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.hints.hints import Hints
from ktextures.widgets._classes import DEFAULT_NAME
from ktextures.widgets._frames import snapshot_of
from ktextures.widgets._results import Shared
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._trainer import LOADING, PARTS, Interrupted, Trainer

if TYPE_CHECKING:
    from ktextures.classes.table import ClassTable

__all__ = ["Sweeper"]


class Sweeper:
    """Runs sweeps, and makes the model of one k that of the explorer.

    Parameters
    ----------
    shared : Shared
    trainer : Trainer
        Keeps the prepared scene.
    """

    def __init__(self, shared: Shared, trainer: Trainer) -> None:
        self._state, self._book, self._preview, self._shelf = shared
        self._trainer = trainer

    def sweep(self, stopped: Callable[[], bool]) -> None:
        """Sweep over the range of k in the state; blocks until it ends."""
        state = self._state
        first, last = state.first_k, state.last_k
        if first > last:
            raise InputError(
                f"The sweep would go from k = {first} to {last}; choose a first k that "
                "is not larger than the last."
            )
        if state.preset != "default":
            raise InputError(
                "A sweep needs preset 'default'; choose it under Advanced on the Train "
                "tab."
            )

        def prepare(message: str) -> None:
            if stopped():
                raise Interrupted
            state.say(message)

        try:
            self._trainer.load(lambda: prepare(LOADING))
            from ktextures.selection.sweep import sweep_prepared

            prepared = self._trainer.prepared_scene(
                None, lambda part: prepare(PARTS[part])
            )
        except Interrupted:
            state.say("The sweep was stopped before its first k.")
            return
        prepared.check_k(last)
        state.say(f"Sweeping over k = {first} to {last}.")
        total = last - first + 1

        def show(found: xr.Dataset) -> None:
            state.sweep = found
            state.progress = found.sizes["k"] / total

        found = sweep_prepared(
            prepared,
            range(first, last + 1),
            self._preview.thinned,
            step=self._preview.step,
            on_k=show,
            stopped=stopped,
        )
        state.say(_outcome(found, total))

    def adopt(self, k: int, stopped: Callable[[], bool]) -> None:
        """Show the model that the sweep found for one k; the change can be undone.

        Raises
        ------
        InputError
            If there is no sweep, or not this k in it.
        """
        state = self._state
        if state.sweep is None:
            raise InputError("there is no sweep yet; press Sweep first.")
        from ktextures.selection.sweep import sweep_model

        model = sweep_model(state.sweep, k)
        state.say(f"Adopting the model of k = {k}.")
        snapshot = snapshot_of(model, self._preview)
        if stopped():
            state.say("Stopped; the classes stay as they are.")
            return
        with state.lock:
            before = self._shelf.model
            hints = _followed(state, snapshot.classes)
            table = _with_names_of(self._book.matched(snapshot), model.classes)
            self._book.put(before, snapshot, table, range(1, k + 1))
            self._shelf.put(model.with_classes(table))
            self._trainer.take_hints(hints)
            state.k = k
            state.step = state.goal = model.record.steps
            state.losses = [float(v) for v in model.record.losses.get("loss", ())]
        state.say(f"Adopted k = {k}; Continue trains it to the end.", "done")


def _followed(state: ExplorerState, classes: np.ndarray) -> Hints:
    """The hints, of the classes (y, x) of another model that theirs mostly became."""
    before = state.snapshot
    if before is None:
        return Hints()

    def became(number: int) -> int:
        mine = classes[(before.classes == number) & (classes > 0)]
        return int(np.bincount(mine).argmax()) if mine.size else 1

    return state.hints.of_classes([became(int(hint.class_)) for hint in state.hints])


def _outcome(found: xr.Dataset | None, total: int) -> str:
    if found is None:
        return "The sweep was stopped before its first k."
    k, count = found.attrs["recommended_k"], found.sizes["k"]
    done = f"Swept over {count} of {total} values" if count < total else "Swept"
    return f"{done}; recommended: k = {k}. Click a map to adopt its model."


def _with_names_of(shown: "ClassTable | None", own: "ClassTable") -> "ClassTable":
    """The table of a model with the names that the user gave to similar classes."""
    if shown is None:
        return own
    for value, name in enumerate(shown.names, 1):
        if not DEFAULT_NAME.fullmatch(name):
            own = own.rename(value, name)
    return replace(own, assignment=shown.assignment)
