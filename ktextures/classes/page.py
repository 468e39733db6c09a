"""Tables with colors, as notebooks show them."""

import html
from collections.abc import Sequence

__all__ = ["swatch_table"]


def swatch_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table as HTML.

    Parameters
    ----------
    columns : sequence of str
        Their titles. That of colors is "color"; what follows it is text.
    rows : sequence of sequence
        One cell for each column.

    Returns
    -------
    str
        A ``<table>``.

    Examples
    --------
    >>> "a &amp; b" in swatch_table(["value", "name"], [(1, "a & b")])
    True
    """
    swatch = '<div style="width: 2em; height: 1em; background: {}"></div>'
    place = columns.index("color") if "color" in columns else len(columns)
    body = ""
    for row in rows:
        cells = ""
        for index, cell in enumerate(row):
            style = ' style="text-align: left"' if index > place else ""
            text = html.escape(str(cell))
            cells += (
                f"<td{style}>{swatch.format(cell) if index == place else text}</td>"
            )
        body += f"<tr>{cells}</tr>"
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
