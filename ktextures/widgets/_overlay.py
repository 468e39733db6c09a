"""The map, and the scene and its classes as layers of it."""

import math
from collections.abc import Callable
from typing import Any

import ipyleaflet as leaflet
import numpy as np
import numpy.typing as npt

from ktextures.rendering import (
    UInt8Array,
    classes_to_rgba,
    data_url,
    palette_png,
    rgba_png,
)
from ktextures.widgets._detail_layer import DetailLayers
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import VIEWS, ExplorerState
from ktextures.widgets._style import MAP_HEIGHT

__all__ = ["DrawingTools", "Overlays", "empty_map", "static_png"]

TITLES = {
    "image": "Image",
    "classes": "Classes",
    "simulated": "Simulated image",
    "mask": "Single mask",
    "textures": "Single texture",
    "confidence": "Confidence",
}
LEAST_HEIGHT = 520
"""Height in pixels that a map has at least in most windows; the scene fits into it."""

PANES = {"ktextures-left": {"zIndex": 410}, "ktextures-right": {"zIndex": 420}}
MARK = "ktextures-mark"

TRANSPARENT = data_url(rgba_png(np.zeros((1, 1, 4), np.uint8)))


def empty_map(preview: Preview, basemap: Any = None) -> leaflet.Map:
    """A map centered on the scene; uses the network only if a basemap is given."""
    (south, west), (north, east) = preview.frame.bounds
    common: dict[str, Any] = {
        "center": preview.frame.center,
        "scroll_wheel_zoom": True,
        "panes": {**PANES, MARK: {"zIndex": 430}},
        "layout": {"height": MAP_HEIGHT, "width": "100%", "min_width": "320px"},
        "zoom_snap": 0.25,
        "attribution_control": basemap is not None,
    }
    if not preview.located:
        zoom = math.log2(LEAST_HEIGHT * 0.95 / max(north - south, east - west))
        return leaflet.Map(
            layers=(),
            crs=leaflet.projections.Simple,
            zoom=math.floor(zoom * 4) / 4,
            min_zoom=-8,
            max_zoom=8,
            **common,
        )
    # At zoom 0 the world is 256 pixels wide; heights stretch with the latitude.
    stretch = 1 / max(math.cos(math.radians((south + north) / 2)), 0.1)
    extent = max(east - west, (north - south) * stretch, 1e-6)
    zoom = math.log2(360 / extent * LEAST_HEIGHT * 0.95 / 256)
    ground = {"layers": ()} if basemap is None else {"basemap": basemap}
    return leaflet.Map(
        zoom=min(math.floor(zoom * 4) / 4, 20), max_zoom=22, **ground, **common
    )


class DrawingTools:
    """Controls of the map: layers, a scale bar, and tools that draw an area.

    Parameters
    ----------
    located : bool
        Whether the scene has a CRS; a scale bar in pixels would be wrong.
    drawn : callable
        Called with the GeoJSON geometry that was drawn, or None if it was deleted.
    """

    def __init__(
        self, located: bool, drawn: Callable[[dict[str, Any] | None], None]
    ) -> None:
        self._drawn = drawn
        self._map: leaflet.Map | None = None
        outline = {"shapeOptions": {"color": "#d55e00", "fillOpacity": 0}}
        unused: dict[str, dict[str, Any]] = {
            name: {} for name in ("polyline", "circle", "circlemarker", "marker")
        }
        self._draw = leaflet.DrawControl(rectangle=outline, polygon=outline, **unused)
        self._draw.on_draw(self._on_draw)
        self._controls = [leaflet.LayersControl(position="topright"), self._draw]
        if located:
            bar = leaflet.ScaleControl(position="bottomleft", imperial=False)
            self._controls.insert(1, bar)

    def put_on(self, target: leaflet.Map) -> None:
        """Add the controls to a map."""
        self._map = target
        for control in self._controls:
            target.add(control)

    def clear(self) -> None:
        """Remove what was drawn."""
        self._draw.clear()

    def close(self) -> None:
        """Remove the controls from the map, and close them."""
        self._draw.on_draw(self._on_draw, remove=True)
        for control in self._controls:
            if self._map is not None and control in self._map.controls:
                self._map.remove(control)
            control.close()
        self._controls = []

    def _on_draw(self, _: Any, action: str, geo_json: dict[str, Any]) -> None:
        self._drawn(None if action == "deleted" else geo_json["geometry"])


class Overlays:
    """Layers of a map that follow the state.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview

    Attributes
    ----------
    layers : dict of str to ipyleaflet.ImageOverlay
        "image", and one for each view.
    sides : tuple of two ImageOverlay
        Left and right of the divider.
    """

    def __init__(self, state: ExplorerState, preview: Preview) -> None:
        self._state, self._preview = state, preview
        bounds = preview.frame.bounds
        self.layers = {
            name: leaflet.ImageOverlay(url=TRANSPARENT, bounds=bounds, name=title)
            for name, title in TITLES.items()
        }
        self.sides = tuple(
            leaflet.ImageOverlay(url=TRANSPARENT, bounds=bounds, pane=pane, name=name)
            for pane, name in zip(PANES, ("Left", "Right"), strict=True)
        )
        picture = preview.picture(preview.values, preview.valid)
        self._image = self._rgba(picture)
        self.layers["image"].url = self.sides[0].url = self._image
        self._marker = leaflet.CircleMarker(
            radius=5, color="#000", fill=False, pane=MARK
        )
        self._divider: leaflet.SplitMapControl | None = None
        self.map: leaflet.Map | None = None
        self.detail = DetailLayers(state, tuple(PANES), self._arrange)
        self._watched = ["version", "hidden", "view", "chosen", "within", "by_legend"]
        state.observe(self._redraw, self._watched)
        state.observe(self._fade, "opacity")
        state.observe(self._arrange, ["view", "split"])
        state.observe(self._mark, "place")
        self._fade()
        self._redraw()

    def put_on(self, target: leaflet.Map) -> None:
        """Add the layers to a map, and remove them from the one they were on."""
        self.take_off()
        self.map = target
        self._arrange()
        self._mark()

    def take_off(self) -> None:
        """Remove the layers from the map."""
        if self.map is None:
            return
        mine = [*self._pictures(), self._marker]
        self.map.layers = tuple(each for each in self.map.layers if each not in mine)
        self._drop_divider()
        self.map = None

    def close(self) -> None:
        """Stop observing the state, and release the pictures."""
        self._state.unobserve(self._redraw, self._watched)
        self._state.unobserve(self._fade, "opacity")
        self._state.unobserve(self._arrange, ["view", "split"])
        self._state.unobserve(self._mark, "place")
        self.take_off()
        self._marker.close()
        self.detail.close()
        for layer in [*self.layers.values(), *self.sides]:
            layer.close()
            layer.url = TRANSPARENT

    def url(self, view: str) -> str:
        """Data URL of a view's picture at this moment."""
        state = self._state
        with state.lock:
            snapshot, mapping, colors = (
                state.snapshot,
                state.mapping,
                state.shown_colors,
            )
            every, classes = state.shown_classes(), state.visible_classes()
            chosen = min(state.chosen, state.table.k)
        if snapshot is None or every is None or classes is None:
            return TRANSPARENT
        if state.within or view == "mask":
            classes = np.where(every == chosen, every, 0).astype(np.uint8)
        if view in ("classes", "mask"):
            return data_url(palette_png(self._preview.frame.warp(classes), colors))
        if view == "confidence":
            return self._confidence(snapshot.confidence, classes > 0)
        values, valid = snapshot.simulated, classes > 0
        if view == "textures":
            texture = snapshot.textures[mapping.index(chosen)]
            whole = classes if state.within else every
            values, valid = _tiled(texture, every.shape), whole > 0
        return self._rgba(self._preview.picture(values, valid))

    def _confidence(
        self, confidence: npt.NDArray[Any] | None, valid: npt.NDArray[np.bool_]
    ) -> str:
        """Confidence in gray, white = certain."""
        if confidence is None:
            return TRANSPARENT
        gray = np.rint(255 * np.clip(confidence, 0, 1)).astype(np.uint8)
        alpha = np.where(valid, 255, 0).astype(np.uint8)
        return self._rgba(np.dstack([gray, gray, gray, alpha]))

    def _rgba(self, picture: UInt8Array) -> str:
        return data_url(rgba_png(self._preview.frame.warp(picture)))

    def _redraw(self, *_: Any) -> None:
        # Only what can be seen is drawn; other views are drawn when they are chosen.
        state, view = self._state, self._state.view
        if state.snapshot is not None and state.shown_classes() is None:
            return  # In the middle of a change, whose end is notified too.
        url = self.url(view)
        if self.layers[view].url != url:
            self.layers[view].url = url
        if state.split and self.sides[1].url != url:
            self.sides[1].url = url
        left = self._left() if state.split else self._image
        if self.sides[0].url != left:
            self.sides[0].url = left

    def _left(self) -> str:
        """The image left of the divider, of one class if only that is shown."""
        every = self._state.shown_classes()
        if not self._state.within or every is None:
            return self._image
        values, valid = self._preview.values, self._preview.valid
        return self._rgba(
            self._preview.picture(values, valid & (every == self._state.chosen))
        )

    def _mark(self, *_: Any) -> None:
        """Mark the place that was clicked."""
        target, place = self.map, self._state.place
        if target is None:
            return
        if place is None:
            if self._marker in target.layers:
                target.remove(self._marker)
            return
        self._marker.location = self._preview.position(*place)
        if self._marker not in target.layers:
            target.add(self._marker)

    def _fade(self, *_: Any) -> None:
        for view in VIEWS:
            self.layers[view].opacity = self._state.opacity

    def _arrange(self, *_: Any) -> None:
        """Show exactly the image and the chosen view, or the two sides."""
        if self.map is None:
            return
        below, above = (
            [self.detail.layers[name] for name in part] for part in self.detail.order()
        )
        wanted = [self.layers["image"], *below, self.layers[self._state.view], *above]
        mine = self._pictures()
        others = [each for each in self.map.layers if each not in mine]
        if not self._state.split:
            self._drop_divider()
            self.map.layers = (*others, *wanted)
            return
        self._redraw()
        self.map.layers = (*others, *above)
        if self._divider is None:
            self._divider = leaflet.SplitMapControl(
                left_layer=self.sides[0], right_layer=self.sides[1]
            )
            self.map.add(self._divider)

    def _pictures(self) -> list[leaflet.ImageOverlay]:
        return [*self.layers.values(), *self.sides, *self.detail.layers.values()]

    def _drop_divider(self) -> None:
        if self._divider is not None and self.map is not None:
            if self._divider in self.map.controls:
                self.map.remove(self._divider)
            self._divider.close()
        self._divider = None


def _tiled(texture: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """A texture (y, x, band) repeated over the whole preview."""
    rows = np.arange(shape[0])[:, None] % texture.shape[0]
    cols = np.arange(shape[1])[None] % texture.shape[1]
    return np.asarray(texture[rows, cols])


def static_png(state: ExplorerState, preview: Preview) -> bytes:
    """PNG of the classes over the image, for pages without a kernel."""
    image = preview.picture(preview.values, preview.valid)
    classes = state.visible_classes()
    if classes is None:
        return rgba_png(image)
    over = classes_to_rgba(classes, state.shown_colors)
    weight = (over[..., 3:] / 255) * state.opacity
    blend = image[..., :3] * (1 - weight) + over[..., :3] * weight
    picture = np.dstack([np.rint(blend).astype(np.uint8), image[..., 3]])
    return rgba_png(picture)
