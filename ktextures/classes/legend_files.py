"""Legends as files: CSV tables, and the styles of QGIS."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from typing import NoReturn
from xml.parsers import expat

from ktextures.classes.legend_entries import Row
from ktextures.errors import InputError

__all__ = ["MAX_BYTES", "csv_text", "read_rows"]

StrPath = str | os.PathLike[str]
MAX_BYTES = 2**20
"""Of a file; legends have a few kilobytes."""

_COLUMNS = ("name", "color", "code")
_SYNONYMS = {"colour": "color", "label": "name", "value": "code"}


def read_rows(path: StrPath) -> list[Row]:
    """Read the entries of a legend from a file.

    Parameters
    ----------
    path : path
        ``*.qml`` is a QGIS style, anything else CSV.

    Returns
    -------
    list of Row
        In the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or is not a legend.
    """
    content = _content(path)
    name = repr(os.fspath(path))
    if str(path).lower().endswith(".qml"):
        return _qml_rows(content, name)
    return _csv_rows(content, name)


def csv_text(rows: Sequence[tuple[str, str, int]]) -> str:
    """Write the entries of a legend as CSV, which `read_rows` reads.

    Parameters
    ----------
    rows : sequence of tuple
        Name, color and code of each entry.

    Returns
    -------
    str
        With a header.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _content(path: StrPath) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot read the legend {os.fspath(path)!r}: {reason}; give the path of a "
            "CSV or QML file"
        ) from error
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{os.fspath(path)!r} is larger than {MAX_BYTES // 2**20} MB: give a "
            "legend, a CSV or QML file with one line for each entry"
        )
    return content


# --- CSV -------------------------------------------------------------------------


def _csv_rows(content: bytes, name: str) -> list[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text: save the table as CSV with UTF-8 encoding"
        ) from error
    lines = _split(text, name)
    header = [title.strip().lower() for title in next(lines, (0, []))[1]]
    header = [_SYNONYMS.get(title, title) for title in header]
    if header.count("name") != 1:
        raise InputError(
            f"{name} begins with the line {', '.join(header)!r}: begin with the titles "
            "of the columns, of which one is 'name' and others may be 'color' and "
            "'code'"
        )
    rows = []
    for number, cells in lines:
        if len(cells) > len(header):
            raise InputError(
                f"line {number} of {name} has {len(cells)} cells for {len(header)} "
                "columns: put names that contain a separator in quotation marks"
            )
        entry = dict(zip(header, map(str.strip, cells), strict=False))
        code = _whole(entry["code"], number, name) if entry.get("code") else None
        rows.append((entry["name"], entry.get("color") or None, code))
    if not rows:
        raise InputError(f"{name} has no entries: add one line for each")
    return rows


def _split(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers and cells of the lines that are not empty."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(
            f"line {reader.line_num} of {name} is damaged: {error}; save it as CSV "
            "again"
        ) from error


def _whole(text: str, number: int | str, name: str) -> int:
    try:
        value = float(text)  # spreadsheets write 41 as 41.0
    except ValueError:
        value = 0.5
    if not value.is_integer():
        raise InputError(
            f"line {number} of {name} has the code {text!r}: give a whole number"
        )
    return int(value)


# --- QGIS ------------------------------------------------------------------------


def _qml_rows(content: bytes, name: str) -> list[Row]:
    entries, root = _palette(content, name)
    if not entries:
        what = "another kind of style" if root == "qgis" else f"<{root}>"
        raise InputError(
            f"{name} holds no palette but {what}: in QGIS, choose the renderer "
            '"Paletted/Unique values", and save the style of the layer'
        )
    rows: list[Row] = []
    for entry in entries:
        code = _whole(entry.get("value", ""), entry["line"], name)
        if code == 0:  # nodata, which a legend does not list
            continue
        label = str(entry.get("label", "")).strip() or f"code {code}"
        rows.append((label, entry.get("color"), code))
    return rows


def _palette(content: bytes, name: str) -> tuple[list[dict[str, str]], str]:
    """Attributes of the palette entries, and the name of the root element."""
    parser = expat.ParserCreate()
    entries: list[dict[str, str]] = []
    roots: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        roots.append(tag)
        if tag == "paletteEntry":
            entries.append({**attributes, "line": str(parser.CurrentLineNumber)})

    def refuse(*_: object) -> NoReturn:
        raise InputError(
            f"{name} declares XML entities, which styles of QGIS do not: save the "
            "style from QGIS again"
        )

    parser.StartElementHandler = start
    # Entities could read other files, or expand to more than the memory holds.
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(
            f"{name} is damaged: {error}; save the style from QGIS again"
        ) from error
    return entries, roots[0]
