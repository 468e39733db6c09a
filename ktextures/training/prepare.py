"""The two presets: what a model and its objective are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from sklearn.cluster import KMeans

from ktextures.features.color import ColorFeatures
from ktextures.features.filter_bank import FilterBank
from ktextures.features.protocol import FeatureExtractor
from ktextures.features.vgg16 import VGG16Features
from ktextures.model.config import ModelConfig
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import ContextualMasks
from ktextures.raster.bands import role_indices
from ktextures.raster.georeference import pixel_meters
from ktextures.raster.scaling import Preparation
from ktextures.raster.tile_set import TileSet, choose_tiles
from ktextures.training.descriptors import DescriptorSpace
from ktextures.training.dictionary_objective import DictionaryObjective
from ktextures.training.objective import Objective
from ktextures.training.paper_objective import SimulationObjective
from ktextures.training.train_encoder import train_encoder

__all__ = ["DEFAULT_STEPS", "PARTS", "PRESETS", "Request", "prepare"]

PRESETS = ("default", "paper")
DEFAULT_STEPS = {"default": 600, "paper": 10_240}
PARTS = ("tiles", "encoder", "descriptors", "start")
"""Of the preparation, as its listeners are told."""

ENCODER_STEPS = 500
"""Steps of the scene encoder that preset "paper" trains where none is given."""

PAPER_TILE, PAPER_TILES = 128, 1024
DEFAULT_TILE, DEFAULT_TILES = 320, 8
HALO = 24
"""Pixels around a tile of the default preset: for its descriptors and for the masks."""

SEGMENT_SCALES = (50.0, 100.0, 200.0)
POOLING = 2.0
"""Standard deviation of the descriptors' local mean, in texture scales."""

COLOR_WEIGHTS = (0.3, 0.0, 0.5, 1.0)
"""How much color counts beside the features of texture; after the first, in votes."""

LAGS, SHRINKAGE = (6, 12, 24), 0.3
"""Pixels over which what changes is noise, and how much quiet directions may gain."""

TEXTURE_FROM = 1.5
"""Texture scale in pixels from which texture is compared, and not color alone."""

TEXTURE_SCALE, COLOR_SCALE = 2.0, 1.0
"""What "auto" chooses from."""

CLUSTERED = 1.1
"""Clusteredness from which texture is taken to tell the classes apart."""

COARSE = 20.0
"""Meters per pixel from which fields and crowns are no longer textures."""


@dataclass(frozen=True)
class Request:
    """Arguments of `train`, checked.

    Attributes
    ----------
    preset : {"default", "paper"}
    k, steps, seed : int
    texture_scale : float or None
        In pixels; None = to be chosen.
    features : tuple of FeatureExtractor, or None for the preset's own
    progress : bool
    learning_rate : float, or None for the preset's own
    loss_weights : mapping of str to float
        Of those that are not the preset's own.
    on_preparation : callable
        Told the part of the preparation that comes next, one of `PARTS`; what it raises
        ends the training.
    """

    preset: str
    k: int
    steps: int
    seed: int
    texture_scale: float | None
    features: tuple[FeatureExtractor, ...] | None
    progress: bool
    learning_rate: float | None = None
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    on_preparation: Callable[[str], None] = field(default=lambda part: None)


@dataclass(frozen=True)
class Plan:
    """A model, how it is trained, and on what."""

    model: KTextures
    objective: Objective
    tiles: TileSet


def prepare(
    scene: xr.DataArray,
    request: Request,
    preparation: Preparation,
    model: KTextures | None = None,
) -> Plan:
    """Make a model for a scene, or take `model`, and the preset's objective for it."""
    build = _paper if request.preset == "paper" else _default
    return build(scene, request, preparation, model)


def _paper(
    scene: xr.DataArray,
    request: Request,
    preparation: Preparation,
    model: KTextures | None,
) -> Plan:
    if model is None:
        extractors = request.features or _paper_features(scene, request)
        model = KTextures(
            _config(scene, request, "published", "published", {}),
            preparation,
            extractors,
        )
    request.on_preparation("tiles")
    tiles = choose_tiles(
        scene,
        PAPER_TILE,
        model.reach,
        preparation,
        most=PAPER_TILES,
        seed=request.seed,
        shrink=False,
    )
    _fit(model.extractors, tiles, model.config)
    objective = SimulationObjective(
        model,
        tiles,
        request.seed,
        learning_rate=request.learning_rate,
        loss_weights=request.loss_weights,
    )
    return Plan(model, objective, tiles)


def _paper_features(
    scene: xr.DataArray, request: Request
) -> Sequence[FeatureExtractor]:
    encoder = train_encoder(
        scene,
        steps=ENCODER_STEPS,
        seed=request.seed,
        progress=request.progress,
        on_step=lambda: request.on_preparation("encoder"),
    )
    return (VGG16Features(("block5_conv3",), preprocess="raw"), encoder)


def _default(
    scene: xr.DataArray,
    request: Request,
    preparation: Preparation,
    model: KTextures | None,
) -> Plan:
    continued = model is not None
    halo = max(HALO, model.reach if model else _widest_reach(request))
    request.on_preparation("tiles")
    tiles = choose_tiles(
        scene,
        DEFAULT_TILE,
        halo,
        preparation,
        most=DEFAULT_TILES,
        seed=request.seed,
        shrink=True,
    )
    if model is not None:
        scale, extractors = model.mask_network.texture_scale, model.extractors
        space = _space(extractors, scale)
        _fit(extractors, tiles, model.config)
        channels = space.fit(tiles, lambda: request.on_preparation("descriptors"))
    else:
        scale, space, channels = _choose_scale(scene, request, tiles)
        options = {"texture_scale": scale}
        config = _config(scene, request, "contextual", "tileable", options)
        model = KTextures(config, preparation, space.extractors)
    objective = DictionaryObjective(
        model,
        tiles,
        space,
        channels,
        steps=request.steps,
        seed=request.seed,
        continued=continued,
        learning_rate=request.learning_rate,
        loss_weights=request.loss_weights,
        on_vote=lambda: request.on_preparation("start"),
    )
    return Plan(model, objective, tiles)


def _widest_reach(request: Request) -> int:
    """Reach of the masks at the texture scale asked for, or at any that is chosen."""
    scale = TEXTURE_SCALE if request.texture_scale is None else request.texture_scale
    return ContextualMasks(request.k, texture_scale=scale).reach


def _choose_scale(
    scene: xr.DataArray, request: Request, tiles: TileSet
) -> tuple[float, DescriptorSpace, np.ndarray]:
    """Texture scale, the space that goes with it, and the tiles' channels in it."""
    scale = request.texture_scale
    if scale is None:
        meters = pixel_meters(scene)
        scale = COLOR_SCALE if meters and meters >= COARSE else TEXTURE_SCALE
    space, channels = _described(scene, request, tiles, scale)
    if request.texture_scale is None and scale >= TEXTURE_FROM:
        rows = channels[tiles.inner()[1]]
        if clusteredness(rows, request.seed) < CLUSTERED:
            scale = COLOR_SCALE
            space, channels = _described(scene, request, tiles, scale)
    return scale, space, channels


def _described(
    scene: xr.DataArray, request: Request, tiles: TileSet, scale: float
) -> tuple[DescriptorSpace, np.ndarray]:
    extractors = request.features or _default_features(scene, scale)
    space = _space(extractors, scale)
    _fit(extractors, tiles, _config(scene, request, "contextual", "tileable", {}))
    channels = space.fit(tiles, lambda: request.on_preparation("descriptors"))
    return space, channels


def _default_features(scene: xr.DataArray, scale: float) -> Sequence[FeatureExtractor]:
    if scale < TEXTURE_FROM:
        return (ColorFeatures(),)
    if role_indices(scene, ("red", "green", "blue")) is None:
        return (FilterBank(), ColorFeatures())
    triples = [("red", "green", "blue")]
    if role_indices(scene, ("nir",)) is not None:
        triples.append(("nir", "red", "green"))
    vgg = [VGG16Features(weights="bundled", bands=triple) for triple in triples]
    return (*vgg, ColorFeatures())


def _space(extractors: Sequence[FeatureExtractor], scale: float) -> DescriptorSpace:
    """The space in which the default preset compares pixels and textures."""
    if scale < TEXTURE_FROM:
        return DescriptorSpace(extractors, 0.0)
    return DescriptorSpace(
        extractors,
        POOLING * scale,
        segment_scales=SEGMENT_SCALES,
        color_weights=COLOR_WEIGHTS,
        lags=LAGS,
        shrinkage=SHRINKAGE,
    )


def _config(
    scene: xr.DataArray,
    request: Request,
    masks: str,
    textures: str,
    masks_options: Mapping[str, float],
) -> ModelConfig:
    return ModelConfig(
        k=request.k,
        bands=tuple(str(name) for name in scene.band.values),
        roles=tuple(str(role) for role in scene.role.values),
        preset=request.preset,
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


TRIED_K = (2, 3, 4, 6)


SAMPLE = 2_000


def clusteredness(rows: np.ndarray, seed: int) -> float:
    """How much better k-means explains descriptors than a Gaussian cloud like them.

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
