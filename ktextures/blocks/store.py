"""Finished blocks in a folder, from which work that was ended can go on."""

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ktextures.blocks.computed import computed_blocks
from ktextures.blocks.plan import plan_blocks
from ktextures.errors import OutputError
from ktextures.raster.windows import Window

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["BlockStore"]

IDENTITY = "identity.json"
FAST = 1
"""Level of compression; class maps become much smaller, and it takes little time."""

Arrays = tuple[npt.NDArray[Any], ...]


class BlockStore:
    """Blocks of lazy rasters, one compressed file for each raster and block.

    A file appears under its name when it is complete, so that a process that is killed
    leaves nothing half-written.

    Parameters
    ----------
    folder : Path
        Created if necessary.
    arrays : sequence of dask array, each (..., y, x)
        Of one height and width.
    identity : mapping
        What the rasters are made of, in JSON types.

    Raises
    ------
    OutputError
        If the folder holds blocks of other rasters.
    OSError
        If the folder cannot be written to.
    """

    def __init__(
        self, folder: Path, arrays: "Sequence[Array]", identity: Mapping[str, Any]
    ) -> None:
        self.folder, self.arrays = folder, list(arrays)
        self.windows = [block.window for block in plan_blocks(arrays).blocks]
        shapes = [[list(each.shape), str(each.dtype)] for each in arrays]
        known = {"arrays": shapes, "windows": self.windows, **identity}
        # As it will be read again: tuples become lists, numbers the same text.
        mine = json.loads(json.dumps(known, default=str))
        folder.mkdir(exist_ok=True)
        place = folder / IDENTITY
        if not place.exists():
            _write(place, json.dumps(mine).encode())
        elif json.loads(place.read_bytes()) != mine:
            raise self._other()

    def fill(
        self, writing: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[Window]:
        """Compute the blocks that are missing.

        Parameters
        ----------
        writing : callable
            Makes a context in which each block is written, to report its errors.

        Yields
        ------
        Window
            Each block, once it is kept.

        Raises
        ------
        OutputError
            If a block that is kept is not what is computed now.
        OSError
            If a block cannot be written.
        """
        kept = {window for window in self.windows if self._is_kept(window)}
        if kept:
            self._compare(max(kept, key=self._size))
        yield from sorted(kept)
        for window, arrays in computed_blocks(
            self.arrays, lambda each: each not in kept
        ):
            with writing():
                self._put(window, arrays)
            yield window

    def read(self, window: Window) -> Arrays:
        """A block of each raster that is kept.

        Raises
        ------
        OutputError
            If a file is damaged.
        """
        return tuple(self._read(window, number) for number in range(len(self.arrays)))

    def _read(self, window: Window, number: int) -> npt.NDArray[Any]:
        array, place = self.arrays[number], self._place(window, number)
        try:
            content = zlib.decompress(place.read_bytes())
            shape = (*array.shape[:-2], window.height, window.width)
            return np.frombuffer(content, array.dtype).reshape(shape)
        except (zlib.error, ValueError) as error:
            raise OutputError(
                f"the block {place} is damaged ({error}): remove the folder "
                f"{str(self.folder)!r}, and begin again"
            ) from error

    def blocks(self) -> Iterator[tuple[Window, Arrays]]:
        """All blocks in row order; they must be kept."""
        for window in self.windows:
            yield window, self.read(window)

    def lazy(self, number: int) -> "Array":
        """One of the rasters, lazy, read from the folder; its blocks must be kept."""
        from dask import array as da

        array = self.arrays[number]
        rows = _lengths(self.windows, 0, 2)
        cols = _lengths(self.windows, 1, 3)
        places = {(w.row, w.col): w for w in self.windows}
        tops, lefts = np.cumsum((0, *rows[:-1])), np.cumsum((0, *cols[:-1]))
        name = f"ktextures-stored-{number}-{self.folder}"
        front = (0,) * (array.ndim - 2)
        graph = {
            (name, *front, i, j): (
                _read,
                _Reader(self),
                list(places[int(top), int(left)]),
                number,
            )
            for i, top in enumerate(tops)
            for j, left in enumerate(lefts)
        }
        chunks = (*((size,) for size in array.shape[:-2]), rows, cols)
        return da.Array(graph, name, chunks, array.dtype)  # type: ignore[no-untyped-call]

    def _place(self, window: Window, number: int) -> Path:
        return self.folder / f"{window.row:08d}-{window.col:08d}-{number}.block"

    def _is_kept(self, window: Window) -> bool:
        return all(self._place(window, i).exists() for i in range(len(self.arrays)))

    def _size(self, window: Window) -> int:
        return self._place(window, 0).stat().st_size

    def _compare(self, window: Window) -> None:
        """Compute a block again, to find out whether those kept are of these rasters.

        It should be a large one, since the smallest may be all nodata in any raster.
        """
        for _, arrays in computed_blocks(self.arrays, lambda each: each == window):
            if not _equal(self.read(window), arrays):
                raise self._other()

    def _put(self, window: Window, arrays: Arrays) -> None:
        for number, each in enumerate(arrays):
            content = zlib.compress(np.ascontiguousarray(each).data, FAST)
            _write(self._place(window, number), content)

    def _other(self) -> OutputError:
        return OutputError(
            f"the unfinished blocks in {str(self.folder)!r} are of another scene, "
            "model, or version: remove the folder to begin again, or go on with what "
            "it was begun with"
        )


class _Reader:
    """A store as part of a graph: dask would look for keys in it, and compare it."""

    def __init__(self, store: BlockStore) -> None:
        self.store = store


def _read(reader: _Reader, window: list[int], number: int) -> npt.NDArray[Any]:
    return reader.store._read(Window(*window), number)


def _lengths(windows: Sequence[Window], start: int, length: int) -> tuple[int, ...]:
    found = {window[start]: window[length] for window in windows}
    return tuple(found[key] for key in sorted(found))


def _equal(one: Arrays, other: Arrays) -> bool:
    return all(
        np.array_equal(mine, new, equal_nan=mine.dtype.kind == "f")
        for mine, new in zip(one, other, strict=True)
    )


def _write(place: Path, content: bytes) -> None:
    begun = place.with_suffix(".begun")
    begun.write_bytes(content)
    os.replace(begun, place)
