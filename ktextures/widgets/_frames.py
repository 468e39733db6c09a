"""Snapshots to show: of a model at this moment, and before there is a model."""

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ktextures.model.config import Snapshot
from ktextures.rendering import UInt8Array
from ktextures.widgets._preview import Preview

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["first_look", "initial_snapshot", "snapshot_of"]

_LOOK_PIXELS = 4_000
_LOOK_SIDE = 32
"""Side in pixels of the uniform textures of a first look."""


def snapshot_of(model: "KTextures", preview: Preview) -> Snapshot:
    """What a model makes of the preview at this moment."""
    return model.snapshot(*preview.prepared(model))


def first_look(preview: Preview, k: int, seed: int) -> Snapshot:
    """Classes before any training, by k-means on color alone."""
    classes, colors = _color_classes(preview, k, seed)
    textures = np.broadcast_to(
        colors[:, None, None], (k, _LOOK_SIDE, _LOOK_SIDE, colors.shape[1])
    )
    return _untrained(classes, colors, textures)


def initial_snapshot(model: "KTextures", preview: Preview) -> Snapshot:
    """Classes of a new model by the mean color of its textures.

    Contextual masks start out random, but the textures start from the scene.
    """
    snapshot = snapshot_of(model, preview)
    if model.config.masks == "published":
        return snapshot
    means = snapshot.textures.mean((1, 2))
    known = preview.values[preview.valid].astype("float32")
    spread = known.std(0) + 1e-9
    distance = np.stack(
        [(((known - mean) / spread) ** 2).sum(-1) for mean in means], -1
    )
    classes = np.zeros(preview.valid.shape, np.uint8)
    classes[preview.valid] = distance.argmin(-1) + 1
    return _untrained(classes, means, snapshot.textures)


def _untrained(
    classes: UInt8Array,
    colors: npt.NDArray[np.float32],
    textures: npt.NDArray[np.float32],
) -> Snapshot:
    simulated = colors[np.maximum(classes, 1) - 1].astype("float32")
    simulated[classes == 0] = np.nan
    return Snapshot(0, classes, simulated, textures, MappingProxyType({}))


def _color_classes(
    preview: Preview, k: int, seed: int
) -> tuple[UInt8Array, npt.NDArray[np.float32]]:
    """Classes by color, and their colors.

    Returns
    -------
    classes : array of uint8, shape (y, x)
        1..k, darkest class first, 0 = nodata.
    colors : array of float32, shape (class, band)
        Mean color of each class, in the scene's units.
    """
    from sklearn.cluster import KMeans

    from ktextures.training.one_thread import fit_kmeans

    known = preview.values[preview.valid].astype("float64")
    spread = known.std(0) + 1e-9
    step = max(len(known) // _LOOK_PIXELS, 1)
    kmeans = KMeans(k, n_init=1, random_state=seed)
    fitted = fit_kmeans(kmeans, known[::step] / spread)
    centers = fitted.cluster_centers_
    order = np.argsort(centers.mean(1))
    rank = np.empty(k, np.uint8)
    rank[order] = np.arange(1, k + 1)
    classes = np.zeros(preview.valid.shape, np.uint8)
    classes[preview.valid] = rank[fitted.predict(known / spread)]
    return classes, (centers[order] * spread).astype("float32")
