"""Weights that are trained, and their running average, which the model holds."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from ktextures.files.archive import Arrays

__all__ = ["AveragedWeights"]

FIRST = 10
"""The first steps are averaged over a tenth of this fewer: they change most."""


class AveragedWeights:
    """Averages weights over the last steps, so that single steps do not show.

    A model that holds averages changes smoothly, and needs no falling learning rate
    before it can be used (Polyak & Juditsky 1992, SIAM Journal on Control and
    Optimization 30:838).

    Parameters
    ----------
    variables : sequence of variable
        Of the model; they hold the averages between steps.
    optimizer : keras.Optimizer
        Of these variables.
    length : int
        Steps over which weights are averaged, about.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        optimizer: keras.Optimizer,
        length: int,
    ) -> None:
        self._variables, self._optimizer = list(variables), optimizer
        self._optimizer.build(self._variables)
        self._kept = 1.0 - 1.0 / max(length, 1)
        self._trained = [tf.Variable(v, trainable=False) for v in self._variables]

    def begin(self) -> list[tf.Tensor]:
        """Give the model the trained weights; return their averages."""
        averages = [tf.identity(variable) for variable in self._variables]
        for variable, trained in zip(self._variables, self._trained, strict=True):
            variable.assign(trained)
        return averages

    def step(
        self, gradients: Sequence[tf.Tensor], averages: Sequence[tf.Tensor]
    ) -> None:
        """Change the trained weights, and give the model their new averages."""
        steps = tf.cast(self._optimizer.iterations, "float32")
        kept = tf.minimum(self._kept, (1.0 + steps) / (FIRST + steps))
        pairs = zip(gradients, self._variables, strict=True)
        self._optimizer.apply_gradients(pairs)
        for variable, trained, average in zip(
            self._variables, self._trained, averages, strict=True
        ):
            trained.assign(variable)
            variable.assign(kept * average + (1.0 - kept) * variable)

    def restart(self) -> None:
        """Train on from what the model holds now."""
        for variable, trained in zip(self._variables, self._trained, strict=True):
            trained.assign(variable)

    def state(self) -> Arrays:
        """The trained weights; the averages are the model's."""
        return {f"trained/{i}": v.numpy() for i, v in enumerate(self._trained)}

    def restore(self, arrays: Mapping[str, tf.Tensor]) -> None:
        """Restore what `state` returned."""
        for index, variable in enumerate(self._trained):
            variable.assign(arrays[f"trained/{index}"])
