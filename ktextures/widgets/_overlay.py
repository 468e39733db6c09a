"""Frames to pictures on a map: PNG data URLs, bounds, layers."""

import math
from typing import Any

import ipyleaflet as leaflet
import numpy as np
import numpy.typing as npt

from ktextures.classes import relabel
from ktextures.results.rendering import (
    UInt8Array,
    classes_to_rgba,
    data_url,
    palette_png,
    rgba_png,
)
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import VIEWS, ExplorerState

__all__ = ["Overlays", "empty_map", "static_png"]

TITLES = {
    "image": "Image",
    "classes": "Classes",
    "simulated": "Simulated image",
    "mask": "One mask",
    "textures": "One texture",
    "margin": "Confidence",
}
MAP_HEIGHT = 480
PANES = {"ktextures-left": {"zIndex": 410}, "ktextures-right": {"zIndex": 420}}


TRANSPARENT = data_url(rgba_png(np.zeros((1, 1, 4), np.uint8)))


def empty_map(preview: Preview, basemap: Any = None) -> leaflet.Map:
    """A map of the scene's surroundings, without network unless a basemap is given."""
    (south, west), (north, east) = preview.frame.bounds
    height = "480px"
    common: dict[str, Any] = {
        "center": preview.frame.center,
        "scroll_wheel_zoom": True,
        "panes": PANES,
        "layout": {"height": height, "width": "100%", "min_width": "320px"},
        "zoom_snap": 0.25,
        "attribution_control": basemap is not None,
    }
    if not preview.located:
        zoom = math.log2(MAP_HEIGHT * 0.95 / max(north - south, east - west))
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
    zoom = math.log2(360 / extent * MAP_HEIGHT * 0.95 / 256)
    ground = {"layers": ()} if basemap is None else {"basemap": basemap}
    return leaflet.Map(
        zoom=min(math.floor(zoom * 4) / 4, 20), max_zoom=22, **ground, **common
    )


class Overlays:
    """Keeps the layers of a map true to the state.

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
        self.layers["image"].url = self.sides[0].url = self._rgba(picture)
        self._divider: leaflet.SplitMapControl | None = None
        self.map: leaflet.Map | None = None
        self._watched = ["version", "hidden", "view", "chosen"]
        state.observe(self._redraw, self._watched)
        state.observe(self._fade, "opacity")
        state.observe(self._arrange, ["view", "split"])
        self._fade()
        self._redraw()

    def put_on(self, target: leaflet.Map) -> None:
        """Put the layers on a map, and take them off the one they were on."""
        self.take_off()
        self.map = target
        self._arrange()

    def take_off(self) -> None:
        """Leave the map as it was."""
        if self.map is None:
            return
        mine = [*self.layers.values(), *self.sides]
        self.map.layers = tuple(each for each in self.map.layers if each not in mine)
        self._drop_divider()
        self.map = None

    def close(self) -> None:
        """Stop watching the state."""
        self._state.unobserve(self._redraw, self._watched)
        self._state.unobserve(self._fade, "opacity")
        self._state.unobserve(self._arrange, ["view", "split"])
        self.take_off()
        for layer in [*self.layers.values(), *self.sides]:
            layer.close()
            layer.url = TRANSPARENT

    def url(self, view: str) -> str:
        """The picture of a view as it is now."""
        state = self._state
        with state.lock:
            frame, mapping, colors = state.frame, state.mapping, state.table.colors
            if frame is None or len(mapping) != frame.k:
                return TRANSPARENT
            chosen = min(state.chosen, state.table.k)
        classes = _visible(frame.classes, mapping, state.hidden)
        if view == "mask":
            every = relabel(frame.classes, np.array(mapping, np.int64))
            classes = np.where(every == chosen, every, 0).astype(np.uint8)
        if view in ("classes", "mask"):
            return data_url(palette_png(self._preview.frame.warp(classes), colors))
        if view == "margin":
            return self._margin(frame.margin, classes > 0)
        values = frame.simulated
        if view == "textures":
            texture = frame.textures[mapping.index(chosen)]
            return self._rgba(
                self._preview.picture(
                    _spread(texture, frame.classes.shape), frame.classes > 0
                )
            )
        return self._rgba(self._preview.picture(values, classes > 0))

    def _margin(
        self, margin: npt.NDArray[Any] | None, valid: npt.NDArray[np.bool_]
    ) -> str:
        if margin is None:
            return TRANSPARENT
        gray = np.rint(255 * np.clip(margin, 0, 1)).astype(np.uint8)
        alpha = np.where(valid, 255, 0).astype(np.uint8)
        return self._rgba(np.dstack([gray, gray, gray, alpha]))

    def _rgba(self, picture: UInt8Array) -> str:
        return data_url(rgba_png(self._preview.frame.warp(picture)))

    def _redraw(self, *_: Any) -> None:
        # Only what can be seen is drawn: the others follow when they are chosen.
        state, view = self._state, self._state.view
        if state.frame is not None and len(state.mapping) != state.frame.k:
            return  # amid a change; its end is told too
        url = self.url(view)
        if self.layers[view].url != url:
            self.layers[view].url = url
        if state.split and self.sides[1].url != url:
            self.sides[1].url = url

    def _fade(self, *_: Any) -> None:
        for view in VIEWS:
            self.layers[view].opacity = self._state.opacity

    def _arrange(self, *_: Any) -> None:
        """Have exactly the image and the chosen view on the map, or the two sides."""
        if self.map is None:
            return
        wanted = [self.layers["image"], self.layers[self._state.view]]
        mine = [*self.layers.values(), *self.sides]
        others = [each for each in self.map.layers if each not in mine]
        if not self._state.split:
            self._drop_divider()
            self.map.layers = (*others, *wanted)
            return
        self._redraw()
        self.map.layers = tuple(others)
        if self._divider is None:
            self._divider = leaflet.SplitMapControl(
                left_layer=self.sides[0], right_layer=self.sides[1]
            )
            self.map.add(self._divider)

    def _drop_divider(self) -> None:
        if self._divider is not None and self.map is not None:
            if self._divider in self.map.controls:
                self.map.remove(self._divider)
            self._divider.close()
        self._divider = None


def _visible(
    classes: UInt8Array, mapping: tuple[int, ...], hidden: frozenset[int]
) -> UInt8Array:
    shown = relabel(classes, np.array(mapping, np.int64))
    if hidden:
        shown[np.isin(shown, list(hidden))] = 0
    return shown


def _spread(texture: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    """A texture (y, x, band) laid side by side over the whole map."""
    rows = np.arange(shape[0])[:, None] % texture.shape[0]
    cols = np.arange(shape[1])[None] % texture.shape[1]
    return np.asarray(texture[rows, cols])


def static_png(state: ExplorerState, preview: Preview) -> bytes:
    """The view as a picture that needs no kernel."""
    image = preview.picture(preview.values, preview.valid)
    frame = state.frame
    if frame is None:
        return rgba_png(image)
    classes = _visible(frame.classes, state.mapping, state.hidden)
    over = classes_to_rgba(classes, state.table.colors)
    weight = (over[..., 3:] / 255) * state.opacity
    blend = image[..., :3] * (1 - weight) + over[..., :3] * weight
    picture = np.dstack([np.rint(blend).astype(np.uint8), image[..., 3]])
    return rgba_png(picture)
