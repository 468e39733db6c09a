"""The one hook into training; loads Keras, so only the worker imports it."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from ktextures.model.ktextures import KTextures

__all__ = ["Watcher"]


class Watcher(keras.callbacks.Callback):
    """Hand each step of a training on to whom it concerns.

    Parameters
    ----------
    begun, stepped : callable
        Called with the model in the training's own thread: before the first step, and
        after each. True ends the training.
    preparing : callable
        Called with the part of the preparation that comes next.
    """

    def __init__(
        self,
        begun: Callable[[KTextures], bool],
        stepped: Callable[[KTextures], bool],
        preparing: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._begun, self._stepped = begun, stepped
        self._preparing = preparing

    def on_preparation(self, part: str) -> None:
        """Hook of `ktextures.train`."""
        self._preparing(part)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Keras's hook."""
        if self._begun(self.model):
            self.model.stop_training = True

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Keras's hook."""
        if self._stepped(self.model):
            self.model.stop_training = True
