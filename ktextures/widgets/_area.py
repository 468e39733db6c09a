"""An area drawn on the map, to train on a part of the scene."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.windows import Window
from ktextures.widgets._preview import Preview

__all__ = ["Area", "area_of"]

MIN_SIDE, MIN_PIXELS = 32, 1024
MAX_POINTS = 1000
"""Points of an outline; the search for crossings compares all pairs of its edges."""


@dataclass(frozen=True)
class Area:
    """A window of the scene, or a polygon in it.

    Attributes
    ----------
    window : Window
    mask : array of bool, shape (height, width), or None
        Pixels of the window inside the polygon; None = all of them.
    """

    window: Window
    mask: npt.NDArray[np.bool_] | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels inside."""
        if self.mask is None:
            return self.window.height * self.window.width
        return int(self.mask.sum())

    def cut(self, scene: xr.DataArray) -> xr.DataArray:
        """Cut it out of a scene; NaN outside a polygon."""
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


def area_of(geometry: object, preview: Preview) -> Area:
    """Area of the scene that a GeoJSON polygon covers.

    Parameters
    ----------
    geometry : mapping
        GeoJSON "Polygon" in longitude and latitude, or for a scene without CRS in
        columns and minus rows. Holes are ignored.
    preview : Preview

    Returns
    -------
    Area

    Raises
    ------
    InputError
        If it is not a valid polygon, or lies off the scene or is too small to train
        on.
    """
    outline = _outline(geometry)
    with np.errstate(invalid="ignore"):  # Off the projection, places are infinite.
        cols, rows = preview.frame.locate(outline[:, 0], outline[:, 1])
    height, width = preview.scene.sizes["y"], preview.scene.sizes["x"]
    if not np.isfinite(cols).all() or not np.isfinite(rows).all():
        raise InputError("the area lies off the scene; draw it on the image.")
    top, left = max(round(rows.min()), 0), max(round(cols.min()), 0)
    bottom, right = min(round(rows.max()), height), min(round(cols.max()), width)
    if bottom <= top or right <= left:
        raise InputError("the area lies off the scene; draw it on the image.")
    window = Window(top, left, bottom - top, right - left)
    area = Area(window, _mask(rows - top, cols - left, window))
    if min(window.height, window.width) < MIN_SIDE or area.pixels < MIN_PIXELS:
        raise InputError(
            f"the area is {window.height} x {window.width} pixels with {area.pixels} "
            f"inside its outline, but training needs at least {MIN_SIDE} x {MIN_SIDE} "
            f"with {MIN_PIXELS} inside; draw a larger area."
        )
    return area


def _outline(geometry: object) -> npt.NDArray[np.float64]:
    """Points (longitude, latitude) of a polygon's outline, the last not the first."""
    if not isinstance(geometry, Mapping) or geometry.get("type") != "Polygon":
        found = geometry.get("type") if isinstance(geometry, Mapping) else geometry
        raise InputError(
            f"the area must be a GeoJSON Polygon, got {found!r}; draw a rectangle or "
            "a polygon."
        )
    try:
        points = np.asarray([point[:2] for point in geometry["coordinates"][0]], float)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            "the polygon has no usable coordinates; give "
            '{"type": "Polygon", "coordinates": [[[x, y], ...]]}.'
        ) from error
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(
            "the polygon has coordinates that are not finite pairs of numbers; give "
            "longitude and latitude of each point."
        )
    return _checked(points)


def _checked(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The outline without repeated points, if its edges do not cross."""
    distinct = points[(points != np.roll(points, 1, axis=0)).any(1)]
    different = len(np.unique(distinct, axis=0))
    if different < 3:
        raise InputError(
            f"the polygon has {different} distinct points; give at least 3."
        )
    if len(distinct) > MAX_POINTS:
        raise InputError(
            f"the polygon has {len(distinct)} points; give at most {MAX_POINTS}."
        )
    if _crosses_itself(distinct):
        raise InputError("the polygon crosses itself; draw one whose edges do not.")
    return distinct


def _crosses_itself(points: npt.NDArray[np.float64]) -> bool:
    """Whether two edges of a closed outline cross."""
    ends = np.roll(points, -1, axis=0)
    along = ends - points

    def sides(of: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sign of the side of each edge (row) on which each point (column) lies."""
        offset = of[None] - points[:, None]
        return np.sign(
            along[:, None, 0] * offset[..., 1] - along[:, None, 1] * offset[..., 0]
        )

    apart = sides(points) * sides(ends) < 0
    return bool((apart & apart.T).any())


def _mask(
    rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], window: Window
) -> npt.NDArray[np.bool_] | None:
    """Pixels whose center is inside the outline; None if that is nearly all."""
    from skimage.draw import polygon2mask

    outline = np.stack([rows - 0.5, cols - 0.5], -1)
    shape = (window.height, window.width)
    mask = polygon2mask(shape, outline)  # type: ignore[no-untyped-call]
    # Edges of a rectangle on the map seldom coincide with edges of pixels.
    return None if mask.mean() > 0.97 else np.asarray(mask, dtype=bool)
