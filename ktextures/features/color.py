"""Features of color alone."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor, register_features

__all__ = ["ColorFeatures"]


@register_features
class ColorFeatures(FeatureExtractor):
    """The logarithm of each band, pixel by pixel: what color alone can tell.

    The logarithm turns ratios of bands, which shade leaves unchanged, into differences.

    Parameters
    ----------
    offset : float
        Added to bands in 0..1, so that noise in dark pixels does not count too much.
        The smaller, the more differences between dark pixels count.

    Raises
    ------
    InputError
        If the offset is not a number above 0.
    """

    kind = "color"
    only_color = True

    def __init__(self, offset: float = 0.4) -> None:
        if not isinstance(offset, int | float) or not 0 < offset < math.inf:
            raise InputError(f"offset is {offset!r}; give a number above 0.")
        self.offset = float(offset)

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Do nothing: there is nothing to learn."""

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """One map (batch, y, x, band)."""
        return [tf.math.log(tiles + self.offset)]

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"offset": self.offset}
