"""Descriptors: what a neighbourhood and a whole texture have in common, in one space.

A descriptor is the local mean of an extractor's feature maps, standardised by frozen
statistics of the scene and projected on its principal directions. As all of that is
linear, the mean feature of a generated texture has its place in the same space, where it
is compared with the neighbourhood of every pixel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import tensorflow as tf

from ktextures.features import FeatureExtractor
from ktextures.ops import blur, blur_reach
from ktextures.sampling import TileSet

__all__ = ["DescriptorSpace"]

GRID = 4
"""Statistics are taken from every fourth pixel of every fourth row."""

FIT_TILES = 16
"""Most tiles that statistics are taken from; their maps are in memory at once."""

FLOOR = 0.05
"""Least spread of a channel, as a share of the median one, so that dead ones stay so."""


@dataclass(frozen=True)
class Layer:
    """Frozen statistics of one feature map.

    Attributes
    ----------
    mean, spread : array, shape (channel,)
    projection : array, shape (channel, dimension)
    """

    mean: np.ndarray
    spread: np.ndarray
    projection: np.ndarray


class DescriptorSpace:
    """Local means of feature maps, standardised and projected.

    Parameters
    ----------
    extractors : sequence of FeatureExtractor
        Fitted.
    sigma : float
        Standard deviation in pixels of the Gaussian that takes the local mean; 0 = none.
    dimensions : int
        Principal directions kept.
    """

    def __init__(
        self,
        extractors: Sequence[FeatureExtractor],
        sigma: float,
        dimensions: int = 24,
    ) -> None:
        self.extractors = tuple(extractors)
        self.sigma, self.dimensions = sigma, dimensions
        self.layers: list[Layer] = []

    @property
    def halo(self) -> int:
        """Pixels that a tile needs on each side for descriptors without edge effects."""
        return 8 * ceil((blur_reach(self.sigma) + 4) / 8) if self.sigma else 4

    def maps(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps (batch, y / s, x / s, channel) by all extractors."""
        return [maps for extractor in self.extractors for maps in extractor(tiles)]

    def pooled(self, tiles: tf.Tensor, valid: tf.Tensor) -> list[tf.Tensor]:
        """Local means of the feature maps over valid pixels; same shapes as `maps`."""
        return [self._pool(maps, valid) for maps in self.maps(tiles)]

    def _pool(self, maps: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
        height, width = maps.shape[1:3]
        stride = round(valid.shape[1] / height)
        sigma = self.sigma / stride
        if not self.sigma:
            return maps
        weight = tf.image.resize(valid, (height, width), antialias=True)
        margin = blur_reach(sigma)
        frame = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
        total = blur(tf.pad(tf.concat([maps * weight, weight], -1), frame), sigma)
        return total[..., :-1] / tf.maximum(total[..., -1:], 1e-3)

    def _each(self, tiles: TileSet) -> Iterator[list[tf.Tensor]]:
        for values, valid in zip(tiles.values, tiles.valid, strict=True):
            mask = tf.constant(valid[None, ..., None].astype("float32"))
            yield self.pooled(tf.constant(values[None]), mask)

    def fit(self, tiles: TileSet) -> np.ndarray:
        """Learn statistics and projection from tiles; return their descriptors.

        Parameters
        ----------
        tiles : TileSet
            With a halo of at least `halo`.

        Returns
        -------
        array, shape (n, y, x, dimension), float32
            Without the halo.
        """
        some = tiles.some(FIT_TILES)
        pooled = list(self._each(some))
        self._learn(self._on_grid(pooled, some))
        if len(some) < len(tiles):
            pooled_one_by_one = self._each(tiles)
            return np.concatenate([self._describe(maps, tiles) for maps in pooled_one_by_one])
        return np.concatenate([self._describe(maps, tiles) for maps in pooled])

    def _learn(self, rows: list[np.ndarray]) -> None:
        means = [row.mean(0) for row in rows]
        spreads = [_floored(row.std(0)) for row in rows]
        scaled = np.concatenate(
            [
                (row - mean) / spread
                for row, mean, spread in zip(rows, means, spreads, strict=True)
            ],
            1,
        )
        vectors = principal_directions(scaled, self.dimensions)
        ends = np.cumsum([row.shape[1] for row in rows])[:-1]
        parts = np.split(vectors, ends)
        self.layers = [
            Layer(*map(np.float32, layer)) for layer in zip(means, spreads, parts, strict=True)
        ]

    def _on_grid(self, pooled: list[list[tf.Tensor]], tiles: TileSet) -> list[np.ndarray]:
        """Valid pixels of every pooled map, (pixel, channel) each, on a common grid."""
        _, valid = tiles.inner()
        height, width = valid.shape[1] // GRID, valid.shape[2] // GRID
        keep = valid[:, ::GRID, ::GRID][:, :height, :width]
        rows: list[list[np.ndarray]] = [[] for _ in pooled[0]]
        for tile, maps in enumerate(pooled):
            for index, each in enumerate(maps):
                full = self._inner(each, tiles)
                grid = tf.image.resize(full, (height, width))[0].numpy()
                rows[index].append(grid[keep[tile]])
        return [np.concatenate(row) for row in rows]

    @staticmethod
    def _inner(maps: tf.Tensor, tiles: TileSet) -> tf.Tensor:
        """Take the halo off a map that may be coarser than its tile."""
        stride = round(tiles.values.shape[1] / maps.shape[1])
        cut = tiles.halo // stride
        return maps[:, cut : maps.shape[1] - cut, cut : maps.shape[2] - cut]

    def _describe(self, pooled: list[tf.Tensor], tiles: TileSet) -> np.ndarray:
        _, height, width, _ = tiles.inner()[0].shape
        total = 0.0
        for maps, layer in zip(pooled, self.layers, strict=True):
            scaled = (self._inner(maps, tiles) - layer.mean) / layer.spread
            projected = tf.linalg.matmul(scaled, layer.projection)
            total += tf.image.resize(projected, (height, width)).numpy()
        return total

    def place(self, means: Sequence[tf.Tensor]) -> tf.Tensor:
        """Descriptors (class, dimension) of mean features, one (class, channel) per map."""
        return tf.add_n(
            [
                tf.linalg.matmul((mean - layer.mean) / layer.spread, layer.projection)
                for mean, layer in zip(means, self.layers, strict=True)
            ]
        )

    def texture_means(self, textures: tf.Tensor) -> list[tf.Tensor]:
        """Mean feature of each texture (class, y, x, band), one (class, channel) per map."""
        return [tf.reduce_mean(maps, [1, 2]) for maps in self.maps(textures)]


def _floored(spread: np.ndarray) -> np.ndarray:
    floor = FLOOR * float(np.median(spread)) + 1e-6
    return np.maximum(spread, floor) * np.sqrt(spread.size)


def principal_directions(rows: np.ndarray, count: int) -> np.ndarray:
    """Directions of largest variance of centred rows (n, channel): (channel, count)."""
    covariance = rows.T @ rows / len(rows)
    _, vectors = np.linalg.eigh(covariance.astype("float64"))
    return vectors[:, ::-1][:, :count]
