"""What makes two trainings the same, so that one may resume the other."""

from typing import Any

import numpy as np

from ktextures.hints.hints import Hints
from ktextures.model.ktextures import KTextures
from ktextures.raster.scaling import BandScaler
from ktextures.raster.scene_samples import Samples
from ktextures.raster.scene_set import SceneSet
from ktextures.training.checkpoint import fingerprint
from ktextures.training.request import Request

__all__ = ["identity"]


def identity(
    request: Request,
    scenes: SceneSet,
    samples: Samples,
    scaler: BandScaler,
    model: KTextures | None,
    hints: Hints | None = None,
) -> str:
    """A name for a training, by all that its result depends on.

    Parameters
    ----------
    request : Request
    scenes : SceneSet
        In this order.
    samples : list of array, shape (n, band)
        Pixels of each scene.
    scaler : BandScaler
    model : KTextures, optional
        Trained further.
    hints : Hints, optional

    Returns
    -------
    str
    """
    settings: dict[str, Any] = {
        "preset": request.preset.to_dict(),
        "k": request.k,
        "seed": request.seed,
        "texture_scale": request.texture_scale,
        "sizes": scenes.sizes,
        "bands": scenes.bands,
        "roles": scenes.roles,
        "scaler": scaler.to_dict(),
    }
    if hints is not None:
        settings["hints"] = hints.to_list()
    arrays: list[np.ndarray] = [*samples]
    if request.features:
        settings["features"] = [extractor.describe() for extractor in request.features]
        for extractor in request.features:
            arrays += extractor.get_state().values()
    if model is not None:
        arrays += [np.frombuffer(model.to_bytes(), "uint8")]
    return fingerprint(settings, arrays)
