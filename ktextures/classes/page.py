"""Tables with colors, as notebooks show them."""

import html
import re
from collections.abc import Sequence

__all__ = ["Swatch", "html_table"]

# "11 open water" is text; "12k" and "0.880 ± 0.074" are numbers.
_TEXT = re.compile(r"^[^\W\d_]|[^\W\d_]{2}")


class Swatch(str):
    """A color in a table."""


def html_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table as HTML: text on the left of its column, numbers on the right.

    Parameters
    ----------
    columns : sequence of str
        Their titles.
    rows : sequence of sequence
        One cell for each column; a `Swatch` becomes a square of its color.

    Returns
    -------
    str
        A ``<table>``.

    Examples
    --------
    >>> "a &amp; b" in html_table(["color", "name"], [(Swatch("#ff0000"), "a & b")])
    True
    """
    words = [any(_is_word(row[index]) for row in rows) for index in range(len(columns))]
    head = "".join(
        f"<th{_align(word)}>{html.escape(str(column))}</th>"
        for column, word in zip(columns, words, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(_cell(cell, word) for cell, word in zip(row, words, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _is_word(cell: object) -> bool:
    text = isinstance(cell, str) and not isinstance(cell, Swatch)
    return text and _TEXT.search(str(cell)) is not None


def _align(word: bool) -> str:
    return f' style="text-align: {"left" if word else "right"}"'


def _cell(cell: object, word: bool) -> str:
    if isinstance(cell, Swatch):
        color = html.escape(cell)
        return (
            f'<td><div style="width: 2em; height: 1em; background: {color}"></div></td>'
        )
    return f"<td{_align(word)}>{html.escape(str(cell))}</td>"
