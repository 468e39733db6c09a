"""Tiles of a scene, scaled and filled as input of a network."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.read import read_window
from ktextures.raster.scaling import Preparation
from ktextures.raster.scene_set import SceneSet
from ktextures.raster.windows import Padding, Window, cover_evenly, grow, mirror

__all__ = [
    "TileSet",
    "choose_tiles",
    "prepare_padded",
    "read_padded",
    "read_tiles",
]

MIN_VALID_SHARE = 0.25
MOST_SCENES = 4
"""Times the largest number of tiles: with more scenes, some give none."""


@dataclass(frozen=True)
class TileSet:
    """Tiles of equal shape with their halo.

    Parameters
    ----------
    values : array, shape (n, y + 2 halo, x + 2 halo, band), float32
        Scaled and filled.
    valid : array, shape (n, y + 2 halo, x + 2 halo), bool
        Which pixels have data.
    windows : tuple of Window
        Positions of the tiles in their scenes, without their halo. Around one that is
        smaller than y x x, pixels are not valid.
    halo : int
        Width of the halo in pixels.
    scenes : tuple of int
        Which scene each tile is from, from 0; of one scene only if not given.
    """

    values: np.ndarray
    valid: np.ndarray
    windows: tuple[Window, ...]
    halo: int
    scenes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Tiles of which nothing else is said are from one scene."""
        if not self.scenes:
            object.__setattr__(self, "scenes", (0,) * len(self.windows))

    def __len__(self) -> int:
        return len(self.windows)

    def some(self, most: int) -> "TileSet":
        """Select at most this many tiles, evenly spread."""
        if len(self) <= most:
            return self
        index = np.linspace(0, len(self) - 1, most).round().astype(int)
        return TileSet(
            self.values[index],
            self.valid[index],
            tuple(self.windows[i] for i in index),
            self.halo,
            tuple(self.scenes[i] for i in index),
        )

    def inner(self, halo: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return values and valid with a smaller halo."""
        cut = self.halo - halo
        part = slice(cut, -cut or None)
        return self.values[:, part, part], self.valid[:, part, part]


def read_padded(
    scene: xr.DataArray, window: Window, halo: int, preparation: Preparation
) -> tuple[np.ndarray, np.ndarray]:
    """Read a window with its halo, mirrored where it is outside the scene.

    Parameters
    ----------
    scene : DataArray, (band, y, x)
        A scene.
    window : Window
        A window within the scene.
    halo : int
        Width of the halo in pixels.
    preparation : Preparation
        Scales and fills the values.

    Returns
    -------
    values : array, shape (height + 2 halo, width + 2 halo, band), float32
        Scaled and filled.
    valid : array, shape (height + 2 halo, width + 2 halo), bool
        Which pixels have data.
    """
    inside, padding = grow(window, halo, scene.sizes["y"], scene.sizes["x"])
    values, valid = read_window(scene, *inside)
    return prepare_padded(values, valid, padding, preparation)


def prepare_padded(
    values: np.ndarray, valid: np.ndarray, padding: Padding, preparation: Preparation
) -> tuple[np.ndarray, np.ndarray]:
    """Scale, fill and mirror values (y, x, band) that have been read."""
    return mirror(preparation(values, valid), padding), mirror(valid, padding)


def read_tiles(
    scene: xr.DataArray, windows: Sequence[Window], halo: int, preparation: Preparation
) -> TileSet:
    """Read windows of equal shape into memory."""
    pairs = [read_padded(scene, window, halo, preparation) for window in windows]
    return TileSet(
        np.stack([values for values, _ in pairs]),
        np.stack([valid for _, valid in pairs]),
        tuple(windows),
        halo,
    )


class Candidate(NamedTuple):
    """A tile, the number of its scene, and the share of its pixels that are valid."""

    scene: int
    window: Window
    share: float
    values: np.ndarray
    valid: np.ndarray


def choose_tiles(
    scenes: SceneSet,
    size: int,
    halo: int,
    preparation: Preparation,
    *,
    most: int,
    seed: int,
    shrink: bool,
) -> TileSet:
    """Choose and read the tiles to train on.

    Parameters
    ----------
    scenes : SceneSet
        One scene or several.
    size, halo : int
        Largest side of a tile and its halo, in pixels.
    preparation : Preparation
        Scales and fills the values.
    most : int
        Largest number of tiles. If more are needed to cover the scenes, they are chosen
        at random, the same number from each scene as far as it has them. Of more scenes
        than that, each gives one tile; of more than 4 times as many, `most` x 4 scenes
        are chosen at random.
    seed : int
        Seed of the random choice.
    shrink : bool
        See `ktextures.raster.windows.cover_evenly`.

    Returns
    -------
    TileSet
        In the order of scenes and rows. Tiles of which less than a quarter is valid are
        omitted, unless their scene has no others. All have the size of the largest; a
        smaller one lies in the middle, and the pixels around it count as not valid.

    Raises
    ------
    InputError
        If a scene is smaller than 32 x 32 pixels or holds no valid pixel.
    """
    scenes.check_sizes()
    generator = np.random.default_rng(seed)
    chosen = _chosen_scenes(len(scenes), MOST_SCENES * most, generator)
    most = max(most, len(chosen))
    windows = [cover_evenly(*scenes.sizes[i], size, shrink=shrink) for i in chosen]
    shape = tuple(max(places[0][axis] for places in windows) for axis in (2, 3))
    if sum(map(len, windows)) > most:
        windows = [[p[i] for i in generator.permutation(len(p))] for p in windows]
    sources = [
        _good_tiles(scenes, index, places, shape, halo, preparation, most)
        for index, places in zip(chosen, windows, strict=True)
    ]
    tiles = sorted(_in_turn(sources, most), key=lambda tile: tile[:2])
    return TileSet(
        np.stack([tile.values for tile in tiles]),
        np.stack([tile.valid for tile in tiles]),
        tuple(tile.window for tile in tiles),
        halo,
        tuple(tile.scene for tile in tiles),
    )


def _chosen_scenes(count: int, most: int, generator: np.random.Generator) -> list[int]:
    """Numbers of the scenes that give tiles."""
    if count <= most:
        return list(range(count))
    return sorted(generator.permutation(count)[:most].tolist())


def _good_tiles(
    scenes: SceneSet,
    index: int,
    windows: Sequence[Window],
    shape: tuple[int, ...],
    halo: int,
    preparation: Preparation,
    most: int,
) -> Iterator[Candidate]:
    """Tiles of one scene with enough valid pixels, or else those with most of them."""
    poor: list[Candidate] = []
    found = False
    for window in windows:
        values, valid = _framed(scenes.scenes[index], window, shape, halo, preparation)
        inner = slice(halo, -halo or None)
        share = float(valid[inner, inner].sum()) / (window.height * window.width)
        tile = Candidate(index, window, share, values, valid)
        if share >= MIN_VALID_SHARE:
            found = True
            yield tile
        elif share and not found:
            # Only as many as may be needed, because a large scene may be empty.
            poor = sorted([*poor, tile], key=lambda each: -each.share)[:most]
    if not found and not poor:
        raise InputError(
            f"{scenes.labels[index]} has no valid pixel; check its nodata value "
            "(scene.rio.nodata)"
        )
    if not found:
        yield from poor


def _in_turn(sources: Sequence[Iterator[Candidate]], most: int) -> list[Candidate]:
    """Tiles from each scene in turn, until there are enough or no more."""
    tiles: list[Candidate] = []
    waiting = deque(sources)
    while waiting and len(tiles) < most:
        source = waiting.popleft()
        if (tile := next(source, None)) is not None:
            tiles.append(tile)
            waiting.append(source)
    return tiles


def _framed(
    scene: xr.DataArray,
    window: Window,
    shape: tuple[int, ...],
    halo: int,
    preparation: Preparation,
) -> tuple[np.ndarray, np.ndarray]:
    """Read a window in the middle of a tile of a shape; only its own pixels are valid.

    Around it lies what surrounds it in the scene, so that no edge appears.
    """
    above, left = (shape[0] - window.height) // 2, (shape[1] - window.width) // 2
    frame = Window(window.row - above, window.col - left, *shape)
    values, valid = read_padded(scene, frame, halo, preparation)
    if frame != window:
        own = np.zeros_like(valid)
        top, start = halo + above, halo + left
        own[Window(top, start, window.height, window.width).slices] = True
        valid &= own
    return values, valid
