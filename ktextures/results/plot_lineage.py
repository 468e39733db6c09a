"""A figure of how classes divide from one k of a sweep to the next."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box, Sheet
from ktextures.results.sweep_values import (
    CHOSEN,
    check_sweep,
    classes_of,
    colors_of,
    ks_of,
)

__all__ = ["plot_lineage"]

_DPI = 110
_COLUMN, _HEIGHT = 1.1, 4.6
_BAR, _SPACE = 0.18, 0.012
_THINNEST = 0.002  # share of the area from which a band is drawn
_ROOM = 0.025  # share of the area from which a number fits


def plot_lineage(sweep: xr.Dataset) -> Figure:
    """Draw how classes divide from one k to the next.

    Each column shows the classes of one k; a band leads from a class to each class of
    the next k that shares at least 0.2 % of the area with it. Heights are shares of the
    area; numbers are those of the classes, where they have room.

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
    check_sweep(sweep, ["parent"])
    ks = ks_of(sweep)
    maps = [classes_of(sweep, k) for k in ks]
    shared = [_shared(a, b, k, n) for a, b, k, n in _steps(maps, ks)]
    shares = [_shares(each, k) for each, k in zip(maps, ks, strict=True)]
    orders = _orders(shared, shares)
    width = max(3.6, 0.6 + _COLUMN * len(ks))
    figure = Sheet(figsize=(width, _HEIGHT), dpi=_DPI, facecolor="white")
    axes = figure.add_axes(Box(0.4, 0.2, width - 0.6, 3.8).on(figure))
    tops = [_tops(share, order) for share, order in zip(shares, orders, strict=True)]
    for index, k in enumerate(ks):
        colors = colors_of(sweep, k)
        axes.bar(
            np.full(k, float(index)),
            shares[index],
            width=_BAR,
            bottom=tops[index],
            color=colors,
            zorder=3,
        )
        _draw_numbers(axes, index, shares[index], tops[index], colors)
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
            label.set(color=CHOSEN, fontweight="bold")
    axes.set_yticks([])
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    style: dict[str, Any] = {"fontsize": 8, "color": sheet.MUTED, "family": sheet.FONT}
    axes.set_xlabel("number of classes k", **style)
    axes.set_ylabel("share of the area", **style, labelpad=2)


def _draw_numbers(
    axes: Axes,
    index: int,
    shares: npt.NDArray[np.float64],
    tops: npt.NDArray[np.float64],
    colors: Sequence[str],
) -> None:
    """Numbers of the classes within the bars of a column."""
    for value, (share, top) in enumerate(zip(shares, tops, strict=True), 1):
        if share >= _ROOM:
            axes.text(
                index,
                top + share / 2,
                str(value),
                fontsize=6.5,
                family=sheet.FONT,
                color=_readable_on(colors[value - 1]),
                ha="center",
                va="center_baseline",
                zorder=4,
            )


def _readable_on(color: str) -> str:
    """Black or white, whichever has more contrast to a color (WCAG 2.1)."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "white" if luminance < 0.179 else "black"


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
