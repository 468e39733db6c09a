"""Classes as polygons with names, colors and areas."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures._loading import load_extra
from ktextures.classes.categories import (
    Categories,
    check_known,
    check_map,
    default_categories,
)
from ktextures.classes.legend_maps import Values, in_values
from ktextures.cleaning.components import find_areas
from ktextures.cleaning.min_area import MinArea
from ktextures.cleaning.sieve import sieve
from ktextures.errors import InputError
from ktextures.polygons.measure import hectares
from ktextures.polygons.trace import CONNECTIVITY, trace_areas
from ktextures.polygons.vertices import with_shared_vertices
from ktextures.raster.georeference import scene_transform

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["check_simplify", "to_polygons"]

Polygons = npt.NDArray[np.object_]


def to_polygons(
    classes: xr.DataArray,
    min_area: MinArea | None = None,
    simplify: float | None = None,
    *,
    table: Categories | None = None,
    values: Values = "classes",
) -> "gpd.GeoDataFrame":
    """Turn a class map into polygons, one for each connected area of a class.

    Polygons that touch share their border, also after simplification: there are no gaps
    and no overlaps, and the edge between classes and nodata stays where it is.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, 0 = nodata; or a map of legend codes. A lazy
        (dask-backed) map is computed a row of chunks at a time, twice, and a third time
        for ``min_area``: write a map that is expensive to compute to a file first.
    min_area : float or str, optional
        Merge smaller areas into their neighbors first, as `sieve` does: pixels, or text
        with a unit, such as ``"0.5 ha"``.
    simplify : float, optional
        Smooth the borders by about this distance, in pixels: 1 removes the stairs of
        pixels. By default borders follow the pixels.
    table : ClassTable or Legend, optional
        Names and colors; by default those in the attributes of ``classes``.
    values : {"classes", "legend"}, default "classes"
        "legend" makes polygons of ``ktextures.to_legend(classes, table)``.

    Returns
    -------
    geopandas.GeoDataFrame
        In the CRS of the map, in the order of their first pixels, row by row, with the
        columns ``class`` (number, or code of the legend), ``name``, ``color``,
        ``area_ha`` and ``geometry``. Areas are planar for projected CRSs, and
        ellipsoidal for CRSs in degrees and those of the Mercator family. The result
        does not depend on the chunks. ``polygons.dissolve("class")`` has one row per
        class.

    Raises
    ------
    InputError
        If it is not a class map, it has no CRS, ``min_area`` is not an area, or
        ``simplify`` is not a positive number.
    MissingExtraError
        If geopandas or shapely is not installed.

    Notes
    -----
    Borders are simplified by the algorithm of Visvalingam and Whyatt (1993,
    doi:10.1179/000870493786962263) on the polygons as a coverage, in pixels.

    Examples
    --------
    >>> from ktextures.datasets import synthetic
    >>> polygons = to_polygons(synthetic(64, k=2).truth, min_area="0.1 ha")
    >>> round(float(polygons["area_ha"].sum()), 2)
    40.96
    """
    gpd = load_extra("geopandas", "polygons")
    shapely = load_extra("shapely", "polygons")
    check_map(classes)
    check_simplify(simplify)
    if classes.rio.crs is None:
        raise InputError(
            "the map has no CRS, so polygons would have no place: write that of its "
            "scene with classes.rio.write_crs(...)"
        )
    classes, found = in_values(classes, values, table)
    if min_area is not None:
        classes = sieve(classes, min_area)
    areas = find_areas(classes, CONNECTIVITY, np.ones(classes.sizes["y"]))
    found = _known(areas.values, classes.dtype, found)
    outlines = trace_areas(classes, areas)
    if simplify is not None and outlines.size:
        outlines = shapely.coverage_simplify(
            with_shared_vertices(outlines), simplify, simplify_boundary=False
        )
    outlines = _placed(outlines, classes)
    crs = pyproj.CRS.from_user_input(classes.rio.crs)
    return gpd.GeoDataFrame(
        {
            "class": areas.values,
            "name": _column(areas.values, found.values, found.names),
            "color": _column(areas.values, found.values, found.colors),
            "area_ha": hectares(outlines, crs),
        },
        geometry=outlines,
        crs=crs,
    )


def check_simplify(simplify: float | None) -> None:
    """Raise InputError unless this is a distance in pixels, or None."""
    number = isinstance(simplify, int | float | np.number)
    if simplify is not None and (
        not number or isinstance(simplify, bool) or not 0 < simplify < np.inf
    ):
        raise InputError(
            f"simplify is {simplify!r}: give a distance in pixels, such as 1, or leave "
            "it out"
        )


def _known(
    values: npt.NDArray[np.int64], dtype: np.dtype[Any], table: Categories | None
) -> Categories:
    """Names and colors of all values."""
    held = np.bincount(values, minlength=np.iinfo(dtype).max + 1)
    found = table or default_categories(held)
    check_known(held, found)
    return found


def _column(
    values: npt.NDArray[np.int64], codes: tuple[int, ...], texts: tuple[str, ...]
) -> list[str]:
    by_code = dict(zip(codes, texts, strict=True))
    return [by_code[value] for value in values.tolist()]


def _placed(outlines: Polygons, classes: xr.DataArray) -> Polygons:
    """Polygons in map coordinates instead of columns and rows."""
    import shapely

    a, b, c, d, e, f = tuple(scene_transform(classes))[:6]

    def to_map(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.stack(
            [
                a * points[:, 0] + b * points[:, 1] + c,
                d * points[:, 0] + e * points[:, 1] + f,
            ],
            axis=1,
        )

    found: Polygons = shapely.transform(outlines, to_map)
    return found
