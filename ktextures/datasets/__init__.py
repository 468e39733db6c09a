"""Example scenes: two real ones from installed packages, and synthetic ones."""

from ktextures.datasets.bundled import landsat, sentinel2
from ktextures.datasets.synthetic import Contrast, SyntheticScene, synthetic

__all__ = ["Contrast", "SyntheticScene", "landsat", "sentinel2", "synthetic"]
