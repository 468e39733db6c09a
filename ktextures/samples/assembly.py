"""From chips that were divided to a finished set: named, counted, described."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rioxarray  # noqa: F401 - registers .rio

from ktextures._version import __version__
from ktextures.raster.georeference import scene_transform
from ktextures.raster.places import moved, point_at
from ktextures.samples.blocks import DROPPED, SPLITS
from ktextures.samples.chips import IGNORED, NODATA
from ktextures.samples.cutting import Chip
from ktextures.samples.datasheet import datasheet
from ktextures.samples.division import Divided
from ktextures.samples.existing import blocks_to_json
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
    table_columns,
    write_description,
    write_table,
)
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import Settings
from ktextures.samples.statistics import BandStatistics, measure_bands

if TYPE_CHECKING:
    import pandas as pd
    from affine import Affine

__all__ = ["assemble"]


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
    table = pd.DataFrame(rows, columns=table_columns(inputs.table.k))
    trained = [
        new / IMAGES / f"{row['stem']}.tif" for row in rows if row["split"] == SPLITS[0]
    ]
    if existing is not None:
        table = pd.concat([existing.manifest, table], ignore_index=True)
    described = _described(divided, inputs, settings, dtype, existing, table)
    found = _measured(trained, len(described["bands"]), existing)
    described["statistics"] = found.to_dict()
    write_table(table, new / TABLE)
    write_description(described, new / DESCRIPTION)
    (new / DATASHEET).write_text(datasheet(described), encoding="utf-8")


def _measured(
    trained: list[Path], bands: int, existing: TrainingSamples | None
) -> BandStatistics:
    """Statistics of new training chips and, if there are any, those of a set."""
    before = None
    if existing is not None:
        old, described = existing.manifest, existing.description
        counts = counts_of(old, len(described["classes"]))
        if counts[SPLITS[0]] == described["counts"][SPLITS[0]]:
            before = BandStatistics.from_dict(described["statistics"])
        else:  # Somebody has taken chips away, or corrected the table.
            stems = old["stem"][old["split"] == SPLITS[0]]
            trained = [*trained, *(existing.image(stem) for stem in stems)]
    return measure_bands(sorted(trained), bands, before)


def _row(
    chip: Chip, split: str, inputs: Inputs, transform: "Affine", size: int
) -> dict[str, Any]:
    source = inputs.scenes[chip.scene]
    place = moved(transform, chip.row, chip.column)
    x, y = point_at(place, [0, size, 0, size], [0, 0, size, size])
    bounds = (float(each) for each in (x.min(), y.min(), x.max(), y.max()))
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
    first = inputs.scenes[0].scene
    scenes = _scenes_described(inputs, settings, table, now)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "ktextures": __version__,
        "created": before.get("created", now),
        "updated": now,
        "classes": before.get("classes") or _classes_described(inputs),
        "ignore": [NODATA, IGNORED],
        "bands": [str(name) for name in first.band.values],
        "roles": [str(role) for role in first.role.values],
        "dtype": dtype.name,
        "size": settings.size,
        "overlap": settings.overlap,
        # A later call adds blocks; whatever else decides stays.
        "split": _split_described(divided, settings)
        | {
            key: each
            for key, each in before.get("split", {}).items()
            if key != "blocks"
        },
        "counts": counts_of(table, inputs.table.k),
        "scenes": [*before.get("scenes", []), *scenes],
    }


def _classes_described(inputs: Inputs) -> list[dict[str, Any]]:
    table = inputs.table
    columns = (table.values, table.names, table.colors, inputs.codes)
    return [
        dict(zip(("class", "name", "color", "code"), each, strict=True))
        for each in zip(*columns, strict=True)
    ]


def _scenes_described(
    inputs: Inputs, settings: Settings, table: "pd.DataFrame", now: str
) -> list[dict[str, Any]]:
    chips = table["scene"].value_counts()
    return [
        {
            "name": each.name,
            "source": each.source,
            "crs": crs_text(each.scene),
            "chips": int(chips.get(each.name, 0)),
            "added": now,
            "max_nodata": settings.max_nodata,
            "min_confidence": settings.min_confidence,
            "balance": settings.balance,
            "seed": settings.seed,
            "model": each.provenance,
        }
        for each in inputs.scenes
    ]


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
