"""Train a scene encoder: a variational autoencoder on the user's own imagery."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
import xarray as xr
from keras import layers
from tqdm.auto import tqdm

from ktextures.errors import InputError
from ktextures.features.scene_encoder import SceneEncoder, convolution
from ktextures.raster.open import open_scene
from ktextures.raster.read import read_sample
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.scene_set import open_scenes
from ktextures.raster.tile_set import choose_tiles
from ktextures.training.adam import Adam

__all__ = ["train_encoder"]

LATENT = 32
MOST_TILES = 1024
"""Read into memory, of all scenes together; of each, at most a quarter of them."""


def build_decoder(bands: int, width: int, seed: int) -> keras.Model:
    """Latent (batch, y / 16, x / 16, 32) to bands in 0..1 (batch, y, x, band)."""
    maps = inputs = layers.Input((None, None, LATENT))
    for index, factor in enumerate((4, 4, 2, 1)):
        maps = convolution(factor * width, f"decode{index}", seed + 100 + index)(maps)
        maps = layers.UpSampling2D(interpolation="bilinear")(maps)
    maps = convolution(width, "decode4", seed + 104)(maps)
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
    scaler: BandScaler | None = None,
) -> SceneEncoder:
    """Train a variational autoencoder on scenes and return its encoder.

    Parameters
    ----------
    scenes : sequence of DataArray (band, y, x), or one
        All with the same bands in the same order.
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
    scaler : BandScaler, optional
        Bands of all scenes to 0..1; by default, each scene is scaled by its own
        percentiles.

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

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> encoder = kt.train_encoder(scene, steps=1, width=4, tile=32, progress=False)
    >>> encoder.trained["steps"]
    1
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
    most = max(MOST_TILES // max(len(scenes), 4), 1)
    tiles = [_tiles_of(scene, tile, most, seed, scaler) for scene in scenes]
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


def _tiles_of(
    scene: xr.DataArray, size: int, most: int, seed: int, scaler: BandScaler | None
) -> np.ndarray:
    names = [str(name) for name in scene.band.values]
    sample, _ = read_sample(scene)
    scaler = scaler or BandScaler.fit(sample, band_names=names)
    mean = scaler.scale(sample).mean(0)
    preparation = Preparation(scaler, tuple(float(value) for value in mean))
    return choose_tiles(
        open_scenes(scene), size, 0, preparation, most=most, seed=seed, shrink=False
    ).values


class Autoencoder:
    """The encoder with a latent layer and a decoder, while it is trained."""

    def __init__(self, encoder: SceneEncoder, beta: float) -> None:
        self.encoder, self.beta, self.seed = encoder.network, beta, encoder.seed
        top = encoder.network.output_shape[-1]
        self.latent = convolution(2 * LATENT, "latent", encoder.seed + 50, None)
        self.latent.build((None, None, None, top))
        self.decoder = build_decoder(encoder.bands, encoder.width, encoder.seed)
        self.optimizer = Adam(3e-4)

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

        @tf.function(reduce_retracing=True, autograph=False)
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
