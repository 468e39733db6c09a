"""Pixels drawn at random from each class of a map, in memory or block by block."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["draw_pixels"]

IntArray = npt.NDArray[np.int64]
Classes = npt.NDArray[np.unsignedinteger]
Drawn = dict[int, tuple[npt.NDArray[np.uint64], IntArray]]
"""By class value: random numbers of some pixels, ascending, and where these are."""

_STREAM = 148_042
"""Keeps the numbers apart from those that others draw with the same seed: noise that
was added to the pixels of a map must not decide which of them are drawn."""

_STRIP_PIXELS = 2**20  # limits the memory of random numbers
_BATCH_PIXELS = 2**25  # of a dask array, computed at once


def draw_pixels(
    classes: Any, counts: Mapping[int, int], seed: int
) -> tuple[IntArray, IntArray, Classes]:
    """Draw pixels of each class at random, without replacement.

    Every pixel gets a random number that depends on nothing but the seed and its place
    in the map; those with the lowest numbers are drawn. So chunks do not matter, and a
    map is read once, whatever is drawn.

    Parameters
    ----------
    classes : ndarray or dask array of uint8 or uint16, (y, x)
        Class map, or legend codes. A dask array is computed, some blocks at a time.
    counts : mapping of int to int
        How many pixels to draw of which value; values that are not listed are left
        out. A class that has fewer pixels gives all of them.
    seed : int
        0 or more.

    Returns
    -------
    rows, cols : ndarray of int64, (n,)
        Places of the pixels, from 0. Classes are in the order of `counts`, and the
        pixels of each in random order: the first ones are a sample too. A larger count
        adds pixels behind the others.
    values : ndarray, (n,)
        Their classes, in the dtype of the map.

    Examples
    --------
    >>> classes = np.repeat(np.array([[1], [2]], np.uint8), 5, axis=1)
    >>> rows, cols, values = draw_pixels(classes, {1: 2, 2: 3}, seed=0)
    >>> rows.tolist(), values.tolist(), len(set(zip(rows.tolist(), cols.tolist())))
    ([0, 0, 1, 1, 1], [1, 1, 2, 2, 2], 5)
    """
    wanted = {int(value): int(count) for value, count in counts.items() if count > 0}
    width = classes.shape[1]
    drawn: Drawn = {}
    for blocks in _batches(classes):
        parts = _computed(blocks, width, wanted, _limits(drawn, wanted), seed)
        drawn = _lowest([drawn, *parts], wanted)
    values = [value for value in wanted if value in drawn]
    places = np.concatenate([np.zeros(0, np.int64), *(drawn[v][1] for v in values)])
    sizes = [drawn[value][1].size for value in values]
    rows, cols = np.divmod(places, max(width, 1))
    return rows, cols, np.repeat(np.array(values, classes.dtype), sizes)


def _batches(classes: Any) -> Iterator[list[tuple[Any, int, int]]]:
    """Blocks that are looked at together, each with its first row and column."""
    if not hasattr(classes, "dask"):
        yield [(np.asarray(classes), 0, 0)]
        return
    tops, lefts = (np.cumsum([0, *sizes[:-1]]).tolist() for sizes in classes.chunks)
    batch: list[tuple[Any, int, int]] = []
    pixels = 0
    for row, (top, height) in enumerate(zip(tops, classes.chunks[0], strict=True)):
        for col, (left, width) in enumerate(zip(lefts, classes.chunks[1], strict=True)):
            if batch and pixels + height * width > _BATCH_PIXELS:
                yield batch
                batch, pixels = [], 0
            batch.append((classes.blocks[row, col], top, left))
            pixels += height * width
    yield batch


def _computed(
    blocks: list[tuple[Any, int, int]],
    width: int,
    wanted: dict[int, int],
    limits: dict[int, np.uint64],
    seed: int,
) -> list[Drawn]:
    """The lowest numbers in each block; dask computes blocks side by side."""
    if not hasattr(blocks[0][0], "dask"):
        return [_in_block(*block, width, wanted, limits, seed) for block in blocks]
    from dask.base import compute
    from dask.delayed import delayed

    look = delayed(_in_block)
    found: tuple[Drawn, ...] = compute(  # type: ignore[no-untyped-call]  # left bare
        *(look(*block, width, wanted, limits, seed) for block in blocks)
    )
    return list(found)


def _in_block(
    block: Classes,
    top: int,
    left: int,
    width: int,
    wanted: dict[int, int],
    limits: dict[int, np.uint64],
    seed: int,
) -> Drawn:
    """The pixels with the lowest numbers in a block of a map of this width."""
    drawn: Drawn = {}
    height, columns = block.shape
    step = max(1, _STRIP_PIXELS // max(columns, 1))
    for start in range(0, height, step):
        strip = block[start : start + step]
        numbers = _numbers(seed, (top + start) * width + left, strip.shape, width)
        flat = strip.ravel()
        order = np.argsort(flat, kind="stable")
        ends = np.cumsum(np.bincount(flat))
        part: Drawn = {}
        for value in wanted:
            if value >= ends.size:
                continue
            first = ends[value - 1] if value else 0
            inside = order[first : ends[value]]
            if value in limits:
                inside = inside[numbers[inside] < limits[value]]
            rows, cols = np.divmod(inside, columns)
            places = (top + start + rows) * width + left + cols
            part[value] = numbers[inside], places.astype(np.int64)
        drawn = _lowest([drawn, part], wanted)
        limits = limits | _limits(drawn, wanted)
    return drawn


def _numbers(
    seed: int, start: int, shape: tuple[int, ...], width: int
) -> npt.NDArray[np.uint64]:
    """Random numbers of a part of the map, whose first pixel is the `start`-th."""
    generator = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    generator.advance(start)
    rows, columns = shape
    if columns == width:
        return np.asarray(generator.random_raw(rows * columns))
    numbers = np.empty((rows, columns), np.uint64)
    for row in numbers:
        row[:] = generator.random_raw(columns)
        generator.advance(width - columns)
    return numbers.ravel()


def _lowest(parts: list[Drawn], wanted: dict[int, int]) -> Drawn:
    """Of the pixels in all parts, those with the lowest numbers of each class."""
    result: Drawn = {}
    for value, count in wanted.items():
        own = [part[value] for part in parts if value in part]
        if not own:
            continue
        numbers = np.concatenate([each for each, _ in own])
        places = np.concatenate([each for _, each in own])
        kept = np.arange(numbers.size)
        if numbers.size > count:
            kept = np.argpartition(numbers, count)[:count]
        kept = kept[np.argsort(numbers[kept], kind="stable")]
        result[value] = numbers[kept], places[kept]
    return result


def _limits(drawn: Drawn, wanted: dict[int, int]) -> dict[int, np.uint64]:
    """Numbers that further pixels must be below, of the classes that are complete."""
    return {
        value: numbers[-1]
        for value, (numbers, _) in drawn.items()
        if numbers.size == wanted[value]
    }
