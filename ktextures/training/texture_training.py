"""Training of the textures: each learns to resemble the pixels of its class."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from ktextures.files.archive import Arrays
from ktextures.model.textures import TileableTextures
from ktextures.training.adam import Adam
from ktextures.training.class_statistics import ClassStatistics
from ktextures.training.objective import optimizer_state, restore_optimizer

__all__ = ["TextureTraining"]

EARLY, LATER = 2, 6
"""Steps of the masks per step of the textures: before masks choose among them, after.

Textures are learned in far fewer steps, and are needed from the first choice on.
"""

LEAST_DRAWN = 8
"""Fewest textures trained together; with many classes, half of them."""

RISE = 15
"""Texture steps in which their learning rate rises: at once, it saturates them."""

SIDE = 48
"""Side in pixels of the textures that are compared with their classes."""


class TextureTraining:
    """Trains the textures of a model, now and then during that of its masks.

    Parameters
    ----------
    bank : TileableTextures
    statistics : ClassStatistics
        What the textures learn.
    rate : float
        Learning rate, which falls to a twentieth.
    steps, early_steps : int
        Steps of the masks, and the first of them, in which textures learn faster.
    last_loss : float, optional
        Of textures that have been trained before; they wait for their turn, so that
        whoever changes k soon sees the masks learn.
    seed : int

    Attributes
    ----------
    loss : float
        Of the last step.
    """

    def __init__(
        self,
        bank: TileableTextures,
        statistics: ClassStatistics,
        *,
        rate: float,
        steps: int,
        early_steps: int,
        last_loss: float | None = None,
        seed: int,
    ) -> None:
        self.bank, self._statistics, self._seed = bank, statistics, seed
        self._early_steps, self._begun = early_steps, last_loss is not None
        self.loss = last_loss or 0.0
        early = min(early_steps, steps)
        count = -(-early // EARLY) + -(-(steps - early) // LATER)
        self._optimizer = _adam(rate, count, bank, min(RISE, count // 4))
        self._step = tf.function(self._train, reduce_retracing=True, autograph=False)

    def after(self, index: int) -> None:
        """Train some textures, each in turn, if step `index` of the masks is due."""
        every = EARLY if index < self._early_steps else LATER
        due = every - 1 if self._begun else 0
        if index % every != due:
            return
        k = self._statistics.k
        group = min(k, max(LEAST_DRAWN, -(-k // 2)))
        turn = int(self._optimizer.iterations)
        drawn = (turn * group + np.arange(group)) % k
        noise_seed = tf.constant([self._seed, index + 1], "int32")
        self.loss = float(self._step(tf.constant(drawn, "int32"), noise_seed))

    def textures(self, index: int, side: int = SIDE) -> tf.Tensor:
        """Textures (class, y, x, band), of noise that depends on the step."""
        noise_seed = tf.constant([self._seed, index], "int32")
        return self.bank(self.bank.noise(side, side, noise_seed))

    def _train(self, drawn: tf.Tensor, noise_seed: tf.Tensor) -> tf.Tensor:
        """Train the `drawn` textures to resemble their classes; return the loss."""
        bank = self.bank
        with tf.GradientTape() as tape:
            noise = bank.noise(SIDE, SIDE, noise_seed)
            textures = bank(tf.gather(noise, drawn), classes=drawn)
            loss = self._statistics.texture_loss(textures, drawn)
        variables = bank.trainable_variables
        gradients = tape.gradient(loss, variables)
        before = [tf.convert_to_tensor(variable) for variable in variables]
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        # Adam's momentum would keep changing textures that were not drawn.
        mine = tf.reduce_any(tf.range(self._statistics.k)[:, None] == drawn, 1)
        for variable, old in zip(variables, before, strict=True):
            shape = [-1, *[1] * (len(old.shape) - 1)]
            variable.assign(tf.where(tf.reshape(mine, shape), variable, old))
        return loss

    def state(self) -> Arrays:
        """Optimizer and last loss."""
        loss = {"texture_loss": np.array(self.loss)}
        return optimizer_state("textures", self._optimizer) | loss

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        restore_optimizer("textures", self._optimizer, arrays)
        self.loss = float(arrays["texture_loss"])


def _adam(
    rate: float, steps: int, layer: keras.layers.Layer, rise: int
) -> keras.Optimizer:
    """Adam whose rate rises for some of the steps, then falls by half a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if rise else rate,
        max(steps - rise, 1),
        alpha=0.05,
        warmup_target=rate if rise else None,
        warmup_steps=rise,
    )
    optimizer = Adam(schedule)
    optimizer.build(layer.trainable_variables)
    return optimizer
