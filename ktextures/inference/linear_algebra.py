"""When matrix products are left to the library of linear algebra, and how."""

from functools import cache
from typing import Any

import numpy as np

from ktextures.inference.compiled import compiled
from ktextures.inference.workspace import LANES

__all__ = ["is_regular", "multiplied"]

WIDEST = 512
"""Pixels in a row of scratch arrays, at most."""


@compiled
def multiplied(weights: Any, maps: Any, out: Any) -> None:
    """Matrix product, by the library that scipy comes with.

    Parameters
    ----------
    weights : array, shape (out, in), float32
    maps : array, shape (in, x), float32
    out : array, shape (out, x), float32
    """
    np.dot(weights, maps, out)


@cache
def is_regular(rows: int, inputs: int) -> bool:
    """Whether products have the same bits wherever a pixel lies in a row of any width.

    So it is where the library has vectors of 512 bits, and it is several times as fast
    there as compiled loops. Elsewhere, the last digit may depend on the place, and with
    it, once in a while, a class.

    Parameters
    ----------
    rows, inputs : int
        Shape of the weights.

    Returns
    -------
    bool
    """
    random = np.random.default_rng(0)
    weights = random.normal(size=(rows, inputs)).astype("float32")
    maps = random.normal(size=(inputs, WIDEST)).astype("float32")

    def product(of: Any) -> Any:
        out = np.zeros((rows, of.shape[1]), "float32")
        multiplied(weights, np.ascontiguousarray(of), out)
        return out

    whole = product(maps)
    return all(
        np.array_equal(product(maps[:, :width]), whole[:, :width])
        for width in range(LANES, WIDEST, LANES)
    ) and all(
        np.array_equal(product(np.roll(maps, shift, 1)), np.roll(whole, shift, 1))
        for shift in range(1, LANES)
    )
