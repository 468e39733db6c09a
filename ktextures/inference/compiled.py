"""How loops over pixels are compiled for the processor that they run on."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function at its first call; releases the interpreter while it runs."""
    # Contracted to fused multiplications and additions, but never reordered.
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract", "nsz"},
    }
    try:
        made: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that compiled functions could be kept in
        made = numba.njit(**options)(function)
    return made
