"""Axes of maps: map coordinates, or pixels, around a picture."""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ktextures.raster.georeference import scene_transform
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box

__all__ = ["MapGrid", "coarsened", "draw_picture", "map_grid"]

RGBA = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class MapGrid:
    """Edges and names of the axes of a map.

    Attributes
    ----------
    left, right, bottom, top : float
        Edges as the axes count them: map coordinates, or pixels.
    x_name, y_name : str
        Names of the axes.
    unit : str
        Written after each number.
    aspect : float
        Width divided by height, on the ground.
    step : int
        Pixels of the raster per pixel of the picture, along each axis.
    width, height : int
        Pixels of the raster.
    """

    left: float
    right: float
    bottom: float
    top: float
    x_name: str
    y_name: str
    unit: str
    aspect: float
    step: int
    width: int
    height: int

    def extent(self, columns: int, rows: int) -> tuple[float, float, float, float]:
        """Edges of a thinned picture, whose last pixels may extend beyond the scene."""
        x = (self.right - self.left) * columns * self.step / self.width
        y = (self.bottom - self.top) * rows * self.step / self.height
        return self.left, self.left + x, self.top + y, self.top


def coarsened(classes: xr.DataArray, step: int) -> xr.DataArray:
    """Write the transform of the larger pixels to a thinned map."""
    transform = scene_transform(classes)
    if _is_upright(transform):
        return classes  # its coordinates give the size of the pixels
    a, b, c, d, e, f = tuple(transform)[:6]
    transform = Affine(a * step, b * step, c, d * step, e * step, f)
    coarse: xr.DataArray = classes.rio.write_transform(transform)
    return coarse


def map_grid(scene: xr.DataArray, step: int) -> MapGrid:
    """Choose the axes of a map.

    Parameters
    ----------
    scene : DataArray
        A scene, or a class map.
    step : int
        Pixels of it per pixel of the picture, along each axis.

    Returns
    -------
    MapGrid
        In map coordinates, or in pixels without a georeference and for a rotated one.
    """
    height, width = scene.sizes["y"], scene.sizes["x"]
    transform = scene_transform(scene)
    crs = scene.rio.crs
    size = (step, width, height)
    if (crs is None and transform == Affine.identity()) or not _is_upright(transform):
        names = ("column (pixel)", "row (pixel)")
        across = width * math.hypot(transform.a, transform.d)
        aspect = across / (height * math.hypot(transform.b, transform.e))
        return MapGrid(0, width, height, 0, *names, "", aspect, *size)
    left, top = transform.c, transform.f
    right, bottom = left + transform.a * width, top + transform.e * height
    edges = (left, right, bottom, top)
    aspect = abs((right - left) / (top - bottom))
    if crs is not None and crs.is_geographic:
        squeeze = math.cos(math.radians(min(abs(top + bottom) / 2, 85)))
        return MapGrid(*edges, "longitude", "latitude", "°", aspect * squeeze, *size)
    unit = "" if crs is None else f" ({_unit(crs)})"
    names = ("x", "y") if crs is None else (f"easting{unit}", f"northing{unit}")
    return MapGrid(*edges, *names, "", aspect, *size)


def _is_upright(transform: Affine) -> bool:
    # A quarter turn is "rectilinear" too.
    return bool(transform.b == 0 and transform.d == 0)


def _unit(crs: Any) -> str:
    unit = str(crs.linear_units)
    return {"metre": "m", "meter": "m", "unknown": "map units"}.get(unit, unit)


def draw_picture(
    figure: Figure, box: Box, rgba: RGBA, grid: MapGrid, exact: bool, first: bool
) -> Axes:
    """Draw a picture in axes with ticks, over a hatched ground.

    Parameters
    ----------
    figure : Figure
        The page.
    box : Box
        Place of the picture; ticks and names of the axes are outside.
    rgba : ndarray of uint8, (y, x, 4)
        The picture.
    grid : MapGrid
        Its axes.
    exact : bool
        Whether colors must not blend.
    first : bool
        Whether the axis on the left has labels.

    Returns
    -------
    Axes
    """
    axes = figure.add_axes(box.on(figure))
    axes.set_axis_off()
    ground = sheet.hatched(1, 1)
    ground.set_transform(axes.transAxes)
    axes.add_patch(ground)
    axes.imshow(
        rgba,
        extent=grid.extent(rgba.shape[1], rgba.shape[0]),
        aspect="auto",
        # Class colors must not blend; images look better without moiré.
        interpolation="nearest" if exact else "auto",
        zorder=2,
    )
    axes.set_axis_on()
    axes.set_xlim(grid.left, grid.right)
    axes.set_ylim(grid.bottom, grid.top)
    sheet.calm(axes)
    x_length = 0.07 + max(
        sheet.text_width(_tick_label(edge, 0, grid.unit), 7)
        for edge in (grid.left, grid.right)
    )
    x_ticks, decimals = sheet.tick_values(grid.left, grid.right, box.width, x_length)
    axes.set_xticks(x_ticks, [_tick_label(v, decimals, grid.unit) for v in x_ticks])
    y_ticks, decimals = sheet.tick_values(grid.bottom, grid.top, box.height, 0.2)
    labels = [_tick_label(v, decimals, grid.unit) if first else "" for v in y_ticks]
    axes.set_yticks(y_ticks, labels)
    sheet.name_axes(axes, box, grid.x_name, grid.y_name if first else "")
    return axes


def _tick_label(value: float, decimals: int, unit: str) -> str:
    if unit or decimals:
        return f"{value:.{decimals}f}{unit}"
    return sheet.grouped(value, 0)
