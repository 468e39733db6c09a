"""A figure of a sweep over k: its measures and its maps."""

import math
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from ktextures.rendering import classes_to_rgba
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box, Sheet
from ktextures.results.map_axes import map_grid
from ktextures.results.sweep_values import (
    CHOSEN,
    check_sweep,
    classes_of,
    colors_of,
    ks_of,
)

__all__ = ["plot_sweep"]

_DPI = 110
_LONGEST_SIDE = 400
_GRID = "#e6e6e6"

# Variable, title, unit or range, and which way is better.
_MEASURES = (
    ("prediction_strength", "Prediction strength", "0..1, higher is better"),
    ("stability", "Stability", "ARI, higher is better"),
    ("silhouette", "Silhouette", "-1..1, higher is better"),
    ("calinski_harabasz", "Calinski-Harabasz", "ratio, higher is better"),
    ("davies_bouldin", "Davies-Bouldin", "ratio, lower is better"),
    ("dictionary_loss", "Dictionary loss", "squared distance"),
    ("smallest_share", "Smallest class", "% of the area"),
)
_STRONG = 0.85
_COLUMNS, _MAP_COLUMNS = 4, 6
_WIDTH, _LEFT, _GAP = 12.0, 0.6, 0.5
_PLOT_HEIGHT, _ROW_GAP = 1.5, 0.75


def plot_sweep(sweep: xr.Dataset) -> Figure:
    """Draw the measures of a sweep over k, and the map of each k.

    The recommended k is marked. Classes have the colors of those that they come from.
    Of large maps, every n-th pixel is drawn.

    Parameters
    ----------
    sweep : Dataset
        What `ktextures.sweep` returned, or what was read from a file of it.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; save it with ``.savefig(path)``.

    Raises
    ------
    InputError
        If it is not the Dataset of a sweep.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> found = kt.sweep(scene, [2, 3], texture_scale=0, seed=1, progress=False)
    >>> len(kt.plot_sweep(found).axes)
    9
    """
    check_sweep(sweep, [name for name, *_ in _MEASURES])
    boxes, height = _measure_boxes()
    maps, bottom = _map_boxes(sweep, height)
    figure = Sheet(figsize=(_WIDTH, bottom), dpi=_DPI, facecolor="white")
    for box, measure in zip(boxes, _MEASURES, strict=True):
        _draw_measure(figure, box, sweep, *measure)
    chosen = int(sweep.attrs["recommended_k"])
    for box, k in zip(maps, ks_of(sweep), strict=True):
        _draw_map(figure, box, sweep, k, chosen=k == chosen)
    return figure


def _measure_boxes() -> tuple[list[Box], float]:
    """Boxes of the measures, and how much height they take."""
    width = (_WIDTH - _LEFT - 0.2 - _GAP * (_COLUMNS - 1)) / _COLUMNS
    boxes = [
        Box(
            _LEFT + (index % _COLUMNS) * (width + _GAP),
            0.45 + (index // _COLUMNS) * (_PLOT_HEIGHT + _ROW_GAP),
            width,
            _PLOT_HEIGHT,
        )
        for index in range(len(_MEASURES))
    ]
    rows = math.ceil(len(_MEASURES) / _COLUMNS)
    return boxes, 0.45 + rows * (_PLOT_HEIGHT + _ROW_GAP)


def _map_boxes(sweep: xr.Dataset, top: float) -> tuple[list[Box], float]:
    """Boxes of the maps below the measures, and the height of the page."""
    aspect = map_grid(sweep.classes.isel(k=0), 1).aspect
    width = (_WIDTH - _LEFT - 0.2 - 0.15 * (_MAP_COLUMNS - 1)) / _MAP_COLUMNS
    height = min(width / aspect, 4.0)
    boxes = [
        Box(
            _LEFT + (index % _MAP_COLUMNS) * (width + 0.15),
            top + 0.05 + (index // _MAP_COLUMNS) * (height + 0.4),
            height * aspect,
            height,
        )
        for index in range(sweep.sizes["k"])
    ]
    return boxes, boxes[-1].top + height + 0.2


def _draw_measure(
    figure: Figure, box: Box, sweep: xr.Dataset, name: str, title: str, unit: str
) -> None:
    axes = figure.add_axes(box.on(figure))
    axes.set_title(title, loc="left", fontsize=9, family=sheet.FONT, color=sheet.INK)
    ks, values = ks_of(sweep), sweep[name].values
    if name == "smallest_share":
        values = 100 * values
    chosen = int(sweep.attrs["recommended_k"])
    axes.axvline(chosen, color=CHOSEN, linewidth=1, linestyle="--", zorder=1)
    if name == "prediction_strength":
        error = sweep.prediction_strength_error.values
        axes.errorbar(ks, values, error, fmt="none", ecolor=sheet.MUTED, elinewidth=1)
        axes.axhline(_STRONG, color=sheet.LINE, linewidth=1, zorder=1)
        axes.set_ylim(0, 1.05)
    axes.plot(ks, values, "o-", color="#0072b2", linewidth=1.2, markersize=3)
    sheet.calm(axes)
    axes.grid(True, axis="y", color=_GRID, linewidth=0.6)
    axes.set_xticks(ks)
    style: dict[str, Any] = {"fontsize": 7, "color": sheet.MUTED, "family": sheet.FONT}
    axes.set_xlabel("k", **style, labelpad=1)
    axes.set_ylabel(unit, **style, labelpad=2)


def _draw_map(
    figure: Figure, box: Box, sweep: xr.Dataset, k: int, *, chosen: bool
) -> None:
    axes = figure.add_axes(box.on(figure))
    step = math.ceil(max(sweep.sizes["y"], sweep.sizes["x"]) / _LONGEST_SIDE)
    classes = classes_of(sweep, k)[::step, ::step]
    height, width = classes.shape
    axes.add_patch(sheet.hatched(width, height, -0.5, -0.5))
    rgba = classes_to_rgba(classes, colors_of(sweep, k))
    axes.imshow(rgba, aspect="auto", interpolation="nearest", zorder=2)
    sheet.calm(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(
        f"k = {k}, recommended" if chosen else f"k = {k}",
        loc="left",
        fontsize=8,
        family=sheet.FONT,
        color=CHOSEN if chosen else sheet.INK,
        pad=3,
    )
    if chosen:
        for spine in axes.spines.values():
            spine.set(color=CHOSEN, linewidth=1.6)
