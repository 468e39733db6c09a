"""Figures of results: the scene beside its classes, simulation and textures."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ktextures import sheet
from ktextures.classes import ClassTable, class_areas
from ktextures.errors import InputError
from ktextures.raster import (
    is_lazy,
    open_scene,
    role_indices,
    scene_nodata,
    scene_transform,
    valid_pixels,
)
from ktextures.rendering import classes_to_rgba, stretch_limits, stretch_rgb
from ktextures.sheet import Box, Sheet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot", "plot_history"]

RGBA = npt.NDArray[np.uint8]

_LONGEST_SIDE = 1024
_DPI = 110


@dataclasses.dataclass(frozen=True)
class _Grid:
    """Where pictures lie: edges and names of the axes, width / height on the ground."""

    left: float
    right: float
    bottom: float
    top: float
    x_name: str
    y_name: str
    unit: str
    aspect: float


def plot(
    scene: xr.DataArray,
    result: xr.Dataset,
    *,
    bands: Sequence[str | int] | None = None,
) -> Figure:
    """Draw a scene beside its classes, its simulation and their textures.

    Panels of which the result has nothing are left out. Scenes with more than 1024
    pixels a side are drawn from every n-th pixel, and of lazy ones only these are
    computed; shares and areas of a lazy map are then estimates, marked as such.

    Parameters
    ----------
    scene : DataArray, (band, y, x)
        What was segmented.
    result : Dataset
        With ``classes`` (y, x), and perhaps ``simulated`` (band, y, x) and
        ``textures`` (class, band, texture_y, texture_x), both in the scene's units.
    bands : sequence of str or int, optional
        Three bands to show as red, green and blue, or one to show in grey, by name
        or number from 1. By default those with these roles, else the first three,
        else the first.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; save it with ``.savefig(path)``.

    Raises
    ------
    InputError
        When the result has no classes, is of another grid, or a band is unknown.
    """
    scene = open_scene(scene)
    _check(scene, result)
    shown = _shown_bands(scene, bands)
    names = [str(scene["band"].values[index]) for index in shown]
    step = math.ceil(max(scene.sizes["y"], scene.sizes["x"]) / _LONGEST_SIDE)
    areas = None if is_lazy(result["classes"]) and step > 1 else _areas(result, 1)
    image, classes, simulated = _thinned(scene, result, names, step)
    if areas is None:
        areas = _areas(result.assign(classes=classes), step)
    table = ClassTable(tuple(areas["name"]), tuple(areas["color"]))

    valid = valid_pixels(np.moveaxis(image, -1, 0), scene_nodata(scene))
    bands_of_image = range(len(shown))
    limits = stretch_limits(image, valid, bands_of_image)
    label = ", ".join(names)
    pictures: list[tuple[str, str, RGBA]] = [
        ("Image", label, stretch_rgb(image, valid, bands_of_image, limits=limits)),
        ("Classes", f"k = {table.k}", classes_to_rgba(classes.values, table.colors)),
    ]
    if simulated is not None:
        classified = classes.values > 0
        drawn = stretch_rgb(simulated, classified, bands_of_image, limits=limits)
        pictures.append(("Simulated", label, drawn))
    tiles = None
    if "textures" in result:
        textures = _channel_last(result["textures"], names, "class")
        tiles = [
            stretch_rgb(texture, None, bands_of_image, limits=limits)
            for texture in textures
        ]
    legend = _legend_entries(areas, bool((classes.values == 0).any()))
    note = f"shares and areas from every {step}th pixel" if areas.attrs else ""
    return _draw(pictures, tiles, table, legend, note, _grid(scene), step)


def plot_history(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draw losses over training steps.

    Parameters
    ----------
    history : mapping of str to sequence of float
        One curve per entry, a value for each step; an entry ``"step"`` gives the step
        numbers, which otherwise count from 1. Several decades get a logarithmic axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        When there is nothing to draw or the numbers of values differ.

    Examples
    --------
    >>> figure = plot_history({"loss": [3.0, 2.0, 1.5]})
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['step']
    """
    curves = {
        name: np.asarray(values, dtype=np.float64)
        for name, values in history.items()
        if name != "step"
    }
    if not curves or all(curve.size == 0 for curve in curves.values()):
        raise InputError(
            f"the history has no values under {list(history)}: train at least one step"
        )
    figure = Sheet(figsize=(6.4, 3.2), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((0.1, 0.16, 0.86, 0.72), facecolor="white")
    for color, (name, curve) in zip(
        ClassTable.default(min(len(curves), 128)).colors, curves.items(), strict=False
    ):
        steps = np.asarray(history.get("step", np.arange(1, curve.size + 1)))
        if steps.shape != curve.shape:
            raise InputError(
                f"{name!r} has {curve.size} values for {steps.size} steps: "
                "give one value for each step"
            )
        axes.plot(steps, curve, color=color, linewidth=1.4, label=name)
    values = np.concatenate(list(curves.values()))
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() > 30 * values.min():
        axes.set_yscale("log")
    axes.set_xlabel("step", color=sheet.MUTED, fontsize=8, family=sheet.FONT)
    _calm(axes)
    axes.grid(True, axis="y", color="#e6e6e6", linewidth=0.6)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=4,
        frameon=False,
        fontsize=8,
        labelcolor=sheet.INK,
    )
    return figure


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
                f"{name!r} has {result[name].shape[-2:]} pixels but the scene {wanted}: "
                "give the scene that was segmented"
            )


def _shown_bands(
    scene: xr.DataArray, bands: Sequence[str | int] | None
) -> tuple[int, ...]:
    names = [str(name) for name in scene["band"].values]
    if bands is None:
        by_role = role_indices(scene, ("red", "green", "blue"))
        return tuple(by_role or (range(3) if len(names) >= 3 else [0]))
    chosen = []
    for band in [bands] if isinstance(bands, str | int) else bands:
        if isinstance(band, str) and band in names:
            chosen.append(names.index(band))
        elif not isinstance(band, str) and 1 <= band <= len(names):
            chosen.append(int(band) - 1)
        else:
            raise InputError(
                f"no band {band!r}: give names from {names} or numbers from 1"
            )
    if len(chosen) not in (1, 3):
        raise InputError(
            f"bands are {bands!r}: give three for red, green, blue, or one for grey"
        )
    return tuple(chosen)


def _thinned(
    scene: xr.DataArray, result: xr.Dataset, names: list[str], step: int
) -> tuple[npt.NDArray[Any], xr.DataArray, npt.NDArray[Any] | None]:
    """Every step-th pixel of image, classes and simulation, computed together."""
    every = {"y": slice(None, None, step), "x": slice(None, None, step)}
    parts = xr.Dataset(
        {
            "image": _named(scene, names).isel(every).variable,
            "classes": result["classes"].isel(every).variable,
        }
    )
    if "simulated" in result:
        simulated = _named(result["simulated"], names).isel(every).variable
        parts["simulated"] = simulated
    parts = parts.compute()
    classes = result["classes"].isel(every).copy(data=parts["classes"].values)
    pictures = [
        np.moveaxis(parts[name].values, 0, -1) if name in parts else None
        for name in ("image", "simulated")
    ]
    if pictures[0] is None:
        raise InputError("the scene has no bands")
    return pictures[0], classes, pictures[1]


def _named(image: xr.DataArray, names: list[str]) -> xr.DataArray:
    known = [str(name) for name in image["band"].values]
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(
            f"{image.name!r} has no band {missing[0]!r}, only {known}: pass bands= "
            "with bands that both scene and result have"
        )
    return image.isel(band=[known.index(name) for name in names])


def _channel_last(
    textures: xr.DataArray, names: list[str], first: str
) -> npt.NDArray[Any]:
    chosen = _named(textures, names)
    order = (first, "texture_y", "texture_x", "band")
    return np.asarray(chosen.transpose(*order).values)


def _areas(result: xr.Dataset, step: int) -> "pd.DataFrame":
    """Class areas; a thinned map stands for all pixels, which attrs then tell."""
    classes = result["classes"]
    if step == 1:
        return class_areas(classes)
    transform = scene_transform(classes)
    if not transform.is_rectilinear:
        # A rotated map has no coordinates from which the coarser grid would follow.
        a, b, c, d, e, f = tuple(transform)[:6]
        coarse = Affine(a * step, b * step, c, d * step, e * step, f)
        classes = classes.rio.write_transform(coarse)
    areas = class_areas(classes)
    areas.attrs["step"] = step
    return areas


def _legend_entries(
    areas: "pd.DataFrame", has_nodata: bool
) -> list[tuple[str | None, str, str, str]]:
    """Colour (None = nodata), name, share and area of each entry."""
    largest = areas["area_ha"].max()
    decimals = 0 if largest >= 1000 else 1 if largest >= 10 else 2
    entries: list[tuple[str | None, str, str, str]] = []
    for row in areas.itertuples():
        share = "" if math.isnan(row.share) else f"{100 * row.share:.1f} %"
        area = row.area_ha
        hectares = "" if math.isnan(area) else f"{_grouped(area, decimals)} ha"
        entries.append((row.color, row.name, share, hectares))
    if has_nodata:
        entries.append((None, "nodata", "", ""))
    return entries


def _grouped(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _grid(scene: xr.DataArray) -> _Grid:
    height, width = scene.sizes["y"], scene.sizes["x"]
    transform = scene_transform(scene)
    crs = scene.rio.crs
    if crs is None and transform == Affine.identity() or not transform.is_rectilinear:
        side = width / height
        return _Grid(0, width, height, 0, "column (px)", "row (px)", "", side)
    left, top = transform.c, transform.f
    right, bottom = left + transform.a * width, top + transform.e * height
    aspect = abs((right - left) / (top - bottom))
    if crs is not None and crs.is_geographic:
        squeeze = math.cos(math.radians(min(abs(top + bottom) / 2, 85)))
        edges = (left, right, bottom, top)
        return _Grid(*edges, "longitude", "latitude", "°", aspect * squeeze)
    unit = "" if crs is None else f" ({_unit(crs)})"
    names = ("x", "y") if crs is None else (f"easting{unit}", f"northing{unit}")
    return _Grid(left, right, bottom, top, *names, "", aspect)


def _unit(crs: Any) -> str:
    unit = str(crs.linear_units)
    return {"metre": "m", "meter": "m", "unknown": "map units"}.get(unit, unit)


# --- drawing ---------------------------------------------------------------------


def _draw(
    pictures: list[tuple[str, str, RGBA]],
    tiles: list[RGBA] | None,
    table: ClassTable,
    legend: list[tuple[str | None, str, str, str]],
    note: str,
    grid: _Grid,
    step: int,
) -> Figure:
    num_others = 0 if tiles is None else 1
    boxes, width, height = sheet.arrange(len(pictures), num_others, grid.aspect)
    columns, column_width, rows = _legend_layout(legend, width - 2 * _MARGIN)
    legend_box = Box(_MARGIN, height + 0.08, width - 2 * _MARGIN, rows * _ROW)
    height += rows * _ROW + (0.42 if note else 0.22)
    figure = Sheet(figsize=(width, height), dpi=_DPI, facecolor="white")
    for box, (title, detail, rgba) in zip(boxes, pictures, strict=False):
        first = math.isclose(box.left, boxes[0].left)
        _draw_map(figure, box, rgba, grid, step, first)
        sheet.heading(figure, box, title, detail, max(box.width, 1.0))
    if tiles is not None:
        sheet.heading(figure, boxes[-1], "Textures", "", boxes[-1].width)
        _draw_tiles(figure, boxes[-1], tiles, table)
    _draw_legend(figure, legend_box, legend, columns, column_width, rows)
    if note:
        below = Box(_MARGIN, height - 0.3, width - 2 * _MARGIN, 0.2)
        sheet.write(
            sheet.blank_axes(figure, below), 0, 0.1, note, 7, color=sheet.MUTED
        )
    return figure


_MARGIN = 0.3
_ROW = 0.215
_SWATCH = 0.15


def _draw_map(
    figure: Figure, box: Box, rgba: RGBA, grid: _Grid, step: int, first: bool
) -> None:
    axes = figure.add_axes(box.on(figure), facecolor=sheet.EMPTY)
    axes.patch.set(hatch=sheet.HATCH, edgecolor=sheet.LINE, linewidth=0)
    # The last of the thinned pixels may reach beyond the scene.
    height, width = rgba.shape[:2]
    pixel_x = (grid.right - grid.left) / _full(width, step, grid, "x")
    del pixel_x
    axes.imshow(
        rgba,
        extent=(grid.left, grid.right, grid.bottom, grid.top),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xlim(grid.left, grid.right)
    axes.set_ylim(grid.bottom, grid.top)
    del height


def _full(count: int, step: int, grid: _Grid, axis: str) -> float:
    return count * step
