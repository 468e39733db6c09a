"""How lazy rasters are divided into blocks, and what each block needs."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ktextures.raster.windows import Window

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["Block", "Plan", "joined", "plan_blocks"]

SIDE = 1024
"""Chunks are computed together until they have about this many rows and columns."""

Graph = dict[Any, Any]


@dataclass(frozen=True)
class Block:
    """A rectangle of whole chunks.

    Attributes
    ----------
    window : Window
        Its pixels.
    rows, cols : range
        Numbers of its chunks.
    """

    window: Window
    rows: range
    cols: range


@dataclass(frozen=True)
class Plan:
    """The graph of lazy rasters, and their blocks.

    Attributes
    ----------
    arrays : tuple of dask array, each (..., y, x)
        With the same chunks along y and x.
    graph : dict
        All tasks.
    roots : frozenset of str
        Keys that hold what all blocks need, such as a model or an open file.
    blocks : tuple of Block
    """

    arrays: "tuple[Array, ...]"
    graph: Graph
    roots: frozenset[Any]
    blocks: tuple[Block, ...]

    def keys(self, block: Block) -> list[Any]:
        """Nested lists of the keys of each array's chunks in a block."""
        return [_keys(array, block) for array in self.arrays]

    def needed(self, block: Block) -> Graph:
        """The tasks that make a block."""
        from dask.core import flatten
        from dask.optimization import cull

        keys = list(flatten(self.keys(block)))  # type: ignore[no-untyped-call]
        found, _ = cull(self.graph, keys)  # type: ignore[no-untyped-call]
        return dict(found)

    @property
    def independent(self) -> bool:
        """Whether neighboring blocks share nothing that has to be computed."""
        first = self.blocks[0]
        neighbors = (
            next((block for block in self.blocks if block.window[axis] > 0), first)
            for axis in (0, 1)
        )
        needed = [self.needed(block) for block in {first, *neighbors}]
        shared = [set(one) & set(two) for one, two in itertools.combinations(needed, 2)]
        return not any(_is_task(self.graph[key]) for key in set().union(*shared))


def plan_blocks(arrays: "Sequence[Array]", side: int | None = None) -> Plan:
    """Divide lazy rasters into blocks of whole chunks.

    Parameters
    ----------
    arrays : sequence of dask array, each (..., y, x)
        Of one height and width.
    side : int, optional
        Rows and columns up to which chunks are computed together, 1024 by default.

    Returns
    -------
    Plan
        Blocks are in row order.
    """
    side = SIDE if side is None else side
    first = arrays[0]
    chunks = {-2: first.chunks[-2], -1: first.chunks[-1]}
    same = tuple(
        each
        if (each.chunks[-2], each.chunks[-1]) == (chunks[-2], chunks[-1])
        else _rechunked(each, chunks)
        for each in arrays
    )
    graph: Graph = {}
    roots: set[Any] = set()
    for each in same:
        graph.update(each.__dask_graph__())
        roots |= _roots(each)
    blocks = tuple(
        Block(Window(top, left, height, width), rows, cols)
        for rows, top, height in _spans(chunks[-2], side)
        for cols, left, width in _spans(chunks[-1], side)
    )
    return Plan(same, graph, frozenset(roots), blocks)


def _is_task(value: Any) -> bool:
    """Whether something in a graph is computed; models, arrays, and files are not."""
    from dask.core import istask

    # A class that earlier versions of dask do not have.
    return type(value).__name__ == "Task" or bool(istask(value))  # type: ignore[no-untyped-call]


def _rechunked(array: "Array", chunks: dict[int, tuple[int, ...]]) -> "Array":
    wanted = {array.ndim + axis: sizes for axis, sizes in chunks.items()}
    made: Array = array.rechunk(wanted)  # type: ignore[no-untyped-call]
    return made


def _roots(array: "Array") -> set[Any]:
    """Keys of layers of one task that needs no others."""
    layers, needs = array.dask.layers, array.dask.dependencies
    return {
        key
        for name, layer in layers.items()
        if len(layer) == 1 and not needs[name] and name != array.name
        for key in layer
    }


def _spans(sizes: tuple[int, ...], side: int) -> Iterator[tuple[range, int, int]]:
    """Chunks along an axis that are computed together: numbers, first pixel, length."""
    first = start = length = 0
    for number, size in enumerate(sizes):
        if length and length + size > side:
            yield range(first, number), start, length
            first, start, length = number, start + length, 0
        length += size
    if length:
        yield range(first, len(sizes)), start, length


def _keys(array: "Array", block: Block) -> Any:
    """Nested lists of keys, as deep as the array has axes."""
    numbers = [*map(range, array.numblocks[:-2]), block.rows, block.cols]

    def nested(place: tuple[int, ...]) -> Any:
        if len(place) == len(numbers):
            return (array.name, *place)
        return [nested((*place, number)) for number in numbers[len(place)]]

    return nested(())


def joined(chunks: Any) -> npt.NDArray[Any]:
    """One array of chunks in nested lists or tuples, as deep as it has axes."""
    nested = _lists(chunks)
    only = nested
    while isinstance(only, list) and len(only) == 1:
        only = only[0]
    return np.block(nested) if isinstance(only, list) else np.asarray(only)


def _lists(chunks: Any) -> Any:
    return list(map(_lists, chunks)) if isinstance(chunks, list | tuple) else chunks
