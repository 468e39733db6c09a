"""A set that is in a folder already, and whether more chips fit into it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio

from ktextures.errors import InputError, OutputError
from ktextures.samples.blocks import SPLITS, Block
from ktextures.samples.footprints import Plane
from ktextures.samples.inputs import Inputs
from ktextures.samples.manifest import BOUNDS, DATASHEET, DESCRIPTION, TABLE, own_files
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import Settings

__all__ = [
    "blocks_from_json",
    "blocks_to_json",
    "check_fits",
    "existing_files",
    "find_existing",
    "plane_of",
    "rings_of",
    "settled",
]

FloatArray = npt.NDArray[np.float64]


def find_existing(
    out: Path, *, append: bool, overwrite: bool
) -> TrainingSamples | None:
    """Find the set in a folder.

    Parameters
    ----------
    out : Path
        The folder; it need not exist.
    append, overwrite : bool
        What is to become of it.

    Returns
    -------
    TrainingSamples or None

    Raises
    ------
    InputError
        If both are asked for, or the set is damaged.
    OutputError
        If there is a set, and neither is asked for, or a datasheet of something else.
    """
    if append and overwrite:
        raise InputError(
            "append and overwrite are both True: give one, to extend the samples there "
            "or to replace them"
        )
    if not ((out / TABLE).exists() or (out / DESCRIPTION).exists()):
        if (out / DATASHEET).exists():
            raise OutputError(
                f"'{out / DATASHEET}' exists but does not belong to the samples there: "
                "move it away, or choose another folder"
            )
        return None
    if not append and not overwrite:
        raise OutputError(
            f"'{out}' holds training samples already: pass append=True to extend "
            "them, overwrite=True to replace them, or choose another folder"
        )
    return TrainingSamples.read(out)


def existing_files(existing: TrainingSamples | None) -> list[Path]:
    """Files of a set, relative to its folder."""
    if existing is None:
        return []
    return own_files(existing.manifest["stem"].tolist())


def settled(settings: Settings, existing: TrainingSamples) -> Settings:
    """Settings in which what was left open is as in a set.

    Raises
    ------
    InputError
        If something was asked for that the set has otherwise.
    """
    described = existing.description
    split = described["split"]
    asked: dict[str, tuple[object, object]] = {
        "size": (settings.size, described["size"]),
        "overlap": (settings.overlap, described["overlap"]),
        "split": (settings.split, split["method"]),
    }
    if settings.split is not None and split["method"] is not None:
        fractions = tuple(split["fractions"][name] for name in SPLITS)
        asked["fractions"] = (settings.fractions, fractions)
        for name in ("block_size", "buffer"):
            if getattr(settings, name) is not None:
                asked[name] = (getattr(settings, name), split[name])
    for name, (mine, theirs) in asked.items():
        if mine != theirs:
            _refuse(existing, f"{name}={theirs!r}", f"{name}={mine!r}", name)
    return replace(
        settings, block_size=split.get("block_size"), buffer=split.get("buffer")
    )


def check_fits(
    inputs: Inputs, dtype: np.dtype[Any], existing: TrainingSamples, *, named: bool
) -> None:
    """Check that chips of scenes can join a set.

    Parameters
    ----------
    inputs : Inputs
    dtype : dtype
        Of their images.
    existing : TrainingSamples
    named : bool
        Whether the user gave the names of the scenes.

    Raises
    ------
    InputError
        If bands, dtype, classes or names differ from those of the set.
    """
    described = existing.description
    bands = [str(name) for name in inputs.scenes[0].scene.band.values]
    if bands != described["bands"]:
        _refuse(existing, f"bands {described['bands']}", f"bands {bands}", "bands")
    if dtype.name != described["dtype"]:
        _refuse(existing, f"dtype {described['dtype']}", f"dtype {dtype}", "dtype")
    mine = [
        (name, code)
        for name, code in zip(inputs.table.names, inputs.codes, strict=True)
    ]
    theirs = [(each["name"], each["code"]) for each in described["classes"]]
    if mine != theirs:
        wanted, got = ([name for name, _ in each] for each in (theirs, mine))
        if wanted == got:
            wanted, got = ([code for _, code in each] for each in (theirs, mine))
        _refuse(existing, f"classes {wanted}", f"classes {got}", "classes")
    taken = {each["name"].casefold() for each in described["scenes"]}
    for each in inputs.scenes:
        if named and each.name.casefold() in taken:
            raise InputError(
                f"the samples in '{existing.folder}' have a scene named {each.name!r} "
                "already: give it another name with names="
            )


def _refuse(existing: TrainingSamples, theirs: str, mine: str, what: str) -> None:
    raise InputError(
        f"the samples in '{existing.folder}' have {theirs}, the new ones {mine}: give "
        f"the same {what}, or make a set of its own in another folder"
    )


def plane_of(described: Mapping[str, Any]) -> Plane:
    """Plane in which the blocks of a set lie."""
    split = described["split"]
    width, height = split["pixel"]
    return Plane(split["crs"], width, height)


def blocks_to_json(blocks: Mapping[Block, int]) -> dict[str, list[list[int]]]:
    """List the blocks of each split."""
    return {
        name: [list(block) for block in sorted(blocks) if blocks[block] == split]
        for split, name in enumerate(SPLITS)
    }


def blocks_from_json(listed: Mapping[str, Any]) -> dict[Block, int]:
    """Split of each block, as `blocks_to_json` listed them."""
    return {
        (int(col), int(row)): split
        for split, name in enumerate(SPLITS)
        for col, row in listed[name]
    }


def rings_of(existing: TrainingSamples, plane: Plane) -> list[FloatArray]:
    """Outlines of the chips of a set, in the order of its table.

    Parameters
    ----------
    existing : TrainingSamples
    plane : Plane

    Returns
    -------
    list of ndarray of float64, (point, 2)
    """
    table = existing.manifest
    found: dict[int, FloatArray] = {}
    for text in table["crs"].unique():
        places = np.flatnonzero(table["crs"] == text)
        bounds = table[list(BOUNDS)].to_numpy(np.float64)[places]
        crs = rasterio.CRS.from_user_input(text) if text else None
        rings = plane.rings_of_bounds(bounds, crs)
        found |= dict(zip(places.tolist(), rings, strict=True))
    return [found[place] for place in range(len(table))]
