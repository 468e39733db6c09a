"""Panel for choosing k: a sweep, its maps over the current view, and the lineage."""

import io
import itertools
from collections.abc import Callable
from typing import Any, Protocol

import ipyleaflet as leaflet
import ipywidgets as w
import numpy as np
import xarray as xr

from ktextures.palette import MAX_CLASSES
from ktextures.rendering import data_url, palette_png
from ktextures.results.plot_lineage import plot_lineage
from ktextures.widgets._links import Links, close_tree, picture
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._viewport import bounds_of

__all__ = ["ChoosePanel", "Sweeps"]

WIDTH, HEIGHT = 128, 104
"""Size in pixels of a small map."""

_numbers = itertools.count(1)


class Sweeps(Protocol):
    """What the explorer does about the number of classes."""

    def sweep(self) -> None:
        """Sweep over the range of k in the state."""

    def adopt(self, k: int) -> None:
        """Use the model that the sweep found for one k."""


class Tile:
    """A small map that is a button, with measures below it."""

    def __init__(self, k: int, name: str, adopt: Callable[[int], None]) -> None:
        self.k, self._links = k, Links()
        self.name = f"{name}-k{k}"
        self.button = w.Button(
            layout=w.Layout(width=f"{WIDTH}px", height=f"{HEIGHT}px")
        )
        self.button.add_class("ktextures-map")
        self.button.add_class(self.name)
        self._links.click(self.button, lambda: adopt(k))
        self.text = w.HTML(layout=w.Layout(width=f"{WIDTH}px"))
        self.text.add_class("ktextures-text")
        self.widget = w.VBox([self.button, self.text])

    def fill(self, one: xr.Dataset, recommended: bool) -> None:
        """Show the measures of this k."""
        strength = float(one.prediction_strength)
        error = float(one.prediction_strength_error)
        least = 100 * float(one.smallest_share)
        self.button.description = f"k = {self.k}"
        advice = ", the recommended one" if recommended else ""
        self.button.tooltip = f"Adopt the model of {self.k} classes{advice}"
        (self.button.add_class if recommended else self.button.remove_class)(
            "ktextures-recommended"
        )
        self.text.value = (
            f"<small>{'<b>recommended</b><br>' if recommended else ''}"
            f"strength {strength:.2f} ± {error:.2f}<br>"
            f"silhouette {float(one.silhouette):.2f}<br>"
            f"smallest class {least:.1f} %</small>"
        )

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)


class ChoosePanel:
    """Sweeps over k, and adopts the model of one.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview
    sweeps : Sweeps
    """

    def __init__(self, state: ExplorerState, preview: Preview, sweeps: Sweeps) -> None:
        self._state, self._preview, self._sweeps = state, preview, sweeps
        self._links, self._map_links = Links(), Links()
        self._name = f"ktextures-{next(_numbers)}"
        self._map: leaflet.Map | None = None
        self.tiles: dict[int, Tile] = {}
        self.first = self._number("first k", "first_k")
        self.last = self._number("last k", "last_k")
        self.sweep = w.Button(description="Sweep", layout=w.Layout(width="auto"))
        self.sweep.tooltip = "Try each number of classes, and measure the results"
        self._links.click(self.sweep, sweeps.sweep)
        self.maps = w.HBox([], layout=w.Layout(flex_flow="row wrap", grid_gap="6px"))
        self.style, self.lineage = w.HTML(), w.HTML()
        row = w.HBox(
            [self.first, self.last, self.sweep],
            layout=w.Layout(flex_flow="row wrap", align_items="center"),
        )
        self.widget = w.VBox([row, self.style, self.maps, self.lineage])
        self._links.observe(state, self._refresh, "sweep")
        self._links.observe(state, self._allow, ["status", "task"])
        self._refresh()
        self._allow()

    def _number(self, text: str, trait: str) -> w.BoundedIntText:
        field = w.BoundedIntText(
            description=text,
            min=2,
            max=MAX_CLASSES,
            style={"description_width": "50px"},
            layout=w.Layout(width="120px"),
        )
        self._links.both(self._state, trait, field)
        return field

    def follow(self, target: leaflet.Map) -> None:
        """Show the part of the scene that a map shows."""
        self._map_links.close()
        self._map = target
        self._map_links.observe(target, self._draw, ["bounds", "pixel_bounds"])
        self._draw()

    def _allow(self, *_: Any) -> None:
        busy = self._state.busy
        self.sweep.disabled = busy
        with self._state.lock:
            for tile in self.tiles.values():
                tile.button.disabled = busy

    def _refresh(self, *_: Any) -> None:
        # Locked, because the worker thread and a move of the map may both get here.
        with self._state.lock:
            self._fill()

    def _fill(self) -> None:
        found = self._state.sweep
        ks = [] if found is None else [int(k) for k in found.k.values]
        for k in set(self.tiles) - set(ks):
            self.tiles.pop(k).close()
        for k in ks:
            if k not in self.tiles:
                self.tiles[k] = Tile(k, self._name, self._sweeps.adopt)
        if found is not None:
            chosen = int(found.attrs["recommended_k"])
            for k in ks:
                self.tiles[k].fill(found.sel(k=k), k == chosen)
        self.maps.children = [self.tiles[k].widget for k in ks]
        self._draw()
        self._allow()
        self.lineage.value = "" if len(ks) < 2 else self._lineage(found)

    def _lineage(self, found: xr.Dataset) -> str:
        stream = io.BytesIO()
        plot_lineage(found).savefig(stream, format="png")
        ks = found.k.values
        text = f"How classes divide from k = {ks[0]} to {ks[-1]}, by share of the area"
        return picture(stream.getvalue(), text)

    def _draw(self, *_: Any) -> None:
        """Draw the maps as the background of their buttons."""
        with self._state.lock:
            self.style.value = self._style_sheet()

    def _style_sheet(self) -> str:
        found = self._state.sweep
        if found is None:
            return ""
        rows, cols = self._view()
        rules = []
        for k in sorted(set(self.tiles) & set(found.k.values.tolist())):
            one, tile = found.sel(k=k), self.tiles[k]
            colors = [str(color) for color in one.color.values[:k]]
            part = one.classes.values[np.ix_(rows, cols)]
            url = data_url(palette_png(np.ascontiguousarray(part), colors))
            rules.append(f".{tile.name} {{ background-image: url({url}); }}")
        return f"<style>{' '.join(rules)}</style>"

    def _view(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the preview to draw: the visible part, thinned."""
        height, width = self._preview.valid.shape
        box = (0, 0, height, width)
        located = self._preview.located
        bounds = () if self._map is None else bounds_of(self._map, located=located)
        if bounds:
            (south, west), (north, east) = bounds
            cols, rows = self._preview.frame.locate(
                np.array([west, east, west, east]),
                np.array([north, north, south, south]),
            )
            if np.isfinite(cols).all() and np.isfinite(rows).all():
                step = self._preview.step
                box = (
                    max(int(rows.min() / step), 0),
                    max(int(cols.min() / step), 0),
                    min(int(np.ceil(rows.max() / step)), height),
                    min(int(np.ceil(cols.max() / step)), width),
                )
        top, left, bottom, right = box
        if bottom <= top or right <= left:
            top, left, bottom, right = 0, 0, height, width
        # Twice the size on the page, for screens with small pixels.
        fit = max((bottom - top) / (2 * HEIGHT), (right - left) / (2 * WIDTH))
        step = max(int(np.ceil(fit)), 1)
        return np.arange(top, bottom, step), np.arange(left, right, step)

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        self._map_links.close()
        self._map = None
        for tile in self.tiles.values():
            tile.close()
        self.tiles.clear()
        close_tree(self.widget)
