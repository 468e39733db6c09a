"""The view in full resolution as layers of the map, above those of the preview."""

from collections.abc import Callable
from typing import Any

import ipyleaflet as leaflet
import numpy as np

from ktextures.classes.arrays import relabel
from ktextures.rendering import UInt8Array, data_url, palette_png, rgba_png
from ktextures.widgets._links import Links
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._viewport import Viewport

__all__ = ["DetailLayers"]

TRANSPARENT = data_url(rgba_png(np.zeros((1, 1, 4), np.uint8)))
NOWHERE = ((0.0, 0.0), (0.0, 0.0))
SHOWN = ("classes", "mask")
"""Views that are computed in full resolution."""


class DetailLayers:
    """Pictures of `state.viewport`, which follow the state.

    Parameters
    ----------
    state : ExplorerState
    panes : sequence of two str
        Panes left and right of the divider.
    arrange : callable
        Called when other layers are to be shown than before.

    Attributes
    ----------
    layers : dict of str to ipyleaflet.ImageOverlay
        "image" and "classes"; "left" and "right" of the divider show the same.
    """

    def __init__(
        self, state: ExplorerState, panes: tuple[str, ...], arrange: Callable[[], None]
    ) -> None:
        self._state, self._arrange = state, arrange
        self._links = Links()
        titles = {"image": "Image in detail", "classes": "Classes in detail"}
        self.layers = {
            name: leaflet.ImageOverlay(url=TRANSPARENT, bounds=NOWHERE, name=title)
            for name, title in titles.items()
        }
        for name, pane, kind in zip(("left", "right"), panes, titles, strict=True):
            self.layers[name] = leaflet.ImageOverlay(
                url=TRANSPARENT, bounds=NOWHERE, name=titles[kind], pane=pane
            )
        self._links.observe(
            state,
            self._draw,
            [
                *("viewport", "version", "hidden", "view", "chosen", "within"),
                *("by_legend", "split"),
            ],
        )
        self._links.observe(state, self._fade, "opacity")
        self._fade()
        self._before: list[str] = []

    def order(self) -> tuple[list[str], list[str]]:
        """Names of the layers below and above the preview's view, as they are now."""
        view, state = self._state.viewport, self._state
        if view is None or state.view not in SHOWN:
            return [], []
        known = self._classes(view) is not None
        if state.split:
            return [], ["left", "right"] if known else ["left"]
        # Without classes, those of the preview stay visible above the image.
        return ([], ["image", "classes"]) if known else (["image"], [])

    def close(self) -> None:
        """Stop observing, and close the layers."""
        self._links.close()
        for layer in self.layers.values():
            layer.close()
            layer.url = TRANSPARENT

    def _classes(self, view: Viewport) -> UInt8Array | None:
        """Classes as they are shown, of each pixel of the window; None if unknown."""
        with self._state.lock:
            mapping, snapshot = self._state.mapping, self._state.snapshot
        if view.classes is None or view.k != len(mapping) or snapshot is None:
            return None
        return None if snapshot.step == 0 else relabel(view.classes, np.array(mapping))

    def _draw(self, *_: Any) -> None:
        state = self._state
        with state.lock:
            if max(state.mapping, default=0) > state.table.k:
                return  # In the middle of a change, whose end is notified too.
            view, below_above = state.viewport, self.order()
            names = [name for part in below_above for name in part]
            pictures = {} if view is None else self._pictures(view, names)
        for name, url in pictures.items():
            layer = self.layers[name]
            if view is not None and layer.bounds != view.view.frame.bounds:
                # Otherwise the old picture would be stretched for a moment.
                layer.url, layer.bounds = TRANSPARENT, view.view.frame.bounds
            if layer.url != url:
                layer.url = url
        if names != self._before:
            self._before = names
            self._arrange()

    def _pictures(self, view: Viewport, names: list[str]) -> dict[str, str]:
        state, frame, found = self._state, view.view.frame, {}
        one = min(state.chosen, state.table.k)
        every = self._classes(view)
        image = view.image
        if {"image", "left"} & set(names):
            if state.split and state.within and every is not None:
                chosen = frame.warp(every) == one
                image = np.dstack([image[..., :3], np.where(chosen, image[..., 3], 0)])
                image = np.ascontiguousarray(image, np.uint8)
            found = dict.fromkeys({"image", "left"} & set(names), _url(image))
        if every is not None and {"classes", "right"} & set(names):
            if state.within or state.view == "mask":
                every = np.where(every == one, every, 0).astype(np.uint8)
            elif state.hidden:
                every[np.isin(every, list(state.hidden))] = 0
            url = data_url(palette_png(frame.warp(every), state.shown_colors))
            found |= dict.fromkeys({"classes", "right"} & set(names), url)
        return found

    def _fade(self, *_: Any) -> None:
        self.layers["classes"].opacity = self._state.opacity


def _url(picture: UInt8Array) -> str:
    return data_url(rgba_png(picture))
