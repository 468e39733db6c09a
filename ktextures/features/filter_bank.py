"""A filter bank: features for any number of bands that need no weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor, register_features

__all__ = ["FilterBank"]


def oriented_filters(
    orientations: int, radius: int = 3, sigma: float = 1.0
) -> np.ndarray:
    """Derivatives of a Gaussian across several directions, and its Laplacian.

    Returns
    -------
    array, shape (2 r + 1, 2 r + 1, 2 * orientations + 1), float32
        Each filter sums to 0 and its absolute values to 1.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(float)
    bell = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    filters = [((x**2 + y**2) / sigma**2 - 2) * bell]
    for angle in np.arange(orientations) * np.pi / orientations:
        across = x * np.cos(angle) + y * np.sin(angle)
        along = y * np.cos(angle) - x * np.sin(angle)
        narrow = np.exp(-(across**2 + along**2 / 4) / (2 * sigma**2))
        filters += [across * narrow, ((across / sigma) ** 2 - 1) * narrow]
    stack = np.stack(filters, -1)
    stack -= stack.mean((0, 1))
    return (stack / np.abs(stack).sum((0, 1))).astype("float32")


@register_features
class FilterBank(FeatureExtractor):
    """Features that need no weights, for any bands: colors and oriented energies.

    Parameters
    ----------
    scales : int
        Levels of a pyramid; each is half as fine as the one before.
    orientations : int
        Directions of the filters, evenly spaced over half a turn.

    Notes
    -----
    Rectified responses of oriented derivative filters, after Malik & Perona 1990
    (Journal of the Optical Society of America A 7:923). Bands are decorrelated first,
    so that bands that say the same count once.

    Examples
    --------
    >>> import numpy as np
    >>> bank = FilterBank(scales=2)
    >>> tiles = np.random.default_rng(0).random((1, 32, 32, 7), "float32")
    >>> bank.fit(tiles, {})
    >>> [tuple(maps.shape) for maps in bank(tiles)]
    [(1, 32, 32, 70), (1, 16, 16, 70)]
    """

    kind = "filter-bank"

    def __init__(self, scales: int = 3, orientations: int = 4) -> None:
        if scales < 1 or orientations < 1:
            raise InputError(
                "scales and orientations must be at least 1, got "
                f"{scales} and {orientations}"
            )
        self.scales, self.orientations = scales, orientations
        self._filters = oriented_filters(orientations)

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Learn how to decorrelate the bands from pixels (..., band)."""
        pixels = pixels.reshape(-1, pixels.shape[-1]).astype("float64")
        self._mean = pixels.mean(0).astype("float32")
        covariance = np.cov(pixels, rowvar=False).reshape(self._mean.size, -1)
        values, vectors = np.linalg.eigh(covariance)
        # A floor keeps the weakest combinations, mostly noise, from counting in full.
        spread = np.sqrt(np.maximum(values, 0.01 * values.max()))
        self._whiten = (vectors / spread).astype("float32")

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps, one tensor (batch, y / 2^i, x / 2^i, channel) per scale."""
        level = tf.linalg.matmul(tiles - self._mean, self._whiten)
        channels = level.shape[-1]
        kernel = tf.tile(self._filters[:, :, None, :], [1, 1, channels, 1])
        outputs = []
        for scale in range(self.scales):
            if scale:
                level = tf.nn.avg_pool2d(level, 2, 2, "SAME")
            padded = tf.pad(level, [[0, 0], [3, 3], [3, 3], [0, 0]], "SYMMETRIC")
            responses = tf.nn.depthwise_conv2d(padded, kernel, [1] * 4, "VALID")
            outputs.append(tf.concat([level, tf.abs(responses)], -1))
        return outputs

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"scales": self.scales, "orientations": self.orientations}
