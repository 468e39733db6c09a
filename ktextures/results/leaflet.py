"""Results as layers of an ipyleaflet map: ``map.add(result)``."""

import math
from itertools import compress
from typing import Any

import numpy as np
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures.classes.categories import categories_of, compacted
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError, MissingExtraError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.thin import every_nth
from ktextures.raster.web_mercator import frame_in_mercator
from ktextures.rendering import data_url, palette_png

__all__ = ["LeafletLayer"]

LONGEST_SIDE = 2048
"""Of the picture, in pixels; of larger results, every n-th pixel is shown."""


@xr.register_dataset_accessor("as_leaflet_layer")  # type: ignore[no-untyped-call]
class LeafletLayer:
    """Layer with the class map of a result, for ipyleaflet, leafmap and geemap.

    Their maps call ``result.as_leaflet_layer()`` when a result is added to them.

    Parameters
    ----------
    result : Dataset
        With "classes" (y, x), as `ktextures.segment` gives it.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene = kt.datasets.landsat().isel(y=slice(64), x=slice(64))
    >>> model = kt.train(scene, k=2, steps=2, seed=1, progress=False)
    >>> result = kt.segment(scene, model)
    >>> result.as_leaflet_layer().name
    'classes'
    """

    def __init__(self, result: xr.Dataset) -> None:
        self._result = result

    def __call__(self, *, opacity: float = 0.8, name: str = "classes") -> Any:
        """Make the layer.

        Parameters
        ----------
        opacity : float, default 0.8
            Opacity, 0..1.
        name : str, default "classes"
            Name in the layers control.

        Returns
        -------
        ipyleaflet.ImageOverlay
            The layer, in the colors of the classes.

        Raises
        ------
        InputError
            If the result has no class map, or no CRS.
        MissingExtraError
            If ipyleaflet is not installed.
        """
        classes = self._classes()
        try:
            import ipyleaflet
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                'map layers need ipyleaflet; run pip install "ktextures[lab]"'
            ) from error
        size = classes.sizes["y"], classes.sizes["x"]
        step = math.ceil(max(size) / LONGEST_SIDE)
        table = categories_of(classes.attrs) or ClassTable.from_attrs(classes.attrs)
        shown, colors = classes.isel(every_nth(classes, step)).values, table.colors
        if isinstance(table, Legend):  # a picture has room for 255 colors
            held = [each in np.unique(shown) for each in table.codes]
            shown = compacted(shown, list(compress(table.codes, held)))
            colors = tuple(compress(colors, held))
        frame = frame_in_mercator(
            (shown.shape[0], shown.shape[1]),
            size,
            scene_transform(classes),
            classes.rio.crs,
        )
        return ipyleaflet.ImageOverlay(
            url=data_url(palette_png(frame.warp(shown), colors)),
            bounds=frame.bounds,
            opacity=opacity,
            name=name,
        )

    def _classes(self) -> xr.DataArray:
        if "classes" not in self._result:
            raise InputError(
                f"the Dataset has {sorted(map(str, self._result.data_vars))}, but no "
                "'classes'; give a result of ktextures.segment"
            )
        classes = self._result["classes"]
        if classes.rio.crs is None:
            raise InputError(
                "the result has no CRS, so its position on a map is unknown; write "
                "that of its scene with scene.rio.write_crs(...)"
            )
        return classes
