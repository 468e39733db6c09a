"""Figure of a comparison: where maps agree, all pairs, and the largest changes."""

import math

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ktextures.accuracy import sheets
from ktextures.accuracy.fields import AGREEMENT, ComparisonFields
from ktextures.accuracy.texts import hectares, percent, short_count
from ktextures.raster.thin import every_nth
from ktextures.rendering import classes_to_rgba
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box, Sheet
from ktextures.results.map_axes import map_grid

__all__ = ["draw_comparison"]

_DPI = 110
_MARGIN, _GAP = 0.25, 0.45
_TITLE, _HEAD = 0.6, 0.3
_MAP, _LONGEST_SIDE = 3.6, 700
_BARS, _ROW, _AXIS = 1.6, 0.3, 0.3
_LISTED, _LONGEST_PAIR = 12, 3.0


def draw_comparison(found: ComparisonFields) -> Figure:
    """Draw a comparison; see `Comparison.plot`."""
    picture = _picture(found)
    rows, columns = (list(map(str, each)) for each in found.pixels.axes)
    texts, shares = _cells(found)
    cell = sheets.cell_size(max(len(rows), len(columns)), texts.ravel().tolist())
    width, height, size = cell
    above = sheets.header_height(columns, width, size)
    top = _TITLE + _HEAD
    map_box = _map_box(found, top)
    label = sheets.names_width(rows, size)
    left = map_box.left + map_box.width + _GAP
    matrix = Box(left + label, top + above, len(columns) * width, len(rows) * height)
    detail = f"{'hectares' if found.known_areas else 'pixels'}, rows: a, columns: b"
    middle = max(matrix.left + matrix.width, left + _heading_width("All pairs", detail))
    pairs, room, written = _pairs_text(found)
    bars = Box(middle + _GAP + room, top, _BARS, max(len(pairs), 1) * _ROW)
    page = bars.left + _BARS + written + _MARGIN
    end = max(each.top + each.height for each in (map_box, matrix, bars))
    figure = Sheet(figsize=(page, end + 0.45), dpi=_DPI, facecolor="white")
    axes = sheet.blank_axes(figure, Box(_MARGIN, 0, page - _MARGIN, _TITLE))
    what = "area" if found.known_areas else "pixels"
    title = f"The maps agree in {percent(found.share)} of the {what}"
    sheet.write(axes, 0, 0.24, title, 12, bold=True)
    text = f"{found.compared:,} pixels compared, adjusted Rand index {found.ari:.3f}"
    sheet.write(axes, 0, 0.46, text, 8, color=sheet.MUTED)
    _draw_map(figure, map_box, picture)
    sheet.heading(figure, Box(left, top, middle - left, 0.1), "All pairs", detail)
    names = Box(left, matrix.top, label, matrix.height)
    sheets.draw_names(figure, names, rows, found.colors[0], height, size)
    sheets.draw_matrix(
        figure, matrix, texts, shares, found.same, columns, found.colors[1], cell
    )
    _draw_changes(figure, bars, found, pairs, room)
    return figure


def _heading_width(title: str, detail: str) -> float:
    return sheet.text_width(title, 9.5, bold=True) + sheet.text_width(detail, 8) + 0.15


def _cells(
    found: ComparisonFields,
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    """Text of each pair, and its share of the row."""
    values = (found.hectares if found.known_areas else found.pixels).to_numpy(float)
    texts = [[_short(value, found.known_areas) for value in row] for row in values]
    return np.array(texts, object), values / values.sum(axis=1, keepdims=True)


def _short(value: float, area: bool) -> str:
    if area and 0 < value < 9.95:
        return f"{value:.1f}" if value >= 0.05 else "<0.1"
    return short_count(round(value))


# --- map ---------------------------------------------------------------------------


def _picture(found: ComparisonFields) -> npt.NDArray[np.uint8]:
    """The map of agreement (y, x, RGBA), thinned if it is large."""
    step = math.ceil(max(found.agreement.shape) / _LONGEST_SIDE)
    values = found.agreement.isel(every_nth(found.agreement, step))
    return classes_to_rgba(np.asarray(values.values), AGREEMENT.colors)


def _map_box(found: ComparisonFields, top: float) -> Box:
    aspect = map_grid(found.agreement, 1).aspect
    width = min(_MAP, _MAP * aspect)
    return Box(_MARGIN, top, width, width / aspect)


def _draw_map(figure: Figure, box: Box, picture: npt.NDArray[np.uint8]) -> None:
    room = max(box.width, 1.1)
    sheet.heading(figure, Box(box.left, box.top, room, 0.1), "Agreement", "")
    axes = figure.add_axes(box.on(figure))
    height, width = picture.shape[:2]
    axes.add_patch(sheet.hatched(width, height, -0.5, -0.5))
    axes.imshow(picture, aspect="auto", interpolation="nearest", zorder=2)
    sheet.calm(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    key = sheet.blank_axes(
        figure, Box(box.left, box.top + box.height, max(box.width, 2.0), 0.3)
    )
    x = 0.0
    for name, color in zip(AGREEMENT.names, AGREEMENT.colors, strict=True):
        key.add_patch(Rectangle((x, 0.1), 0.13, 0.13, facecolor=color))
        sheet.write(key, x + 0.18, 0.165, name, 7, color=sheet.MUTED)
        x += 0.18 + sheet.text_width(name, 7) + 0.2


# --- changes -----------------------------------------------------------------------


def _pairs_text(found: ComparisonFields) -> tuple[list[str], float, float]:
    """Names of the largest changes, the room they need, and that of their areas."""
    shown = found.changes.head(_LISTED)
    pairs = [
        f"{a} → {b}" for a, b in zip(shown["name_a"], shown["name_b"], strict=True)
    ]
    longest = max((sheet.text_width(pair, 7) for pair in pairs), default=0.0)
    areas = max((sheet.text_width(t, 7) for t in _areas_text(found)), default=0.5)
    # Letters are up to some percent wider on a page than in print.
    return pairs, 0.45 + 1.06 * min(longest, _LONGEST_PAIR), 1.06 * areas + 0.1


def _areas_text(found: ComparisonFields) -> list[str]:
    shown = found.changes.head(_LISTED)
    if found.known_areas:
        return [f"{hectares(area)} ha" for area in shown["area_ha"]]
    return [f"{pixels:,} pixels" for pixels in shown["pixels"]]


def _draw_changes(
    figure: Figure, box: Box, found: ComparisonFields, pairs: list[str], room: float
) -> None:
    left = Box(box.left - room, box.top, room + box.width, box.height)
    detail = "from a to b"
    if len(found.changes) > _LISTED:
        detail = f"{_LISTED} of {len(found.changes)}, from a to b"
    sheet.heading(figure, left, "Largest changes", detail)
    axes = sheet.blank_axes(figure, left)
    if not pairs:
        sheet.write(axes, 0, 0.15, "none", 8, color=sheet.MUTED)
        return
    shown = found.changes.head(_LISTED)
    column = "area_ha" if found.known_areas else "pixels"
    largest = float(shown[column].max())
    rows = zip(shown.iterrows(), pairs, _areas_text(found), strict=True)
    for row, ((_, change), pair, text) in enumerate(rows):
        y = (row + 0.5) * _ROW
        for place, key in enumerate(("color_a", "color_b")):
            color = str(change[key])
            axes.add_patch(
                Rectangle((0.14 * place, y - 0.065), 0.13, 0.13, facecolor=color)
            )
        short = sheet.shorten(pair, 7, _LONGEST_PAIR)
        sheet.write(axes, 0.36, y, short, 7)
        length = box.width * float(change[column]) / largest
        bar = Rectangle((room, y - 0.085), length, 0.17, facecolor=sheets.DIFFERS)
        axes.add_patch(bar)
        sheet.write(axes, room + length + 0.06, y, text, 7, color=sheet.MUTED)
