"""The protocol of feature extractors.

An extractor is fitted to the scene's tiles once, then turns tiles into feature maps. A
loss compares the maps of the image with those of its simulation; several extractors
add up.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

__all__ = ["FeatureExtractor"]


@runtime_checkable
class FeatureExtractor(Protocol):
    """What a loss asks of its features.

    Attributes
    ----------
    kind : str
        Name under which a model file stores it.
    """

    kind: str

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Get ready for a scene.

        Parameters
        ----------
        pixels : array, shape (..., band), float32, 0..1
            Valid pixels of the scene.
        bands : mapping of str to int
            Index of each band by name and by role.
        """

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps (batch, y / s, x / s, channel) of tiles (batch, y, x, band)."""

    def get_config(self) -> dict[str, object]:
        """Constructor arguments, JSON-safe."""
