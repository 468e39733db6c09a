"""Compiled loops over the neighborhoods of pixels: scaling and smoothing.

All arrays have x last and are contiguous, so that the innermost loops are vectorized.
Each value is computed in the same order of operations wherever it lies in an array, so
that classes do not depend on how a scene is divided.
"""

from typing import Any

import numpy as np

from ktextures.inference.compiled import compiled

__all__ = [
    "PAD",
    "decorrelated",
    "looked_up",
    "scaled",
    "smooth_along_x",
    "smooth_along_y",
]

PAD = 4
"""Kernels of smoothing are padded with zeros to multiples of this many taps."""


@compiled
def scaled(
    values: Any,
    valid: Any,
    top: int,
    left: int,
    low: Any,
    high: Any,
    most: float,
    fill: Any,
    out: Any,
) -> None:
    """Scale a window of values (band, y, x) to 0..most, as `BandScaler.scale` does.

    Parameters
    ----------
    values : array, shape (band, y, x)
    valid : array of bool, shape (y, x)
        Elsewhere, `fill` is written.
    top, left : int
        Where the window begins.
    low, high, fill : array of float64, shape (band,)
    most : float
    out : array, shape (band, height, width), float32
    """
    for band in range(out.shape[0]):
        span, lowest, highest = high[band] - low[band], low[band], high[band]
        for y in range(out.shape[1]):
            source, good, row = values[band, top + y], valid[top + y], out[band, y]
            for x in range(out.shape[2]):
                value = min(max(np.float64(source[left + x]), lowest), highest)
                shown = (value - lowest) / span * most
                row[x] = shown if good[left + x] else fill[band]


@compiled
def looked_up(
    values: Any,
    valid: Any,
    top: int,
    left: int,
    tables: Any,
    lowest: int,
    fill: Any,
    out: Any,
) -> None:
    """Scale a window of integers (band, y, x) by tables of what becomes of each value.

    Parameters
    ----------
    values : array of integers, shape (band, y, x)
    valid : array of bool, shape (y, x)
        Elsewhere, `fill` is written.
    top, left : int
        Where the window begins.
    tables : array, shape (band, value), float32
    lowest : int
        The value that the tables begin with.
    fill : array of float64, shape (band,)
    out : array, shape (band, height, width), float32
    """
    for band in range(out.shape[0]):
        table = tables[band]
        for y in range(out.shape[1]):
            source, good, row = values[band, top + y], valid[top + y], out[band, y]
            for x in range(out.shape[2]):
                shown = table[int(source[left + x]) - lowest]
                row[x] = shown if good[left + x] else fill[band]


@compiled
def decorrelated(planes: Any, weights: Any, out: Any) -> None:
    """Combinations of bands.

    Parameters
    ----------
    planes : array, shape (band, y, x), float32
    weights : array, shape (combination, band + 1), float32
        The last column is added.
    out : array, shape (plane, y, x), float32
        Written where there is a pixel of `planes`.
    """
    for number in range(weights.shape[0]):
        for y in range(planes.shape[1]):
            row = out[number, y]
            for x in range(planes.shape[2]):
                row[x] = weights[number, -1]
            for band in range(planes.shape[0]):
                weight, source = weights[number, band], planes[band, y]
                for x in range(planes.shape[2]):
                    row[x] += weight * source[x]


@compiled
def one_row(maps: Any, kernel: Any, first: int, last: int, row: Any) -> None:
    """Weighted sum of the rows of maps (y, x) from `first` on."""
    for i in range(0, len(kernel), 4):
        k0, k1, k2, k3 = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
        # Rows under the padding may not exist; their weight is zero.
        a, b = maps[min(first + i, last)], maps[min(first + i + 1, last)]
        c, d = maps[min(first + i + 2, last)], maps[min(first + i + 3, last)]
        if i == 0:
            for x in range(maps.shape[1]):
                row[x] = k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
        else:
            for x in range(maps.shape[1]):
                row[x] += k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]


@compiled
def four_rows(maps: Any, kernel: Any, first: int, last: int, out: Any) -> None:
    """The same from `first` on, and from each of the next three rows on."""
    o, p, q, r = out[0], out[1], out[2], out[3]
    for i in range(0, len(kernel), 4):
        k0, k1, k2, k3 = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
        t = first + i
        a, b = maps[min(t, last)], maps[min(t + 1, last)]
        c, d = maps[min(t + 2, last)], maps[min(t + 3, last)]
        e, f = maps[min(t + 4, last)], maps[min(t + 5, last)]
        g = maps[min(t + 6, last)]
        if i == 0:
            for x in range(maps.shape[1]):
                o[x] = k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
                p[x] = k0 * b[x] + k1 * c[x] + k2 * d[x] + k3 * e[x]
                q[x] = k0 * c[x] + k1 * d[x] + k2 * e[x] + k3 * f[x]
                r[x] = k0 * d[x] + k1 * e[x] + k2 * f[x] + k3 * g[x]
        else:
            for x in range(maps.shape[1]):
                o[x] += k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
                p[x] += k0 * b[x] + k1 * c[x] + k2 * d[x] + k3 * e[x]
                q[x] += k0 * c[x] + k1 * d[x] + k2 * e[x] + k3 * f[x]
                r[x] += k0 * d[x] + k1 * e[x] + k2 * f[x] + k3 * g[x]


@compiled
def smooth_along_y(maps: Any, kernel: Any, first: int, out: Any) -> None:
    """Weighted sums of neighboring rows.

    Parameters
    ----------
    maps : array, shape (channel, y, x), float32
    kernel : array, shape (tap,), float32
        Padded to a multiple of `PAD`.
    first : int
        Row of `maps` under the first tap for the first row of `out`.
    out : array, shape (channel, y, x), float32
        At least as wide as `maps`.
    """
    last = maps.shape[1] - 1
    # Rows that share what they read, if that is much.
    fours = out.shape[1] // 4 * 4 if len(kernel) > 16 else 0
    for channel in range(maps.shape[0]):
        for y in range(0, fours, 4):
            four_rows(maps[channel], kernel, first + y, last, out[channel, y : y + 4])
        for y in range(fours, out.shape[1]):
            one_row(maps[channel], kernel, first + y, last, out[channel, y])


@compiled
def smooth_along_x(maps: Any, kernel: Any, first: int, out: Any, channel: int) -> None:
    """Weighted sums of neighboring columns.

    Parameters
    ----------
    maps : array, shape (channel, y, x), float32
        Wider than `out` by `first` and the taps.
    kernel : array, shape (tap,), float32
        Padded to a multiple of `PAD`.
    first : int
        Column of `maps` under the first tap for the first column of `out`.
    out : array, shape (y, channel, x), float32
        Written from `channel` on.
    channel : int
    """
    for number in range(maps.shape[0]):
        for y in range(out.shape[0]):
            row, source = out[y, channel + number], maps[number, y]
            for i in range(0, len(kernel), 4):
                k0, k1, k2, k3 = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
                a = source[first + i :]
                b, c, d = a[1:], a[2:], a[3:]
                if i == 0:
                    for x in range(out.shape[2]):
                        row[x] = k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
                else:
                    for x in range(out.shape[2]):
                        row[x] += k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
