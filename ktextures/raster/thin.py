"""Every n-th pixel of a scene, as a scene of its own."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers the rio accessor
import xarray as xr
from affine import Affine

from ktextures.raster.georeference import scene_transform
from ktextures.raster.overviews import Overviews, overviews_of
from ktextures.raster.small_cache import small_cache
from ktextures.raster.source import Source, direct_source

__all__ = ["every_nth", "has_overviews", "read_every_nth", "thin"]

_MOST_PIXELS = 4_000_000
"""Pixels read at once, at most, while few of them are kept."""


def thin(scene: xr.DataArray, step: int, *, overviews: bool = False) -> xr.DataArray:
    """The middle pixel of each step x step, read into memory.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        Of a lazy scene only these pixels are computed.
    step : int
        Pixels of the scene per pixel of the result, along each axis; 1 or more.
    overviews : bool
        Take them from the overviews of its file if it has some. They may be means of
        pixels: good to look at, but nothing to learn from.

    Returns
    -------
    DataArray (band, y, x)
        With a grid of larger pixels.
    """
    if step == 1:
        return scene.compute()
    every = scene.isel(every_nth(scene, step))
    thinned = every.copy(data=read_every_nth(scene, step, overviews=overviews))
    # Coordinates may be lazy too.
    thinned = thinned.compute()
    transform = scene_transform(scene)
    if transform.is_rectilinear and "y" in thinned.coords:
        return thinned  # Its coordinates define the larger pixels.
    a, b, c, d, e, f = tuple(transform)[:6]
    larger: xr.DataArray = thinned.rio.write_transform(
        Affine(a * step, b * step, c, d * step, e * step, f)
    )
    return larger


def every_nth(raster: xr.DataArray, step: int) -> dict[str, slice]:
    """Every n-th row and column of a raster, in the middle of those that are left out.

    Parameters
    ----------
    raster : DataArray, (..., y, x)
    step : int
        Pixels per pixel that is kept, along each axis; 1 or more.

    Returns
    -------
    dict of str to slice
        For ``isel``. At least one row and column are kept, however narrow it is.
    """
    return {
        dim: slice(min(step // 2, (raster.sizes[dim] - 1) // 2), None, step)
        for dim in ("y", "x")
    }


def has_overviews(scene: xr.DataArray, step: int) -> bool:
    """Whether every n-th pixel of a scene can be taken from overviews of its file."""
    source = direct_source(scene.data)
    return source is not None and _fitting(source, step) is not None


def _fitting(source: Source, step: int) -> Overviews | None:
    """Overviews from which every n-th pixel can be taken."""
    found = overviews_of(source)
    if found is None or min(source.shape[1:]) < step or not found.fit(step):
        return None
    return found


def read_every_nth(
    scene: xr.DataArray,
    step: int,
    every: Mapping[str, slice] | None = None,
    *,
    overviews: bool = False,
) -> npt.NDArray[Any]:
    """Values of every n-th pixel of a scene.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    step : int
    every : mapping of str to slice, optional
        Which pixels, one of each step x step: those of `every_nth` by default.
    overviews : bool
        See `thin`.

    Returns
    -------
    array, shape (band, y, x)
        Of a lazy scene of a file, a few blocks are in memory at a time.
    """
    every = every_nth(scene, step) if every is None else every
    source = direct_source(scene.data)
    if source is None:
        return np.asarray(scene.isel(dict(every)).data)
    rows, cols = (
        np.arange(scene.sizes[dim])[every[dim]].tolist() for dim in ("y", "x")
    )
    values = np.empty((source.shape[0], len(rows), len(cols)), scene.dtype)
    tall, wide = 0, 0  # of the part that is taken from overviews
    found = _fitting(source, step) if overviews else None
    with small_cache():
        if found is not None:
            tall, wide = source.height // step, source.width // step
            values[:, :tall, :wide] = found.every_nth(step, tall, wide)
        parts = ((tall, 0, len(rows), len(cols)), (0, wide, tall, len(cols)))
        for top, left, bottom, right in parts:
            kept = values[:, top:bottom, left:right]
            _fill(kept, source, rows[top:bottom], cols[left:right], scene.chunks)
    return values


def _fill(
    values: npt.NDArray[Any],
    source: Source,
    rows: list[int],
    cols: list[int],
    chunks: Any,
) -> None:
    """Read pixels at rows and columns of a source, some blocks at a time."""
    if not rows or not cols:
        return
    for across in _groups(cols, chunks[2], max(chunks[2])):
        width = cols[across.stop - 1] - cols[across.start] + 1
        for down in _groups(rows, chunks[1], max(_MOST_PIXELS // width, 1)):
            values[:, down, across] = source.read(
                _steps(rows[down]), _steps(cols[across])
            )


def _groups(
    places: list[int], chunks: tuple[int, ...], longest: int
) -> Iterator[slice]:
    """Runs of places that are in one chunk, and not farther apart than `longest`."""
    ends = list(itertools.accumulate(chunks))
    first, chunk = 0, 0
    for index, place in enumerate([*places, math.inf]):
        while place < math.inf and place >= ends[chunk]:
            chunk += 1
        beyond = place >= min(places[first] + longest, _end(places[first], ends))
        if index > first and beyond:
            yield slice(first, index)
            first = index
        if place == math.inf:
            return


def _end(place: int, ends: list[int]) -> int:
    return next(end for end in ends if place < end)


def _steps(places: list[int]) -> slice:
    step = places[1] - places[0] if len(places) > 1 else 1
    return slice(places[0], places[-1] + 1, step)
