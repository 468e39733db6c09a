"""Wide local means at every second pixel, and sums of them in between.

A sample lies in the middle of two rows 2Y and 2Y + 1 and of two columns, counted from
the corner of the scene. Between samples, values are linear: of the two nearest, the
nearer counts 3/4. The kernel of the samples is such that both together come as close as
they can to the kernel that the network was trained with.

What the layer after them makes of the samples is linear too, so it is computed from
them, and its sums are interpolated: for a quarter of the pixels instead of for all.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.inference.compiled import compiled

__all__ = ["COARSE", "FINE", "TAPS", "WIDE", "add_between", "halved", "halved_kernels"]

Floats = npt.NDArray[np.float32]

WIDE = 6.0
"""Standard deviation in pixels from which a mean is taken at half the resolution."""

TAPS = 8
"""Kernels are padded with zeros to multiples of this many taps."""

FINE, COARSE = (1, 0.7), (0, 1.0)
"""Of small and of large filters: pixels by which means at half the resolution may reach
further, and a standard deviation in pixels of how smooth the responses are taken for.
Large filters are blurred, and reach as far as the network does already."""


def halved_kernels(kernel: Floats) -> Floats:
    """Kernels for samples in the middle of two pixels.

    Parameters
    ----------
    kernel : array, shape (2 r + 1,), float32
        Symmetric, with a sum of 1: what is approximated at each pixel.

    Returns
    -------
    array, shape (2, 2 r), float32
        For maps of small and of large filters. The taps are at distances of 1/2, 3/2,
        ... pixels; the second kernel is zero at both ends.
    """
    radius = len(kernel) // 2
    found = []
    for further, spread in (FINE, COARSE):
        half = _fitted(kernel.astype("float64"), radius + further - 1, spread)
        half = np.pad(half, (0, radius - len(half)))
        found.append(np.concatenate([half[::-1], half]))
    return np.array(found, "float32")


def _fitted(kernel: npt.NDArray[Any], count: int, spread: float) -> npt.NDArray[Any]:
    """Taps (count,) on one side of a sample, by least squares over smooth maps."""
    radius = len(kernel) // 2
    middle = radius + count + 4
    made = np.zeros((2 * middle + 1, count))
    # As an even pixel sees them, half a pixel before a sample; odd ones mirror it.
    for shift, share in ((0, 0.75), (-2, 0.25)):
        for tap in range(count):
            made[middle + 1 + tap + shift, tap] += share
            made[middle - tap + shift, tap] += share
    wanted = np.pad(kernel, middle - radius)
    offsets = np.arange(-4, 5)
    smooth = np.exp(-(offsets**2) / (2 * spread**2))
    blurred = [np.convolve(column, smooth, "same") for column in made.T]
    wanted = np.convolve(wanted, smooth, "same")
    taps = np.linalg.lstsq(np.stack(blurred, 1), wanted, rcond=None)[0]
    fitted: npt.NDArray[Any] = taps / (2 * taps.sum())
    return fitted


@compiled
def halved(
    maps: Any,
    kernels: Any,
    coarse: int,
    first: int,
    begin: int,
    lines: Any,
    columns: Any,
    out: Any,
    channel: int,
) -> None:
    """Local means at every second row and column.

    Parameters
    ----------
    maps : array, shape (map, y, x), float32
    kernels : array, shape (2, tap), float32
        Padded to a multiple of `TAPS`.
    coarse : int
        The first map that the second kernel is for.
    first : int
        Row and column of `maps` under the first tap for the first row of `out`.
    begin : int
        The first row of `out` that is written.
    lines : array, shape (2, line), float32
        Scratch space, at least as wide as `maps`; finite.
    columns : array, shape (2, half a line), float32
        Scratch space: even and odd columns.
    out : array, shape (y, map, x), float32
        Written from `channel` on.
    channel : int
    """
    for number in range(maps.shape[0]):
        kernel = kernels[0] if number < coarse else kernels[1]
        for y in range(begin, out.shape[0], 2):
            two_rows(maps[number], kernel, first + 2 * y, lines)
            for more in range(min(2, out.shape[0] - y)):
                split(lines[more], first, columns)
                sum_columns(columns, kernel, out[y + more, channel + number])


@compiled
def two_rows(maps: Any, kernel: Any, first: int, out: Any) -> None:
    """Weighted sums of the rows of maps (y, x) from `first` on, and from two later."""
    one, two, last = out[0], out[1], maps.shape[0] - 1
    for i in range(0, len(kernel), 8):
        k0, k1, k2, k3 = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
        k4, k5, k6, k7 = kernel[i + 4], kernel[i + 5], kernel[i + 6], kernel[i + 7]
        t = first + i
        # Rows under the padding may not exist; their weight is zero.
        a, b = maps[min(t, last)], maps[min(t + 1, last)]
        c, d = maps[min(t + 2, last)], maps[min(t + 3, last)]
        e, f = maps[min(t + 4, last)], maps[min(t + 5, last)]
        g, h = maps[min(t + 6, last)], maps[min(t + 7, last)]
        m, n = maps[min(t + 8, last)], maps[min(t + 9, last)]
        for x in range(maps.shape[1]):
            p = k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
            q = k0 * c[x] + k1 * d[x] + k2 * e[x] + k3 * f[x]
            p = p + k4 * e[x] + k5 * f[x] + k6 * g[x] + k7 * h[x]
            q = q + k4 * g[x] + k5 * h[x] + k6 * m[x] + k7 * n[x]
            one[x] = p if i == 0 else one[x] + p
            two[x] = q if i == 0 else two[x] + q


@compiled
def split(line: Any, first: int, columns: Any) -> None:
    """Even and odd columns of a line, from `first` on."""
    even, odd = columns[0], columns[1]
    pairs = line[first : first + 2 * len(even)].reshape(len(even), 2)
    for x in range(len(even)):
        even[x] = pairs[x, 0]
        odd[x] = pairs[x, 1]


@compiled
def sum_columns(columns: Any, kernel: Any, out: Any) -> None:
    """Weighted sums of neighboring columns; each value is two columns further on."""
    for i in range(0, len(kernel), 8):
        k0, k1, k2, k3 = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
        k4, k5, k6, k7 = kernel[i + 4], kernel[i + 5], kernel[i + 6], kernel[i + 7]
        a, b = columns[0, i // 2 :], columns[1, i // 2 :]
        c, d, e, f, g, h = a[1:], b[1:], a[2:], b[2:], a[3:], b[3:]
        for x in range(len(out)):
            p = k0 * a[x] + k1 * b[x] + k2 * c[x] + k3 * d[x]
            p = p + k4 * e[x] + k5 * f[x] + k6 * g[x] + k7 * h[x]
            out[x] = p if i == 0 else out[x] + p


@compiled
def add_between(samples: Any, y: int, halves: Any, line: Any, out: Any) -> None:
    """Add samples, interpolated to a row of pixels.

    Parameters
    ----------
    samples : array, shape (y, channel, x), float32
        The first row and column lie before those of pixels 0 and 1.
    y : int
        The row of pixels.
    halves : array, shape (3, x), float32
        Scratch space, as wide as `samples`: between rows, even and odd columns.
    line : array, shape (x of `out`,), float32
        Scratch space.
    out : array, shape (channel, x), float32
        An even number of columns.
    """
    nearer = y // 2 + 1
    other = nearer + 1 if y % 2 else nearer - 1
    more, less = np.float32(0.75), np.float32(0.25)
    before, middle, after = halves[0], halves[0, 1:], halves[0, 2:]
    even, odd = halves[1], halves[2]
    # Two numbers are written as one: to every second place, it would not be vectorized.
    low, high = even.view(np.uint32), odd.view(np.uint32)
    pairs, bits = line.view(np.uint64), np.uint64(32)
    for channel in range(out.shape[0]):
        a, b, row = samples[nearer, channel], samples[other, channel], out[channel]
        for x in range(len(a)):
            before[x] = more * a[x] + less * b[x]
        for x in range(len(pairs)):
            value = more * middle[x]
            even[x] = value + less * before[x]
            odd[x] = value + less * after[x]
        for x in range(len(pairs)):
            pairs[x] = np.uint64(low[x]) | (np.uint64(high[x]) << bits)
        for x in range(len(row)):
            row[x] += line[x]
