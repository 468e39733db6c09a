"""Arithmetic of class maps as plain arrays.

Class values are 1..k, and 0 is nodata. A *mapping* is an integer array (k,) whose entry
``i`` is the new value of class ``i + 1``.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError

__all__ = [
    "MAX_VALUE",
    "canonical_order",
    "check_mapping",
    "check_uint8",
    "match_counts",
    "match_to",
    "relabel",
]

IntArray = npt.NDArray[np.int64]

MAX_VALUE = 255  # classes are uint8


def canonical_order(brightness: npt.ArrayLike) -> IntArray:
    """Order classes from dark to bright.

    Parameters
    ----------
    brightness : array_like, (k,)
        Mean brightness of each class; NaN for a class without pixels.

    Returns
    -------
    ndarray of int64, (k,)
        0-based classes, darkest first and NaN last; ties keep their order.

    Raises
    ------
    InputError
        If it is not one-dimensional.

    Examples
    --------
    >>> canonical_order([0.5, np.nan, 0.1]).tolist()
    [2, 0, 1]
    """
    values = np.asarray(brightness, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(
            f"brightness has shape {values.shape}: give one number for each class"
        )
    # NaN sorts last, and the stable kind keeps ties in place.
    return np.argsort(values, kind="stable").astype(np.int64)


def relabel(
    classes: npt.NDArray[np.uint8], mapping: npt.ArrayLike
) -> npt.NDArray[np.uint8]:
    """Change the values of classes; 0 stays 0.

    Parameters
    ----------
    classes : ndarray of uint8, any shape
        Values 0..k.
    mapping : array_like of int, (k,)
        New value 0..255 of class ``i + 1``; equal values merge classes, 0 = nodata.

    Returns
    -------
    ndarray of uint8
        A new array.

    Raises
    ------
    InputError
        If the dtype is not uint8, or a class is not in the mapping.

    Examples
    --------
    >>> relabel(np.array([0, 1, 2], np.uint8), [5, 1]).tolist()
    [0, 5, 1]
    """
    values = check_mapping(mapping)
    if values.min(initial=1) < 0 or values.max(initial=1) > MAX_VALUE:
        raise InputError(f"mapping is {values.tolist()}: give values 0..{MAX_VALUE}")
    check_uint8(classes.dtype)
    highest = int(classes.max(initial=0))
    if highest > values.size:
        raise InputError(
            f"class {highest} is not in the mapping of {values.size}: "
            "give a new value for every class"
        )
    return np.concatenate([[0], values]).astype(np.uint8)[classes]


def check_mapping(mapping: npt.ArrayLike) -> IntArray:
    """Return a mapping as int64, or raise InputError unless it is a list of ints."""
    values = np.asarray(mapping)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InputError(
            f"mapping is {values.dtype} with shape {values.shape}: "
            "give one whole number for each class"
        )
    return values.astype(np.int64)


def check_uint8(dtype: np.dtype[Any]) -> None:
    """Raise InputError unless this is the dtype of class maps."""
    if dtype != np.uint8:
        raise InputError(
            f"classes are {dtype}: give uint8 with values 1..k, 0 for nodata"
        )


def match_to(
    new: npt.NDArray[np.uint8], old: npt.NDArray[np.uint8], k_new: int, k_old: int
) -> IntArray:
    """Find the mapping that makes a map agree with another in the most pixels.

    Parameters
    ----------
    new, old : ndarray of uint8, (y, x)
        Two maps of the same pixels. Pixels that are 0 in either one do not count.
    k_new, k_old : int
        Number of classes in each.

    Returns
    -------
    ndarray of int64, (k_new,)
        New value of class ``i + 1`` of ``new``. Values are distinct and in
        1..max(k_new, k_old). If ``new`` has more classes, the surplus ones get the
        values above k_old.

    Raises
    ------
    InputError
        If the shapes differ, a dtype is not uint8, or a value exceeds k.

    Examples
    --------
    >>> old = np.array([[1, 1, 2, 2]], np.uint8)
    >>> match_to(3 - old, old, 2, 2).tolist()
    [2, 1]
    """
    if new.shape != old.shape:
        raise InputError(
            f"the maps have the shapes {new.shape} and {old.shape}: give two maps of "
            "the same pixels"
        )
    for classes, k in ((new, k_new), (old, k_old)):
        check_uint8(classes.dtype)
        if not 1 <= k <= MAX_VALUE or classes.max(initial=0) > k:
            raise InputError(
                f"a map of k={k} classes holds class {classes.max(initial=0)}: give k "
                f"as the number of classes, 1..{MAX_VALUE}"
            )
    pairs = new.ravel().astype(np.int64) * (k_old + 1) + old.ravel()
    counts = np.bincount(pairs, minlength=(k_new + 1) * (k_old + 1))
    return match_counts(counts.reshape(k_new + 1, k_old + 1)[1:, 1:])


def match_counts(counts: npt.ArrayLike) -> IntArray:
    """Find the mapping that makes a map agree with another, from their table.

    Parameters
    ----------
    counts : array_like of int, (k_new, k_old)
        Pixels of class ``i + 1`` of the new map and class ``j + 1`` of the old one.

    Returns
    -------
    ndarray of int64, (k_new,)
        As `match_to` returns it.

    Examples
    --------
    >>> match_counts([[0, 5], [7, 1], [2, 0]]).tolist()
    [2, 1, 3]
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.asarray(counts, np.int64)
    k_new, k_old = counts.shape
    size = max(k_new, k_old)
    shared = np.zeros((k_new, size), np.int64)
    shared[:, :k_old] = counts
    # Among equally good mappings, prefer the one that changes the fewest values, with
    # weights that add up to less than one pixel.
    score = shared * (2 * size + 1) + np.eye(k_new, size, dtype=np.int64)
    _, columns = linear_sum_assignment(score, maximize=True)
    return np.asarray(columns, dtype=np.int64) + 1
