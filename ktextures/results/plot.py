"""Figures of results: the scene, its classes, simulated image and textures."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.figure import Figure

from ktextures.classes.categories import compacted
from ktextures.classes.legend_maps import Values, in_values
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.raster.bands import shown_bands
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy
from ktextures.raster.thin import has_overviews, read_every_nth
from ktextures.rendering import classes_to_rgba, stretch_limits, stretch_rgb
from ktextures.results import figure_layout as sheet
from ktextures.results.areas import class_areas
from ktextures.results.figure_layout import Box, Sheet
from ktextures.results.map_axes import MapGrid, coarsened, draw_picture, map_grid
from ktextures.results.plot_values import (
    legend_entries,
    shown_entries,
    texture_labels,
)

__all__ = ["plot"]

RGBA = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

_TITLES = ("Image", "Classes", "Simulated")
_LONGEST_SIDE = 1024
_DPI = 110


def plot(
    scene: xr.DataArray,
    result: xr.Dataset,
    *,
    bands: Sequence[str | int] | None = None,
    values: Values = "classes",
) -> Figure:
    """Draw a scene, its classes, its simulated image and the textures.

    Panels for which the result has no data are omitted. Of scenes with more than 1024
    pixels per side, only every n-th pixel is drawn, and computed if they are lazy.
    Shares and areas of a lazy map are then estimates, as a note says.

    Parameters
    ----------
    scene : DataArray, (band, y, x)
        The scene that was segmented.
    result : Dataset
        With ``classes`` (y, x), and optionally ``simulated`` (band, y, x) and
        ``textures`` (class, band, texture_y, texture_x), both in the scene's units.
    bands : sequence of str or int, optional
        Three bands to show as red, green and blue, or one to show in gray, by name
        or number from 1. By default the bands with these roles, or else the first
        three, or else the first.
    values : {"classes", "legend"}, default "classes"
        "legend" draws ``ktextures.to_legend(result.classes)``, and of the legend those
        entries that occur. Textures remain those of the classes.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; save it with ``.savefig(path)``.

    Raises
    ------
    InputError
        If the result has no classes or another size, or a band is unknown; with
        ``values="legend"``, if no classes are assigned to a legend.

    Examples
    --------
    >>> from ktextures.datasets import synthetic
    >>> scene, truth = synthetic(64, k=3)
    >>> figure = plot(scene, xr.Dataset({"classes": truth}))
    """
    scene = open_scene(scene)
    _check(scene, result)
    shown = shown_bands(scene, bands)
    names = [str(scene["band"].values[index]) for index in shown]
    own = result["classes"]
    result = result.assign(classes=in_values(own, values, None)[0])
    step = math.ceil(max(scene.sizes["y"], scene.sizes["x"]) / _LONGEST_SIDE)
    guess = step > 1 and is_lazy(result["classes"])
    areas = None if guess else class_areas(result["classes"])
    image, classes, simulated = _thinned(scene, result, names, step)
    if areas is None:
        areas = class_areas(coarsened(classes, step))
    areas = shown_entries(areas, values)
    table = ClassTable(tuple(areas["name"]), tuple(areas["color"]))
    drawn = compacted(classes.values, areas["class"].tolist())
    textures, labels = None, table
    if "textures" in result:
        order = ("class", "texture_y", "texture_x", "band")
        textures = _named(result["textures"], names).transpose(*order).values
        labels = texture_labels(own, len(textures), values)
    valid = valid_pixels(np.moveaxis(image, -1, 0), scene_nodata(scene))
    pictures, tiles = _render(image, valid, drawn, table, simulated, textures)
    count = f"k = {table.k}" if values == "classes" else "legend"
    details = (", ".join(names), count, ", ".join(names))
    legend = legend_entries(areas, bool((classes.values == 0).any()))
    note = f"Shares and areas are estimated from 1 in {step**2} pixels."
    return _draw(
        list(zip(_TITLES, details, pictures, strict=False)),
        tiles,
        labels,
        legend,
        note if guess else "",
        map_grid(scene, step),
    )


# --- what to draw ----------------------------------------------------------------


def _check(scene: xr.DataArray, result: xr.Dataset) -> None:
    if not isinstance(result, xr.Dataset) or "classes" not in result:
        raise InputError(
            "the result has no 'classes': give the Dataset that segment() returned"
        )
    wanted = (scene.sizes["y"], scene.sizes["x"])
    for name in ("classes", "simulated"):
        if name in result and result[name].shape[-2:] != wanted:
            raise InputError(
                f"{name!r} has {result[name].shape[-2:]} pixels, but the scene has "
                f"{wanted}: give the scene that was segmented"
            )


def _thinned(
    scene: xr.DataArray, result: xr.Dataset, names: list[str], step: int
) -> tuple[Array, xr.DataArray, Array | None]:
    """Every step-th pixel of image, classes and simulation, computed together."""
    every = {"y": slice(None, None, step), "x": slice(None, None, step)}
    named = _named(scene, names)
    image = named.isel(every).variable
    if has_overviews(named, step):
        image = image.copy(data=read_every_nth(named, step, every, overviews=True))
    parts = xr.Dataset(
        {"image": image, "classes": result["classes"].isel(every).variable}
    )
    if "simulated" in result:
        simulated = _named(result["simulated"], names).isel(every).variable
        parts["simulated"] = simulated
    parts = parts.compute()
    classes = result["classes"].isel(every).copy(data=parts["classes"].values)
    shown = np.moveaxis(parts["image"].values, 0, -1)
    if "simulated" not in parts:
        return shown, classes, None
    return shown, classes, np.moveaxis(parts["simulated"].values, 0, -1)


def _named(image: xr.DataArray, names: list[str]) -> xr.DataArray:
    known = [str(name) for name in image["band"].values]
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(
            f"{image.name!r} has no band {missing[0]!r}, only {known}: pass bands=... "
            "with bands that are in both scene and result"
        )
    return image.isel(band=[known.index(name) for name in names])


def _render(
    image: Array,
    valid: npt.NDArray[np.bool_],
    classes: RGBA,
    table: ClassTable,
    simulated: Array | None,
    textures: Array | None,
) -> tuple[list[RGBA], list[RGBA] | None]:
    """Pictures of image, classes, simulation and textures, stretched equally."""
    bands = range(image.shape[-1])
    limits = stretch_limits(image, valid, bands)
    pictures = [
        stretch_rgb(image, valid, bands, limits=limits),
        classes_to_rgba(classes, table.colors),
    ]
    if simulated is not None:
        pictures.append(stretch_rgb(simulated, classes > 0, bands, limits=limits))
    if textures is None:
        return pictures, None
    return pictures, [
        stretch_rgb(texture, None, bands, limits=limits) for texture in textures
    ]


# --- drawing ---------------------------------------------------------------------


def _draw(
    pictures: list[tuple[str, str, RGBA]],
    tiles: list[RGBA] | None,
    table: ClassTable,
    legend: list[sheet.Entry],
    note: str,
    grid: MapGrid,
) -> Figure:
    num_others = 0 if tiles is None else 1
    boxes, width, top = sheet.arrange(len(pictures), num_others, grid.aspect)
    room = width - sheet.LEFT - sheet.RIGHT
    legend_height = sheet.legend_height(legend, room, note)
    figure = Sheet(figsize=(width, top + legend_height), dpi=_DPI, facecolor="white")
    for box, (title, detail, rgba) in zip(boxes, pictures, strict=False):
        sheet.heading(figure, box, title, detail)
        draw_picture(
            figure, box, rgba, grid, title == "Classes", box.left == boxes[0].left
        )
    if tiles is not None:
        sheet.heading(figure, boxes[-1], "Textures", "")
        sheet.draw_tiles(figure, boxes[-1], tiles, table.names, table.colors)
    sheet.draw_legend(figure, Box(sheet.LEFT, top, room, legend_height), legend, note)
    return figure
