"""What can go wrong, as exceptions that ordinary ``except`` clauses also catch."""

from typing import Any

__all__ = [
    "CallbackError",
    "InputError",
    "KTexturesError",
    "MissingExtraError",
    "MissingFeaturesError",
    "ModelFileError",
    "OutputError",
    "WeightsError",
]


class KTexturesError(Exception):
    """Base of every error that ktextures raises on purpose."""


class CallbackError(KTexturesError, RuntimeError):
    """A training that an exception in a callback ended.

    Attributes
    ----------
    model : KTextures
        What was learned by then.
    """

    def __init__(self, message: str, model: Any) -> None:
        super().__init__(message)
        self.model = model


class InputError(KTexturesError, ValueError):
    """A scene or an argument that cannot be used; the message says what to do."""


class ModelFileError(KTexturesError, ValueError):
    """A model or encoder file that is damaged, foreign, or from another version."""


class MissingFeaturesError(ModelFileError):
    """A model file that uses a feature extractor no imported module has registered."""


class OutputError(KTexturesError, OSError):
    """A result that cannot be written to the requested place."""


class WeightsError(KTexturesError, FileNotFoundError):
    """Pretrained weights that are not given, installed, or available for download."""


class MissingExtraError(KTexturesError, ImportError):
    """A part of the package whose optional dependency is not installed."""
