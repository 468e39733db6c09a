"""From scenes and a request to a model, an objective and training tiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from ktextures.errors import InputError
from ktextures.features.color import ColorFeatures
from ktextures.features.filter_bank import FilterBank
from ktextures.features.protocol import FeatureExtractor
from ktextures.features.vgg16 import VGG16Features
from ktextures.model.config import ModelConfig
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import ContextualMasks
from ktextures.raster.bands import role_indices
from ktextures.raster.scaling import Preparation
from ktextures.raster.scene_set import SceneSet
from ktextures.raster.tile_set import TileSet, choose_tiles
from ktextures.training.descriptors import DescriptorSpace
from ktextures.training.dictionary_objective import DictionaryObjective
from ktextures.training.objective import Objective
from ktextures.training.paper_objective import SimulationObjective
from ktextures.training.presets import DefaultPreset, PaperPreset
from ktextures.training.request import Request
from ktextures.training.train_encoder import train_encoder

__all__ = ["Plan", "prepare"]

TRIED_K = (2, 3, 4, 6)
SAMPLE = 2_000
"""Of the measure of clusteredness."""


@dataclass(frozen=True)
class Plan:
    """A model, how it is trained, and on what."""

    model: KTextures
    objective: Objective
    tiles: TileSet


def prepare(
    scenes: SceneSet,
    request: Request,
    preparation: Preparation,
    model: KTextures | None = None,
) -> Plan:
    """Make a model for scenes, or take `model`, and the preset's objective for it."""
    preset = request.preset
    if isinstance(preset, PaperPreset):
        return _paper(scenes, request, preset, preparation, model)
    if isinstance(preset, DefaultPreset):
        return _default(scenes, request, preset, preparation, model)
    raise InputError(
        f"preset is a {type(preset).__name__}; pass ktextures.presets.default or "
        "ktextures.presets.paper, or a variant made by dataclasses.replace."
    )


def _paper(
    scenes: SceneSet,
    request: Request,
    preset: PaperPreset,
    preparation: Preparation,
    model: KTextures | None,
) -> Plan:
    if model is None:
        extractors = request.features or _paper_features(
            scenes, request, preset, preparation
        )
        config = _config(scenes, request, "published", "published", {})
        model = KTextures(config, preparation, extractors)
    request.on_preparation("tiles")
    tiles = choose_tiles(
        scenes,
        preset.tile_size,
        model.reach,
        preparation,
        most=preset.max_tiles,
        seed=request.seed,
        shrink=False,
    )
    _fit(model.extractors, tiles, model.config)
    return Plan(model, SimulationObjective(model, tiles, request.seed, preset), tiles)


def _paper_features(
    scenes: SceneSet,
    request: Request,
    preset: PaperPreset,
    preparation: Preparation,
) -> Sequence[FeatureExtractor]:
    encoder = train_encoder(
        scenes.scenes,
        scaler=preparation.scaler,
        steps=preset.encoder_steps,
        seed=request.seed,
        progress=request.progress,
        on_step=lambda: request.on_preparation("encoder"),
    )
    return (VGG16Features(("block5_conv3",), preprocess="raw"), encoder)


def _default(
    scenes: SceneSet,
    request: Request,
    preset: DefaultPreset,
    preparation: Preparation,
    model: KTextures | None,
) -> Plan:
    continued = model is not None
    reach = model.reach if model else _widest_reach(request, preset)
    request.on_preparation("tiles")
    tiles = choose_tiles(
        scenes,
        preset.tile_size,
        max(preset.halo, reach),
        preparation,
        most=preset.max_tiles,
        seed=request.seed,
        shrink=True,
    )
    if model is not None:
        scale, extractors = model.mask_network.texture_scale, model.extractors
        space = _space(extractors, scale, preset)
        _fit(extractors, tiles, model.config)
        channels = space.fit(tiles, lambda: request.on_preparation("descriptors"))
    else:
        scale, space, channels = _choose_scale(scenes, request, preset, tiles)
        options = {"texture_scale": scale}
        config = _config(scenes, request, "contextual", "tileable", options)
        model = KTextures(config, preparation, space.extractors)
    objective = DictionaryObjective(
        model,
        tiles,
        space,
        channels,
        preset,
        seed=request.seed,
        continued=continued,
        on_vote=lambda: request.on_preparation("initial labels"),
    )
    return Plan(model, objective, tiles)


def _widest_reach(request: Request, preset: DefaultPreset) -> int:
    """Reach of the masks at the texture scale asked for, or at any that is chosen."""
    asked = request.texture_scale
    scale = preset.texture_scale if asked is None else asked
    return ContextualMasks(request.k, texture_scale=scale).reach


def _choose_scale(
    scenes: SceneSet, request: Request, preset: DefaultPreset, tiles: TileSet
) -> tuple[float, DescriptorSpace, np.ndarray]:
    """Texture scale, the space that goes with it, and the tiles' channels in it."""
    scale = request.texture_scale
    if scale is None:
        meters = scenes.pixel_meters
        coarse = bool(meters and meters >= preset.coarse_pixel)
        scale = preset.color_scale if coarse else preset.texture_scale
    space, channels = _described(scenes, request, preset, tiles, scale)
    if request.texture_scale is None and scale >= preset.texture_from:
        rows = channels[tiles.inner()[1]]
        if clusteredness(rows, request.seed) < preset.least_clusteredness:
            scale = preset.color_scale
            space, channels = _described(scenes, request, preset, tiles, scale)
    return scale, space, channels


def _described(
    scenes: SceneSet,
    request: Request,
    preset: DefaultPreset,
    tiles: TileSet,
    scale: float,
) -> tuple[DescriptorSpace, np.ndarray]:
    color_only = scale < preset.texture_from
    extractors = request.features or _default_features(scenes, color_only)
    space = _space(extractors, scale, preset)
    _fit(extractors, tiles, _config(scenes, request, "contextual", "tileable", {}))
    channels = space.fit(tiles, lambda: request.on_preparation("descriptors"))
    return space, channels


def _default_features(scenes: SceneSet, color_only: bool) -> Sequence[FeatureExtractor]:
    if color_only:
        return (ColorFeatures(),)
    if role_indices(scenes.first, ("red", "green", "blue")) is None:
        return (FilterBank(), ColorFeatures())
    triples = [("red", "green", "blue")]
    if role_indices(scenes.first, ("nir",)) is not None:
        triples.append(("nir", "red", "green"))
    vgg = [VGG16Features(weights="bundled", bands=triple) for triple in triples]
    return (*vgg, ColorFeatures())


def _space(
    extractors: Sequence[FeatureExtractor], scale: float, preset: DefaultPreset
) -> DescriptorSpace:
    """The space in which the default preset compares pixels and textures."""
    if scale < preset.texture_from:
        return DescriptorSpace(extractors, 0.0)
    return DescriptorSpace(
        extractors,
        preset.pooling * scale,
        segment_scales=preset.segment_scales,
        color_weights=preset.color_weights,
        lags=preset.noise_lags,
        shrinkage=preset.noise_shrinkage,
    )


def _config(
    scenes: SceneSet,
    request: Request,
    masks: str,
    textures: str,
    masks_options: Mapping[str, float],
) -> ModelConfig:
    return ModelConfig(
        k=request.k,
        bands=scenes.bands,
        roles=scenes.roles,
        preset=request.preset.name,
        seed=request.seed,
        masks=masks,
        textures=textures,
        masks_options=masks_options,
    )


def _fit(
    extractors: Sequence[FeatureExtractor], tiles: TileSet, config: ModelConfig
) -> None:
    values, valid = tiles.inner()
    for extractor in extractors:
        extractor.fit(values[valid], config.band_index())


def clusteredness(rows: np.ndarray, seed: int) -> float:
    """How much better k-means explains descriptors than a similar Gaussian cloud.

    Parameters
    ----------
    rows : array, shape (n, dimension)
        Not whitened.
    seed : int

    Returns
    -------
    float
        Ratio of what is left unexplained in a Gaussian cloud of the same covariance and
        in `rows`, mean over several k; 1 = no clusters at all. The idea is that of the
        gap statistic (Tibshirani, Walther & Hastie 2001, Journal of the Royal
        Statistical Society B 63:411).
    """
    generator = np.random.default_rng(seed)
    if len(rows) > SAMPLE:
        rows = rows[generator.choice(len(rows), SAMPLE, replace=False)]
    covariance = np.atleast_2d(np.cov(rows.T))
    variances = np.maximum(np.linalg.eigvalsh(covariance), 0)
    cloud = generator.normal(size=rows.shape) * np.sqrt(variances)
    ratios = [
        _unexplained(cloud, k, seed) / _unexplained(rows, k, seed) for k in TRIED_K
    ]
    return float(np.mean(ratios))


def _unexplained(rows: np.ndarray, k: int, seed: int) -> float:
    fitted = KMeans(k, n_init=1, random_state=seed).fit(rows.astype("float32"))
    return float(fitted.inertia_ / rows.var(0).sum())
