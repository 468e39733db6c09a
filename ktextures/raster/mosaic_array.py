"""A mosaic as an array that is read when it is indexed, and as a dask array."""

import uuid
from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from ktextures.raster.mosaic_reader import MosaicReader, Part
from ktextures.raster.scene import Chunks, chunk_sizes

__all__ = ["MosaicArray"]

_STRIP = 512  # rows

IntArray = npt.NDArray[np.int64]


class MosaicArray:
    """The pixels of a mosaic, read when they are indexed.

    Parameters
    ----------
    reader : MosaicReader
    parts : sequence of Part
        The first is on top.
    height, width : int
        Size of the mosaic in pixels.

    Attributes
    ----------
    shape : tuple of int
        Bands, rows, and columns.
    dtype : dtype
    ndim : int
    """

    ndim = 3

    def __init__(
        self, reader: MosaicReader, parts: Sequence[Part], height: int, width: int
    ) -> None:
        self._reader = reader
        self._parts = tuple(parts)
        places = np.array([part[1:5] for part in parts])
        self._starts, self._ends = places[:, :2], places[:, :2] + places[:, 2:]
        self.shape = (len(reader.bands), height, width)
        self.dtype = reader.dtype

    def read(self, row: int, col: int, height: int, width: int) -> npt.NDArray[Any]:
        """Read a window, (band, y, x), from the files that it touches."""
        after = (self._ends > (row, col)).all(axis=1)
        touched = after & (self._starts < (row + height, col + width)).all(axis=1)
        near = [self._parts[place] for place in np.flatnonzero(touched)]
        return self._reader.read(near, row, col, height, width)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """Read what slices, numbers, or arrays select along each axis by itself."""
        given = key if isinstance(key, tuple) else (key,)
        index = (*given, *[slice(None)] * (3 - len(given)))
        bands, rows, cols = (
            np.atleast_1d(np.arange(size)[each])
            for size, each in zip(self.shape, index, strict=True)
        )
        if 0 in (len(bands), len(rows), len(cols)):
            values = np.empty((len(bands), len(rows), len(cols)), self.dtype)
        elif _consecutive(rows):
            values = self._read_at(bands, rows, cols)
        else:
            # Of every n-th row, only one strip is in memory at a time.
            ends = np.flatnonzero(rows[1:] // _STRIP != rows[:-1] // _STRIP) + 1
            strips = [self._read_at(bands, r, cols) for r in np.split(rows, ends)]
            values = np.concatenate(strips, axis=1)
        numbers = [isinstance(each, int | np.integer) for each in index]
        return values[tuple(0 if number else slice(None) for number in numbers)]

    def _read_at(
        self, bands: IntArray, rows: IntArray, cols: IntArray
    ) -> npt.NDArray[Any]:
        top, left = int(rows.min()), int(cols.min())
        values = self.read(top, left, int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
        if all(map(_consecutive, (bands, rows, cols))):
            return values[bands[0] : bands[-1] + 1]
        return values[np.ix_(bands, rows - top, cols - left)]

    def lazy(self, chunks: Chunks) -> da.Array:
        """A dask array of it, with all bands in one chunk.

        Parameters
        ----------
        chunks : see `ktextures.open_scene`

        Returns
        -------
        dask array, shape (band, y, x)
        """
        sizes = chunk_sizes(chunks) | {"band": -1}
        return da.from_array(  # type: ignore[no-any-return, no-untyped-call]
            self,
            chunks=tuple(sizes.get(dim) or -1 for dim in ("band", "y", "x")),
            # A new name each time: files may have changed since they were opened last.
            name=f"mosaic-{uuid.uuid4().hex}",
            meta=np.empty((0, 0, 0), self.dtype),
        )


def _consecutive(places: IntArray) -> bool:
    return bool((np.diff(places) == 1).all())
