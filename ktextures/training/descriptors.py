"""Descriptors: one space for a pixel with its neighborhood and for a whole texture.

A descriptor joins two things. One is the local mean of an extractor's feature maps,
standardized by frozen statistics of the scene and projected on a few directions. The
other is the color of the pixel itself, so that what is smaller than the neighborhood is
not lost. As all of this is linear, the mean feature of a generated texture has a place
in the same space, where it can be compared with every pixel.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import tensorflow as tf

from ktextures.features.protocol import FeatureExtractor
from ktextures.model.ops import blur, blur_reach
from ktextures.raster.tile_set import TileSet
from ktextures.training.color_contrast import contrasting_directions
from ktextures.training.initial_labels import View
from ktextures.training.memory import return_memory
from ktextures.training.noise_whitening import (
    nearby_covariance,
    persistence,
    quiet_directions,
)
from ktextures.training.segments import means_within_segments
from ktextures.training.standardization import Standardization

__all__ = ["Channels", "DescriptorSpace", "SpaceSettings"]

GRID = 4
"""Statistics, and wide means, are taken from every fourth pixel of every fourth row."""

HALF, SMOOTH = 2, 3.0
"""Local means over this many pixels or more are taken from every second pixel."""

FIT_PIXELS = 8_000
"""Pixels from which statistics of texture are taken, at most."""

FIT_TILES = 16
"""Most tiles used for statistics; their maps are in memory at the same time."""

THREADS = 2
"""Tiles at a time: much of their work is done by one thread each."""

MARGIN = 16
"""Pixels around a tile that segments reach into."""

CALM = 0.7
"""Standard deviation in pixels of the Gaussian that takes noise off colors before their
persistence is measured."""

LASTING = 0.1
"""Least persistence of color at which it is trusted in full; from 0 on, in part."""

TEXTURE_CHANNELS, DIMENSIONS = 48, 24
"""Principal directions of texture kept: before and after noise was whitened."""


Result = TypeVar("Result")


@dataclass(frozen=True)
class SpaceSettings:
    """What a `DescriptorSpace` is made of.

    Parameters
    ----------
    sigma, wide_sigma : float
        Standard deviation in pixels of the Gaussian that takes the local mean: within
        segments, and in wide windows.
    segment_scales : tuple of float
        The local means are averaged over the segments of a tile at these scales, so
        that they stop at the image's edges; empty = not.
    color_weight : float
        How much the color of the pixel counts beside texture, which has weight 1.
    lags : tuple of int
        Pixels over which what changes in texture is noise; see
        `ktextures.training.noise_whitening`.
    shrinkage : float
        Of that noise.
    """

    sigma: float = 4.0
    wide_sigma: float = 16.0
    segment_scales: tuple[float, ...] = ()
    color_weight: float = 0.3
    lags: tuple[int, ...] = (6, 12, 24)
    shrinkage: float = 0.3


@dataclass(frozen=True)
class Channels:
    """Channels of tiles; times one of the space's turns, they are descriptors.

    Attributes
    ----------
    fine : array, shape (n, y, x, texture + color), float32
        Texture within segments, and the color of the pixel.
    narrow, wide : array, shape (n, y / 4, x / 4, texture), float32, or None
        Local means of texture that no segment bounds; None if there are only colors.
    """

    fine: np.ndarray
    narrow: np.ndarray | None
    wide: np.ndarray | None


class DescriptorSpace:
    """Local means of feature maps, standardized and projected, joined with color.

    Parameters
    ----------
    extractors : sequence of FeatureExtractor
        Fitted. Those of color alone are not averaged.
    settings : SpaceSettings

    Attributes
    ----------
    turns : tuple of array, shape (texture + color, dimension), float32
        From fine channels to the dimensions of each view: with the noise of nearby
        pixels whitened, then with that of all distances. The first makes the
        descriptors.
    wide_turns : tuple of array, shape (texture, dimension), float32
        The same for wide channels.
    trust : float
        From 0, if colors differ only from pixel to pixel, to 1, if those of regions
        differ. Segments, which are found by color, and color itself count so much.
    """

    def __init__(
        self, extractors: Sequence[FeatureExtractor], settings: SpaceSettings
    ) -> None:
        self.extractors, self.settings = tuple(extractors), settings
        self.turns: tuple[np.ndarray, ...] = ()
        self.wide_turns: tuple[np.ndarray, ...] = ()
        self._texture: Standardization | None = None
        self._wide: Standardization | None = None
        self.trust = 1.0

    def _maps(self, tiles: tf.Tensor, *, color: bool) -> list[tf.Tensor]:
        """Feature maps (batch, y / s, x / s, channel) of color, or of texture."""
        return [
            maps
            for extractor in self.extractors
            if extractor.only_color == color
            for maps in extractor(tiles)
        ]

    def fit(
        self, tiles: TileSet, on_tile: Callable[[], None] = lambda: None
    ) -> Channels:
        """Learn statistics, projections and turns from tiles; return their channels.

        Parameters
        ----------
        tiles : TileSet
            With a halo that spares them the worst of the edge effects.
        on_tile : callable
            Called before each result for a tile; an exception ends the fit.

        Returns
        -------
        Channels
            Without the halo.
        """
        self.trust = self._color_trust(tiles)
        texture = self._fit_texture(tiles, on_tile)
        color = self._color_channels(tiles, on_tile)
        parts = [part for part in (texture and texture[0], color) if part is not None]
        fine = np.concatenate(parts, -1) if len(parts) > 1 else parts[0]
        channels = Channels(fine, *(texture[1:] if texture else (None, None)))
        self._turn(channels, tiles.inner()[1])
        return channels

    def describe(self, tiles: TileSet) -> np.ndarray:
        """Descriptors of other tiles, by the statistics that were learned.

        Parameters
        ----------
        tiles : TileSet
            With a halo like that of the tiles learned from.

        Returns
        -------
        array, shape (n, y, x, dimension), float32
            Without the halo.
        """

        def texture(index: int) -> np.ndarray:
            return self._channels(tiles, index, *self._pooled(tiles, index))[0]

        parts = []
        if self._texture:
            found = in_threads(texture, len(tiles), lambda: None)
            parts.append(np.stack(found))
        color = self._color_channels(tiles, lambda: None)
        parts += [] if color is None else [color]
        return np.asarray(np.concatenate(parts, -1) @ self.turns[0], "float32")

    def _color_trust(self, tiles: TileSet) -> float:
        """How much colors tell about regions, 0..1."""
        values, inside = tiles.inner()
        known = tf.constant(inside[..., None].astype("float32"))
        calm = local_mean(tf.constant(values), known, CALM)
        lasting = persistence(calm.numpy(), inside, self.settings.lags)
        return float(np.clip(lasting / LASTING, 0.0, 1.0))

    def _fit_texture(
        self, tiles: TileSet, on_tile: Callable[[], None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Texture channels of the tiles: fine, narrow and wide."""
        if all(extractor.only_color for extractor in self.extractors):
            return None
        some = tiles.some(FIT_TILES)
        found = in_threads(lambda i: self._pooled(some, i), len(some), on_tile)
        near, wide = zip(*found, strict=True)
        self._texture = Standardization(on_grid(near, some), TEXTURE_CHANNELS)
        self._wide = Standardization(on_grid(wide, some), TEXTURE_CHANNELS)
        pooled = dict(enumerate(found)) if len(some) == len(tiles) else {}
        del found, near, wide

        def channels(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            # Each is held no longer than it is needed.
            maps = pooled.pop(index, None) or self._pooled(tiles, index)
            made = self._channels(tiles, index, *maps)
            del maps
            return_memory()
            return made

        made = in_threads(channels, len(tiles), on_tile)
        fine, narrow, around = (np.stack(each) for each in zip(*made, strict=True))
        return fine, narrow, around

    def _pooled(
        self, tiles: TileSet, index: int
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Local means of the texture maps of a tile, near and wide."""
        valid = tf.constant(tiles.valid[index][None, ..., None].astype("float32"))
        maps = self._maps(tf.constant(tiles.values[index][None]), color=False)
        sigma, height = self.settings.sigma, valid.shape[1]
        # A Gaussian of some pixels leaves nothing that every second pixel would miss.
        fine = [on_every(HALF, m, height) for m in maps] if sigma >= SMOOTH else maps
        near = [local_mean(each, valid, sigma) for each in fine]
        coarse = [on_every(GRID, each, height) for each in maps]
        wide = [local_mean(each, valid, self.settings.wide_sigma) for each in coarse]
        return near, wide

    def _channels(
        self, tiles: TileSet, index: int, near: list[tf.Tensor], wide: list[tf.Tensor]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fine, narrow and wide texture channels of a tile, without its halo."""
        values, halo = tiles.values[index], tiles.halo
        shape = values.shape[:2]
        projected = _sum_of(self._texture, near, shape)
        # Segments that go on far outside would take time and change little inside.
        margin = min(halo, MARGIN)
        some = slice(halo - margin, -(halo - margin) or None)
        scales = self.settings.segment_scales if self.trust else ()
        means = means_within_segments(projected[some, some], values[some, some], scales)
        cut, inner = slice(halo, -halo or None), slice(margin, -margin or None)
        plain = projected[cut, cut]
        fine = plain + np.float32(self.trust) * (means[inner, inner] - plain)
        coarse = (-(-shape[0] // GRID), -(-shape[1] // GRID))
        start = halo // GRID
        rows, columns = (-(-(size - 2 * halo) // GRID) for size in shape)
        far = _sum_of(self._wide, wide, coarse)
        around = far[start : start + rows, start : start + columns]
        return fine, plain[::GRID, ::GRID], around

    def _color_channels(
        self, tiles: TileSet, on_tile: Callable[[], None]
    ) -> np.ndarray | None:
        """Color channels (n, y, x, band) of the tiles, without their halo."""
        if not any(extractor.only_color for extractor in self.extractors):
            return None
        cut = slice(tiles.halo, -tiles.halo or None)
        found = []
        for values in tiles.values:
            on_tile()
            maps = self._maps(tf.constant(values[None, cut, cut]), color=True)
            found.append(tf.concat(maps, -1).numpy()[0])
        return np.stack(found)

    def _turn(self, channels: Channels, valid: np.ndarray) -> None:
        """Learn how channels become the dimensions of each view."""
        textures = self._texture.dimensions if self._texture else 0
        known = valid[:, ::GRID, ::GRID]
        rows = channels.fine[:, ::GRID, ::GRID][known]
        color = contrasting_directions(rows[:, textures:])
        if not textures:
            self.turns = (color,)
            return
        weight = self.trust * self.settings.color_weight
        parts = self._texture_turns(channels.fine[..., :textures], valid, 1)
        self.turns = tuple(block_diagonal(part, weight * color) for part in parts)
        if channels.wide is not None:
            self.wide_turns = self._texture_turns(channels.wide, known, GRID)

    def _texture_turns(
        self, maps: np.ndarray, valid: np.ndarray, stride: int
    ) -> tuple[np.ndarray, ...]:
        """Turns of texture: nearby noise whitened, and that of all distances."""
        step = GRID // stride
        rows = maps[:, ::step, ::step][valid[:, ::step, ::step]]
        lags = [max(lag // stride, 1) for lag in self.settings.lags]
        # Differences at any distance count as noise too: where one kind of noise
        # misleads, the other helps.
        noises = (nearby_covariance(maps, valid, lags), covariance(rows))
        turns = [
            quiet_directions(rows, noise, DIMENSIONS, self.settings.shrinkage)
            for noise in noises
        ]
        return tuple(turn / _size(rows @ turn) for turn in turns)

    def coarse_rows(
        self, channels: Channels, valid: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Descriptors (pixel, dimension) of texture in narrow and in wide windows.

        `valid`, shape (n, y, x), is that of the tiles without halo.
        """
        known = valid[:, ::GRID, ::GRID]
        if channels.narrow is None or channels.wide is None:
            return np.zeros((0, 0)), np.zeros((0, 0))
        near = self._texture_turns(channels.narrow, known, GRID)[0]
        return channels.narrow[known] @ near, channels.wide[known] @ self.wide_turns[0]

    def views(self, channels: Channels, *, wide: bool) -> list[View]:
        """What votes on the initial labels; wide windows too if asked for."""
        views = [View(channels.fine, turn) for turn in self.turns]
        if wide and channels.wide is not None:
            views += [View(channels.wide, turn, calm=True) for turn in self.wide_turns]
        return views

    def place(self, means: Sequence[tf.Tensor]) -> tf.Tensor:
        """Descriptors (class, dimension) of mean features, as `texture_means` has them.

        They do not depend on how pixels are averaged.
        """
        textures = len(self._texture.layers) if self._texture else 0
        parts = list(means[textures:])
        if self._texture:
            parts = [tf.add_n(self._texture(means[:textures])), *parts]
        return tf.linalg.matmul(tf.concat(parts, -1), self.turns[0])

    def texture_means(self, textures: tf.Tensor) -> list[tf.Tensor]:
        """Mean features (class, channel) of textures (class, y, x, band), per map."""
        maps = self._maps(textures, color=False) + self._maps(textures, color=True)
        return [tf.reduce_mean(each, [1, 2]) for each in maps]


def in_threads(
    function: Callable[[int], Result], count: int, on_tile: Callable[[], None]
) -> list[Result]:
    """Results of a function of the tiles 0, 1, ..., computed two at a time.

    `on_tile` is called, by the calling thread, before each result is waited for.
    """
    pool = ThreadPoolExecutor(THREADS)
    try:
        waiting = [pool.submit(function, index) for index in range(count)]
        found = []
        for each in waiting:
            on_tile()
            found.append(each.result())
        return found
    finally:
        pool.shutdown(cancel_futures=True)


def local_mean(maps: tf.Tensor, valid: tf.Tensor, sigma: float) -> tf.Tensor:
    """Gaussian mean over valid pixels.

    Parameters
    ----------
    maps : tensor, shape (batch, y / s, x / s, channel)
    valid : tensor, shape (batch, y, x, 1), float32
        0 or 1.
    sigma : float
        In pixels of `valid`; 0 = the maps themselves.

    Returns
    -------
    tensor, shape (batch, y / s, x / s, channel)
    """
    if not sigma:
        return maps
    height, width = maps.shape[1:3]
    sigma = sigma * height / valid.shape[1]
    weight = tf.image.resize(valid, (height, width), antialias=True)
    margin = blur_reach(sigma)
    frame = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
    total = blur(tf.pad(tf.concat([maps * weight, weight], -1), frame), sigma)
    return total[..., :-1] / tf.maximum(total[..., -1:], 1e-3)


def on_every(pixels: int, maps: tf.Tensor, height: int) -> tf.Tensor:
    """Means of maps of a tile of so many rows over squares of its pixels."""
    step = max(round(pixels * maps.shape[1] / height), 1)
    return tf.nn.avg_pool2d(maps, step, step, "SAME") if step > 1 else maps


def on_grid(pooled: Sequence[list[tf.Tensor]], tiles: TileSet) -> list[np.ndarray]:
    """Valid pixels of every pooled map, (pixel, channel) each, on a common grid."""
    _, valid = tiles.inner()
    height, width = valid.shape[1] // GRID, valid.shape[2] // GRID
    keep = valid[:, ::GRID, ::GRID][:, :height, :width].copy()
    places = np.flatnonzero(keep)
    if len(places) > FIT_PIXELS:
        keep.flat[places] = False
        keep.flat[places[:: -(-len(places) // FIT_PIXELS)]] = True
    rows: list[list[np.ndarray]] = [[] for _ in pooled[0]]
    for tile, maps in enumerate(pooled):
        for index, each in enumerate(maps):
            stride = tiles.values.shape[1] / each.shape[1]
            cut = round(tiles.halo / stride)
            inner = each[:, cut : each.shape[1] - cut, cut : each.shape[2] - cut]
            grid = tf.image.resize(inner, (height, width))[0].numpy()
            rows[index].append(grid[keep[tile]])
    return [np.concatenate(row) for row in rows]


def _sum_of(
    standard: Standardization | None, maps: list[tf.Tensor], shape: tuple[int, ...]
) -> np.ndarray:
    """Standardized maps of one tile, added up and resized to `shape`."""
    parts = standard(maps) if standard else maps
    finest = max(tuple(part.shape[1:3]) for part in parts)
    total = tf.add_n([tf.image.resize(part, finest) for part in parts])
    return np.asarray(tf.image.resize(total, shape).numpy()[0])


def covariance(rows: np.ndarray) -> np.ndarray:
    """Covariance (channel, channel) of rows (n, channel), float64."""
    return np.atleast_2d(np.cov(rows.T.astype("float64")))


def block_diagonal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two matrices (a, b) and (c, d) along the diagonal of one (a + c, b + d)."""
    whole = np.zeros(np.add(first.shape, second.shape), "float32")
    whole[: len(first), : first.shape[1]] = first
    whole[len(first) :, first.shape[1] :] = second
    return whole


def _size(rows: np.ndarray) -> float:
    """Root of the summed variances of rows (n, dimension)."""
    return float(np.sqrt(rows.var(0).sum())) + 1e-9
