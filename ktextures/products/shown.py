"""Classes as someone has merged, named, and colored them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from ktextures.classes.arrays import relabel
from ktextures.classes.attributes import replaced
from ktextures.classes.table import ClassTable
from ktextures.cleaning.parts import mapped

__all__ = ["Shown", "as_shown"]


@dataclass(frozen=True)
class Shown:
    """Classes that differ from those of a model.

    Attributes
    ----------
    mapping : sequence of int, (k,)
        Value of each class of the model; equal values merge classes.
    table : ClassTable
        Names and colors of these values.
    """

    mapping: Sequence[int]
    table: ClassTable


def as_shown(result: xr.Dataset, shown: Shown | None) -> xr.Dataset:
    """Result of `segment` in other classes.

    Parameters
    ----------
    result : Dataset
        With "classes" and "textures".
    shown : Shown or None

    Returns
    -------
    Dataset
        Of merged classes, the texture of the first is kept.
    """
    if shown is None:
        return result
    values = np.asarray(shown.mapping, np.int64)
    function = partial(relabel, mapping=values)
    classes = mapped(result["classes"], lambda number: function)
    classes.attrs = replaced(classes.attrs, shown.table.attrs())
    firsts = [values.tolist().index(value) for value in shown.table.values]
    chosen = result["textures"].isel({"class": firsts})
    chosen = chosen.assign_coords({"class": list(shown.table.values)})
    found = result.drop_dims("class").drop_vars("classes")
    return found.assign(classes=classes, textures=chosen)
