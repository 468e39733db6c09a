"""Descriptors: what a neighbourhood and a whole texture have in common, in one space.

A descriptor is the local mean of an extractor's feature maps, standardised by frozen
statistics of the scene and projected on its principal directions. As all of that is
linear, the mean feature of a generated texture has its place in the same space, where
it is compared with the neighbourhood of every pixel.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from skimage.segmentation import felzenszwalb

from ktextures.features import FeatureExtractor
from ktextures.ops import blur, blur_reach
from ktextures.sampling import TileSet

__all__ = ["DescriptorSpace"]

GRID = 4
"""Statistics are taken from every fourth pixel of every fourth row."""

FIT_TILES = 16
"""Most tiles that statistics are taken from; their maps are in memory at once."""

FLOOR = 0.05
"""Least spread of a channel, as a share of all: dead ones stay dead."""


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
        Standard deviation in pixels of the Gaussian that takes the local mean; 0 = the
        pixel alone.
    segment_scales : sequence of float
        The local means are averaged over the segments of a tile at these scales, so
        that they stop at the image's edges; empty = not.
    dimensions : int
        Principal directions kept.
    whitening : float
        Power of its spread by which each direction is divided: 0 = none, 1 = all alike.
    weights : sequence of float
        One per extractor, 1 each by default: how much its features count.

    Notes
    -----
    Segments: Felzenszwalb & Huttenlocher 2004, International Journal of Computer Vision
    59:167.
    """

    def __init__(
        self,
        extractors: Sequence[FeatureExtractor],
        sigma: float,
        *,
        segment_scales: Sequence[float] = (),
        dimensions: int = 24,
        whitening: float = 0.25,
        weights: Sequence[float] = (),
    ) -> None:
        self.extractors = tuple(extractors)
        self.weights = tuple(weights) or (1.0,) * len(self.extractors)
        self.sigma, self.dimensions, self.whitening = sigma, dimensions, whitening
        self.segment_scales = tuple(segment_scales)
        self.layers: list[Layer] = []
        self.unwhitening = np.eye(dimensions, dtype="float32")

    def maps(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps (batch, y / s, x / s, channel) by all extractors."""
        return [maps for extractor in self.extractors for maps in extractor(tiles)]

    def _map_weights(self, tiles: TileSet) -> list[float]:
        """The weight of each map, that of its extractor."""
        corner = tf.constant(tiles.values[:1, :32, :32])
        pairs = zip(self.extractors, self.weights, strict=True)
        return [weight for extractor, weight in pairs for _ in extractor(corner)]

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
            With a halo that spares them the worst of the edge effects.

        Returns
        -------
        array, shape (n, y, x, dimension), float32
            Without the halo.
        """
        some = tiles.some(FIT_TILES)
        pooled = list(self._each(some))
        self._standardise(self._on_grid(pooled, some), self._map_weights(tiles))
        maps = pooled if len(some) == len(tiles) else self._each(tiles)
        raw = [
            self._within_edges(self._project(each, values.shape[:2]), values)
            for each, values in zip(maps, tiles.values, strict=True)
        ]
        cut = slice(tiles.halo, -tiles.halo or None)
        descriptors = np.stack([each[cut, cut] for each in raw])
        return self._turn(descriptors, tiles.inner()[1])

    def _standardise(self, rows: list[np.ndarray], weights: list[float]) -> None:
        """Learn mean and spread of each channel, and a first, generous projection."""
        means = [row.mean(0) for row in rows]
        spreads = [
            _floored(row.std(0)) / weight
            for row, weight in zip(rows, weights, strict=True)
        ]
        scaled = np.concatenate(
            [
                (row - mean) / spread
                for row, mean, spread in zip(rows, means, spreads, strict=True)
            ],
            1,
        )
        vectors, _ = principal_directions(scaled, 2 * self.dimensions)
        ends = np.cumsum([row.shape[1] for row in rows])[:-1]
        parts = np.split(vectors, ends)
        self.layers = [
            Layer(*(np.asarray(part, "float32") for part in layer))
            for layer in zip(means, spreads, parts, strict=True)
        ]

    def _turn(self, descriptors: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Turn to the final directions, those of what the edges left, and whiten."""
        sample = descriptors[:, ::GRID, ::GRID][valid[:, ::GRID, ::GRID]]
        vectors, values = principal_directions(sample - sample.mean(0), self.dimensions)
        deviations = np.sqrt(np.maximum(values, 1e-6 * values.max()))
        scale = deviations**self.whitening
        self.unwhitening = np.diag(scale).astype("float32")
        turn = (vectors / scale).astype("float32")
        self.layers = [
            replace(layer, projection=layer.projection @ turn) for layer in self.layers
        ]
        return descriptors @ turn

    def _within_edges(self, descriptors: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Means over the segments of a tile (y, x, band), averaged over the scales."""
        if not self.segment_scales:
            return descriptors
        total = np.zeros_like(descriptors)
        for scale in self.segment_scales:
            segments = segments_of(values, scale)
            total += segment_means(descriptors, segments)
        return total / len(self.segment_scales)

    def _on_grid(
        self, pooled: list[list[tf.Tensor]], tiles: TileSet
    ) -> list[np.ndarray]:
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

    def _project(self, pooled: list[tf.Tensor], shape: tuple[int, ...]) -> np.ndarray:
        """Pooled maps of one tile to (y, x, dimension), with the halo."""
        total = np.zeros(1, "float32")
        for maps, layer in zip(pooled, self.layers, strict=True):
            scaled = (maps - layer.mean) / layer.spread
            projected = tf.linalg.matmul(scaled, layer.projection)
            total = total + tf.image.resize(projected, shape).numpy()[0]
        return total

    def place(self, means: Sequence[tf.Tensor]) -> tf.Tensor:
        """Descriptors (class, dimension) of mean features (class, channel) per map."""
        return tf.add_n(
            [
                tf.linalg.matmul((mean - layer.mean) / layer.spread, layer.projection)
                for mean, layer in zip(means, self.layers, strict=True)
            ]
        )

    def texture_means(self, textures: tf.Tensor) -> list[tf.Tensor]:
        """Mean features (class, channel) of textures (class, y, x, band), per map."""
        return [tf.reduce_mean(maps, [1, 2]) for maps in self.maps(textures)]


def _floored(spread: np.ndarray) -> np.ndarray:
    # Not of the median: of VGG-16's channels more than half may be silent.
    floor = FLOOR * float(np.sqrt(np.mean(spread**2))) + 1e-6
    return np.maximum(spread, floor) * np.sqrt(spread.size)


def principal_directions(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions (channel, count) of largest variance of rows, and the variances."""
    covariance = rows.T @ rows / len(rows)
    values, vectors = np.linalg.eigh(covariance.astype("float64"))
    return vectors[:, ::-1][:, :count], values[::-1][:count]


def segments_of(values: np.ndarray, scale: float) -> np.ndarray:
    """Segments (y, x), numbered from 0, of a tile (y, x, band)."""
    with warnings.catch_warnings():
        # The bands are meant to be bands.
        warnings.filterwarnings(
            "ignore", "Got image with third dimension of", RuntimeWarning
        )
        return felzenszwalb(
            values, scale, sigma=0.8, min_size=int(max(30, scale)), channel_axis=-1
        )


def segment_means(maps: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Mean over each pixel's segment: maps (y, x, channel), segments (y, x) from 0."""
    flat = segments.ravel()
    channels = maps.reshape(flat.size, -1)
    sums = np.stack([np.bincount(flat, channel) for channel in channels.T], -1)
    means = sums / np.maximum(np.bincount(flat), 1)[:, None]
    return means.astype("float32")[flat].reshape(maps.shape)
