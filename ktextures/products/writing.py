"""Each product of an export, written by the function that makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ktextures.classes.categories import categories_of
from ktextures.files.archive import write_atomically
from ktextures.model.ktextures import KTextures
from ktextures.polygons.to_polygons import to_polygons
from ktextures.polygons.write import write_polygons
from ktextures.products.catalog import places_of
from ktextures.results.areas import class_areas
from ktextures.results.geotiff import write_classes
from ktextures.results.stac_properties import Moment
from ktextures.results.write_layers import (
    write_confidence,
    write_masks,
    write_simulated,
)

__all__ = ["Material", "write_product"]

DOTS_PER_INCH = 200


@dataclass(frozen=True)
class Material:
    """What products are made of.

    Attributes
    ----------
    scene : DataArray (band, y, x)
    result : Dataset
        As `segment` returns it, with the classes to write.
    model : KTextures
    paths : dict of str to Path
        Where each product goes.
    simplify : float or None
    datetime : date, pair of dates, or None
    """

    scene: xr.DataArray
    result: xr.Dataset
    model: KTextures
    paths: dict[str, Path]
    simplify: float | None
    datetime: Moment | tuple[Moment, Moment] | None

    @property
    def classes(self) -> xr.DataArray:
        """The class map."""
        return self.result["classes"]


def write_product(product: str, material: Material, overwrite: bool) -> Path:
    """Write one product.

    Parameters
    ----------
    product : str
    material : Material
    overwrite : bool

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = material.paths[product]
    _WRITERS[product](material, path, overwrite)
    return path


def _classes(material: Material, path: Path, overwrite: bool) -> None:
    write_classes(material.classes, path, overwrite=overwrite)


def _masks(material: Material, path: Path, overwrite: bool) -> None:
    classes = material.classes
    table = categories_of(classes.attrs)
    values = [] if table is None else list(table.values)
    each = xr.DataArray(np.array(values, np.uint8), {"class": values}, "class")
    masks = (classes == each).transpose("class", "y", "x")
    write_masks(masks, path, classes=classes, overwrite=overwrite)


def _simulated(material: Material, path: Path, overwrite: bool) -> None:
    write_simulated(material.result["simulated"], path, overwrite=overwrite)


def _confidence(material: Material, path: Path, overwrite: bool) -> None:
    write_confidence(material.result["confidence"], path, overwrite=overwrite)


def _polygons(material: Material, path: Path, overwrite: bool) -> None:
    found = to_polygons(material.classes, simplify=material.simplify)
    write_polygons(found, path, overwrite=overwrite)


def _areas(material: Material, path: Path, overwrite: bool) -> None:
    text = class_areas(material.classes).to_csv(index=False)
    write_atomically(path, text.encode("utf-8"))


def _map(material: Material, path: Path, overwrite: bool) -> None:
    from ktextures.results.plot_map import plot_map

    write_atomically(path, _png(plot_map(material.classes)))


def _overview(material: Material, path: Path, overwrite: bool) -> None:
    from ktextures.results.plot import plot

    write_atomically(path, _png(plot(material.scene, material.result)))


def _png(figure: Any) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DOTS_PER_INCH)
    return stream.getvalue()


def _model(material: Material, path: Path, overwrite: bool) -> None:
    material.model.save(path)


def _stac(material: Material, path: Path, overwrite: bool) -> None:
    from ktextures.results.stac import stac_item, write_stac_item

    files = [each for each in places_of(material.paths) if each.exists()]
    item = stac_item(
        [each for each in files if each != path],
        datetime=material.datetime,
        item_id=path.stem.removesuffix("_stac") if path.stem != "stac" else None,
    )
    write_stac_item(item, path, overwrite=overwrite)


_WRITERS: dict[str, Callable[[Material, Path, bool], None]] = {
    "classes": _classes,
    "masks": _masks,
    "simulated": _simulated,
    "confidence": _confidence,
    "polygons": _polygons,
    "areas": _areas,
    "map": _map,
    "overview": _overview,
    "model": _model,
    "stac": _stac,
}
