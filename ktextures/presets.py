"""The two presets: what a model and its objective are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from ktextures.descriptors import DescriptorSpace
from ktextures.dictionary import DictionaryObjective
from ktextures.encoder import SceneEncoder, train_encoder
from ktextures.errors import InputError
from ktextures.features import ColourFeatures, FeatureExtractor, FilterBank
from ktextures.model import KTextures, ModelConfig
from ktextures.objectives import Objective, SimulationObjective
from ktextures.raster import role_indices
from ktextures.sampling import Preparation, TileSet, choose_tiles
from ktextures.vgg import VGG16Features

__all__ = ["DEFAULT_STEPS", "PRESETS", "Request", "build_model", "build_objective"]

PRESETS = ("default", "paper")
DEFAULT_STEPS = {"default": 150, "paper": 10_240}
ENCODER_STEPS = 500
"""Steps of the scene encoder that preset "paper" trains where none is given."""

PAPER_TILE, PAPER_TILES = 128, 1024
DEFAULT_TILE, DEFAULT_TILES = 160, 24
POOLING = 2.0
"""Standard deviation of the descriptors' local mean, in texture scales."""

TEXTURE_FROM = 1.5
"""Texture scale in pixels below which colour alone is compared."""

SEGMENT_SCALES = (25.0, 50.0, 100.0, 200.0, 400.0)


@dataclass(frozen=True)
class Request:
    """Arguments of `train`, checked.

    Attributes
    ----------
    preset : {"default", "paper"}
    k, steps, seed : int
    texture_scale : float
        In pixels.
    features : tuple of FeatureExtractor, or None for the preset's own
    """

    preset: str
    k: int
    steps: int
    seed: int
    texture_scale: float
    features: tuple[FeatureExtractor, ...] | None
    progress: bool


def build_model(
    scene: xr.DataArray, request: Request, preparation: Preparation
) -> KTextures:
    """A fresh model for a scene."""
    paper = request.preset == "paper"
    config = ModelConfig(
        k=request.k,
        bands=tuple(str(name) for name in scene.band.values),
        roles=tuple(str(role) for role in scene.role.values),
        preset=request.preset,
        seed=request.seed,
        masks="published" if paper else "contextual",
        textures="published" if paper else "tileable",
        masks_options={} if paper else {"texture_scale": request.texture_scale},
    )
    extractors = request.features or (
        _paper_features(scene, request) if paper else _default_features(scene, request)
    )
    return KTextures(config, preparation, extractors)


def _paper_features(scene: xr.DataArray, request: Request) -> Sequence[FeatureExtractor]:
    encoder = train_encoder(
        scene, steps=ENCODER_STEPS, seed=request.seed, progress=request.progress
    )
    return (VGG16Features(("block5_conv3",), preprocess="raw"), encoder)


def _default_features(
    scene: xr.DataArray, request: Request
) -> Sequence[FeatureExtractor]:
    if request.texture_scale < TEXTURE_FROM:
        return (ColourFeatures(),)
    if role_indices(scene, ("red", "green", "blue")) is None:
        return (FilterBank(),)
    triples = [("red", "green", "blue")]
    if role_indices(scene, ("nir",)) is not None:
        triples.append(("nir", "red", "green"))
    return tuple(VGG16Features(weights="bundled", bands=triple) for triple in triples)


def describe_by(model: KTextures, texture_scale: float) -> DescriptorSpace:
    """The space in which the default preset compares pixels and textures."""
    if texture_scale < TEXTURE_FROM:
        return DescriptorSpace(model.extractors, 0.0, whitening=0.5)
    return DescriptorSpace(
        model.extractors, POOLING * texture_scale, segment_scales=SEGMENT_SCALES
    )


def build_objective(
    scene: xr.DataArray, model: KTextures, request: Request, *, continued: bool
) -> tuple[Objective, TileSet]:
    """The preset's objective on tiles of the scene; its extractors are fitted."""
    if model.config.preset == "paper":
        return _paper_objective(scene, model, request)
    space = describe_by(model, request.texture_scale)
    tiles = choose_tiles(
        scene,
        DEFAULT_TILE,
        max(space.halo, model.reach),
        model.preparation,
        most=DEFAULT_TILES,
        seed=request.seed,
        shrink=True,
    )
    _fit(model, tiles)
    objective = DictionaryObjective(
        model, tiles, space, steps=request.steps, seed=request.seed, continued=continued
    )
    return objective, tiles


def _paper_objective(
    scene: xr.DataArray, model: KTextures, request: Request
) -> tuple[Objective, TileSet]:
    tiles = choose_tiles(
        scene,
        PAPER_TILE,
        model.reach,
        model.preparation,
        most=PAPER_TILES,
        seed=request.seed,
        shrink=False,
    )
    _fit(model, tiles)
    return SimulationObjective(model, tiles, request.seed), tiles


def _fit(model: KTextures, tiles: TileSet) -> None:
    for extractor in model.extractors:
        extractor.fit(tiles.inner()[0], model.config.band_index())
