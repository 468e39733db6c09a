"""Points of a map to label, drawn at random."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures._arguments import checked_whole
from ktextures._loading import load_extra
from ktextures.accuracy.draw import DESIGNS, Design, allocate
from ktextures.classes.categories import Categories, check_map
from ktextures.classes.legend_maps import Values, in_values
from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.places import point_at, require_crs
from ktextures.results.areas import class_areas
from ktextures.results.drawing import draw_pixels

if TYPE_CHECKING:
    import geopandas
    import pandas as pd

__all__ = ["area_shares", "sample_points"]


def sample_points(
    classes: xr.DataArray,
    n: int,
    *,
    design: Design = "stratified",
    min_per_class: int | None = None,
    table: Categories | None = None,
    values: Values = "classes",
    seed: int = 0,
) -> "geopandas.GeoDataFrame":
    """Draw points of a class map at random, to label them by better knowledge.

    Write the points to a file, fill in the column ``reference`` by what an image, a
    field visit, or a better map shows, and pass them to `assess`. Whoever labels should
    not look at the column ``class``: the points are in random order for this reason.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        Class map, values 1..k, or a map of legend codes, with a CRS. A dask-backed map
        is read twice, block by block: counted, then drawn from.
    n : int
        Number of points.
    design : {"stratified", "proportional", "equal", "simple"}, default "stratified"
        How points are divided among the classes. "stratified": by area, but at least
        `min_per_class` for each, as Olofsson et al. 2014 recommend. "proportional": by
        area, but at least 2 for each. "equal": the same number for each. "simple":
        points are drawn from all pixels alike.
    min_per_class : int, optional
        Least number of points of each class, for "stratified" (by default 50, or as
        many as leave half of the points to be divided by area, but at least 2) and
        "proportional" (by default 2).
    table : ClassTable or Legend, optional
        Names of the classes; by default those in the attributes of the map, or else
        ``ClassTable.default``.
    values : {"classes", "legend"}, default "classes"
        "legend" draws from the entries of ``ktextures.to_legend(classes, table)``.
    seed : int, default 0
        The same seed, map, and arguments give the same points, whatever the chunks.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per point, in the CRS of the map: ``point`` (1..n), ``class`` (number of
        the class, or code) and ``name`` in the map, ``reference`` (empty text, to be
        filled in with a number or name), and ``geometry``, the center of the pixel.
        ``.attrs`` holds ``design``, ``seed``, ``values``, and ``strata``: for each
        class its ``pixels``, ``share`` of the area, and number of ``points``.

    Raises
    ------
    InputError
        If it is not a class map, has no CRS or fewer than `n` pixels with classes, a
        value is not in the table, or an argument is out of range or too small for the
        design.
    MissingExtraError
        If geopandas is not installed.

    See Also
    --------
    assess : Accuracy and areas by labeled points.

    Notes
    -----
    Pixels are drawn without replacement, and nodata never. A class that has fewer
    pixels than its number of points gives all of them, and the other classes get the
    rest.

    Olofsson et al. 2014, Remote Sensing of Environment 148:42-57.

    Examples
    --------
    >>> import ktextures as kt
    >>> truth = kt.datasets.synthetic(64, k=3).truth
    >>> points = kt.sample_points(truth, 90, design="equal")
    >>> points["class"].value_counts().to_dict() == {1: 30, 2: 30, 3: 30}
    True
    >>> points.to_file("points.gpkg")  # doctest: +SKIP
    """
    geopandas = load_extra("geopandas", "points to label")
    check_map(classes, "classes")
    _check_arguments(n, design, min_per_class, seed)
    crs = require_crs(classes, "points to label")
    coded, found = in_values(classes, values, table)
    areas = class_areas(coded, found)
    strata = areas[areas["pixels"] > 0].reset_index(drop=True)
    total = int(strata["pixels"].sum())
    if total < n:
        raise InputError(
            f"n is {n}, but the map has {total} pixels with classes: give a smaller n"
        )
    strata["share"] = area_shares(strata)
    points = allocate(strata["pixels"], strata["share"], n, design, min_per_class, seed)
    strata["points"] = points
    counts = dict(zip(strata["class"].tolist(), points.tolist(), strict=True))
    rows, cols, drawn = draw_pixels(coded.data, counts, seed)
    order = np.random.default_rng(seed).permutation(n)
    x, y = point_at(scene_transform(coded), cols[order] + 0.5, rows[order] + 0.5)
    labels = drawn[order].astype(np.int64)
    names = dict(zip(strata["class"], strata["name"], strict=True))
    result = geopandas.GeoDataFrame(
        {
            "point": np.arange(1, n + 1),
            "class": labels,
            "name": [names[value] for value in labels.tolist()],
            "reference": "",
        },
        geometry=geopandas.points_from_xy(x, y),
        crs=crs,
    )
    result.attrs = {
        "design": design,
        "seed": int(seed),
        "values": values,
        "strata": _plain(strata[["class", "name", "pixels", "share", "points"]]),
    }
    return result


def area_shares(areas: "pd.DataFrame") -> npt.NDArray[np.float64]:
    """Share of the area of each class; of the pixels where areas are unknown.

    Parameters
    ----------
    areas : pandas.DataFrame
        Rows of what `class_areas` returns, with pixels.

    Returns
    -------
    ndarray of float64, (k,)
    """
    sizes = areas["area_ha"].to_numpy(np.float64)
    if not np.isfinite(sizes).all():
        sizes = areas["pixels"].to_numpy(np.float64)
    return np.asarray(sizes / sizes.sum())


def _plain(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows in plain types, which every file format can hold."""
    columns = {str(name): table[name].tolist() for name in table}
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def _check_arguments(n: Any, design: Any, minimum: Any, seed: Any) -> None:
    if design not in DESIGNS:
        raise InputError(
            f"design is {design!r}: give one of {', '.join(map(repr, DESIGNS))}"
        )
    checked_whole("n", n, 1)
    checked_whole("seed", seed, 0)
    if minimum is None:
        return
    if design not in ("stratified", "proportional"):
        raise InputError(
            f"min_per_class is {minimum!r}, which design={design!r} does not use: "
            "leave it out"
        )
    checked_whole("min_per_class", minimum, 0)
