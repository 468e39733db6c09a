"""Classes as users name them: by number, or by name."""

from collections.abc import Sequence

import numpy as np

from ktextures.errors import InputError

__all__ = ["find_class"]

LISTED = 20
"""Classes that a message lists."""


def find_class(wanted: object, names: Sequence[str]) -> int:
    """Number of a class.

    Parameters
    ----------
    wanted : int or str
        A number, 1..k, or a name.
    names : sequence of str
        Names of the classes 1..k.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If there is no such class, or several have the name.

    Examples
    --------
    >>> find_class("water", ["forest", "water"])
    2
    """
    if isinstance(wanted, str):
        found = [v for v, name in enumerate(names, 1) if name == wanted.strip()]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"{' and '.join(map(str, found))} are all named {wanted!r}; give the "
                "number of the class."
            )
    elif isinstance(wanted, int | np.integer) and not isinstance(wanted, bool):
        if 1 <= wanted <= len(names):
            return int(wanted)
    listed = ", ".join(f"{v} {name!r}" for v, name in enumerate(names, 1))
    if len(names) > LISTED:
        listed = f"1 to {len(names)}"
    raise InputError(f"There is no class {wanted!r}; the classes are {listed}.")
