"""Accuracy of a class map, and areas with intervals, by a reference."""

import os
from typing import TYPE_CHECKING, Any

import xarray as xr

from ktextures.accuracy.assessment import Assessment
from ktextures.accuracy.evidence import by_polygons, by_raster
from ktextures.accuracy.sampled import by_points
from ktextures.accuracy.summary import summarized
from ktextures.accuracy.vectors import read_marks
from ktextures.classes.categories import Categories, check_map
from ktextures.classes.legend import Legend
from ktextures.classes.legend_maps import Values
from ktextures.raster.places import require_crs

if TYPE_CHECKING:
    import geopandas

__all__ = ["assess"]


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
        return summarized(
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
    return summarized(found, intervals)
