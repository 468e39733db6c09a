"""Chips divided among the splits, and those left out that do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio

from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.samples.balance import chips_to_drop
from ktextures.samples.blocks import DROPPED, SPLITS, Block
from ktextures.samples.cutting import Chip
from ktextures.samples.existing import blocks_from_json, plane_of, rings_of
from ktextures.samples.footprints import Plane, boxes_of, conflicting
from ktextures.samples.inputs import Inputs
from ktextures.samples.manifest import counts_of
from ktextures.samples.plan import Blocks, choose_block_size, divide
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import Settings

__all__ = ["Divided", "divide_chips"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
SplitArray = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Divided:
    """Which split each chip is in, and the ground that belongs to each.

    Parameters
    ----------
    splits : ndarray of int8, (n,)
        Number of the split of each chip, or `DROPPED`.
    blocks : dict of Block to int
        Split of each block.
    block_size : int or None
    plane : Plane
        In which blocks lie.
    """

    splits: SplitArray
    blocks: dict[Block, int]
    block_size: int | None
    plane: Plane


def divide_chips(
    chips: Sequence[Chip],
    inputs: Inputs,
    settings: Settings,
    existing: TrainingSamples | None,
) -> Divided:
    """Divide chips among the splits.

    Parameters
    ----------
    chips : sequence of Chip
    inputs : Inputs
        The scenes that they are from.
    settings : Settings
    existing : TrainingSamples or None
        The set that they join.

    Returns
    -------
    Divided
        Without chips that are too close to chips of another split and, if asked for,
        without training chips of frequent classes.

    Raises
    ------
    InputError
        If no chip holds data, or the blocks are too large.
    """
    if not chips:
        raise InputError(
            f"no chip of {settings.size} x {settings.size} pixels holds enough data: "
            "give a smaller size, a larger max_nodata, or a lower min_confidence"
        )
    plane = Plane.of(inputs.scenes[0].scene)
    if existing is not None:
        plane = plane_of(existing.description)
    if settings.split is None:
        divided = Divided(np.zeros(len(chips), np.int8), {}, None, plane)
    else:
        rings = _rings(chips, inputs, settings.size, plane)
        counts = np.stack([chip.counts for chip in chips])
        divided = _by_blocks(rings, counts, settings, existing, plane)
    if settings.balance:
        _balance(divided.splits, chips, inputs.table.k, existing)
    return divided


def _rings(
    chips: Sequence[Chip], inputs: Inputs, size: int, plane: Plane
) -> list[FloatArray]:
    found: list[FloatArray] = []
    for index, each in enumerate(inputs.scenes):
        mine = [chip for chip in chips if chip.scene == index]
        rows, columns = [c.row for c in mine], [c.column for c in mine]
        scene = each.scene
        found += list(
            plane.rings(scene_transform(scene), scene.rio.crs, rows, columns, size)
        )
    return found


def _by_blocks(
    rings: list[FloatArray],
    counts: IntArray,
    settings: Settings,
    existing: TrainingSamples | None,
    plane: Plane,
) -> Divided:
    boxes = np.vstack([boxes_of(ring[None]) for ring in rings])
    fixed: dict[Block, int] = {}
    there: list[FloatArray] = []
    taken = np.zeros(0, np.int8)
    if existing is not None:
        fixed = blocks_from_json(existing.description["split"]["blocks"])
        there = rings_of(existing, plane)
        taken = np.array([SPLITS.index(s) for s in existing.manifest["split"]], np.int8)
    held = np.bincount(taken, minlength=len(SPLITS))
    blocks = Blocks(0, settings.distance, settings.fractions, fixed, tuple(held))
    size = settings.block_size
    if existing is None or size is None:
        size = choose_block_size(boxes, counts, blocks, size, settings.seed)
    division = divide(boxes, counts, replace(blocks, block_size=size), settings.seed)
    splits = division.splits.copy()
    # Blocks keep chips apart already; this holds whatever became of the set meanwhile.
    kept = np.flatnonzero(splits != DROPPED)
    drop = conflicting(
        [*there, *(rings[place] for place in kept)],
        np.concatenate([taken, splits[kept]]),
        np.arange(len(there) + len(kept)) < len(there),
        settings.distance,
    )
    splits[kept[drop[len(there) :]]] = DROPPED
    return Divided(splits, division.blocks, size, plane)


def _balance(
    splits: SplitArray, chips: Sequence[Chip], k: int, existing: TrainingSamples | None
) -> None:
    """Drop training chips of frequent classes, in place."""
    train = np.flatnonzero(splits == 0)
    held = np.zeros(k, np.int64)
    if existing is not None:
        held = np.array(counts_of(existing.manifest, k)["train"]["pixels"], np.int64)
    if train.size:
        counts = np.stack([chips[place].counts for place in train.tolist()])
        splits[train[chips_to_drop(counts, held)]] = DROPPED
