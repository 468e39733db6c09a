"""What the masks see of every pixel of the tiles, drawn in batches."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import tensorflow as tf

from ktextures.model.masks import ContextualMasks
from ktextures.raster.tile_set import TileSet
from ktextures.training.memory import return_memory

__all__ = ["SIZE", "PixelBatches", "SeenTiles"]

SIZE = 8192
"""Pixels of a batch, from anywhere in the tiles."""

GRID = 2
"""Patterns are standardized by every second pixel of every second row."""

FIXED = ("mean", "whiten", "pattern_mean", "pattern_spread")
"""Weights of the masks that decide what they see; training leaves them alone."""


@dataclass(frozen=True)
class SeenTiles:
    """Tiles as masks see them, whatever k is.

    Attributes
    ----------
    pixels : array, shape (n, y, x, band)
        Scaled.
    inside : array, shape (n, y, x), bool
        Where there are data.
    patterns : array, shape (n, y, x, channel), float16
    fixed : tuple of array
        Weights of the mask network that decide what it sees.
    """

    pixels: np.ndarray
    inside: np.ndarray
    patterns: np.ndarray
    fixed: tuple[np.ndarray, ...]

    @classmethod
    def by(cls, network: ContextualMasks, tiles: TileSet, *, adapt: bool) -> Self:
        """What a network sees of tiles, which have a halo of at least its reach.

        `adapt` standardizes what it sees by these tiles.
        """
        values, _ = tiles.inner(network.reach)
        pixels, inside = tiles.inner()
        if adapt:
            network.adapt(pixels[inside])
        found = []
        for tile in values:
            found.append(network.patterns(tf.constant(tile[None]))[0])
            return_memory()
        if adapt:
            known = np.concatenate(
                [
                    each.numpy()[::GRID, ::GRID][known[::GRID, ::GRID]]
                    for each, known in zip(found, inside, strict=True)
                ]
            )
            mean, spread = known.mean(0), np.maximum(known.std(0), 1e-3)
            network.adapt_patterns(mean, spread)
        limit = float(np.finfo("float16").max)
        patterns = np.empty((len(found), *found[0].shape), "float16")
        for index in range(len(found)):
            each = found.pop(0)  # held no longer than it takes to store it
            each = (each - mean) / spread if adapt else each
            patterns[index] = tf.cast(tf.clip_by_value(each, -limit, limit), "float16")
        return_memory()
        fixed = tuple(getattr(network, name).numpy() for name in FIXED)
        return cls(pixels, inside, patterns, fixed)

    def assign_to(self, network: ContextualMasks) -> None:
        """Let a network with the same texture scale see tiles like this."""
        for name, value in zip(FIXED, self.fixed, strict=True):
            getattr(network, name).assign(value)

    def fits(self, network: ContextualMasks) -> bool:
        """Whether a network sees tiles like this."""
        own = [getattr(network, name).numpy() for name in FIXED]
        return all(
            np.array_equal(mine, value)
            for mine, value in zip(own, self.fixed, strict=True)
        )


class PixelBatches:
    """Patterns and descriptors of the pixels of the tiles.

    Parameters
    ----------
    network : ContextualMasks
    seen : SeenTiles
        As this network sees them.
    descriptors : array, shape (n, y, x, dimension), float32
    seed : int

    Attributes
    ----------
    pixels, inside, patterns : array
        As in `SeenTiles`.
    """

    def __init__(
        self,
        network: ContextualMasks,
        seen: SeenTiles,
        descriptors: np.ndarray,
        *,
        seed: int,
    ) -> None:
        self.descriptors, self._seed = descriptors, seed
        self.pixels, self.inside = seen.pixels, seen.inside
        self.patterns = seen.patterns
        self._places = np.flatnonzero(self.inside)
        # TensorFlow would warn of a method that many models compile.
        self._choose = tf.function(
            partial(largest_logit, network), reduce_retracing=True, autograph=False
        )

    @property
    def per_pass(self) -> int:
        """Batches that have as many pixels as the tiles."""
        return -(-len(self._places) // SIZE)

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
        chosen = self.places(index)
        patterns, descriptors = self.patterns, self.descriptors
        return (
            tf.constant(patterns.reshape(-1, patterns.shape[-1]).take(chosen, 0)),
            tf.constant(labels.ravel()[chosen]),
            tf.constant(descriptors.reshape(-1, descriptors.shape[-1]).take(chosen, 0)),
        )

    def places(self, index: int) -> np.ndarray:
        """Where in the tiles, flattened, the pixels are that a step draws."""
        generator = np.random.default_rng([self._seed, index])
        return np.asarray(
            self._places[generator.integers(len(self._places), size=SIZE)]
        )

    def choices(self) -> np.ndarray:
        """Mask chosen for each pixel, (n, y, x), -1 where there are no data.

        Numbered as the network has them.
        """
        found = [
            self._choose(tf.constant(tile[None])).numpy()[0] for tile in self.patterns
        ]
        return np.where(self.inside, np.stack(found), -1).astype("int32")


def largest_logit(network: ContextualMasks, patterns: tf.Tensor) -> tf.Tensor:
    """Mask of patterns (batch, y, x, channel)."""
    return tf.argmax(network.classify(tf.cast(patterns, "float32")), -1)
