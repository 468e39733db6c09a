"""Descriptors: one space for the neighborhood of a pixel and for a whole texture.

A descriptor is the local mean of an extractor's feature maps, standardized by frozen
statistics of the scene and projected on a few directions. As all of this is linear, the
mean feature of a generated texture has a place in the same space, where it can be
compared with the neighborhood of every pixel.
"""

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from skimage.segmentation import felzenszwalb

from ktextures.features.protocol import FeatureExtractor
from ktextures.model.ops import blur, blur_reach
from ktextures.raster.tile_set import TileSet
from ktextures.training.noise_whitening import nearby_covariance, quiet_directions

__all__ = ["DescriptorSpace"]

GRID = 4
"""Statistics are taken from every fourth pixel of every fourth row."""

FIT_TILES = 16
"""Most tiles used for statistics; their maps are in memory at the same time."""

TEXTURE_CHANNELS, DIMENSIONS = 48, 24
"""Principal directions kept: first of texture, then of all channels."""

FLOOR = 0.05
"""Smallest spread of a channel, as a share of all: silent ones stay silent."""


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
    """Local means of feature maps, standardized and projected.

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
    color_weights : sequence of float
        How much `ColorFeatures` count beside the others. The first makes the
        descriptors; with the rest, they are further views of the same pixels, once
        with the noise of `lags` and once with that of all distances.
    lags : sequence of int
        Pixels over which what changes is noise; empty = the spread of each direction is
        whitened instead. See `ktextures.training.noise_whitening`.
    shrinkage : float
        Of that noise.

    Attributes
    ----------
    turns : tuple of array, shape (channel, dimension), float32
        From channels to the dimensions of each view.

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
        color_weights: Sequence[float] = (1.0,),
        lags: Sequence[int] = (),
        shrinkage: float = 0.0,
    ) -> None:
        self.extractors, self.sigma = tuple(extractors), sigma
        self.segment_scales, self.lags = tuple(segment_scales), tuple(lags)
        self.color_weights, self.shrinkage = tuple(color_weights), shrinkage
        self.layers: list[Layer] = []
        self.turns: tuple[np.ndarray, ...] = ()

    def maps(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps (batch, y / s, x / s, channel) by all extractors."""
        return [maps for extractor in self.extractors for maps in extractor(tiles)]

    def _is_color(self, tiles: TileSet) -> list[bool]:
        """Whether each map is one of colors."""
        corner = tf.constant(tiles.values[:1, :32, :32])
        return [
            extractor.only_color
            for extractor in self.extractors
            for _ in extractor(corner)
        ]

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

    def _each(
        self, tiles: TileSet, on_tile: Callable[[], None]
    ) -> Iterator[list[tf.Tensor]]:
        for values, valid in zip(tiles.values, tiles.valid, strict=True):
            on_tile()
            mask = tf.constant(valid[None, ..., None].astype("float32"))
            yield self.pooled(tf.constant(values[None]), mask)

    def fit(
        self, tiles: TileSet, on_tile: Callable[[], None] = lambda: None
    ) -> np.ndarray:
        """Learn statistics, projection and turns from tiles; return their channels.

        Parameters
        ----------
        tiles : TileSet
            With a halo that spares them the worst of the edge effects.
        on_tile : callable
            Called before each pass over a tile; an exception ends the fit.

        Returns
        -------
        array, shape (n, y, x, channel), float32
            Without the halo. Times one of `turns`, these are descriptors.
        """
        some = tiles.some(FIT_TILES)
        pooled = list(self._each(some, on_tile))
        color = self._is_color(tiles)
        self._standardize(self._on_grid(pooled, some), color)
        maps = pooled if len(some) == len(tiles) else self._each(tiles, on_tile)
        cut = slice(tiles.halo, -tiles.halo or None)
        channels = np.stack(
            [
                self._within_edges(self._project(each, values.shape[:2]), values)[
                    cut, cut
                ]
                for each, values in zip(maps, tiles.values, strict=True)
            ]
        )
        self._turn(channels, tiles.inner()[1], any(color) and not all(color))
        return channels

    def _standardize(self, rows: list[np.ndarray], color: list[bool]) -> None:
        """Learn mean, spread and projection of the channels of each map."""
        means = [row.mean(0) for row in rows]
        spreads = [_floored(row.std(0)) for row in rows]
        scaled = [
            (row - mean) / spread
            for row, mean, spread in zip(rows, means, spreads, strict=True)
        ]
        projections = self._projections(scaled, color)
        self.layers = [
            Layer(*(np.asarray(part, "float32") for part in layer))
            for layer in zip(means, spreads, projections, strict=True)
        ]

    def _projections(
        self, rows: list[np.ndarray], color: list[bool]
    ) -> list[np.ndarray]:
        """Textures share principal directions; colors stay as they are."""
        pairs = list(zip(rows, color, strict=True))
        textures = [row for row, tinted in pairs if not tinted]
        bands = sum(row.shape[1] for row, tinted in pairs if tinted)
        vectors = np.zeros((0, 0))
        if textures:
            vectors = principal_directions(
                np.concatenate(textures, 1), TEXTURE_CHANNELS
            )
        self._textures = vectors.shape[1]
        directions, eye = iter(vectors), iter(np.eye(bands))
        found = []
        for row, tinted in pairs:
            part = np.zeros((row.shape[1], self._textures + bands))
            columns = slice(self._textures, None) if tinted else slice(self._textures)
            source = eye if tinted else directions
            part[:, columns] = list(itertools.islice(source, row.shape[1]))
            found.append(part)
        return found

    def _turn(self, channels: np.ndarray, valid: np.ndarray, mixed: bool) -> None:
        """Learn how channels become the dimensions of each view."""
        rows = channels[:, ::GRID, ::GRID][valid[:, ::GRID, ::GRID]]
        noises = [nearby_covariance(channels, valid, self.lags)]
        if mixed and self.lags:
            # Differences at any distance count as noise too: where one kind of noise
            # misleads, the other helps.
            noises.append(np.cov(rows.T.astype("float64")))
        weights = self.color_weights if mixed else (1.0,)
        self.turns = tuple(
            self._view(rows, noise, weight)
            for noise, weight in itertools.product(noises, weights)
        )

    def _view(self, rows: np.ndarray, noise: np.ndarray, weight: float) -> np.ndarray:
        """From channels to the dimensions of one view."""
        scale = np.ones(rows.shape[1])
        scale[self._textures :] = weight
        turn = quiet_directions(
            rows * scale, noise * scale * scale[:, None], DIMENSIONS, self.shrinkage
        )
        return (scale[:, None] * turn).astype("float32")

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
        channels = tf.add_n(
            [
                tf.linalg.matmul((mean - layer.mean) / layer.spread, layer.projection)
                for mean, layer in zip(means, self.layers, strict=True)
            ]
        )
        return tf.linalg.matmul(channels, self.turns[0])

    def texture_means(self, textures: tf.Tensor) -> list[tf.Tensor]:
        """Mean features (class, channel) of textures (class, y, x, band), per map."""
        return [tf.reduce_mean(maps, [1, 2]) for maps in self.maps(textures)]


def _floored(spread: np.ndarray) -> np.ndarray:
    # Not from the median: more than half of VGG-16's channels may be silent.
    floor = FLOOR * float(np.sqrt(np.mean(spread**2))) + 1e-6
    return np.maximum(spread, floor) * np.sqrt(spread.size)


def principal_directions(rows: np.ndarray, count: int) -> np.ndarray:
    """Directions (channel, count) of largest variance of centered rows."""
    _, vectors = np.linalg.eigh((rows.T @ rows / len(rows)).astype("float64"))
    return np.asarray(vectors[:, ::-1][:, :count])


def segments_of(values: np.ndarray, scale: float) -> np.ndarray:
    """Segments (y, x), numbered from 0, of a tile (y, x, band)."""
    with warnings.catch_warnings():
        # The third dimension really holds bands.
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
