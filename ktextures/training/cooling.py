"""A learning rate that stays, and falls once a training is to end."""

from typing import Any

import keras
import tensorflow as tf

__all__ = ["Cooling"]

LAST = 0.05
"""Share of the rate that is left at the end."""


@keras.saving.register_keras_serializable("ktextures")
class Cooling(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate, then half a cosine down to a twentieth of it.

    Parameters
    ----------
    rate : float
    begin, length : int
        Step at which it begins to fall, and the steps that this takes.

    Attributes
    ----------
    begin : variable
        May be moved while a training runs.
    """

    def __init__(self, rate: float, begin: int, length: int) -> None:
        self.rate, self.length = rate, max(length, 1)
        self.begin = tf.Variable(float(begin), trainable=False)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Rate of a step."""
        past = (tf.cast(step, "float32") - self.begin) / self.length
        half = tf.cos(3.14159265 * tf.clip_by_value(past, 0.0, 1.0))
        return self.rate * (LAST + (1.0 - LAST) * 0.5 * (1.0 + half))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        begin = int(self.begin.numpy())
        return {"rate": self.rate, "begin": begin, "length": self.length}
