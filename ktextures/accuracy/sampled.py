"""What labeled points say about a map, as a random sample of each stratum."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.accuracy.estimator import Strata, strata_of_points
from ktextures.accuracy.evidence import Evidence
from ktextures.accuracy.labels import Labels
from ktextures.accuracy.vectors import Marks
from ktextures.classes.categories import Categories
from ktextures.classes.legend_maps import Values, in_values
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.places import pixel_at
from ktextures.results.areas import class_areas, row_areas

__all__ = ["by_points"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_LISTED = 5
"""Classes that a message lists."""


@dataclass(frozen=True)
class _Division:
    """A map divided into strata.

    Attributes
    ----------
    values, codes : ndarray of int64, (k,)
        Classes that occur in the map, and what they are called there: codes of a
        legend, or the same.
    strata : ndarray of int64, (k,)
        Stratum of each class.
    rows : ndarray of int64, (h,)
        Category of each stratum, by its position in `known`.
    pixels, sizes : ndarray, (h,)
        Number of pixels of each stratum, and its hectares, or pixels if unknown.
    known_areas : bool
        Whether sizes are hectares.
    known : ClassTable or Legend
        Names of the codes.
    """

    values: IntArray
    codes: IntArray
    strata: IntArray
    rows: IntArray
    pixels: IntArray
    sizes: FloatArray
    known_areas: bool
    known: Categories

    @classmethod
    def of(
        cls, classes: xr.DataArray, values: Values, table: Categories | None
    ) -> "_Division":
        """Divide a map into its classes, even where codes of a legend are assessed."""
        areas = class_areas(classes, table)
        areas = areas[areas["pixels"] > 0]
        held = areas["class"].to_numpy(np.int64)
        each = xr.DataArray(held[None].astype(classes.dtype), dims=("y", "x"))
        coded, known = in_values(each.assign_attrs(classes.attrs), values, table)
        known = known or ClassTable.default(int(held.max()))
        codes = np.asarray(coded.values[0], np.int64)
        position = {value: at for at, value in enumerate(known.values)}
        sizes = areas["area_ha"].to_numpy(np.float64)
        known_areas = bool(np.isfinite(sizes).all())
        pixels = areas["pixels"].to_numpy(np.int64)
        return cls(
            held,
            codes,
            np.arange(held.size),
            np.array([position[code] for code in codes.tolist()], np.int64),
            pixels,
            sizes if known_areas else pixels.astype(np.float64),
            known_areas,
            known,
        )

    def by_category(self) -> "_Division":
        """The strata that have the same category as one."""
        rows, strata = np.unique(self.rows, return_inverse=True)
        return _Division(
            self.values,
            self.codes,
            strata[self.strata],
            rows,
            np.bincount(strata, self.pixels).round().astype(np.int64),
            np.bincount(strata, self.sizes).astype(np.float64),
            self.known_areas,
            self.known,
        )

    def name(self, stratum: int) -> str:
        """Number and name of a stratum, as messages write it."""
        values = self.values[self.strata == stratum]
        name = self.known.names[int(self.rows[stratum])]
        if values.size == 1:
            return f"class {values[0]} {name!r}"
        return repr(name)


@dataclass(frozen=True)
class _Points:
    """Labeled points where the map has classes.

    Attributes
    ----------
    rows, cols : ndarray of int64, (n,)
        Their pixels.
    classes : ndarray of int64, (n,)
        Class that the map has there.
    labels : list, (n,)
    drawn : ndarray of float64, (n,), or None
        As in `Marks`.
    skipped : dict of str to int
    """

    rows: IntArray
    cols: IntArray
    classes: IntArray
    labels: list[Any]
    drawn: FloatArray | None
    skipped: dict[str, int]


def by_points(
    classes: xr.DataArray,
    marks: Marks,
    *,
    values: Values,
    table: Categories | None,
    legend: Categories | None,
    intervals: bool,
) -> Evidence:
    """Compare a map with labeled points, drawn at random in each stratum."""
    points = _located(classes, marks)
    division = _Division.of(classes, values, table)
    at = np.searchsorted(division.values, points.classes)
    if _drawn_by_category(points, division.codes[at]):
        division = division.by_category()
    labels = Labels(division.known, legend)
    places = np.array([labels.place(label) for label in points.labels], np.int64)
    m = len(labels.categories)
    strata = division.strata[at]
    _check_number(points, strata, division, intervals)
    sizes = np.ones(at.size)
    if division.known_areas:
        sizes = row_areas(classes)[points.rows]
    rows = division.rows[strata]
    counts = np.zeros((m, m), np.int64)
    np.add.at(counts, (rows, places), 1)
    mapped = np.bincount(division.rows, division.sizes, m).astype(np.float64)
    covered = np.bincount(rows, minlength=m) > 0
    return Evidence(
        "points",
        labels.categories,
        counts,
        _sample(division, points, strata, places, sizes, m, intervals),
        mapped,
        division.known_areas,
        covered | (mapped == 0),
        {reason: count for reason, count in points.skipped.items() if count},
        marks.design,
    )


def _located(classes: xr.DataArray, marks: Marks) -> _Points:
    """The points that are on pixels with classes."""
    from shapely import get_x, get_y

    x, y = get_x(marks.geometries), get_y(marks.geometries)
    cols, rows = (np.floor(each) for each in pixel_at(scene_transform(classes), x, y))
    height, width = classes.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    at = np.flatnonzero(inside)
    rows, cols = rows[at].astype(np.int64), cols[at].astype(np.int64)
    data = classes.data
    lazy = hasattr(data, "dask")
    values = data.vindex[rows, cols].compute() if lazy else np.asarray(data)[rows, cols]
    valid = values > 0
    if not valid.any():
        raise InputError(
            f"none of the {len(marks.labels)} labeled points is where the map has "
            "classes: give points of the area of the map"
        )
    kept = at[valid]
    return _Points(
        rows[valid],
        cols[valid],
        values[valid].astype(np.int64),
        [marks.labels[index] for index in kept.tolist()],
        None if marks.drawn is None else marks.drawn[kept],
        marks.skipped
        | {
            "outside the map": int((~inside).sum()),
            "on nodata": int((~valid).sum()),
        },
    )


def _drawn_by_category(points: _Points, codes: IntArray) -> bool:
    """Whether points were drawn from the codes that are assessed, not from classes."""
    if points.drawn is None:
        return True
    wrong = points.drawn != codes
    if not wrong.any():
        return True
    if (points.drawn == points.classes).all():
        return False
    first = int(np.flatnonzero(wrong)[0])
    raise InputError(
        f"{int(wrong.sum())} of {wrong.size} points have another number in the column "
        f"'class' than the map at their place (the first {points.drawn[first]:g}, the "
        f"map {codes[first]}), so they were drawn from another map: assess that one, "
        "draw new points, or, if the column means something else, leave it out "
        "(points.drop(columns='class'))"
    )


def _check_number(
    points: _Points, strata: IntArray, division: _Division, intervals: bool
) -> None:
    """Raise InputError if a stratum has too few points for a variance."""
    if not intervals:
        return
    count = np.bincount(strata, minlength=division.rows.size)
    few = np.flatnonzero((count < 2) & ~_complete(points, strata, division))
    if not few.size:
        return
    listed = ", ".join(f"{division.name(h)} has {count[h]}" for h in few[:_LISTED])
    more = f", and {few.size - _LISTED} more" if few.size > _LISTED else ""
    raise InputError(
        f"too few labeled points for an interval: {listed}{more}; label at least 2 of "
        "each class, join rare classes (ktextures.relabel_classes, or a legend and "
        "values='legend'), or pass intervals=False"
    )


def _complete(
    points: _Points, strata: IntArray, division: _Division
) -> npt.NDArray[np.bool_]:
    """Strata of which every pixel is labeled, so that nothing about them is unsure."""
    places = np.unique(np.stack([strata, points.rows, points.cols]), axis=1)
    distinct = np.bincount(places[0], minlength=division.rows.size)
    return np.asarray(distinct >= division.pixels)


def _sample(
    division: _Division,
    points: _Points,
    strata: IntArray,
    places: IntArray,
    sizes: FloatArray,
    m: int,
    intervals: bool,
) -> Strata:
    """Strata that have points, for the estimator."""
    found = strata_of_points(division.sizes, division.rows, strata, places, sizes, m)
    variances = np.full(found.variances.shape, np.nan)
    if intervals:
        complete = _complete(points, strata, division)[:, None]
        variances = np.where(complete, 0.0, found.variances)
    has = np.bincount(strata, minlength=division.rows.size) > 0
    weights = found.weights[has] / found.weights[has].sum()
    return Strata(weights, found.rows[has], found.shares[has], variances[has])
