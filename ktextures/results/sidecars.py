"""Sidecar files of class rasters: GDAL's .aux.xml and QGIS's .qml."""

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from ktextures.classes.categories import Categories
from ktextures.errors import InputError

__all__ = ["category_names", "pam_xml", "qgis_style"]

_INT32_MAX = 2**31 - 1
# Category names are listed for every value from 0, the table's for those in use only.
_MOST_CATEGORIES = 1000
_INTEGER, _REAL, _TEXT = 0, 1, 2  # GDALRATFieldType
# Column, type and usage (GDALRATFieldUsage).
_COLUMNS = (
    ("Value", _INTEGER, 5),
    ("Class", _TEXT, 2),
    ("Red", _INTEGER, 6),
    ("Green", _INTEGER, 7),
    ("Blue", _INTEGER, 8),
    ("Alpha", _INTEGER, 9),
    ("Count", _INTEGER, 1),
)


def pam_xml(table: Categories, pixels: npt.NDArray[np.int64]) -> str:
    """Describe classes for GDAL: category names and a thematic attribute table.

    Parameters
    ----------
    table : ClassTable or Legend
        Names and colors.
    pixels : ndarray of int64, (256,) or (65536,)
        Number of pixels of each value.

    Returns
    -------
    str
        XML for ``<raster>.aux.xml``.
    """
    root = ElementTree.Element("PAMDataset")
    band = ElementTree.SubElement(root, "PAMRasterBand", band="1")
    ElementTree.SubElement(band, "Description").text = "classes"
    names = dict(zip(table.values, table.names, strict=True))
    if max(names) <= _MOST_CATEGORIES:
        categories = ElementTree.SubElement(band, "CategoryNames")
        for value in range(max(names) + 1):
            name = names.get(value, "" if value else "nodata")
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
    rows = zip(table.values, table.names, table.colors, strict=True)
    for index, (code, name, color) in enumerate(rows):
        row = ElementTree.SubElement(attributes, "Row", index=str(index))
        parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        for cell in (code, name, *parts, 255, int(pixels[code])):
            ElementTree.SubElement(row, "F").text = str(cell)
    return _text(root)


def qgis_style(table: Categories) -> str:
    """Describe classes for QGIS: a paletted style with their names and colors.

    Parameters
    ----------
    table : ClassTable or Legend
        Names and colors.

    Returns
    -------
    str
        XML for a ``.qml`` file.
    """
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
    for value, name, color in zip(table.values, table.names, table.colors, strict=True):
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
    """Read the category names of a ``.aux.xml`` file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of str
        Names of the values 0, 1, ...; empty if there is no file.

    Raises
    ------
    InputError
        If the file is not XML.
    """
    if not os.path.isfile(path):  # Path.is_file raises if the name is too long
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
