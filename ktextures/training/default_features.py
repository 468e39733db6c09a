"""Which features the default preset compares a scene and its simulation by."""

import warnings
from collections.abc import Sequence

from ktextures.errors import WeightsError
from ktextures.features.color import ColorFeatures
from ktextures.features.filter_bank import FilterBank
from ktextures.features.protocol import FeatureExtractor
from ktextures.features.vgg16 import VGG16Features
from ktextures.features.vgg16_weights import find_weights
from ktextures.raster.bands import role_indices
from ktextures.raster.scene_set import SceneSet

__all__ = ["default_features"]

WEIGHTS = "package first"
"""The package is the same on all machines, with and without a network."""


def default_features(
    scenes: SceneSet, color: ColorFeatures, *, color_only: bool
) -> Sequence[FeatureExtractor]:
    """Features for the default preset, by the bands of the scenes.

    Parameters
    ----------
    scenes : SceneSet
    color : ColorFeatures
        Always among them.
    color_only : bool
        Nothing else.

    Returns
    -------
    sequence of FeatureExtractor
        Not fitted.

    Warns
    -----
    UserWarning
        If there are no weights for VGG-16; a filter bank replaces it.
    """
    if color_only:
        return (color,)
    if len(scenes.bands) == 1:
        triples = [scenes.bands * 3]
    elif role_indices(scenes.first, ("red", "green", "blue")) is None:
        return (FilterBank(), color)
    else:
        triples = [("red", "green", "blue")]
        if role_indices(scenes.first, ("nir",)) is not None:
            triples.append(("nir", "red", "green"))
    try:
        find_weights(WEIGHTS)
    except WeightsError as error:
        warnings.warn(
            "a filter bank replaces VGG-16, whose weights are missing: classes that "
            f"differ in texture are told apart less well. {error}",
            UserWarning,
            stacklevel=2,
        )
        return (FilterBank(), color)
    vgg = [VGG16Features(weights=WEIGHTS, bands=triple) for triple in triples]
    return (*vgg, color)
