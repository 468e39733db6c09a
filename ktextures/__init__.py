"""Unsupervised segmentation of satellite and aerial images by k-textures."""

from typing import TYPE_CHECKING

from ktextures._loading import load_module
from ktextures._version import __version__
from ktextures.errors import (
    CallbackError,
    InputError,
    KTexturesError,
    MissingExtraError,
    MissingFeaturesError,
    ModelFileError,
    OutputError,
    WeightsError,
)

if TYPE_CHECKING:
    from ktextures import datasets
    from ktextures.classes.legend import Legend
    from ktextures.classes.legend_maps import to_legend
    from ktextures.classes.maps import match_classes, relabel_classes
    from ktextures.classes.table import ClassTable
    from ktextures.description import describe
    from ktextures.features.filter_bank import FilterBank
    from ktextures.features.protocol import FeatureExtractor, register_features
    from ktextures.features.scene_encoder import SceneEncoder, load_encoder
    from ktextures.features.vgg16 import VGG16Features
    from ktextures.hints.hint import Hint
    from ktextures.hints.hints import Hints
    from ktextures.model.config import Snapshot
    from ktextures.model.ktextures import KTextures, load
    from ktextures.raster.open import open_scene
    from ktextures.raster.scaling import BandScaler
    from ktextures.results.areas import class_areas
    from ktextures.results.assign_by import assign_by
    from ktextures.results.geotiff import write_classes
    from ktextures.results.plot import plot
    from ktextures.results.plot_classes import plot_classes
    from ktextures.results.plot_history import plot_history
    from ktextures.results.plot_map import plot_map
    from ktextures.results.plot_sweep import plot_lineage, plot_sweep
    from ktextures.results.read_classes import read_classes
    from ktextures.results.stac import stac_item, write_stac_item
    from ktextures.results.write_layers import (
        write_confidence,
        write_masks,
        write_simulated,
    )
    from ktextures.segmentation import segment
    from ktextures.selection.sweep import sweep, sweep_model
    from ktextures.suggestion import Suggestion, suggest
    from ktextures.training import presets
    from ktextures.training.callbacks import Callback
    from ktextures.training.divide import merge, split
    from ktextures.training.prepare import prepare
    from ktextures.training.prepared_scenes import PreparedScenes
    from ktextures.training.presets import Preset
    from ktextures.training.train import plan_training, train
    from ktextures.training.train_encoder import train_encoder
    from ktextures.widgets import Explorer, explore

_HOMES = {
    "BandScaler": "raster.scaling",
    "Callback": "training.callbacks",
    "ClassTable": "classes.table",
    "Explorer": "widgets",
    "FeatureExtractor": "features.protocol",
    "FilterBank": "features.filter_bank",
    "Hint": "hints.hint",
    "Hints": "hints.hints",
    "KTextures": "model.ktextures",
    "SceneEncoder": "features.scene_encoder",
    "Snapshot": "model.config",
    "Legend": "classes.legend",
    "PreparedScenes": "training.prepared_scenes",
    "Preset": "training.presets",
    "VGG16Features": "features.vgg16",
    "assign_by": "results.assign_by",
    "class_areas": "results.areas",
    "describe": "description",
    "explore": "widgets",
    "load": "model.ktextures",
    "match_classes": "classes.maps",
    "merge": "training.divide",
    "relabel_classes": "classes.maps",
    "load_encoder": "features.scene_encoder",
    "open_scene": "raster.open",
    "plot": "results.plot",
    "prepare": "training.prepare",
    "plan_training": "training.train",
    "plot_classes": "results.plot_classes",
    "plot_history": "results.plot_history",
    "plot_lineage": "results.plot_sweep",
    "plot_map": "results.plot_map",
    "plot_sweep": "results.plot_sweep",
    "read_classes": "results.read_classes",
    "register_features": "features.protocol",
    "segment": "segmentation",
    "split": "training.divide",
    "stac_item": "results.stac",
    "Suggestion": "suggestion",
    "suggest": "suggestion",
    "sweep": "selection.sweep",
    "sweep_model": "selection.sweep",
    "to_legend": "classes.legend_maps",
    "train": "training.train",
    "train_encoder": "training.train_encoder",
    "write_classes": "results.geotiff",
    "write_confidence": "results.write_layers",
    "write_masks": "results.write_layers",
    "write_simulated": "results.write_layers",
    "write_stac_item": "results.stac",
}

_MODULES = {"datasets": "datasets", "presets": "training.presets"}

__all__ = [
    "BandScaler",
    "Callback",
    "CallbackError",
    "ClassTable",
    "Explorer",
    "FeatureExtractor",
    "FilterBank",
    "Hint",
    "Hints",
    "InputError",
    "KTextures",
    "KTexturesError",
    "Legend",
    "MissingExtraError",
    "MissingFeaturesError",
    "ModelFileError",
    "OutputError",
    "PreparedScenes",
    "Preset",
    "SceneEncoder",
    "Snapshot",
    "Suggestion",
    "VGG16Features",
    "WeightsError",
    "__version__",
    "assign_by",
    "class_areas",
    "datasets",
    "describe",
    "explore",
    "load",
    "load_encoder",
    "match_classes",
    "merge",
    "open_scene",
    "plan_training",
    "plot",
    "plot_classes",
    "plot_history",
    "plot_lineage",
    "plot_map",
    "plot_sweep",
    "prepare",
    "presets",
    "read_classes",
    "register_features",
    "relabel_classes",
    "segment",
    "split",
    "stac_item",
    "suggest",
    "sweep",
    "sweep_model",
    "to_legend",
    "train",
    "train_encoder",
    "write_classes",
    "write_confidence",
    "write_masks",
    "write_simulated",
    "write_stac_item",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import ktextures` stays quick."""
    if name in _MODULES:
        return load_module(f"ktextures.{_MODULES[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ktextures' has no attribute {name!r}")
    return getattr(load_module(f"ktextures.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
