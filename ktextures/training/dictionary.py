"""A dictionary with one entry per class, which pixels are compared with.

An entry lies at the mean descriptor of its class, pulled toward the class's texture.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ktextures.files.archive import Arrays

__all__ = ["Dictionary", "pull"]

TRUST = 0.5
"""Weight of a texture against the mean of its class in an entry of the dictionary."""

PULL = 0.25
"""Farthest that a texture may pull an entry toward the mean of the nearest other class.

Textures trained for a minute do not match their classes exactly; without this limit,
their errors would move the masks.
"""


class Dictionary:
    """Entries of all classes.

    Parameters
    ----------
    k, dimensions : int
        Number of classes, and of dimensions of a descriptor.
    spread : float
        Squared distance that counts as 1.
    """

    def __init__(self, k: int, dimensions: int, spread: float) -> None:
        self._spread = spread
        self._entries = tf.Variable(tf.zeros((k, dimensions)))
        self._means = tf.Variable(tf.zeros((k, dimensions)))

    def assign(self, means: np.ndarray, textures: np.ndarray | None = None) -> None:
        """Put the entries at class means, or between these and their textures.

        Parameters
        ----------
        means : array, shape (class, dimension)
        textures : array, shape (class, dimension), or None
            Descriptors of the textures.
        """
        self._means.assign(means)
        offsets = 0.0 if textures is None else pull(textures - means, means)
        self._entries.assign(means + offsets)

    def distances(self, descriptors: tf.Tensor) -> tf.Tensor:
        """Squared distance of (pixel, dimension) to each entry, (pixel, class)."""
        entries = tf.convert_to_tensor(self._entries)
        product = tf.linalg.matmul(descriptors, entries, transpose_b=True)
        distance = tf.reduce_sum(entries**2, -1) - 2.0 * product
        distance += tf.reduce_sum(descriptors**2, -1, keepdims=True)
        # A texture's shortcomings are no reason for pixels to leave its class.
        lack = tf.reduce_sum((entries - self._means) ** 2, -1)
        return (distance - lack) / self._spread

    def state(self) -> Arrays:
        """Entries, and the means that they were made of."""
        return {
            "dictionary/entries": self._entries.numpy(),
            "dictionary/means": self._means.numpy(),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        self._entries.assign(arrays["dictionary/entries"])
        self._means.assign(arrays["dictionary/means"])


def pull(offsets: np.ndarray, means: np.ndarray) -> np.ndarray:
    """How far textures move the entries away from the means of their classes.

    Parameters
    ----------
    offsets : array, shape (class, dimension)
        From the mean of each class to its texture.
    means : array, shape (class, dimension)

    Returns
    -------
    array, shape (class, dimension)
        At most `PULL` of the distance to the nearest other mean, so that each mean
        stays nearest to its own entry.
    """
    apart = np.linalg.norm(means[:, None] - means, axis=-1)
    np.fill_diagonal(apart, np.inf)
    limit = PULL * apart.min(1)
    length = np.maximum(np.linalg.norm(offsets, axis=1), 1e-9)
    return offsets * np.minimum(TRUST, limit / length)[:, None]
