"""The callback that follows a training; loads Keras, so only the worker imports it."""

from collections.abc import Callable, Mapping
from typing import Any

from ktextures.model.ktextures import KTextures
from ktextures.training.callbacks import Callback

__all__ = ["Watcher"]


class Watcher(Callback):
    """Report each step of a training to the functions that follow it.

    Parameters
    ----------
    on_begin, on_step : callable
        Called with the model in training, in the training's thread: before the first
        step, and after each step. Returning True ends the training.
    on_preparation : callable
        Called with the part that is being prepared.
    """

    def __init__(
        self,
        on_begin: Callable[[KTextures], bool],
        on_step: Callable[[KTextures], bool],
        on_preparation: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._on_begin, self._on_step = on_begin, on_step
        self._on_preparation = on_preparation

    def on_preparation(self, part: str) -> None:
        """Pass the part on."""
        self._on_preparation(part)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Pass the model on before the first step."""
        if self._on_begin(self.model):
            self.model.stop_training = True

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Pass the model on after a step."""
        if self._on_step(self.model):
            self.model.stop_training = True
