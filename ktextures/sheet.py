"""A page for figures: panels of equal height, measured in inches, and small helpers.

Figures are made without pyplot and without its settings, so that they look the same
in any thread and under any style.
"""

import dataclasses
import functools
import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

__all__ = ["Box", "Sheet", "arrange", "shorten", "text_width", "tick_values"]

INK = "#262626"
MUTED = "#6b6b6b"
LINE = "#bdbdbd"
EMPTY = "#f4f4f4"
HATCH = "//////"
FONT = "DejaVu Sans"  # comes with matplotlib

_MAX_WIDTH = 13.0
_MAX_PANELS_HEIGHT = 9.0
_MAX_PANEL_HEIGHT = 5.5
_GOOD_HEIGHT = 2.2
_MIN_CELL_WIDTH = 1.1
_MIN_WIDTH = 6.0
_LEFT, _RIGHT, _GAP, _PAD = 0.85, 0.2, 0.22, 0.12
_TITLE, _AXIS = 0.3, 0.46


class Sheet(Figure):
    """A figure that notebooks show by itself, whatever matplotlib's backend."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle in inches; the origin is the top left corner of the page."""

    left: float
    top: float
    width: float
    height: float

    def on(self, figure: Figure) -> tuple[float, float, float, float]:
        """As matplotlib wants it: fractions of the figure, counted from the bottom."""
        width, height = figure.get_size_inches()
        return (
            self.left / width,
            1 - (self.top + self.height) / height,
            self.width / width,
            self.height / height,
        )


def arrange(
    num_maps: int, num_others: int, aspect: float
) -> tuple[list[Box], float, float]:
    """Place map panels, then other panels, row by row.

    Parameters
    ----------
    num_maps : int
        Panels with the shape of the scene.
    num_others : int
        Panels of any shape, as high as a map.
    aspect : float
        Width of a map divided by its height.

    Returns
    -------
    boxes : list of Box
        Room for the pictures themselves.
    width, height : float
        Of the page that holds them, in inches, with their titles and axes.
    """
    count = num_maps + num_others
    options = []
    for rows in dict.fromkeys((1, 2, count)):
        columns = math.ceil(count / rows)
        room = (_MAX_WIDTH - _LEFT - _RIGHT - _GAP * (columns - 1)) / columns
        limit = min(
            _MAX_PANEL_HEIGHT, _MAX_PANELS_HEIGHT / rows - (_TITLE + _AXIS) * (rows > 1)
        )
        height = min(room / aspect, limit)
        score = height**2 * aspect * 0.8 ** (rows - 1)
        options.append((score, rows, columns, height))
        if height >= _GOOD_HEIGHT:
            break
    good = options[-1][3] >= _GOOD_HEIGHT
    _, rows, columns, height = options[-1] if good else max(options)
    map_width = height * aspect
    other_width = map_width if rows > 1 else max(map_width, 0.8 * height)
    boxes: list[Box] = []
    right = _MIN_WIDTH
    for row in range(rows):
        left = _LEFT
        top = _PAD + _TITLE + row * (_TITLE + height + _AXIS)
        for index in range(row * columns, min((row + 1) * columns, count)):
            width = map_width if index < num_maps else other_width
            boxes.append(Box(left, top, width, height))
            left += max(width, _MIN_CELL_WIDTH) + _GAP
        right = max(right, left - _GAP + _RIGHT)
    return boxes, right, _PAD + rows * (_TITLE + height + _AXIS)


@functools.cache
def _font(size: float, bold: bool = False) -> FontProperties:
    return FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a text in inches, for a font size in points."""
    width, _, _ = text_to_path.get_text_width_height_descent(
        text, _font(size, bold), ismath=False
    )
    return float(width) / 72


def shorten(text: str, size: float, room: float) -> str:
    """Cut a text to fit into so many inches; empty when nothing fits."""
    if text_width(text, size) <= room:
        return text
    for length in range(len(text) - 1, 0, -1):
        short = text[:length].rstrip() + "…"
        if text_width(short, size) <= room:
            return short
    return ""


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    color: str = INK,
    bold: bool = False,
    align: str = "left",
    vertical: str = "center",
) -> Text:
    """Put text at a place in data units, read literally ($ is no formula)."""
    return axes.text(
        x,
        y,
        text,
        fontproperties=_font(size, bold),
        color=color,
        ha=align,
        va=vertical,
        parse_math=False,
    )


def blank_axes(figure: Figure, box: Box) -> Axes:
    """Axes that count in inches from the top left corner of the box."""
    axes = figure.add_axes(box.on(figure))
    axes.set_axis_off()
    axes.set_xlim(0, box.width)
    axes.set_ylim(box.height, 0)
    return axes


def heading(figure: Figure, box: Box, title: str, detail: str, room: float) -> None:
    """Title above a box; the detail beside it only where there is room."""
    axes = blank_axes(figure, Box(box.left, box.top - _TITLE, room, _TITLE))
    write(axes, 0, _TITLE - 0.12, title, 9.5, bold=True)
    offset = text_width(title, 9.5, bold=True) + 0.1
    if detail and offset + text_width(detail, 8) <= room:
        write(axes, offset, _TITLE - 0.11, detail, 8, color=MUTED)


def hatched(width: float, height: float, x: float = 0, y: float = 0) -> Rectangle:
    """Rectangle with the look of nodata."""
    return Rectangle(
        (x, y), width, height, facecolor=EMPTY, edgecolor=LINE, hatch=HATCH, linewidth=0
    )


def tick_values(
    low: float, high: float, length: float, label_length: float
) -> tuple[list[float], int]:
    """Round values whose labels lie inside an axis and do not touch.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    length : float
        Its length in inches.
    label_length : float
        Room that a label takes along it.

    Returns
    -------
    values : list of float
        Perhaps none.
    decimals : int
        Digits after the point that tell them apart.
    """
    span = high - low
    margin = label_length / 2 / length * span
    for bins in range(max(1, min(6, int(length / (label_length + 0.15)))), 7):
        found = MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        inside = [v for v in found if low + margin <= v <= high - margin]
        step = float(found[1] - found[0])
        apart = len(inside) < 2 or step / span * length >= label_length + 0.08
        if inside and apart:
            decimals = next(
                d for d in range(13) if d == 12 or np.isclose(round(step, d), step)
            )
            return [float(value) for value in inside], decimals
    return [], 0


def columns_of(widths: Sequence[float], room: float) -> int:
    """Number of equal columns, each as wide as the widest entry, that fit."""
    return max(1, min(len(widths), int(room / max(widths))))
