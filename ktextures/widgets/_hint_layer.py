"""The hints as a layer of the map, in the colors of their classes."""

from typing import Any

import ipyleaflet as leaflet

from ktextures.widgets._hint_book import HintBook, on_map
from ktextures.widgets._links import Links
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

__all__ = ["HintLayer"]

EDGE = {"color": "#000000", "weight": 2, "fillOpacity": 0.9}
RADIUS = 6


class HintLayer:
    """Points, lines, and polygons of known class on a map.

    Parameters
    ----------
    state : ExplorerState
    book : HintBook
    preview : Preview
    """

    def __init__(self, state: ExplorerState, book: HintBook, preview: Preview) -> None:
        self._state, self._book, self._preview = state, book, preview
        self._links = Links()
        self._map: leaflet.Map | None = None
        self.layer = leaflet.GeoJSON(
            data=_collection([]), point_style={"radius": RADIUS}, name="Hints"
        )
        self._links.observe(state, self._draw, ["hints", "table", "mapping"])
        self._links.observe(state, self._arrange, "hints_visible")
        self._draw()

    def put_on(self, target: leaflet.Map) -> None:
        """Show the hints on a map, and no longer on another one."""
        self._take_off()
        self._map = target
        self._arrange()

    def _take_off(self) -> None:
        if self._map is not None and self.layer in self._map.layers:
            self._map.remove(self.layer)

    def _arrange(self, *_: Any) -> None:
        if self._map is None:
            return
        if not (self._state.hints_visible and self.layer.data["features"]):
            self._take_off()
        elif self.layer not in self._map.layers:
            self._map.add(self.layer)

    def _draw(self, *_: Any) -> None:
        with self._state.lock:
            hints, table = self._state.hints, self._state.table
            values = [self._book.value_of(hint) for hint in hints]
        features = [
            _feature(on_map(hint, self._preview), table.colors[value - 1])
            for hint, value in zip(hints, values, strict=True)
            if 1 <= value <= table.k
        ]
        data = _collection(features)
        if data != self.layer.data:
            self.layer.data = data
            self._arrange()

    def close(self) -> None:
        """Stop observing, and close the layer."""
        self._links.close()
        self._take_off()
        self.layer.close()


def _feature(geometry: dict[str, Any], color: str) -> dict[str, Any]:
    # Lines have no area to fill; their own color shows on any ground.
    line = geometry["type"].endswith("LineString")
    style = {**EDGE, "fillColor": color, **({"color": color} if line else {})}
    return {"type": "Feature", "properties": {"style": style}, "geometry": geometry}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}
