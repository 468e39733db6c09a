"""The published mask network with its weights frozen: a score, cut into k slices."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktextures.inference import dense
from ktextures.inference.layers import Layer
from ktextures.inference.linear_algebra import is_regular
from ktextures.inference.strips import Strip
from ktextures.inference.workspace import Workspace, padded

__all__ = ["FrozenPublished"]

Floats = npt.NDArray[np.float32]

ROWS = 32
"""Rows of a strip."""


@dataclass(frozen=True)
class FrozenPublished:
    """Masks from a score per pixel.

    Parameters
    ----------
    k : int
    reach : int
        Pixels that a tile is larger on each side, as published.
    layers : tuple of three Layer
        Each with its batch normalization.
    """

    k: int
    reach: int
    layers: tuple[Layer, ...]

    def strips(self, planes: Floats, work: Workspace) -> Iterator[Strip]:
        """Masks of each row of a tile.

        Parameters
        ----------
        planes : array, shape (band, y + 2 reach, x + 2 reach), float32
            Scaled and filled.
        work : Workspace

        Yields
        ------
        Strip
            Without logits.
        """
        bands, tall, wide = planes.shape
        height, width = tall - 2 * self.reach, wide - 2 * self.reach
        lanes = padded(width)
        first, second, last = self.layers
        inputs = first.weights.shape[1]
        seen = work.array("seen", (ROWS, inputs, lanes))
        one = work.array("hidden 1", (len(first.bias), lanes))
        two = work.array("hidden 2", (len(second.bias), lanes))
        bits = work.array("bits", (lanes,), "int32")
        scores = work.array("scores", (ROWS, len(last.bias), lanes))
        columns = slice(self.reach, self.reach + width)
        library = is_regular(*second.weights.shape)
        for row in range(0, height, ROWS):
            count = min(ROWS, height - row)
            rows = slice(self.reach + row, self.reach + row + count)
            seen[:count, :bands, :width] = planes[:, rows, columns].transpose(1, 0, 2)
            powers = bits.view("float32")
            dense.published_scores(
                *(seen, count, *first, *second, *last),
                *(one, two, bits, powers, scores, library),
            )
            # A large negative score is 0, which is what its overflow makes of it.
            with np.errstate(over="ignore"):
                score = 1 / (1 + np.exp(-scores[:count, 0, :width]))
            chosen = np.minimum(score * np.float32(self.k), self.k - 1)
            yield Strip(row, chosen.astype("uint8"), None)
