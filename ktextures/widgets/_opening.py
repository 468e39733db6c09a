"""The first view of a map: the whole scene, as large as the map on the page allows."""

import math
from typing import Any

import ipyleaflet as leaflet

from ktextures.widgets._links import Links
from ktextures.widgets._preview import Preview

__all__ = ["Opening"]

FILLED = 0.95
"""Share of the map's height or width that the scene takes."""

SMALLEST = 100
"""Pixels: a map that is smaller is not laid out yet."""


class Opening:
    """Fits the scene into its map once, when the page tells how large the map is.

    Parameters
    ----------
    preview : Preview
    target : Map
        With the zoom that it is created with; if it has another one by then, somebody
        has moved it, and it stays.
    """

    def __init__(self, preview: Preview, target: leaflet.Map) -> None:
        self._preview, self._map, self._zoom = preview, target, target.zoom
        self._links = Links()
        self._links.observe(target, self._fit, "pixel_bounds")

    def close(self) -> None:
        """Stop observing."""
        self._links.close()

    def _fit(self, *_: Any) -> None:
        if not self._map.pixel_bounds:
            return
        (left, top), (right, bottom) = self._map.pixel_bounds
        wide, tall = right - left, bottom - top
        if min(wide, tall) < SMALLEST:
            return
        self.close()
        zoom = float(self._map.zoom)
        if zoom != self._zoom:
            return
        frame = self._preview.frame
        rows, columns = frame.on_screen(frame.bounds, zoom)
        zoom += math.log2(FILLED * min(tall / rows, wide / columns))
        low, high = self._map.min_zoom, self._map.max_zoom
        zoom = max(math.floor(zoom * 4) / 4, -math.inf if low is None else low)
        self._map.zoom = min(zoom, math.inf if high is None else high)
