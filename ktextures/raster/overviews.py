"""Overviews of raster files: small copies of themselves that they contain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.raster.source import Source

__all__ = ["Overviews", "overviews_of"]


@dataclass(frozen=True)
class Overviews:
    """The overviews of the bands and the part of a file that a source reads.

    Parameters
    ----------
    source : Source
    wrapper
        What rioxarray reads the file with.
    bands : tuple of int
        From 1, as in rasterio.
    row, col : int
        Row and column of the file that are the first ones of the source.
    """

    source: Source
    wrapper: Any
    bands: tuple[int, ...]
    row: int
    col: int

    def fit(self, step: int) -> bool:
        """Whether every n-th pixel can be taken from an overview of at least 2."""
        with self.wrapper.lock:
            dataset = self._dataset()
            factors = [dataset.overviews(band) for band in self.bands]
        return step > 1 and all(any(1 < f <= step for f in each) for each in factors)

    def every_nth(self, step: int, rows: int, cols: int) -> npt.NDArray[Any]:
        """One pixel for each step x step pixels, from the first row and column on.

        Parameters
        ----------
        step : int
        rows, cols : int
            Number of such squares, which must lie within the source.

        Returns
        -------
        array, shape (band, rows, cols)
            From the overview that fits best. They are what made the overviews: the
            nearest pixels, or means.
        """
        from rasterio.enums import Resampling
        from rasterio.windows import Window

        window = Window(self.col, self.row, cols * step, rows * step)
        with self.wrapper.lock:
            values = self._dataset().read(
                list(self.bands),
                window=window,
                out_shape=(len(self.bands), rows, cols),
                resampling=Resampling.nearest,
            )
        return np.asarray(values)

    def _dataset(self) -> Any:
        return self.wrapper.manager.acquire(needs_lock=False)


def overviews_of(source: Source) -> Overviews | None:
    """Find the raster file that a source reads.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Overviews or None
        None if it is no file opened by rioxarray, or if its pixels are masked, unpacked
        or warped when they are read, which would be left out here.
    """
    array: Any = source.array
    keys: list[tuple[Any, ...]] = []
    while not hasattr(array, "manager"):
        key = getattr(array, "key", None)
        if key is not None:
            keys.append(getattr(key, "tuple", ()))
        array = getattr(array, "array", None)
        if array is None:
            return None
    if type(array).__name__ not in ("RasterioArrayWrapper", "RasterArrayWrapper"):
        return None
    changed = ("masked", "mask_and_scale", "vrt_params")
    if any(getattr(array, name, True) for name in changed):
        return None
    if len(keys) != 1 or len(keys[0]) != 3 or array.dtype != source.array.dtype:
        return None
    band_key, *places = keys[0]
    bands = _bands(band_key, array.shape[0])
    if bands is None or any(
        not isinstance(key, slice) or key.step not in (None, 1) for key in places
    ):
        return None
    row, col = (key.start or 0 for key in places)
    chosen = tuple(bands[band] + 1 for band in source.bands)
    return Overviews(source, array, chosen, row + source.row, col + source.col)


def _bands(key: Any, count: int) -> list[int] | None:
    if isinstance(key, slice):
        return list(range(*key.indices(count)))
    if isinstance(key, np.ndarray) and key.dtype.kind in "iu" and key.ndim == 1:
        return [int(band) for band in key]
    return None
