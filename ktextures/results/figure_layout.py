"""Layout of figures: panels of equal height, tables and text, measured in inches.

Figures are made without pyplot and its settings, so that they look the same in any
thread and with any style.
"""

import dataclasses
import functools
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

__all__ = [
    "Box",
    "Entry",
    "Sheet",
    "arrange",
    "calm",
    "draw_legend",
    "draw_tiles",
    "grouped",
    "heading",
    "legend_height",
    "legend_width",
    "name_axes",
    "text_width",
    "tick_values",
]

INK = "#262626"
MUTED = "#6b6b6b"
LINE = "#bdbdbd"
EMPTY = "#f4f4f4"
HATCH = "//////"
FONT = "DejaVu Sans"  # comes with matplotlib

_MAX_WIDTH = 13.0
_MAX_PANELS_HEIGHT = 9.0
_MAX_PANEL_HEIGHT = 5.0
_GOOD_HEIGHT = 2.2
_MIN_CELL_WIDTH = 1.1
_MIN_WIDTH = 6.0
LEFT, RIGHT = 0.85, 0.2
_GAP, _PAD = 0.22, 0.12
_TITLE, _AXIS = 0.3, 0.5
_MAX_TILE, _NAMED_TILE, _SMALL_TILE = 1.6, 0.55, 0.3
# Height of the label, gap, and the smallest tile they suit.
_TILE_STYLES = ((0.19, 0.1, _NAMED_TILE), (0.12, 0.08, _SMALL_TILE), (0.09, 0.04, 0.0))
_LEGEND_ROW, _SWATCH, _MAX_NAME = 0.215, 0.15, 2.4

# Color (None = nodata), name, share, area.
Entry = tuple[str | None, str, str, str]


class Sheet(Figure):
    """A figure that notebooks show with any backend of matplotlib."""

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
        """Convert to fractions of the figure, from the lower left, for matplotlib."""
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
    """Place the panels of maps, and then other panels, row by row.

    Parameters
    ----------
    num_maps : int
        Number of panels with the shape of the scene.
    num_others : int
        Number of other panels, which are as high as a map.
    aspect : float
        Width of a map divided by its height.

    Returns
    -------
    boxes : list of Box
        Space for the pictures, without titles and axes.
    width, height : float
        Size of the page in inches, with titles and axes.
    """
    count = num_maps + num_others
    options = []
    for rows in dict.fromkeys((1, 2, count)):
        columns = math.ceil(count / rows)
        room = (_MAX_WIDTH - LEFT - RIGHT - _GAP * (columns - 1)) / columns
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
        left = LEFT
        top = _PAD + _TITLE + row * (_TITLE + height + _AXIS)
        for index in range(row * columns, min((row + 1) * columns, count)):
            width = map_width if index < num_maps else other_width
            boxes.append(Box(left, top, width, height))
            left += max(width, _MIN_CELL_WIDTH) + _GAP
        right = max(right, left - _GAP + RIGHT)
    return boxes, right, _PAD + rows * (_TITLE + height + _AXIS)


@functools.cache
def _font(size: float, bold: bool = False) -> FontProperties:
    return FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Compute the width of a text in inches, for a font size in points."""
    width, _, _ = text_to_path.get_text_width_height_descent(
        text, _font(size, bold), ismath=False
    )
    return float(width) / 72


def grouped(value: float, decimals: int) -> str:
    """Write a number with spaces between its thousands."""
    return f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def shorten(text: str, size: float, room: float) -> str:
    """Shorten a text to a width in inches; empty if nothing fits."""
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
    """Write text at a position in data units; $ does not start a formula."""
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
    """Make invisible axes in inches from the top left corner of a box."""
    axes = figure.add_axes(box.on(figure))
    axes.set_axis_off()
    axes.set_xlim(0, box.width)
    axes.set_ylim(box.height, 0)
    return axes


def heading(figure: Figure, box: Box, title: str, detail: str) -> None:
    """Write a title above a box, with the detail beside it if there is space."""
    room = max(box.width, _MIN_CELL_WIDTH)
    axes = blank_axes(figure, Box(box.left, box.top - _TITLE, room, _TITLE))
    write(axes, 0, _TITLE - 0.12, title, 9.5, bold=True)
    offset = text_width(title, 9.5, bold=True) + 0.1
    if detail and offset + text_width(detail, 8) <= room:
        write(axes, offset, _TITLE - 0.11, detail, 8, color=MUTED)


def hatched(width: float, height: float, x: float = 0, y: float = 0) -> Rectangle:
    """Make a rectangle with the hatching of nodata."""
    return Rectangle(
        (x, y), width, height, facecolor=EMPTY, edgecolor=LINE, hatch=HATCH, linewidth=0
    )


def tick_values(
    low: float, high: float, length: float, label_length: float
) -> tuple[list[float], int]:
    """Choose round values whose labels fit inside an axis and do not touch.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    length : float
        Its length in inches.
    label_length : float
        Length of a label along the axis, in inches.

    Returns
    -------
    values : list of float
        The values; empty if no label fits.
    decimals : int
        Digits after the decimal point that make the labels distinct.
    """
    low, high = sorted((low, high))
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


# --- parts of a page -------------------------------------------------------------


def calm(axes: Axes) -> None:
    """Style axes with thin gray lines and small labels."""
    for spine in axes.spines.values():
        spine.set(color=LINE, linewidth=0.6, zorder=3)
    axes.tick_params(
        colors=MUTED, color=LINE, labelsize=7, length=2.5, width=0.6, pad=2
    )
    axes.tick_params(which="minor", color=LINE, length=1.5, width=0.4)
    axes.tick_params(labelfontfamily=FONT)


def name_axes(axes: Axes, box: Box, x_name: str, y_name: str) -> None:
    """Write axis names at fixed distances, so that they align between panels."""
    style: dict[str, Any] = {"fontsize": 7, "color": MUTED, "family": FONT}
    if text_width(x_name, 7) <= max(box.width, _MIN_CELL_WIDTH):
        axes.set_xlabel(x_name, **style)
        axes.xaxis.set_label_coords(0.5, -0.23 / box.height)
    if y_name and text_width(y_name, 7) <= box.height + 0.4:
        axes.set_ylabel(y_name, **style)
        axes.yaxis.set_label_coords(-0.64 / box.width, 0.5)


def draw_tiles(
    figure: Figure,
    box: Box,
    tiles: Sequence[npt.NDArray[np.uint8]],
    names: Sequence[str],
    colors: Sequence[str],
) -> None:
    """Draw square pictures in a box, each framed in its color above its name."""
    axes = blank_axes(figure, box)
    columns, side, label, gap = _tile_layout(len(tiles), box)
    size = 7 if side >= _NAMED_TILE else 6 if side >= _SMALL_TILE else 4.5
    for index, (tile, name, color) in enumerate(zip(tiles, names, colors, strict=True)):
        row, column = divmod(index, columns)
        x = column * (side + gap) + 0.02
        y = row * (side + label + gap) + 0.02
        axes.imshow(
            tile, extent=(x, x + side, y + side, y), aspect="auto", interpolation="auto"
        )
        axes.add_patch(
            Rectangle(
                (x, y),
                side,
                side,
                facecolor="none",
                edgecolor=color,
                linewidth=2.0 if side >= 0.4 else 1.2,
                clip_on=False,
            )
        )
        # A name shortened to a few letters says less than the number.
        short = shorten(name, size, side + 0.02) if side >= _NAMED_TILE else ""
        if len(short) < min(len(name), 5):
            short = str(index + 1)
        write(
            axes, x + side / 2, y + side + label / 2 + 0.02, short, size, align="center"
        )
    axes.set_xlim(0, box.width)
    axes.set_ylim(box.height, 0)


def _tile_layout(count: int, box: Box) -> tuple[int, float, float, float]:
    """Columns, side, label height and gap that make the tiles as large as possible."""
    best = (1, 0.0, 0.0, 0.0)
    for label, gap, smallest in _TILE_STYLES:
        for columns in range(1, count + 1):
            rows = math.ceil(count / columns)
            across = (box.width - 0.04 - gap * (columns - 1)) / columns
            down = (box.height - 0.02 - gap * (rows - 1)) / rows - label
            side = min(across, down, _MAX_TILE)
            if side > best[1]:
                best = (columns, side, label, gap)
        if best[1] >= smallest:
            break
        best = (1, 0.0, 0.0, 0.0)
    return best


def legend_height(entries: Sequence[Entry], room: float, note: str) -> float:
    """Compute the height of the legend in inches, for a page of a given width."""
    columns, _, _ = _legend_layout(entries, room)
    rows = math.ceil(len(entries) / columns)
    return rows * _LEGEND_ROW + (0.4 if note else 0.2)


def legend_width(entries: Sequence[Entry]) -> float:
    """Compute the width in inches of a legend with one column."""
    _, name_width, numbers = _legend_layout(entries, 0)
    return _SWATCH + 0.08 + name_width + sum(numbers)


def draw_legend(figure: Figure, box: Box, entries: Sequence[Entry], note: str) -> None:
    """Draw a table of swatches, names, shares and areas, in as many columns as fit."""
    axes = blank_axes(figure, box)
    columns, name_width, number_widths = _legend_layout(entries, box.width)
    rows = math.ceil(len(entries) / columns)
    column_width = box.width / columns
    for index, (color, name, *numbers) in enumerate(entries):
        column, row = divmod(index, rows)
        x, y = column * column_width, (row + 0.5) * _LEGEND_ROW
        swatch = hatched(_SWATCH, _SWATCH, x, y - _SWATCH / 2)
        if color is not None:
            swatch.set(facecolor=color, hatch=None)
        axes.add_patch(swatch)
        x += _SWATCH + 0.08
        write(axes, x, y, shorten(name, 8, name_width), 8)
        x += name_width
        for number, width in zip(numbers, number_widths, strict=True):
            x += width
            write(axes, x, y, number, 8, color=MUTED, align="right")
    if note:
        write(axes, 0, box.height - 0.18, note, 7, color=MUTED)


def _legend_layout(
    entries: Sequence[Entry], room: float
) -> tuple[int, float, tuple[float, float]]:
    """Number of columns, width of the names, widths of both columns of numbers."""
    name_width = min(_MAX_NAME, max(text_width(entry[1], 8) for entry in entries))
    shares = max(text_width(entry[2], 8) for entry in entries)
    areas = max(text_width(entry[3], 8) for entry in entries)
    widths = (shares + 0.15 * (shares > 0), areas + 0.15 * (areas > 0))
    one = _SWATCH + 0.08 + name_width + sum(widths) + 0.3
    columns = max(1, min(len(entries), int((room + 0.3) / one)))
    # The fewest columns with this number of rows leave no short last column.
    rows = math.ceil(len(entries) / columns)
    return math.ceil(len(entries) / rows), name_width, widths
