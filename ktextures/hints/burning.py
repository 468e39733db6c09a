"""Geometries as pixels; of large ones, a few parts."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from affine import Affine
from rasterio.features import rasterize

from ktextures.hints.geometry import positions
from ktextures.raster.windows import Window

__all__ = ["CELL", "burn"]

CELL = 256
"""Side in pixels of the parts that large geometries are looked at in."""

MOST_CELLS = 16
"""Parts of one geometry that are looked at."""


def burn(geometry: Mapping[str, Any], height: int, width: int, seed: int) -> np.ndarray:
    """Find the pixels that a geometry covers.

    Parameters
    ----------
    geometry : mapping
        In columns and rows, counted from 0 at the center of the first pixel.
    height, width : int
        Of the scene.
    seed : int
        Chooses the parts of a large geometry.

    Returns
    -------
    array, shape (n, 2), int
        Rows and columns: of polygons, pixels whose center is inside, or, if there are
        none, those touched; of lines, those touched.
    """
    places = np.array(positions(geometry))
    if not np.isfinite(places).all():
        return np.zeros((0, 2), int)
    if geometry["type"].endswith("Point"):
        return _points(places, height, width)
    (left, top), (right, bottom) = np.floor(places.min(0)), np.ceil(places.max(0)) + 1
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, width), min(bottom, height)
    if right <= left or bottom <= top:
        return np.zeros((0, 2), int)
    whole = Window(int(top), int(left), int(bottom - top), int(right - left))
    parts = _parts(geometry, whole, seed)
    for touched in (geometry["type"].endswith("LineString"), True):
        found = np.concatenate([_burned(geometry, part, touched) for part in parts])
        # A polygon smaller than a pixel covers no center.
        if len(found):
            break
    return found


def _points(places: np.ndarray, height: int, width: int) -> np.ndarray:
    points = np.floor(places[:, ::-1] + 0.5)
    inside = (points >= 0).all(1) & (points < (height, width)).all(1)
    return np.asarray(np.unique(points[inside].astype(int), axis=0))


def _parts(geometry: Mapping[str, Any], whole: Window, seed: int) -> list[Window]:
    """Windows that hold the pixels of a geometry, or some of them."""
    top, left = whole.row // CELL, whole.col // CELL
    bottom, right = whole.row + whole.height, whole.col + whole.width
    down, across = math.ceil(bottom / CELL) - top, math.ceil(right / CELL) - left
    if down * across <= MOST_CELLS:
        return [whole]
    # In cells instead of pixels, so that a large one takes neither time nor memory.
    start = Affine.translation(left * CELL - 0.5, top * CELL - 0.5)
    corner = start @ Affine.scale(CELL)
    cells = rasterize(
        [(dict(geometry), 1)], (down, across), transform=corner, all_touched=True
    )
    found = np.argwhere(cells)
    chosen = np.random.default_rng(seed).permutation(len(found))[:MOST_CELLS]
    parts = []
    for row, col in (found[np.sort(chosen)] + (top, left)).tolist():
        first, start_col = row * CELL, col * CELL
        height, width = min(CELL, bottom - first), min(CELL, right - start_col)
        parts.append(Window(first, start_col, height, width))
    return parts


def _burned(geometry: Mapping[str, Any], part: Window, touched: bool) -> np.ndarray:
    burned = rasterize(
        [(dict(geometry), 1)],
        (part.height, part.width),
        transform=Affine.translation(part.col - 0.5, part.row - 0.5),
        all_touched=touched,
    )
    return np.asarray(np.argwhere(burned) + np.array([part.row, part.col]))
