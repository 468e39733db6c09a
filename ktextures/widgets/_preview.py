"""The scene as the explorer shows it: every n-th pixel, and its place on the map."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.bands import shown_bands
from ktextures.raster.georeference import scene_transform
from ktextures.raster.read import read_window
from ktextures.raster.thin import has_overviews, thin
from ktextures.raster.tile_set import prepare_padded
from ktextures.raster.web_mercator import MapFrame, frame_in_mercator, frame_in_pixels
from ktextures.raster.windows import Window, grow
from ktextures.rendering import UInt8Array, stretch_limits, stretch_rgb

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["LONGEST_SIDE", "Preview"]

LONGEST_SIDE = 1024


class Preview:
    """Every n-th pixel of a scene.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        Of a lazy scene only the pixels shown are computed.
    longest : int
        Longest side of the preview in pixels, at least 1.
    bands : sequence of str or int, optional
        Three bands shown as red, green and blue, or one shown in gray.
    overviews : bool
        Take the pixels from overviews of the scene's file if there are some.

    Attributes
    ----------
    scene : DataArray
        The full scene.
    thinned : DataArray
        Every n-th pixel of it, in memory, with a grid of its own.
    step : int
        Pixels of the scene per pixel of the preview, along each axis.
    from_overviews : bool
        Whether these pixels may be means of those of the scene.
    values : array, shape (y, x, band)
    valid : array of bool, shape (y, x)
    frame : MapFrame
        Its place on the map.

    Raises
    ------
    InputError
        If `longest` or `bands` cannot be used, or no pixel is valid.
    """

    def __init__(
        self,
        scene: xr.DataArray,
        longest: int = LONGEST_SIDE,
        bands: Sequence[str | int] | None = None,
        *,
        overviews: bool = True,
    ) -> None:
        self.scene = scene
        whole = isinstance(longest, int | np.integer) and not isinstance(longest, bool)
        if not whole or longest < 1:
            raise InputError(
                f"preview must be a whole number of at least 1 pixel, got {longest!r}."
            )
        self._longest = int(longest)
        size = (scene.sizes["y"], scene.sizes["x"])
        self.step = math.ceil(max(size) / longest)
        self.from_overviews = overviews and has_overviews(scene, self.step)
        self.thinned = thin(scene, self.step, overviews=overviews)
        shape = (self.thinned.sizes["y"], self.thinned.sizes["x"])
        self.values, self.valid = read_window(self.thinned, 0, 0, *shape)
        if not self.valid.any():
            raise InputError("the scene has no valid pixels; check its nodata value.")
        self.bands = shown_bands(scene, bands)
        self._prepared: tuple[Any, npt.NDArray[np.float32]] | None = None
        crs = scene.rio.crs
        if crs is None:
            self.frame: MapFrame = frame_in_pixels(shape, size)
        else:
            self.frame = frame_in_mercator(shape, size, scene_transform(scene), crs)

    def exact(self) -> "Preview":
        """The same with the scene's own pixels, to learn from."""
        if not self.from_overviews:
            return self
        bands = [index + 1 for index in self.bands]
        return Preview(self.scene, self._longest, bands, overviews=False)

    def release(self) -> None:
        """Release the pixels: a notebook keeps what its cells have shown."""
        self.values, self.valid = self.values[:0].copy(), self.valid[:0].copy()
        self.thinned = self.thinned[..., :0, :0].copy(deep=True)
        self.frame = replace(self.frame, index=None)
        self._prepared = None

    @property
    def located(self) -> bool:
        """Whether the scene has a CRS."""
        return self.scene.rio.crs is not None

    def require_crs(self) -> None:
        """Raise an InputError if the scene has no CRS."""
        if not self.located:
            raise InputError(
                "the scene has no CRS and therefore no place on a map; give it one "
                "with scene.rio.write_crs(...)."
            )

    def position(self, row: int, col: int) -> tuple[float, float]:
        """Latitude and longitude on the map of the middle of a pixel."""
        return self.frame.position((col + 0.5) * self.step, (row + 0.5) * self.step)

    def pixel_at(self, latitude: float, longitude: float) -> tuple[int, int] | None:
        """Row and column of the pixel at a position on the map; None outside."""
        cols, rows = self.frame.locate([longitude], [latitude])
        if not (np.isfinite(cols).all() and np.isfinite(rows).all()):
            return None
        row, col = int(rows[0] // self.step), int(cols[0] // self.step)
        height, width = self.valid.shape
        return (row, col) if 0 <= row < height and 0 <= col < width else None

    @cached_property
    def limits(self) -> npt.NDArray[np.float64]:
        """Darkest and brightest value of each band shown."""
        return stretch_limits(self.values, self.valid, self.bands)

    def picture(
        self, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None = None
    ) -> UInt8Array:
        """RGBA of values (y, x, band) in the scene's units, stretched like it."""
        return stretch_rgb(values, valid, self.bands, limits=self.limits)

    def prepared(
        self, model: "KTextures"
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Scaled values with the halo that a model needs, and validity without it."""
        key = (model.preparation, model.reach)
        if self._prepared is None or self._prepared[0] != key:
            height, width = self.valid.shape
            _, padding = grow(Window(0, 0, height, width), model.reach, height, width)
            values, _ = prepare_padded(
                self.values, self.valid, padding, model.preparation
            )
            self._prepared = key, values
        return self._prepared[1], self.valid
