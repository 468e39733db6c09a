"""Initial labels: k-means on several views of the descriptors, combined by voting.

A single k-means may split a scene in a way that the next would not; what many agree on
is stable. A k-means on the votes decides (after Strehl & Ghosh 2002, Journal of Machine
Learning Research 3:583).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import zoom
from sklearn.cluster import KMeans

from ktextures.training.one_thread import fit_kmeans

__all__ = ["View", "initial_labels"]

SAMPLE = 10_000
"""Pixels that a k-means is fitted to."""

VOTES, VOTE_TRIES = 4, 4
"""Runs of k-means for each of several views, and restarts of each run."""

TRIES, MOST = 10, 160
"""Restarts of the deciding k-means, and the most restarts times k."""

RARITY = 0.375
"""How much more votes for a small group count: its share to the power of minus this.

With equal weights, the division of a large group that votes disagree on would outweigh
a small group that all of them found.
"""

RAREST = 0.15
"""Smaller groups, in average sizes of a class, count no more than this."""

CHUNK = 50_000
"""Pixels, or distinct combinations of votes, looked at at once."""


@dataclass(frozen=True)
class View:
    """One way to describe the pixels of tiles, which votes on their labels.

    Parameters
    ----------
    channels : array, shape (n, y / s, x / s, channel)
        Coarser than the tiles if s > 1.
    turn : array, shape (channel, dimension)
        From channels to the dimensions of the view.
    calm : bool
        Fit k-means where the view changes little: away from the borders of wide
        windows, which are mixtures of what lies on both sides.
    """

    channels: np.ndarray
    turn: np.ndarray
    calm: bool = False

    def rows(self, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Descriptors (pixel, dimension) where `valid`, and which of them to fit to."""
        maps = self.channels @ self.turn
        fit = _calm(maps) if self.calm else np.ones(maps.shape[:3], bool)
        if maps.shape[:3] != valid.shape:
            maps = _resized(maps, valid.shape, 1)
            fit = _resized(fit[..., None].astype("uint8"), valid.shape, 0)[..., 0] > 0
        return maps[valid], fit[valid]


def _resized(maps: np.ndarray, shape: tuple[int, ...], order: int) -> np.ndarray:
    """Maps (n, y, x, channel) of other sizes; order 0 = nearest, 1 = linear."""
    factors = [new / old for new, old in zip(shape, maps.shape, strict=False)]
    resized = zoom(maps, (*factors, 1), order=order, mode="nearest", grid_mode=True)
    return np.asarray(resized)


def _calm(maps: np.ndarray) -> np.ndarray:
    """Where maps (n, y, x, dimension) change less than at half of the pixels."""
    slopes = np.stack(np.gradient(maps, axis=(1, 2)))
    unrest = np.sqrt((slopes**2).sum((0, -1)))
    return np.asarray(unrest <= np.median(unrest))


def initial_labels(
    views: Sequence[View],
    brightness: np.ndarray,
    valid: np.ndarray,
    k: int,
    seed: int,
    on_vote: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Labels by consensus over views.

    Parameters
    ----------
    views : sequence of View
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
    generator = np.random.default_rng(seed)
    if len(views) == 1:
        on_vote()
        found = _kmeans(*views[0].rows(valid), k, generator, TRIES)
    else:
        votes = []
        for view in views:
            rows, fit = view.rows(valid)
            for _ in range(VOTES):
                on_vote()
                votes.append(_kmeans(rows, fit, k, generator, VOTE_TRIES))
        on_vote()
        found = _consensus(np.stack(votes, -1), k, generator)
    light = np.bincount(found, brightness[valid], k) / np.maximum(
        np.bincount(found, minlength=k), 1
    )
    labels = np.full(valid.shape, -1, "int32")
    labels[valid] = np.argsort(np.argsort(light))[found]
    return labels


def _kmeans(
    rows: np.ndarray,
    fit: np.ndarray,
    k: int,
    generator: np.random.Generator,
    tries: int,
) -> np.ndarray:
    """Labels of rows by k-means on a sample of those to `fit` to."""
    seed = int(generator.integers(2**31))
    places = np.flatnonzero(fit) if np.count_nonzero(fit) > k else np.arange(len(rows))
    chosen = generator.permutation(places)[:SAMPLE]
    kmeans = KMeans(k, n_init=tries, random_state=seed)
    fitted = fit_kmeans(kmeans, rows[chosen])
    return nearest(rows, fitted.cluster_centers_)


def nearest(rows: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """The center (class, dimension) nearest to each of rows (n, dimension)."""
    offset = -0.5 * (centers**2).sum(1)
    found = np.empty(len(rows), "int64")
    for first in range(0, len(rows), CHUNK):
        some = rows[first : first + CHUNK] @ centers.T + offset
        found[first : first + CHUNK] = some.argmax(1)
    return found


def _consensus(votes: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    """Labels of pixels by their votes (pixel, voter)."""
    # Pixels with the same votes are counted once; with few classes, there are only some
    # hundred combinations.
    first, which, counts = distinct_rows(votes)
    patterns = votes[first]
    if len(patterns) < k:
        return np.asarray(votes[:, 0])
    seed = int(generator.integers(2**31))
    kmeans = KMeans(k, n_init=min(TRIES, max(MOST // k, 1)), random_state=seed)
    chosen = np.arange(len(patterns))
    if len(patterns) > SAMPLE:
        chosen = np.argsort(-counts, kind="stable")[:SAMPLE]
    weights = _weights(patterns, counts, k)
    ballots = np.eye(k, dtype="float32")[patterns[chosen]] * weights
    ballots = ballots.reshape(len(chosen), -1)
    fit_kmeans(kmeans, ballots, sample_weight=counts[chosen])
    return _elected(patterns, kmeans.cluster_centers_, weights)[which.ravel()]


def distinct_rows(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct rows of votes (pixel, voter), each by the first of its pixels.

    Returns
    -------
    first, which, counts : array of int
        First pixel of each distinct row, the distinct row of each pixel, and how many
        pixels have it.
    """
    codes = votes[:, 0]
    for column in votes.T[1:]:
        # Numbered anew each time, codes stay small; sorting rows would take far longer.
        codes = codes * (column.max() + 1) + column
        _, first, codes, counts = np.unique(
            codes, return_index=True, return_inverse=True, return_counts=True
        )
    return first, codes, counts


def _weights(patterns: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Weight (voter, k) of each voter's groups; 1 for those of average size."""
    sizes = [np.bincount(votes, counts, k) for votes in patterns.T]
    share = np.array(sizes) * k / counts.sum()
    return np.asarray(np.maximum(share, RAREST) ** -RARITY, "float32")


def _elected(
    patterns: np.ndarray, centers: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The center (class, voter * k) nearest to each pattern (pattern, voter)."""
    shares = centers.reshape(len(centers), *weights.shape)
    offset = -0.5 * (shares**2).sum((1, 2))
    shares = shares * weights
    found = np.empty(len(patterns), int)
    # One-hot encoded, patterns of many classes would not fit into memory.
    for first in range(0, len(patterns), CHUNK):
        some = patterns[first : first + CHUNK].T
        score = offset + sum(shares[:, v, vote].T for v, vote in enumerate(some))
        found[first : first + CHUNK] = score.argmax(1)
    return found
