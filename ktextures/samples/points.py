"""Single pixels as samples, for classifiers such as random forests."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import rioxarray  # noqa: F401 - registers .rio

from ktextures._arguments import checked_whole
from ktextures._loading import load_extra
from ktextures.classes.categories import Categories
from ktextures.classes.legend_maps import Values
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.polygons.write import write_layer
from ktextures.raster.bands import Bands
from ktextures.raster.georeference import scene_transform
from ktextures.raster.places import point_at
from ktextures.results.paths import check_writable, claim_places
from ktextures.results.write_errors import writing_errors
from ktextures.samples.blocks import SPLITS
from ktextures.samples.drawn_points import (
    Design,
    Points,
    counts_by_class,
    draw_points,
    ground_of,
)
from ktextures.samples.inputs import Inputs, open_inputs
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import check_seed, checked_fractions

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["training_points"]

StrPath = str | os.PathLike[str]

_OWN_COLUMNS = ("class", "name", "split", "geometry")
_GEOPACKAGE = ("geom", "fid")  # columns that the format adds
_SUFFIXES = (".csv", ".gpkg")


def training_points(
    scene: Any,
    classes: Any,
    n: int,
    out: StrPath | None = None,
    *,
    design: Design = "equal",
    fractions: Sequence[float] | Mapping[str, float] = (0.7, 0.15, 0.15),
    block_size: int | None = None,
    buffer: int | None = None,
    samples: StrPath | TrainingSamples | None = None,
    bands: Bands | None = None,
    table: Categories | None = None,
    values: Values = "classes",
    overwrite: bool = False,
    seed: int = 0,
) -> "gpd.GeoDataFrame":
    """Draw pixels of each class for training a pixel classifier.

    Training, validation and test are apart on the ground, as those of
    `ktextures.training_samples` are: each block of ground belongs to one split, and
    pixels near blocks of another split are not drawn.

    Parameters
    ----------
    scene : path, DataArray or Dataset
        What `ktextures.open_scene` takes.
    classes : DataArray (y, x), Dataset or path
        Class map on the grid of the scene, a result of `ktextures.segment`, or a path
        for `ktextures.read_classes`.
    n : int
        Number of points. Classes that have too few pixels give all of them.
    out : path, optional
        File to write as well: GeoPackage (``*.gpkg``), or CSV (``*.csv``) with the
        coordinates in the columns ``x`` and ``y``.
    design : {"equal", "proportional"}, default "equal"
        "equal": as many points of each class. "proportional": as many as the class has
        of all pixels, but at least one.
    fractions : sequence of float, or mapping, default (0.7, 0.15, 0.15)
        Share of the points in train, validation and test; blocks as a whole are
        assigned.
    block_size : int, optional
        Side of a block in pixels of the scene; by default up to 272 pixels, less if the
        scene is small.
    buffer : int, optional
        No point of one split is within so many pixels of a point of another; by default
        16.
    samples : path or TrainingSamples, optional
        A set of chips whose blocks, splits and buffer hold for the points, in place of
        ``fractions``, ``block_size`` and ``buffer``; other ground is left out.
    bands : sequence of str or int, optional
        Bands to read, as for `ktextures.open_scene`.
    table : ClassTable or Legend, optional
        Names; by default those in the attributes of the map.
    values : {"classes", "legend"}, default "classes"
        "legend" takes the codes of the legend that classes are assigned to.
    overwrite : bool, default False
        Replace an existing file.
    seed : int, default 0
        Of the points and of the assignment of blocks.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per point: ``class`` (its value in the map), ``name``, ``split``, the
        value of each band in a column of its name, and ``geometry``, the pixel center
        in the CRS of the scene.

    Raises
    ------
    InputError
        If scene and map do not go together, an argument is out of range, no pixel has a
        class, blocks are too large for the splits (the message gives the largest that
        works), or a band has the name of another column.
    OutputError
        If the file exists and ``overwrite`` is not set, or cannot be written.
    MissingExtraError
        If geopandas or pyogrio is not installed.

    See Also
    --------
    ktextures.training_samples : Chips for models that see the surroundings too.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(256, k=3)
    >>> points = kt.training_points(scene, truth, 90)
    >>> list(points.columns)
    ['class', 'name', 'split', 'red', 'green', 'blue', 'nir', 'geometry']
    >>> points["class"].value_counts().to_dict()
    {1: 30, 2: 30, 3: 30}
    """
    load_extra("geopandas", "training points")
    checked_whole("n", n, 1)
    check_seed(seed)
    if design not in get_args(Design):
        raise InputError(f"design is {design!r}: give 'equal' or 'proportional'")
    _check_target(out, overwrite)
    inputs = open_inputs(scene, classes, bands=bands, table=table, values=values)
    if len(inputs.scenes) > 1:
        raise InputError(
            f"there are {len(inputs.scenes)} scenes: draw points in one scene at a time"
        )
    _check_bands(inputs, out)
    shares = checked_fractions(fractions)
    first = inputs.scenes[0].scene
    ground = ground_of(first, samples, shares, block_size, buffer)
    counts = counts_by_class(inputs, n, design)
    points = draw_points(inputs, counts, ground, seed)
    frame = _frame(points, inputs)
    if out is not None:
        _write(frame, Path(out))
    return frame


def _check_target(out: StrPath | None, overwrite: bool) -> None:
    if out is None:
        return
    if Path(out).suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"cannot write points to {str(out)!r}: give a name that ends in .gpkg or "
            ".csv"
        )
    if _is_geopackage(out):
        load_extra("pyogrio", "GeoPackages")
    target = Path(out).resolve()
    claim_places([target], overwrite=overwrite)
    check_writable(target)


def _is_geopackage(out: StrPath | None) -> bool:
    """The format is that of the given name, whatever a link leads to."""
    return out is not None and Path(out).suffix.lower() == ".gpkg"


def _check_bands(inputs: Inputs, out: StrPath | None) -> None:
    names = [str(name) for name in inputs.scenes[0].scene.band.values]
    remedy = "rename the band with scene.assign_coords(band=[...])"
    taken = [name for name in names if name in (*_OWN_COLUMNS, "x", "y")]
    if taken:
        raise InputError(
            f"the band name {taken[0]!r} is that of another column: {remedy}"
        )
    if not _is_geopackage(out):
        return
    held = {*_OWN_COLUMNS, *_GEOPACKAGE}
    for name in names:
        if name.casefold() in held:
            raise InputError(
                f"the band name {name!r} is, whatever its case, that of another column "
                f"of a GeoPackage: {remedy}, or write a .csv file"
            )
        held.add(name.casefold())


def _frame(points: Points, inputs: Inputs) -> "gpd.GeoDataFrame":
    import geopandas as gpd
    import shapely

    scene = inputs.scenes[0].scene
    x, y = point_at(scene_transform(scene), points.columns + 0.5, points.rows + 0.5)
    names = dict(zip(inputs.codes, inputs.table.names, strict=True))
    crs = scene.rio.crs
    return gpd.GeoDataFrame(
        {
            "class": points.classes,
            "name": [names[value] for value in points.classes.tolist()],
            "split": [SPLITS[split] for split in points.splits],
            **{
                str(name): values
                for name, values in zip(scene.band.values, points.pixels, strict=True)
            },
        },
        geometry=shapely.points(x, y),
        crs=None if crs is None else crs.to_wkt(),
    )


def _write(frame: "gpd.GeoDataFrame", path: Path) -> None:
    target = path.resolve()
    with writing_errors(target), staging_folder(target.parent) as folder:
        made = folder / f"points{path.suffix.lower()}"
        if _is_geopackage(path):
            write_layer(frame, made, "GPKG", "training_points")
        else:
            plain = frame.drop(columns="geometry")
            plain = plain.assign(x=frame.geometry.x, y=frame.geometry.y)
            plain.to_csv(made, index=False, lineterminator="\n")
        os.replace(made, target)
