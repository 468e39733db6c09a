"""What the masks see of every pixel of the tiles, drawn in batches."""

import numpy as np
import tensorflow as tf

from ktextures.model.ktextures import KTextures
from ktextures.raster.tile_set import TileSet

__all__ = ["PixelBatches"]

SIZE = 8192
"""Pixels of a batch, from anywhere in the tiles."""

GRID = 2
"""Patterns are standardized by every second pixel of every second row."""


class PixelBatches:
    """Patterns and descriptors of the pixels of the tiles.

    Parameters
    ----------
    model : KTextures
        With contextual masks.
    tiles : TileSet
        With a halo of at least the model's reach.
    descriptors : array, shape (n, y, x, dimension), float32
    adapt : bool
        Standardize what the masks see by these tiles.
    seed : int

    Attributes
    ----------
    values : array, shape (n, y + halo, x + halo, band)
        Scaled tiles, with the model's reach around them.
    pixels : array, shape (n, y, x, band)
        Without it.
    inside : array, shape (n, y, x), bool
        Where there are data.
    patterns : array, shape (n, y, x, channel), float16
    """

    def __init__(
        self,
        model: KTextures,
        tiles: TileSet,
        descriptors: np.ndarray,
        *,
        adapt: bool,
        seed: int,
    ) -> None:
        self._model, self.descriptors, self._seed = model, descriptors, seed
        self.values, _ = tiles.inner(model.reach)
        self.pixels, self.inside = tiles.inner()
        self._places = np.flatnonzero(self.inside)
        if adapt:
            model.mask_network.adapt(self.pixels[self.inside])
        self.patterns = self._seen(adapt=adapt)
        self._choose = tf.function(self._largest_logit, reduce_retracing=True)

    @property
    def per_pass(self) -> int:
        """Batches that have as many pixels as the tiles."""
        return -(-len(self._places) // SIZE)

    def _seen(self, *, adapt: bool) -> np.ndarray:
        network = self._model.mask_network
        found = [network.patterns(tf.constant(tile[None]))[0] for tile in self.values]
        if adapt:
            known = np.concatenate(
                [
                    each.numpy()[::GRID, ::GRID][inside[::GRID, ::GRID]]
                    for each, inside in zip(found, self.inside, strict=True)
                ]
            )
            mean, spread = known.mean(0), np.maximum(known.std(0), 1e-3)
            network.adapt_patterns(mean, spread)
            found = [(each - mean) / spread for each in found]
        limit = float(np.finfo("float16").max)
        return np.stack(
            [tf.cast(tf.clip_by_value(e, -limit, limit), "float16") for e in found]
        )

    def draw(
        self, index: int, labels: np.ndarray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Patterns, labels and descriptors of random pixels of all tiles.

        Parameters
        ----------
        index : int
            Of the step; the same one draws the same pixels.
        labels : array, shape (n, y, x), int32
        """
        generator = np.random.default_rng([self._seed, index])
        chosen = self._places[generator.integers(len(self._places), size=SIZE)]
        patterns, descriptors = self.patterns, self.descriptors
        return (
            tf.constant(patterns.reshape(-1, patterns.shape[-1])[chosen]),
            tf.constant(labels.ravel()[chosen]),
            tf.constant(descriptors.reshape(-1, descriptors.shape[-1])[chosen]),
        )

    def choices(self) -> np.ndarray:
        """Mask chosen for each pixel, (n, y, x), -1 where there are no data.

        Numbered as the network has them.
        """
        found = [
            self._choose(tf.constant(tile[None])).numpy()[0] for tile in self.patterns
        ]
        return np.where(self.inside, np.stack(found), -1).astype("int32")

    def _largest_logit(self, patterns: tf.Tensor) -> tf.Tensor:
        """Mask of patterns (batch, y, x, channel)."""
        logits = self._model.mask_network.classify(tf.cast(patterns, "float32"))
        return tf.argmax(logits, -1)
