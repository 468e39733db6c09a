"""Rasters on a web map: positions of their pixels in EPSG:3857."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.windows import Window

__all__ = ["MapFrame", "frame_in_mercator", "frame_in_pixels", "frame_of_view"]

Bounds = tuple[tuple[float, float], tuple[float, float]]

_LATTICE = 33
"""Points per side that are projected exactly; the others are interpolated."""

_MERCATOR = 3857


@dataclass(frozen=True)
class MapFrame:
    """Position of an array on a Leaflet map.

    Attributes
    ----------
    bounds : ((float, float), (float, float))
        South-west and north-east corner as (latitude, longitude). Without CRS, in
        pixels: minus the height, and 0, as latitudes.
    shape : (int, int)
        Rows and columns of the array.
    index : array of int32, or None
        For each pixel of the picture, the flat index into the array, or the size of the
        array where there is nothing. None: the picture is the array itself.
    to_scene : callable or None
        Converts longitudes and latitudes to columns and rows of the scene; see
        `locate`.
    from_scene : callable or None
        The opposite; see `position`.
    """

    bounds: Bounds
    shape: tuple[int, int]
    index: npt.NDArray[np.int32] | None = None
    to_scene: Any = None
    from_scene: Any = None

    @property
    def center(self) -> tuple[float, float]:
        """Center of the bounds."""
        (south, west), (north, east) = self.bounds
        return (south + north) / 2, (west + east) / 2

    def warp(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Resample an array to the pixels of the map.

        Parameters
        ----------
        values : array, (y, x) or (y, x, band)
            With `shape` as its first two axes.

        Returns
        -------
        array, (y, x) or (y, x, band)
            The nearest pixels, and 0 where there are none.

        Raises
        ------
        InputError
            If the array has another shape.
        """
        if values.shape[:2] != self.shape:
            raise InputError(
                f"an array of {values.shape[:2]} pixels does not fit a map frame of "
                f"{self.shape}; give an array of the size the frame was made for"
            )
        if self.index is None:
            return values
        flat = values.reshape(-1, *values.shape[2:])
        flat = np.concatenate([flat, np.zeros_like(flat[:1])])
        return flat.take(self.index, axis=0)

    def locate(
        self, longitudes: npt.ArrayLike, latitudes: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Convert positions on the map to fractional columns and rows of the scene."""
        lon = np.asarray(longitudes, dtype=np.float64)
        lat = np.asarray(latitudes, dtype=np.float64)
        if self.to_scene is None:
            return lon, -lat
        cols, rows = self.to_scene(lon, lat)
        return np.asarray(cols), np.asarray(rows)

    def position(self, col: float, row: float) -> tuple[float, float]:
        """Latitude and longitude of a fractional column and row of the scene."""
        if self.from_scene is None:
            return -float(row), float(col)
        lon, lat = self.from_scene(col, row)
        return float(lat), float(lon)

    def spans(self, bounds: Bounds) -> tuple[tuple[float, float], tuple[float, float]]:
        """First and last fractional row and column of the scene within bounds.

        Also of a scene that is rotated or bent on the map. NaN where the map cannot be
        converted to the scene's CRS is left out.
        """
        lon, lat = self._lattice(bounds)
        cols, rows = self.locate(lon, lat)
        known = np.isfinite(cols) & np.isfinite(rows)
        if not known.any():
            return (0.0, 0.0), (0.0, 0.0)
        rows, cols = rows[known], cols[known]
        return (
            (float(rows.min()), float(rows.max())),
            (float(cols.min()), float(cols.max())),
        )

    def on_screen(self, bounds: Bounds, zoom: float) -> tuple[int, int]:
        """Rows and columns of the screen that bounds take at a zoom of the map."""
        (south, west), (north, east) = bounds
        if self.to_scene is None:
            tall, wide = (north - south) * 2**zoom, (east - west) * 2**zoom
        else:
            # At zoom 0 the world is 256 pixels wide.
            world = 256 * 2**zoom
            wide = (east - west) / 360 * world
            tall = (_stretched(north) - _stretched(south)) / (2 * math.pi) * world
        return max(math.ceil(tall), 1), max(math.ceil(wide), 1)

    def _lattice(self, bounds: Bounds) -> tuple[Any, Any]:
        """Longitudes and latitudes of points at equal distances on the map."""
        (south, west), (north, east) = bounds
        if self.to_scene is None:
            down = np.linspace(north, south, _LATTICE)
        else:
            ends = _stretched(north), _stretched(south)
            down = np.degrees(2 * np.arctan(np.exp(np.linspace(*ends, _LATTICE))))
            down -= 90
        lon, lat = np.meshgrid(np.linspace(west, east, _LATTICE), down)
        return lon, lat


def _stretched(latitude: float) -> float:
    """Latitude on the Mercator map, in radians at the equator."""
    limited = min(max(latitude, -85.06), 85.06)
    return math.asinh(math.tan(math.radians(limited)))


def frame_of_view(
    frame: MapFrame, bounds: Bounds, shape: tuple[int, int], window: Window
) -> MapFrame:
    """Make the frame of what a map shows of a scene.

    Parameters
    ----------
    frame : MapFrame
        Of the whole scene.
    bounds : ((float, float), (float, float))
        South-west and north-east corner of what is shown, as (latitude, longitude).
    shape : (int, int)
        Rows and columns of the picture.
    window : Window
        Of the scene, around what is shown.

    Returns
    -------
    MapFrame
        For arrays of the size of the window.
    """
    cols, rows = frame.locate(*frame._lattice(bounds))
    index = _index(
        _between(rows - window.row, *shape),
        _between(cols - window.col, *shape),
        (window.height, window.width),
    )
    return MapFrame(bounds, (window.height, window.width), index)


def frame_in_pixels(shape: tuple[int, int], size: tuple[int, int]) -> MapFrame:
    """Make the frame of a scene without CRS, in pixels.

    Parameters
    ----------
    shape, size : (int, int)
        As for `frame_in_mercator`.

    Returns
    -------
    MapFrame
        For a map with Leaflet's simple CRS.
    """
    height, width = size
    return MapFrame(((-float(height), 0.0), (0.0, float(width))), shape)


def frame_in_mercator(
    shape: tuple[int, int],
    size: tuple[int, int],
    transform: Affine,
    crs: Any,
) -> MapFrame:
    """Make the frame of a scene with a CRS, in EPSG:3857.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the arrays to show.
    size : (int, int)
        Rows and columns of the scene that they show.
    transform : Affine
        Of the scene, from (column, row) to its CRS.
    crs : CRS, str or int
        CRS of the scene, in any form that pyproj accepts.

    Returns
    -------
    MapFrame
        For a map in EPSG:3857.

    Raises
    ------
    InputError
        If no part of the scene can be shown in EPSG:3857.
    """
    from pyproj import CRS, Transformer

    crs = CRS.from_user_input(crs)
    forward = Transformer.from_crs(crs, _MERCATOR, always_xy=True)
    backward = Transformer.from_crs(_MERCATOR, crs, always_xy=True)
    degrees = Transformer.from_crs(_MERCATOR, 4326, always_xy=True)
    from_degrees = Transformer.from_crs(4326, crs, always_xy=True)
    inverse = ~transform
    left, bottom, right, top = _extent(size, transform, forward)
    resolution = max(right - left, top - bottom) / max(shape)
    wide = max(1, math.ceil((right - left) / resolution))
    tall = max(1, math.ceil((top - bottom) / resolution))
    lattice = np.meshgrid(
        np.linspace(left, right, _LATTICE), np.linspace(top, bottom, _LATTICE)
    )
    cols, rows = _moved(inverse, *backward.transform(*lattice))
    index = _index(
        _between(rows * (shape[0] / size[0]), tall, wide),
        _between(cols * (shape[1] / size[1]), tall, wide),
        shape,
    )
    (west, east), (south, north) = degrees.transform([left, right], [bottom, top])

    def to_scene(lon: Any, lat: Any) -> Any:
        return _moved(inverse, *from_degrees.transform(lon, lat))

    def from_scene(col: float, row: float) -> Any:
        return from_degrees.transform(*_moved(transform, col, row), direction="INVERSE")

    bounds = (south, west), (north, east)
    return MapFrame(bounds, shape, index, to_scene, from_scene)


def _index(
    rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], shape: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """Flat index of fractional rows and columns; outside, the size of the array."""
    inside = (cols >= 0) & (cols < shape[1]) & (rows >= 0) & (rows < shape[0])
    row, col = (np.floor(np.where(inside, each, 0)) for each in (rows, cols))
    nothing = shape[0] * shape[1]
    return np.where(inside, row * shape[1] + col, nothing).astype(np.int32)


def _moved(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


def _extent(
    size: tuple[int, int], transform: Affine, forward: Any
) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a scene in EPSG:3857, with its curved edges."""
    height, width = size
    along = np.linspace(0, 1, 65)
    zero, one = np.zeros(65), np.ones(65)
    cols = np.concatenate([along, one, along, zero]) * width
    rows = np.concatenate([zero, along, one, along]) * height
    x, y = (
        np.asarray(each) for each in forward.transform(*_moved(transform, cols, rows))
    )
    limit = 2.003750834e7 * 1.0007  # to latitude 85.06
    y = np.clip(y, -limit, limit)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2 or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        raise InputError(
            "the scene is outside the area of a web map (EPSG:3857); check its CRS, or "
            "reproject it with scene.rio.reproject('EPSG:3857')"
        )
    x, y = x[known], y[known]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _between(
    lattice: npt.NDArray[np.float64], tall: int, wide: int
) -> npt.NDArray[np.float64]:
    """Values at pixel centers, bilinear between the points of a lattice."""
    last = _LATTICE - 1
    down = (np.arange(tall) + 0.5) / tall * last
    across = (np.arange(wide) + 0.5) / wide * last
    row = np.minimum(down.astype(int), last - 1)
    col = np.minimum(across.astype(int), last - 1)
    below, beside = (down - row)[:, None], (across - col)[None]
    upper = lattice[row][:, col] * (1 - beside) + lattice[row][:, col + 1] * beside
    lower = (
        lattice[row + 1][:, col] * (1 - beside) + lattice[row + 1][:, col + 1] * beside
    )
    found: npt.NDArray[np.float64] = upper * (1 - below) + lower * below
    return found
