"""Directions in which regions of a scene differ, rather than neighboring pixels.

Among trees, crowns and their shadows differ more in brightness than forest does from
meadow. What changes over a few pixels is noise for a map of textures, and counts less:
the idea of the minimum noise fraction (Green, Berman, Switzer & Craig 1988, IEEE
Transactions on Geoscience and Remote Sensing 26:65), taken half-way.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["nearby_covariance", "persistence", "quiet_directions"]

POWER = 0.5
"""How far noise is whitened; whitened fully, other kinds of noise dominate."""

PAIRS = 50_000
"""Pairs of pixels looked at for each direction and distance, at most."""


def nearby_covariance(
    maps: np.ndarray, valid: np.ndarray, lags: Sequence[int]
) -> np.ndarray:
    """Half the mean square difference of pixels some way apart, along both axes.

    Parameters
    ----------
    maps : array, shape (n, y, x, channel)
    valid : array, shape (n, y, x), bool
    lags : sequence of int
        Distances in pixels; those as long as a side are left out. Empty = the
        covariance of all valid pixels, whatever their distance.

    Returns
    -------
    array, shape (channel, channel), float64
    """
    fitting = [lag for lag in lags if lag < min(maps.shape[1:3])]
    pairs = [_half_square(maps, valid, axis, lag) for lag in fitting for axis in (1, 2)]
    parts = np.array([part for part in pairs if part is not None])
    if len(parts):
        return np.asarray(parts.mean(0))
    return np.atleast_2d(np.cov(maps[valid].T.astype("float64")))


def persistence(maps: np.ndarray, valid: np.ndarray, lags: Sequence[int]) -> float:
    """How much of the variance of maps lasts over some distance.

    Parameters
    ----------
    maps : array, shape (n, y, x, channel)
    valid : array, shape (n, y, x), bool
    lags : sequence of int
        Distances in pixels, as for `nearby_covariance`.

    Returns
    -------
    float
        Mean correlation of pixels so far apart: near 1 where regions differ, near 0 or
        below where whatever differs does so from pixel to pixel.
    """
    total = float(maps[valid].var(0, dtype="float64").sum())
    nearby = float(np.trace(nearby_covariance(maps, valid, lags)))
    return 1.0 - nearby / (total + 1e-12)


def _half_square(
    maps: np.ndarray, valid: np.ndarray, axis: int, lag: int
) -> np.ndarray | None:
    near, far = [slice(None)] * 3, [slice(None)] * 3
    near[axis], far[axis] = slice(None, -lag), slice(lag, None)
    both = valid[tuple(near)] & valid[tuple(far)]
    places = np.flatnonzero(both)
    if not len(places):
        return None
    some = np.unravel_index(places[:: -(-len(places) // PAIRS)], both.shape)
    steps = (maps[tuple(far)][some] - maps[tuple(near)][some]).astype("f8")
    return np.asarray(steps.T @ steps / (2 * len(steps)))


def quiet_directions(
    rows: np.ndarray, noise: np.ndarray, dimensions: int, shrinkage: float
) -> np.ndarray:
    """Principal directions after the noise was whitened half-way.

    Parameters
    ----------
    rows : array, shape (n, channel)
    noise : array, shape (channel, channel)
        Covariance.
    dimensions : int
        Directions kept, at most.
    shrinkage : float
        Share of the mean variance added to each channel's noise, so that no channel
        counts without bound for being quiet.

    Returns
    -------
    array, shape (channel, dimension), float32
        What rows are multiplied by.
    """
    floor = shrinkage * np.trace(noise) / len(noise) + 1e-9
    values, vectors = np.linalg.eigh(noise + floor * np.eye(len(noise)))
    whiten = vectors / np.maximum(values, 1e-9) ** (POWER / 2)
    white = (rows - rows.mean(0)) @ whiten
    _, turn = np.linalg.eigh(white.T @ white / max(len(white), 1))
    return np.asarray(whiten @ turn[:, ::-1][:, :dimensions], "float32")
