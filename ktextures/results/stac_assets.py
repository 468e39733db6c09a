"""Files of a map as assets of a STAC item."""

import contextlib
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ktextures._loading import load_extra
from ktextures.classes.attributes import is_described
from ktextures.classes.categories import categories_of
from ktextures.errors import InputError
from ktextures.raster.ground import ground_size
from ktextures.results.read_classes import read_classes
from ktextures.results.write_layers import MASK_NODATA

__all__ = ["RASTER_SUFFIXES", "MapRaster", "is_asset", "other_asset", "raster_asset"]

RASTER_SUFFIXES = (".tif", ".tiff")

_TITLES = {
    "classes": "Class map",
    "masks": "Masks of classes, one band each",
    "confidence": "Confidence, 0 to 1",
    "probabilities": "Probabilities of classes, one band each",
    "simulated": "Simulated image",
    "image": "Image",
}
# End of the name: media type, roles, title.
_OTHERS: dict[str, tuple[str, list[str], str]] = {
    ".aux.xml": ("application/xml", ["metadata"], "Names and pixel counts for GDAL"),
    ".qml": ("application/xml", ["metadata", "style"], "Style for QGIS"),
    ".gpkg": ("application/geopackage+sqlite3", ["data", "polygons"], "Polygons"),
    ".geojson": ("application/geo+json", ["data", "polygons"], "Polygons"),
    ".fgb": ("application/vnd.flatgeobuf", ["data", "polygons"], "Polygons"),
    ".parquet": ("application/vnd.apache.parquet", ["data", "polygons"], "Polygons"),
    ".ktextures": ("application/zip", ["model"], "Model of ktextures"),
    ".csv": ("text/csv", ["metadata"], "Table"),
    ".png": ("image/png", ["overview"], "Picture"),
    ".jpg": ("image/jpeg", ["overview"], "Picture"),
    ".pdf": ("application/pdf", ["overview"], "Picture"),
    ".nc": ("application/netcdf", ["data"], "Dataset"),
}


@dataclass(frozen=True)
class MapRaster:
    """What the header of a raster file says.

    Attributes
    ----------
    path : Path
        The file.
    kind : str
        "classes", "masks", "confidence", "probabilities", "simulated", or "image".
    tags : dict of str to str
        Attributes of the array that it holds.
    crs : rasterio.CRS or None
    transform : Affine
    shape : (int, int)
        Rows, columns.
    bands : list of (str, str, float or None)
        Name, dtype, and nodata of each band.
    cog : bool
        Whether it is cloud-optimized.
    """

    path: Path
    kind: str
    tags: dict[str, str]
    crs: rasterio.CRS | None
    transform: Affine
    shape: tuple[int, int]
    bands: list[tuple[str, str, float | None]]
    cog: bool

    @classmethod
    def read(cls, path: Path) -> "MapRaster":
        """Read the header of a file, or raise InputError."""
        try:
            with _unreferenced_is_fine(), rasterio.open(path) as file:
                names = [name or "" for name in file.descriptions]
                return cls(
                    path=path,
                    kind=_kind(file),
                    tags=file.tags(),
                    crs=file.crs,
                    transform=file.transform,
                    shape=file.shape,
                    bands=list(zip(names, file.dtypes, file.nodatavals, strict=True)),
                    cog=file.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG",
                )
        except RasterioError as error:
            raise InputError(
                f"cannot read {str(path)!r} as a raster: {error}; leave it out"
            ) from error


def is_asset(path: Path) -> bool:
    """Whether a file in the folder of a map belongs to it."""
    name = path.name.lower()
    return not name.startswith(".") and name.endswith((*RASTER_SUFFIXES, *_OTHERS))


def raster_asset(raster: MapRaster) -> Any:
    """Describe a raster file.

    Parameters
    ----------
    raster : MapRaster
        Its header.

    Returns
    -------
    pystac.Asset
        With its bands, and, for a class map, names and colors of the classes.
    """
    pystac = load_extra("pystac", "STAC items")
    media = pystac.MediaType.COG if raster.cog else pystac.MediaType.GEOTIFF
    fields: dict[str, Any] = {"raster:bands": _raster_bands(raster)}
    named = [{"name": name} for name, _, _ in raster.bands if name]
    if len(named) == len(raster.bands):
        fields["bands"] = named
    if raster.kind == "classes":
        fields["classification:classes"] = _classes(raster)
    return pystac.Asset(
        href=str(raster.path),
        title=_TITLES[raster.kind],
        media_type=media,
        roles=["data", raster.kind],
        extra_fields=fields,
    )


def other_asset(path: Path) -> Any:
    """Describe a file that is not a raster.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    pystac.Asset
        Without a media type if the end of the name is not known.
    """
    pystac = load_extra("pystac", "STAC items")
    name = path.name.lower()
    ends = [end for end in _OTHERS if name.endswith(end)]
    media, roles, title = _OTHERS[ends[0]] if ends else (None, ["data"], None)
    return pystac.Asset(
        href=str(path), title=title, media_type=media, roles=list(roles)
    )


@contextlib.contextmanager
def _unreferenced_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        # Who needs the place raises an error instead.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _kind(file: rasterio.DatasetReader) -> str:
    single = file.count == 1 and file.dtypes[0] in ("uint8", "uint16")
    palette = file.colorinterp[0] == ColorInterp.palette and file.nodata == 0
    tags = file.tags()
    if single and (is_described(tags) or palette):
        return "classes"
    if all("class_value" in file.tags(band) for band in file.indexes):
        masks = file.dtypes[0] == "uint8" and file.nodata == MASK_NODATA
        return "masks" if masks else "probabilities"
    if file.descriptions == ("confidence",):
        return "confidence"
    simulated = tags.get("long_name", "").startswith("simulated")
    return "simulated" if simulated else "image"


def _raster_bands(raster: MapRaster) -> list[dict[str, Any]]:
    rows, columns = raster.shape
    size = ground_size(raster.crs, raster.transform, columns, rows)
    found = []
    for _, dtype, nodata in raster.bands:
        band: dict[str, Any] = {"data_type": dtype}
        if nodata is not None:
            band["nodata"] = "nan" if math.isnan(nodata) else _plain(nodata)
        if size is not None:
            band["spatial_resolution"] = round(math.sqrt(size[0] * size[1]), 6)
        found.append(band)
    return found


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else float(number)


def _classes(raster: MapRaster) -> list[dict[str, Any]]:
    """Fields of the classification extension, version 2."""
    found = categories_of(raster.tags)
    if found is None:
        found = categories_of(read_classes(raster.path, chunks=1024).attrs)
    if found is None:
        return []
    words = _machine_names(found.names)
    listed: list[dict[str, Any]] = [
        {"value": 0, "name": "nodata", "description": "nodata", "nodata": True}
    ]
    rows = zip(found.values, words, found.names, found.colors, strict=True)
    for value, word, name, color in rows:
        hint = color.removeprefix("#").upper()
        # A description is what version 1 of the extension wants.
        described = {"title": name, "description": name, "color_hint": hint}
        listed.append({"value": value, "name": word, **described})
    return listed


def _machine_names(names: Sequence[str]) -> list[str]:
    """Names of letters, digits, ``-`` and ``_`` only, all different."""
    words = ["nodata"]
    for value, name in enumerate(names, start=1):
        plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
        plain = plain.encode("ascii", "ignore").decode()
        word = re.sub(r"[^0-9A-Za-z_-]+", "_", plain).strip("_") or f"class_{value}"
        while word in words:
            word = f"{word}_{value}"
        words.append(word)
    return words[1:]
