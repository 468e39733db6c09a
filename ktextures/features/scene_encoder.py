"""A feature extractor learned from the user's own imagery: the encoder of a VAE."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ktextures.errors import InputError, ModelFileError
from ktextures.features.protocol import FeatureExtractor, register_features
from ktextures.features.vgg16_weights import BLOCKS, layer_names
from ktextures.files.archive import pack, read_archive, write_atomically

__all__ = ["SceneEncoder", "convolution", "load_encoder"]


@register_features
class SceneEncoder(FeatureExtractor):
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

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        names = ("bands", "layers", "width", "seed", "trained")
        return {name: getattr(self, name) for name in names}

    def get_state(self) -> dict[str, np.ndarray]:
        """Weights by layer name."""
        return {weight.path: weight.numpy() for weight in self.network.weights}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Assign the weights that `get_state` returned.

        Parameters
        ----------
        state : mapping of str to array
            Weights, float32, by layer name.

        Raises
        ------
        KeyError, ValueError
            If one is missing, not finite, or of another shape.
        """
        extra = set(state) - {weight.path for weight in self.network.weights}
        if extra:
            raise ValueError(f"unexpected weights {sorted(extra)}")
        for weight in self.network.weights:
            array = state[weight.path]
            if array.shape != tuple(weight.shape) or array.dtype != np.float32:
                # Keras's own message would quote the whole array.
                raise ValueError(
                    f"{weight.path} must be float32 of shape {tuple(weight.shape)}, "
                    f"got {array.dtype} of shape {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{weight.path} holds values that are not finite")
            weight.assign(array)

    @classmethod
    def restore(
        cls, config: Mapping[str, Any], state: Mapping[str, np.ndarray]
    ) -> "SceneEncoder":
        """Rebuild an encoder from `get_config` and `get_state`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they do not fit together.
        """
        # Before a network of the declared size is built.
        wanted = (3, 3, config["bands"], BLOCKS[0][0] * config["width"] // 64)
        found = state["block1_conv1/kernel"].shape
        if found != wanted:
            raise ValueError(f"the first kernel must have shape {wanted}, got {found}")
        encoder = cls(**config)
        encoder.set_state(state)
        return encoder

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the encoder as one file, without pickles; see `load_encoder`.

        Parameters
        ----------
        path : path
            Any name. An existing file is replaced.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        write_atomically(path, pack("encoder", self.get_config(), self.get_state()))


def load_encoder(path: str | os.PathLike[str]) -> SceneEncoder:
    """Load a scene encoder that was saved; nothing in the file is executed.

    Parameters
    ----------
    path : path
        Written by `SceneEncoder.save`.

    Returns
    -------
    SceneEncoder
        With the same features as the one saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is damaged or foreign.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> encoder = SceneEncoder(4, ("block1_conv1",), width=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     encoder.save(pathlib.Path(folder, "encoder"))
    ...     load_encoder(pathlib.Path(folder, "encoder")).bands
    4
    """
    config, arrays = read_archive(path, "encoder")
    try:
        return SceneEncoder.restore(config, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{str(path)!r} is incomplete or inconsistent ({error!r}); it is damaged, "
            "or another version of ktextures wrote it."
        ) from error


def convolution(
    units: int, name: str, seed: int, activation: str | None = "relu"
) -> layers.Layer:
    """A convolution that keeps the size, its initial weights drawn from `seed`."""
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
        maps = convolution(units, name, seed + index)(maps)
    return keras.Model(inputs, maps)
