"""Features of color alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ktextures.features.protocol import FeatureExtractor, register_features

__all__ = ["ColorFeatures"]


@register_features
class ColorFeatures(FeatureExtractor):
    """The logarithm of each band, pixel by pixel: what color alone can tell.

    The logarithm turns ratios of bands, which shade leaves unchanged, into differences.
    """

    kind = "color"
    only_color = True
    OFFSET = 0.5
    """Added to bands in 0..1, so that noise in dark pixels does not count too much."""

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Do nothing: there is nothing to learn."""

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """One map (batch, y, x, band)."""
        return [tf.math.log(tiles + self.OFFSET)]

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor: none."""
        return {}
