"""What can go wrong, as exceptions that ordinary ``except`` clauses also catch."""

__all__ = [
    "InputError",
    "KTexturesError",
    "MissingExtraError",
    "ModelFileError",
    "OutputError",
    "WeightsError",
]


class KTexturesError(Exception):
    """Base of every error that ktextures raises on purpose."""


class InputError(KTexturesError, ValueError):
    """A scene or an argument that cannot be used; the message names the remedy."""


class ModelFileError(KTexturesError, ValueError):
    """A model or encoder file that is damaged, foreign or of another version."""


class OutputError(KTexturesError, OSError):
    """A result that cannot be written where it was asked for."""


class WeightsError(KTexturesError, FileNotFoundError):
    """Pretrained weights that are neither given, installed nor downloadable."""


class MissingExtraError(KTexturesError, ImportError):
    """A part of the package whose optional dependency is not installed."""
