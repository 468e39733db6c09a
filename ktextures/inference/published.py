"""The published mask network with its weights frozen: a score, cut into k slices."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktextures.inference import kernels
from ktextures.inference.strips import Strip
from ktextures.inference.workspace import Workspace, padded

__all__ = ["FrozenPublished"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FrozenPublished:
    """Masks from a score per pixel.

    Parameters
    ----------
    k : int
    reach : int
        Pixels that a tile is larger on each side, as published.
    layers : tuple of arrays, each (channel out, channel in + 1), float32
        Weights of each layer with its batch normalization, the bias in the last column.
    """

    k: int
    reach: int
    layers: tuple[Floats, ...]

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
        seen = work.array("seen", (bands + 1, lanes))
        seen[-1] = 1
        bits = work.array("bits", (lanes,), "int32")
        inner = slice(self.reach, self.reach + width)
        for row in range(height):
            seen[:-1, :width] = planes[:, self.reach + row, inner]
            maps = seen
            for number, weights in enumerate(self.layers[:-1]):
                made = work.array(f"layer {number}", (len(weights) + 1, lanes))
                np.matmul(weights, maps, out=made[:-1])
                kernels.elu(made[:-1], bits, bits.view("float32"))
                made[-1] = 1
                maps = made
            score = np.matmul(self.layers[-1], maps)[0, :width]
            # A large negative score is 0, which is what its overflow makes of it.
            with np.errstate(over="ignore"):
                score = 1 / (1 + np.exp(-score))
            chosen = np.minimum((score * np.float32(self.k)), self.k - 1)
            yield Strip(row, chosen.astype("uint8")[None], None)
