"""Checks of what a model file declares, before anything is built from it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ktextures.model.config import ModelConfig, TrainingRecord
from ktextures.palette import MAX_CLASSES

__all__ = [
    "MOST_ROWS",
    "check_arrays",
    "check_config",
    "check_record",
    "check_weight",
    "weight_names",
]

MOST_BANDS = 4096
MOST_CHANNELS = 1024
MOST_SCALE = 64.0
MOST_ROWS = 4 * MAX_CLASSES
"""Rows of the last layer of the masks."""

SLACK = 8
"""How many times more numbers a model may need than its file declares."""

MASK_OPTIONS = {
    "contextual": {"texture_scale", "hidden", "groups"},
    "published": {"width", "slope", "noise", "margin"},
}


def check_config(config: ModelConfig) -> None:
    """Refuse a configuration whose parts have the wrong type, size or range.

    Raises
    ------
    ValueError
    """
    bands = config.bands
    named = [isinstance(name, str) for name in (*bands, *config.roles, config.preset)]
    if not all(named) or not 1 <= len(bands) <= MOST_BANDS:
        raise ValueError(f"bands must be 1 to {MOST_BANDS} names, got {len(bands)}")
    if len(set(bands)) < len(bands) or len(config.roles) != len(bands):
        raise ValueError("bands must differ and have one role each")
    if not _is_whole(config.seed) or not 0 <= config.seed < 2**31:
        raise ValueError(f"seed must be a whole number below 2**31, got {config.seed}")
    if config.masks not in MASK_OPTIONS:
        raise ValueError(f"masks must be one of {sorted(MASK_OPTIONS)}")
    unknown = set(config.masks_options) - MASK_OPTIONS[config.masks]
    if unknown:
        raise ValueError(f"unknown options of the masks: {sorted(unknown)}")
    for name, value in config.masks_options.items():
        if name == "groups":
            _check_groups(value, config.k)
        else:
            _check_option(name, value)


def _check_option(name: str, value: Any) -> None:
    """Refuse a number among the options of the masks that is out of range."""
    most = MOST_SCALE if name == "texture_scale" else MOST_CHANNELS
    if name in ("slope", "noise"):
        most = 1e9
    whole = name in ("width", "hidden", "margin")
    if not (_is_whole(value) if whole else _is_number(value)):
        raise ValueError(f"option {name} of the masks is {value!r}")
    if not (1 if name in ("width", "hidden") else 0) <= value <= most:
        raise ValueError(f"option {name} of the masks is {value}, out of range")


def _check_groups(groups: object, k: int) -> None:
    """Refuse what does not give each row of the last layer one of the k masks."""
    if not isinstance(groups, tuple) or len(groups) > MOST_ROWS:
        raise ValueError(f"groups must be at most {MOST_ROWS} numbers of masks")
    if not all(map(_is_whole, groups)) or set(groups) != set(range(k)):
        raise ValueError(f"groups must hold 0 to {k - 1}, got {_short(groups)}")


def check_arrays(config: ModelConfig, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse a file that declares a far larger model than it holds weights for.

    Raises
    ------
    ValueError
        Before memory for the model is allocated.
    """
    held = sum(arrays[name].size for name in weight_names(arrays))
    texture = 9 * 16 * len(config.bands) * config.k
    options = config.masks_options
    layer = options.get("width", options.get("hidden", 64))
    rows = len(options.get("groups", ()))
    masks = 2 * layer * (layer + len(config.bands)) + rows * layer
    if texture + masks > SLACK * held:
        raise ValueError(
            f"the model declared (k={config.k}, {len(config.bands)} bands) is far "
            f"larger than the {held} weights in the file; their shape does not fit"
        )


def weight_names(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the model's own weights among the arrays of a file."""
    return [name for name in arrays if name.startswith("weights/")]


def check_record(record: TrainingRecord, k: int) -> None:
    """Refuse a record whose classes, order, losses or provenance are not usable.

    Raises
    ------
    ValueError
    """
    order = record.order
    whole = order.ndim == 1 and order.dtype.kind in "iu"
    if not whole or sorted(order.tolist()) != list(range(k)):
        raise ValueError(f"order must hold 0 to {k - 1} once, got {_short(order)}")
    if record.classes.k != k:
        raise ValueError(f"{record.classes.k} names of classes for {k} classes")
    strange = [h.class_ for h in record.hints if not _is_class(h.class_, k)]
    if strange:
        raise ValueError(f"hints must be of the classes 1 to {k}, got {strange[0]!r}")
    lengths = set()
    for name, trace in record.losses.items():
        if not isinstance(name, str) or not isinstance(trace, list):
            raise ValueError(f"losses must be lists by name, got {_short(name)}")
        if not all(_is_number(value) for value in trace):
            raise ValueError(f"losses of {name!r} must be numbers")
        lengths.add(len(trace))
    if len(lengths) > 1:
        raise ValueError(f"losses must have one length, got {sorted(lengths)}")
    if not isinstance(record.provenance, dict):
        raise ValueError(
            f"provenance must be a mapping, got {_short(record.provenance)}"
        )


def check_weight(index: int, found: np.ndarray, shape: Sequence[int]) -> None:
    """Refuse weights of another shape or type, or with values that are not finite.

    Raises
    ------
    ValueError
        Short: Keras's own message would quote the whole array.
    """
    if found.shape != tuple(shape):
        raise ValueError(f"weight {index} has shape {found.shape}, not {tuple(shape)}")
    if found.dtype != np.float32:
        raise ValueError(f"weight {index} has dtype {found.dtype}, not float32")
    if not np.isfinite(found).all():
        raise ValueError(f"weight {index} holds values that are not finite")


def _is_class(value: object, k: int) -> bool:
    return isinstance(value, int) and 1 <= value <= k


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float | np.floating)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
