"""The weights to go back to when a training step fails."""

import tensorflow as tf

from ktextures.model.ktextures import KTextures

__all__ = ["LastGood"]


class LastGood:
    """A copy of a model's weights, taken only while all of them are finite.

    Parameters
    ----------
    model : KTextures
        Its weights are copied at once.

    Notes
    -----
    TensorFlow copies the numbers when the weights change, not when they are read.
    """

    def __init__(self, model: KTextures) -> None:
        self._variables = list(model.weights)
        # The published model has hundreds of weights; one by one, they take six times
        # as long.
        self._read = tf.function(self._read_all, autograph=False)
        self._copies, _ = self._read()

    def _read_all(self) -> tuple[list[tf.Tensor], tf.Tensor]:
        copies = [tf.identity(variable) for variable in self._variables]
        finite = [tf.reduce_all(tf.math.is_finite(copy)) for copy in copies]
        return copies, tf.reduce_all(finite)

    def keep(self) -> bool:
        """Copy the weights if all of them are finite; return whether they are."""
        copies, finite = self._read()
        if finite:
            self._copies = copies
        return bool(finite)

    def restore(self) -> None:
        """Give the model the weights of the copy."""
        for variable, copy in zip(self._variables, self._copies, strict=True):
            variable.assign(copy)
