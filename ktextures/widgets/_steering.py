"""Hints, applied to a model in the explorer's worker thread."""

from contextlib import suppress
from typing import TYPE_CHECKING

from ktextures.errors import InputError
from ktextures.widgets._trainer import HINTED_STEPS, Interrupted, Trainer

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["Steerer"]


class Steerer:
    """Lets the model that was trained last follow the hints of the state.

    Parameters
    ----------
    trainer : Trainer
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._state, self._shelf = trainer.state, trainer.shelf

    def steer(self) -> None:
        """Apply the hints to the model before hints; blocks until it ends.

        Hints that come meanwhile start it again; another k is trained as ever.

        Raises
        ------
        InputError
            If there is no model.
        """
        trainer, model = self._trainer, self._shelf.model
        base = self._shelf.unsteered or model
        if base is None or model is None:
            raise InputError("there is no model to apply hints to yet; press Train.")
        ended = False
        while not ended and base is not None:
            base = self._named_as_shown(base)
            trainer.base = base.record.steps
            self._state.goal = trainer.base + HINTED_STEPS
            try:
                model = self._steered(base)
                if model is not None and self._state.k != model.k:
                    model, base = trainer.train_until_settled(model), None
            finally:
                self._shelf.settle()
            ended = trainer.conclude(model)
            base = base or model
        self._shelf.unsteered = None if base is model else base

    def _steered(self, base: "KTextures") -> "KTextures | None":
        """A model that follows the present hints."""
        if self._state.hints == base.hints:
            self._trainer.followed = base.hints
            self._shelf.put(base)
            return base
        with suppress(Interrupted):
            return self._trainer.one_training(base)
        return self._shelf.model

    def _named_as_shown(self, model: "KTextures") -> "KTextures":
        table = self._trainer.book.model_table(model.classes)
        return model if table is None else model.with_classes(table)
