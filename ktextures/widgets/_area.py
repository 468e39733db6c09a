"""A part of the scene to train on, drawn on the map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.windows import Window
from ktextures.widgets._preview import Preview

__all__ = ["Area", "area_of"]

LEAST_SIDE, LEAST_PIXELS = 32, 1024


@dataclass(frozen=True)
class Area:
    """A window of the scene, or a polygon in it.

    Attributes
    ----------
    window : Window
    mask : array of bool, shape (height, width), or None
        Pixels of the window that count; None = all.
    """

    window: Window
    mask: npt.NDArray[np.bool_] | None = None

    @property
    def pixels(self) -> int:
        """How many pixels it holds."""
        if self.mask is None:
            return self.window.height * self.window.width
        return int(self.mask.sum())

    def cut(self, scene: xr.DataArray) -> xr.DataArray:
        """That part of a scene; NaN outside a polygon."""
        rows, cols = self.window.slices
        part = scene.isel(y=rows, x=cols)
        if self.mask is None:
            return part
        nodata = part.rio.nodata
        part = part.astype("float32" if part.dtype.itemsize <= 2 else "float64")
        if nodata is not None and not np.isnan(nodata):
            part = part.where(part != nodata)
        inside: xr.DataArray = part.where(xr.DataArray(self.mask, dims=("y", "x")))
        inside.rio.write_nodata(np.nan, inplace=True)
        return inside


def area_of(geometry: Mapping[str, Any], preview: Preview) -> Area:
    """Area that a GeoJSON polygon in map coordinates covers.

    Parameters
    ----------
    geometry : mapping
        GeoJSON "Polygon"; only its outline counts.
    preview : Preview

    Returns
    -------
    Area

    Raises
    ------
    InputError
        If it is no polygon, off the scene, or too small to train on.
    """
    if geometry.get("type") != "Polygon":
        raise InputError("Draw a rectangle or a polygon to train on.")
    outline = np.asarray(geometry["coordinates"][0], dtype=np.float64)
    cols, rows = preview.frame.locate(outline[:, 0], outline[:, 1])
    height, width = preview.scene.sizes["y"], preview.scene.sizes["x"]
    top, left = max(round(rows.min()), 0), max(round(cols.min()), 0)
    bottom, right = min(round(rows.max()), height), min(round(cols.max()), width)
    if bottom <= top or right <= left:
        raise InputError("The area lies off the scene; draw it on the image.")
    window = Window(top, left, bottom - top, right - left)
    area = Area(window, _mask(rows - top, cols - left, window))
    if min(window.height, window.width) < LEAST_SIDE or area.pixels < LEAST_PIXELS:
        raise InputError(
            f"The area has {window.height} x {window.width} pixels; training needs at "
            f"least {LEAST_SIDE} x {LEAST_SIDE}. Draw a larger one."
        )
    return area


def _mask(
    rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], window: Window
) -> npt.NDArray[np.bool_] | None:
    """Pixels whose center is inside the outline; None if that is nearly all."""
    from skimage.draw import polygon2mask

    outline = np.stack([rows - 0.5, cols - 0.5], -1)
    shape = (window.height, window.width)
    mask = polygon2mask(shape, outline)  # type: ignore[no-untyped-call]
    # A rectangle on the map is hardly ever one of whole pixels.
    return None if mask.mean() > 0.97 else np.asarray(mask, dtype=bool)
