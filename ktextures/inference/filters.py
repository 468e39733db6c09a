"""Compiled loops of the oriented filters, which share sums of mirrored pixels.

Filters along and across the axes, and the Laplacian, are symmetric or antisymmetric in
x and in y; so are half the sum and half the difference of two oblique filters that
mirror each other. The row is first folded over y: sums or differences of the pixels
above and below; then over x. Of 49 taps, at most 16 are left.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.inference.compiled import compiled

__all__ = ["COUNT", "absolute_responses", "fold"]

Floats = npt.NDArray[np.float32]

COUNT = 9
"""Filters: a Laplacian; then of 0, 45, 90, and 135 degrees, two derivatives each."""


def fold(filters: Floats) -> Floats:
    """Weights of sums and differences of mirrored pixels, in place of filters.

    Parameters
    ----------
    filters : array, shape (filter, 7, 7), float32
        Those of `ktextures.features.filter_bank.oriented_filters(4)`.

    Returns
    -------
    array, shape (group, distance in y, response, distance in x), (3, 4, 3, 4), float32
        Distances from the middle. Groups 0 and 1 are symmetric in y, and 2 is
        antisymmetric; of each, responses 0 and 1 are symmetric in x, and 2 is
        antisymmetric.
    """
    laplacian, across, across2, rising, rising2, down, down2, falling, falling2 = (
        filters.astype("float64")
    )
    groups = (
        (laplacian, across2, across),
        (down2, (rising2 + falling2) / 2, (rising - falling) / 2),
        (down, (rising + falling) / 2, (rising2 - falling2) / 2),
    )
    weights = np.array(groups)[:, :, 3:, 3:].transpose(0, 2, 1, 3)
    return np.ascontiguousarray(weights, "float32")


@compiled
def absolute_responses(
    planes: Any,
    plane: int,
    top: int,
    left: int,
    weights: Any,
    step: int,
    folded: Any,
    sums: Any,
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
    weights : array, shape (3, 4, 3, 4), float32
        As `fold` returns them.
    step : int
        Pixels between the taps of a filter.
    folded, sums : array, shape (7, x + 6 step) and (9, x), float32
        Scratch space.
    out : array, shape (channel, y, x), float32
        Written from `channel` and row `first` on.
    channel, first : int
    """
    for y in range(first, out.shape[1]):
        fold_rows(planes[plane], top + y - first, left, step, folded)
        for j in range(4):
            add_row(folded[j], weights[0, j], step, j == 0, sums[:3])
            add_row(folded[j], weights[1, j], step, j == 0, sums[3:6])
        for j in range(1, 4):
            add_row(folded[3 + j], weights[2, j], step, j == 1, sums[6:])
        unfold(sums, out, channel, y)


@compiled
def fold_rows(plane: Any, top: int, left: int, step: int, folded: Any) -> None:
    """The middle one of seven rows, and sums and differences of those around it.

    Parameters
    ----------
    plane : array, shape (y, x), float32
    top, left, step : int
        The first row, the first column, and rows from one to the next.
    folded : array, shape (7, x), float32
        Middle row, sums over 1 to 3 steps, and differences, lower minus upper.
    """
    width = folded.shape[1]
    middle, row = folded[0], plane[top + 3 * step, left:]
    for x in range(width):
        middle[x] = row[x]
    for j in range(1, 4):
        above = plane[top + (3 - j) * step, left:]
        below = plane[top + (3 + j) * step, left:]
        sums, differences = folded[j], folded[3 + j]
        for x in range(width):
            sums[x] = above[x] + below[x]
            differences[x] = below[x] - above[x]


@compiled
def add_row(row: Any, weights: Any, step: int, begin: bool, sums: Any) -> None:
    """Fold a row over x, and add what it contributes to three responses.

    Parameters
    ----------
    row : array, shape (x + 6 step,), float32
    weights : array, shape (3, distance in x), float32
        The first two are symmetric, the last is antisymmetric.
    step : int
    begin : bool
        Whether sums begin with this row.
    sums : array, shape (3, x), float32
    """
    p, q, r = weights[0], weights[1], weights[2]
    p0, p1, p2, p3 = p[0], p[1], p[2], p[3]
    q0, q1, q2, q3 = q[0], q[1], q[2], q[3]
    r1, r2, r3 = r[1], r[2], r[3]
    one, two, three = sums[0], sums[1], sums[2]
    a, b, c = row, row[step:], row[2 * step :]
    d, e, f, g = row[3 * step :], row[4 * step :], row[5 * step :], row[6 * step :]
    # Written twice: a choice for each pixel would not be vectorized.
    if begin:
        for x in range(sums.shape[1]):
            s1, s2, s3 = c[x] + e[x], b[x] + f[x], a[x] + g[x]
            one[x] = p0 * d[x] + p1 * s1 + p2 * s2 + p3 * s3
            two[x] = q0 * d[x] + q1 * s1 + q2 * s2 + q3 * s3
            d1, d2, d3 = e[x] - c[x], f[x] - b[x], g[x] - a[x]
            three[x] = r1 * d1 + r2 * d2 + r3 * d3
    else:
        for x in range(sums.shape[1]):
            s1, s2, s3 = c[x] + e[x], b[x] + f[x], a[x] + g[x]
            one[x] += p0 * d[x] + p1 * s1 + p2 * s2 + p3 * s3
            two[x] += q0 * d[x] + q1 * s1 + q2 * s2 + q3 * s3
            d1, d2, d3 = e[x] - c[x], f[x] - b[x], g[x] - a[x]
            three[x] += r1 * d1 + r2 * d2 + r3 * d3


@compiled
def unfold(sums: Any, out: Any, channel: int, y: int) -> None:
    """Write the sizes of the responses to the filters, in their order.

    Parameters
    ----------
    sums : array, shape (9, x), float32
        Three groups of three responses, as in `fold`.
    out : array, shape (channel, y, x), float32
    channel, y : int
        The first channel, and the row.
    """
    for source, number in ((0, 0), (1, 2), (2, 1), (3, 6), (6, 5)):
        row, size = sums[source], out[channel + number, y]
        for x in range(out.shape[2]):
            size[x] = abs(row[x])
    # Oblique filters are the sum and the difference of two responses.
    for source, other, number in ((4, 8, 4), (7, 5, 3)):
        row, more = sums[source], sums[other]
        rising, falling = out[channel + number, y], out[channel + number + 4, y]
        for x in range(out.shape[2]):
            rising[x] = abs(row[x] + more[x])
            falling[x] = abs(row[x] - more[x])
