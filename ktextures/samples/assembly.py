"""From chips that were cut to a finished set: divided, named, counted, described."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio

from ktextures._version import __version__
from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.samples.balance import chips_to_drop
from ktextures.samples.blocks import DROPPED, SPLITS, Block
from ktextures.samples.chips import IGNORED, NODATA, shifted
from ktextures.samples.cutting import Chip
from ktextures.samples.datasheet import datasheet
from ktextures.samples.existing import (
    blocks_from_json,
    blocks_to_json,
    plane_of,
    rings_of,
)
from ktextures.samples.footprints import Plane, boxes_of, conflicting
from ktextures.samples.inputs import Inputs
from ktextures.samples.manifest import (
    BOUNDS,
    DATASHEET,
    DESCRIPTION,
    FORMAT,
    FORMAT_VERSION,
    IMAGES,
    LABELS,
    TABLE,
    class_columns,
    counts_of,
    write_description,
    write_table,
)
from ktextures.samples.plan import Blocks, choose_block_size, divide
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import Settings
from ktextures.samples.statistics import measure_bands

if TYPE_CHECKING:
    import pandas as pd
    from affine import Affine

__all__ = ["Divided", "assemble", "divide_chips"]

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
    rings = _rings(chips, inputs, settings.size, plane)
    if settings.split is None:
        divided = Divided(np.zeros(len(chips), np.int8), {}, None, plane)
    else:
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
    blocks = Blocks(size, *(blocks.buffer, blocks.fractions, fixed, blocks.held))
    division = divide(boxes, counts, blocks, settings.seed)
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


def assemble(
    chips: Sequence[Chip],
    divided: Divided,
    inputs: Inputs,
    settings: Settings,
    dtype: np.dtype[Any],
    existing: TrainingSamples | None,
    new: Path,
) -> None:
    """Move chips to their names, and write table, description and datasheet.

    Parameters
    ----------
    chips : sequence of Chip
        All that were cut; those that are dropped stay where they are.
    divided : Divided
    inputs : Inputs
        With scene names that the set does not have yet.
    settings : Settings
    dtype : dtype
        Of the images.
    existing : TrainingSamples or None
        The set that they join.
    new : Path
        Folder to fill.
    """
    import pandas as pd

    for kind in (IMAGES, LABELS):
        (new / kind).mkdir(parents=True)
    kept = [
        (chip, SPLITS[split])
        for chip, split in zip(chips, divided.splits, strict=True)
        if split != DROPPED
    ]
    places = [scene_transform(each.scene) for each in inputs.scenes]
    rows = [
        _row(chip, split, inputs, places[chip.scene], settings.size)
        for chip, split in kept
    ]
    for (chip, _), row in zip(kept, rows, strict=True):
        os.replace(chip.image, new / IMAGES / f"{row['stem']}.tif")
        os.replace(chip.label, new / LABELS / f"{row['stem']}.tif")
    table = pd.DataFrame(rows, columns=_columns(inputs.table.k))
    trained = [
        new / IMAGES / f"{row['stem']}.tif" for row in rows if row["split"] == SPLITS[0]
    ]
    if existing is not None:
        table = pd.concat([existing.manifest, table], ignore_index=True)
        old = existing.manifest
        trained += [existing.image(s) for s in old["stem"][old["split"] == SPLITS[0]]]
    described = _described(divided, inputs, settings, dtype, existing, table)
    bands = len(described["bands"])
    described["statistics"] = measure_bands(sorted(trained), bands).to_dict()
    write_table(table, new / TABLE)
    write_description(described, new / DESCRIPTION)
    (new / DATASHEET).write_text(datasheet(described), encoding="utf-8")


def _columns(k: int) -> list[str]:
    return [
        *("stem", "split", "scene", "source", "row", "column"),
        *(*BOUNDS, "crs", "nodata_share", "ignored"),
        *class_columns(k),
    ]


def _row(
    chip: Chip, split: str, inputs: Inputs, transform: "Affine", size: int
) -> dict[str, Any]:
    source = inputs.scenes[chip.scene]
    place = shifted(transform, chip.row, chip.column)
    across = [place.c + place.a * x + place.b * y for x in (0, size) for y in (0, size)]
    down = [place.f + place.d * x + place.e * y for x in (0, size) for y in (0, size)]
    bounds = min(across), min(down), max(across), max(down)
    return {
        "stem": f"{split}_{source.name}_r{chip.row:05d}_c{chip.column:05d}",
        "split": split,
        "scene": source.name,
        "source": source.source,
        "row": chip.row,
        "column": chip.column,
        **dict(zip(BOUNDS, bounds, strict=True)),
        "crs": crs_text(source.scene),
        "nodata_share": chip.nodata / size**2,
        "ignored": chip.ignored,
        **dict(zip(class_columns(len(chip.counts)), chip.counts.tolist(), strict=True)),
    }


def crs_text(scene: Any) -> str:
    """CRS of a scene on one line: its code if there is one, or else as WKT; or ""."""
    return "" if scene.rio.crs is None else str(scene.rio.crs.to_string())


def _described(
    divided: Divided,
    inputs: Inputs,
    settings: Settings,
    dtype: np.dtype[Any],
    existing: TrainingSamples | None,
    table: "pd.DataFrame",
) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    before = existing.description if existing is not None else {}
    per_scene = table["scene"].value_counts()
    first = inputs.scenes[0].scene
    names = zip(inputs.table.values, inputs.table.names, strict=True)
    scenes = [
        {
            "name": each.name,
            "source": each.source,
            "crs": crs_text(each.scene),
            "chips": int(per_scene.get(each.name, 0)),
            "added": now,
            "model": each.provenance,
        }
        for each in inputs.scenes
    ]
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "ktextures": __version__,
        "created": before.get("created", now),
        "updated": now,
        "classes": before.get("classes")
        or [
            {"class": value, "name": name, "color": color, "code": code}
            for (value, name), color, code in zip(
                names, inputs.table.colors, inputs.codes, strict=True
            )
        ],
        "ignore": [NODATA, IGNORED],
        "bands": [str(name) for name in first.band.values],
        "roles": [str(role) for role in first.role.values],
        "dtype": dtype.name,
        "size": settings.size,
        "overlap": settings.overlap,
        "max_nodata": settings.max_nodata,
        "min_confidence": settings.min_confidence,
        "balance": settings.balance,
        "split": before.get("split", {}) | _split_described(divided, settings),
        "counts": counts_of(table, inputs.table.k),
        "scenes": [*before.get("scenes", []), *scenes],
    }


def _split_described(divided: Divided, settings: Settings) -> dict[str, Any]:
    plane = divided.plane
    found = {
        "method": settings.split,
        "crs": plane.crs,
        "pixel": [plane.width, plane.height],
    }
    if settings.split is None:
        return found
    return {
        **found,
        "fractions": dict(zip(SPLITS, settings.fractions, strict=True)),
        "block_size": divided.block_size,
        "buffer": settings.distance,
        "seed": settings.seed,
        "blocks": blocks_to_json(divided.blocks),
    }
