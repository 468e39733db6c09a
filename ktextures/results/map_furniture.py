"""Scale bar and north arrow of a map."""

import math
from dataclasses import dataclass

import rasterio
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from ktextures.raster.ground import ground_size, north_direction, varying_latitude
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box

__all__ = [
    "ARROW_HEIGHT",
    "BAR_HEIGHT",
    "ScaleBar",
    "draw_north_arrow",
    "draw_scale_bar",
    "north_angle",
    "scale_bar",
]

ARROW_HEIGHT = 0.5
BAR_HEIGHT = 0.45
"""In inches."""

_THICKNESS = 0.06
_LABELED = 1.1  # inches from which a bar has room for three labels
_STEEP = 5.0  # degrees from which true north is not grid north


@dataclass(frozen=True)
class ScaleBar:
    """A round length on the ground.

    Attributes
    ----------
    length : float
        In `unit`.
    unit : str
        "m", "km", or "pixels".
    width : float
        Of the bar, in inches.
    note : str
        Where on the map it has this length, if that is not everywhere; or empty.
    """

    length: float
    unit: str
    width: float
    note: str


def scale_bar(
    crs: rasterio.CRS | None,
    transform: Affine,
    size: tuple[int, int],
    map_width: float,
    longest: float,
) -> ScaleBar:
    """Choose the length of a scale bar.

    Parameters
    ----------
    crs : rasterio.CRS or None
        Of the raster.
    transform : Affine
        From (column, row) to map coordinates.
    size : (int, int)
        Columns and rows of the raster.
    map_width : float
        Width of the map on the page in inches.
    longest : float
        Of the bar, in inches.

    Returns
    -------
    ScaleBar
        1, 2, or 5 times a power of ten: meters or kilometers at the center of the map;
        pixels if the size of pixels is not known.
    """
    columns, rows = size
    ground = ground_size(crs, transform, columns, rows)
    pixel = 1.0 if ground is None else ground[0]
    per_inch = columns * pixel / map_width
    length = _round_length(per_inch * longest)
    width = length / per_inch
    if ground is None:
        return ScaleBar(length, "pixel" if length == 1 else "pixels", width, "")
    latitude = varying_latitude(crs, transform, columns, rows)
    note = "" if latitude is None else f"at {_degrees(latitude)}"
    if length >= 1000:
        return ScaleBar(length / 1000, "km", width, note)
    return ScaleBar(length, "m", width, note)


def north_angle(
    crs: rasterio.CRS | None, transform: Affine, size: tuple[int, int]
) -> float | None:
    """Find out where north is on a map whose rows run from left to right.

    Parameters
    ----------
    crs : rasterio.CRS or None
        Of the raster.
    transform : Affine
        From (column, row) to map coordinates.
    size : (int, int)
        Columns and rows of the raster.

    Returns
    -------
    float or None
        Degrees clockwise from the top of the page: of grid north, or of true north if
        that differs by more than 5 degrees. None if it is not known.
    """
    true = north_direction(crs, transform, *size)
    if true is None:
        return None
    apart = math.degrees(math.atan2(true[0], true[1]))
    x, y = (0.0, 1.0) if abs(apart) <= _STEEP else true
    a, b, _, d, e, _ = tuple(transform)[:6]
    # Columns and rows on the way to the north, as lengths on the page.
    right = (e * x - b * y) / (a * e - b * d) * math.hypot(a, d)
    down = (a * y - d * x) / (a * e - b * d) * math.hypot(b, e)
    return math.degrees(math.atan2(right, -down))


def draw_scale_bar(figure: Figure, left: float, top: float, bar: ScaleBar) -> None:
    """Draw a scale bar, with its left end at a place in inches."""
    axes = sheet.blank_axes(figure, Box(left, top, bar.width, BAR_HEIGHT))
    axes.set_gid("scale bar")
    parts = 4 if bar.width >= _LABELED else 2
    y, part = 0.2, bar.width / parts
    for number in range(parts):
        axes.add_patch(
            Rectangle(
                (number * part, y),
                part,
                _THICKNESS,
                facecolor=sheet.INK if number % 2 == 0 else "white",
                edgecolor=sheet.INK,
                linewidth=0.6,
                clip_on=False,
            )
        )
    end = f"{_number(bar.length)} {bar.unit}"
    if parts == 4:
        for value, x in ((0, 0.0), (bar.length / 2, bar.width / 2)):
            sheet.write(axes, x, 0.1, _number(value), 7, align="center")
        # Centered on the number, with the unit after it.
        x = bar.width - sheet.text_width(_number(bar.length), 7) / 2
        sheet.write(axes, x, 0.1, end, 7)
    else:
        sheet.write(axes, 0, 0.1, end, 7)
    if bar.note:
        sheet.write(axes, 0, 0.36, bar.note, 6, color=sheet.MUTED)


def draw_north_arrow(figure: Figure, left: float, top: float, angle: float) -> None:
    """Draw an arrow to the north in a square at a place in inches."""
    axes = sheet.blank_axes(figure, Box(left, top, ARROW_HEIGHT, ARROW_HEIGHT))
    axes.set_gid("north arrow")
    half = ARROW_HEIGHT / 2
    tip, tail, notch, wing = (0, -0.1), 0.24, (0, 0.16), 0.1
    for side, color in ((-1, sheet.INK), (1, "white")):
        points = [tip, (side * wing, tail), notch]
        axes.add_patch(
            Polygon(
                [_turned(point, angle, half) for point in points],
                facecolor=color,
                edgecolor=sheet.INK,
                linewidth=0.6,
                joinstyle="miter",
                clip_on=False,
            )
        )
    _write_n(axes, _turned((0, -0.19), angle, half))


def _write_n(axes: Axes, place: tuple[float, float]) -> None:
    sheet.write(axes, *place, "N", 8, bold=True, align="center")


def _turned(
    point: tuple[float, float], angle: float, center: float
) -> tuple[float, float]:
    """A point turned clockwise around the center of a square, with y downwards."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = point
    return center + cosine * x - sine * y, center + sine * x + cosine * y


def _round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... that is not longer."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (5, 2, 1) if step * power <= most)


def _number(value: float) -> str:
    return f"{value:,.10g}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _degrees(latitude: float) -> str:
    return f"{abs(latitude):.1f}° {'S' if latitude < 0 else 'N'}"
