"""A scene of any size classified in one pass, into files that products are made of."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import xarray as xr

from ktextures.blocks.store import BlockStore
from ktextures.model.ktextures import KTextures
from ktextures.segmentation import segment

__all__ = ["classified"]

BLOCK = 1024
"""Side in pixels of what is classified at a time."""


def classified(
    scene: xr.DataArray,
    model: KTextures,
    outputs: Sequence[str],
    folder: Path,
    progress: Callable[[float], None],
    stopped: Callable[[], bool],
    writing: Callable[[], AbstractContextManager[None]],
) -> xr.Dataset | None:
    """Classify a scene block by block; all outputs of a block are computed at once.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    model : KTextures
    outputs : sequence of str
        As for `segment`.
    folder : Path
        Where finished blocks are kept; those that are there already are not computed
        again. The result is of use as long as they exist.
    progress : callable
        Called after each block with the share that is done, 0..1.
    stopped : callable
        Called after each block; returning True cancels.
    writing : callable
        Makes a context in which blocks are written, to report errors.

    Returns
    -------
    Dataset or None
        What `segment` returns, lazy, on the files; None if canceled.

    Raises
    ------
    OutputError
        If the disk has no room for the blocks, or those in the folder are of another
        scene or model.
    """
    blocks = scene.chunk({"band": -1, "y": BLOCK, "x": BLOCK})
    lazy = segment(blocks, model, outputs=outputs)
    identity = {"training": lazy.attrs, "outputs": list(outputs)}
    with writing():
        store = BlockStore(folder, [lazy[name].data for name in outputs], identity)
    done, pixels = 0, scene.sizes["y"] * scene.sizes["x"]
    if stopped():
        return None
    for window in store.fill(writing):
        done += window.height * window.width
        progress(done / pixels)
        if stopped():
            return None
    for number, name in enumerate(outputs):
        lazy[name] = lazy[name].copy(data=store.lazy(number))
    return lazy
