"""Hinted pixels as training sees them, wherever in the scenes they lie."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from ktextures.hints.pixels import HintedPixels
from ktextures.model.masks import ContextualMasks
from ktextures.raster.scaling import Preparation
from ktextures.raster.scene_set import SceneSet
from ktextures.raster.tile_set import TileSet, read_tiles
from ktextures.raster.windows import Window
from ktextures.training.basis import Basis
from ktextures.training.pixel_batches import SeenTiles

__all__ = ["HintEvidence", "collect_evidence"]

PATCH = 64
"""Side in pixels of what is read around hints outside the training tiles."""

MOST_PATCHES = 200
"""Patches that are read; of more, some are chosen at random."""

MOST_POINTS = 400
"""Places that say what is similar to hints."""


@dataclass(frozen=True)
class HintEvidence:
    """Hinted pixels, and the segments that they lie in.

    Attributes
    ----------
    hints : array, shape (pixel,), int
        Place of the hint, from 0.
    tile_places : array, shape (pixel,), int
        Where in the training tiles, flattened, the pixel is; -1 = elsewhere.
    patterns : array, shape (pixel, channel), float16
        What the masks see of it.
    descriptors : array, shape (pixel, dimension)
    points : array, shape (pixel,), int
        Segment that the pixel lies in, one for each class hinted there; -1 = one that
        was left out, of too many.
    point_descriptors : array, shape (point, dimension)
        Mean of the segment, or, if several classes are hinted there, of the pixels.
    point_scenes : array, shape (point,), int
    point_places : array, shape (point, 2)
        Row and column in the scene, means over the hinted pixels.
    """

    hints: np.ndarray
    tile_places: np.ndarray
    patterns: np.ndarray
    descriptors: np.ndarray
    points: np.ndarray
    point_descriptors: np.ndarray
    point_scenes: np.ndarray
    point_places: np.ndarray


class _Source(NamedTuple):
    """Tiles of which everything is known."""

    tiles: TileSet
    basis: Basis
    is_training: bool


def collect_evidence(
    pixels: HintedPixels,
    values: np.ndarray,
    basis: Basis,
    scenes: SceneSet,
    preparation: Preparation,
    network: ContextualMasks,
) -> HintEvidence:
    """Collect what training must know of hinted pixels.

    Parameters
    ----------
    pixels : HintedPixels
    values : array, shape (hint,), int
        What class each hint names, as any number.
    basis : Basis
        Of the training tiles, as the network sees them.
    scenes : SceneSet
    preparation : Preparation
    network : ContextualMasks

    Returns
    -------
    HintEvidence
    """
    sources = [_Source(basis.tiles, basis, is_training=True)]
    tiles, rows, cols = _in_tiles(pixels, basis.tiles)
    parts = [_part(sources[0], pixels, values, tiles, rows, cols)]
    outside = np.flatnonzero(tiles < 0)
    for number in np.unique(pixels.scenes[outside]):
        mine = outside[pixels.scenes[outside] == number]
        patches = _patches(pixels, mine, int(number), scenes, preparation, basis)
        seen = SeenTiles.by(network, patches, adapt=False)
        source = _Source(patches, basis.of_patches(patches, seen), is_training=False)
        some = _selected(pixels, mine)
        parts.append(_part(source, some, values, *_in_tiles(some, patches)))
    return _joined(parts)


def _selected(pixels: HintedPixels, which: np.ndarray) -> HintedPixels:
    columns = (pixels.hints, pixels.scenes, pixels.rows, pixels.cols)
    return HintedPixels(*(column[which] for column in columns))


def _in_tiles(
    pixels: HintedPixels, tiles: TileSet
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tile of each pixel, -1 if there is none, and row and column in it."""
    found = np.full(len(pixels), -1)
    rows, cols = np.zeros(len(pixels), int), np.zeros(len(pixels), int)
    height, width = tiles.inner()[1].shape[1:]
    pairs = zip(tiles.scenes, tiles.windows, strict=True)
    for number, (scene, window) in enumerate(pairs):
        # A smaller window lies in the middle of its tile.
        down = pixels.rows - window.row + (height - window.height) // 2
        across = pixels.cols - window.col + (width - window.width) // 2
        inside = (pixels.rows >= window.row) & (pixels.cols >= window.col)
        inside &= pixels.rows < window.row + window.height
        inside &= pixels.cols < window.col + window.width
        inside &= (pixels.scenes == scene) & (found < 0)
        found[inside] = number
        rows[inside], cols[inside] = down[inside], across[inside]
    return found, rows, cols


def _patches(
    pixels: HintedPixels,
    which: np.ndarray,
    scene: int,
    scenes: SceneSet,
    preparation: Preparation,
    basis: Basis,
) -> TileSet:
    """Read patches that hold pixels of one scene."""
    height, width = scenes.sizes[scene]
    side = min(PATCH, height, width)
    places = np.stack([pixels.rows[which], pixels.cols[which]], 1)
    corners = np.unique(places // side * side, axis=0)
    if len(corners) > MOST_PATCHES:
        chosen = np.random.default_rng(0).permutation(len(corners))[:MOST_PATCHES]
        corners = corners[np.sort(chosen)]
    windows = [
        Window(min(int(row), height - side), min(int(col), width - side), side, side)
        for row, col in corners
    ]
    read = read_tiles(scenes.scenes[scene], windows, basis.tiles.halo, preparation)
    numbers = (scene,) * len(windows)
    return TileSet(read.values, read.valid, read.windows, read.halo, numbers)


def _part(
    source: _Source,
    pixels: HintedPixels,
    values: np.ndarray,
    tiles: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
) -> HintEvidence:
    """Evidence of the pixels that lie in the tiles of a source."""
    inside = tiles >= 0
    pixels, at = _selected(pixels, inside), (tiles[inside], rows[inside], cols[inside])
    basis = source.basis
    shape = basis.seen.inside.shape
    flat = np.ravel_multi_index(at, shape)
    descriptors = basis.descriptors[at]
    segments = np.array(
        [
            basis.neighborhoods(tile)[row, col]
            for tile, row, col in zip(*at, strict=True)
        ],
        int,
    )
    keys = np.stack([at[0], segments, values[pixels.hints]], 1).reshape(-1, 3)
    found, points = np.unique(keys, axis=0, return_inverse=True)
    points = points.ravel()
    alone = [(found[:, :2] == key[:2]).all(1).sum() == 1 for key in found]
    means = [
        basis.descriptors[tile][_members(basis, tile, segment)].mean(0)
        if only
        else descriptors[points == number].mean(0)
        for number, ((tile, segment, _), only) in enumerate(
            zip(found, alone, strict=True)
        )
    ]
    places = np.stack([pixels.rows, pixels.cols], 1).astype("float32")
    members = [points == number for number in range(len(found))]
    return HintEvidence(
        pixels.hints,
        flat if source.is_training else np.full(len(flat), -1),
        basis.seen.patterns[at],
        descriptors,
        points,
        np.array(means, "float32").reshape(len(found), descriptors.shape[1]),
        np.array([pixels.scenes[mine][0] for mine in members], int),
        np.array([places[mine].mean(0) for mine in members]).reshape(-1, 2),
    )


def _members(basis: Basis, tile: int, segment: int) -> np.ndarray:
    """Valid pixels (y, x) of a segment of a tile."""
    return np.asarray(
        (basis.neighborhoods(tile) == segment) & basis.seen.inside[tile], bool
    )


def _joined(parts: Sequence[HintEvidence]) -> HintEvidence:
    starts = np.cumsum([0, *(len(part.point_scenes) for part in parts)])
    shifted = [part.points + start for part, start in zip(parts, starts, strict=False)]
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(HintEvidence)
    }
    return _limited(HintEvidence(**joined | {"points": np.concatenate(shifted)}))


def _limited(evidence: HintEvidence) -> HintEvidence:
    """Evidence with no more points than are looked at."""
    count = len(evidence.point_scenes)
    if count <= MOST_POINTS:
        return evidence
    kept = np.sort(np.random.default_rng(0).permutation(count)[:MOST_POINTS])
    numbers = np.full(count, -1)
    numbers[kept] = np.arange(len(kept))
    return replace(
        evidence,
        points=numbers[evidence.points],
        point_descriptors=evidence.point_descriptors[kept],
        point_scenes=evidence.point_scenes[kept],
        point_places=evidence.point_places[kept],
    )
