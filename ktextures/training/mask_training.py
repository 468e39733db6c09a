"""Training of the masks: pixels choose among textures, or learn the labels given."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ktextures.files.archive import Arrays
from ktextures.model.masks import ContextualMasks
from ktextures.model.ops import hard_masks
from ktextures.training.adam import Adam
from ktextures.training.averaged_weights import AveragedWeights
from ktextures.training.dictionary import Dictionary
from ktextures.training.objective import optimizer_state, restore_optimizer
from ktextures.training.pixel_batches import SIZE

__all__ = ["MaskTraining"]


class MaskTraining:
    """Trains the masks of a model on batches of pixels.

    Parameters
    ----------
    network : ContextualMasks
    dictionary : Dictionary
        What pixels are compared with.
    channels, dimensions : int
        Of what the network sees of a pixel; of its descriptor.
    rate : float
        Learning rate.
    averaging : int
        Steps over which the weights are averaged that the network holds.
    hint_weight : float
        Weight of the loss of hinted pixels.
    is_hinted : bool
        Whether there are any.
    """

    def __init__(
        self,
        network: ContextualMasks,
        dictionary: Dictionary,
        *,
        channels: int,
        dimensions: int,
        rate: float,
        averaging: int,
        hint_weight: float = 0.0,
        is_hinted: bool = False,
    ) -> None:
        self._network, self._dictionary = network, dictionary
        self._hint_weight = hint_weight
        self._rarity = tf.Variable(tf.ones(network.k))
        variables = network.trainable_variables
        self._optimizer = Adam(rate)
        self._averaged = AveragedWeights(variables, self._optimizer, averaging)
        # One graph, whatever counts and however many pixels are simulated or hinted.
        self._step = tf.function(
            self._train,
            input_signature=_signature(channels, dimensions, is_hinted=is_hinted),
            autograph=False,
        )

    @property
    def steps(self) -> int:
        """Steps taken."""
        return int(self._optimizer.iterations)

    def set_rate(self, rate: float) -> None:
        """Change the learning rate."""
        self._optimizer.learning_rate = rate

    def restart(self) -> None:
        """Train on from what the network holds now."""
        self._averaged.restart()

    def weigh(self, counts: np.ndarray) -> None:
        """Let classes count by how rare they are; counts (class,) are of pixels.

        Without it, a class of a few percent is hardly ever learned.
        """
        self._rarity.assign(np.sqrt(counts.mean() / np.maximum(counts, 1)))

    def step(
        self,
        batch: tuple[tf.Tensor, ...],
        simulated: tuple[tf.Tensor, ...],
        hinted: tuple[tf.Tensor, ...],
        weights: tuple[float, float, float],
    ) -> tuple[float, ...]:
        """Take a step, and return the losses.

        Parameters
        ----------
        batch : tuple of tensor
            Patterns (pixel, channel), labels (pixel,) and descriptors (pixel,
            dimension) of `SIZE` pixels.
        simulated : tuple of tensor
            Patterns and labels of simulated pixels.
        hinted : tuple of tensor
            Patterns and masks of hinted pixels, and 1 where hints left a pixel of the
            batch undecided, otherwise 0; nothing without hints.
        weights : (float, float, float)
            Of the losses.

        Returns
        -------
        tuple of float
            Losses: dictionary, imitation, simulation.
        """
        losses = self._step(*batch, *simulated, hinted, tf.constant(weights, "float32"))
        return tuple(losses.numpy().tolist())

    def _train(
        self,
        patterns: tf.Tensor,
        labels: tf.Tensor,
        descriptors: tf.Tensor,
        simulated: tf.Tensor,
        true: tf.Tensor,
        hinted: tuple[tf.Tensor, ...],
        weights: tf.Tensor,
    ) -> tf.Tensor:
        averages = self._averaged.begin()
        with tf.GradientTape() as tape:
            logits = self._logits(patterns)
            distances = self._dictionary.distances(descriptors)
            chosen = tf.reduce_sum(hard_masks(logits) * distances, -1)
            if hinted:
                chosen *= hinted[2]
            dictionary = tf.reduce_mean(chosen)
            imitation = self._entropy(labels, logits)
            simulation = self._entropy(true, self._logits(simulated))
            losses = tf.stack([dictionary, imitation, simulation])
            loss = tf.reduce_sum(weights * losses)
            if hinted:
                right = self._entropy(hinted[1], self._logits(hinted[0]))
                loss += self._hint_weight * right
        gradients = tape.gradient(loss, self._network.trainable_variables)
        self._averaged.step(gradients, averages)
        return losses

    def _logits(self, patterns: tf.Tensor) -> tf.Tensor:
        """Logits (pixel, mask) of patterns (pixel, channel)."""
        seen = tf.cast(patterns, "float32")[None, None]
        return self._network.classify(seen)[0, 0]

    def _entropy(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Mean cross-entropy of labels (pixel,) where rare classes count more."""
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(entropy * tf.gather(self._rarity, labels))

    def state(self) -> Arrays:
        """Weights in training, optimizer, and how much each class counts."""
        return {
            **optimizer_state("masks", self._optimizer),
            **self._averaged.state(),
            "rarity": self._rarity.numpy(),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        restore_optimizer("masks", self._optimizer, arrays)
        self._averaged.restore(arrays)
        self._rarity.assign(arrays["rarity"])


def _signature(channels: int, dimensions: int, *, is_hinted: bool) -> list[Any]:
    """Shapes and types of what a step takes."""

    def pixels(count: int | None) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        patterns = tf.TensorSpec((count, channels), "float16")
        return patterns, tf.TensorSpec((count,), "int32")

    descriptors = tf.TensorSpec((SIZE, dimensions), "float32")
    undecided = tf.TensorSpec((SIZE,), "float32")
    hinted = (*pixels(None), undecided) if is_hinted else ()
    weights = tf.TensorSpec((3,), "float32")
    return [*pixels(SIZE), descriptors, *pixels(None), hinted, weights]
