"""Frozen statistics that make feature maps comparable, and reduce them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

__all__ = ["Standardization"]

FLOOR = 0.05
"""Smallest spread of a channel, as a share of all: silent ones stay silent."""


@dataclass(frozen=True)
class Layer:
    """Frozen statistics of one feature map.

    Attributes
    ----------
    mean, spread : array, shape (channel,)
    projection : array, shape (channel, dimension)
    """

    mean: np.ndarray
    spread: np.ndarray
    projection: np.ndarray


class Standardization:
    """Mean and spread of the channels of each map, and their principal directions.

    Parameters
    ----------
    rows : sequence of array, shape (n, channel)
        Sample of each map, at the same places.
    count : int
        Directions that are kept, at most.

    Attributes
    ----------
    dimensions : int
    """

    def __init__(self, rows: Sequence[np.ndarray], count: int) -> None:
        means = [row.mean(0) for row in rows]
        spreads = [_floored(row.std(0)) for row in rows]
        scaled = [
            (row - mean) / spread
            for row, mean, spread in zip(rows, means, spreads, strict=True)
        ]
        directions = principal_directions(np.concatenate(scaled, 1), count)
        parts = iter(directions)
        self.layers = [
            Layer(
                mean.astype("float32"),
                spread.astype("float32"),
                np.array(list(itertools.islice(parts, len(mean))), "float32"),
            )
            for mean, spread in zip(means, spreads, strict=True)
        ]
        self.dimensions = directions.shape[1]

    def __call__(self, maps: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Part of each map (..., channel) in the result (..., dimension).

        The parts add up to it, once they have the same size.
        """
        return [
            tf.linalg.matmul((each - layer.mean) / layer.spread, layer.projection)
            for each, layer in zip(maps, self.layers, strict=True)
        ]


def _floored(spread: np.ndarray) -> np.ndarray:
    # Not from the median: more than half of VGG-16's channels may be silent.
    floor = FLOOR * float(np.sqrt(np.mean(spread**2))) + 1e-6
    return np.maximum(spread, floor) * np.sqrt(spread.size)


def principal_directions(rows: np.ndarray, count: int) -> np.ndarray:
    """Directions (channel, count) of largest variance of centered rows."""
    # Its threads wait for each other in busy loops: seconds where a core is taken.
    with threadpool_limits(limits=1, user_api="blas"):
        _, vectors = np.linalg.eigh((rows.T @ rows / len(rows)).astype("float64"))
    return np.asarray(vectors[:, ::-1][:, :count])
