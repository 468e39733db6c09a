"""What a frozen mask network says of some rows of a tile."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Strip"]


class Strip(NamedTuple):
    """Some rows of a tile; overwritten when the next are computed.

    Attributes
    ----------
    row : int
        The first of them.
    chosen : array, shape (y, x), uint8
        Mask of each pixel, from 0, as the network numbers them.
    logits : array, shape (y, row of the head, x), float32, or None
        None for networks without probabilities.
    """

    row: int
    chosen: npt.NDArray[np.uint8]
    logits: npt.NDArray[np.float32] | None
