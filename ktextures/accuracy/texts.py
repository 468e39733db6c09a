"""Numbers as text, and tables as HTML."""

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "Swatch",
    "hectares",
    "html_table",
    "percent",
    "plain",
    "short_count",
    "with_interval",
]

UNKNOWN = "\N{EN DASH}"


class Swatch(str):
    """A color in a table."""


def with_interval(value: float, interval: float, digits: int = 3) -> str:
    """Write a number with half its interval, as far as they are known.

    Examples
    --------
    >>> with_interval(0.88, 0.074), with_interval(0.88, float("nan"))
    ('0.880 ± 0.074', '0.880')
    """
    if math.isnan(value):
        return UNKNOWN
    text = f"{value:.{digits}f}"
    return text if math.isnan(interval) else f"{text} ± {interval:.{digits}f}"


def hectares(value: float, interval: float = float("nan")) -> str:
    """Write an area, with half its interval if it is known, with the same digits.

    Examples
    --------
    >>> hectares(21157.8, 6157.5), hectares(3.14159)
    ('21,158 ± 6,158', '3.14')
    """
    if math.isnan(value):
        return UNKNOWN
    largest = max(abs(value), 0.0 if math.isnan(interval) else interval)
    digits = 0 if largest >= 1000 else 1 if largest >= 10 else 2
    text = f"{value:,.{digits}f}"
    return text if math.isnan(interval) else f"{text} ± {interval:,.{digits}f}"


def percent(share: float, digits: int = 1) -> str:
    """Write a share.

    Examples
    --------
    >>> percent(0.1234), percent(0.00012)
    ('12.3 %', '0.01 %')
    """
    if 0 < share < 0.0005:
        digits = 2
    return f"{100 * share:.{digits}f} %"


def short_count(count: int) -> str:
    """Write a number in few characters.

    Examples
    --------
    >>> [short_count(n) for n in (0, 640, 9_999, 12_345, 1_234_567, 98_765_432)]
    ['0', '640', '9999', '12k', '1.2M', '99M']
    """
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= (10 * size if unit == "k" else size):
            scaled = count / size
            return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:.0f}{unit}"
    return str(count)


def html_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table as HTML: text on the left of its column, numbers on the right.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequence
        Cells; a `Swatch` becomes a square of its color.

    Returns
    -------
    str

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
    return isinstance(cell, str) and cell[:1].isalpha() and not isinstance(cell, Swatch)


def _align(word: bool) -> str:
    return f' style="text-align: {"left" if word else "right"}"'


def _cell(cell: object, word: bool) -> str:
    if isinstance(cell, Swatch):
        color = html.escape(cell)
        return (
            f'<td><div style="width: 2em; height: 1em; background: {color}"></div></td>'
        )
    return f"<td{_align(word)}>{html.escape(str(cell))}</td>"


def plain(value: Any) -> Any:
    """Convert to plain types that JSON can hold; NaN and missing become None.

    Examples
    --------
    >>> plain({"a": np.float64("nan"), "b": [np.int64(2), 0.5]})
    {'a': None, 'b': [2, 0.5]}
    """
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        columns = [plain(value[name].tolist()) for name in value]
        names = [str(name) for name in value]
        return [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value
