"""Arguments that many functions take, checked with the same words."""

from typing import Any

import numpy as np

from ktextures.errors import InputError

__all__ = ["checked_whole"]


def checked_whole(name: str, value: Any, least: int) -> int:
    """Return a whole number, or raise InputError unless it is at least ``least``.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What the user gave.
    least : int
        The smallest that is allowed.

    Returns
    -------
    int

    Examples
    --------
    >>> checked_whole("n", 0, 1)
    Traceback (most recent call last):
    ...
    ktextures.errors.InputError: n is 0: give a whole number, at least 1
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(f"{name} is {value!r}: give a whole number, at least {least}")
    return int(value)
