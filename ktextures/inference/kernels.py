"""Loops over pixels, compiled for the processor that they run on.

All arrays have x last and are contiguous, so that the innermost loops are vectorized.
Each value is computed in the same order of operations wherever it lies in an array, so
that classes do not depend on how a scene is divided.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

__all__ = [
    "PAD",
    "absolute_responses",
    "contextual_logits",
    "decorrelated",
    "product",
    "published_scores",
    "scaled",
    "smooth_along_x",
    "smooth_along_y",
]

PAD = 4
"""Kernels of smoothing are padded with zeros to multiples of this many taps."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function at its first call; releases the interpreter while it runs."""
    # Contracted to fused multiplications and additions, but never reordered.
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract", "nsz"},
    }
    try:
        made: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that compiled functions could be kept in
        made = numba.njit(**options)(function)
    return made


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
def absolute_responses(
    planes: Any,
    plane: int,
    top: int,
    left: int,
    filters: Any,
    step: int,
    out: Any,
    channel: int,
    first: int,
) -> None:
    """Sizes of the responses of a plane to filters of 7 x 7 pixels.

    Parameters
    ----------
    planes : array, shape (plane, y, x), float32
    plane : int
    top, left : int
        Row and column of `planes` at the corner of the filter for the first response.
    filters : array, shape (filter, 7, 7), float32
    step : int
        Pixels between the taps of a filter.
    out : array, shape (channel, y, x), float32
        Written from `channel` and row `first` on.
    channel, first : int
    """
    width = out.shape[2]
    for number in range(filters.shape[0]):
        for y in range(first, out.shape[1]):
            row = out[channel + number, y]
            for i in range(7):
                f = filters[number, i]
                f0, f1, f2, f3, f4, f5, f6 = f[0], f[1], f[2], f[3], f[4], f[5], f[6]
                a = planes[plane, top + y - first + i * step, left:]
                b, c, d = a[step:], a[2 * step :], a[3 * step :]
                e, g, h = a[4 * step :], a[5 * step :], a[6 * step :]
                if i == 0:
                    for x in range(width):
                        row[x] = (
                            f0 * a[x]
                            + f1 * b[x]
                            + f2 * c[x]
                            + f3 * d[x]
                            + f4 * e[x]
                            + f5 * g[x]
                            + f6 * h[x]
                        )
                else:
                    for x in range(width):
                        row[x] += (
                            f0 * a[x]
                            + f1 * b[x]
                            + f2 * c[x]
                            + f3 * d[x]
                            + f4 * e[x]
                            + f5 * g[x]
                            + f6 * h[x]
                        )
            for x in range(width):
                row[x] = abs(row[x])


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
    last, width = maps.shape[1] - 1, maps.shape[2]
    for channel in range(maps.shape[0]):
        for y in range(out.shape[1]):
            row = out[channel, y]
            for i in range(0, len(kernel), 4):
                k0, k1, k2, k3 = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
                # Rows under the padding may not exist; their weight is zero.
                a = maps[channel, min(first + y + i, last)]
                b = maps[channel, min(first + y + i + 1, last)]
                c = maps[channel, min(first + y + i + 2, last)]
                d = maps[channel, min(first + y + i + 3, last)]
                if i == 0:
                    for x in range(width):
                        row[x] = k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
                else:
                    for x in range(width):
                        row[x] += k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]


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


@compiled
def elu(values: Any, bits: Any, powers: Any) -> None:
    """Replace values by those of the exponential linear unit, exp(x) - 1 below 0.

    Parameters
    ----------
    values : array, shape (channel, x), float32
    bits, powers : array, shape (x,), int32 and float32
        Scratch space; the second is a view of the first.

    Notes
    -----
    The exponential is that of the Cephes library (Moshier 1989), which is exact to the
    last digit or two of float32 and, unlike that of the C library, is vectorized.
    """
    one, zero, lowest = np.float32(1), np.float32(0), np.float32(-80)
    for channel in range(values.shape[0]):
        row = values[channel]
        for x in range(values.shape[1]):
            below = min(max(row[x], lowest), zero)
            whole = np.floor(below * np.float32(1.44269504) + np.float32(0.5))
            bits[x] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        for x in range(values.shape[1]):
            below = min(max(row[x], lowest), zero)
            whole = np.floor(below * np.float32(1.44269504) + np.float32(0.5))
            r = below - whole * np.float32(0.693359375)
            r = r - whole * np.float32(-2.12194440e-4)
            p = np.float32(1.9875691500e-4)
            p = p * r + np.float32(1.3981999507e-3)
            p = p * r + np.float32(8.3334519073e-3)
            p = p * r + np.float32(4.1665795894e-2)
            p = p * r + np.float32(1.6666665459e-1)
            p = p * r + np.float32(5.0000001201e-1)
            power = (p * r * r + r + one) * powers[x]
            row[x] = max(row[x], zero) + (power - one)


@compiled
def largest(values: Any, best: Any, out: Any) -> None:
    """Number of the channel with the largest value; of equal ones, the first.

    Parameters
    ----------
    values : array, shape (channel, x), float32
    best : array, shape (x,), float32
        Scratch space.
    out : array, shape (x,), uint16
    """
    for x in range(values.shape[1]):
        best[x] = values[0, x]
        out[x] = 0
    for channel in range(1, values.shape[0]):
        row = values[channel]
        for x in range(values.shape[1]):
            if row[x] > best[x]:
                best[x] = row[x]
                out[x] = channel


@compiled
def product(weights: Any, bias: Any, maps: Any, out: Any) -> None:
    """Weighted sums of channels.

    Parameters
    ----------
    weights : array, shape (out, in), float32
        Multiples of 2 and of 4; see `ktextures.inference.layers`.
    bias : array, shape (out,), float32
    maps : array, shape (in, x), float32
    out : array, shape (out, x), float32

    Notes
    -----
    As fast as the products of linear algebra libraries, in which the last digit of a
    pixel depends on where it lies.
    """
    width = maps.shape[1]
    for u in range(0, weights.shape[0], 2):
        one, two = out[u], out[u + 1]
        for c in range(0, weights.shape[1], 4):
            a, b, d, e = maps[c], maps[c + 1], maps[c + 2], maps[c + 3]
            w = weights[u]
            w0, w1, w2, w3 = w[c], w[c + 1], w[c + 2], w[c + 3]
            v = weights[u + 1]
            v0, v1, v2, v3 = v[c], v[c + 1], v[c + 2], v[c + 3]
            if c == 0:
                for x in range(width):
                    one[x] = bias[u] + w0 * a[x] + w1 * b[x] + w2 * d[x] + w3 * e[x]
                    two[x] = bias[u + 1] + v0 * a[x] + v1 * b[x] + v2 * d[x] + v3 * e[x]
            else:
                for x in range(width):
                    one[x] += w0 * a[x] + w1 * b[x] + w2 * d[x] + w3 * e[x]
                    two[x] += v0 * a[x] + v1 * b[x] + v2 * d[x] + v3 * e[x]


@compiled
def contextual_logits(
    seen: Any,
    count: int,
    mix: Any,
    mix_bias: Any,
    head: Any,
    head_bias: Any,
    rows: int,
    hidden: Any,
    bits: Any,
    powers: Any,
    logits: Any,
    chosen: Any,
) -> None:
    """The two layers of a contextual mask network, and the largest logit.

    Parameters
    ----------
    seen : array, shape (y, channel, x), float32
    count : int
        Rows of pixels that are computed.
    mix, mix_bias, head, head_bias : array, float32
        As for `product`.
    rows : int
        Logits that there are; those after them are padding.
    hidden : array, shape (hidden, x), float32
        Scratch space.
    bits, powers : array, shape (x,), int32 and float32
        Scratch space, as for `elu`.
    logits : array, shape (y, row of the head, x), float32
    chosen : array, shape (y, x), uint16
    """
    for y in range(count):
        product(mix, mix_bias, seen[y], hidden)
        elu(hidden, bits, powers)
        product(head, head_bias, hidden, logits[y])
        largest(logits[y, :rows], powers, chosen[y])


@compiled
def published_scores(
    seen: Any,
    count: int,
    first: Any,
    first_bias: Any,
    second: Any,
    second_bias: Any,
    last: Any,
    last_bias: Any,
    one: Any,
    two: Any,
    bits: Any,
    powers: Any,
    scores: Any,
) -> None:
    """The three layers of the published mask network, before the sigmoid.

    Parameters
    ----------
    seen : array, shape (y, band, x), float32
    count : int
        Rows of pixels that are computed.
    first, first_bias, second, second_bias, last, last_bias : array, float32
        As for `product`.
    one, two : array, shape (hidden, x), float32
        Scratch space.
    bits, powers : array, shape (x,), int32 and float32
        Scratch space, as for `elu`.
    scores : array, shape (y, 2, x), float32
        The second channel is padding.
    """
    for y in range(count):
        product(first, first_bias, seen[y], one)
        elu(one, bits, powers)
        product(second, second_bias, one, two)
        elu(two, bits, powers)
        product(last, last_bias, two, scores[y])
