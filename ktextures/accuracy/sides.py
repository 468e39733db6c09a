"""The classes of two maps that are compared, and tables of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes.categories import (
    Categories,
    categories_of,
    check_known,
    default_categories,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Side", "change_table", "match_table", "wide_table"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """Classes of one map that occur where both have classes.

    Attributes
    ----------
    values : list of int
    names, labels, colors : list of str
        Labels are names, with numbers where names occur twice.
    """

    values: list[int]
    names: list[str]
    labels: list[str]
    colors: list[str]

    @classmethod
    def of(cls, classes: xr.DataArray, held: IntArray) -> "Side":
        """Read the names of the values that occur."""
        pixels = np.zeros(np.iinfo(classes.dtype).max + 1, np.int64)
        pixels[held] = 1
        found: Categories = categories_of(classes.attrs) or default_categories(pixels)
        check_known(pixels, found)
        values = np.unique(held).tolist()
        names = dict(zip(found.values, found.names, strict=True))
        colors = dict(zip(found.values, found.colors, strict=True))
        own = [names[value] for value in values]
        labels = [
            name if own.count(name) == 1 else f"{value} {name}"
            for value, name in zip(values, own, strict=True)
        ]
        return cls(values, own, labels, [colors[value] for value in values])


def wide_table(values: npt.NDArray[Any], a: Side, b: Side) -> "pd.DataFrame":
    """Values of all pairs: rows = a, columns = b."""
    import pandas as pd

    return pd.DataFrame(
        values, pd.Index(a.labels, name="a"), pd.Index(b.labels, name="b")
    )


def change_table(
    a: Side,
    b: Side,
    pixels: IntArray,
    hectares: FloatArray,
    sizes: npt.NDArray[Any],
    same: npt.NDArray[np.bool_],
) -> "pd.DataFrame":
    """Pairs of classes that are not the same, the largest first."""
    import pandas as pd

    rows, columns = np.nonzero((pixels > 0) & ~same)
    order = np.argsort(-pixels[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    return pd.DataFrame(
        {
            "class_a": np.array(a.values, np.int64)[rows],
            "name_a": [a.names[row] for row in rows],
            "color_a": [a.colors[row] for row in rows],
            "class_b": np.array(b.values, np.int64)[columns],
            "name_b": [b.names[column] for column in columns],
            "color_b": [b.colors[column] for column in columns],
            "pixels": pixels[rows, columns],
            "area_ha": hectares[rows, columns],
            "share": sizes[rows, columns] / sizes.sum(),
        }
    )


def match_table(
    a: Side,
    b: Side,
    pixels: IntArray,
    hectares: FloatArray,
    same: npt.NDArray[np.bool_],
) -> "pd.DataFrame":
    """Classes that belong together, then those without a partner."""
    import pandas as pd

    found = [(int(row), int(column)) for row, column in np.argwhere(same)]
    alone_a = [(row, None) for row in np.flatnonzero(~same.any(axis=1)).tolist()]
    alone_b = [(None, column) for column in np.flatnonzero(~same.any(axis=0)).tolist()]
    rows = []
    for row, column in [*found, *alone_a, *alone_b]:
        both = row is not None and column is not None
        shared = pixels[row, column] if both else 0
        union = (pixels[row].sum() if row is not None else 0) - shared
        union += pixels[:, column].sum() if column is not None else 0
        rows.append(
            {
                "class_a": None if row is None else a.values[row],
                "name_a": "" if row is None else a.names[row],
                "class_b": None if column is None else b.values[column],
                "name_b": "" if column is None else b.names[column],
                "pixels": int(shared),
                "area_ha": float(hectares[row, column]) if both else 0.0,
                "iou": float(shared / union),
            }
        )
    return pd.DataFrame(rows).astype({"class_a": "Int64", "class_b": "Int64"})
