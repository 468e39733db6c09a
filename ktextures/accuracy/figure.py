"""Figure of an assessment: confusion matrix, accuracy, and areas of each class."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ktextures.accuracy import sheets
from ktextures.accuracy.fields import AssessmentFields
from ktextures.accuracy.texts import hectares, short_count, with_interval
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box, Sheet

__all__ = ["draw_assessment"]

FloatArray = npt.NDArray[np.float64]

_DPI = 110
_MARGIN, _GAP = 0.25, 0.45
_TITLE, _HEAD, _KEY = 0.6, 0.3, 0.22
_BARS, _AXIS = 1.7, 0.45
_HEADING = ("Confusion matrix", "rows: map, columns: reference")
_PALE = 0.4
_TEXT = 6.5
_LEAST_ROW = 0.25
"""Height of a row in inches from which numbers are written beside the bars."""


@dataclass(frozen=True)
class _Bars:
    """Two bars for each class, and what is written beside them.

    Attributes
    ----------
    title, unit : str
    keys : (str, str)
        Of the upper and of the lower bar.
    values, intervals : ndarray of float64, (2, m)
        NaN = no bar, no interval.
    texts : list of list of str, (2, m)
    highest : float
        End of the axis.
    upper_pale : bool
        Which of the bars is pale.
    """

    title: str
    unit: str
    keys: tuple[str, str]
    values: FloatArray
    intervals: FloatArray
    texts: list[list[str]]
    highest: float
    upper_pale: bool

    @property
    def text_width(self) -> float:
        """Width of the widest text."""
        return max(sheet.text_width(each, _TEXT) for row in self.texts for each in row)


def draw_assessment(found: AssessmentFields) -> Figure:
    """Draw an assessment; see `Assessment.plot`."""
    names = [str(name) for name in found.matrix.columns]
    colors = found.classes["color"].tolist()
    counts, shares = _square(found)
    texts = np.array(
        [["" if n < 0 else short_count(int(n)) for n in row] for row in counts], object
    )
    cell = sheets.cell_size(len(names), texts.ravel().tolist())
    width, height, size = cell
    panels = [_accuracy_bars(found), _area_bars(found)]
    written = height >= _LEAST_ROW
    label = sheets.names_width(names, size)
    left = _MARGIN + label
    top = _TITLE + _HEAD + sheets.header_height(names, width, size)
    matrix = Box(left, top, len(names) * width, len(names) * height)
    boxes = []
    right = middle = max(matrix.left + matrix.width, _MARGIN + _heading_width())
    for panel in panels:
        boxes.append(Box(right + _GAP, top, _BARS, matrix.height))
        right += _GAP + _BARS + (panel.text_width + 0.1 if written else 0.0)
    page = max(right + _MARGIN, 7.0)
    lines = sheets.notes_lines(_notes(found), page - 2 * _MARGIN)
    bottom = top + matrix.height + _AXIS
    figure = Sheet(
        figsize=(page, bottom + sheets.lines_height(lines)), dpi=_DPI, facecolor="white"
    )
    _draw_title(figure, found)
    sheet.heading(
        figure,
        Box(_MARGIN, _TITLE + _HEAD, middle - _MARGIN, 0.1),
        *_HEADING,
    )
    sheets.draw_names(
        figure, Box(_MARGIN, top, label, matrix.height), names, colors, height, size
    )
    agree = np.eye(len(names), dtype=bool)
    sheets.draw_matrix(figure, matrix, texts, shares, agree, names, colors, cell)
    for panel, box in zip(panels, boxes, strict=True):
        _draw_bars(figure, box, panel, colors, written)
    sheets.write_lines(figure, _MARGIN, bottom, lines)
    return figure


def _heading_width() -> float:
    title, detail = _HEADING
    return sheet.text_width(title, 9.5, bold=True) + sheet.text_width(detail, 8) + 0.15


def _square(found: AssessmentFields) -> tuple[FloatArray, FloatArray]:
    """Counts (m, m), -1 in rows that the map does not have, and shares of the rows."""
    table = found.matrix.reindex(found.matrix.columns)
    counts = table.to_numpy(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(total > 0, total, np.nan)
    return np.nan_to_num(counts, nan=-1), shares


def _notes(found: AssessmentFields) -> list[str]:
    notes = list(found.notes)
    if not math.isnan(found.overall_interval):
        notes.insert(0, "Black lines are 95 % intervals, ± half their width.")
    return notes


def _draw_title(figure: Figure, found: AssessmentFields) -> None:
    width, _ = figure.get_size_inches()
    axes = sheet.blank_axes(figure, Box(_MARGIN, 0, width - _MARGIN, _TITLE))
    overall = with_interval(found.overall, found.overall_interval)
    sheet.write(axes, 0, 0.24, f"Overall accuracy {overall}", 12, bold=True)
    ari = f"adjusted Rand index of these {found.ari:.3f}"
    detail = f"by {found.compared:,} {found.what}, {ari}"
    sheet.write(axes, 0, 0.46, detail, 8, color=sheet.MUTED)


# --- bars --------------------------------------------------------------------------


def _accuracy_bars(found: AssessmentFields) -> _Bars:
    names = ("users_accuracy", "producers_accuracy")
    values = np.stack([found.classes[name] for name in names])
    intervals = np.stack([found.classes[f"{name}_interval"] for name in names])
    return _Bars(
        "Accuracy",
        "0..1",
        ("user's", "producer's"),
        values,
        intervals,
        _texts(values, intervals),
        1.0,
        upper_pale=False,
    )


def _texts(values: FloatArray, intervals: FloatArray) -> list[list[str]]:
    return [
        [with_interval(v, i, 2) for v, i in zip(*rows, strict=True)]
        for rows in zip(values, intervals, strict=True)
    ]


def _area_bars(found: AssessmentFields) -> _Bars:
    """In hectares, or in percent of the map if areas are unknown."""
    areas = found.areas
    known = bool(areas["mapped_ha"].notna().any())
    names = ("mapped_ha", "estimated_ha", "interval_ha")
    if not known:
        names = ("mapped_share", "estimated_share", "share_interval")
    mapped, estimated, interval = (
        areas[name].to_numpy(np.float64) * (1 if known else 100) for name in names
    )
    values = np.stack([mapped, estimated])
    intervals = np.stack([np.full(mapped.size, np.nan), interval])
    if known:
        texts = [
            [hectares(v, i) for v, i in zip(*rows, strict=True)]
            for rows in zip(values, intervals, strict=True)
        ]
    else:
        texts = _texts(values, intervals)
    ends = np.nan_to_num(values) + np.nan_to_num(intervals)
    return _Bars(
        "Area",
        "ha" if known else "%",
        ("mapped", "in the reference" if found.kind == "raster" else "estimated"),
        values,
        intervals,
        texts,
        1.03 * float(ends.max()),
        upper_pale=True,
    )


def _draw_bars(
    figure: Figure, box: Box, bars: _Bars, colors: list[str], written: bool
) -> None:
    _draw_key(figure, box, bars)
    axes = figure.add_axes(box.on(figure))
    m = bars.values.shape[1]
    sheets.bare_bars(axes, m)
    axes.set_xlim(0, bars.highest or 1.0)
    for row in range(m):
        axes.axhline(row, color="#eeeeee", linewidth=0.6, zorder=0)
    for which in (0, 1):
        y = np.arange(m) + (0.32, 0.68)[which]
        is_pale = bars.upper_pale == (which == 0)
        faces = [sheets.pale(color, _PALE if is_pale else 1.0) for color in colors]
        values = np.nan_to_num(bars.values[which])
        axes.barh(y, values, 0.32, color=faces, edgecolor=colors, linewidth=0.5)
        known = ~np.isnan(bars.intervals[which]) & ~np.isnan(bars.values[which])
        axes.errorbar(
            values[known],
            y[known],
            xerr=bars.intervals[which][known],
            fmt="none",
            ecolor=sheet.INK,
            elinewidth=0.9,
            capsize=1.8,
            capthick=0.9,
        )
        for place, text in zip(y, bars.texts[which], strict=True):
            if written:
                _write_beside(axes, box, float(place), text)
    _tick(axes, box, bars)


def _write_beside(axes: Axes, box: Box, y: float, text: str) -> None:
    """Write right of the axes, where no bar can reach."""
    _, end = axes.get_xlim()
    sheet.write(axes, end * (1 + 0.08 / box.width), y, text, _TEXT, color=sheet.INK)


def _tick(axes: Axes, box: Box, bars: _Bars) -> None:
    _, end = axes.get_xlim()
    longest = sheet.text_width(f"{end:,.0f}" if end >= 10 else "0.25", 7)
    # Beside both ends there is room for half a label.
    values, decimals = sheet.tick_values(0, end, box.width, longest)
    if bars.unit == "0..1":
        values, decimals = [0, 0.5, 1], 1
    elif 0.0 not in values:
        values = [0.0, *values]
    labels = ["0" if v == 0 else f"{v:,.{decimals}f}" for v in values]
    axes.set_xticks(values, labels)
    axes.grid(True, axis="x", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(bars.unit, fontsize=7, color=sheet.MUTED, family=sheet.FONT)
    axes.xaxis.set_label_coords(0.5, -0.23 / box.height)


def _draw_key(figure: Figure, box: Box, bars: _Bars) -> None:
    """Title, and which bar is which."""
    top = box.top - _KEY
    sheet.heading(figure, Box(box.left, top, box.width, 0.1), bars.title, "")
    axes = sheet.blank_axes(figure, Box(box.left, top, box.width + 1, _KEY))
    x = 0.0
    for which, key in enumerate(bars.keys):
        is_pale = bars.upper_pale == (which == 0)
        face = sheets.pale(sheet.MUTED, _PALE if is_pale else 1.0)
        axes.add_patch(
            Rectangle(
                (x, 0.02),
                0.16,
                0.1,
                facecolor=face,
                edgecolor=sheet.MUTED,
                linewidth=0.5,
            )
        )
        sheet.write(axes, x + 0.21, 0.07, key, 7, color=sheet.MUTED)
        x += 0.21 + sheet.text_width(key, 7) + 0.15
