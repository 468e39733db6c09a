"""Which chips are kept, and in which split each of them is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError
from ktextures.samples.blocks import (
    SPLITS,
    Block,
    Spans,
    divide_blocks,
    largest_block_size,
    num_needed,
    splits_of,
)

__all__ = ["Blocks", "Division", "choose_block_size", "divide"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
SplitArray = npt.NDArray[np.int8]

_ATTEMPTS = 32
_PREFERRED = (8, 6, 5, 4, 3, 2)  # sides of a block, in boxes
_LEAST = 0.5  # of its fraction, that each split gets if possible
_STEPS = 2  # per side of a box, between the sizes that are tried for small scenes
_ANY_SIZE = 2**31
_MANY = 16  # blocks, so that chance can give each split every class


@dataclass(frozen=True)
class Blocks:
    """What decides into which blocks the ground is divided.

    Parameters
    ----------
    block_size : int
        In pixels of the first scene.
    buffer : int
        In the same pixels.
    fractions : tuple of float, (split,)
        Share of boxes that each split is to hold.
    fixed : mapping of Block to int
        Blocks that have a split already.
    held : tuple of int, (split,)
        Number of boxes that each split holds already.
    """

    block_size: int
    buffer: int
    fractions: tuple[float, ...]
    fixed: Mapping[Block, int] = field(default_factory=dict)
    held: tuple[int, ...] = (0,) * len(SPLITS)


@dataclass(frozen=True)
class Division:
    """How boxes are divided among the splits.

    Parameters
    ----------
    splits : ndarray of int8, (n,)
        Number of the split of each box, or `DROPPED`.
    blocks : dict of Block to int
        Split of each block, including those that had one.
    shares : ndarray of float64, (split,)
        Of the boxes in each split, of all that are kept.
    cost : float
        Share of dropped boxes, plus the largest difference from the fractions, plus how
        much the shares of the classes differ between the splits.
    """

    splits: SplitArray
    blocks: dict[Block, int]
    shares: FloatArray
    cost: float


def divide(boxes: FloatArray, counts: IntArray, blocks: Blocks, seed: int) -> Division:
    """Divide boxes among the splits by the blocks that they are in.

    Of several random assignments of blocks, that is taken which drops fewest boxes,
    comes closest to the fractions, and gives all splits much the same classes.

    Parameters
    ----------
    boxes : ndarray of float64, (n, 4)
        Left, top, right, bottom in pixels of the first scene.
    counts : ndarray of int64, (n, k)
        Pixels of each class in each box.
    blocks : Blocks
        Sizes, fractions, and what is decided already.
    seed : int
        Of the random assignments.

    Returns
    -------
    Division
        Boxes of different splits are at least the buffer apart.
    """
    spans = Spans.of(boxes, blocks.block_size, blocks.buffer)
    classes = np.zeros((len(spans.kinds), counts.shape[1]), np.int64)
    np.add.at(classes, spans.places, counts)
    seeds = range(seed * _ATTEMPTS, (seed + 1) * _ATTEMPTS)
    attempts = [_attempt(spans, classes, blocks, each) for each in seeds]
    best = min(attempts, key=lambda each: each.cost)
    return replace(best, splits=best.splits[spans.places])


def _attempt(spans: Spans, classes: IntArray, blocks: Blocks, seed: int) -> Division:
    """One random assignment, with the splits of the kinds of boxes."""
    held = np.array(blocks.held, np.int64)
    assigned = divide_blocks(spans, blocks.fractions, seed, blocks.fixed, held)
    splits = splits_of(spans, assigned)
    mine = splits == np.arange(len(SPLITS))[:, None]  # (split, kind)
    kept = mine @ spans.counts
    shares = (kept + held) / max((kept + held).sum(), 1)
    lost = 1 - kept.sum() / max(len(spans.places), 1)
    away = np.abs(shares - np.array(blocks.fractions)).max()
    unlike = _class_difference(mine[kept > 0] @ classes, classes.sum(axis=0))
    return Division(splits, assigned, shares, float(lost + away + unlike))


def _class_difference(parts: IntArray, total: IntArray) -> float:
    """Mean over the splits of the share of pixels whose class would have to change."""
    if not len(parts):
        return 0.0
    shares = parts / np.maximum(parts.sum(axis=1, keepdims=True), 1)
    wanted = total / max(total.sum(), 1)
    return float(np.abs(shares - wanted).sum(axis=1).mean() / 2)


def choose_block_size(
    boxes: FloatArray,
    counts: IntArray,
    blocks: Blocks,
    given: int | None,
    seed: int,
    unit: int | None = None,
) -> int:
    """Find a size of blocks with which every split gets boxes.

    Parameters
    ----------
    boxes : ndarray of float64, (n, 4)
        Left, top, right, bottom in pixels of the first scene.
    counts : ndarray of int64, (n, k)
        Pixels of each class in each box.
    blocks : Blocks
        Its ``block_size`` is not used.
    given : int or None
        The size that was asked for.
    seed : int
        As for `divide`.
    unit : int, optional
        Sizes that are tried are multiples of it; by default the side of a box.

    Returns
    -------
    int
        The size that was asked for, or else the largest of some multiples of the unit
        with which there are many blocks and every split gets at least half of its
        fraction, or else, for small scenes, that with the lowest cost.

    Raises
    ------
    InputError
        If no size works, or that which was asked for does not; the message gives the
        largest that does.
    """
    needed = num_needed(blocks.fractions)
    if given is not None:
        if _suits(boxes, given, blocks.buffer, needed):
            return given
        raise InputError(_remedy(boxes, blocks, given, needed))
    side = unit or int(np.ceil((boxes[:, 2:] - boxes[:, :2]).min()))
    for times in _PREFERRED:
        size = times * side + blocks.buffer
        if _suits(boxes, size, blocks.buffer, max(needed, _MANY)):
            one = divide(boxes, counts, replace(blocks, block_size=size), seed)
            if (one.shares >= _LEAST * np.array(blocks.fractions)).all():
                return size
    largest = largest_block_size(
        boxes, blocks.buffer, needed, max(_PREFERRED) * side + blocks.buffer
    )
    if largest is None:
        raise InputError(_too_small(len(boxes), blocks, needed))
    # Few blocks: how they lie on the scene decides more than how large they are.
    step = max(1, side // _STEPS)
    tried: list[int] = [*range(side + blocks.buffer, largest, step), largest]
    sizes = [each for each in tried if _suits(boxes, each, blocks.buffer, needed)]
    costs = [
        divide(boxes, counts, replace(blocks, block_size=size), seed).cost
        for size in sizes
    ]
    return sizes[int(np.argmin(costs))]


def _suits(boxes: FloatArray, size: int, buffer: int, needed: int) -> bool:
    return len(Spans.of(boxes, size, buffer).own_blocks()[0]) >= needed


def _remedy(boxes: FloatArray, blocks: Blocks, given: int, needed: int) -> str:
    found = len(Spans.of(boxes, given, blocks.buffer).own_blocks()[0])
    # Blocks may be too small as well, if no sample fits between their buffers.
    largest = largest_block_size(boxes, blocks.buffer, needed, _ANY_SIZE)
    if largest is None:
        return _too_small(len(boxes), blocks, needed)
    return (
        f"with blocks of {given} pixels, only {found} blocks hold samples "
        f"{blocks.buffer} pixels away from other blocks, but "
        f"{_named(blocks.fractions)} need {needed}: the largest that works is "
        f"block_size={largest}"
    )


def _too_small(boxes: int, blocks: Blocks, needed: int) -> str:
    return (
        f"the scenes hold {boxes} samples with data, which no blocks divide into "
        f"{needed} parts for {_named(blocks.fractions)} that are {blocks.buffer} "
        "pixels apart: give a smaller size or buffer, larger or more scenes, or a "
        "fraction of 0 for a split"
    )


def _named(fractions: Sequence[float]) -> str:
    names = [name for name, each in zip(SPLITS, fractions, strict=True) if each > 0]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
