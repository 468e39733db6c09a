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
    from ktextures.accuracy.assess import assess
    from ktextures.accuracy.assessment import Assessment
    from ktextures.accuracy.compare import compare
    from ktextures.accuracy.comparison import Comparison
    from ktextures.accuracy.points import sample_points
    from ktextures.classes.legend import Legend
    from ktextures.classes.legend_maps import to_legend
    from ktextures.classes.maps import match_classes, relabel_classes
    from ktextures.classes.table import ClassTable
    from ktextures.cleaning.changes import class_changes, drop_classes
    from ktextures.cleaning.majority_filter import majority_filter
    from ktextures.cleaning.sieve import sieve
    from ktextures.description import describe
    from ktextures.features.filter_bank import FilterBank
    from ktextures.features.protocol import FeatureExtractor, register_features
    from ktextures.features.scene_encoder import SceneEncoder, load_encoder
    from ktextures.features.vgg16 import VGG16Features
    from ktextures.hints.hint import Hint
    from ktextures.hints.hints import Hints
    from ktextures.model.config import Snapshot
    from ktextures.model.ktextures import KTextures, load
    from ktextures.polygons.fractions import class_fractions
    from ktextures.polygons.to_polygons import to_polygons
    from ktextures.polygons.write import write_polygons
    from ktextures.products.export import Exported, export
    from ktextures.raster.open import open_scene
    from ktextures.raster.scaling import BandScaler
    from ktextures.results.areas import class_areas
    from ktextures.results.assign_by import assign_by
    from ktextures.results.geotiff import write_classes
    from ktextures.results.plot import plot
    from ktextures.results.plot_classes import plot_classes
    from ktextures.results.plot_history import plot_history
    from ktextures.results.plot_lineage import plot_lineage
    from ktextures.results.plot_map import plot_map
    from ktextures.results.plot_sweep import plot_sweep
    from ktextures.results.read_classes import read_classes
    from ktextures.results.stac import stac_item, write_stac_item
    from ktextures.results.write_layers import (
        write_confidence,
        write_masks,
        write_simulated,
    )
    from ktextures.samples.points import training_points
    from ktextures.samples.reader import read_samples
    from ktextures.samples.result import TrainingSamples
    from ktextures.samples.training_samples import training_samples
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
    "Assessment": "accuracy.assessment",
    "BandScaler": "raster.scaling",
    "Callback": "training.callbacks",
    "ClassTable": "classes.table",
    "Comparison": "accuracy.comparison",
    "Explorer": "widgets",
    "Exported": "products.export",
    "FeatureExtractor": "features.protocol",
    "FilterBank": "features.filter_bank",
    "Hint": "hints.hint",
    "Hints": "hints.hints",
    "KTextures": "model.ktextures",
    "Legend": "classes.legend",
    "PreparedScenes": "training.prepared_scenes",
    "Preset": "training.presets",
    "SceneEncoder": "features.scene_encoder",
    "Snapshot": "model.config",
    "Suggestion": "suggestion",
    "TrainingSamples": "samples.result",
    "VGG16Features": "features.vgg16",
    "assess": "accuracy.assess",
    "assign_by": "results.assign_by",
    "class_areas": "results.areas",
    "class_changes": "cleaning.changes",
    "class_fractions": "polygons.fractions",
    "compare": "accuracy.compare",
    "describe": "description",
    "drop_classes": "cleaning.changes",
    "explore": "widgets",
    "export": "products.export",
    "load": "model.ktextures",
    "load_encoder": "features.scene_encoder",
    "majority_filter": "cleaning.majority_filter",
    "match_classes": "classes.maps",
    "merge": "training.divide",
    "open_scene": "raster.open",
    "plan_training": "training.train",
    "plot": "results.plot",
    "plot_classes": "results.plot_classes",
    "plot_history": "results.plot_history",
    "plot_lineage": "results.plot_lineage",
    "plot_map": "results.plot_map",
    "plot_sweep": "results.plot_sweep",
    "prepare": "training.prepare",
    "read_classes": "results.read_classes",
    "read_samples": "samples.reader",
    "register_features": "features.protocol",
    "relabel_classes": "classes.maps",
    "sample_points": "accuracy.points",
    "segment": "segmentation",
    "sieve": "cleaning.sieve",
    "split": "training.divide",
    "stac_item": "results.stac",
    "suggest": "suggestion",
    "sweep": "selection.sweep",
    "sweep_model": "selection.sweep",
    "to_legend": "classes.legend_maps",
    "to_polygons": "polygons.to_polygons",
    "train": "training.train",
    "train_encoder": "training.train_encoder",
    "training_points": "samples.points",
    "training_samples": "samples.training_samples",
    "write_classes": "results.geotiff",
    "write_confidence": "results.write_layers",
    "write_masks": "results.write_layers",
    "write_polygons": "polygons.write",
    "write_simulated": "results.write_layers",
    "write_stac_item": "results.stac",
}

_MODULES = {"datasets": "datasets", "presets": "training.presets"}

__all__ = [
    "Assessment",
    "BandScaler",
    "Callback",
    "CallbackError",
    "ClassTable",
    "Comparison",
    "Explorer",
    "Exported",
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
    "TrainingSamples",
    "VGG16Features",
    "WeightsError",
    "__version__",
    "assess",
    "assign_by",
    "class_areas",
    "class_changes",
    "class_fractions",
    "compare",
    "datasets",
    "describe",
    "drop_classes",
    "explore",
    "export",
    "load",
    "load_encoder",
    "majority_filter",
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
    "read_samples",
    "register_features",
    "relabel_classes",
    "sample_points",
    "segment",
    "sieve",
    "split",
    "stac_item",
    "suggest",
    "sweep",
    "sweep_model",
    "to_legend",
    "to_polygons",
    "train",
    "train_encoder",
    "training_points",
    "training_samples",
    "write_classes",
    "write_confidence",
    "write_masks",
    "write_polygons",
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
