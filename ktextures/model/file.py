"""The parts of a model that its file holds, packed and read back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ktextures._version import __version__
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor, is_registered, registered
from ktextures.files.archive import Arrays, pack
from ktextures.hints.hints import Hints
from ktextures.model.checks import check_arrays, check_config, check_record
from ktextures.model.config import ModelConfig, TrainingRecord
from ktextures.model.masks import check_k
from ktextures.raster.scaling import BandScaler, Preparation

__all__ = ["ModelParts", "pack_parts", "read_parts"]


@dataclass(frozen=True)
class ModelParts:
    """What a model consists of, besides its weights."""

    config: ModelConfig
    preparation: Preparation
    extractors: Sequence[FeatureExtractor]
    record: TrainingRecord


def pack_parts(parts: ModelParts, weights: Mapping[str, np.ndarray]) -> bytes:
    """The content of a model file.

    Parameters
    ----------
    parts : ModelParts
        Extractors whose class is not registered are left out.
    weights : mapping of str to array
        As `Network.weight_arrays` returns them.

    Returns
    -------
    bytes
    """
    record = parts.record
    known = [each for each in parts.extractors if is_registered(each)]
    settings = {
        "config": asdict(parts.config),
        "scaler": parts.preparation.scaler.to_dict(),
        "fill": list(parts.preparation.fill),
        "classes": record.classes.to_dict(),
        "losses": record.losses,
        "provenance": record.provenance,
        "extractors": [
            {
                "kind": each.kind,
                "module": type(each).__module__,
                "config": each.get_config(),
            }
            for each in known
        ],
        "versions": {
            "ktextures": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
    }
    if len(record.hints):
        settings["hints"] = record.hints.to_list()
    arrays = {**weights, "order": record.order}
    for index, extractor in enumerate(known):
        for name, array in extractor.get_state().items():
            arrays[f"extractors/{index}/{name}"] = array
    return pack("model", settings, arrays)


def read_parts(settings: Mapping[str, Any], arrays: Arrays) -> ModelParts:
    """Check and rebuild what a model file declares; nothing large is allocated.

    Parameters
    ----------
    settings : mapping
    arrays : dict of str to array
        Both as the archive holds them.

    Returns
    -------
    ModelParts

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError
        If something is missing, or does not fit together.
    MissingFeaturesError
        If a feature extractor is not registered.
    """
    config = ModelConfig.from_dict(settings["config"])
    check_k(config.k)
    check_config(config)
    check_arrays(config, arrays)
    fill = tuple(float(value) for value in settings["fill"])
    preparation = Preparation(BandScaler.from_dict(settings["scaler"]), fill)
    bands = len(config.bands)
    if {preparation.scaler.num_bands, len(fill)} != {bands}:
        raise ValueError(f"the scaler or fill is not for {bands} bands")
    if not np.isfinite(fill).all():
        raise ValueError("fill holds values that are not finite")
    record = TrainingRecord(
        ClassTable.from_dict(settings["classes"]),
        arrays["order"],
        settings["losses"],
        settings["provenance"],
        _hints(settings.get("hints", [])),
    )
    check_record(record, config.k)
    extractors = [
        _restored(entry, index, arrays)
        for index, entry in enumerate(settings["extractors"])
    ]
    return ModelParts(config, preparation, extractors, record)


def _hints(described: Any) -> Hints:
    if not isinstance(described, list):
        raise ValueError("hints must be a list")
    try:
        return Hints.from_list(described)
    except InputError as error:
        raise ValueError(str(error)) from error


def _restored(entry: Mapping[str, Any], index: int, arrays: Arrays) -> FeatureExtractor:
    prefix = f"extractors/{index}/"
    state = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    kind = registered(str(entry["kind"]), str(entry.get("module", "")))
    return kind.restore(entry["config"], state)
