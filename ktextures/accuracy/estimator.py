"""Accuracy and areas with standard errors from a stratified sample, in plain arrays.

The estimators of Olofsson et al. 2014 (Remote Sensing of Environment 148:42-57), in a
form that also holds where pixels differ in size, and where several strata make up one
class of the map: all variances follow from those of the shares within each stratum, by
linearization of the ratios (Stehman 2014, International Journal of Remote Sensing
35:4923-4939).

Categories are counted from 0: those of the map, and those that only the reference has.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Z95",
    "Estimate",
    "Estimates",
    "Strata",
    "adjusted_rand",
    "estimate",
    "strata_of_counts",
    "strata_of_points",
]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

Z95 = 1.96
"""Standard errors in half a 95 % interval, as Olofsson et al. 2014 round it."""


@dataclass(frozen=True)
class Strata:
    """What a sample says about each stratum.

    Attributes
    ----------
    weights : ndarray of float64, (h,)
        Share of the area in each stratum; they sum to 1.
    rows : ndarray of int64, (h,)
        Category that the map has in each stratum.
    shares : ndarray of float64, (h, m)
        Estimated share of the stratum that is category j in the reference.
    variances : ndarray of float64, (h, m)
        Variance of each estimated share; NaN where it is unknown.
    """

    weights: FloatArray
    rows: IntArray
    shares: FloatArray
    variances: FloatArray


@dataclass(frozen=True)
class Estimate:
    """Numbers with their standard errors, NaN where unknown.

    Attributes
    ----------
    value, error : ndarray of float64, (m,) or ()
    """

    value: FloatArray
    error: FloatArray

    @property
    def interval(self) -> FloatArray:
        """Half the width of the 95 % interval."""
        return np.asarray(Z95 * self.error)


@dataclass(frozen=True)
class Estimates:
    """Accuracy of a map, and the areas of the categories in the reference.

    Attributes
    ----------
    proportions : ndarray of float64, (m, m)
        Share of the area that is category i in the map and j in the reference (p_ij).
    overall : Estimate
        Share of the area that the map has right.
    users, producers, f1, iou : Estimate
        Of each category; NaN where the map or the reference does not have it.
    areas : Estimate
        Share of the area that each category has in the reference (p_+j).
    """

    proportions: FloatArray
    overall: Estimate
    users: Estimate
    producers: Estimate
    f1: Estimate
    iou: Estimate
    areas: Estimate


def strata_of_counts(
    weights: npt.ArrayLike, counts: npt.ArrayLike, rows: npt.ArrayLike | None = None
) -> Strata:
    """Describe strata by the number of points of each category in the reference.

    Parameters
    ----------
    weights : array_like of float, (h,)
        Share of the area in each stratum.
    counts : array_like of int, (h, m)
        Points of each stratum by their category in the reference.
    rows : array_like of int, (h,), optional
        Category that the map has in each stratum; by default 0, 1, 2, ...

    Returns
    -------
    Strata
        With variances p (1 - p) / (n - 1); NaN for fewer than 2 points.

    Examples
    --------
    >>> strata_of_counts([0.4, 0.6], [[3, 1], [0, 5]]).shares.tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    counts = np.asarray(counts, np.float64)
    points = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(points > 0, points, np.nan)
    variances = shares * (1 - shares) / np.where(points > 1, points - 1, np.nan)
    at = np.arange(len(counts)) if rows is None else np.asarray(rows, np.int64)
    return Strata(np.asarray(weights, np.float64), at, shares, variances)


def strata_of_points(
    weights: npt.ArrayLike,
    rows: npt.ArrayLike,
    strata: npt.ArrayLike,
    labels: npt.ArrayLike,
    sizes: npt.ArrayLike,
    m: int,
) -> Strata:
    """Describe strata by points whose pixels differ in size.

    Points are drawn by pixel, so those that stand for more ground count more: the share
    of a category is the ratio of two sums of pixel sizes.

    Parameters
    ----------
    weights : array_like of float, (h,)
        Share of the area in each stratum.
    rows : array_like of int, (h,)
        Category that the map has in each stratum.
    strata, labels : array_like of int, (n,)
        Stratum of each point, 0..h-1, and its category in the reference, 0..m-1.
    sizes : array_like of float, (n,)
        Area of the pixel of each point, in any unit.
    m : int
        Number of categories.

    Returns
    -------
    Strata
        For pixels of one size, that of `strata_of_counts`.

    Examples
    --------
    >>> found = strata_of_points([1.0], [0], [0, 0, 0], [0, 0, 1], [1, 1, 2], 2)
    >>> found.shares.tolist()
    [[0.5, 0.5]]
    """
    strata, labels = np.asarray(strata, np.int64), np.asarray(labels, np.int64)
    sizes = np.asarray(sizes, np.float64)
    h = len(np.asarray(weights))
    cells = strata * m + labels

    def summed(of_points: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(cells, of_points, h * m), np.float64).reshape(
            h, m
        )

    points = summed(np.ones_like(sizes)).sum(axis=1, keepdims=True)
    sums, squares = summed(sizes), summed(sizes**2)
    total = sums.sum(axis=1, keepdims=True)
    shares = sums / np.where(total > 0, total, np.nan)
    # Squared residuals, (1 - share) of points in the category and -share of the others.
    others = squares.sum(axis=1, keepdims=True) - squares
    residuals = (1 - shares) ** 2 * squares + shares**2 * others
    factor = points / np.where(points > 1, points - 1, np.nan)
    variances = factor * residuals / np.where(total > 0, total, np.nan) ** 2
    return Strata(
        np.asarray(weights, np.float64), np.asarray(rows, np.int64), shares, variances
    )


def estimate(strata: Strata) -> Estimates:
    """Estimate accuracy and areas.

    Parameters
    ----------
    strata : Strata
        All of the map.

    Returns
    -------
    Estimates
        Overall, user's, and producer's accuracy and areas by eqs. 1 to 10 of Olofsson
        et al. 2014. F1 = 2 p_jj / (p_j+ + p_+j); IoU = p_jj / (p_j+ + p_+j - p_jj).

    Examples
    --------
    >>> found = estimate(strata_of_counts([0.4, 0.6], [[30, 10], [0, 50]]))
    >>> round(float(found.overall.value), 3), found.areas.value.round(3).tolist()
    (0.9, [0.3, 0.7])
    """
    m = strata.shares.shape[1]
    one, none = np.ones(m), np.zeros(m)
    proportions = np.zeros((m, m))
    np.add.at(proportions, strata.rows, strata.weights[:, None] * strata.shares)
    mapped = np.bincount(strata.rows, strata.weights, m).astype(np.float64)
    real, right = proportions.sum(axis=0), np.diag(proportions)
    # Variance of each column, from the strata that the map has right and from others.
    cells = strata.weights[:, None] ** 2 * strata.variances
    own = strata.rows[:, None] == np.arange(m)
    inside = np.where(own, cells, 0.0).sum(axis=0)
    outside = np.where(own, 0.0, cells).sum(axis=0)

    def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
        return np.asarray(above / np.where(below > 0, below, np.nan))

    def errors(a: FloatArray, b: FloatArray, below: FloatArray) -> FloatArray:
        # What does not count may be unknown.
        variance = a**2 * inside + np.where(b == 0, 0.0, b**2 * outside)
        return ratio(np.sqrt(variance), below)

    users, producers = ratio(right, mapped), ratio(right, real)
    f1, iou = ratio(2 * right, mapped + real), ratio(right, mapped + real - right)
    return Estimates(
        proportions,
        Estimate(right.sum(), np.sqrt(inside.sum())),
        Estimate(users, errors(one, none, mapped)),
        Estimate(producers, errors(1 - producers, producers, real)),
        Estimate(f1, errors(2 - f1, f1, mapped + real)),
        Estimate(iou, errors(one, iou, mapped + real - right)),
        Estimate(real, errors(one, one, one)),
    )


def adjusted_rand(counts: npt.ArrayLike) -> float:
    """Compute the adjusted Rand index of two divisions from their table.

    scikit-learn computes it from the labels of all pixels, which may be too many to
    hold at once.

    Parameters
    ----------
    counts : array_like of int, (k, m)
        Pixels or points of each pair of classes.

    Returns
    -------
    float
        1 for the same division, about 0 for unrelated ones; NaN without pixels.

    Notes
    -----
    Hubert & Arabie 1985, Journal of Classification 2:193-218.

    Examples
    --------
    >>> adjusted_rand([[5, 0], [0, 3]])
    1.0
    """
    # Whole numbers of Python do not overflow: pairs of pixels, multiplied by pairs.
    table = np.asarray(counts).astype(object)
    total = int(table.sum()) if table.size else 0
    if total == 0:
        return float("nan")
    together = sum(n * (n - 1) for n in table.ravel())
    rows = sum(n * (n - 1) for n in table.sum(axis=1))
    columns = sum(n * (n - 1) for n in table.sum(axis=0))
    pairs = total * (total - 1)
    if rows == columns == together:
        return 1.0
    expected = rows * columns / pairs
    return float((together - expected) / ((rows + columns) / 2 - expected))
