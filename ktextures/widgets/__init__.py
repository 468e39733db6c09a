"""The live explorer for notebooks; its libraries are loaded when it is opened."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ktextures.errors import MissingExtraError

if TYPE_CHECKING:
    import xarray as xr

    from ktextures.model.ktextures import KTextures
    from ktextures.widgets.explorer import Explorer

__all__ = ["Explorer", "explore"]


def explore(
    scene: "xr.DataArray",
    k: int = 6,
    model: "KTextures | None" = None,
    **options: Any,
) -> "Explorer":
    """Explore a scene on a map: train, watch, move k, name and merge classes.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        What `ktextures.open_scene` takes.
    k : int
        Number of classes to begin with.
    model : KTextures, optional
        Trained earlier: its classes are shown, and Continue trains it further, in
        place.
    **options
        Of the training: ``preset``, ``steps``, ``texture_scale``, ``features``,
        ``scaler``, ``learning_rate``, ``loss_weights``, ``seed``; see
        `ktextures.train`. Of the view: ``bands`` (three names or numbers
        from 1 for red, green, blue, or one for gray), ``basemap`` (an ipyleaflet layer
        or basemap, fetched over the network; none by default), ``preview`` (longest
        side in pixels of what is shown, 1024).

    Returns
    -------
    Explorer
        Displays itself as the last expression of a cell.

    Raises
    ------
    MissingExtraError
        If ipywidgets or ipyleaflet is not installed.
    InputError
        If an argument cannot be used.
    """
    return _explorer_class()(scene, k, model, **options)


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
            f'The explorer needs {error.name}: pip install "ktextures[lab]"'
        ) from error


def __getattr__(name: str) -> object:
    if name == "Explorer":
        return _explorer_class()
    raise AttributeError(f"module 'ktextures.widgets' has no attribute {name!r}")
