"""Simulated windows, whose masks are known: what the masks must find again.

The textures, seen through the masks of a part of the scene, simulate it. There, the
class of every pixel is known, right up to the borders, where whatever is averaged over
a neighborhood mixes what lies on both sides. The masks learn to tell such mixtures
apart: the textures of both sides show what they look like.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

from ktextures.model.ktextures import KTextures
from ktextures.model.masks import ContextualMasks
from ktextures.model.ops import blur, blur_reach

__all__ = ["Simulation", "simulate"]

TEXTURE_SIDE = 96
"""Side in pixels of the textures, which repeat without a seam."""

WINDOWS, WINDOW_SIDE = 8, 160
"""Windows simulated at a time, and their side in pixels."""

PIXELS = 100_000
"""Pixels of them kept, at most."""

CLASSES = 16
"""Masks blurred at a time."""

RIDGE = 1e-3
"""Keeps classes that hardly occur in the windows where they are."""


@dataclass(frozen=True)
class Simulation:
    """Pixels of simulated windows.

    Attributes
    ----------
    patterns : array, shape (pixel, channel), float16
        What the masks see.
    labels : array, shape (pixel,), int32
        The masks that were used.
    """

    patterns: np.ndarray
    labels: np.ndarray

    def batch(self, size: int, seed: list[int]) -> tuple[tf.Tensor, tf.Tensor]:
        """Patterns (pixel, channel) and labels (pixel,) of so many random pixels."""
        chosen = np.random.default_rng(seed).integers(len(self.labels), size=size)
        patterns = self.patterns.take(chosen, 0)
        return tf.constant(patterns), tf.constant(self.labels[chosen])


def simulate(
    model: KTextures,
    textures: np.ndarray,
    labels: np.ndarray,
    seen: np.ndarray,
    seed: int,
) -> Simulation:
    """Simulate parts of tiles by their labels and textures.

    Parameters
    ----------
    model : KTextures
        With contextual masks.
    textures : array, shape (class, y, x, band)
        They repeat without a seam.
    labels : array, shape (n, y, x), int32
        Class of each pixel of the tiles; -1 where there is none.
    seen : array, shape (n, y, x, channel)
        What the masks see of the real tiles.
    seed : int
        Chooses windows and pixels, and the part of each texture.

    Returns
    -------
    Simulation
        Textures that differ from their classes on average are moved there: the masks
        learn how classes vary and mix, not how far a texture is from perfect.
    """
    generator = np.random.default_rng(seed)
    side = min(WINDOW_SIDE, *labels.shape[1:])
    parts = []
    for tile in generator.integers(len(labels), size=WINDOWS):
        row, column = (int(generator.integers(n - side + 1)) for n in labels.shape[1:])
        place = (slice(row, row + side), slice(column, column + side))
        if (labels[tile][place] < 0).all():
            place = (slice(None), slice(None))
        here, real = labels[tile][place], seen[tile][place]
        parts.append(_window(model, textures, here, real, generator))
    network = model.mask_network
    patterns, real, shares, found = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    moved = _moved(network, patterns, real, shares)
    limit = float(np.finfo("float16").max)
    return Simulation(np.clip(moved, -limit, limit).astype("float16"), found)


def _window(
    model: KTextures,
    textures: np.ndarray,
    labels: np.ndarray,
    real: np.ndarray,
    generator: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Some pixels of a window: simulated patterns, real ones, class shares, labels.

    Shares (pixel, distance, class) are those of each class in the pixel itself, then
    in the local means.
    """
    network = model.mask_network
    wide = np.maximum(np.pad(labels, network.reach, mode="symmetric"), 0)
    rows, columns = np.indices(wide.shape)
    height, width = textures.shape[1:3]
    down, right = generator.integers(0, (height, width), size=(len(textures), 2)).T
    values = textures[
        wide, (rows + down[wide]) % height, (columns + right[wide]) % width
    ]
    patterns = network.patterns(tf.constant(values[None], "float32"))[0].numpy()
    known = np.flatnonzero(labels.ravel() >= 0)
    chosen = generator.permutation(known)[: PIXELS // WINDOWS]
    channels = patterns.shape[-1]
    return (
        patterns.reshape(-1, channels)[chosen],
        real.reshape(-1, channels)[chosen].astype("float32"),
        _shares(network, wide, model.k, chosen),
        labels.ravel()[chosen].astype("int32"),
    )


def _shares(
    network: ContextualMasks, labels: np.ndarray, k: int, chosen: np.ndarray
) -> np.ndarray:
    """Share of each class around the chosen pixels, (pixel, distance, class).

    Labels (y, x) have a halo of the network's reach.
    """
    groups = []
    for first in range(0, k, CLASSES):
        numbers = np.arange(first, min(first + CLASSES, k))
        masks = tf.constant((labels[..., None] == numbers)[None].astype("float32"))
        maps = []
        for sigma in (0.0, *network.sigmas):
            cut = network.reach - (blur_reach(sigma) if sigma else 0)
            inner = masks[:, cut : len(labels) - cut, cut : labels.shape[1] - cut]
            around = blur(inner, sigma) if sigma else inner
            maps.append(around.numpy().reshape(-1, len(numbers))[chosen])
        groups.append(np.stack(maps, 1))
    return np.concatenate(groups, -1)


def _moved(
    network: ContextualMasks,
    patterns: np.ndarray,
    real: np.ndarray,
    shares: np.ndarray,
) -> np.ndarray:
    """Patterns whose mean in each class is that of the real ones; in between, between.

    By least squares: a local mean is the sum of the classes' means times their shares.
    """
    moved = patterns.copy()
    for channels, share in zip(network.distances, shares.swapaxes(0, 1), strict=True):
        k = share.shape[1]
        ridge = RIDGE * len(share) / k * np.eye(k)
        wrong = real[:, channels] - patterns[:, channels]
        # Products are thin: several threads would wait for each other in busy loops.
        with threadpool_limits(limits=1, user_api="blas"):
            offset = np.linalg.solve(share.T @ share + ridge, share.T @ wrong)
            moved[:, channels] += (share @ offset).astype("float32")
    return moved
