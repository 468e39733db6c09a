"""A feature extractor learnt from the user's own imagery: the encoder of a VAE."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import xarray as xr
from keras import layers
from tqdm.auto import tqdm

from ktextures.archive import pack, read_archive, write_atomically
from ktextures.errors import InputError, ModelFileError
from ktextures.opening import open_scene
from ktextures.reading import read_sample
from ktextures.sampling import Preparation, choose_tiles
from ktextures.scaling import BandScaler
from ktextures.vgg import BLOCKS, layer_names

__all__ = ["SceneEncoder", "load_encoder", "train_encoder"]

LATENT = 32


class SceneEncoder:
    """The encoder of a variational autoencoder, with VGG-16's layout and layer names.

    Parameters
    ----------
    bands : int
        Number of bands it takes.
    layers : sequence of str
        Convolutions whose output (after ReLU) is compared, such as "block5_conv3".
    width : int
        Channels of the first block; the others have 2, 4, 8 and 8 times as many. 64 is
        VGG-16's.
    seed : int
        Of the initial weights.
    trained : mapping, optional
        What `train_encoder` records: steps, losses, number of scenes.

    Notes
    -----
    Wagner et al. 2022 compare features of such an encoder, trained on 130 Planet
    images. Train one on your own scenes with `train_encoder`.
    """

    kind = "scene-encoder"

    def __init__(
        self,
        bands: int,
        layers: Sequence[str] = ("block5_conv3",),
        *,
        width: int = 32,
        seed: int = 0,
        trained: Mapping[str, Any] | None = None,
    ) -> None:
        unknown = sorted(set(layers) - set(layer_names()))
        if unknown or not layers:
            raise InputError(
                f"A scene encoder has no layers {unknown}; choose from "
                f"{', '.join(layer_names())}."
            )
        self.bands, self.layers, self.width, self.seed = (
            bands,
            tuple(layers),
            width,
            seed,
        )
        self.trained = dict(trained or {})
        self.network = build_encoder(bands, width, seed)
        outputs = [self.network.get_layer(name).output for name in self.layers]
        self._maps = keras.Model(self.network.inputs, outputs)

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Check that pixels (..., band) have the bands it was trained on.

        Raises
        ------
        InputError
            If their number differs.
        """
        if pixels.shape[-1] != self.bands:
            raise InputError(
                f"The scene has {pixels.shape[-1]} bands, the scene encoder was "
                f"trained on {self.bands}. Train one on such scenes: "
                "kt.train_encoder([scene])."
            )

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps, one tensor (batch, y / s, x / s, channel) per layer."""
        maps = self._maps(tiles)
        return list(maps) if isinstance(maps, list | tuple) else [maps]

    def get_config(self) -> dict[str, object]:
        """Constructor arguments."""
        names = ("bands", "layers", "width", "seed", "trained")
        return {name: getattr(self, name) for name in names}

    def get_arrays(self) -> dict[str, np.ndarray]:
        """Weights by layer name."""
        return {weight.path: weight.numpy() for weight in self.network.weights}

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take the weights of `get_arrays`.

        Raises
        ------
        KeyError, ValueError
            If one is missing, or of another shape.
        """
        for weight in self.network.weights:
            array = arrays[weight.path]
            if array.shape != tuple(weight.shape):
                # Keras's own message would quote the whole array.
                raise ValueError(
                    f"{weight.path} has shape {array.shape}, not {tuple(weight.shape)}"
                )
            weight.assign(array)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the encoder as one file, without pickles; see `load_encoder`.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        write_atomically(path, pack("encoder", self.get_config(), self.get_arrays()))


def load_encoder(path: str | os.PathLike[str]) -> SceneEncoder:
    """Load a scene encoder that was saved; nothing in the file is executed.

    Raises
    ------
    ModelFileError
        If the file is damaged or foreign.
    """
    config, arrays = read_archive(path, "encoder")
    try:
        encoder = SceneEncoder(**config)
        encoder.set_arrays(arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{str(path)!r} lacks something or does not fit together ({error}); it was "
            "not written by this version of ktextures, or it is damaged."
        ) from error
    return encoder


def _conv(
    units: int, name: str, seed: int, activation: str | None = "relu"
) -> layers.Layer:
    return layers.Conv2D(
        units,
        3 if activation else 1,
        padding="same",
        activation=activation,
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
        name=name,
    )


def build_encoder(bands: int, width: int, seed: int) -> keras.Model:
    """The 13 convolutions of VGG-16 for any number of bands; any size of image."""
    maps = inputs = layers.Input((None, None, bands))
    for index, name in enumerate(layer_names()):
        if name.endswith("conv1") and index:
            maps = layers.MaxPooling2D(padding="same")(maps)
        units = BLOCKS[int(name[5]) - 1][0] * width // 64
        maps = _conv(units, name, seed + index)(maps)
    return keras.Model(inputs, maps)


def build_decoder(bands: int, width: int, seed: int) -> keras.Model:
    """Latent (batch, y / 16, x / 16, 32) to bands in 0..1 (batch, y, x, band)."""
    maps = inputs = layers.Input((None, None, LATENT))
    for index, factor in enumerate((4, 4, 2, 1)):
        maps = _conv(factor * width, f"decode{index}", seed + 100 + index)(maps)
        maps = layers.UpSampling2D(interpolation="bilinear")(maps)
    maps = _conv(width, "decode4", seed + 104)(maps)
    outputs = layers.Conv2D(
        bands,
        3,
        padding="same",
        activation="sigmoid",
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed + 105),
    )(maps)
    return keras.Model(inputs, outputs)


def train_encoder(
    scenes: Sequence[xr.DataArray] | xr.DataArray,
    *,
    steps: int = 1000,
    layers: Sequence[str] = ("block5_conv3",),
    width: int = 32,
    tile: int = 128,
    beta: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
    on_step: Callable[[], None] = lambda: None,
) -> SceneEncoder:
    """Train a variational autoencoder on scenes and return its encoder.

    Parameters
    ----------
    scenes : sequence of DataArray (band, y, x), or one
        All with the same bands in the same order. Each is scaled by its own
        percentiles.
    steps : int
        Gradient steps of one tile each.
    layers : sequence of str
        Layers that the encoder will give as features.
    width : int
        Channels of the first block.
    tile : int
        Side of a training tile in pixels.
    beta : float
        Weight of the Kullback-Leibler term against the squared error.
    seed : int
        Same seed, same weights.
    progress : bool
        Show a progress bar.
    on_step : callable
        Called before each step; what it raises ends the training.

    Returns
    -------
    SceneEncoder
        Its `trained` records steps, losses and the number of scenes.

    Raises
    ------
    InputError
        If there are no scenes, their bands differ, or they hold no valid pixels.

    Notes
    -----
    Kingma & Welling 2013, arXiv 1312.6114.
    """
    several = [scenes] if isinstance(scenes, xr.DataArray) else list(scenes)
    scenes = [open_scene(scene) for scene in several]
    counts = {scene.sizes["band"] for scene in scenes}
    if len(counts) != 1:
        raise InputError(
            f"{len(scenes)} scenes with band counts {sorted(counts)}; give at least "
            "one scene, all with the same bands."
        )
    if steps < 1:
        raise InputError(f"steps is {steps}; an encoder needs at least one.")
    tiles = [_tiles_of(scene, tile, seed) for scene in scenes]
    encoder = SceneEncoder(counts.pop(), layers, width=width, seed=seed)
    losses = Autoencoder(encoder, beta).train(tiles, steps, progress, on_step)
    tenth = max(steps // 10, 1)
    encoder.trained = {
        "steps": steps,
        "scenes": len(scenes),
        "first_loss": float(np.mean(losses[:tenth])),
        "last_loss": float(np.mean(losses[-tenth:])),
    }
    return encoder


def _tiles_of(scene: xr.DataArray, size: int, seed: int) -> np.ndarray:
    sample, _ = read_sample(scene)
    scaler = BandScaler.fit(
        sample, band_names=[str(name) for name in scene.band.values]
    )
    mean = scaler.scale(sample).mean(0)
    preparation = Preparation(scaler, tuple(float(value) for value in mean))
    return choose_tiles(
        scene, size, 0, preparation, most=256, seed=seed, shrink=False
    ).values


class Autoencoder:
    """The encoder with a latent layer and a decoder, while it is trained."""

    def __init__(self, encoder: SceneEncoder, beta: float) -> None:
        self.encoder, self.beta, self.seed = encoder.network, beta, encoder.seed
        top = encoder.network.output_shape[-1]
        self.latent = _conv(2 * LATENT, "latent", encoder.seed + 50, None)
        self.latent.build((None, None, None, top))
        self.decoder = build_decoder(encoder.bands, encoder.width, encoder.seed)
        self.optimizer = keras.optimizers.Adam(3e-4, clipnorm=1.0)

    @property
    def variables(self) -> list[keras.Variable]:
        """What is trained."""
        return [
            *self.encoder.trainable_variables,
            *self.latent.trainable_variables,
            *self.decoder.trainable_variables,
        ]

    def loss(self, tiles: tf.Tensor, noise_seed: tf.Tensor) -> tf.Tensor:
        """Squared error plus beta x Kullback-Leibler divergence from N(0, 1)."""
        mean, log_variance = tf.split(self.latent(self.encoder(tiles)), 2, -1)
        noise = tf.random.stateless_normal(tf.shape(mean), noise_seed)
        decoded = self.decoder(mean + tf.exp(0.5 * log_variance) * noise)
        height, width = tf.shape(tiles)[1], tf.shape(tiles)[2]
        error = tf.reduce_mean((decoded[:, :height, :width] - tiles) ** 2)
        divergence = 0.5 * (tf.exp(log_variance) + mean**2 - 1.0 - log_variance)
        return error + self.beta * tf.reduce_mean(divergence)

    def train(
        self,
        sets: Sequence[np.ndarray],
        steps: int,
        progress: bool,
        on_step: Callable[[], None],
    ) -> list[float]:
        """Train on tiles (n, y, x, band), one a step; return the losses."""
        generator = np.random.default_rng(self.seed)

        @tf.function(reduce_retracing=True)
        def step(tiles: tf.Tensor, noise_seed: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = self.loss(tiles, noise_seed)
            gradients = tape.gradient(loss, self.variables)
            self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
            return loss

        losses = []
        for index in tqdm(
            range(steps), "scene encoder", unit="step", disable=not progress
        ):
            on_step()
            tiles = sets[int(generator.integers(len(sets)))]
            tile = tiles[generator.integers(len(tiles))][None]
            losses.append(float(step(tile, tf.constant([self.seed, index], "int32"))))
        return losses
