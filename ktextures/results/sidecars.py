"""Texts that GIS programs read beside a class raster: GDAL's .aux.xml, QGIS's .qml."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from ktextures.classes import ClassTable
from ktextures.errors import InputError

__all__ = ["category_names", "pam_xml", "qgis_style"]

_INT32_MAX = 2**31 - 1
_INTEGER, _REAL, _TEXT = 0, 1, 2  # GDALRATFieldType
# Column, type and what GDAL uses it for (GDALRATFieldUsage).
_COLUMNS = (
    ("Value", _INTEGER, 5),
    ("Class", _TEXT, 2),
    ("Red", _INTEGER, 6),
    ("Green", _INTEGER, 7),
    ("Blue", _INTEGER, 8),
    ("Alpha", _INTEGER, 9),
    ("Count", _INTEGER, 1),
)


def pam_xml(table: ClassTable, pixels: npt.NDArray[np.int64]) -> str:
    """Write category names and a thematic attribute table as GDAL's side-car.

    Parameters
    ----------
    table : ClassTable
        Names and colors.
    pixels : ndarray of int64, (256,)
        Pixels of each value.

    Returns
    -------
    str
        XML for ``<raster>.aux.xml``.
    """
    root = ElementTree.Element("PAMDataset")
    band = ElementTree.SubElement(root, "PAMRasterBand", band="1")
    ElementTree.SubElement(band, "Description").text = "classes"
    categories = ElementTree.SubElement(band, "CategoryNames")
    for name in ("nodata", *table.names):
        ElementTree.SubElement(categories, "Category").text = name
    attributes = ElementTree.SubElement(
        band, "GDALRasterAttributeTable", tableType="thematic"
    )
    for index, (title, kind, usage) in enumerate(_COLUMNS):
        # GDAL's integers have 32 bits; a mosaic may hold more pixels.
        wide = title == "Count" and pixels.max(initial=0) > _INT32_MAX
        column = ElementTree.SubElement(attributes, "FieldDefn", index=str(index))
        ElementTree.SubElement(column, "Name").text = title
        ElementTree.SubElement(column, "Type").text = str(_REAL if wide else kind)
        ElementTree.SubElement(column, "Usage").text = str(usage)
    for index, (name, color) in enumerate(zip(table.names, table.colors, strict=True)):
        row = ElementTree.SubElement(attributes, "Row", index=str(index))
        parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        for value in (index + 1, name, *parts, 255, int(pixels[index + 1])):
            ElementTree.SubElement(row, "F").text = str(value)
    return _text(root)


def qgis_style(table: ClassTable) -> str:
    """Write a paletted QGIS style with the table's names and colors."""
    root = ElementTree.Element(
        "qgis", version="3.22", styleCategories="AllStyleCategories"
    )
    pipe = ElementTree.SubElement(root, "pipe")
    renderer = ElementTree.SubElement(
        pipe,
        "rasterrenderer",
        type="paletted",
        band="1",
        opacity="1",
        alphaBand="-1",
        nodataColor="",
    )
    ElementTree.SubElement(renderer, "rasterTransparency")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    rows = zip(table.names, table.colors, strict=True)
    for value, (name, color) in enumerate(rows, start=1):
        ElementTree.SubElement(
            palette,
            "paletteEntry",
            value=str(value),
            label=name,
            color=color,
            alpha="255",
        )
    ElementTree.SubElement(root, "blendMode").text = "0"
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return doctype + _text(root)


def category_names(path: Path) -> list[str]:
    """Names by value (from 0) in a ``.aux.xml`` file; none when there is no file.

    Raises
    ------
    InputError
        When the file is not XML.
    """
    if not path.exists():
        return []
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise InputError(
            f"{str(path)!r} is damaged: {error}; delete it or write the classes again"
        ) from error
    return [category.text or "" for category in root.iter("Category")]


def _text(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
