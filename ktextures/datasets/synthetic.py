"""Synthetic scenes whose classes are known."""

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from affine import Affine
from scipy.spatial import KDTree

from ktextures.classes.table import ClassTable
from ktextures.datasets.mosaics import class_means, mosaic, swath, texture_noise
from ktextures.errors import InputError
from ktextures.palette import MAX_CLASSES
from ktextures.raster.georeference import georeference
from ktextures.raster.open import open_scene

__all__ = ["Contrast", "SyntheticScene", "synthetic"]

Contrast = Literal["texture", "color", "both"]

_SPREAD = 0.12  # standard deviation of texture, in units of the value range

_WATER, _RIPPLES = 0.06, 0.012  # value of the river and its noise, in the same units
_LAND = (0.35, 0.85)  # means of the other colors, well above that of the river
_NARROWEST, _WIDEST = 1, 1 / 8  # pixels; share of the shorter side
_BEND = 1.1  # radians; beyond 1.5 the river would flow back


class SyntheticScene(NamedTuple):
    """A synthetic scene and its true classes.

    Parameters
    ----------
    scene : DataArray, dims ("band", "y", "x")
        The scene.
    truth : DataArray of uint8, dims ("y", "x")
        Classes 1..k, and 0 where the scene is nodata.

    Examples
    --------
    >>> synthetic(64, k=2).truth.dims
    ('y', 'x')
    """

    scene: xr.DataArray
    truth: xr.DataArray


def synthetic(
    size: int | tuple[int, int] = 256,
    k: int = 4,
    bands: int = 4,
    seed: int = 0,
    *,
    contrast: Contrast = "texture",
    cells: int | None = None,
    river: float | None = None,
    nodata_share: float = 0.0,
    crs: Any = "EPSG:32633",
    dtype: npt.DTypeLike = "uint16",
) -> SyntheticScene:
    """Make a scene of textures or colors whose classes are known.

    Each class fills some cells of a Voronoi mosaic, with at least half of an equal
    share (1/k) of the valid pixels; a river may flow through them as one more class.
    The same arguments give the same scene.

    Parameters
    ----------
    size : int or (int, int), default 256
        Height and width in pixels.
    k : int, default 4
        Number of classes, 2..128; the river counts as one of them.
    bands : int, default 4
        Number of bands; three or more start with red, green, blue, (nir).
    seed : int, default 0
        Seed of the mosaic and of all noise.
    contrast : {"texture", "color", "both"}
        How the classes differ. "texture": they have the same distribution of values in
        each band, but patterns of different scale (periods of 2.5 to 8 pixels) and
        orientation. "color": they have different means and the same noise in each
        pixel. "both": means and patterns differ.
    cells : int, optional
        Number of cells of the mosaic, at least ``k``; by default 3 per class and at
        least 12.
    river : float, optional
        Width in pixels of a river, from 1 to an eighth of the shorter side; without it
        there is none. The river is class ``k`` and consists of the pixels whose centers
        are at most half the width away from a smooth center line, which meanders from
        one edge to the opposite one. It is as dark as water in all bands, with mild
        noise; with ``contrast`` "color" or "both", the means of the other classes are
        brighter than without a river.
    nodata_share : float, default 0.0
        Share of pixels without data, 0..0.9, along a slanted edge like that of a
        satellite swath. They are 0 in integer scenes and NaN in float scenes.
    crs : any CRS description or None, default "EPSG:32633"
        Pixels are 10 m wide (or 0.0001 degrees). None: without georeference.
    dtype : dtype, default "uint16"
        Integers hold 1..250 (8 bits) or 100..10,000, floats 0..1.

    Returns
    -------
    SyntheticScene
        ``scene`` and ``truth``. ``truth`` has the names and colors of
        ``ClassTable.default``.

    Raises
    ------
    InputError
        If an argument is out of range, or the scene is too small for the classes.

    Examples
    --------
    >>> scene, truth = synthetic(64, k=3)
    >>> scene.shape, sorted(set(truth.values.ravel().tolist()))
    ((4, 64, 64), [1, 2, 3])
    >>> river = synthetic(64, k=3, river=3).truth == 3
    >>> bool(river.any("y").all() or river.any("x").all())
    True
    """
    height, width = (size, size) if isinstance(size, int | np.integer) else size
    cells = max(12, 3 * k) if cells is None else cells
    kind = np.dtype(dtype)
    _check_arguments(height, width, k, bands, contrast, cells, nodata_share, kind)
    _check_river(river, height, width)
    rng = np.random.default_rng(seed)
    valid = swath(height, width, nodata_share, rng)
    if river is None:
        truth = mosaic(valid, k, cells, rng)
        values = _values(truth, k, bands, contrast, rng)
    else:
        water = _near(_center_line(height, width, rng), river / 2, height, width)
        truth = mosaic(valid & ~water, k - 1, cells, rng)
        values = _values(truth, k - 1, bands, contrast, rng, besides_river=True)
        ripples = rng.standard_normal((bands, int(water.sum())))
        values[:, water] = _WATER + _RIPPLES * ripples
        truth[water & valid] = k
    return _as_scenes(_in_units(values, kind), truth, k, crs, nodata_share > 0)


def _values(
    truth: npt.NDArray[np.uint8],
    k: int,
    bands: int,
    contrast: str,
    rng: np.random.Generator,
    *,
    besides_river: bool = False,
) -> npt.NDArray[np.floating[Any]]:
    """Values (band, y, x) of classes 1..k, about 0..1."""
    means, spread = np.full((k, bands), 0.5), _SPREAD
    if contrast != "texture":
        # Of a single class there is no smallest gap.
        means, spread = class_means(max(k, 2), bands, rng)
    if contrast != "texture" and besides_river:
        low, high = means.min(), means.max()
        scale = (_LAND[1] - _LAND[0]) / (high - low)
        means, spread = _LAND[0] + scale * (means - low), min(scale, 1.0) * spread
        spread = min(spread, (_LAND[0] - _WATER) / 4)
    if contrast == "color":
        noise = rng.standard_normal((bands, *truth.shape), dtype=np.float32)
    else:
        noise = texture_noise(truth, k, bands, rng)
    return np.asarray(means.T[:, np.maximum(truth, 1) - 1] + spread * noise)


def _center_line(
    height: int, width: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Points (y, x), densely along a meandering line from edge to edge, in pixels.

    Its direction swings as a sine of the way along it, as that of rivers does (Langbein
    & Leopold 1966, USGS Professional Paper 422-H).
    """
    across_size, along_size = height, width
    turned = bool(rng.integers(2))
    if turned:
        across_size, along_size = width, height
    step, wavelength = 0.05, 0.75 * min(height, width)
    way = np.arange(0, 3 * (along_size + wavelength), step)
    phases = rng.uniform(0, 2 * np.pi, 2)
    swing = np.sin(2 * np.pi * way / wavelength + phases[0])
    swing += 0.3 * np.sin(2 * np.pi * way / (1.7 * wavelength) + phases[1])
    angle = _BEND / 1.3 * swing
    # Beyond both edges, so that the river does not end in a round tip.
    along = np.cumsum(np.cos(angle)) * step - wavelength / 2
    across = np.cumsum(np.sin(angle)) * step
    inside = along < along_size + wavelength / 2
    along, across = along[inside], across[inside]
    across += (across_size - 1 - across.min() - across.max()) / 2
    across += rng.uniform(-0.1, 0.1) * across_size
    return np.stack((along, across) if turned else (across, along), -1)


def _near(
    line: npt.NDArray[np.float64], distance: float, height: int, width: int
) -> npt.NDArray[np.bool_]:
    """Pixels (y, x) whose centers are at most so far from the points of a line."""
    centers = np.indices((height, width)).reshape(2, -1).T
    found = KDTree(line).query(centers, distance_upper_bound=distance + 1e-9)[0]
    return np.asarray(np.isfinite(found).reshape(height, width))


def _check_river(river: float | None, height: int, width: int) -> None:
    widest = _WIDEST * min(height, width)
    number = isinstance(river, int | float | np.number) and not isinstance(river, bool)
    if river is not None and not (number and _NARROWEST <= river <= widest):
        raise InputError(
            f"river={river!r} must be a width of {_NARROWEST} to {widest:g} pixels, an "
            f"eighth of the shorter side of {height} x {width}; give a narrower river "
            "or a larger size"
        )


def _check_arguments(
    height: int,
    width: int,
    k: int,
    bands: int,
    contrast: str,
    cells: int,
    nodata_share: float,
    kind: np.dtype[Any],
) -> None:
    wanted = {
        f"k={k!r} must be 2..{MAX_CLASSES}": 2 <= k <= MAX_CLASSES,
        f"bands={bands!r} must be at least 1": bands >= 1,
        f"contrast={contrast!r} must be one of {get_args(Contrast)}": contrast
        in get_args(Contrast),
        f"cells={cells!r} must be at least k={k}": cells >= k,
        f"nodata_share={nodata_share!r} must be 0..0.9": 0 <= nodata_share <= 0.9,
        f"dtype={kind} must be an integer or float type": kind.kind in "iuf",
        f"size={height} x {width} with nodata_share={nodata_share!r} is too small for "
        f"{cells} cells; give at least 8 valid pixels per cell": min(height, width) >= 1
        and height * width * (1 - nodata_share) >= 8 * cells,
    }
    failed = [message for message, met in wanted.items() if not met]
    if failed:
        raise InputError("; ".join(failed))


def _in_units(
    values: npt.NDArray[np.floating[Any]], kind: np.dtype[Any]
) -> npt.NDArray[Any]:
    if kind.kind == "f":
        return np.asarray(np.clip(values, 0, 1), dtype=kind)
    limit = np.iinfo(kind).max
    low, high = (1, min(limit, 250)) if limit < 10_000 else (100, 10_000)
    units = np.rint(low + np.clip(values, 0, 1) * (high - low))
    return np.asarray(units, dtype=kind)


def _as_scenes(
    values: npt.NDArray[Any],
    truth: npt.NDArray[np.uint8],
    k: int,
    crs: Any,
    missing: bool,
) -> SyntheticScene:
    bands = len(values)
    names = [f"band_{number}" for number in range(1, bands + 1)]
    if bands >= 3:
        known = ["red", "green", "blue", "nir"][:bands]
        names[: len(known)] = known
    if missing:
        values[:, truth == 0] = np.nan if values.dtype.kind == "f" else 0
    array = xr.DataArray(values, dims=("band", "y", "x"), coords={"band": names})
    if crs is not None:
        described = rasterio.CRS.from_user_input(crs)
        if described.is_geographic:
            place = Affine(1e-4, 0.0, 15.0, 0.0, -1e-4, 45.0)
        else:
            place = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0)
        array = array.rio.write_crs(described).rio.write_transform(place)
    if missing:
        array = array.rio.write_nodata(0 if values.dtype.kind in "iu" else np.nan)
    scene = open_scene(array)
    classes = georeference(
        truth,
        scene,
        dims=("y", "x"),
        name="truth",
        attrs={**ClassTable.default(k).attrs(), "long_name": "true class"},
        nodata=0,
    )
    return SyntheticScene(scene, classes)
