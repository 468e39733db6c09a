"""The base class of feature extractors, and the names under which files know them.

An extractor is fitted to the scene once, then turns tiles into feature maps. The loss
compares the maps of the image with those of its simulation; several extractors add up.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np

from ktextures.errors import InputError, MissingFeaturesError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = [
    "FeatureExtractor",
    "is_registered",
    "register_features",
    "registered",
]

ExtractorClass = TypeVar("ExtractorClass", bound=type["FeatureExtractor"])

_REGISTERED: dict[str, type["FeatureExtractor"]] = {}


class FeatureExtractor(ABC):
    """Base class of feature extractors.

    A subclass implements `fit`, `__call__` and `get_config`. If it learns something
    that a model file should keep, it also overrides `get_state` and `restore`.
    Decorate it with `register_features` so that models that use it can be loaded.

    Attributes
    ----------
    kind : str
        Name that model files store; unique among registered extractors.
    only_color : bool
        Whether the maps hold nothing but the color of the pixel itself. The default
        preset weighs such maps separately from those that describe texture.

    Examples
    --------
    >>> import ktextures as kt
    >>> import tensorflow as tf
    >>> @kt.register_features
    ... class Gradients(kt.FeatureExtractor):
    ...     kind = "doc-gradients"
    ...     def fit(self, pixels, bands):
    ...         pass
    ...     def __call__(self, tiles):
    ...         return list(tf.image.image_gradients(tiles))
    ...     def get_config(self):
    ...         return {}
    >>> len(Gradients()(tf.zeros((1, 8, 8, 4))))
    2
    """

    kind: ClassVar[str]
    only_color: ClassVar[bool] = False

    @abstractmethod
    def fit(self, pixels: np.ndarray, bands: Mapping[str, int]) -> None:
        """Prepare for a scene.

        Parameters
        ----------
        pixels : array, shape (..., band), float32
            Valid pixels of the scene, scaled to 0..1.
        bands : mapping of str to int
            Index of each band, by name and by role.
        """

    @abstractmethod
    def __call__(self, tiles: "tf.Tensor") -> list["tf.Tensor"]:
        """Feature maps (batch, y / s, x / s, channel) of tiles (batch, y, x, band)."""

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, ready for JSON."""

    def get_state(self) -> dict[str, np.ndarray]:
        """Collect what `restore` needs besides the configuration.

        Returns
        -------
        dict of str to array
            Empty by default.
        """
        return {}

    @classmethod
    def restore(
        cls, config: Mapping[str, Any], state: Mapping[str, np.ndarray]
    ) -> Self:
        """Rebuild an extractor from its configuration and state.

        Parameters
        ----------
        config : mapping
            What `get_config` returned.
        state : mapping of str to array
            What `get_state` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they do not fit together.
        """
        if state:
            raise ValueError(f"unexpected arrays {sorted(state)} for {cls.kind!r}")
        return cls(**config)

    def copy(self) -> Self:
        """Copy the extractor, so that the copy can be fitted without changing this one.

        Returns
        -------
        FeatureExtractor
            A shallow copy by default.
        """
        return copy.copy(self)

    def describe(self) -> dict[str, Any]:
        """Describe the extractor for the record of a training.

        Returns
        -------
        dict
            Kind and configuration.
        """
        return {"kind": self.kind, **self.get_config()}


def register_features(extractor: ExtractorClass) -> ExtractorClass:
    """Make a class of feature extractors known to model files, under its `kind`.

    Use it as a decorator. A model that was trained with a registered extractor can be
    loaded wherever the module that defines the class has been imported; nothing in the
    model file is executed.

    Parameters
    ----------
    extractor : type
        A subclass of `FeatureExtractor` with a `kind`.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    InputError
        If it is no such class, or another class has registered that kind.

    Examples
    --------
    See `FeatureExtractor`.
    """
    if not isinstance(extractor, type) or not issubclass(extractor, FeatureExtractor):
        raise InputError(
            f"cannot register {extractor!r}: decorate a subclass of "
            "ktextures.FeatureExtractor."
        )
    kind = getattr(extractor, "kind", None)
    if not isinstance(kind, str) or not kind:
        raise InputError(
            f"{extractor.__name__} has no kind; set one, such as "
            f'kind = "{extractor.__name__.lower()}".'
        )
    known = _REGISTERED.get(kind, extractor)
    # A notebook cell that is run again defines the same class anew.
    if _address(known) != _address(extractor):
        raise InputError(
            f"kind {kind!r} is taken by {_address(known)}; choose another for "
            f"{_address(extractor)}."
        )
    _REGISTERED[kind] = extractor
    return extractor


def registered(kind: str, module: str = "") -> type[FeatureExtractor]:
    """Class of feature extractors that is registered under a kind.

    Parameters
    ----------
    kind : str
    module : str
        Module that defined the class when the model was saved; named in the error.

    Raises
    ------
    MissingFeaturesError
        If no class is registered under that kind.
    """
    if kind not in _REGISTERED:
        where = f"import {module}" if module else "import the module that defines it"
        raise MissingFeaturesError(
            f"the model uses the feature extractor {kind!r}, which is not registered; "
            f"{where} before loading the model. Registered are: "
            f"{', '.join(sorted(_REGISTERED))}."
        )
    return _REGISTERED[kind]


def is_registered(extractor: FeatureExtractor) -> bool:
    """Whether this extractor's class is the one registered under its kind."""
    return _REGISTERED.get(extractor.kind) is type(extractor)


def _address(extractor: type) -> str:
    return f"{extractor.__module__}.{extractor.__qualname__}"
