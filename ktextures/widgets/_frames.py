"""What is shown of a model, and before there is one."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ktextures.results.rendering import UInt8Array
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import Frame

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["first_look", "frame_of", "start_frame"]

_LOOK_PIXELS = 4_000
_LOOK_SIDE = 32
"""Side in pixels of the plain textures of a first look."""


def frame_of(model: "KTextures", preview: Preview) -> Frame:
    """A model as it is now."""
    snapshot = model.snapshot(*preview.prepared(model))
    return Frame(
        snapshot.classes,
        snapshot.simulated,
        snapshot.textures,
        snapshot.confidence,
        snapshot.step,
    )


def first_look(preview: Preview, k: int, seed: int) -> Frame:
    """A look at a scene before any training: k-means on color alone."""
    classes, colors = _color_look(preview, k, seed)
    textures = np.broadcast_to(
        colors[:, None, None], (k, _LOOK_SIDE, _LOOK_SIDE, colors.shape[1])
    )
    return Frame(classes, _simulated(classes, colors), textures)


def start_frame(model: "KTextures", preview: Preview) -> Frame:
    """What a new model begins with: its masks know nothing yet, its textures do."""
    frame = frame_of(model, preview)
    if model.config.masks == "published":
        return frame
    means = frame.textures.mean((1, 2))
    known = preview.values[preview.valid].astype("float32")
    spread = known.std(0) + 1e-9
    distance = np.stack(
        [(((known - mean) / spread) ** 2).sum(-1) for mean in means], -1
    )
    classes = np.zeros(preview.valid.shape, np.uint8)
    classes[preview.valid] = distance.argmin(-1) + 1
    return Frame(classes, _simulated(classes, means), frame.textures)


def _simulated(
    classes: UInt8Array, colors: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    simulated = colors[np.maximum(classes, 1) - 1].astype("float32")
    simulated[classes == 0] = np.nan
    return simulated


def _color_look(
    preview: Preview, k: int, seed: int
) -> tuple[UInt8Array, npt.NDArray[np.float32]]:
    """Classes by color, and their colors.

    Returns
    -------
    classes : array of uint8, shape (y, x)
        1..k, the darkest first, 0 = nodata.
    colors : array, shape (class, band)
        Mean of each, in the scene's units.
    """
    from sklearn.cluster import KMeans

    known = preview.values[preview.valid].astype("float64")
    spread = known.std(0) + 1e-9
    step = max(len(known) // _LOOK_PIXELS, 1)
    fitted = KMeans(k, n_init=1, random_state=seed).fit(known[::step] / spread)
    centers = fitted.cluster_centers_
    order = np.argsort(centers.mean(1))
    rank = np.empty(k, np.uint8)
    rank[order] = np.arange(1, k + 1)
    classes = np.zeros(preview.valid.shape, np.uint8)
    classes[preview.valid] = rank[fitted.predict(known / spread)]
    return classes, (centers[order] * spread).astype("float32")
