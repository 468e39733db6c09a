"""Unsupervised segmentation of satellite and aerial images by k-textures."""

from typing import TYPE_CHECKING

from ktextures._loading import load_module
from ktextures._version import __version__
from ktextures.errors import (
    InputError,
    KTexturesError,
    MissingExtraError,
    ModelFileError,
    OutputError,
    WeightsError,
)

if TYPE_CHECKING:
    from ktextures import datasets
    from ktextures.areas import class_areas
    from ktextures.classes import ClassTable
    from ktextures.encoder import SceneEncoder, load_encoder, train_encoder
    from ktextures.export import read_classes, write_classes, write_simulated
    from ktextures.features import FeatureExtractor, FilterBank
    from ktextures.model import KTextures, load
    from ktextures.opening import open_scene
    from ktextures.plotting import plot, plot_history
    from ktextures.records import Snapshot
    from ktextures.scaling import BandScaler
    from ktextures.segmentation import segment
    from ktextures.training import train
    from ktextures.vgg import VGG16Features
    from ktextures.widgets import Explorer, explore

_HOMES = {
    "BandScaler": "scaling",
    "ClassTable": "classes",
    "Explorer": "widgets",
    "FeatureExtractor": "features",
    "FilterBank": "features",
    "KTextures": "model",
    "SceneEncoder": "encoder",
    "Snapshot": "records",
    "VGG16Features": "vgg",
    "class_areas": "areas",
    "explore": "widgets",
    "load": "model",
    "load_encoder": "encoder",
    "open_scene": "opening",
    "plot": "plotting",
    "plot_history": "plotting",
    "read_classes": "export",
    "segment": "segmentation",
    "train": "training",
    "train_encoder": "encoder",
    "write_classes": "export",
    "write_simulated": "export",
}

__all__ = [
    "BandScaler",
    "ClassTable",
    "Explorer",
    "FeatureExtractor",
    "FilterBank",
    "InputError",
    "KTextures",
    "KTexturesError",
    "MissingExtraError",
    "ModelFileError",
    "OutputError",
    "SceneEncoder",
    "Snapshot",
    "VGG16Features",
    "WeightsError",
    "__version__",
    "class_areas",
    "datasets",
    "explore",
    "load",
    "load_encoder",
    "open_scene",
    "plot",
    "plot_history",
    "read_classes",
    "segment",
    "train",
    "train_encoder",
    "write_classes",
    "write_simulated",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import ktextures` stays quick."""
    if name == "datasets":
        return load_module("ktextures.datasets")
    if name not in _HOMES:
        raise AttributeError(f"module 'ktextures' has no attribute {name!r}")
    return getattr(load_module(f"ktextures.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
