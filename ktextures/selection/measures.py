"""How well groups of descriptors are told apart, measured on plain arrays."""

import itertools
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

from ktextures.errors import InputError
from ktextures.training.one_thread import fit_kmeans

__all__ = ["Reproduction", "recommended", "reproduction", "separation"]

HALVINGS = 5
"""Random divisions of the sample into two halves."""

TRIES = 5
"""Restarts of each k-means."""

SILHOUETTES = 2_000
"""Pixels of which silhouettes are computed; their number counts squared."""

STRONG = 0.85
"""Prediction strength from which k counts as reproducible."""


@dataclass(frozen=True)
class Reproduction:
    """How well groups found in one half of a sample are found in the other.

    Attributes
    ----------
    strength : float
        Prediction strength, 0..1: of the pairs of pixels that the groups of one half
        put together, the share that those of the other half put together too, in the
        worst group.
    error : float
        Standard error of it over random halvings.
    stability : float
        Mean adjusted Rand index of the groups found in any two halves; 1 = the same.
    """

    strength: float
    error: float
    stability: float


def reproduction(rows: np.ndarray, k: int, seed: int) -> Reproduction:
    """Find k groups in random halves of a sample, and compare them.

    Parameters
    ----------
    rows : array, shape (n, dimension)
        Descriptors of a sample of pixels.
    k : int
        Number of groups.
    seed : int
        Of the halvings and of k-means.

    Returns
    -------
    Reproduction
        The prediction strength of a halving is the mean of both directions.

    Raises
    ------
    InputError
        If a half has fewer than k rows.

    Notes
    -----
    Tibshirani & Walther 2005, Journal of Computational and Graphical Statistics 14:511.

    Examples
    --------
    >>> rows = np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0)
    >>> reproduction(rows, 2, seed=1).strength
    1.0
    """
    if len(rows) < 2 * k:
        raise InputError(
            f"there are {len(rows)} rows for k = {k}; give at least {2 * k}, k for "
            "each half."
        )
    generator = np.random.default_rng(seed)
    strengths, found = [], []
    for _ in range(HALVINGS):
        order = generator.permutation(len(rows))
        halves = order[: len(rows) // 2], order[len(rows) // 2 :]
        labels = []
        for half in halves:
            own = int(generator.integers(2**31))
            kmeans = KMeans(k, n_init=TRIES, random_state=own)
            fit_kmeans(kmeans, rows[half])
            labels.append(kmeans.predict(rows))
        both = [
            prediction_strength(labels[i][half], labels[1 - i][half], k)
            for i, half in enumerate(halves)
        ]
        strengths.append(float(np.mean(both)))
        found += labels
    pairs = itertools.combinations(found, 2)
    stability = np.mean([adjusted_rand_score(one, other) for one, other in pairs])
    error = float(np.std(strengths, ddof=1)) / HALVINGS**0.5
    return Reproduction(float(np.mean(strengths)), error, float(stability))


def prediction_strength(own: np.ndarray, other: np.ndarray, k: int) -> float:
    """Share of the pairs in a group that are together elsewhere, in the worst group.

    Parameters
    ----------
    own, other : array, shape (n,), int
        Groups 0..k - 1 of the same pixels: their own, and those that were found in
        other pixels.
    k : int

    Returns
    -------
    float
        0..1. A group of a single pixel counts as 0, as nothing shows that it is found
        again.
    """
    shared = np.bincount(own * k + other, minlength=k * k).reshape(k, k)
    sizes = shared.sum(1)
    pairs = np.maximum(sizes * (sizes - 1), 1)
    return float(((shared * (shared - 1)).sum(1) / pairs).min())


def separation(rows: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, float]:
    """How far groups lie apart for their spread.

    Parameters
    ----------
    rows : array, shape (n, dimension)
        Descriptors of a sample of pixels.
    labels : array, shape (n,), int
        Group of each.
    seed : int
        Of the pixels of which silhouettes are computed, at most 2,000.

    Returns
    -------
    dict
        "silhouette", -1..1; "calinski_harabasz", 0 or more; "davies_bouldin", 0 or
        more, where less is better. NaN if there are not at least two groups.
    """
    names = ("silhouette", "calinski_harabasz", "davies_bouldin")
    chosen = np.random.default_rng(seed).permutation(len(rows))[:SILHOUETTES]
    groups = [len(np.unique(each)) for each in (labels[chosen], labels)]
    if not (2 <= groups[0] < len(chosen) and groups[1] < len(rows)):
        return dict.fromkeys(names, float("nan"))
    values = (
        silhouette_score(rows[chosen], labels[chosen]),
        calinski_harabasz_score(rows, labels),
        davies_bouldin_score(rows, labels),
    )
    return {name: float(each) for name, each in zip(names, values, strict=True)}


def recommended(ks: np.ndarray, strength: np.ndarray) -> tuple[int, str]:
    """The number of classes that prediction strength speaks for.

    Parameters
    ----------
    ks : array of int, shape (n,)
        Ascending.
    strength : array, shape (n,)
        Prediction strength of each k.

    Returns
    -------
    k : int
        The largest with a prediction strength of 0.85 or more, or else the one with
        the largest prediction strength.
    reason : str
        How it was chosen, as a sentence.

    Examples
    --------
    >>> recommended(np.array([2, 3, 4]), np.array([1, 0.9, 0.3]))[0]
    3
    """
    strong = np.flatnonzero(strength >= STRONG)
    if len(strong):
        return int(ks[strong[-1]]), (
            f"largest k with a prediction strength of at least {STRONG:g}"
        )
    return int(ks[np.argmax(strength)]), (
        "k with the largest prediction strength; none reaches "
        f"{STRONG:g}, so the scene has no number of classes that is found again "
        "reliably"
    )
