"""Initial labels: k-means on several views of the descriptors, combined by voting.

A single k-means may split a scene in a way that the next would not; what many agree on
is stable. A k-means on the votes decides (after Strehl & Ghosh 2002, Journal of Machine
Learning Research 3:583).
"""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.cluster import KMeans

__all__ = ["initial_labels"]

SAMPLE = 5_000
"""Pixels that a k-means is fitted to."""

VOTES = 2
"""Runs of k-means for each of several views."""

TRIES, MOST = 10, 160
"""Restarts of the deciding k-means, and the most restarts times k."""

CHUNK = 50_000
"""Distinct combinations of votes counted at once."""


def initial_labels(
    channels: np.ndarray,
    turns: Sequence[np.ndarray],
    brightness: np.ndarray,
    valid: np.ndarray,
    k: int,
    seed: int,
    on_vote: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Labels by consensus over views.

    Parameters
    ----------
    channels : array, shape (n, y, x, channel)
    turns : sequence of array, shape (channel, dimension)
        Each gives a view.
    brightness : array, shape (n, y, x)
        Mean of the scaled bands; the darkest class gets label 0.
    valid : array, shape (n, y, x), bool
    k, seed : int
    on_vote : callable
        Called before each k-means; an exception ends the labeling.

    Returns
    -------
    array, shape (n, y, x), int32
        0..k - 1; -1 where not valid.
    """
    rows = channels[valid]
    generator = np.random.default_rng(seed)
    if len(turns) == 1:
        on_vote()
        found = _kmeans(rows @ turns[0], k, generator, TRIES)
    else:
        votes = []
        for turn in turns:
            view = rows @ turn
            for _ in range(VOTES):
                on_vote()
                votes.append(_kmeans(view, k, generator, VOTES))
        on_vote()
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
    # Pixels with the same votes are counted once; with few classes, there are only some
    # hundred combinations.
    patterns, which, counts = np.unique(
        votes, axis=0, return_inverse=True, return_counts=True
    )
    if len(patterns) < k:
        return np.asarray(votes[:, 0])
    seed = int(generator.integers(2**31))
    kmeans = KMeans(k, n_init=min(TRIES, max(MOST // k, 1)), random_state=seed)
    chosen = np.arange(len(patterns))
    if len(patterns) > SAMPLE:
        chosen = np.argsort(-counts, kind="stable")[:SAMPLE]
    ballots = np.eye(k, dtype="float32")[patterns[chosen]].reshape(len(chosen), -1)
    kmeans.fit(ballots, sample_weight=counts[chosen])
    return _elected(patterns, kmeans.cluster_centers_, k)[which.ravel()]


def _elected(patterns: np.ndarray, centers: np.ndarray, k: int) -> np.ndarray:
    """The center (class, voter * k) nearest to each pattern (pattern, voter)."""
    shares = centers.reshape(len(centers), -1, k)
    offset = -0.5 * (shares**2).sum((1, 2))
    found = np.empty(len(patterns), int)
    # One-hot encoded, patterns of many classes would not fit into memory.
    for first in range(0, len(patterns), CHUNK):
        some = patterns[first : first + CHUNK].T
        score = offset + sum(shares[:, v, vote].T for v, vote in enumerate(some))
        found[first : first + CHUNK] = score.argmax(1)
    return found
