"""Describe the classes that a model finds in a scene."""

import os

import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.model.config import check_bands
from ktextures.model.ktextures import KTextures, find_model
from ktextures.model.network import TEXTURE_SIDE
from ktextures.raster.bands import shown_bands
from ktextures.raster.georeference import georeference
from ktextures.raster.nodata import require_valid
from ktextures.raster.open import open_scene
from ktextures.raster.read import read_window, sample_windows
from ktextures.raster.windows import Window, grow
from ktextures.results.areas import class_areas
from ktextures.results.profiles import (
    PATCH_SIDE,
    Part,
    profile_classes,
    texture_side,
)
from ktextures.segmentation import segment

__all__ = ["describe"]

MOST_PIXELS = 4_000_000
"""Of larger scenes, windows of 256 x 256 pixels are looked at."""

SMALLEST_PATCH = 8


def describe(
    scene: xr.DataArray,
    model: KTextures | str | os.PathLike[str],
    *,
    patch: int = PATCH_SIDE,
) -> xr.Dataset:
    """Describe each class: its texture and most typical part, numbers, and neighbors.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        With the bands the model was trained on. Of scenes beyond 4 megapixels, about 50
        to 60 windows of 256 x 256 pixels are looked at, and `pixels`, `share`, and
        `area_ha` are estimates.
    model : KTextures or path
        A path is that of a file written by `KTextures.save`.
    patch : int
        Side of the typical patches in pixels, 8 or more.

    Returns
    -------
    xarray.Dataset
        Over ``class``: ``name``, ``color``, ``pixels``, ``share`` (0..1), ``area_ha``
        (hectares; NaN without CRS), and ``nearest``, the class with the least
        separability. Over (class, band), in the scene's units: ``mean`` and ``std``.
        ``texture`` (class, band, texture_y, texture_x) is what the model has learned;
        ``patch`` (class, band, patch_y, patch_x) is the part of the scene, from row
        ``patch_row`` and column ``patch_col``, in which a class looks most as it does
        everywhere, ``patch_share`` how much of it is in the class, and
        ``patch_inside`` which of its pixels.
        ``separability`` and ``color_separability`` (class, other) are
        Jeffries-Matusita distances, 0 = alike to 2 = distinct, the latter by the bands
        of single pixels alone. Of a class without pixels, numbers are NaN.

    Raises
    ------
    InputError
        If bands differ from the model's, no pixel is valid, or `patch` is not a whole
        number of 8 or more.
    FileNotFoundError, ModelFileError
        If `model` is a path and there is no such file, or it is damaged.

    See Also
    --------
    plot_classes : Draw what is returned.

    Notes
    -----
    Of the patches that hold nearly as much of a class as any, the most typical is the
    one whose pixels in the class have band means and standard deviations closest to
    those of the whole class.

    Jeffries-Matusita distances are those of normal distributions (Swain & Davis 1978).
    By color and texture, a pixel has its bands, and their mean and log standard
    deviation over the pixels around it.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> profiles = kt.describe(scene, model, patch=16)
    >>> profiles.patch.dims
    ('class', 'band', 'patch_y', 'patch_x')
    """
    whole = isinstance(patch, int | np.integer) and not isinstance(patch, bool)
    if not whole or patch < SMALLEST_PATCH:
        raise InputError(
            f"patch is {patch!r}; give a whole number of {SMALLEST_PATCH} pixels or "
            "more."
        )
    scene = open_scene(scene)
    model = find_model(model)
    if model.in_training:
        model = model.copy()
    check_bands(scene.band.values, model.config)
    size = (scene.sizes["y"], scene.sizes["x"])
    windows = [Window(*each) for each in sample_windows(*size, MOST_PIXELS)]
    whole = len(windows) == 1
    parts = [_part(scene, model, window, whole=whole) for window in windows]
    found = sum(int((part.classes > 0).sum()) for part in parts)
    require_valid(found, 1, "describing classes")
    textures = model.draw_textures(TEXTURE_SIDE, TEXTURE_SIDE, model.config.seed)
    result = profile_classes(
        parts,
        model.preparation.scaler.inverse(textures),
        model.classes,
        [str(name) for name in scene.band.values],
        texture_side=texture_side(model.mask_network.texture_scale),
        patch_side=int(patch),
        seed=model.config.seed,
    )
    area = _areas(scene, parts, model)
    result["area_ha"] = ("class", area, {"long_name": "area", "units": "ha"})
    looked_at = sum(part.classes.size for part in parts)
    return result.assign_attrs(
        title="k-textures class profiles",
        shown_bands=[index + 1 for index in shown_bands(scene, None)],
        share_looked_at=looked_at / np.prod(size),
    )


def _part(
    scene: xr.DataArray, model: KTextures, window: Window, *, whole: bool
) -> Part:
    """Values and classes of a window; classes are those in the whole scene."""
    inside, _ = grow(window, model.reach, scene.sizes["y"], scene.sizes["x"])
    rows, cols = inside.slices
    block = scene.isel(y=rows, x=cols).compute()
    place = Window(
        window.row - inside.row, window.col - inside.col, window.height, window.width
    )
    values, _ = read_window(block, *place)
    if not whole:
        # Lazy, because one window of snow or shadow says nothing about the units.
        block = block.chunk()
    classes = segment(block, model, progress=False).classes.values[place.slices]
    return Part(values, classes, window.row, window.col)


def _areas(scene: xr.DataArray, parts: list[Part], model: KTextures) -> np.ndarray:
    """Hectares of each class; estimated if only parts of the scene are given."""
    size = (scene.sizes["y"], scene.sizes["x"])
    area = np.zeros(model.k)
    looked_at = 0
    for part in parts:
        height, width = part.classes.shape
        rows = slice(part.row, part.row + height)
        cols = slice(part.col, part.col + width)
        like = scene.isel(y=rows, x=cols)
        located = georeference(part.classes, like, dims=("y", "x"), name="classes")
        area += class_areas(located, model.classes)["area_ha"].to_numpy()
        looked_at += part.classes.size
    return area * (size[0] * size[1] / looked_at)
