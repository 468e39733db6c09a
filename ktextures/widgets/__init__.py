"""The live explorer for notebooks; its libraries are loaded when it is opened."""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from ktextures.errors import MissingExtraError

if TYPE_CHECKING:
    import xarray as xr

    from ktextures.features.protocol import FeatureExtractor
    from ktextures.model.ktextures import KTextures
    from ktextures.raster.scaling import BandScaler
    from ktextures.training.presets import Preset
    from ktextures.widgets.explorer import Explorer

__all__ = ["Explorer", "explore"]


def explore(
    scene: "xr.DataArray | None" = None,
    k: int | None = None,
    model: "KTextures | None" = None,
    *,
    project: "str | os.PathLike[str] | None" = None,
    preset: "str | Preset" = "default",
    steps: int | None = None,
    texture_scale: float | Literal["auto"] = "auto",
    features: "FeatureExtractor | Sequence[FeatureExtractor] | None" = None,
    scaler: "BandScaler | None" = None,
    learning_rate: float | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int | None = None,
    bands: Sequence[str | int] | None = None,
    basemap: Any = None,
    preview: int = 1024,
) -> "Explorer":
    """Explore a scene on a map: train, watch, change k, rename and merge classes.

    Parameters
    ----------
    scene : DataArray (band, y, x), optional
        As `ktextures.open_scene` returns it; that of `project` by default.
    k : int, optional
        Number of classes to begin with, 2 to 128; 6 by default, or that of `model`.
    model : KTextures, optional
        Trained model whose classes are shown at first. Continue trains a copy of it;
        the model itself never changes.
    project : path, optional
        File written by `Explorer.save`: model, classes, hints, area, view, and settings
        are as they were.
    preset : {"default", "paper"} or Preset
        How a model is trained; see `ktextures.train`. All settings can be changed in
        the explorer.
    steps : int, optional
        Training steps per training; those of the preset by default.
    texture_scale : float or "auto"
        Distance in pixels over which texture is compared, 0 (color only) to 16.
    features : FeatureExtractor or sequence of them, optional
        What image and textures are compared by; those of the preset by default.
    scaler : BandScaler, optional
        Scales the bands to 0..1; fitted to the scene by default.
    learning_rate : float, optional
        Learning rate of the masks; that of the preset by default.
    loss_weights : mapping of str to float, optional
        Loss weights that differ from the preset's.
    seed : int, optional
        Seed of all random numbers, 0 to 2147483647; drawn by default.
    bands : sequence of str or int, optional
        Three bands to show as red, green and blue, or one to show in gray: names, or
        numbers from 1.
    basemap : dict or ipyleaflet layer, optional
        Background of the map, fetched over the network; none by default.
    preview : int
        Longest side in pixels of what is shown; of larger scenes every n-th pixel.

    Returns
    -------
    Explorer
        Displays itself as the last expression of a notebook cell.

    Raises
    ------
    MissingExtraError
        If ipywidgets or ipyleaflet is not installed.
    InputError
        If an argument cannot be used, or the scene is not that of the project.
    ModelFileError
        If the project is damaged, or another version wrote it.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> explorer = kt.explore(scene, k=2, steps=3, seed=1)
    >>> explorer.train()
    >>> explorer.wait()
    True
    >>> explorer.model.k
    2
    >>> explorer.close()
    """
    explorer: Explorer = _explorer_class()(
        scene,
        k,
        model,
        project=project,
        preset=preset,
        steps=steps,
        texture_scale=texture_scale,
        features=features,
        scaler=scaler,
        learning_rate=learning_rate,
        loss_weights=loss_weights,
        seed=seed,
        bands=bands,
        basemap=basemap,
        preview=preview,
    )
    return explorer


def _explorer_class() -> Any:
    try:
        return import_module("ktextures.widgets.explorer").Explorer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {
            "IPython",
            "ipyleaflet",
            "ipywidgets",
            "traitlets",
        }:
            raise
        raise MissingExtraError(
            f"{error.name} is not installed, which the explorer needs; install it with "
            'pip install "ktextures[lab]".'
        ) from error


def __getattr__(name: str) -> object:
    if name == "Explorer":
        return _explorer_class()
    raise AttributeError(f"module 'ktextures.widgets' has no attribute {name!r}")
