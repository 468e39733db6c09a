"""Polygons as files, with a style for QGIS."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ktextures._loading import load_extra
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.results.paths import check_writable, claim_places, style_path
from ktextures.results.write_errors import writing_errors

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["polygon_places", "polygon_style", "write_layer", "write_polygons"]

StrPath = str | os.PathLike[str]

DRIVERS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".parquet": "",
}
LAYER = "classes"
STYLED = ("class", "name", "color")
MICROMETER_DIGITS = 9
"""Decimal places of degrees, about 0.1 mm on the ground."""


def write_polygons(
    polygons: "gpd.GeoDataFrame",
    path: StrPath,
    *,
    sidecar: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write polygons as GeoPackage, GeoParquet, GeoJSON, or FlatGeobuf.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        What `to_polygons` returned, or a selection of it.
    path : path
        The suffix chooses the format: ``.gpkg``, ``.parquet``, ``.geojson`` (in
        longitude and latitude, as RFC 7946 demands), or ``.fgb``. The folder must
        exist.
    sidecar : bool, default True
        Also write a QGIS style with the names and colors of the classes to
        ``<path without suffix>.qml``.
    overwrite : bool, default False
        Replace existing files.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the suffix is another one, it is not a GeoDataFrame, or it has no columns
        for the style.
    OutputError
        If a file exists and ``overwrite`` is False, or it cannot be written.
    MissingExtraError
        If geopandas, or pyarrow for GeoParquet, is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from ktextures import to_polygons
    >>> from ktextures.datasets import synthetic
    >>> polygons = to_polygons(synthetic(64, k=2).truth)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_polygons(polygons, f"{folder}/fields.gpkg")
    ...     sorted(each.name for each in path.parent.iterdir())
    ['fields.gpkg', 'fields.qml']
    """
    _check(polygons, sidecar)
    places = polygon_places(path, sidecar=sidecar, overwrite=overwrite)
    target = places[0]
    with writing_errors(target), staging_folder(target.parent) as folder:
        _write(polygons, folder / target.name)
        if sidecar:
            style = folder / places[1].name
            style.write_text(polygon_style(polygons), encoding="utf-8")
        for each in places:
            os.replace(folder / each.name, each)
    return target


def _check(polygons: Any, sidecar: bool) -> None:
    geopandas = load_extra("geopandas", "polygons")
    if not isinstance(polygons, geopandas.GeoDataFrame):
        raise InputError(
            f"polygons is a {type(polygons).__name__}: give a GeoDataFrame, such as "
            "ktextures.to_polygons returns"
        )
    missing = [name for name in STYLED if name not in polygons.columns]
    if sidecar and missing:
        raise InputError(
            f"polygons have no column {' and '.join(map(repr, missing))}, which the "
            "style needs: give what ktextures.to_polygons returned, or pass "
            "sidecar=False"
        )


def polygon_places(
    path: StrPath, *, sidecar: bool = True, overwrite: bool = False
) -> list[Path]:
    """Files that polygons are written to; checks that they can be made.

    Parameters
    ----------
    path : path
    sidecar : bool, default True
        Whether a style is one of them.
    overwrite : bool, default False
        Whether existing files may be replaced.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If the suffix is none of a format.
    OutputError
        If a file exists, or cannot be written.
    """
    target = Path(path).resolve()
    if target.suffix.lower() not in DRIVERS:
        raise InputError(
            f"cannot write polygons to {str(path)!r}: give a name that ends in "
            f"{', '.join(DRIVERS)}"
        )
    places = [target, style_path(target)] if sidecar else [target]
    claim_places(places, overwrite=overwrite)
    check_writable(target)
    return places


def _write(polygons: "gpd.GeoDataFrame", staged: Path) -> None:
    driver = DRIVERS[staged.suffix.lower()]
    options: dict[str, Any] = {}
    if driver == "GeoJSON":
        options = {"RFC7946": "YES", "COORDINATE_PRECISION": MICROMETER_DIGITS}
    if driver:
        write_layer(polygons, staged, driver, LAYER, **options)
    else:
        load_extra("pyarrow", "GeoParquet files")
        polygons.to_parquet(staged, index=False)


def write_layer(
    features: "gpd.GeoDataFrame", path: Path, driver: str, layer: str, **options: Any
) -> None:
    """Write the only layer of a file with GDAL.

    Parameters
    ----------
    features : geopandas.GeoDataFrame
    path : Path
        File to make.
    driver, layer : str
        Format, as GDAL names it, and name of the layer.
    **options
        Of the driver.

    Raises
    ------
    OSError
        If it cannot be written. The caller says which file, and whether the disk is
        full.
    """
    errors = load_extra("pyogrio", "vector files").errors
    failures: tuple[type[Exception], ...] = (
        errors.DataSourceError,
        errors.DataLayerError,
        errors.FeatureError,
        errors.FieldError,
    )
    try:
        features.to_file(
            path, driver=driver, layer=layer, engine="pyogrio", index=False, **options
        )
    except failures as error:
        raise OSError(str(error)) from error


def polygon_style(polygons: "gpd.GeoDataFrame") -> str:
    """Describe polygons for QGIS: one symbol for each class.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        With the columns ``class``, ``name`` and ``color``.

    Returns
    -------
    str
        XML for a ``.qml`` file.
    """
    found = polygons[list(STYLED)].drop_duplicates("class")
    root = ElementTree.Element("qgis", version="3.22", styleCategories="Symbology")
    renderer = ElementTree.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr="class", forceraster="0"
    )
    categories = ElementTree.SubElement(renderer, "categories")
    symbols = ElementTree.SubElement(renderer, "symbols")
    rows = found.sort_values("class").itertuples(index=False)
    for index, (value, name, color) in enumerate(rows):
        ElementTree.SubElement(
            categories,
            "category",
            value=str(value),
            symbol=str(index),
            label=str(name),
            render="true",
            type="long",
        )
        symbol = ElementTree.SubElement(
            symbols, "symbol", type="fill", name=str(index), alpha="1"
        )
        layer = ElementTree.SubElement(
            symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0"}
        )
        parts = ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
        for key, text in (
            ("color", f"{parts},255"),
            ("outline_color", "60,60,60,255"),
            ("outline_width", "0.1"),
            ("style", "solid"),
        ):
            ElementTree.SubElement(layer, "prop", k=key, v=text)
    ElementTree.indent(root)
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return doctype + ElementTree.tostring(root, encoding="unicode") + "\n"
