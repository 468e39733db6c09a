"""Numbers as text, and values in plain types."""

import math
from typing import Any

import numpy as np

__all__ = [
    "hectares",
    "percent",
    "plain",
    "short_count",
    "with_interval",
]

UNKNOWN = "\N{EN DASH}"


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
