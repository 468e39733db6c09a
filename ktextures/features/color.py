"""Features of color alone."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

__all__ = ["ColorFeatures"]


class ColorFeatures:
    """The logarithm of each band, pixel by pixel: what color alone can tell.

    The logarithm makes ratios of bands, which shade leaves alone, into differences.
    """

    kind = "color"
    OFFSET = 0.5
    """Added to bands in 0..1, so that noise in the dark does not count too much."""

    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Nothing is learned."""

    def __call__(self, tiles: tf.Tensor) -> list[tf.Tensor]:
        """One map (batch, y, x, band)."""
        return [tf.math.log(tiles + self.OFFSET)]

    def get_config(self) -> dict[str, object]:
        """Constructor arguments: none."""
        return {}
