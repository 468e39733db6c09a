"""Mask networks: bands in, k hard masks out.

Both layers take tiles with a halo of `reach` pixels and return masks without it, so
that a pixel's class depends on its own neighborhood alone, wherever a tile begins.
Prediction gives masks of exactly 0 and 1 that sum to 1 over the classes; in training
the same masks carry gradients.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ktextures.errors import InputError
from ktextures.features.filter_bank import oriented_filters
from ktextures.model.ops import blur, blur_reach, crop, hard_masks, score_slices
from ktextures.palette import MAX_CLASSES

__all__ = ["MAX_K", "MIN_K", "ContextualMasks", "PublishedMasks", "check_k"]

MIN_K, MAX_K = 2, MAX_CLASSES
MEANS = (2.0, 6.0, 12.0)
"""Largest standard deviations of the local means, in pixels."""

FILTERS = oriented_filters(4)
"""Derivatives of a Gaussian of 1 px in four directions, shape (7, 7, filter)."""

FILTER_REACH = 9
"""Reach in pixels of the larger filters: twice 3, and 3 of the blur before them."""

COARSE_BLUR = 1.0
"""Standard deviation in pixels of that blur."""

FINE_BANDS = 3
"""Strongest combinations of bands that the finer filters see; the larger see one."""

WEAKEST = 0.01
"""Least variance of a combination of bands, as a share of the strongest's."""

WIDE_FROM = 4.0
"""Texture scale in pixels from which the last of them is taken too."""


def check_k(k: int) -> int:
    """Return `k` if it is a number of classes that can be trained.

    Raises
    ------
    InputError
        If `k` is not a whole number from 2 to 128.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise InputError(f"k is {k!r}; it must be a whole number of classes.")
    if not MIN_K <= k <= MAX_K:
        raise InputError(
            f"k is {k}; choose a number of classes from {MIN_K} to {MAX_K}."
        )
    return int(k)


def initializer(seed: int) -> keras.initializers.Initializer:
    """He-normal weights that depend on `seed` alone."""
    return keras.initializers.HeNormal(seed=seed)


@keras.saving.register_keras_serializable("ktextures")
class PublishedMasks(layers.Layer):
    """The published mask network: a 1x1 score, cut into k slices.

    Parameters
    ----------
    k : int
        Number of classes, 2 to 128.
    width : int
        Channels of the two hidden layers.
    slope : float
        Of the hard sigmoid.
    noise : float
        Standard deviation of the normal noise added to the score in training.
    margin : int
        Pixels cut off each side, as published, though 1x1 layers need none.
    seed : int
        Of the initial weights.

    Notes
    -----
    Wagner et al. 2022, Frontiers in Environmental Science 10:946729.
    """

    has_probabilities = False
    texture_scale = None

    def __init__(
        self,
        k: int,
        *,
        width: int = 64,
        slope: float = 5000.0,
        noise: float = 0.0005,
        margin: int = 4,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.k, self.width, self.seed = check_k(k), width, seed
        self.slope, self.noise, self.margin = slope, noise, margin
        self.stack = []
        for index, units in enumerate((width, width, 1)):
            self.stack += [
                layers.Conv2D(
                    units,
                    1,
                    kernel_initializer=keras.initializers.GlorotUniform(seed + index),
                ),
                layers.BatchNormalization(),
                layers.Activation("elu" if units > 1 else "sigmoid"),
            ]

    @property
    def reach(self) -> int:
        """Pixels of halo that a tile must have on each side."""
        return self.margin

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for tiles of shape (batch, y, x, band)."""
        shape: tuple[int | None, ...] = tuple(input_shape)
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def score(self, tiles: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Score in 0..1, shape (batch, y, x, 1), without the halo."""
        maps = tiles
        for layer in self.stack:
            maps = layer(maps, training=training)
        return crop(maps, self.margin)

    @property
    def groups(self) -> tuple[int, ...]:
        """Mask that each channel of `row_logits` belongs to."""
        return tuple(range(self.k))

    def row_logits(self, tiles: tf.Tensor) -> tf.Tensor:
        """The masks themselves, for lack of logits; largest where a mask is 1."""
        return self(tiles, training=False)

    def united(self, rows: tf.Tensor) -> tf.Tensor:
        """What `row_logits` returned, since each mask has one channel of it."""
        return rows

    def call(
        self,
        tiles: tf.Tensor,
        training: bool = False,
        noise_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Masks (batch, y, x, class) of tiles (batch, y + 2 reach, x + 2 reach, band).

        `noise_seed`, shape (2,) int32, draws the training noise; without it there is
        none.
        """
        score = self.score(tiles, training=training)
        if not training:
            index = tf.clip_by_value(
                tf.cast(score[..., 0] * self.k, "int32"), 0, self.k - 1
            )
            return tf.one_hot(index, self.k, dtype=score.dtype)
        if noise_seed is not None:
            noise = tf.random.stateless_normal(tf.shape(score), noise_seed)
            score = score + self.noise * noise
        return score_slices(score, self.k, self.slope)

    def get_config(self) -> dict[str, object]:
        """Constructor arguments."""
        names = ("k", "width", "slope", "noise", "margin", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("ktextures")
class ContextualMasks(layers.Layer):
    """A mask network that sees a pixel and its neighborhood: k logits per pixel.

    Fixed filters of two sizes respond to fine patterns. The network sees the color of
    the pixel itself, so that small objects are not lost, and local Gaussian means of
    the colors and of the sizes of the responses over several distances, which tell how
    much of each pattern is around. Only the two layers that decide are trained; what
    they see never changes, so that it is computed once for each training pixel.

    Parameters
    ----------
    k : int
        Number of classes, 2 to 128.
    texture_scale : float
        Distance in pixels over which texture is looked at; 0 = color of the pixel only.
        Standard deviations of the local means: up to 2, up to 6, and from a scale of 4
        on also 12 pixels.
    hidden : int
        Channels of the layer before the logits.
    groups : sequence of int, optional
        Mask, from 0, that each row of the last layer belongs to. The logit of a mask is
        the largest of its rows: classes that are merged keep theirs, and so exactly
        their pixels. By default one row for each.
    seed : int
        Of the initial weights.
    """

    has_probabilities = True

    def __init__(
        self,
        k: int,
        *,
        texture_scale: float = 2.0,
        hidden: int = 64,
        groups: Sequence[int] | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.k, self.texture_scale, self.seed = check_k(k), float(texture_scale), seed
        self.hidden = hidden
        self.groups = tuple(range(k) if groups is None else groups)
        self.mix = layers.Conv2D(
            hidden, 1, activation="elu", kernel_initializer=initializer(seed)
        )
        self.head = layers.Conv2D(
            len(self.groups), 1, kernel_initializer=initializer(seed + 1)
        )

    @property
    def reach(self) -> int:
        """Pixels of halo that a tile must have on each side."""
        return FILTER_REACH + blur_reach(max(self.sigmas)) if self.sigmas else 0

    @property
    def sigmas(self) -> tuple[float, ...]:
        """Standard deviations in pixels of the local means."""
        if not self.texture_scale:
            return ()
        near, far, farthest = MEANS
        sigmas = [min(self.texture_scale, near), min(3 * self.texture_scale, far)]
        return (*sigmas, farthest) if self.texture_scale >= WIDE_FROM else (*sigmas,)

    @property
    def distances(self) -> tuple[slice, ...]:
        """Channels of `patterns`: of the pixel itself, then of each local mean."""
        bands = int(self.mean.shape[0])
        maps = _maps_of(bands)
        starts = [bands + index * maps for index in range(len(self.sigmas))]
        return (slice(0, bands), *(slice(start, start + maps) for start in starts))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for tiles of shape (batch, y, x, band)."""
        bands = int(input_shape[-1] or 0)
        channels = bands + len(self.sigmas) * _maps_of(bands)
        for name, shape in (
            ("mean", (bands,)),
            ("whiten", (bands, bands)),
            ("pattern_mean", (channels,)),
            ("pattern_spread", (channels,)),
        ):
            initial = {"whiten": "identity", "pattern_spread": "ones"}.get(
                name, "zeros"
            )
            weight = self.add_weight(
                shape=shape, initializer=initial, trainable=False, name=name
            )
            setattr(self, name, weight)
        self.mix.build((None, None, None, channels))
        self.head.build((None, None, None, self.hidden))
        self.built = True

    def adapt(self, pixels: np.ndarray) -> None:
        """Learn how to decorrelate the bands from pixels (n, band)."""
        rows = pixels.astype("float64")
        covariance = np.atleast_2d(np.cov(rows.T))
        values, vectors = np.linalg.eigh(covariance)
        # A floor keeps the weakest combinations, mostly noise, from counting in full.
        spread = np.sqrt(np.maximum(values, WEAKEST * values.max()) + 1e-12)
        self.mean.assign(rows.mean(0))
        self.whiten.assign((vectors / spread)[:, ::-1])

    def adapt_patterns(self, mean: np.ndarray, spread: np.ndarray) -> None:
        """Freeze mean and standard deviation of what `patterns` returned so far."""
        self.pattern_mean.assign(mean)
        self.pattern_spread.assign(np.maximum(spread, 1e-3))

    def patterns(self, tiles: tf.Tensor) -> tf.Tensor:
        """What the network sees, (batch, y, x, channel), without the halo."""
        bands = tf.linalg.matmul(tiles - self.mean, self.whiten)
        seen = [crop(bands, self.reach)]
        if self.sigmas:
            fine = _responses(bands[..., :FINE_BANDS], 1)
            coarse = _responses(blur(bands[..., :1], COARSE_BLUR), 2)
            fine = crop(fine, FILTER_REACH - 3)
            maps = tf.concat([crop(bands, FILTER_REACH), fine, coarse], -1)
            margin = self.reach - FILTER_REACH
            for sigma in self.sigmas:
                seen.append(blur(crop(maps, margin - blur_reach(sigma)), sigma))
        return (tf.concat(seen, -1) - self.pattern_mean) / self.pattern_spread

    def context(self, tiles: tf.Tensor) -> tf.Tensor:
        """What the logits are a linear function of, (batch, y, x, hidden)."""
        return self.mix(self.patterns(tiles))

    def classify(self, patterns: tf.Tensor) -> tf.Tensor:
        """Logits (batch, y, x, class) of `patterns`."""
        return self.united(self.head(self.mix(patterns)))

    def row_logits(self, tiles: tf.Tensor) -> tf.Tensor:
        """Logits (batch, y, x, row) of tiles with a halo, one per row of the head."""
        return self.head(self.context(tiles))

    def united(self, rows: tf.Tensor) -> tf.Tensor:
        """Logits (batch, y, x, class) of those of the rows (batch, y, x, row)."""
        if self.groups == tuple(range(self.k)):
            return rows
        first = tf.transpose(rows, (3, 0, 1, 2))
        largest = tf.math.unsorted_segment_max(first, self.groups, self.k)
        return tf.transpose(largest, (1, 2, 3, 0))

    def logits(self, tiles: tf.Tensor) -> tf.Tensor:
        """Logits (batch, y, x, class) of tiles with a halo."""
        return self.classify(self.patterns(tiles))

    def call(self, tiles: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Masks (batch, y, x, class) of tiles with a halo of `reach` pixels."""
        return hard_masks(self.logits(tiles))

    def get_config(self) -> dict[str, object]:
        """Constructor arguments."""
        names = ("k", "texture_scale", "hidden", "groups", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _maps_of(bands: int) -> int:
    """Maps that local means are taken of: bands, and responses to the filters."""
    return bands + int(FILTERS.shape[-1]) * (min(bands, FINE_BANDS) + 1)


def _responses(maps: tf.Tensor, dilation: int) -> tf.Tensor:
    """Sizes of the responses to each filter, smaller by 3 `dilation` on each side."""
    kernel = tf.tile(FILTERS[:, :, None, :], [1, 1, maps.shape[-1], 1])
    return tf.abs(
        tf.nn.depthwise_conv2d(
            maps, kernel, [1] * 4, "VALID", dilations=[dilation, dilation]
        )
    )
