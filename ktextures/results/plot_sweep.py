"""Figures of a sweep over k: measures, maps, and how classes divide."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ktextures.errors import InputError
from ktextures.rendering import classes_to_rgba
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box, Sheet
from ktextures.results.map_axes import map_grid

__all__ = ["plot_lineage", "plot_sweep"]

_DPI = 110
_LONGEST_SIDE = 400
_CHOSEN = "#d55e00"
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

_LINEAGE_COLUMN, _LINEAGE_HEIGHT = 1.1, 4.6
_BAR, _SPACE = 0.16, 0.012
_THINNEST = 0.002  # share of the area from which a band is drawn


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
    _check(sweep, [name for name, *_ in _MEASURES])
    boxes, height = _measure_boxes()
    maps, bottom = _map_boxes(sweep, height)
    figure = Sheet(figsize=(_WIDTH, bottom), dpi=_DPI, facecolor="white")
    for box, measure in zip(boxes, _MEASURES, strict=True):
        _draw_measure(figure, box, sweep, *measure)
    chosen = int(sweep.attrs["recommended_k"])
    for box, k in zip(maps, _ks(sweep), strict=True):
        _draw_map(figure, box, sweep, k, chosen=k == chosen)
    return figure


def plot_lineage(sweep: xr.Dataset) -> Figure:
    """Draw how classes divide from one k to the next.

    Each column shows the classes of one k; a band leads from a class to each class of
    the next k that shares at least 0.2 % of the area with it. Heights are shares of the
    area.

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
    >>> [axes.get_xlabel() for axes in kt.plot_lineage(found).axes]
    ['number of classes k']
    """
    _check(sweep, ["parent"])
    ks = _ks(sweep)
    maps = [_classes(sweep, k) for k in ks]
    shared = [_shared(a, b, k, n) for a, b, k, n in _steps(maps, ks)]
    shares = [_shares(each, k) for each, k in zip(maps, ks, strict=True)]
    orders = _orders(shared, shares)
    width = max(3.6, 0.6 + _LINEAGE_COLUMN * len(ks))
    figure = Sheet(figsize=(width, _LINEAGE_HEIGHT), dpi=_DPI, facecolor="white")
    axes = figure.add_axes(Box(0.4, 0.2, width - 0.6, 3.8).on(figure))
    tops = [_tops(share, order) for share, order in zip(shares, orders, strict=True)]
    for index, k in enumerate(ks):
        colors = _colors(sweep, k)
        axes.bar(
            np.full(k, float(index)),
            shares[index],
            width=_BAR,
            bottom=tops[index],
            color=colors,
            zorder=3,
        )
        if index:
            _draw_bands(axes, index, shared[index - 1], orders, tops, colors)
    _finish_lineage(axes, ks, int(sweep.attrs["recommended_k"]), max(map(len, shares)))
    return figure


def _finish_lineage(axes: Axes, ks: Sequence[int], chosen: int, classes: int) -> None:
    sheet.calm(axes)
    axes.set_xlim(-0.3, len(ks) - 0.7)
    axes.set_ylim(1 + _SPACE * classes, -0.01)
    axes.set_xticks(range(len(ks)), [str(k) for k in ks])
    for label, k in zip(axes.get_xticklabels(), ks, strict=True):
        if k == chosen:
            label.set(color=_CHOSEN, fontweight="bold")
    axes.set_yticks([])
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    style: dict[str, Any] = {"fontsize": 8, "color": sheet.MUTED, "family": sheet.FONT}
    axes.set_xlabel("number of classes k", **style)
    axes.set_ylabel("share of the area", **style, labelpad=2)


# --- measures and maps -------------------------------------------------------------


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
    ks, values = _ks(sweep), sweep[name].values
    if name == "smallest_share":
        values = 100 * values
    chosen = int(sweep.attrs["recommended_k"])
    axes.axvline(chosen, color=_CHOSEN, linewidth=1, linestyle="--", zorder=1)
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
    classes = _classes(sweep, k)[::step, ::step]
    height, width = classes.shape
    axes.add_patch(sheet.hatched(width, height, -0.5, -0.5))
    rgba = classes_to_rgba(classes, _colors(sweep, k))
    axes.imshow(rgba, aspect="auto", interpolation="nearest", zorder=2)
    sheet.calm(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(
        f"k = {k}, recommended" if chosen else f"k = {k}",
        loc="left",
        fontsize=8,
        family=sheet.FONT,
        color=_CHOSEN if chosen else sheet.INK,
        pad=3,
    )
    if chosen:
        for spine in axes.spines.values():
            spine.set(color=_CHOSEN, linewidth=1.6)


# --- lineage -----------------------------------------------------------------------


def _steps(
    maps: Sequence[npt.NDArray[np.uint8]], ks: Sequence[int]
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], int, int]]:
    """Each map with the next, and their k."""
    return list(zip(maps, maps[1:], ks, ks[1:], strict=False))


def _shared(
    old: npt.NDArray[np.uint8], new: npt.NDArray[np.uint8], k: int, n: int
) -> npt.NDArray[np.float64]:
    """Share of the pixels (k, n) in each class of a map and of the next."""
    pairs = old.astype(int) * (n + 1) + new
    counts = np.bincount(pairs.ravel(), minlength=(k + 1) * (n + 1))
    inner = counts.reshape(k + 1, n + 1)[1:, 1:]
    return np.asarray(inner / max(inner.sum(), 1))


def _shares(classes: npt.NDArray[np.uint8], k: int) -> npt.NDArray[np.float64]:
    counts = np.bincount(classes.ravel(), minlength=k + 1)[1:]
    return np.asarray(counts / max(counts.sum(), 1))


def _orders(
    shared: Sequence[npt.NDArray[np.float64]],
    shares: Sequence[npt.NDArray[np.float64]],
) -> list[npt.NDArray[np.int64]]:
    """Order of the classes from top to bottom, so that few bands cross."""
    orders = [np.arange(len(shares[0]))]
    for each in shared:
        place = np.argsort(orders[-1])
        weight = np.maximum(each.sum(0), 1e-12)
        # Each class stands at the mean place of those that it comes from.
        orders.append(np.argsort(place @ each / weight, kind="stable"))
    return orders


def _tops(
    shares: npt.NDArray[np.float64], order: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Where each class begins, from the top, with a little space between them."""
    tops = np.empty(len(shares))
    ends = np.cumsum(shares[order] + _SPACE)
    tops[order] = ends - shares[order] - _SPACE
    return tops


def _draw_bands(
    axes: Axes,
    index: int,
    shared: npt.NDArray[np.float64],
    orders: Sequence[npt.NDArray[np.int64]],
    tops: Sequence[npt.NDArray[np.float64]],
    colors: Sequence[str],
) -> None:
    """Bands from the classes of column `index` - 1 to those of `index`."""
    x = np.linspace(index - 1 + _BAR / 2, index - _BAR / 2, 30)
    t = np.linspace(0, 1, 30)
    bend = t * t * (3 - 2 * t)
    left, right = tops[index - 1].copy(), tops[index].copy()
    for old in orders[index - 1]:
        for new in orders[index]:
            share = shared[old, new]
            if share >= _THINNEST:
                y = left[old] + (right[new] - left[old]) * bend
                axes.fill_between(
                    x, y, y + share, color=colors[new], alpha=0.45, linewidth=0
                )
            left[old] += share
            right[new] += share


# --- what a sweep holds ------------------------------------------------------------


def _check(sweep: xr.Dataset, names: Sequence[str]) -> None:
    needed = {"classes", "color", *names}
    if not isinstance(sweep, xr.Dataset) or not needed <= set(sweep.data_vars):
        raise InputError(
            "this is not the Dataset of a sweep: give what ktextures.sweep returned, "
            "with all its variables"
        )
    if "k" not in sweep.dims:
        raise InputError(
            "the sweep has a single k without a dimension: select with k=[...] instead"
        )


def _ks(sweep: xr.Dataset) -> list[int]:
    return [int(k) for k in sweep.k.values]


def _classes(sweep: xr.Dataset, k: int) -> npt.NDArray[np.uint8]:
    """The map of one k; files are read with NaN where there are no data."""
    values = np.nan_to_num(sweep.classes.sel(k=k).values)
    return np.asarray(values, np.uint8)


def _colors(sweep: xr.Dataset, k: int) -> list[str]:
    return [str(color) for color in sweep.color.sel(k=k).values[:k]]
