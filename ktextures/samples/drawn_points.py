"""Pixels drawn from each class where the ground belongs to one split."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures._arguments import checked_whole
from ktextures.classes.categories import check_known
from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.results.areas import count_values
from ktextures.results.drawing import draw_pixels
from ktextures.samples.blocks import DROPPED, Spans, splits_of
from ktextures.samples.existing import blocks_from_json, plane_of
from ktextures.samples.footprints import Plane, boxes_of
from ktextures.samples.inputs import Inputs
from ktextures.samples.plan import Blocks, choose_block_size, divide
from ktextures.samples.result import TrainingSamples

__all__ = ["Design", "Ground", "Points", "counts_by_class", "draw_points", "ground_of"]

IntArray = npt.NDArray[np.int64]
SplitArray = npt.NDArray[np.int8]
StrPath = str | os.PathLike[str]
Design = Literal["equal", "proportional"]

_BUFFER = 16
_UNIT = 32  # pixels: blocks are multiples of it
_MORE = 2  # times as many pixels are drawn first, since some cannot be used


@dataclass(frozen=True)
class Ground:
    """How the ground is divided among the splits.

    Parameters
    ----------
    plane : Plane
        In which blocks lie.
    blocks : Blocks
        What decides where they lie, and those that a set of chips has.
    block_size : int or None
        That was asked for.
    known : bool
        Whether a set of chips has divided the ground.
    """

    plane: Plane
    blocks: Blocks
    block_size: int | None
    known: bool


@dataclass(frozen=True)
class Points:
    """Pixels of a scene.

    Parameters
    ----------
    rows, columns : ndarray of int64, (n,)
        Where they are.
    classes : ndarray of int64, (n,)
        Their values in the class map.
    pixels : ndarray, (band, n)
        Their values in the scene.
    splits : ndarray of int8, (n,)
        Number of their split.
    """

    rows: IntArray
    columns: IntArray
    classes: IntArray
    pixels: npt.NDArray[Any]
    splits: SplitArray

    def take(self, places: npt.NDArray[Any]) -> "Points":
        """Some of the points, by index or mask."""
        return Points(
            self.rows[places],
            self.columns[places],
            self.classes[places],
            self.pixels[:, places],
            self.splits[places],
        )


def ground_of(
    scene: xr.DataArray,
    samples: StrPath | TrainingSamples | None,
    fractions: tuple[float, ...],
    block_size: int | None,
    buffer: int | None,
) -> Ground:
    """How the ground is divided, by a set of chips or by arguments.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    samples : path, TrainingSamples or None
        Set of chips.
    fractions : tuple of float, (split,)
    block_size, buffer : int or None
        In pixels of the scene.

    Returns
    -------
    Ground

    Raises
    ------
    InputError
        If both are given, or the set is not divided.
    """
    if samples is None:
        apart = _BUFFER if buffer is None else checked_whole("buffer", buffer, 0)
        if block_size is not None:
            checked_whole("block_size", block_size, 1 + apart)
        blocks = Blocks(0, apart, fractions)
        return Ground(Plane.of(scene), blocks, block_size, known=False)
    if block_size is not None or buffer is not None:
        raise InputError(
            "samples and block_size or buffer are given: leave these out, since those "
            "of the samples hold"
        )
    if not isinstance(samples, TrainingSamples):
        samples = TrainingSamples.read(samples)
    split = samples.description["split"]
    if split["method"] is None:
        raise InputError(
            f"the samples in '{samples.folder}' are not divided (split=None), so "
            "points cannot be divided like them: give samples that are, or leave them "
            "out"
        )
    fixed = blocks_from_json(split["blocks"])
    blocks = Blocks(split["block_size"], split["buffer"], fractions, fixed)
    return Ground(plane_of(samples.description), blocks, None, known=True)


def counts_by_class(inputs: Inputs, n: int, design: Design) -> dict[int, int]:
    """Number of points of each class that occurs.

    Parameters
    ----------
    inputs : Inputs
        One scene.
    n : int
        Number of all points.
    design : {"equal", "proportional"}

    Returns
    -------
    dict of int to int
        By value in the map; at least 1 for "proportional".

    Raises
    ------
    InputError
        If there are no classes, or one without a name.
    """
    found = inputs.scenes[0].classes
    pixels, _ = count_values(found.data, np.zeros(found.shape[0]))
    check_known(pixels, inputs.categories)
    held = [code for code in inputs.codes if pixels[code]]
    if not held:
        raise InputError(
            "no pixel of the class map has a class: give a map with classes"
        )
    if design == "equal":
        each, more = divmod(n, len(held))
        return {code: each + (place < more) for place, code in enumerate(held)}
    exact = n * pixels[held] / pixels[held].sum()
    whole = np.floor(exact).astype(int)
    # The largest remainders get what is left.
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: n - whole.sum()]] += 1
    return {code: max(1, int(each)) for code, each in zip(held, whole, strict=True)}


def draw_points(
    inputs: Inputs, counts: Mapping[int, int], ground: Ground, seed: int
) -> Points:
    """Draw pixels that have data and are far enough from other splits.

    Parameters
    ----------
    inputs : Inputs
        One scene.
    counts : mapping of int to int
        How many of each class, by value in the map.
    ground : Ground
    seed : int

    Returns
    -------
    Points
        By class, in the order of ``counts``; of a class without enough pixels, all that
        can be used.

    Raises
    ------
    InputError
        If blocks are too large for the splits, or no pixel can be used.
    """
    times = _MORE
    while True:
        wanted = {code: times * count for code, count in counts.items()}
        drawn = _drawn(inputs, wanted, seed)
        held = {code: int((drawn.classes == code).sum()) for code in counts}
        points = _divided(_with_data(drawn, inputs), inputs, ground, seed)
        # Those of a class are in random order, so the first ones are a sample too.
        kept = {c: np.flatnonzero(points.classes == c)[: counts[c]] for c in counts}
        short = [code for code in counts if len(kept[code]) < counts[code]]
        if all(held[code] < wanted[code] for code in short):
            break
        times *= 4
    if not len(points.rows):
        raise InputError(
            "no pixel lies on ground that the samples divide: give the samples of the "
            "same area"
        )
    return points.take(np.concatenate(list(kept.values())))


def _drawn(inputs: Inputs, wanted: Mapping[int, int], seed: int) -> Points:
    source = inputs.scenes[0]
    rows, columns, classes = draw_pixels(source.classes.data, wanted, seed)
    pixels = _pixels(source.scene, rows, columns)
    nowhere = np.full(len(rows), DROPPED, np.int8)
    return Points(rows, columns, classes.astype(np.int64), pixels, nowhere)


def _pixels(scene: xr.DataArray, rows: IntArray, columns: IntArray) -> npt.NDArray[Any]:
    """Values (band, n) at some pixels; of a lazy scene, each chunk is computed once."""
    if scene.chunks is None:
        return np.asarray(scene.data)[:, rows, columns]
    values = scene.data.vindex[:, rows, columns]  # points first
    return np.asarray(values.compute()).T


def _with_data(points: Points, inputs: Inputs) -> Points:
    nodata = scene_nodata(inputs.scenes[0].scene)
    return points.take(valid_pixels(points.pixels[:, None], nodata)[0])


def _divided(points: Points, inputs: Inputs, ground: Ground, seed: int) -> Points:
    """Points with their splits, without those near another split."""
    scene = inputs.scenes[0].scene
    place = scene_transform(scene), scene.rio.crs, points.rows, points.columns
    boxes = boxes_of(ground.plane.rings(*place, 1))
    blocks = ground.blocks
    if ground.known:
        spans = Spans.of(boxes, blocks.block_size, blocks.buffer)
        splits = splits_of(spans, blocks.fixed)[spans.places]
    else:
        counts = (points.classes[:, None] == inputs.codes).astype(np.int64)
        given = ground.block_size
        size = choose_block_size(boxes, counts, blocks, given, seed, unit=_UNIT)
        splits = divide(boxes, counts, replace(blocks, block_size=size), seed).splits
    return replace(points, splits=splits).take(splits != DROPPED)
