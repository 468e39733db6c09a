"""A model over the full scene, block by block, with progress and a way out."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["classify"]

BLOCK = 1024


def classify(
    scene: xr.DataArray,
    model: "KTextures",
    progress: Callable[[float], None],
    stopped: Callable[[], bool],
) -> npt.NDArray[np.uint8] | None:
    """Classes of each pixel of a scene of any size that fits as bytes.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    model : KTextures
    progress : callable
        Told the share that is done, 0..1.
    stopped : callable
        Asked after each block; True ends it.

    Returns
    -------
    array of uint8, shape (y, x), or None
        None if it was stopped.
    """
    from ktextures.segmentation import segment

    lazy = segment(scene.chunk({"band": -1, "y": BLOCK, "x": BLOCK}), model)
    blocks = lazy.classes.data.blocks
    down, across = blocks.shape
    classes = np.empty((scene.sizes["y"], scene.sizes["x"]), np.uint8)
    for index in range(down * across):
        if stopped():
            return None
        row, col = divmod(index, across)
        part = blocks[row, col].compute(scheduler="synchronous")
        top, left = row * BLOCK, col * BLOCK
        classes[top : top + part.shape[0], left : left + part.shape[1]] = part
        progress((index + 1) / (down * across))
    return classes
