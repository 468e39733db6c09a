"""Square blocks of ground, each of which belongs to one split.

Positions are in pixels of the first scene, counted from the origin of its CRS, so that
the same ground is in the same block whatever scene shows it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

__all__ = [
    "DROPPED",
    "SPLITS",
    "Block",
    "Spans",
    "block_spans",
    "divide_blocks",
    "largest_block_size",
    "num_needed",
    "splits_of",
]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
SplitArray = npt.NDArray[np.int8]
Block = tuple[int, int]
"""Column and row of a block, counted from the origin of the CRS."""

SPLITS = ("train", "validation", "test")
DROPPED = -1
"""Where a split is a number, that of chips that are in none."""

_TOLERANCE = 1e-6  # of a pixel: edges that touch do not overlap
_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_MIXERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def block_spans(boxes: FloatArray, block_size: int, buffer: float) -> IntArray:
    """Find the blocks that boxes reach, with half the buffer around them.

    Two boxes that reach no common block are at least ``buffer`` apart.

    Parameters
    ----------
    boxes : ndarray of float64, (n, 4)
        Left, top, right, bottom in pixels, left < right and top < bottom.
    block_size : int
        Side of a block in pixels.
    buffer : float
        Distance in pixels.

    Returns
    -------
    ndarray of int64, (n, 4)
        First column, first row, last column, last row of the blocks.

    Examples
    --------
    >>> block_spans(np.array([[0.0, 8.0, 8.0, 16.0]]), 10, 0).tolist()
    [[0, 0, 0, 1]]
    >>> block_spans(np.array([[0.0, 8.0, 8.0, 16.0]]), 10, 4).tolist()
    [[-1, 0, 0, 1]]
    """
    reach = buffer / 2 - _TOLERANCE
    first = np.floor((boxes[:, :2] - reach) / block_size)
    last = np.ceil((boxes[:, 2:] + reach) / block_size) - 1
    return np.hstack([first, last]).astype(np.int64)


class Spans(NamedTuple):
    """Boxes grouped by the blocks that they reach.

    Parameters
    ----------
    kinds : ndarray of int64, (kind, 4)
        First column, first row, last column, last row; each once.
    counts : ndarray of int64, (kind,)
        Number of boxes of each kind.
    places : ndarray of int64, (n,)
        Kind of each box.
    """

    kinds: IntArray
    counts: IntArray
    places: IntArray

    @classmethod
    def of(cls, boxes: FloatArray, block_size: int, buffer: float) -> Self:
        """Group boxes, as `block_spans` takes them."""
        spans = block_spans(boxes, block_size, buffer)
        kinds, places, counts = np.unique(
            spans, axis=0, return_inverse=True, return_counts=True
        )
        return cls(kinds, counts, places.ravel())

    def own_blocks(self) -> tuple[list[Block], IntArray]:
        """Blocks that hold whole boxes, in ascending order, and how many each."""
        inside = (self.kinds[:, :2] == self.kinds[:, 2:]).all(axis=1)
        found = [(int(col), int(row)) for col, row in self.kinds[inside, :2]]
        return found, self.counts[inside]


def num_needed(fractions: Sequence[float]) -> int:
    """Number of splits that get boxes."""
    return sum(fraction > 0 for fraction in fractions)


def divide_blocks(
    spans: Spans,
    fractions: Sequence[float],
    seed: int,
    fixed: Mapping[Block, int],
    held: IntArray,
) -> dict[Block, int]:
    """Assign the blocks that boxes reach to splits.

    Parameters
    ----------
    spans : Spans
        Of the boxes.
    fractions : sequence of float, (split,)
        Share of the boxes that each split is to hold; they sum to 1.
    seed : int
        Decides the order in which blocks are assigned.
    fixed : mapping of Block to int
        Blocks that have a split already.
    held : ndarray of int64, (split,)
        Number of earlier boxes in each split.

    Returns
    -------
    dict of Block to int
        Number of the split of each block, including ``fixed``. Each split with a
        fraction above 0 gets a block that holds a whole box, if there are enough.
    """
    blocks = dict(fixed)
    known, counts = spans.own_blocks()
    targets = np.array(fractions) * (counts.sum() + held.sum())
    assigned = held.astype(np.float64)
    for block, count in zip(known, counts, strict=True):
        if block in blocks:
            assigned[blocks[block]] += count
    new = [each for each in zip(known, counts, strict=True) if each[0] not in blocks]
    order = _shuffled([block for block, _ in new], seed)
    wanted = np.array(fractions) > 0
    for done, place in enumerate(order):
        block, count = new[place]
        empty = wanted & (assigned == 0)
        choice = empty if len(new) - done <= empty.sum() else wanted
        split = int(np.argmax(np.where(choice, targets - assigned, -np.inf)))
        blocks[block] = split
        assigned[split] += count
    neediest = int(np.argmax(np.where(wanted, targets - assigned, -np.inf)))
    _join_others(spans, blocks, neediest)
    return blocks


def _join_others(spans: Spans, blocks: dict[Block, int], default: int) -> None:
    """Give each block without a whole box the split that saves most boxes in it."""
    pairs = zip(spans.kinds.tolist(), spans.counts.tolist(), strict=True)
    touching: dict[Block, list[tuple[list[Block], int]]] = {}
    for span, count in pairs:
        members = _members(span)
        for block in members:
            if block not in blocks:
                touching.setdefault(block, []).append((members, count))
    for block in sorted(touching):
        votes = np.zeros(len(SPLITS), np.int64)
        for members, count in touching[block]:
            found = {blocks[each] for each in members if each in blocks}
            if len(found) == 1:
                votes[found.pop()] += count
        blocks[block] = int(np.argmax(votes)) if votes.any() else default


def splits_of(spans: Spans, blocks: Mapping[Block, int]) -> SplitArray:
    """Find the split of each kind of boxes.

    Parameters
    ----------
    spans : Spans
        Of the boxes.
    blocks : mapping of Block to int
        Split of each block.

    Returns
    -------
    ndarray of int8, (kind,)
        Number of the split; `DROPPED` for boxes that reach blocks of several splits,
        or blocks of none.
    """
    splits = np.full(len(spans.kinds), DROPPED, np.int8)
    for place, span in enumerate(spans.kinds.tolist()):
        found = {blocks.get(block, DROPPED) for block in _members(span)}
        if len(found) == 1:
            splits[place] = found.pop()
    return splits


def _members(span: Sequence[int]) -> list[Block]:
    left, top, right, bottom = span
    return [
        (col, row) for row in range(top, bottom + 1) for col in range(left, right + 1)
    ]


def largest_block_size(
    boxes: FloatArray, buffer: float, needed: int, below: int
) -> int | None:
    """Find the largest block size with which enough blocks hold a whole box.

    Parameters
    ----------
    boxes : ndarray of float64, (n, 4)
        Left, top, right, bottom in pixels.
    buffer : float
        Distance in pixels.
    needed : int
        Number of such blocks.
    below : int
        A size that does not do; the result is smaller.

    Returns
    -------
    int or None
        None if there is none.

    Examples
    --------
    >>> boxes = np.array([[0.0, 0, 4, 4], [4, 0, 8, 4], [8, 0, 12, 4]])
    >>> largest_block_size(boxes, 0, 3, 100), largest_block_size(boxes, 1, 3, 100)
    (4, None)
    """
    if not len(boxes):
        return None
    smallest = int(np.ceil((boxes[:, 2:] - boxes[:, :2]).min() + buffer - _TOLERANCE))
    # Larger ones, and so ``below`` too, all give the blocks that meet at the origin.
    largest = min(below - 1, int(np.ceil(np.abs(boxes).max() + buffer)) + 1)
    sizes = np.arange(max(smallest, 1), largest + 1)
    first = np.floor_divide(boxes[:, :2].min(axis=0)[:, None], sizes)
    last = np.floor_divide(boxes[:, 2:].max(axis=0)[:, None], sizes)
    for size in sizes[(last - first + 1).prod(axis=0) >= needed][::-1]:
        if len(Spans.of(boxes, int(size), buffer).own_blocks()[0]) >= needed:
            return int(size)
    return None


def _shuffled(blocks: Sequence[Block], seed: int) -> IntArray:
    """Order of blocks that depends on each block and the seed, not on the others."""
    if not blocks:
        return np.zeros(0, np.int64)
    parts = np.array(blocks, np.int64).astype(np.uint64)
    mixed = np.full(len(parts), (seed * _FACTORS[2]) % 2**64, np.uint64)
    for axis in (0, 1):
        mixed ^= parts[:, axis] * np.uint64(_FACTORS[axis])
        for shift, factor in zip((30, 27), _MIXERS, strict=True):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return np.lexsort((parts[:, 1], parts[:, 0], mixed)).astype(np.int64)
