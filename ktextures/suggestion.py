"""Where a hint would help most: large, uncertain, and unlike what has been hinted."""

import os
from itertools import chain
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import xarray as xr
from scipy.ndimage import distance_transform_edt

from ktextures.errors import InputError
from ktextures.hints.pixels import find_pixels
from ktextures.model.config import check_bands
from ktextures.model.ktextures import KTextures, find_model
from ktextures.raster.read import sample_windows
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.raster.tile_set import read_padded
from ktextures.raster.windows import Window
from ktextures.training.segments import segment_means, segments_of

__all__ = ["Suggestion", "suggest"]

MOST_PIXELS = 1_000_000
"""Pixels of a scene that are looked at; of larger ones, in windows."""

SCALE = 50.0
"""Scale of the segments that a hint would speak for."""

HALF_ALIKE = 0.8
"""Distance at which two segments count as half alike, as a share of the spread."""

MOST_COMPARED = 2_000
"""Segments that are compared with each other: those with most uncertain area."""

LARGE = 200
"""Pixels from which a segment counts in full: a small one is hard to name on a map."""

MOST_HINTED = 500
"""Hinted pixels that segments are compared with."""


class Suggestion(NamedTuple):
    """A place where a hint would help.

    Parameters
    ----------
    row, col : int
        The pixel, from 0, in the middle of what the hint would speak for.
    class_ : int
        The class that it has now, 1..k.
    pixels : int
        How many pixels the hint would speak for.
    """

    row: int
    col: int
    class_: int
    pixels: int


class _Segments(NamedTuple):
    """Segments of a scene: looks (segment, channel), and one value each of the rest."""

    looks: np.ndarray
    doubts: np.ndarray
    suggestions: list[Suggestion]
    hinted: np.ndarray  # looks (hint, channel) of the segments that hints lie in


def suggest(
    scene: xr.DataArray, model: KTextures | str | os.PathLike[str], n: int = 5
) -> list[Suggestion]:
    """Suggest places where a hint would help most.

    These are the middles of segments that are large, of which the model is uncertain,
    and which look unlike what has been hinted or suggested before.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        As `open_scene` returns it. Of more than a million pixels, windows that
        together have as many are looked at.
    model : KTextures or path
        A model of preset "default", or its file. Its hints in this scene count.
    n : int
        Number of places, 1 or more.

    Returns
    -------
    list of Suggestion
        Best first; fewer than n if there are not as many segments.

    Raises
    ------
    InputError
        If n is not a whole number of 1 or more, bands differ from the model's, or its
        preset is "paper".
    FileNotFoundError, ModelFileError
        If `model` is a path and there is no such file, or it is damaged.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> place = kt.suggest(scene, model, 1)[0]
    >>> 0 <= place.row < 64 and place.class_ in (1, 2)
    True
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n is {n!r}; give a number of places, 1 or more.")
    scenes, model = open_scenes(scene), find_model(model)
    if len(scenes) > 1:
        raise InputError(f"scene is a list of {len(scenes)}; give one scene.")
    check_bands(scenes.bands, model.config)
    if not model.mask_network.has_probabilities:
        raise InputError(
            "Models of preset 'paper' do not know how sure they are; train one with "
            "preset='default'."
        )
    segments = _looked_at(scenes.first, model, _hinted(scenes, model))
    return _chosen(segments, int(n))


def _looked_at(scene: xr.DataArray, model: KTextures, hinted: np.ndarray) -> _Segments:
    """Segments of a scene, or of windows of a large one."""
    found = [
        _of_window(scene, Window(*window), model, hinted)
        for window in sample_windows(scene.sizes["y"], scene.sizes["x"], MOST_PIXELS)
    ]
    looks, doubts, suggestions, known = zip(*found, strict=True)
    return _Segments(
        np.concatenate(looks),
        np.concatenate(doubts),
        list(chain(*suggestions)),
        np.concatenate(known),
    )


def _of_window(
    scene: xr.DataArray, window: Window, model: KTextures, hinted: np.ndarray
) -> _Segments:
    reach = model.reach
    values, valid = read_padded(scene, window, reach, model.preparation)
    inner = slice(reach, -reach or None)
    known = valid[inner, inner]
    inferred = model.infer(values[None])
    classes = np.where(known, inferred["classes"][0], 0)
    segments = segments_of(values[inner, inner], SCALE)
    # A segment ends where its class does, so that a hint speaks for one class.
    pairs = segments * (model.k + 1) + classes
    numbers, segments = np.unique(pairs, return_inverse=True)
    segments = segments.reshape(known.shape)
    seen = model.mask_network.patterns(tf.constant(values[None])).numpy()[0]
    doubt = (1.0 - inferred["confidence"][0])[..., None]
    means = segment_means(np.concatenate([seen, doubt], -1), segments)
    middles = _middles(segments)
    suggestions, places = [], []
    sizes = np.bincount(segments.ravel())
    for number, (row, col) in enumerate(middles):
        if numbers[number] % (model.k + 1):
            at = (int(row) + window.row, int(col) + window.col)
            value = int(numbers[number] % (model.k + 1))
            suggestions.append(Suggestion(*at, value, int(sizes[number])))
            places.append((row, col))
    rows, cols = np.array(places, int).reshape(-1, 2).T
    chosen = means[rows, cols]
    # A single pixel looks like no segment, not even its own.
    within = hinted - (window.row, window.col)
    within = within[((within >= 0) & (within < known.shape)).all(1)]
    looks = means[within[:, 0], within[:, 1], :-1]
    return _Segments(chosen[:, :-1], chosen[:, -1], suggestions, looks)


def _middles(segments: np.ndarray) -> np.ndarray:
    """Innermost pixel (row, col) of each segment (y, x), numbered from 0."""
    padded = np.pad(segments, 1, constant_values=-1)
    inside = np.ones(padded.shape, bool)
    for axis in (0, 1):
        for shift in (1, -1):
            inside &= np.roll(padded, shift, axis) == padded
    depth = distance_transform_edt(inside)[1:-1, 1:-1]
    order = np.lexsort((-depth.ravel(), segments.ravel()))
    first = np.searchsorted(segments.ravel()[order], np.arange(segments.max() + 1))
    return np.stack(np.unravel_index(order[first], segments.shape), 1)


def _hinted(scenes: SceneSet, model: KTextures) -> np.ndarray:
    """Pixels (row, col) of the scene that hints of the model cover, or some of them."""
    same, origin = [0] * len(model.hints), model.record.hints_origin
    pixels = find_pixels(model.hints, scenes, same, strict=False, origin=origin)
    every = max(-(-len(pixels) // MOST_HINTED), 1)
    return np.stack([pixels.rows, pixels.cols], 1)[::every]


def _chosen(segments: _Segments, n: int) -> list[Suggestion]:
    """Segments like which there is most uncertain area, which then counts less.

    This is greedy facility location (Nemhauser, Wolsey & Fisher 1978, Mathematical
    Programming 14:265).
    """
    sizes = np.array([each.pixels for each in segments.suggestions], float)
    doubtful = np.argsort(-sizes * segments.doubts, kind="stable")[:MOST_COMPARED]
    looks = segments.looks[doubtful]
    mass = (sizes * segments.doubts)[doubtful]
    spread = max(float(np.sqrt(looks.var(0).sum())), 1e-6)
    alike, found = _alike(looks, looks, spread), list[Suggestion]()
    # How well each segment is spoken for by what has been hinted or chosen.
    covered = np.zeros(len(mass))
    if len(segments.hinted):
        covered = _alike(looks, segments.hinted, spread).max(1)
    large = np.sqrt(np.minimum(sizes[doubtful] / LARGE, 1.0))
    free = np.ones(len(mass), bool)
    while len(found) < n and free.any():
        gain = (np.maximum(alike - covered, 0.0) @ mass) * large
        best = int(np.where(free, gain, -1.0).argmax())
        found.append(segments.suggestions[doubtful[best]])
        covered = np.maximum(covered, alike[best])
        free[best] = False
    return found


def _alike(looks: np.ndarray, others: np.ndarray, spread: float) -> np.ndarray:
    """How alike looks (segment, channel) are to others (other, channel), 0..1."""
    product = looks @ others.T
    squares = (looks**2).sum(1)[:, None] + (others**2).sum(1) - 2 * product
    return np.asarray(np.exp2(-np.maximum(squares, 0) / (HALF_ALIKE * spread) ** 2))
