"""Parts that the figures of accuracy have in common, measured in inches."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box

__all__ = [
    "AGREES",
    "DIFFERS",
    "cell_size",
    "draw_matrix",
    "draw_names",
    "header_height",
    "names_width",
    "notes_lines",
    "pale",
    "write_lines",
]

AGREES, DIFFERS = "#009e73", "#d55e00"

SWATCH = 0.13
_LONGEST_NAME, _LONGEST_HEADER = 2.0, 1.5
_LINE = 0.16

# Most categories, side of a cell, size of text; without text if it is 0.
_CELLS = ((3, 0.5, 8.0), (8, 0.42, 8.0), (20, 0.36, 7.0), (40, 0.27, 5.5))
_SMALLEST = (0.16, 0.0)


def cell_size(count: int, texts: Sequence[str]) -> tuple[float, float, float]:
    """Width and height of the cells of a table, and the size of their text."""
    height, size = next(
        ((side, text) for most, side, text in _CELLS if count <= most), _SMALLEST
    )
    if not size:
        return height, height, size
    longest = max((sheet.text_width(text, size) for text in texts), default=0.0)
    return max(height, longest + 0.1), height, size


def name_size(text_size: float) -> float:
    """Size of names beside cells with this size of text."""
    return text_size or 4.5


def names_width(names: Sequence[str], size: float) -> float:
    """Width of a column of swatches and names."""
    longest = max(sheet.text_width(name, name_size(size)) for name in names)
    return SWATCH + 0.08 + min(longest, _LONGEST_NAME) + 0.12


def header_height(names: Sequence[str], width: float, size: float) -> float:
    """Height of the names and swatches above cells of a width."""
    longest = max(sheet.text_width(name, name_size(size)) for name in names)
    text = 0.16 if longest + 0.06 <= width else min(longest, _LONGEST_HEADER) + 0.08
    return SWATCH + 0.05 + text


def draw_names(
    figure: Figure,
    box: Box,
    names: Sequence[str],
    colors: Sequence[str],
    height: float,
    size: float,
) -> None:
    """Swatches and names, one row below the other."""
    axes = sheet.blank_axes(figure, box)
    side = min(SWATCH, 0.8 * height)
    for row, (name, color) in enumerate(zip(names, colors, strict=True)):
        y = (row + 0.5) * height
        axes.add_patch(_swatch(0.01, y - side / 2, side, color))
        room = box.width - SWATCH - 0.18
        short = sheet.shorten(name, name_size(size), room)
        sheet.write(axes, SWATCH + 0.08, y, short, name_size(size))


def draw_matrix(
    figure: Figure,
    box: Box,
    texts: npt.NDArray[np.object_],
    shares: npt.NDArray[np.float64],
    agree: npt.NDArray[np.bool_],
    names: Sequence[str],
    colors: Sequence[str],
    cell: tuple[float, float, float],
) -> None:
    """A table of cells, the darker the larger, below the names of its columns.

    Parameters
    ----------
    figure : Figure
    box : Box
        Of the cells, without the names above.
    texts : ndarray of str, (rows, columns)
    shares : ndarray of float64, (rows, columns)
        How dark each cell is, 0..1, by its square root, so that small shares remain
        visible; NaN is drawn as empty.
    agree : ndarray of bool, (rows, columns)
        Where map and reference agree.
    names, colors : sequence of str, (columns,)
    cell : (float, float, float)
        As `cell_size` returns it.
    """
    width, height, size = cell
    axes = sheet.blank_axes(figure, box)
    faces = np.empty((*shares.shape, 3))
    for place, share in np.ndenumerate(shares):
        color = AGREES if agree[place] else DIFFERS
        unknown = math.isnan(share)
        faces[place] = (
            to_rgb(sheet.EMPTY) if unknown else pale(color, 0.75 * math.sqrt(share))
        )
    extent = (0, box.width, box.height, 0)
    axes.imshow(faces, extent=extent, aspect="auto", interpolation="nearest")
    rows, columns = shares.shape
    axes.hlines(height * np.arange(1, rows), 0, box.width, "white", linewidth=0.8)
    axes.vlines(width * np.arange(1, columns), 0, box.height, "white", linewidth=0.8)
    for (row, column), text in np.ndenumerate(texts):
        if size and text:
            sheet.write(
                axes,
                (column + 0.5) * width,
                (row + 0.5) * height,
                str(text),
                size,
                color=sheet.LINE if text == "0" else sheet.INK,
                align="center",
            )
    _draw_header(figure, box, names, colors, width, size)


def _draw_header(
    figure: Figure,
    box: Box,
    names: Sequence[str],
    colors: Sequence[str],
    width: float,
    size: float,
) -> None:
    height = header_height(names, width, size)
    axes = sheet.blank_axes(figure, Box(box.left, box.top - height, box.width, height))
    upright = height > SWATCH + 0.05 + 0.16
    side = min(SWATCH, 0.8 * width)
    for column, (name, color) in enumerate(zip(names, colors, strict=True)):
        x, y = (column + 0.5) * width, height - 0.04
        axes.add_patch(_swatch(x - side / 2, y - side, side, color))
        room = _LONGEST_HEADER if upright else width
        short = sheet.shorten(name, name_size(size), room)
        text = sheet.write(
            axes,
            x,
            y - SWATCH - 0.05,
            short,
            name_size(size),
            align="center",
            vertical="bottom",
        )
        if upright:
            text.set_rotation(90)


def _swatch(x: float, y: float, side: float, color: str) -> Rectangle:
    return Rectangle(
        (x, y), side, side, facecolor=color, edgecolor=sheet.LINE, linewidth=0.4
    )


def pale(color: str, share: float) -> tuple[float, float, float]:
    """Mix a color with white; a share of 1 leaves it as it is."""
    red, green, blue = (1 - share * (1 - part) for part in to_rgb(color))
    return red, green, blue


def notes_lines(notes: Sequence[str], width: float) -> list[str]:
    """Break notes into lines of at most this width."""
    lines = []
    for note in notes:
        line = ""
        for word in note.split():
            longer = f"{line} {word}".strip()
            if line and sheet.text_width(longer, 7) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def write_lines(figure: Figure, left: float, top: float, lines: Sequence[str]) -> None:
    """Write notes below a figure."""
    width, _ = figure.get_size_inches()
    axes = sheet.blank_axes(
        figure, Box(left, top, width - left, max(len(lines), 1) * _LINE)
    )
    for row, line in enumerate(lines):
        sheet.write(axes, 0, (row + 0.5) * _LINE, line, 7, color=sheet.MUTED)


def lines_height(lines: Sequence[str]) -> float:
    """Height of notes."""
    return len(lines) * _LINE + (0.1 if lines else 0.0)


def bare_bars(axes: Axes, rows: int) -> None:
    """Style axes of horizontal bars, one row below the other."""
    sheet.calm(axes)
    axes.set_ylim(rows, 0)
    axes.set_yticks([])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
