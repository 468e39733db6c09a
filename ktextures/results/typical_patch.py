"""The part of a scene that shows best what a class looks like."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Patch", "find_patch"]

_PLACES_PER_SIDE = 8
"""Candidates along the side of a patch; more are slower and hardly better."""

_NEARLY = 0.9
"""Share of the largest share of the class with which a patch can be chosen."""

FloatArray = npt.NDArray[np.float64]


class Patch(NamedTuple):
    """A square part of an image.

    Attributes
    ----------
    row, col : int
        Its first pixel.
    share : float
        Share of its pixels that are in the class.
    distance : float
        How much mean and standard deviation of the bands differ from the class as a
        whole, in standard deviations.
    """

    row: int
    col: int
    share: float
    distance: float


def find_patch(
    values: FloatArray,
    inside: npt.NDArray[np.bool_],
    side: int,
    mean: FloatArray,
    std: FloatArray,
) -> Patch | None:
    """Find the most typical patch of a class.

    Of the patches with most pixels in the class, it is the one in which mean and
    standard deviation of these pixels are closest to those of the class.

    Parameters
    ----------
    values : array, shape (y, x, band)
        Without NaN.
    inside : array of bool, shape (y, x)
        Pixels of the class.
    side : int
        Side of the patch in pixels, at most that of the image.
    mean, std : array, shape (band,)
        Of the class as a whole.

    Returns
    -------
    Patch or None
        None if no pixel is in the class.
    """
    if not inside.any():
        return None
    starts = [_starts(length, side) for length in inside.shape]
    mask = inside.astype("float64")
    count = _box_sums(mask, starts, side)
    share = count / side**2
    spread = np.where(std > 0, std, 1.0)
    relative = np.where(inside[..., None], (values - mean) / spread, 0.0)
    distance = np.zeros(count.shape)
    known = np.maximum(count, 1)
    for band, varies in zip(np.moveaxis(relative, -1, 0), std > 0, strict=True):
        local = _box_sums(band, starts, side) / known
        square = _box_sums(band**2, starts, side) / known
        local_std = np.sqrt(np.maximum(square - local**2, 0))
        distance += local**2 + (local_std - varies) ** 2
    distance = np.sqrt(distance / values.shape[-1])
    distance[share < _NEARLY * share.max()] = np.inf
    row, col = np.unravel_index(int(distance.argmin()), distance.shape)
    return Patch(
        int(starts[0][row]),
        int(starts[1][col]),
        float(share[row, col]),
        float(distance[row, col]),
    )


def _starts(length: int, side: int) -> npt.NDArray[np.int64]:
    """First pixels of patches along an axis, from edge to edge."""
    last = length - side
    count = 1 + int(np.ceil(last / max(side // _PLACES_PER_SIDE, 1)))
    return np.unique(np.linspace(0, last, count).round().astype(np.int64))


def _box_sums(
    values: FloatArray, starts: list[npt.NDArray[np.int64]], side: int
) -> FloatArray:
    """Sum over side x side pixels from each pair of starts."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    total[1:, 1:] = values.cumsum(0).cumsum(1)
    rows, cols = starts[0][:, None], starts[1][None]
    lower = total[rows + side, cols + side] - total[rows + side, cols]
    box: FloatArray = lower - (total[rows, cols + side] - total[rows, cols])
    return box
