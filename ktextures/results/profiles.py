"""Class profiles: what the pixels of each class look like, in numbers and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.table import ClassTable
from ktextures.results.separability import (
    bhattacharyya,
    jeffries_matusita,
    with_surroundings,
)
from ktextures.results.typical_patch import Patch, find_patch

__all__ = ["PATCH_SIDE", "Part", "profile_classes", "texture_side"]

PATCH_SIDE = 64

_SAMPLED = 4_000
"""Pixels of each class that separability is computed from."""

FloatArray = npt.NDArray[np.float64]

_LONG_NAMES = {
    "color": "color of the class",
    "pixels": "pixels looked at",
    "share": "share of the pixels with data, 0..1",
    "mean": "mean of the pixels",
    "std": "standard deviation of the pixels",
    "texture": "texture of the class, in the scene's units",
    "patch": "most typical part of the scene, in the scene's units",
    "patch_inside": "pixels of the patch that are in the class",
    "patch_row": "first row of the patch in the scene; -1 = none",
    "patch_col": "first column of the patch in the scene; -1 = none",
    "patch_share": "share of the patch that is in the class, 0..1",
    "separability": "Jeffries-Matusita distance by color and texture, 0..2",
    "color_separability": "Jeffries-Matusita distance by color alone, 0..2",
    "nearest": "class with the least separability; 0 = none",
}


@dataclass(frozen=True)
class Part:
    """A part of a scene, with its classes.

    Attributes
    ----------
    values : array, shape (y, x, band)
        In the scene's units.
    classes : array of uint8, shape (y, x)
        1..k, 0 = nodata.
    row, col : int
        Place of its first pixel in the scene.
    """

    values: npt.NDArray[np.floating]
    classes: npt.NDArray[np.uint8]
    row: int = 0
    col: int = 0


def profile_classes(
    parts: Sequence[Part],
    textures: npt.NDArray[np.floating],
    table: ClassTable,
    bands: Sequence[str],
    *,
    texture_side: int,
    patch_side: int = PATCH_SIDE,
    seed: int = 0,
) -> xr.Dataset:
    """Describe the classes of some parts of a scene.

    Parameters
    ----------
    parts : sequence of Part
        All of the scene, or a sample of it.
    textures : array, shape (class, y, x, band)
        In the scene's units.
    table : ClassTable
        Names and colors.
    bands : sequence of str
    texture_side : int
        Side in pixels of the square around a pixel that counts as its texture.
    patch_side : int
        Side of the typical patches, in pixels; less where the parts are smaller.
    seed : int
        Chooses the pixels that separability is computed from.

    Returns
    -------
    Dataset
        As `ktextures.describe` returns it, without areas.
    """
    k = table.k
    pixels, mean, std = _moments(parts, k)
    side = min(patch_side, *(min(part.classes.shape) for part in parts))
    found = [
        _most_typical(parts, value, side, mean[value - 1], std[value - 1])
        for value in range(1, k + 1)
    ]
    by_color, by_both = _separability(parts, k, texture_side, seed)
    places = [
        (parts[i].row + p.row, parts[i].col + p.col, p.share) if p else (-1, -1, np.nan)
        for i, p in found
    ]
    per_band, square = ("class", "band"), ("class", "other")
    data = {
        "color": ("class", np.array(table.colors)),
        "pixels": ("class", pixels),
        "share": ("class", pixels / max(pixels.sum(), 1)),
        "mean": (per_band, mean),
        "std": (per_band, std),
        "texture": (
            ("class", "band", "texture_y", "texture_x"),
            np.asarray(textures).transpose(0, 3, 1, 2),
        ),
        "patch": (
            ("class", "band", "patch_y", "patch_x"),
            np.stack([_cut(parts, i, p, side) for i, p in found]),
        ),
        "patch_inside": (
            ("class", "patch_y", "patch_x"),
            np.stack(
                [_inside(parts, i, p, side, v) for v, (i, p) in enumerate(found, 1)]
            ),
        ),
        "patch_row": ("class", np.array([row for row, _, _ in places])),
        "patch_col": ("class", np.array([col for _, col, _ in places])),
        "patch_share": ("class", np.array([share for *_, share in places])),
        "separability": (square, jeffries_matusita(by_both)),
        "color_separability": (square, jeffries_matusita(by_color)),
        "nearest": ("class", _nearest(by_both)),
    }
    values = np.arange(1, k + 1, dtype="uint8")
    coords = {"class": values, "other": values, "band": list(bands)}
    coords["name"] = ("class", list(table.names))
    result = xr.Dataset(data, coords)
    for name, long_name in _LONG_NAMES.items():
        result[name].attrs["long_name"] = long_name
    return result


def texture_side(scale: float | None) -> int:
    """Side in pixels of the square around a pixel that counts as its texture.

    Parameters
    ----------
    scale : float or None
        Texture scale of a model in pixels; None for those that have none.
    """
    return 2 * max(round(scale or 0), 1) + 1


def _moments(
    parts: Sequence[Part], k: int
) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Number of pixels, mean, and standard deviation of each class."""
    num_bands = parts[0].values.shape[-1]
    count = np.zeros(k + 1, np.int64)
    sums = np.zeros((2, k + 1, num_bands))
    # Around the mean, because squares of large values lose their last digits.
    middle = _middle(parts)
    for part in parts:
        flat = part.classes.ravel()
        count += np.bincount(flat, minlength=k + 1)
        for band in range(num_bands):
            values = part.values[..., band].ravel().astype("float64") - middle[band]
            values = np.where(flat > 0, values, 0.0)
            sums[0, :, band] += np.bincount(flat, values, k + 1)
            sums[1, :, band] += np.bincount(flat, values**2, k + 1)
    known = np.where(count > 0, count, np.nan)[1:, None]
    mean = sums[0, 1:] / known
    std = np.sqrt(np.maximum(sums[1, 1:] / known - mean**2, 0))
    return count[1:], mean + middle, std


def _middle(parts: Sequence[Part]) -> FloatArray:
    first = next((part for part in parts if (part.classes > 0).any()), None)
    if first is None:
        return np.zeros(parts[0].values.shape[-1])
    return np.asarray(first.values[first.classes > 0].mean(0, dtype="float64"))


def _most_typical(
    parts: Sequence[Part], value: int, side: int, mean: FloatArray, std: FloatArray
) -> tuple[int, Patch | None]:
    """Number of a part, and its patch; with most of the class, or closest to it."""
    found = []
    for index, part in enumerate(parts):
        inside = part.classes == value
        known = np.where(inside[..., None], part.values, 0).astype("float64")
        patch = find_patch(known, inside, side, mean, std)
        if patch is not None:
            found.append((index, patch))
    if not found:
        return 0, None
    most = max(patch.share for _, patch in found)
    good = [each for each in found if each[1].share >= 0.9 * most]
    return min(good, key=lambda each: each[1].distance)


def _cut(
    parts: Sequence[Part], index: int, patch: Patch | None, side: int
) -> FloatArray:
    """Values (band, y, x) of a patch; NaN without data, or if there is none."""
    part = parts[index]
    if patch is None:
        return np.full((part.values.shape[-1], side, side), np.nan)
    place = np.s_[patch.row : patch.row + side, patch.col : patch.col + side]
    known = part.classes[place][..., None] > 0
    values = np.where(known, part.values[place], np.nan).transpose(2, 0, 1)
    return values.astype("float64")


def _inside(
    parts: Sequence[Part], index: int, patch: Patch | None, side: int, value: int
) -> npt.NDArray[np.bool_]:
    """Which pixels (y, x) of a patch are in a class."""
    if patch is None:
        return np.zeros((side, side), bool)
    place = np.s_[patch.row : patch.row + side, patch.col : patch.col + side]
    return np.equal(parts[index].classes[place], value)


def _separability(
    parts: Sequence[Part], k: int, side: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Bhattacharyya distances between classes, by color alone, and with texture."""
    generator = np.random.default_rng(seed)
    scale = _spread(parts)
    each = max(_SAMPLED // len(parts), 50)
    num_bands = parts[0].values.shape[-1]
    groups: list[list[FloatArray]] = [[] for _ in range(k)]
    for part in parts:
        known = part.classes > 0
        if not known.any():
            continue
        fill = part.values[known].mean(0, dtype="float64")
        values = np.where(known[..., None], part.values, fill).astype("float64") / scale
        rows = with_surroundings(values, side).reshape(-1, 3 * num_bands)
        flat = part.classes.ravel()
        for value in range(1, k + 1):
            places = np.flatnonzero(flat == value)
            if len(places) > each:
                places = generator.choice(places, each, replace=False)
            groups[value - 1].append(rows[places])
    empty = np.empty((0, 3 * num_bands))
    joined = [np.concatenate([empty, *group]) for group in groups]
    color = [group[:, :num_bands] for group in joined]
    return bhattacharyya(color), bhattacharyya(joined)


def _spread(parts: Sequence[Part]) -> FloatArray:
    """Standard deviation of each band."""
    pixels = np.concatenate([part.values[part.classes > 0] for part in parts])
    std = pixels.std(0, dtype="float64") if len(pixels) else np.ones(pixels.shape[-1])
    return np.where(std > 0, std, 1.0)


def _nearest(distance: FloatArray) -> npt.NDArray[np.int64]:
    """Class with the smallest distance to each; 0 if none is known."""
    unknown = np.isnan(distance) | np.eye(len(distance), dtype=bool)
    others = np.where(unknown, np.inf, distance)
    return np.where(np.isfinite(others.min(1)), others.argmin(1) + 1, 0)
