"""Tiles of a scene, scaled and filled as input of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.read import read_window
from ktextures.raster.scaling import Preparation
from ktextures.raster.windows import Padding, Window, cover_evenly, grow, mirror

__all__ = [
    "TileSet",
    "check_size",
    "choose_tiles",
    "prepare_padded",
    "read_padded",
    "read_tiles",
]

MIN_SIDE = 32
MIN_VALID_SHARE = 0.25


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
        Positions of the tiles in the scene, without their halo.
    halo : int
        Width of the halo in pixels.
    """

    values: np.ndarray
    valid: np.ndarray
    windows: tuple[Window, ...]
    halo: int

    def __len__(self) -> int:
        return len(self.windows)

    def some(self, most: int) -> "TileSet":
        """Select at most this many tiles, evenly spread."""
        if len(self) <= most:
            return self
        index = np.linspace(0, len(self) - 1, most).round().astype(int)
        windows = tuple(self.windows[i] for i in index)
        return TileSet(self.values[index], self.valid[index], windows, self.halo)

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
    """A tile and the share of its pixels that are valid (0..1)."""

    window: Window
    share: float
    values: np.ndarray
    valid: np.ndarray


def check_size(scene: xr.DataArray) -> None:
    """Refuse a scene that is too small to train on.

    Raises
    ------
    InputError
        If it is smaller than 32 x 32 pixels.
    """
    height, width = scene.sizes["y"], scene.sizes["x"]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"The scene has {height} x {width} pixels; training needs at least "
            f"{MIN_SIDE} x {MIN_SIDE}."
        )


def choose_tiles(
    scene: xr.DataArray,
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
    scene : DataArray, (band, y, x)
        A scene.
    size, halo : int
        Largest side of a tile and its halo, in pixels.
    preparation : Preparation
        Scales and fills the values.
    most : int
        Largest number of tiles; if more are needed to cover the scene, they are chosen
        at random.
    seed : int
        Seed of the random choice.
    shrink : bool
        See `ktextures.raster.windows.cover_evenly`.

    Returns
    -------
    TileSet
        In row order. Tiles of which less than a quarter is valid are omitted, unless
        there are no others.

    Raises
    ------
    InputError
        If the scene is smaller than 32 x 32 pixels or holds no valid pixel.
    """
    height, width = scene.sizes["y"], scene.sizes["x"]
    check_size(scene)
    windows = cover_evenly(height, width, size, shrink=shrink)
    order = np.arange(len(windows))
    if len(windows) > most:
        order = np.random.default_rng(seed).permutation(len(windows))
    good: list[Candidate] = []
    poor: list[Candidate] = []
    for window in (windows[index] for index in order):
        values, valid = read_padded(scene, window, halo, preparation)
        inner = slice(halo, -halo or None)
        tile = Candidate(window, float(valid[inner, inner].mean()), values, valid)
        if tile.share >= MIN_VALID_SHARE:
            good.append(tile)
        elif not good:
            # Only as many as may be needed, because a large scene may be empty.
            poor = sorted([*poor, tile], key=lambda each: -each.share)[:most]
        if len(good) == most:
            break
    chosen = good or poor
    if not any(tile.share for tile in chosen):
        raise InputError(
            "the scene has no valid pixel; check its nodata value (scene.rio.nodata)"
        )
    chosen.sort(key=lambda tile: tile.window)
    return TileSet(
        np.stack([tile.values for tile in chosen]),
        np.stack([tile.valid for tile in chosen]),
        tuple(tile.window for tile in chosen),
        halo,
    )
