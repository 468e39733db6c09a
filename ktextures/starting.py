"""Labels to start from: k-means on several views of the descriptors, which then vote.

One k-means may split a scene by what the next would not; what many agree on lasts. The
votes are counted by a k-means on them (after Strehl & Ghosh 2002, Journal of Machine
Learning Research 3:583).
"""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans

__all__ = ["start_labels"]

SAMPLE = 5_000
"""Pixels that a k-means learns from."""

VOTES = 3
"""Runs of k-means for each of several views."""

TRIES = 10
"""Starts of the k-means that decides."""


def start_labels(
    channels: np.ndarray,
    turns: Sequence[np.ndarray],
    brightness: np.ndarray,
    valid: np.ndarray,
    k: int,
    seed: int,
) -> np.ndarray:
    """Labels by consensus over views.

    Parameters
    ----------
    channels : array, shape (n, y, x, channel)
    turns : sequence of array, shape (channel, dimension)
        Each gives a view.
    brightness : array, shape (n, y, x)
        Mean of the scaled bands; the darkest class is called 0.
    valid : array, shape (n, y, x), bool
    k, seed : int

    Returns
    -------
    array, shape (n, y, x), int32
        0..k - 1; -1 where not valid.
    """
    rows = channels[valid]
    generator = np.random.default_rng(seed)
    if len(turns) == 1:
        found = _kmeans(rows @ turns[0], k, generator, TRIES)
    else:
        votes = [
            _kmeans(view, k, generator, VOTES)
            for view in (rows @ turn for turn in turns)
            for _ in range(VOTES)
        ]
        found = _consensus(np.stack(votes, -1), k, generator)
    light = np.bincount(found, brightness[valid], k) / np.maximum(
        np.bincount(found, minlength=k), 1
    )
    labels = np.full(valid.shape, -1, "int32")
    labels[valid] = np.argsort(np.argsort(light))[found]
    return labels


def _kmeans(
    rows: np.ndarray, k: int, generator: np.random.Generator, tries: int
) -> np.ndarray:
    """Labels of rows by k-means on a sample of them."""
    seed = int(generator.integers(2**31))
    chosen = generator.permutation(len(rows))[:SAMPLE]
    return np.asarray(
        KMeans(k, n_init=tries, random_state=seed).fit(rows[chosen]).predict(rows)
    )


def _consensus(votes: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    """Labels of pixels by their votes (pixel, voter)."""
    # Pixels with the same votes are one: there are few hundred different ones.
    patterns, which = np.unique(votes, axis=0, return_inverse=True)
    ballots = np.eye(k, dtype="float32")[patterns].reshape(len(patterns), -1)
    weights = np.bincount(which.ravel())
    if len(patterns) < k:
        return np.asarray(votes[:, 0])
    seed = int(generator.integers(2**31))
    fitted = KMeans(k, n_init=TRIES, random_state=seed)
    return np.asarray(fitted.fit(ballots, sample_weight=weights).labels_[which.ravel()])
