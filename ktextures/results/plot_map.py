"""A class map as a figure: legend, scale bar, north arrow, and coordinates."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from matplotlib.figure import Figure

from ktextures.classes.categories import Categories, compacted
from ktextures.classes.legend_maps import Values, in_values
from ktextures.errors import InputError
from ktextures.raster.bands import shown_bands
from ktextures.raster.georeference import scene_transform
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy
from ktextures.raster.thin import read_every_nth
from ktextures.rendering import classes_to_rgba, stretch_limits, stretch_rgb
from ktextures.results import figure_layout as sheet
from ktextures.results.areas import class_areas
from ktextures.results.figure_layout import Box, Entry, Sheet
from ktextures.results.map_axes import MapGrid, coarsened, draw_picture, map_grid
from ktextures.results.map_furniture import (
    ARROW_HEIGHT,
    BAR_HEIGHT,
    ScaleBar,
    draw_north_arrow,
    draw_scale_bar,
    north_angle,
    scale_bar,
)
from ktextures.results.plot_values import legend_entries, shown_entries

__all__ = ["plot_map"]

RGBA = npt.NDArray[np.uint8]

_LONGEST_SIDE = 2000
_DPI = 150
_OPACITY = 0.6
_WIDE = 1.6  # width / height from which the legend is below the map
_MAX_WIDTH, _MAX_HEIGHT = 8.0, 6.5
_MIN_WIDTH = 1.4
_TOP, _BOTTOM, _AXIS, _GAP = 0.25, 0.15, 0.5, 0.3
_TITLE_SIZE, _TITLE_LINE = 12, 0.24
_SMALL_SIZE, _SMALL_LINE = 6.5, 0.13
_DRAWN = 0.95  # letters are drawn on whole pixels, and so a little wider


@dataclass(frozen=True)
class _Parts:
    """What is drawn besides the picture, and how large the picture is."""

    title: str
    entries: list[Entry]
    notes: list[str]
    angle: float | None
    width: float
    height: float
    bar: ScaleBar


def plot_map(
    classes: xr.DataArray,
    *,
    scene: xr.DataArray | None = None,
    opacity: float | None = None,
    title: str | None = None,
    attribution: str = "",
    values: Values = "classes",
    table: Categories | None = None,
) -> Figure:
    """Draw a class map with legend, scale bar, north arrow, and coordinates.

    Of maps with more than 2000 pixels per side, only every n-th pixel is drawn, and
    computed if they are lazy. Shares and areas of a lazy map are then estimates, as a
    note says.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Values 1..k, 0 = nodata; or codes of a legend.
    scene : DataArray, (band, y, x), optional
        The image that was segmented, drawn below the classes.
    opacity : float, optional
        Of the classes above the image, 0..1; by default 0.6. Without a scene, the
        classes are opaque.
    title : str, optional
        Written above the map.
    attribution : str, optional
        Source and copyright of the data, written below the map in small letters.
    values : {"classes", "legend"}, default "classes"
        "legend" draws ``ktextures.to_legend(classes, table)``, and of the legend those
        entries that occur.
    table : ClassTable or Legend, optional
        Names and colors; by default those in the attributes of ``classes``, or else
        ``ClassTable.default``.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; for print, save it with ``.savefig(path, dpi=300)``. The
        arrow shows grid north, or true north where that differs by more than 5 degrees;
        without a CRS there is none. The length of the scale bar holds at the center of
        the map: in meters or kilometers, or in pixels without a CRS.

    Raises
    ------
    InputError
        If it is not a class map, a value is not in the table, the scene has another
        size, or the opacity is not 0..1; with ``values="legend"``, if no classes are
        assigned to a legend.

    Examples
    --------
    >>> from ktextures.datasets import synthetic
    >>> figure = plot_map(synthetic(64, k=3).truth, title="Classes")
    """
    _check(classes, opacity)
    classes, found = in_values(classes, values, table)
    scene = None if scene is None else _fitting(scene, classes)
    height, width = classes.shape
    step = math.ceil(max(height, width) / _LONGEST_SIDE)
    lazy = is_lazy(classes)
    every = {"y": slice(None, None, step), "x": slice(None, None, step)}
    thinned = classes.isel(every).compute()
    areas = class_areas(coarsened(thinned, step) if lazy else classes, found)
    areas = shown_entries(areas, values)
    drawn = compacted(thinned.values, areas["class"].tolist())
    picture = classes_to_rgba(drawn, areas["color"].tolist())
    if scene is not None:
        share = _OPACITY if opacity is None else opacity
        pixels = read_every_nth(scene, step, every, overviews=True)
        picture = _above(picture, _image(scene.isel(every).copy(data=pixels)), share)
    note = f"Shares and areas are estimated from 1 in {step**2} pixels."
    notes = [attribution] + [note] * (lazy and step > 1)
    entries = legend_entries(areas, bool((drawn == 0).any()))
    grid = map_grid(classes, step)
    transform, crs = scene_transform(classes), classes.rio.crs
    size = _map_size(grid.aspect)
    bar = scale_bar(crs, transform, (width, height), size[0], _longest_bar(size[0]))
    angle = _angle(crs, transform, (width, height))
    shown = [text for text in notes if text]
    return _draw(picture, grid, _Parts(title or "", entries, shown, angle, *size, bar))


# --- what to draw ----------------------------------------------------------------


def _check(classes: xr.DataArray, opacity: float | None) -> None:
    if not isinstance(classes, xr.DataArray) or classes.dims != ("y", "x"):
        came = getattr(classes, "dims", type(classes).__name__)
        raise InputError(
            f"classes are {came}: give a class map with dims ('y', 'x'), such as "
            "result['classes']"
        )
    if 0 in classes.shape:
        raise InputError(
            f"the map has shape {classes.shape}, so there is nothing to draw; check "
            "the slice or bounding box it was cut with"
        )
    if opacity is not None and not 0 <= opacity <= 1:
        raise InputError(f"opacity is {opacity!r}; give a number from 0 to 1")


def _fitting(scene: xr.DataArray, classes: xr.DataArray) -> xr.DataArray:
    """The bands of a scene to show, if it has the size of the map."""
    scene = open_scene(scene)
    if scene.shape[1:] != classes.shape:
        raise InputError(
            f"the scene has {scene.shape[1:]} pixels, but the map {classes.shape}: "
            "give the scene that was segmented"
        )
    return scene.isel(band=list(shown_bands(scene, None)))


def _image(scene: xr.DataArray) -> RGBA:
    valid = valid_pixels(scene.values, scene_nodata(scene))
    image, bands = np.moveaxis(scene.values, 0, -1), range(len(scene))
    limits = stretch_limits(image, valid, bands)
    return stretch_rgb(image, valid, bands, limits=limits)


def _above(classes: RGBA, image: RGBA, share: float) -> RGBA:
    """Classes over an image; where there is no class, the image alone."""
    mixed = share * classes[..., :3].astype(float)
    mixed += (1 - share) * image[..., :3].astype(float)
    both = classes.copy()
    both[..., :3] = np.rint(mixed)
    has_class, has_image = classes[..., 3:] > 0, image[..., 3:] > 0
    return np.where(has_class & has_image, both, np.where(has_class, classes, image))


def _angle(crs: object, transform: Affine, size: tuple[int, int]) -> float | None:
    return None if crs is None else north_angle(crs, transform, size)


# --- drawing ---------------------------------------------------------------------


def _map_size(aspect: float) -> tuple[float, float]:
    """Width and height of the map in inches."""
    height = min(_MAX_HEIGHT, _MAX_WIDTH / aspect)
    return height * aspect, height


def _longest_bar(map_width: float) -> float:
    return min(max(0.4 * map_width, 0.8), 2.4)


def _draw(picture: RGBA, grid: MapGrid, parts: _Parts) -> Figure:
    column = max(sheet.legend_width(parts.entries), parts.bar.width + 0.9)
    beside = parts.width / parts.height < _WIDE
    if beside:
        beside = len(parts.entries) * 0.215 + 1 <= max(parts.height, 4)
    room = max(parts.width, _MIN_WIDTH)
    if beside:
        page = sheet.LEFT + room + _GAP + column + sheet.RIGHT
    else:
        room = max(parts.width, column)
        page = sheet.LEFT + room + sheet.RIGHT
    inside = page - sheet.LEFT - sheet.RIGHT
    title = _wrapped(parts.title, _TITLE_SIZE, inside, bold=True)
    notes = [
        line for note in parts.notes for line in _wrapped(note, _SMALL_SIZE, inside)
    ]
    top = _TOP + _TITLE_LINE * len(title) + (0.08 if title else 0)
    below = top + parts.height + _AXIS
    legend = sheet.legend_height(parts.entries, column if beside else inside, "")
    strip = max(ARROW_HEIGHT, BAR_HEIGHT)
    if beside:
        end = max(below, top + legend + strip)
    else:
        end = below + strip + 0.1 + legend
    height = end + _SMALL_LINE * len(notes) + _BOTTOM
    figure = Sheet(figsize=(page, height), dpi=_DPI, facecolor="white")
    place = Box(sheet.LEFT, top, parts.width, parts.height)
    axes = draw_picture(figure, place, picture, grid, True, True)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    widest = max((sheet.text_width(label, 7) for label in labels), default=0)
    axes.yaxis.set_label_coords(-(widest + 0.2) / parts.width, 0.5)
    _write_lines(figure, Box(sheet.LEFT, _TOP, inside, top), title, _TITLE_LINE, True)
    if beside:
        left = sheet.LEFT + room + _GAP
        sheet.draw_legend(figure, Box(left, top, column, legend), parts.entries, "")
        _draw_furniture(figure, left, max(top + legend, below - _AXIS - strip), parts)
    else:
        _draw_furniture(figure, sheet.LEFT, below, parts)
        box = Box(sheet.LEFT, below + strip + 0.1, inside, legend)
        sheet.draw_legend(figure, box, parts.entries, "")
    lines = Box(sheet.LEFT, end, inside, _SMALL_LINE * len(notes) + 0.01)
    _write_lines(figure, lines, notes, _SMALL_LINE, False)
    return figure


def _draw_furniture(figure: Figure, left: float, top: float, parts: _Parts) -> None:
    """North arrow, and the scale bar to its right."""
    if parts.angle is not None:
        draw_north_arrow(figure, left - 0.08, top, parts.angle)
        left += ARROW_HEIGHT + 0.08
    draw_scale_bar(figure, left, top + 0.06, parts.bar)


def _write_lines(
    figure: Figure, box: Box, lines: list[str], height: float, heading: bool
) -> None:
    axes = sheet.blank_axes(figure, box)
    size, color = (_TITLE_SIZE, sheet.INK) if heading else (_SMALL_SIZE, sheet.MUTED)
    for number, line in enumerate(lines):
        y = (number + 0.5) * height
        sheet.write(axes, 0, y, line, size, color=color, bold=heading)


def _wrapped(text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
    """Lines that fit into a width in inches."""
    room *= _DRAWN
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and sheet.text_width(longer, size, bold=bold) <= room:
            lines[-1] = longer
        else:
            lines.append(sheet.shorten(word, size, room))
    return lines
