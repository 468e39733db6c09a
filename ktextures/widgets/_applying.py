"""A model applied to the full scene, block by block, with progress and Cancel."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.blocks.computed import computed_blocks

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["classify"]

BLOCK = 1024
"""Side in pixels of what is classified at a time."""


def classify(
    scene: xr.DataArray,
    model: "KTextures",
    progress: Callable[[float], None],
    stopped: Callable[[], bool],
    *,
    block: int | None = None,
) -> npt.NDArray[np.uint8] | None:
    """Classes of every pixel of a scene; they must fit into memory, a byte each.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    model : KTextures
    progress : callable
        Called after each block with the share that is done, 0..1.
    stopped : callable
        Called before each block; returning True cancels.
    block : int, optional
        Side of a block in pixels, 1024 by default.

    Returns
    -------
    array of uint8, shape (y, x), or None
        1..k, 0 = nodata; None if canceled.
    """
    from ktextures.segmentation import segment

    block = BLOCK if block is None else block
    lazy = segment(scene.chunk({"band": -1, "y": block, "x": block}), model)
    classes = np.empty((scene.sizes["y"], scene.sizes["x"]), np.uint8)
    done = 0
    if stopped():
        return None
    for window, (part,) in computed_blocks([lazy.classes.data], side=block):
        if stopped():
            return None
        classes[window.slices] = part
        done += part.size
        progress(done / classes.size)
    return classes
