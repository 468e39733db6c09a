"""From scenes and a request to a model, an objective and training tiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from ktextures.training.descriptors import Channels, DescriptorSpace, SpaceSettings
from ktextures.training.dictionary_objective import DictionaryObjective
from ktextures.training.objective import Objective
from ktextures.training.paper_objective import SimulationObjective
from ktextures.training.presets import DefaultPreset, PaperPreset
from ktextures.training.request import Request
from ktextures.training.texture_scale import gain_of_wide_windows
from ktextures.training.train_encoder import train_encoder

__all__ = ["Plan", "prepare"]

WIDE_POOLING = 4 / 3
"""How much wider than others wide windows are, in pooled texture scales."""


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
    asked = request.texture_scale if model is None else model.mask_network.texture_scale
    extractors: Sequence[FeatureExtractor] | None
    extractors = model.extractors if model else request.features
    if not extractors:
        color = ColorFeatures(preset.color_offset)
        extractors = _default_features(scenes, color, asked == 0)
    space = DescriptorSpace(extractors, _space_settings(asked, scenes, preset))
    _fit(extractors, tiles, _config(scenes, request, "contextual", "tileable", {}))
    channels = space.fit(tiles, lambda: request.on_preparation("descriptors"))
    if model is None:
        scale = _scale(asked, space, channels, tiles, request.seed, preset)
        options = {"texture_scale": scale}
        config = _config(scenes, request, "contextual", "tileable", options)
        model = KTextures(config, preparation, extractors)
    objective = DictionaryObjective(
        model,
        tiles,
        space,
        channels,
        preset,
        seed=request.seed,
        continued=continued,
        may_settle=request.may_settle,
        on_vote=lambda: request.on_preparation("initial labels"),
    )
    return Plan(model, objective, tiles)


def _widest_reach(request: Request, preset: DefaultPreset) -> int:
    """Reach of the masks at the texture scale asked for, or at any that is chosen."""
    asked = request.texture_scale
    scale = preset.wide_scale if asked is None else asked
    return ContextualMasks(request.k, texture_scale=scale).reach


def _space_settings(
    asked: float | None, scenes: SceneSet, preset: DefaultPreset
) -> SpaceSettings:
    """Settings of the space in which the default preset compares pixels and textures.

    Large pixels are a reason to trust color, since their neighborhood covers more
    ground than most objects.
    """
    narrow = preset.texture_scale if asked is None else asked
    widest = preset.wide_scale if asked is None else asked
    meters = scenes.pixel_meters or preset.color_pixel
    return SpaceSettings(
        sigma=preset.pooling * min(narrow, preset.texture_scale),
        wide_sigma=WIDE_POOLING * preset.pooling * widest,
        segment_scales=preset.segment_scales,
        color_weight=preset.color_weight * max(meters / preset.color_pixel, 1.0),
        lags=preset.noise_lags,
        shrinkage=preset.noise_shrinkage,
    )


def _scale(
    asked: float | None,
    space: DescriptorSpace,
    channels: Channels,
    tiles: TileSet,
    seed: int,
    preset: DefaultPreset,
) -> float:
    """The texture scale asked for, or what the scene shows."""
    if asked is not None:
        return asked
    if channels.narrow is None or channels.wide is None:
        return preset.texture_scale
    valid = tiles.inner()[1]
    gain = gain_of_wide_windows(*space.coarse_rows(channels, valid), seed)
    return preset.wide_scale if gain >= preset.wide_from else preset.texture_scale


def _default_features(
    scenes: SceneSet, color: ColorFeatures, color_only: bool
) -> Sequence[FeatureExtractor]:
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
    vgg = [VGG16Features(weights="bundled", bands=triple) for triple in triples]
    return (*vgg, color)


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
