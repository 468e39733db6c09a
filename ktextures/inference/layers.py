"""A layer that sees one pixel at a time, as compiled loops need it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Layer", "make_layer"]

ROWS, CHANNELS = 2, 4
"""What the numbers of outputs and inputs of `dense.product` are multiples of."""


class Layer(NamedTuple):
    """Weights and bias, padded with zeros.

    Attributes
    ----------
    weights : array, shape (out, in), float32
    bias : array, shape (out,), float32
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def make_layer(
    weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]
) -> Layer:
    """A layer of weights (in, out) and a bias (out,).

    Parameters
    ----------
    weights : array, shape (in, out)
    bias : array, shape (out,)

    Returns
    -------
    Layer
    """
    inputs, outputs = weights.shape
    more = -outputs % ROWS
    padded = np.pad(weights.T, ((0, more), (0, -inputs % CHANNELS)))
    return Layer(
        np.ascontiguousarray(padded, "float32"),
        np.pad(bias, (0, more)).astype("float32"),
    )
