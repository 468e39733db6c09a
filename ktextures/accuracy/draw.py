"""How many points to label in each class, in plain arrays."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from ktextures.errors import InputError

__all__ = ["DESIGNS", "Design", "allocate"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

Design = Literal["stratified", "proportional", "equal", "simple"]
DESIGNS = get_args(Design)

RARE = 50
"""Points of a rare class that Olofsson et al. 2014 recommend at least."""

FEWEST = 2
"""Points of a class that have a variance."""


def allocate(
    pixels: npt.ArrayLike,
    shares: npt.ArrayLike,
    n: int,
    design: Design,
    minimum: int | None,
    seed: int,
) -> IntArray:
    """Divide points among classes.

    Parameters
    ----------
    pixels : array_like of int, (k,)
        Number of pixels of each class, 1 or more.
    shares : array_like of float, (k,)
        Share of the area of each class.
    n : int
        Number of points, at most that of pixels.
    design : {"stratified", "proportional", "equal", "simple"}
        See `ktextures.sample_points`.
    minimum : int or None
        Points of each class at least, for "stratified" and "proportional"; None for
        the default.
    seed : int
        Of the design "simple".

    Returns
    -------
    ndarray of int64, (k,)
        They sum to `n`. A class with too few pixels gives all of them, and the others
        get the rest.

    Raises
    ------
    InputError
        If `n` is too small for the design.

    Examples
    --------
    >>> pixels, shares = [900, 90, 10], [0.9, 0.09, 0.01]
    >>> allocate(pixels, shares, 200, "proportional", None, seed=0).tolist()
    [180, 18, 2]
    >>> allocate(pixels, shares, 200, "stratified", 30, seed=0).tolist()
    [160, 30, 10]
    """
    pixels = np.asarray(pixels, np.int64)
    if design == "simple":
        return _simple(pixels, n, seed)
    weights = np.asarray(shares, np.float64)
    if design == "equal":
        weights = np.ones(pixels.size)
    least = _least(pixels.size, n, design, minimum)
    low = np.minimum(least, pixels)
    if low.sum() > n:
        _refuse(n, pixels.size, least, int(low.sum()), design)
    return _divided(n, weights, low, pixels)


def _least(k: int, n: int, design: Design, minimum: int | None) -> int:
    if minimum is not None:
        return minimum
    if design == "stratified":
        # At least half of the points are left for the division by area.
        return int(np.clip(n // (2 * k), FEWEST, RARE))
    return FEWEST


def _refuse(n: int, k: int, least: int, needed: int, design: Design) -> None:
    smaller = " or a smaller min_per_class" if design != "equal" else ""
    raise InputError(
        f"n is {n}, which is too few for design={design!r}: {k} classes with at least "
        f"{least} points each need {needed}; give a larger n{smaller}"
    )


def _simple(pixels: IntArray, n: int, seed: int) -> IntArray:
    """Classes of pixels that are drawn from all of them alike."""
    ends = np.cumsum(pixels)
    drawn = np.random.default_rng(seed).choice(int(ends[-1]), n, replace=False)
    classes = np.searchsorted(ends, drawn, side="right")
    return np.bincount(classes, minlength=pixels.size).astype(np.int64)


def _divided(n: int, weights: FloatArray, low: IntArray, high: IntArray) -> IntArray:
    """Whole numbers in proportion to weights, within limits, that sum to n."""

    def numbers(scale: float) -> FloatArray:
        return np.clip(scale * weights, low, high)

    def surplus(scale: float) -> float:
        return float(numbers(scale).sum()) - n

    # Twice the scale at which every class gives all that it has.
    most = 2 * float((high / weights).max())
    scale = brentq(surplus, 0.0, most, xtol=1e-9, rtol=1e-14)
    exact = numbers(scale)
    # The largest remainders are rounded up; limits are whole numbers and have none.
    found = np.floor(exact + 1e-6).astype(np.int64)
    order = np.argsort(found - exact, kind="stable")
    found[order[: n - int(found.sum())]] += 1
    return found
