"""Mean, standard deviation and range of each band of image chips."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import rasterio

from ktextures.samples.chips import read_image

__all__ = ["BandStatistics", "measure_bands"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BandStatistics:
    """Statistics of valid pixels.

    Parameters
    ----------
    pixels : int
        Number of valid pixels.
    mean, std, low, high : ndarray of float64, (band,)
        In the units of the images.
    """

    pixels: int
    mean: FloatArray
    std: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Self:
        """Read what `to_dict` returned."""
        names = ("mean", "std", "min", "max")
        parts = (np.array(described[name], np.float64) for name in names)
        return cls(int(described["pixels"]), *parts)

    def to_dict(self) -> dict[str, Any]:
        """Describe them in plain JSON types."""
        return {
            "split": "train",
            "pixels": self.pixels,
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "min": self.low.tolist(),
            "max": self.high.tolist(),
        }


def measure_bands(
    images: Iterable[Path], bands: int, before: BandStatistics | None = None
) -> BandStatistics:
    """Compute statistics of images, one after the other.

    Parameters
    ----------
    images : iterable of Path
        Chips.
    bands : int
        Number of bands.
    before : BandStatistics, optional
        Of other images, which count as well but are not read.

    Returns
    -------
    BandStatistics
        Means are 0, and standard deviations 1, if there is no valid pixel.

    Notes
    -----
    Means and squared deviations of chips are combined by the formulas of Chan, Golub
    and LeVeque (1983), which lose no digits where the mean is large.
    """
    pixels = 0
    mean, squares = np.zeros(bands), np.zeros(bands)
    low, high = np.full(bands, np.inf), np.full(bands, -np.inf)
    if before is not None and before.pixels:
        pixels, low, high = before.pixels, before.low, before.high
        mean, squares = before.mean.copy(), before.std**2 * pixels
    for values, valid in _read_all(images):
        inside = values[:, valid].astype(np.float64)
        count = inside.shape[1]
        if not count:
            continue
        here = inside.mean(axis=1)
        total = pixels + count
        away = here - mean
        squares += ((inside - here[:, None]) ** 2).sum(axis=1)
        squares += away**2 * pixels * count / total
        mean += away * count / total
        pixels = total
        low = np.minimum(low, inside.min(axis=1))
        high = np.maximum(high, inside.max(axis=1))
    if not pixels:
        nothing = np.zeros(bands)
        return BandStatistics(0, nothing, np.ones(bands), nothing, nothing)
    return BandStatistics(pixels, mean, np.sqrt(squares / pixels), low, high)


def _read_all(
    images: Iterable[Path],
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]]:
    # One environment of GDAL for all files, which is quicker.
    with rasterio.Env():
        yield from map(read_image, images)
