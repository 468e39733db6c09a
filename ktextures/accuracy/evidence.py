"""What a raster or polygons say about a map: counts, and strata for the estimator."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.accuracy.crosstab import Pairs
from ktextures.accuracy.estimator import Strata, strata_of_counts
from ktextures.accuracy.labels import Category, Labels
from ktextures.accuracy.rasters import pairs_with_polygons, pairs_with_raster
from ktextures.accuracy.vectors import Marks
from ktextures.classes.categories import (
    Categories,
    categories_of,
    check_known,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.errors import InputError
from ktextures.results.areas import SQUARE_METERS_PER_HECTARE

__all__ = ["Evidence", "Kind", "by_polygons", "by_raster"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Kind = Literal["points", "polygons", "raster"]


@dataclass(frozen=True)
class Evidence:
    """A map compared with a reference.

    Attributes
    ----------
    kind : {"points", "polygons", "raster"}
    categories : list of Category, (m,)
        Classes of the map, then those that only the reference has.
    counts : ndarray of int64, (m, m)
        Points or pixels that are i in the map and j in the reference.
    strata : Strata
        Without variances where there is no random sample.
    mapped : ndarray of float64, (m,)
        Hectares of each category in the map; pixels where areas are unknown.
    known_areas : bool
        Whether these are hectares.
    covered : ndarray of bool, (m,)
        Categories of the map that estimates hold for: the others have no label.
    skipped : dict of str to int
        Why places or pixels were left out, and how many.
    design : str or None
        How points were drawn, if it is known.
    coverage : float
        Share of the map that was compared; NaN for points.
    """

    kind: Kind
    categories: list[Category]
    counts: IntArray
    strata: Strata
    mapped: FloatArray
    known_areas: bool
    covered: npt.NDArray[np.bool_]
    skipped: dict[str, int]
    design: str | None = None
    coverage: float = float("nan")


def by_raster(
    classes: xr.DataArray,
    reference: xr.DataArray,
    *,
    values: Values,
    table: Categories | None,
    legend: Categories | None,
    reproject: bool,
) -> Evidence:
    """Compare a map with a reference raster, where this is known."""
    coded, found = in_values(classes, values, table)
    pairs = pairs_with_raster(coded, reference, reproject)
    named = legend if legend is not None else categories_of(reference.attrs)
    labels = Labels(_categories(pairs, coded, found), named, legend is not None)
    known = pairs.second > 1
    if not known.any():
        raise InputError(
            "the reference has no known pixel where the map has classes: give a "
            "reference of the same area"
        )
    codes = sorted(set(pairs.second.tolist()) - {1})
    places = {code: labels.place(code - 1) for code in codes}
    return _by_pixels("raster", pairs, places, labels, {})


def by_polygons(
    classes: xr.DataArray,
    marks: Marks,
    *,
    values: Values,
    table: Categories | None,
    legend: Categories | None,
) -> Evidence:
    """Compare a map with labeled polygons, by the pixels in them."""
    coded, found = in_values(classes, values, table)
    pairs = pairs_with_polygons(coded, marks.geometries)
    labels = Labels(_categories(pairs, coded, found), legend)
    places = {at + 2: labels.place(label) for at, label in enumerate(marks.labels)}
    used = set(pairs.second.tolist()) - {1}
    if not used:
        raise InputError(
            "no polygon contains the center of a pixel that has a class: give polygons "
            "of the area of the map"
        )
    skipped = dict(marks.skipped)
    if len(used) < len(places):
        skipped["without a pixel of their own"] = len(places) - len(used)
    return _by_pixels("polygons", pairs, places, labels, skipped)


def _categories(
    pairs: Pairs, coded: xr.DataArray, found: Categories | None
) -> Categories:
    """Names of the values in a map, all of which occur in pairs."""
    pixels = np.zeros(np.iinfo(coded.dtype).max + 1, np.int64)
    pixels[pairs.first] = 1
    found = found or default_categories(pixels)
    check_known(pixels, found)
    return found


def _by_pixels(
    kind: Literal["polygons", "raster"],
    pairs: Pairs,
    places: dict[int, int],
    labels: Labels,
    skipped: dict[str, int],
) -> Evidence:
    """Evidence from the pixels of each class and label (1 = not labeled)."""
    categories = labels.categories
    values = [each.value or -1 if each.mapped else -1 for each in categories]
    pixels, areas = pairs.table(values, [1, *places])
    known_areas = bool(np.isfinite(pairs.areas).all())
    sizes = areas / SQUARE_METERS_PER_HECTARE if known_areas else pixels.astype(float)
    counts = np.zeros((len(categories),) * 2, np.int64)
    shared = np.zeros(counts.shape)
    for column, place in enumerate(places.values(), 1):
        counts[:, place] += pixels[:, column]
        shared[:, place] += sizes[:, column]
    mapped, compared = sizes.sum(axis=1), shared.sum(axis=1)
    coverage = float(compared.sum() / mapped.sum())
    if kind == "raster":
        mapped = compared
    covered = compared > 0
    at = np.flatnonzero(covered)
    found = strata_of_counts(mapped[at] / mapped[at].sum(), shared[at], at)
    strata = Strata(
        found.weights, found.rows, found.shares, np.full(found.shares.shape, np.nan)
    )
    return Evidence(
        kind,
        categories,
        counts,
        strata,
        mapped,
        known_areas,
        covered | (mapped == 0),
        skipped,
        coverage=coverage,
    )
