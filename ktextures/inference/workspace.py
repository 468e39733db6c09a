"""Scratch arrays that are used again, because new memory is slow at first."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LANES", "Workspace", "padded"]

LANES = 32
"""Rows of scratch arrays are multiples of this many pixels, for whole vectors."""


def padded(width: int) -> int:
    """The next multiple of `LANES`."""
    return -(-width // LANES) * LANES


class Workspace:
    """Scratch arrays by name, for one thread."""

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def array(
        self, name: str, shape: tuple[int, ...], dtype: str = "float32"
    ) -> npt.NDArray[Any]:
        """A contiguous array with whatever it was left with; at first, zeros."""
        found = self._arrays.get(name)
        if found is None or found.shape != shape or found.dtype != dtype:
            found = self._arrays[name] = np.zeros(shape, dtype)
        return found
