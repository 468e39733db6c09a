"""A scene of any size classified in one pass, into temporary files."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ktextures.errors import OutputError
from ktextures.model.ktextures import KTextures
from ktextures.segmentation import segment

__all__ = ["BLOCK", "classified"]

BLOCK = 1024
"""Side in pixels of what is computed at a time, between two looks at `stopped`."""


def classified(
    scene: xr.DataArray,
    model: KTextures,
    outputs: Sequence[str],
    folder: Path,
    progress: Callable[[float], None],
    stopped: Callable[[], bool],
) -> xr.Dataset | None:
    """Classify a scene block by block; all outputs of a block are computed at once.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    model : KTextures
    outputs : sequence of str
        As for `segment`.
    folder : Path
        For the temporary files; the result is of use as long as they exist.
    progress : callable
        Called after each block with the share that is done, 0..1.
    stopped : callable
        Called before each block; returning True cancels.

    Returns
    -------
    Dataset or None
        What `segment` returns, lazy, on the temporary files; None if canceled.

    Raises
    ------
    OutputError
        If the disk has no room for the temporary files.
    """
    chunks = {"band": -1, "y": BLOCK, "x": BLOCK}
    lazy = segment(scene.chunk(chunks), model, outputs=outputs)
    files = {name: _created(lazy[name], folder / name) for name in outputs}
    rows, cols = (math.ceil(scene.sizes[dim] / BLOCK) for dim in ("y", "x"))
    for index in range(rows * cols):
        if stopped():
            return None
        row, col = divmod(index, cols)
        _fill(files, lazy, slice(row * BLOCK, (row + 1) * BLOCK), col)
        progress((index + 1) / (rows * cols))
    for name, file in files.items():
        file.flush()
        lazy[name] = lazy[name].copy(data=_lazy(file, name))
    return lazy


def _created(output: xr.DataArray, path: Path) -> np.memmap[Any, Any]:
    """An empty temporary file as large as an output."""
    try:
        with open(path, "wb") as file:
            # Reserved now, since writing to a mapped file on a full disk kills Python.
            _reserve(file.fileno(), output.nbytes)
        return np.memmap(path, output.dtype, "r+", shape=output.shape)
    except OSError as error:
        raise OutputError(
            f"there is no room for {output.nbytes / 1e6:.0f} MB of temporary files in "
            f"{str(path.parent.parent)!r}: {error.strerror or error}; free some space, "
            "or choose a folder on another disk"
        ) from error


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


def _fill(
    files: dict[str, "np.memmap[Any, Any]"], lazy: xr.Dataset, rows: slice, col: int
) -> None:
    """Compute one block of every output; they share the work of the model."""
    from dask.base import compute

    cols = slice(col * BLOCK, (col + 1) * BLOCK)
    parts = compute(  # type: ignore[no-untyped-call]
        *(lazy[name].data[..., rows, cols] for name in files),
        scheduler="synchronous",
    )
    for file, part in zip(files.values(), parts, strict=True):
        file[..., rows, cols] = part


def _lazy(file: "np.memmap[Any, Any]", name: str) -> Any:
    from dask import array as da

    chunks = (*file.shape[:-2], BLOCK, BLOCK)
    # Without a name, dask would read the whole file to make one up.
    return da.from_array(file, chunks, name=False)  # type: ignore[no-untyped-call]
