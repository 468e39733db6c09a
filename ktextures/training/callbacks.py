"""Callbacks of a training: what they receive, and which of Keras's do not apply."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import keras

from ktextures.errors import InputError

__all__ = ["Callback", "check_callbacks", "preparation_listener"]

_FIXED_RATE = (
    "the preset controls the learning rates; pass "
    "preset=ktextures.presets.default.with_learning_rate(...) instead"
)
_OWN_FILES = (
    "models are saved to .ktextures files; pass checkpoint= to resume an interrupted "
    "training, or call self.model.save(path) in a ktextures.Callback"
)
_REFUSED = {
    keras.callbacks.LearningRateScheduler: _FIXED_RATE,
    keras.callbacks.ReduceLROnPlateau: _FIXED_RATE,
    keras.callbacks.ModelCheckpoint: _OWN_FILES,
    keras.callbacks.BackupAndRestore: _OWN_FILES,
    keras.callbacks.SwapEMAWeights: "the objectives keep no averaged weights",
}


class Callback(keras.callbacks.Callback):
    """Base class of callbacks, with the hooks that a training calls.

    Override what you need. An epoch is one pass over the training tiles, a batch is
    one gradient step. ``logs`` are the losses as numbers, "loss" among them.

    - ``on_preparation(part)``: again and again before the first step, in the thread of
      the training, with what is being prepared: "tiles", "encoder", "descriptors" or
      "initial labels". An exception ends the call of `ktextures.train`.
    - ``on_train_begin(logs)``, ``on_train_end(logs)``
    - ``on_epoch_begin(epoch, logs)``, ``on_epoch_end(epoch, logs)``: `logs` holds the
      mean loss of the pass, and the other losses of its last step.
    - ``on_train_batch_begin(batch, logs)``, ``on_train_batch_end(batch, logs)``: one
      step; `logs` holds its losses.

    ``self.model`` is the model in training, a `KTextures`. ``self.model.copy()`` keeps
    its present state; ``self.model.stop_training = True`` ends training after the step
    in progress. An exception in any hook but the first ends the training with a
    `CallbackError`, whose ``model`` holds what was learned by then.

    Of Keras's own callbacks, CSVLogger, EarlyStopping (without
    ``restore_best_weights``), LambdaCallback, TerminateOnNaN and, if installed,
    TensorBoard work; those that change learning rates or write Keras files are refused.

    Examples
    --------
    >>> import ktextures as kt
    >>> class Losses(kt.Callback):
    ...     seen = 0
    ...     def on_train_batch_end(self, batch, logs=None):
    ...         self.seen += logs["loss"] > 0
    >>> losses = Losses()
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, 2, steps=3, callbacks=[losses], progress=False)
    >>> losses.seen
    3
    """

    def on_preparation(self, part: str) -> None:
        """Hear what is being prepared.

        Parameters
        ----------
        part : {"tiles", "encoder", "descriptors", "initial labels"}
        """


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Refuse callbacks that could not do what they are for.

    Raises
    ------
    InputError
        With the reason.
    """
    if isinstance(callbacks, keras.callbacks.Callback):
        raise InputError("callbacks is a single callback; give a list of them.")
    for each in callbacks:
        if isinstance(each, type) or not isinstance(each, keras.callbacks.Callback):
            raise InputError(
                f"callbacks holds {each!r}; give instances of ktextures.Callback or of "
                "Keras's callbacks."
            )
        for kind, reason in _REFUSED.items():
            if isinstance(each, kind):
                raise InputError(f"{type(each).__name__} cannot be used: {reason}.")
        if isinstance(each, keras.callbacks.TensorBoard) and not _has_tensorboard():
            raise InputError(
                "TensorBoard cannot be used: it is not installed; install it with "
                "pip install tensorboard."
            )
        if getattr(each, "restore_best_weights", False):
            raise InputError(
                f"{type(each).__name__}(restore_best_weights=True) cannot be used: the "
                "preset decides which weights are kept; leave it out."
            )


def _has_tensorboard() -> bool:
    return find_spec("tensorboard") is not None


def preparation_listener(
    callbacks: Sequence[keras.callbacks.Callback],
) -> Callable[[str], None]:
    """A function that tells every callback which part is being prepared."""
    hooks = [
        each.on_preparation for each in callbacks if hasattr(each, "on_preparation")
    ]

    def tell(part: str) -> None:
        for hook in hooks:
            hook(part)

    return tell
