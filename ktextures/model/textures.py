"""Texture generators: noise in, one texture per class out."""

from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ktextures.model.ops import crop

__all__ = ["PublishedTextures", "TextureGenerator", "TileableTextures"]

LAST_GAIN = 0.1

LEAK = 0.3
"""Slope of LeakyReLU below zero, Keras's default."""


@keras.saving.register_keras_serializable("ktextures")
class TextureGenerator(layers.Layer):
    """The published generator of one class's texture.

    Four 3x3 convolutions, each followed by batch normalization and LeakyReLU, then one
    to the bands; the borders, which see padding, are cut off.

    Parameters
    ----------
    bands : int
        Bands of the texture.
    width, depth : int
        Channels and number of the hidden convolutions.
    margin : int
        Pixels cut off each side.
    seed : int
        Of the initial weights.
    """

    def __init__(
        self,
        bands: int,
        *,
        width: int = 16,
        depth: int = 4,
        margin: int = 8,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.bands, self.width, self.depth = bands, width, depth
        self.margin, self.seed = margin, seed
        self.stack: list[layers.Layer] = []
        for index in range(depth):
            initial = keras.initializers.GlorotUniform(seed=seed + index)
            self.stack += [
                layers.Conv2D(width, 3, padding="same", kernel_initializer=initial),
                layers.BatchNormalization(),
                layers.LeakyReLU(LEAK),
            ]
        initial = keras.initializers.GlorotUniform(seed=seed + depth)
        self.stack.append(
            layers.Conv2D(
                bands,
                3,
                padding="same",
                activation="sigmoid",
                kernel_initializer=initial,
            )
        )

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Create the weights."""
        shape: tuple[int | None, ...] = (None, None, None, 1)
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, noise: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Texture (batch, y, x, band), 0..1, of noise (batch, y + 2 m, x + 2 m, 1)."""
        maps = noise
        for layer in self.stack:
            if training and isinstance(layer, layers.BatchNormalization):
                maps = batch_normalized(maps, layer)
            else:
                maps = layer(maps, training=training)
        return crop(maps, self.margin)

    def get_config(self) -> dict[str, object]:
        """Constructor arguments."""
        names = ("bands", "width", "depth", "margin", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


def batch_normalized(maps: tf.Tensor, layer: layers.BatchNormalization) -> tf.Tensor:
    """What a layer makes of maps (batch, y, x, channel) in training, in one operation.

    Keras computes the same by several operations, which makes a training step slower by
    a tenth.
    """
    scaled, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        maps,
        tf.convert_to_tensor(layer.gamma),
        tf.convert_to_tensor(layer.beta),
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(maps) / tf.shape(maps)[-1], maps.dtype)
    # Keras averages the variance of the maps, not the estimate from a sample.
    variance *= (count - 1) / count
    for average, new in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        average.assign(layer.momentum * average + (1 - layer.momentum) * new)
    return scaled


@keras.saving.register_keras_serializable("ktextures")
class PublishedTextures(layers.Layer):
    """k independent published generators.

    Parameters
    ----------
    k, bands : int
        Number of classes; bands of a texture.
    seed : int
        Of the initial weights; each class has its own.

    Notes
    -----
    Wagner et al. 2022, Frontiers in Environmental Science 10:946729.
    """

    noise_channels = 1

    def __init__(self, k: int, bands: int, *, seed: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.k, self.bands, self.seed = k, bands, seed
        self.generators = [
            TextureGenerator(bands, seed=seed + 1000 * (index + 1))
            for index in range(k)
        ]

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Create the weights."""
        for generator in self.generators:
            generator.build()
        self.built = True

    def noise(self, height: int, width: int, seed: tf.Tensor) -> tf.Tensor:
        """Normal noise for textures of height x width, shape (class, y, x, 1).

        `seed`, shape (2,) int32, gives the same noise each time.
        """
        margin = 2 * self.generators[0].margin
        shape = (self.k, height + margin, width + margin, 1)
        return tf.random.stateless_normal(shape, seed)

    def call(self, noise: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Textures (class, y, x, band), 0..1, of `noise`."""
        drawn = [
            generator(noise[index : index + 1], training=training)
            for index, generator in enumerate(self.generators)
        ]
        return tf.concat(drawn, 0)

    def get_config(self) -> dict[str, object]:
        """Constructor arguments."""
        names = ("k", "bands", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


def wrapped_conv(maps: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """3x3 convolution that wraps around the edges, of each class with its own kernel.

    Parameters
    ----------
    maps : tensor, shape (class, y, x, channel)
    kernels : tensor, shape (class, 9 * channel, channel out)
        Left column of the neighborhood first, from top to bottom.

    Returns
    -------
    tensor, shape (class, y, x, channel out)
    """
    classes, rows, after = kernels.shape
    maps = tf.concat([maps[:, -1:], maps, maps[:, :1]], 1)
    maps = tf.concat([maps[:, :, -1:], maps, maps[:, :, :1]], 2)
    square = tf.reshape(kernels, (classes, 3, 3, rows // 9, after))
    square = tf.transpose(square, (0, 2, 1, 3, 4))
    pairs = zip(tf.split(maps, classes), tf.unstack(square), strict=True)
    return tf.concat(
        [tf.nn.conv2d(own, kernel, 1, "VALID") for own, kernel in pairs], 0
    )


def octave_noise(
    shape: tuple[int, int, int], octaves: int, seed: tf.Tensor
) -> tf.Tensor:
    """Normal noise at several scales, each of unit variance, wrapping around.

    Parameters
    ----------
    shape : (int, int, int)
        Batch, y, x; y and x are multiples of 2 ** (octaves - 1).
    octaves : int
        Channel i has a number every 2 ** i pixels, and is linear between them.
    seed : tensor, shape (2,), int32

    Returns
    -------
    tensor, shape (batch, y, x, octave), float32
    """
    return _compiled_noise(shape, octaves)(seed)


@lru_cache(maxsize=16)
def _compiled_noise(shape: tuple[int, int, int], octaves: int) -> Any:
    """A graph that every training with textures of this size uses."""
    return tf.function(
        partial(_octave_noise, shape, octaves),
        input_signature=[tf.TensorSpec((2,), "int32")],
        autograph=False,
    )


def _octave_noise(
    shape: tuple[int, int, int], octaves: int, seed: tf.Tensor
) -> tf.Tensor:
    batch, height, width = shape
    channels = []
    for octave in range(octaves):
        step = 2**octave
        coarse_shape = (batch, height // step, width // step, 1)
        # The first number stays the caller's; the second keeps the octaves apart.
        key = tf.stack([seed[0], seed[1] * octaves + octave])
        coarse = tf.random.stateless_normal(coarse_shape, key)
        channels.append(_smoothly(_smoothly(coarse, step, 1), step, 2))
    return tf.concat(channels, -1)


def _smoothly(noise: tf.Tensor, step: int, axis: int) -> tf.Tensor:
    """Noise `step` times as long along an axis, linear in between, of unit variance."""
    if step == 1:
        return noise
    blocks = tf.repeat(noise, step, axis)
    mean = tf.add_n([tf.roll(blocks, shift, axis) for shift in range(step)]) / step
    # The mean variance of what is interpolated by a share t in 0..1 is 2/3 + 1/(3 n^2).
    return mean / (2 / 3 + 1 / (3 * step**2)) ** 0.5


@keras.saving.register_keras_serializable("ktextures")
class TileableTextures(layers.Layer):
    """k independent generators whose textures wrap around, computed together.

    Each class has its own 3x3 convolutions with LeakyReLU; they see noise at several
    scales, so that a texture may have coarse and fine parts. As the noise and the
    convolutions wrap around, textures can be laid side by side without a seam.

    Parameters
    ----------
    k, bands : int
        Number of classes; bands of a texture.
    width, depth : int
        Channels and number of the hidden convolutions.
    octaves : int
        Scales of the noise: 1, 2, 4, ... pixels.
    seed : int
        Of the initial weights.
    """

    def __init__(
        self,
        k: int,
        bands: int,
        *,
        width: int = 16,
        depth: int = 3,
        octaves: int = 4,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.k, self.bands, self.seed = k, bands, seed
        self.width, self.depth, self.octaves = width, depth, octaves

    @property
    def noise_channels(self) -> int:
        """Channels of what `call` takes."""
        return self.octaves

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Create the weights, one slice per class."""
        sizes = [self.octaves, *[self.width] * self.depth, self.bands]
        self.kernels, self.biases = [], []
        for index, (before, after) in enumerate(pairwise(sizes)):
            # The last layer starts small: first the mean color, then its variation.
            gain = LAST_GAIN if index == self.depth else 1.0
            deviation = gain * (2.0 / (9 * before)) ** 0.5
            initial = keras.initializers.RandomNormal(
                stddev=deviation, seed=self.seed + index
            )
            shape = (self.k, 9 * before, after)
            self.kernels.append(
                self.add_weight(shape=shape, initializer=initial, name=f"kernel{index}")
            )
            self.biases.append(
                self.add_weight(
                    shape=(self.k, 1, 1, after),
                    initializer="zeros",
                    name=f"bias{index}",
                )
            )
        self.built = True

    def noise(self, height: int, width: int, seed: tf.Tensor) -> tf.Tensor:
        """Noise for textures of height x width, shape (class, y, x, octave).

        Sizes are rounded up to what wraps around. `seed`, shape (2,) int32, gives the
        same noise each time.
        """
        step = 2 ** (self.octaves - 1)
        rows, cols = -(-height // step) * step, -(-width // step) * step
        return octave_noise((self.k, rows, cols), self.octaves, seed)

    def call(
        self,
        noise: tf.Tensor,
        training: bool = False,
        classes: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Textures (class, y, x, band), 0..1, of `noise`.

        `classes`, shape (n,) int32, computes those classes only, from n slices of
        noise.
        """
        maps = noise
        layers_left = len(self.kernels)
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            weights, offset = tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias)
            if classes is not None:
                weights, offset = (
                    tf.gather(weights, classes),
                    tf.gather(offset, classes),
                )
            maps = wrapped_conv(maps, weights) + offset
            layers_left -= 1
            if layers_left:
                maps = tf.nn.leaky_relu(maps, LEAK)
        return tf.sigmoid(maps)

    def adapt(self, colors: np.ndarray) -> None:
        """Start each class at a mean color, shape (class, band), 0..1."""
        self.biases[-1].assign(_logit(colors)[:, None, None, :])

    def recolor(self, index: int, before: np.ndarray, after: np.ndarray) -> None:
        """Move the mean color of one class, shape (band,), 0..1, as far as another."""
        biases = self.biases[-1].numpy()
        biases[index] += _logit(after) - _logit(before)
        self.biases[-1].assign(biases)

    def get_config(self) -> dict[str, object]:
        """Constructor arguments."""
        names = ("k", "bands", "width", "depth", "octaves", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _logit(colors: np.ndarray) -> np.ndarray:
    """What the sigmoid makes colors of, which are kept away from 0 and 1."""
    inside = np.clip(colors, 0.02, 0.98)
    return np.asarray(np.log(inside / (1 - inside)))
