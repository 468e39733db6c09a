"""STAC items that describe the files of a map."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ktextures._loading import load_extra
from ktextures.errors import InputError
from ktextures.files.archive import write_atomically
from ktextures.results.footprint import Footprint, footprint
from ktextures.results.paths import check_writable, claim_places
from ktextures.results.stac_assets import (
    RASTER_SUFFIXES,
    MapRaster,
    is_asset,
    other_asset,
    raster_asset,
)
from ktextures.results.stac_properties import Moment, item_times, provenance

if TYPE_CHECKING:
    import pystac

__all__ = ["stac_item", "write_stac_item"]

StrPath = str | os.PathLike[str]

_CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
_RASTER = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
_PROCESSING = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"


def stac_item(
    files: StrPath | Sequence[StrPath],
    *,
    datetime: Moment | tuple[Moment, Moment] | None = None,
    item_id: str | None = None,
) -> "pystac.Item":
    """Describe the files of a map as a STAC item.

    Parameters
    ----------
    files : path, or sequence of paths
        Folder of the map, of which all files are used that ktextures writes; or the
        files, the class map first. There must be at least one GeoTIFF.
    datetime : str, date, datetime64, or pair of them, optional
        When the image was taken, or the first and last date of several images; UTC
        unless it has a time zone. By default the date of the class map's file, and the
        property ``ktextures:datetime`` says so.
    item_id : str, optional
        By default the name of the folder, and of the class map without suffix.

    Returns
    -------
    pystac.Item
        To be written next to the class map, under its name with the suffix ``.json``:
        paths of the assets are relative to that. It has the extensions projection,
        raster, classification and processing. Properties ``ktextures:...`` hold the
        parameters of the training, if the map or a model file among the files does.

    Raises
    ------
    InputError
        If there is no raster, a file does not exist, a raster has no CRS or lies
        elsewhere than the first, or the date is not a date.
    MissingExtraError
        If pystac is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import ktextures as kt
    >>> truth = kt.datasets.synthetic(64, k=3).truth
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = kt.write_classes(truth, f"{folder}/map.tif")
    ...     item = stac_item(folder, datetime="2024-06-03", item_id="example")
    >>> item.id, sorted(item.assets)
    ('example', ['map', 'map.qml', 'map.tif.aux.xml'])
    """
    library = load_extra("pystac", "STAC items")
    paths = _listed(files)
    rasters = _rasters(paths)
    first = rasters[0]
    place = _footprint(first)
    for raster in rasters[1:]:
        _check_place(first, raster)
    moment, properties = item_times(datetime, first.path)
    properties |= provenance(paths, [raster.tags for raster in rasters])
    item: pystac.Item = library.Item(
        id=item_id or _default_id(first.path),
        geometry=place.geometry,
        bbox=place.bbox,
        datetime=moment,
        properties=properties,
        stac_extensions=[_CLASSIFICATION, _RASTER, _PROCESSING],
    )
    _describe_grid(item, first, place)
    by_path = {raster.path: raster for raster in rasters}
    for path in [*by_path, *(path for path in paths if path not in by_path)]:
        known = by_path.get(path)
        asset = other_asset(path) if known is None else raster_asset(known)
        key = path.stem if known is not None else path.name
        item.add_asset(path.name if key in item.assets else key, asset)
    item.set_self_href(str(first.path.with_suffix(".json")))
    item.make_asset_hrefs_relative()
    return item


def write_stac_item(
    item: "pystac.Item", path: StrPath | None = None, *, overwrite: bool = False
) -> Path:
    """Write a STAC item as a file.

    Parameters
    ----------
    item : pystac.Item
        Such as `stac_item` returns it.
    path : path, optional
        By default next to the class map, under its name with the suffix ``.json``.
        Paths of the assets are written relative to it.
    overwrite : bool, default False
        Replace an existing file.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If it is not an item, or has no place and no path is given.
    OutputError
        If the file exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import ktextures as kt
    >>> truth = kt.datasets.synthetic(64, k=3).truth
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = kt.write_classes(truth, f"{folder}/map.tif")
    ...     write_stac_item(stac_item(path, datetime="2024-06-03")).name
    'map.json'
    """
    library = load_extra("pystac", "STAC items")
    if not isinstance(item, library.Item):
        raise InputError(
            f"item is a {type(item).__name__}; give what ktextures.stac_item returned"
        )
    href = item.get_self_href() if path is None else os.fspath(path)
    if href is None:
        raise InputError("the item has no place of its own; pass the path to write to")
    check_writable(href)
    target = Path(href).resolve()
    claim_places([target], overwrite=overwrite)
    copy = item.clone()
    copy.set_self_href(str(target))  # which also corrects paths of the assets
    described = copy.make_asset_hrefs_relative().to_dict(include_self_link=False)
    text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
    return write_atomically(target, f"{text}\n".encode())


# --- files -----------------------------------------------------------------------


def _listed(files: StrPath | Sequence[StrPath]) -> list[Path]:
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    paths = [Path(each).resolve() for each in given]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise InputError(f"there is no file {str(missing[0])!r}; check the path")
    if len(paths) == 1 and paths[0].is_dir():
        inside = sorted(each for each in paths[0].iterdir() if is_asset(each))
        # What is called so is the map, whatever else was derived from it.
        return sorted(inside, key=lambda path: path.stem != "classes")
    folders = [path for path in paths if path.is_dir()]
    if folders:
        raise InputError(f"{str(folders[0])!r} is a folder; give it alone, or files")
    return list(dict.fromkeys(paths))


def _rasters(paths: list[Path]) -> list[MapRaster]:
    """Rasters among files, class maps first."""
    found = [
        MapRaster.read(path) for path in paths if path.suffix.lower() in RASTER_SUFFIXES
    ]
    if not found:
        raise InputError(
            f"there is no GeoTIFF among {[path.name for path in paths]}; give the file "
            "that ktextures.write_classes wrote, or its folder"
        )
    for raster in found:
        if raster.crs is None:
            raise InputError(
                f"{raster.path.name!r} has no CRS, so its place on the Earth is not "
                "known; set that of the scene, such as scene = scene.rio.write_crs("
                "'EPSG:32632'), segment it again, and write the result"
            )
    return sorted(found, key=lambda raster: raster.kind != "classes")


def _default_id(path: Path) -> str:
    text = f"{path.parent.name}-{path.stem}" if path.parent.name else path.stem
    return re.sub(r"[^\w.-]+", "_", text)


# --- place -----------------------------------------------------------------------


def _footprint(raster: MapRaster) -> Footprint:
    rows, columns = raster.shape
    return footprint(raster.crs, raster.transform, columns, rows)


def _check_place(first: MapRaster, other: MapRaster) -> None:
    """Raise InputError unless two rasters cover the same rectangle."""
    apart = np.abs(np.array(_diagonal(first)) - np.array(_diagonal(other))).max()
    pixel = max(abs(t.a) + abs(t.b) for t in (first.transform, other.transform))
    if first.crs != other.crs or apart > pixel:
        raise InputError(
            f"{first.path.name!r} and {other.path.name!r} do not cover the same area "
            "in the same CRS; make an item for each of them, from a list of its files"
        )


def _diagonal(raster: MapRaster) -> tuple[float, float, float, float]:
    """First and last corner in map coordinates."""
    a, b, c, d, e, f = tuple(raster.transform)[:6]
    rows, columns = raster.shape
    return c, f, a * columns + b * rows + c, d * columns + e * rows + f


def _describe_grid(item: Any, raster: MapRaster, place: Footprint) -> None:
    projection = load_extra("pystac.extensions.projection", "STAC items")
    authority = raster.crs.to_authority() if raster.crs is not None else None
    known = projection.ProjectionExtension.ext(item, add_if_missing=True)
    known.apply(
        code=":".join(authority) if authority else None,
        wkt2=None
        if authority or raster.crs is None
        else raster.crs.to_wkt("WKT2_2019"),
        bbox=place.projected,
        shape=list(raster.shape),
        transform=list(raster.transform)[:6],
    )
