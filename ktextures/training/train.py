"""Train a model on a scene."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import keras
import numpy as np
import xarray as xr

from ktextures._version import __version__
from ktextures.classes import canonical_order
from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor
from ktextures.features.scene_encoder import SceneEncoder
from ktextures.model.config import TrainingRecord, check_bands
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import check_k
from ktextures.raster.nodata import require_valid
from ktextures.raster.open import open_scene
from ktextures.raster.read import read_sample
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.tile_set import TileSet
from ktextures.training.checkpoint import Checkpoint, fingerprint, prepare_folder
from ktextures.training.loop import TrainingLoop
from ktextures.training.prepare import DEFAULT_STEPS, PRESETS, Request, prepare

__all__ = ["train"]

DEFAULT_K = 6
MAX_SCALE = 16.0
MIN_PIXELS = 1024


def train(
    scene: xr.DataArray,
    k: int | None = None,
    *,
    preset: str | None = None,
    steps: int | None = None,
    texture_scale: float | str = "auto",
    features: FeatureExtractor | Sequence[FeatureExtractor] | None = None,
    scaler: BandScaler | None = None,
    learning_rate: float | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: str | Path | None = None,
    model: KTextures | None = None,
    progress: bool = True,
) -> KTextures:
    """Learn k hard classes of a scene, each with its own texture, without labels.

    Ctrl-C and `model.stop_training` (in a callback) end training after the step at
    hand; what was learned by then is returned.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        As `open_scene` gives it; other arrays are passed through it.
    k : int
        Number of classes, 2 to 128; 6 if not given, or that of `model`.
    preset : {"default", "paper"}
        "default" if not given, or that of `model`: contextual masks that choose among
        textures. "paper": as published (Wagner et al. 2022), except that the model kept
        is the best over a whole pass.
    steps : int
        Gradient steps; 600 by default, 10,240 with "paper".
    texture_scale : float or "auto"
        Preset "default": pixels over which texture is looked at, 0 to 16; 0 = the
        color of each pixel alone. "auto" chooses; the choice is in the model's
        provenance.
    features : FeatureExtractor or sequence of them
        What image and textures are compared by; several add up.
    scaler : BandScaler
        Bands to 0..1; percentiles 0.5 and 99.5 of the scene by default.
    learning_rate : float
        Of the masks, at the first step; 0.003 with preset "default" (0.001 when a
        model is trained further), 0.001 with "paper". Textures keep their ratio to it.
    loss_weights : mapping of str to float
        Weights that differ from the preset's. "default": "dictionary" (1) and
        "imitation" (0.3) of the start. "paper": "features 1", "features 2" and so on,
        1 each.
    seed : int
        Same seed, scene and versions: same classes. Drawn and recorded if not given.
    callbacks : sequence of keras.callbacks.Callback
        An epoch is one pass over the training tiles. A method ``on_preparation(part)``
        is called all through the preparation, where there is one, with "tiles",
        "encoder", "descriptors" or "start"; what it raises ends the training.
    checkpoint : path
        Folder for the state of this training. Called again with the same arguments
        after a kill, training goes on, to the same result.
    model : KTextures
        Earlier model to train further, in place, with its own preset and scaling.
    progress : bool
        Show a progress bar.

    Returns
    -------
    KTextures

    Raises
    ------
    InputError
        If an argument or the scene cannot be used; the message says what to do.
    WeightsError
        If VGG-16 weights are asked for and there are none.
    OutputError
        If the checkpoint folder cannot be written.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> model.k
    2
    """
    scene = open_scene(scene)
    if model is not None:
        check_bands(scene.band.values, model.config)
        _check_continued(model, scaler, texture_scale, features)
    request = _checked(
        scene, model, k, preset, steps, texture_scale, features, seed, progress
    )
    request = replace(
        request,
        learning_rate=_rate(learning_rate),
        loss_weights=_weights({} if loss_weights is None else loss_weights),
        on_preparation=_listeners(callbacks),
    )
    if checkpoint is not None:
        prepare_folder(checkpoint)
    sample = _valid_sample(scene, request.k)
    preparation = model.preparation if model else _preparation(scene, sample, scaler)
    continued = model is not None
    if model is not None and request.features:
        model.compare_by(request.features)
    plan = prepare(scene, request, preparation, model)
    state = _checkpoint(
        checkpoint, request, plan.tiles, plan.model, continued=continued
    )
    loop = TrainingLoop(
        plan.model,
        plan.objective,
        steps=request.steps,
        callbacks=callbacks,
        checkpoint=state,
        progress=progress,
    )
    loop.run()
    with plan.model.lock:
        _conclude(plan.model, request, plan.tiles, continued=continued)
    return plan.model


def _listeners(
    callbacks: Sequence[keras.callbacks.Callback],
) -> Callable[[str], None]:
    """What tells those callbacks that listen about the parts of the preparation."""
    hooks = [
        each.on_preparation for each in callbacks if hasattr(each, "on_preparation")
    ]

    def tell(part: str) -> None:
        for hook in hooks:
            hook(part)

    return tell


def _check_continued(
    model: KTextures,
    scaler: BandScaler | None,
    texture_scale: float | str,
    features: object,
) -> None:
    """Refuse what a model that is trained further cannot change any more."""
    if scaler is not None and scaler != model.preparation.scaler:
        raise InputError(
            "scaler= differs from the model's, which is frozen. Leave it out, or train "
            "a new model."
        )
    own = model.record.provenance.get("texture_scale", texture_scale)
    if texture_scale not in ("auto", own):
        raise InputError(
            f"texture_scale is {texture_scale!r}, but the model to train further has "
            f"{own:g} px. Leave it out, or train a new model."
        )
    if not features and not model.extractors:
        raise InputError(
            "The model was trained with features of your own, which its file does not "
            "hold. Give them again as features=..."
        )


def _checked(
    scene: xr.DataArray,
    model: KTextures | None,
    k: int | None,
    preset: str | None,
    steps: int | None,
    texture_scale: float | str,
    features: FeatureExtractor | Sequence[FeatureExtractor] | None,
    seed: int | None,
    progress: bool,
) -> Request:
    if preset is None:
        preset = model.config.preset if model else PRESETS[0]
    if preset not in PRESETS:
        raise InputError(f"preset is {preset!r}; choose from {', '.join(PRESETS)}.")
    if model is not None:
        if preset != model.config.preset:
            raise InputError(
                f"preset is {preset!r}, but the model to train further was made by "
                f"{model.config.preset!r}. Leave preset out, or train a new model."
            )
        if k not in (None, model.k):
            raise InputError(
                f"k is {k}, but the model to train further has {model.k} classes. "
                "Leave k out, or train a new model."
            )
        k = model.k
    if steps is None:
        steps = DEFAULT_STEPS[preset]
    if not _is_whole(steps) or steps < 1:
        raise InputError(f"steps is {steps!r}; give a whole number from 1 up.")
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    if not _is_whole(seed) or not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 to 2147483647.")
    return Request(
        preset=preset,
        k=check_k(DEFAULT_K if k is None else k),
        steps=int(steps),
        seed=int(seed),
        texture_scale=_scale(texture_scale),
        features=_as_tuple(features),
        progress=progress,
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _scale(texture_scale: object) -> float | None:
    if isinstance(texture_scale, str) and texture_scale == "auto":
        return None
    if (
        not isinstance(texture_scale, int | float | np.integer | np.floating)
        or not 0 <= texture_scale <= MAX_SCALE
    ):
        raise InputError(
            f"texture_scale is {texture_scale!r}; give pixels from 0 (color only) to "
            f"{MAX_SCALE:g}, or 'auto'."
        )
    return float(texture_scale)


def _rate(learning_rate: object) -> float | None:
    if learning_rate is None:
        return None
    if not _is_number(learning_rate) or not 0 < float(learning_rate) <= 1:
        raise InputError(
            f"learning_rate is {learning_rate!r}; give a number above 0 and up to 1, "
            "0.003 for example."
        )
    return float(learning_rate)


def _weights(loss_weights: object) -> dict[str, float]:
    if not isinstance(loss_weights, Mapping):
        raise InputError(
            f"loss_weights is {loss_weights!r}; give numbers by the name of their "
            'loss, {"imitation": 0.3} for example.'
        )
    for name, value in loss_weights.items():
        if not _is_number(value) or not 0 <= float(value) < math.inf:
            raise InputError(
                f"loss_weights has {value!r} for {name!r}; give a number from 0 up."
            )
    return {str(name): float(value) for name, value in loss_weights.items()}


def _is_number(value: object) -> TypeGuard[float]:
    known = isinstance(value, int | float | np.integer | np.floating)
    return known and not isinstance(value, bool)


def _as_tuple(
    features: FeatureExtractor | Sequence[FeatureExtractor] | None,
) -> tuple[FeatureExtractor, ...] | None:
    if features is None:
        return None
    several = (features,) if isinstance(features, FeatureExtractor) else tuple(features)
    if not several:
        raise InputError("features is empty; leave it out for the preset's own.")
    for extractor in several:
        # A class has all that the protocol asks for, but is none yet.
        if isinstance(extractor, type) or not isinstance(extractor, FeatureExtractor):
            raise InputError(
                f"features holds {extractor!r}, which is no feature extractor; give "
                "VGG16Features(), FilterBank(), a scene encoder, or your own with "
                "fit(), __call__() and get_config()."
            )
    return several


def _valid_sample(scene: xr.DataArray, k: int) -> np.ndarray:
    sample, _ = read_sample(scene)
    require_valid(len(sample), MIN_PIXELS, "training")
    distinct = len(np.unique(sample[:: max(len(sample) // 100_000, 1)], axis=0))
    if distinct < k:
        raise InputError(
            f"k is {k}, but the scene has only {distinct} distinct pixel values; "
            "choose a smaller k."
        )
    return sample


def _preparation(
    scene: xr.DataArray, sample: np.ndarray, scaler: BandScaler | None
) -> Preparation:
    names = [str(name) for name in scene.band.values]
    scaler = scaler or BandScaler.fit(sample, band_names=names)
    if scaler.num_bands != len(names):
        raise InputError(
            f"The scaler has {scaler.num_bands} bands, the scene {len(names)}: {names}."
        )
    mean = scaler.scale(sample).mean(0, dtype="float64")
    return Preparation(scaler, tuple(float(value) for value in mean))


def _checkpoint(
    folder: str | Path | None,
    request: Request,
    tiles: TileSet,
    model: KTextures,
    *,
    continued: bool,
) -> Checkpoint | None:
    if folder is None:
        return None
    names = ["preset", "k", "steps", "seed", "texture_scale"]
    names += ["learning_rate", "loss_weights"]
    settings: dict[str, Any] = {name: getattr(request, name) for name in names}
    if request.features:
        settings["features"] = [
            (extractor.kind, extractor.get_config()) for extractor in request.features
        ]
    settings |= {"bands": model.config.bands, "roles": model.config.roles}
    arrays = [tiles.values, tiles.valid]
    if continued:
        arrays += model.weight_arrays().values()
    for extractor in model.extractors:
        if isinstance(extractor, SceneEncoder):
            arrays += extractor.get_arrays().values()
    return Checkpoint(folder, fingerprint(settings, arrays))


def _conclude(
    model: KTextures, request: Request, tiles: TileSet, *, continued: bool
) -> None:
    """Give the classes their order, and record what was done."""
    order = model.record.order
    if not continued:
        order = canonical_order(_brightness(model, tiles))
    provenance = {
        "preset": request.preset,
        "k": request.k,
        "seed": request.seed,
        "steps": len(model.record.losses.get("loss", ())),
        "texture_scale": model.config.masks_options.get("texture_scale"),
        "features": [_described(extractor) for extractor in model.extractors],
        "learning_rate": request.learning_rate,
        "loss_weights": dict(request.loss_weights),
        "ktextures": __version__,
    }
    model.record = TrainingRecord(
        model.record.classes, order, dict(model.record.losses), provenance
    )


def _described(extractor: FeatureExtractor) -> dict[str, Any]:
    source = {"source": extractor.source} if hasattr(extractor, "source") else {}
    return {"kind": extractor.kind, **extractor.get_config(), **source}


def _brightness(model: KTextures, tiles: TileSet) -> np.ndarray:
    """Mean of the scaled bands of each mask over the training tiles; NaN if empty."""
    total, count = np.zeros(model.k), np.zeros(model.k)
    values, _ = tiles.inner(model.reach)
    pixels, valid = tiles.inner()
    for tile, colors, known in zip(values, pixels, valid, strict=True):
        masks = model(tile[None], training=False).numpy()[0].argmax(-1)[known]
        total += np.bincount(masks, colors.mean(-1)[known], model.k)
        count += np.bincount(masks, minlength=model.k)
    return np.where(count > 0, total / np.maximum(count, 1), math.nan)
