"""What answers hold, whichever type they have."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._exercises import Wrong


def one_number(value: Any, name: str) -> float:
    """One number, whatever holds it."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise Wrong(f"`{name}` is a {type(value).__name__}: give a number.")
    if array.size != 1:
        raise Wrong(f"`{name}` holds {array.size} values: give one number.")
    found = float(array.reshape(()))
    if not np.isfinite(found):
        raise Wrong(f"`{name}` is {found}: give a number.")
    return found


def is_close(
    value: Any, name: str, true: float, near: Mapping[str, float], within: float
) -> None:
    """Refuse a number that is not the true one, and say what it is instead.

    `near` holds what learners find by mistake, by what to tell them.
    """
    found = one_number(value, name)
    if abs(found - true) <= within:
        return
    for said, wrong in near.items():
        if abs(found - wrong) <= within:
            raise Wrong(said)
    raise Wrong(f"`{name}` is {found:g}, which is not right.")


def is_share(value: Any, name: str, true: float, near: Mapping[str, float]) -> None:
    """Refuse a number that is not the true share, 0..1."""
    if abs(one_number(value, name) - 100 * true) < 0.5:
        raise Wrong(f"`{name}` is in percent: give a share from 0 to 1.")
    is_close(value, name, true, near, within=0.005)


def whole_numbers(value: Any, name: str) -> list[int]:
    """Whole numbers, from one or from any collection of them."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        value = [value]
    array = np.asarray(
        list(np.atleast_1d(value)) if hasattr(value, "shape") else list(value)
    )
    if array.dtype.kind == "b":
        raise Wrong(f"`{name}` holds True and False: give the numbers themselves.")
    if array.size and (
        array.dtype.kind not in "iuf" or (array != np.round(array)).any()
    ):
        raise Wrong(f"`{name}` does not hold whole numbers.")
    return [int(each) for each in array.ravel()]


def pixel_values(
    value: Any, name: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """An array of numbers of this shape."""
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise Wrong(f"`{name}` is a {type(value).__name__}: give an array of numbers.")
    if array.shape != shape:
        raise Wrong(
            f"`{name}` has the shape {array.shape}: it should have {shape}, one value "
            "per pixel."
        )
    return array.astype(np.float64)


def class_map(value: Any, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """A class map of this shape, from a result of `segment` or its classes."""
    value = getattr(value, "classes", value)
    return pixel_values(value, name, shape).astype(np.int64)


def names_of(model: Any, name: str) -> tuple[str, ...]:
    """Names of the classes of a model."""
    names = getattr(getattr(model, "classes", None), "names", None)
    if names is None:
        raise Wrong(f"`{name}` is a {type(model).__name__}: give a model.")
    return tuple(names)


def listed(values: Iterable[Any]) -> str:
    """Values as in a sentence: "2, 3, and 4"."""
    *first, last = [str(value) for value in values] or [""]
    if not first:
        return last
    return f"{', '.join(first)}{',' * (len(first) > 1)} and {last}"


def names_on(ground: Any) -> tuple[str, ...]:
    """Names of the classes of a map, from its attributes."""
    return tuple(ground.attrs["flag_meanings"].split())
