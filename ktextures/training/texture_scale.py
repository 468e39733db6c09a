"""Over what distance texture is looked at, by what the scene shows.

Where regions have one texture each, as in a mosaic, averaging over wider windows makes
groups of descriptors clearer. In most landscapes, wider windows only mix what lies side
by side.
"""

import numpy as np
from sklearn.cluster import KMeans

from ktextures.training.one_thread import fit_kmeans

__all__ = ["clusteredness", "gain_of_wide_windows"]

TRIED_K = (3, 4, 6)
"""Numbers of groups that are tried; the answer must not depend on the user's k."""

SAMPLE = 3_000
"""Pixels looked at."""


def gain_of_wide_windows(narrow: np.ndarray, wide: np.ndarray, seed: int) -> float:
    """How clear groups are in wide windows, and how much clearer than in narrow ones.

    Parameters
    ----------
    narrow, wide : array, shape (n, dimension)
        Descriptors of texture, averaged over narrow and over wide windows.
    seed : int

    Returns
    -------
    float
        Clusteredness in wide windows, plus what it gained from narrow ones.
    """
    far = clusteredness(wide, seed)
    return far + (far - clusteredness(narrow, seed))


def clusteredness(rows: np.ndarray, seed: int) -> float:
    """How much better k-means explains descriptors than a similar Gaussian cloud.

    Parameters
    ----------
    rows : array, shape (n, dimension)
    seed : int

    Returns
    -------
    float
        Ratio of what is left unexplained in a Gaussian cloud of the same covariance and
        in `rows`, mean over several k; 1 = no clusters at all. The idea is that of the
        gap statistic (Tibshirani, Walther & Hastie 2001, Journal of the Royal
        Statistical Society B 63:411).
    """
    generator = np.random.default_rng(seed)
    if len(rows) > SAMPLE:
        rows = rows[generator.choice(len(rows), SAMPLE, replace=False)]
    covariance = np.atleast_2d(np.cov(rows.T))
    variances = np.maximum(np.linalg.eigvalsh(covariance), 0)
    cloud = generator.normal(size=rows.shape) * np.sqrt(variances)
    few = [k for k in TRIED_K if k < len(rows)] or [1]
    ratios = [_unexplained(cloud, k, seed) / _unexplained(rows, k, seed) for k in few]
    return float(np.mean(ratios))


def _unexplained(rows: np.ndarray, k: int, seed: int) -> float:
    kmeans = KMeans(k, n_init=2, random_state=seed)
    fitted = fit_kmeans(kmeans, rows.astype("float32"))
    return float(fitted.inertia_ / max(rows.var(0).sum(), 1e-12)) + 1e-9
