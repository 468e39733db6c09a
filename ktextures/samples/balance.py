"""Chips to leave out of training, so that the classes have more even shares."""

import numpy as np
import numpy.typing as npt

__all__ = ["chips_to_drop"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_LEAST_GAIN = 1e-9  # in nats: less is rounding


def chips_to_drop(counts: IntArray, held: IntArray) -> npt.NDArray[np.bool_]:
    """Choose chips without which the shares of the classes are more even.

    One after the other, the chip is dropped without which the entropy of the shares is
    largest, until no chip raises it, or half of them are dropped.

    Parameters
    ----------
    counts : ndarray of int64, (n, k)
        Pixels of each class in each chip.
    held : ndarray of int64, (k,)
        Pixels of each class in chips that stay.

    Returns
    -------
    ndarray of bool, (n,)
        Chips to drop. No class loses its last chip.

    Examples
    --------
    >>> counts = np.array([[9, 0], [9, 0], [0, 9], [9, 0]])
    >>> chips_to_drop(counts, np.zeros(2, int)).tolist()
    [True, True, False, False]
    """
    dropped = np.zeros(len(counts), bool)
    total = counts.sum(axis=0) + held
    present = total > 0
    entropy = _entropy(total[None])[0]
    for _ in range(len(counts) // 2):
        left = total - counts
        found = np.where(dropped, -np.inf, _entropy(left))
        found[(left[:, present] == 0).any(axis=1)] = -np.inf
        best = int(np.argmax(found))
        if found[best] < entropy + _LEAST_GAIN:
            break
        dropped[best], total, entropy = True, left[best], found[best]
    return dropped


def _entropy(counts: IntArray) -> FloatArray:
    """Of the shares in each row, in nats."""
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = np.maximum(counts, 0) / totals
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    result: FloatArray = -(shares * logs).sum(axis=1)
    return result
