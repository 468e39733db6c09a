"""Which reference class has the majority in each class, in plain arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ktextures.classes.legend import Legend
from ktextures.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MajorityResult", "count_pairs"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MajorityResult:
    """Classes assigned to the entries of a legend by a reference map.

    Attributes
    ----------
    assignment : dict of str to list of int
        Classes by the name of their entry, as `ktextures.KTextures.assign` takes them.
    purity : pandas.DataFrame
        One row per class; see `ktextures.assign_by`.
    legend : Legend
        The legend with these names.
    """

    assignment: dict[str, list[int]]
    purity: "pd.DataFrame"
    legend: Legend

    def _repr_html_(self) -> str:
        table: str = self.purity.to_html(index=False)
        return table


def count_pairs(
    classes: npt.NDArray[np.uint8], reference: npt.NDArray[np.integer], k: int
) -> tuple[IntArray, IntArray]:
    """Count the pixels of each pair of class and reference code.

    Parameters
    ----------
    classes : ndarray of uint8, any shape
        Values 1..k, 0 = nodata.
    reference : ndarray of int, same shape
        Codes, 0 = unknown.
    k : int
        Number of classes.

    Returns
    -------
    codes : ndarray of int64, (m,)
        Codes that occur where there are classes, ascending.
    counts : ndarray of int64, (k, m)
        Pixels of class ``i + 1`` with code ``codes[j]``.

    Raises
    ------
    InputError
        If a class exceeds k.

    Examples
    --------
    >>> classes = np.array([1, 1, 2], np.uint8)
    >>> codes, counts = count_pairs(classes, np.array([41, 0, 11]), 2)
    >>> codes.tolist(), counts.tolist()
    ([11, 41], [[0, 1], [1, 0]])
    """
    if classes.max(initial=0) > k:
        raise InputError(
            f"the map holds class {classes.max()}, but there are {k} classes: give "
            "names for every class"
        )
    known = (classes > 0) & (reference > 0)
    codes, places = np.unique(reference[known], return_inverse=True)
    pairs = (classes[known].astype(np.int64) - 1) * codes.size + places.ravel()
    counts = np.bincount(pairs, minlength=k * codes.size)
    return codes.astype(np.int64), counts.reshape(k, codes.size)
