"""What figures show of a map: its entries, and the names of its textures."""

import math
from typing import TYPE_CHECKING

import xarray as xr

from ktextures.classes.arrays import MAX_VALUE
from ktextures.classes.categories import categories_of
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable
from ktextures.results.figure_layout import Entry, grouped

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["legend_entries", "shown_entries", "texture_labels"]

_NEUTRAL = "#595959"


def shown_entries(areas: "pd.DataFrame", values: str) -> "pd.DataFrame":
    """Choose the rows that a figure lists: all classes, or what occurs of a legend.

    Parameters
    ----------
    areas : pandas.DataFrame
        As `class_areas` returns it.
    values : {"classes", "legend"}
        What was drawn; codes that are not 1..k are those of a legend in any case.

    Returns
    -------
    pandas.DataFrame
    """
    dense = areas["class"].tolist() == list(range(1, len(areas) + 1))
    if values == "classes" and dense:
        return areas
    present = areas[areas["pixels"] > 0]
    return (areas if present.empty else present)[:MAX_VALUE]


def legend_entries(areas: "pd.DataFrame", has_nodata: bool) -> list[Entry]:
    """Write the rows of a legend as text.

    Parameters
    ----------
    areas : pandas.DataFrame
        As `class_areas` returns it.
    has_nodata : bool
        Whether the map has pixels without a class.

    Returns
    -------
    list of (str or None, str, str, str)
        Color (None = nodata), name, share, and area of each entry.
    """
    largest = areas["area_ha"].max()
    decimals = 0 if largest >= 1000 else 1 if largest >= 10 else 2
    entries: list[Entry] = []
    for row in areas.itertuples():
        share = "" if math.isnan(row.share) else f"{100 * row.share:.1f} %"
        area = row.area_ha
        hectares = "" if math.isnan(area) else f"{grouped(area, decimals)} ha"
        entries.append((row.color, row.name, share, hectares))
    if has_nodata:
        entries.append((None, "nodata", "", ""))
    return entries


def texture_labels(classes: xr.DataArray, count: int, values: str) -> ClassTable:
    """Names and colors of textures, which belong to classes whatever is drawn.

    Parameters
    ----------
    classes : DataArray
        The map of the result.
    count : int
        Number of textures.
    values : {"classes", "legend"}
        "legend" gives them the colors of the entries that their classes belong to.

    Returns
    -------
    ClassTable
        With numbers for names if the map does not tell them.
    """
    table = categories_of(classes.attrs)
    if table is None:
        return ClassTable.default(count)
    if isinstance(table, Legend) or table.k != count:
        names = tuple(f"class {value}" for value in range(1, count + 1))
        return ClassTable(names, (_NEUTRAL,) * count)
    found = table.assignment
    if values == "classes" or found is None:
        return table
    by_code = dict(zip(found.legend.codes, found.legend.colors, strict=True))
    codes = zip(found.codes, table.colors, strict=True)
    return ClassTable(table.names, tuple(by_code.get(code, own) for code, own in codes))
