"""The arguments of a training, checked once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import check_k
from ktextures.training.presets import Preset, default, find_preset

__all__ = ["Request", "check_given", "check_request", "check_seed"]

DEFAULT_K = 6
MAX_SCALE = 16.0


@dataclass(frozen=True)
class Request:
    """Arguments of `train`.

    Attributes
    ----------
    preset : Preset
        With the number of steps of this training.
    k, seed : int
    texture_scale : float or None
        In pixels; None = to be chosen.
    features : tuple of FeatureExtractor, or None for the preset's own
    may_settle : bool
        Whether training may end before the preset's steps.
    progress : bool
    on_preparation : callable
        Told which part of the preparation comes next; what it raises ends the training.
    """

    preset: Preset
    k: int
    seed: int
    texture_scale: float | None
    features: tuple[FeatureExtractor, ...] | None
    may_settle: bool = False
    progress: bool = True
    on_preparation: Callable[[str], None] = field(default=lambda part: None)


def check_request(
    k: int | None,
    preset: str | Preset | None,
    steps: int | None,
    texture_scale: float | str,
    features: FeatureExtractor | Sequence[FeatureExtractor] | None,
    seed: int | None,
    model: KTextures | None,
) -> Request:
    """Check the arguments of a training against each other.

    Raises
    ------
    InputError
        If one cannot be used; the message says what to do.
    """
    chosen = _preset(preset, model)
    if steps is not None:
        if not _is_whole(steps) or steps < 1:
            raise InputError(f"steps is {steps!r}; give a whole number of 1 or more.")
        chosen = replace(chosen, steps=int(steps))
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    seed = check_seed(seed)
    if k is None:
        k = model.k if model else DEFAULT_K
    request = Request(
        preset=chosen,
        k=check_k(k),
        seed=seed,
        texture_scale=_scale(texture_scale),
        features=_as_tuple(features),
        may_settle=steps is None,
    )
    if model is not None:
        _check_continued(model, request)
    return request


def check_given(
    made: Request,
    preset: str | Preset | None,
    texture_scale: float | str,
    features: object,
    scaler: object,
) -> None:
    """Refuse arguments that contradict those with which scenes were prepared.

    Raises
    ------
    InputError
        If one of them decides about the preparation.
    """
    decided = []
    if texture_scale != "auto" and _scale(texture_scale) != made.texture_scale:
        decided.append("texture_scale")
    decided += ["features"] if features is not None else []
    decided += ["scaler"] if scaler is not None else []
    if preset is not None and not made.preset.prepares_like(find_preset(preset)):
        decided.append("preset")
    if decided:
        raise InputError(
            f"{' and '.join(decided)} cannot change once a scene is prepared. Pass "
            "them to ktextures.prepare, and leave them out here."
        )


def check_seed(seed: int) -> int:
    """Return `seed` if it is one.

    Raises
    ------
    InputError
        If it is not a whole number from 0 to 2147483647.
    """
    if not _is_whole(seed) or not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 to 2147483647.")
    return int(seed)


def _preset(preset: str | Preset | None, model: KTextures | None) -> Preset:
    """The preset asked for; a model that is trained further brings its own."""
    if model is None:
        return find_preset(default if preset is None else preset)
    recorded = model.record.provenance.get("preset_settings")
    own = find_preset(recorded or model.config.preset)
    if preset is None or preset == own.name:
        # Another training's length is no property of the preset.
        return replace(own, steps=find_preset(own.name).steps)
    chosen = find_preset(preset)
    if chosen.name != own.name:
        raise InputError(
            f"preset is {chosen.name!r}, but the model to train further was made with "
            f"{own.name!r}. Leave preset out, or train a new model."
        )
    return chosen


def _check_continued(model: KTextures, request: Request) -> None:
    """Refuse what a model that is trained further cannot change."""
    scale = request.texture_scale
    own = model.record.provenance.get("texture_scale")
    if scale is not None and own is not None and scale != own:
        raise InputError(
            f"texture_scale is {scale!r}, but the model to train further has "
            f"{own:g} px. Leave it out, or train a new model."
        )
    if not request.features and not model.extractors:
        raise InputError(
            "The model was trained with feature extractors that its file does not "
            "hold. Pass them again as features=..., and register their classes with "
            "ktextures.register_features so that files hold them."
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _scale(texture_scale: object) -> float | None:
    if isinstance(texture_scale, str) and texture_scale == "auto":
        return None
    number = isinstance(texture_scale, int | float | np.integer | np.floating)
    if not number or not 0 <= float(str(texture_scale)) <= MAX_SCALE:
        raise InputError(
            f"texture_scale is {texture_scale!r}; give pixels from 0 (color only) to "
            f"{MAX_SCALE:g}, or 'auto'."
        )
    return float(str(texture_scale))


def _as_tuple(
    features: FeatureExtractor | Sequence[FeatureExtractor] | None,
) -> tuple[FeatureExtractor, ...] | None:
    """Copies of the extractors, since a training fits them to its scene."""
    if features is None:
        return None
    several: tuple[object, ...]
    if isinstance(features, FeatureExtractor | type):
        several = (features,)  # a class is refused below
    else:
        several = tuple(features)
    if not several:
        raise InputError("features is empty; leave it out for the preset's own.")
    copies = []
    for extractor in several:
        if not isinstance(extractor, FeatureExtractor):
            raise InputError(
                f"features holds {extractor!r}, which is not a feature extractor; give "
                "VGG16Features(), FilterBank(), a scene encoder, or an instance of "
                "your own subclass of ktextures.FeatureExtractor."
            )
        copies.append(extractor.copy())
    return tuple(copies)
