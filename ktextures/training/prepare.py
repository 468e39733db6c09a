"""Compute of scenes what a training needs before it knows k."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import xarray as xr

from ktextures.errors import InputError
from ktextures.features.color import ColorFeatures
from ktextures.features.protocol import FeatureExtractor
from ktextures.features.vgg16 import VGG16Features
from ktextures.model.config import check_bands
from ktextures.model.ktextures import KTextures, find_model
from ktextures.model.masks import MIN_K, ContextualMasks, PublishedMasks
from ktextures.raster.borders import warn_of_borders
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.scene_samples import (
    Samples,
    check_units,
    fit_preparation,
    joined,
    read_samples,
)
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.raster.tile_set import TileSet, choose_tiles
from ktextures.training.basis import Basis
from ktextures.training.default_features import default_features
from ktextures.training.descriptors import Channels, DescriptorSpace, SpaceSettings
from ktextures.training.prepared_scenes import PreparedScenes
from ktextures.training.presets import DefaultPreset, PaperPreset, Preset
from ktextures.training.request import Request, check_request
from ktextures.training.texture_scale import gain_of_wide_windows
from ktextures.training.train_encoder import train_encoder

__all__ = ["fit_bands", "prepare", "prepare_scenes"]

WIDE_POOLING = 4 / 3
"""How much wider than others wide windows are, in pooled texture scales."""


def prepare(
    scene: xr.DataArray | Sequence[xr.DataArray],
    *,
    preset: str | Preset | None = None,
    texture_scale: float | str = "auto",
    features: FeatureExtractor | Sequence[FeatureExtractor] | None = None,
    scaler: BandScaler | None = None,
    seed: int | None = None,
    model: KTextures | None = None,
    on_preparation: Callable[[str], None] | None = None,
    progress: bool = True,
) -> PreparedScenes:
    """Compute once what trainings with different numbers of classes share.

    ``train(prepare(scene, seed=1), k, seed=1)`` gives the same model as
    ``train(scene, k, seed=1)``. Prepared, a scene is trained on again within a second.

    Parameters
    ----------
    scene : DataArray (band, y, x), or list or tuple of them
        As for `train`.
    preset : {"default", "paper"} or Preset, optional
        As for `train`.
    texture_scale : float or "auto"
        As for `train`.
    features : FeatureExtractor or sequence of them, optional
        As for `train`.
    scaler : BandScaler, optional
        As for `train`.
    seed : int, optional
        Chooses the training tiles. Drawn if not given; trainings that get no seed of
        their own take this one.
    model : KTextures, optional
        Prepare the scene for training this model further, with its own scaling and
        texture scale.
    on_preparation : callable, optional
        Called with the name of each part before it begins: "tiles", "encoder", or
        "descriptors"; an exception ends the preparation.
    progress : bool
        Show a progress bar while a scene encoder is trained.

    Returns
    -------
    PreparedScenes
        It holds the training tiles and their descriptors in memory, some 600 bytes per
        training pixel.

    Raises
    ------
    InputError
        If an argument or the scene cannot be used.
    WeightsError
        If VGG-16 weights are needed and there are none.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=3, seed=1)
    >>> prepared = kt.prepare(scene, seed=1)
    >>> [kt.train(prepared, k, steps=2, progress=False).k for k in (2, 3)]
    [2, 3]
    """
    scenes = open_scenes(scene)
    if model is not None:
        model = find_model(model)
        check_bands(scenes.bands, model.config)
    request = check_request(None, preset, None, texture_scale, features, seed, model)
    request = replace(request, progress=progress)
    if on_preparation is not None:
        request = replace(request, on_preparation=on_preparation)
    scenes.check_sizes()
    samples = read_samples(scenes)
    bands = fit_bands(scenes, samples, MIN_K, scaler, model)
    return prepare_scenes(scenes, samples, bands, request, model)


def fit_bands(
    scenes: SceneSet,
    samples: Samples,
    k: int,
    scaler: BandScaler | None = None,
    model: KTextures | None = None,
) -> Preparation:
    """Scaling and filling of the bands, those of an earlier model if there is one.

    Raises
    ------
    InputError
        If units differ, or there are fewer than k distinct pixels.

    Warns
    -----
    UserWarning
        If a scene seems to have a border without data.
    """
    warn_of_borders(scenes, samples)
    if scaler is None:
        check_units(scenes, samples)
    if model is not None:
        scaler = model.preparation.scaler
    fitted = fit_preparation(scenes, joined(samples), scaler, k)
    return fitted if model is None else model.preparation


def prepare_scenes(
    scenes: SceneSet,
    samples: Samples,
    preparation: Preparation,
    request: Request,
    model: KTextures | None = None,
) -> PreparedScenes:
    """Compute what does not depend on k, for new models or for training one further.

    Raises
    ------
    InputError
        If the preset is none of the two, or a feature extractor cannot be used.
    """
    preset = request.preset
    if isinstance(preset, PaperPreset):
        extractors, tiles = _paper(scenes, preparation, request, preset, model)
        scale, basis = None, None
    elif isinstance(preset, DefaultPreset):
        extractors, tiles, scale, basis = _default(
            scenes, preparation, request, preset, model
        )
    else:
        raise InputError(
            f"preset is a {type(preset).__name__}; pass ktextures.presets.default or "
            "ktextures.presets.paper, or a variant made by dataclasses.replace."
        )
    return PreparedScenes(
        scenes, samples, preparation, request, scale, tuple(extractors), tiles, basis
    )


def _paper(
    scenes: SceneSet,
    preparation: Preparation,
    request: Request,
    preset: PaperPreset,
    model: KTextures | None,
) -> tuple[Sequence[FeatureExtractor], TileSet]:
    extractors = _asked(request, model)
    if not extractors:
        extractors = _paper_features(scenes, request, preset, preparation)
    request.on_preparation("tiles")
    tiles = choose_tiles(
        scenes,
        preset.tile_size,
        PublishedMasks(MIN_K).reach,
        preparation,
        most=preset.max_tiles,
        seed=request.seed,
        shrink=False,
    )
    _fit(extractors, tiles, scenes)
    return extractors, tiles


def _asked(request: Request, model: KTextures | None) -> Sequence[FeatureExtractor]:
    """Features asked for; if there are none, those of a model trained further."""
    return request.features or (model.extractors if model else ())


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
    preparation: Preparation,
    request: Request,
    preset: DefaultPreset,
    model: KTextures | None,
) -> tuple[Sequence[FeatureExtractor], TileSet, float, Basis]:
    request.on_preparation("tiles")
    reach = model.reach if model else _widest_reach(request, preset)
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
    extractors = _asked(request, model)
    if not extractors:
        color = ColorFeatures(preset.color_offset)
        extractors = default_features(scenes, color, color_only=asked == 0)
    space = DescriptorSpace(extractors, _space_settings(asked, scenes, preset))
    _fit(extractors, tiles, scenes)
    channels = space.fit(tiles, lambda: request.on_preparation("descriptors"))
    scale = _scale(asked, space, channels, tiles, request.seed, preset)
    network = model.mask_network if model else _masks(scenes, scale)
    basis = Basis.of(tiles, space, channels, network, adapt=model is None)
    return extractors, tiles, scale, basis


def _masks(scenes: SceneSet, texture_scale: float) -> ContextualMasks:
    """A mask network that sees the tiles as those of any k do."""
    network = ContextualMasks(MIN_K, texture_scale=texture_scale)
    network.build((None, None, None, len(scenes.bands)))
    return network


def _widest_reach(request: Request, preset: DefaultPreset) -> int:
    """Reach of the masks at the texture scale asked for, or at any that is chosen."""
    asked = request.texture_scale
    scale = preset.wide_scale if asked is None else asked
    return ContextualMasks(MIN_K, texture_scale=scale).reach


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


def _fit(
    extractors: Sequence[FeatureExtractor], tiles: TileSet, scenes: SceneSet
) -> None:
    values, valid = tiles.inner()
    for extractor in extractors:
        extractor.fit(values[valid], scenes.band_index())
