"""A sample of pixels, as the last layer of the masks sees them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import tensorflow as tf

from ktextures.errors import InputError
from ktextures.model.ktextures import KTextures
from ktextures.training.pixel_batches import SeenTiles

__all__ = ["HeadSample"]

SAMPLE = 20_000
STRIP = 128
"""Rows that are processed together: bounds memory."""


@dataclass(frozen=True)
class HeadSample:
    """What the last layer sees of some valid pixels, and their colors.

    Attributes
    ----------
    features : array, shape (n, hidden + 1), float64
        The last is 1, for the offset.
    colors : array, shape (n, band)
        Scaled.
    """

    features: np.ndarray
    colors: np.ndarray

    @classmethod
    def of_seen(cls, model: KTextures, seen: SeenTiles) -> Self:
        """Sample what the model's masks have already seen of training tiles."""
        places = np.flatnonzero(seen.inside)
        if len(places) > SAMPLE:
            generator = np.random.default_rng(model.config.seed)
            places = generator.choice(places, SAMPLE, replace=False)
        channels, bands = seen.patterns.shape[-1], seen.pixels.shape[-1]
        patterns = seen.patterns.reshape(-1, channels)[places].astype("float32")
        context = model.mask_network.mix(tf.constant(patterns[None, None]))
        return cls.joined(
            [context.numpy()[0, 0]], [seen.pixels.reshape(-1, bands)[places]]
        )

    @classmethod
    def of_tiles(cls, model: KTextures, values: np.ndarray, valid: np.ndarray) -> Self:
        """Sample tiles that the model has not seen.

        Parameters
        ----------
        model : KTextures
        values : array, shape (n, y + 2 reach, x + 2 reach, band), float32
            Scaled and filled, with their halo; of one tile also without the first axis.
        valid : array, shape (n, y, x), bool
            Without the halo; of one tile alike.

        Raises
        ------
        InputError
            If no pixel is valid.
        """
        if not valid.any():
            raise InputError("There is no valid pixel to measure the classes on.")
        if values.ndim == 3:
            values, valid = values[None], valid[None]
        features, colors = [], []
        for tile, known in zip(values, valid, strict=True):
            share = min(SAMPLE / len(values) / max(int(known.sum()), 1), 1.0)
            seen, found = _sample(model, tile, known, share)
            features += seen
            colors += found
        return cls.joined(features, colors)

    @classmethod
    def joined(cls, features: list[np.ndarray], colors: list[np.ndarray]) -> Self:
        """Join parts, and append the 1 of the offset."""
        rows = np.concatenate(features).astype("float64")
        ones = np.ones((len(rows), 1))
        return cls(np.hstack([rows, ones]), np.concatenate(colors))


def _sample(
    model: KTextures, values: np.ndarray, valid: np.ndarray, share: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the network sees of a share of the valid pixels of a tile, and colors."""
    generator = np.random.default_rng(model.config.seed)
    seen, colors = [], []
    for row in range(0, len(valid), STRIP):
        known = valid[row : row + STRIP]
        chosen = known & (generator.random(known.shape) < share)
        if not chosen.any():
            continue
        part = values[row : row + len(known) + 2 * model.reach]
        context = model.mask_network.context(tf.constant(part[None])).numpy()[0]
        seen.append(context[chosen])
        inner = slice(model.reach, -model.reach or None)
        colors.append(part[inner, inner][chosen])
    return seen, colors
