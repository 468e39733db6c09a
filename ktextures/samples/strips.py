"""Chips of arrays that may be lazy, whose chunks are not computed again and again."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.raster.read import is_lazy

__all__ = ["Cut", "read_chips"]

Block = npt.NDArray[Any]

_PART_BYTES = 256 * 2**20


class Cut(NamedTuple):
    """Where a chip begins, and what the arrays hold there.

    Parameters
    ----------
    row, column : int
        First pixel.
    values : list of ndarray, (..., size, size)
        One for each array.
    """

    row: int
    column: int
    values: list[Block]


def read_chips(
    arrays: Sequence[xr.DataArray],
    rows: Sequence[int],
    columns: Sequence[int],
    size: int,
) -> Iterator[Cut]:
    """Read arrays of one grid chip by chip.

    Lazy arrays are computed together, in strips of rows; of these, only the rows are
    held that chips still need. Strips end where chunks of the array with the tallest
    ones do, of equally tall ones the first: its chunks are computed once, and so are
    those of other arrays, except for those across the border of two strips, which are
    computed twice. Wide arrays are read in parts, one after the other, and chunks that
    lie in several of them are computed for each.

    Parameters
    ----------
    arrays : sequence of DataArray, (..., y, x)
        Of one height and width.
    rows, columns : sequence of int
        First pixels of the chips, in ascending order.
    size : int
        Side of a chip in pixels.

    Yields
    ------
    Cut
        Every combination of a row and a column.
    """
    lazy = [array for array in arrays if is_lazy(array)]
    if not lazy:
        for row in rows:
            for column in columns:
                place = (..., slice(row, row + size), slice(column, column + size))
                yield Cut(row, column, [np.asarray(a.data[place]) for a in arrays])
        return
    ends = _row_ends(lazy, size)
    held = int(max(np.diff([0, *ends]))) + size
    column_bytes = sum(each[..., 0, 0].size * each.dtype.itemsize for each in arrays)
    widest = max(size, _PART_BYTES // (held * column_bytes))
    for part in _parts(columns, size, widest):
        yield from _rolling(arrays, rows, part, size, ends)


def _row_ends(lazy: Sequence[xr.DataArray], size: int) -> list[int]:
    """Ends of strips, each at least as high as a chip and as the tallest chunk."""
    heights = max((each.chunksizes[each.dims[-2]] for each in lazy), key=max)
    # Chunks of other arrays then lie in two strips at most.
    least = max(size, *heights)
    whole = sum(heights)
    ends = [0]
    for end in np.cumsum(heights).tolist():
        if end - ends[-1] >= least or end == whole:
            ends.append(end)
    return ends[1:]


def _parts(columns: Sequence[int], size: int, widest: int) -> Iterator[list[int]]:
    """Neighboring columns of chips that are not wider than this."""
    part: list[int] = []
    for column in columns:
        if part and column + size - part[0] > widest:
            yield part
            part = []
        part.append(column)
    yield part


def _rolling(
    arrays: Sequence[xr.DataArray],
    rows: Sequence[int],
    columns: Sequence[int],
    size: int,
    ends: Sequence[int],
) -> Iterator[Cut]:
    """Chips of some columns, from strips of rows computed one after the other."""
    left, right = columns[0], columns[-1] + size
    pending = list(rows)
    held: list[Block] = []
    top = done = pending[0]
    for end in ends:
        if end <= done or not pending:
            continue
        strip = _computed([each.data[..., done:end, left:right] for each in arrays])
        if held:
            strip = [
                np.concatenate([old, new], axis=-2)
                for old, new in zip(held, strip, strict=True)
            ]
        done = end
        while pending and pending[0] + size <= done:
            row = pending.pop(0)
            for column in columns:
                inside = (
                    ...,
                    slice(row - top, row - top + size),
                    slice(column - left, column - left + size),
                )
                yield Cut(row, column, [each[inside] for each in strip])
        # The rows that later chips need, without the memory of the others.
        first = min(pending[0], done) if pending else done
        held = [each[..., first - top :, :].copy() for each in strip]
        top = first


def _computed(parts: Sequence[Any]) -> list[Block]:
    from dask.base import compute

    return [np.asarray(each) for each in compute(*parts)]  # type: ignore[no-untyped-call]
