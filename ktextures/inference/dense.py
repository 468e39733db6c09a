"""Compiled loops of layers that see one pixel at a time.

All arrays have x last and are contiguous, so that the innermost loops are vectorized.
Each value is computed in the same order of operations wherever it lies in an array, so
that classes do not depend on how a scene is divided.
"""

from typing import Any

import numpy as np

from ktextures.inference.compiled import compiled
from ktextures.inference.linear_algebra import multiplied

__all__ = ["contextual_logits", "product", "published_scores"]


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
def product(weights: Any, bias: Any, maps: Any, out: Any, library: bool) -> None:
    """Weighted sums of channels.

    Parameters
    ----------
    weights : array, shape (out, in), float32
        Multiples of 2 and of 4; see `ktextures.inference.layers`.
    bias : array, shape (out,), float32
    maps : array, shape (in, x), float32
    out : array, shape (out, x), float32
    library : bool
        Whether the library of linear algebra multiplies; see
        `ktextures.inference.linear_algebra.is_regular`.
    """
    width = maps.shape[1]
    if library:
        multiplied(weights, maps, out)
        for u in range(weights.shape[0]):
            one = out[u]
            for x in range(width):
                one[x] += bias[u]
        return
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
    library: bool,
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
    library : bool
        As for `product`.
    """
    for y in range(count):
        product(mix, mix_bias, seen[y], hidden, library)
        elu(hidden, bits, powers)
        product(head, head_bias, hidden, logits[y], library)
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
    library: bool,
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
    library : bool
        As for `product`, for the second layer.
    """
    for y in range(count):
        product(first, first_bias, seen[y], one, False)
        elu(one, bits, powers)
        product(second, second_bias, one, two, library)
        elu(two, bits, powers)
        product(last, last_bias, two, scores[y], False)
