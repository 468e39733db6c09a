"""Accuracy of a class map, and areas with intervals, by a reference."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.accuracy.assessment import Assessment
from ktextures.accuracy.estimator import Estimate, adjusted_rand, estimate
from ktextures.accuracy.evidence import Evidence, by_polygons, by_raster
from ktextures.accuracy.places import check_map, require_crs
from ktextures.accuracy.sampled import by_points
from ktextures.accuracy.texts import percent
from ktextures.accuracy.vectors import read_marks
from ktextures.classes.categories import Categories
from ktextures.classes.legend import Legend
from ktextures.classes.legend_maps import Values
from ktextures.errors import InputError

if TYPE_CHECKING:
    import geopandas
    import pandas as pd

__all__ = ["assess"]

FloatArray = npt.NDArray[np.float64]

_LISTED = 10
"""Labels or classes that a note or message lists."""


def assess(
    classes: xr.DataArray,
    reference: "xr.DataArray | geopandas.GeoDataFrame | str | os.PathLike[str]",
    *,
    column: str = "reference",
    values: Values = "classes",
    table: Categories | None = None,
    legend: Any = None,
    reproject: bool = False,
    intervals: bool = True,
) -> Assessment:
    """Measure how good a class map is, by labels of better quality.

    Classes of an unsupervised segmentation have arbitrary numbers. Name them, assign
    them to a legend (`assign_by`), or match them to the reference (`match_classes`)
    first.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata; or a map of legend codes. A dask-backed one
        is read block by block.
    reference : DataArray, GeoDataFrame, or path
        Labeled points, drawn at random in each class as `sample_points` does; labeled
        polygons, whose pixels count; or a raster (y, x) of numbers, 0 and nodata =
        unknown. Or the path of a file of points or polygons, such as GeoPackage,
        GeoJSON, Shapefile, or GeoParquet.
    column : str, default "reference"
        Column with the labels of points or polygons: numbers or names of classes, or
        entries of the legend. Places where it is empty or 0 are left out and counted.
        Names are compared exactly, or else without regard to case.
    values : {"classes", "legend"}, default "classes"
        "legend" assesses ``ktextures.to_legend(classes, table)``. Points may have been
        drawn from the classes or from the legend.
    table : ClassTable or Legend, optional
        Names and colors; by default those in the attributes of the map, or else
        ``ClassTable.default``.
    legend : Legend, or what `Legend.read` takes, optional
        Names of the numbers in the reference, if they are not those of the map; by
        default those in the attributes of a raster. Categories are then compared by
        name.
    reproject : bool, default False
        Accept a reference in another CRS, or a raster with another grid: each pixel of
        the map is then compared with the pixel of the reference in which its center is.
    intervals : bool, default True
        Compute 95 % intervals of a reference of points. False is for points that were
        not drawn at random, or too few: one point in a class is then enough, and
        classes without points are left out of all estimates.

    Returns
    -------
    Assessment
        Confusion matrix, accuracy, and areas.

    Raises
    ------
    InputError
        If the map or the reference cannot be used, they have other CRSs or grids or do
        not overlap, nothing is labeled, no label is a class of the map, a class has too
        few points for an interval, or points were drawn from another map.
    MissingExtraError
        If the reference is vector data and geopandas is not installed.

    See Also
    --------
    sample_points : Draw the points to label.
    compare : Compare two class maps.

    Notes
    -----
    Estimators of Olofsson et al. 2014 (Remote Sensing of Environment 148:42-57). Each
    class of the map is a stratum, with its share of the area as weight. Points are
    taken as drawn by pixel: where pixels differ in size, as in geographic CRSs, a point
    counts by the area of its pixel, so that all estimates are of areas.

    A label that is no class of the map is a category of its own: its area is estimated,
    and its producer's accuracy is 0.

    Examples
    --------
    >>> import ktextures as kt
    >>> truth = kt.datasets.synthetic(64, k=3).truth
    >>> wrong = truth.copy()
    >>> wrong[:8] = 1
    >>> points = kt.sample_points(wrong, 150)
    >>> x, y = (xr.DataArray(each) for each in (points.geometry.x, points.geometry.y))
    >>> points["reference"] = truth.sel(x=x, y=y, method="nearest").values
    >>> found = kt.assess(wrong, points)
    >>> actual = float((wrong == truth).mean())
    >>> abs(found.overall - actual) < 2 * found.overall_interval
    True
    """
    check_map(classes, "classes")
    names = None if legend is None else Legend.read(legend)
    if isinstance(reference, xr.DataArray):
        return _assessed(
            by_raster(
                classes,
                reference,
                values=values,
                table=table,
                legend=names,
                reproject=reproject,
            ),
            intervals,
        )
    crs = require_crs(classes, "labeled points and polygons")
    marks = read_marks(reference, column, crs, reproject)
    if marks.kind == "polygons":
        found = by_polygons(classes, marks, values=values, table=table, legend=names)
    else:
        found = by_points(
            classes,
            marks,
            values=values,
            table=table,
            legend=names,
            intervals=intervals,
        )
    return _assessed(found, intervals)


def _assessed(found: Evidence, intervals: bool) -> Assessment:
    """Tables of what the evidence says, without categories that occur nowhere."""
    mapped, labeled = found.mapped > 0, found.counts.sum(axis=0) > 0
    kept = np.flatnonzero(mapped | labeled)
    _check_any_known(found, labeled)
    estimates = estimate(found.strata)
    total = float(found.mapped[found.covered].sum())
    names = _unique_names(found)
    rows = np.flatnonzero(mapped)
    index = [names[at] for at in rows], [names[at] for at in kept]
    units = "points" if found.kind == "points" else "pixels"
    return Assessment(
        kind=found.kind,
        compared=int(found.counts.sum()),
        overall=float(estimates.overall.value),
        overall_interval=float(estimates.overall.interval),
        ari=adjusted_rand(found.counts),
        matrix=_matrix(found.counts[np.ix_(rows, kept)], *index),
        proportions=_matrix(estimates.proportions[np.ix_(rows, kept)], *index),
        classes=_class_table(
            found,
            kept,
            {
                f"mapped_{units}": found.counts.sum(axis=1)[kept],
                f"reference_{units}": found.counts.sum(axis=0)[kept],
                **_columns("users_accuracy", estimates.users, kept),
                **_columns("producers_accuracy", estimates.producers, kept),
                **_columns("f1", estimates.f1, kept),
                **_columns("iou", estimates.iou, kept),
            },
        ),
        areas=_area_table(found, kept, estimates.areas, total),
        design=found.design,
        skipped=found.skipped,
        notes=tuple(_notes(found, intervals)),
    )


def _check_any_known(found: Evidence, labeled: npt.NDArray[np.bool_]) -> None:
    """Raise InputError if map and reference seem to speak of different things."""
    pairs = list(zip(found.categories, labeled, strict=True))
    if any(category.mapped and there for category, there in pairs):
        return
    labels = [repr(category.name) for category, there in pairs if there]
    names = [repr(category.name) for category, _ in pairs if category.mapped]
    raise InputError(
        f"no label of the reference is a class of the map: it holds {_listed(labels)}, "
        f"and the map {_listed(names)}; rename the classes (table=...), assign them to "
        "a legend and pass values='legend', or say with legend=... what the numbers in "
        "the reference mean"
    )


def _listed(names: list[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _unique_names(found: Evidence) -> list[str]:
    """Names of the categories, with their numbers where names occur twice."""
    names = [category.name for category in found.categories]
    return [
        name if names.count(name) == 1 else f"{category.value} {name}"
        for name, category in zip(names, found.categories, strict=True)
    ]


def _matrix(
    values: npt.NDArray[Any], rows: list[str], columns: list[str]
) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        values,
        pd.Index(rows, name="map"),
        pd.Index(columns, name="reference"),
    )


def _columns(
    name: str, found: Estimate, kept: npt.NDArray[np.int64]
) -> dict[str, FloatArray]:
    return {name: found.value[kept], f"{name}_interval": found.interval[kept]}


def _class_table(
    found: Evidence, kept: npt.NDArray[np.int64], columns: dict[str, npt.NDArray[Any]]
) -> "pd.DataFrame":
    import pandas as pd

    chosen = [found.categories[at] for at in kept.tolist()]
    return pd.DataFrame(
        {
            "class": pd.array([each.value for each in chosen], dtype="Int64"),
            "name": [each.name for each in chosen],
            "color": [each.color for each in chosen],
            **columns,
        }
    )


def _area_table(
    found: Evidence, kept: npt.NDArray[np.int64], areas: Estimate, total: float
) -> "pd.DataFrame":
    hectare = 1.0 if found.known_areas else np.nan
    return _class_table(
        found,
        kept,
        {
            "mapped_ha": hectare * found.mapped[kept],
            "estimated_ha": hectare * total * areas.value[kept],
            "interval_ha": hectare * total * areas.interval[kept],
            "mapped_share": found.mapped[kept] / found.mapped.sum(),
            "estimated_share": areas.value[kept],
            "share_interval": areas.interval[kept],
        },
    )


def _notes(found: Evidence, intervals: bool) -> list[str]:
    """What readers should know about the numbers."""
    notes = []
    if found.kind == "raster":
        notes.append(
            "No intervals: a raster that covers every pixel has no sampling error."
        )
        if found.coverage < 1:
            notes.append(
                f"Everything, areas too, is about the {percent(found.coverage)} of the map "
                "where the reference is known."
            )
    elif found.kind == "polygons":
        notes.append(
            "No intervals: polygons are not a random sample, and their sampling error "
            "is unknown. They contain "
            f"{percent(found.coverage)} of the map; shares of the classes are those of the "
            "whole map."
        )
    elif not intervals:
        notes.append("No intervals, as asked for (intervals=False).")
    absent = [repr(found.categories[at].name) for at in np.flatnonzero(~found.covered)]
    if absent:
        share = found.mapped[~found.covered].sum() / found.mapped.sum()
        notes.append(
            f"Without labels, and left out of all estimates: {_listed(absent)} "
            f"({percent(share)} of the map)."
        )
    extra = [
        f"{each.name!r} ({count:,})"
        for each, count in zip(found.categories, found.counts.sum(axis=0), strict=True)
        if not each.mapped and count
    ]
    if extra:
        unit = "points" if found.kind == "points" else "pixels"
        notes.append(f"In the reference only ({unit}): {_listed(extra)}.")
    if found.skipped:
        what = "Pixels" if found.kind == "raster" else found.kind.capitalize()
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in found.skipped.items())
        notes.append(f"{what} left out: {reasons}.")
    return notes
