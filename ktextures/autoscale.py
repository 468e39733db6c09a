"""Whether texture tells the classes of a scene apart better than colour does."""

import numpy as np
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from sklearn.cluster import KMeans

__all__ = ["clusteredness", "pixel_metres"]

TRIED_K = (2, 3, 4, 6)
SAMPLE = 2_000


def clusteredness(rows: np.ndarray, seed: int) -> float:
    """How much better k-means explains descriptors than a Gaussian cloud like them.

    Parameters
    ----------
    rows : array, shape (n, dimension)
        Not whitened.
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
    ratios = [
        _unexplained(cloud, k, seed) / _unexplained(rows, k, seed) for k in TRIED_K
    ]
    return float(np.mean(ratios))


def _unexplained(rows: np.ndarray, k: int, seed: int) -> float:
    fitted = KMeans(k, n_init=1, random_state=seed).fit(rows.astype("float32"))
    return float(fitted.inertia_ / rows.var(0).sum())


def pixel_metres(scene: xr.DataArray) -> float | None:
    """Size of a pixel in metres, roughly for a CRS in degrees; None without a CRS."""
    crs = scene.rio.crs
    if crs is None:
        return None
    side = abs(scene.rio.transform().a)
    if crs.is_geographic:
        return float(side * 111_320.0)
    return float(side * crs.linear_units_factor[1])
