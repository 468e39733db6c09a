"""How well classes can be told apart: Jeffries-Matusita distances."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

__all__ = ["bhattacharyya", "jeffries_matusita", "with_surroundings"]

_SHRINKAGE = 1e-3
"""Share of the mean variance added to all, so that covariances can be inverted."""

_FLATTEST = 1e-3
"""Smallest local standard deviation that counts, in those of the whole band."""

FloatArray = npt.NDArray[np.float64]


def bhattacharyya(groups: list[FloatArray]) -> FloatArray:
    """Bhattacharyya distance of each group of samples to each other.

    Parameters
    ----------
    groups : list of array, shape (n, feature)
        Samples of each group.

    Returns
    -------
    array, shape (group, group)
        0 = the same distribution, without an upper limit; NaN for groups of fewer than
        ``feature + 2`` samples. The diagonal is 0.

    Notes
    -----
    Of normal distributions with the mean and covariance of each group (Swain & Davis
    1978, Remote Sensing: The Quantitative Approach, chapter 3).
    """
    count = len(groups)
    result = np.full((count, count), np.nan)
    np.fill_diagonal(result, 0.0)
    fitted = [_gaussian(group) for group in groups]
    for one in range(count):
        for other in range(one + 1, count):
            first, second = fitted[one], fitted[other]
            if first is not None and second is not None:
                distance = max(_distance(*first, *second), 0.0)
                result[one, other] = result[other, one] = distance
    return result


def jeffries_matusita(distances: FloatArray) -> FloatArray:
    """Jeffries-Matusita distances from Bhattacharyya distances.

    Parameters
    ----------
    distances : array
        0 or more.

    Returns
    -------
    array
        Of the same shape: 0 = the same distribution, 2 = no overlap.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> near, far = generator.normal(0, 1, (2, 500, 2)) + [[[0]], [[20]]]
    >>> jeffries_matusita(bhattacharyya([near, near, far])).round(2).tolist()
    [[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [2.0, 2.0, 0.0]]
    """
    similarity: FloatArray = np.exp(-distances)
    return 2 * (1 - similarity)


def _gaussian(group: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    count, features = group.shape
    if count < features + 2:
        return None
    covariance = np.atleast_2d(np.cov(group, rowvar=False))
    ridge = _SHRINKAGE * max(float(np.trace(covariance)) / features, 1e-12)
    return group.mean(0), covariance + ridge * np.eye(features)


def _distance(
    mean: FloatArray, covariance: FloatArray, mean2: FloatArray, covariance2: FloatArray
) -> float:
    middle = (covariance + covariance2) / 2
    apart = mean - mean2
    logs = [np.linalg.slogdet(c)[1] for c in (middle, covariance, covariance2)]
    return float(
        apart @ np.linalg.solve(middle, apart) / 8
        + (logs[0] - (logs[1] + logs[2]) / 2) / 2
    )


def with_surroundings(values: FloatArray, side: int) -> FloatArray:
    """Append mean and log standard deviation of the pixels around to each pixel.

    Parameters
    ----------
    values : array, shape (y, x, band)
        With a standard deviation of about 1 per band, without NaN.
    side : int
        Side in pixels of the square around each pixel.

    Returns
    -------
    array, shape (y, x, 3 band)
    """
    size = (side, side, 1)
    mean = uniform_filter(values, size)
    variance = uniform_filter(values**2, size) - mean**2
    spread = np.log(np.sqrt(np.maximum(variance, 0)) + _FLATTEST)
    return np.concatenate([values, mean, spread], -1)
