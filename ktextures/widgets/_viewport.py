"""What the map shows of a large scene, in full resolution, computed in a thread."""

import math
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import ipyleaflet as leaflet
import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.model.config import Snapshot
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.source import direct_source
from ktextures.raster.web_mercator import MapFrame, frame_of_view
from ktextures.raster.windows import Window, grow
from ktextures.rendering import UInt8Array
from ktextures.widgets._applying import classify
from ktextures.widgets._links import Links
from ktextures.widgets._preview import Preview
from ktextures.widgets._results import ModelShelf
from ktextures.widgets._state import BUSY, ExplorerState

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["Closeup", "Viewport", "classes_of", "view_of"]

DEBOUNCE = 0.3
"""Seconds without a move of the map after which the view is computed."""

MOST_PIXELS = 2_000_000
"""Pixels of the scene in a view, at most; of larger ones the preview is enough."""

PATIENCE = 1.5
"""Seconds that classes of a view may take; those of larger views are not computed."""

FIRST_PACE = 400_000
"""Pixels per second that are classified, until it was measured."""

PAUSE, SHARE = 3.0, 8.0
"""While a model is trained, seconds between views, and times what the last one took."""

BLOCK = 512
"""Side in pixels of what is classified at a time: all cores share even a small view."""


@dataclass(frozen=True)
class View:
    """A part of the scene on the map.

    Attributes
    ----------
    window : Window
        Rows and columns of the scene that the map shows.
    frame : MapFrame
        From these pixels to those of the screen.
    """

    window: Window
    frame: MapFrame

    @property
    def pixels(self) -> int:
        """Pixels of the scene in it."""
        return self.window.height * self.window.width

    @property
    def is_full(self) -> bool:
        """Whether the screen has a pixel for each of the scene's, but for rounding."""
        index = self.frame.index
        return index is None or self.pixels <= 1.1 * index.size


@dataclass(frozen=True, eq=False)
class Viewport:
    """What a view shows.

    Attributes
    ----------
    view : View
    image : array of uint8, shape (y, x, RGBA)
        As it lies on the screen.
    classes : array of uint8, shape (row, column), or None
        Of each pixel of the window, with the model's own numbers, 0 = nodata.
    k : int
        Number of classes of the model.
    snapshot : Snapshot or None
        The one that was shown when the classes were computed.
    """

    view: View
    image: UInt8Array
    classes: npt.NDArray[np.uint8] | None = None
    k: int = 0
    snapshot: Snapshot | None = None


def bounds_of(target: leaflet.Map, *, located: bool) -> Any:
    """South-west and north-east corner of what a map shows; empty before it shows."""
    if located or not target.pixel_bounds:
        return target.bounds if located else ()
    # Without a CRS, latitudes are rows, but ipyleaflet limits them to 90 degrees.
    scale = 2 ** float(target.zoom)
    (left, top), (right, bottom) = target.pixel_bounds
    return (-bottom / scale, left / scale), (-top / scale, right / scale)


def view_of(preview: Preview, bounds: Any, zoom: float) -> View | None:
    """The view of a map, if the preview is too coarse for it.

    Parameters
    ----------
    preview : Preview
    bounds : ((float, float), (float, float))
        South-west and north-east corner of the map, in latitude and longitude.
    zoom : float

    Returns
    -------
    View or None
        None if the preview shows every pixel, if its pixels are no larger than those
        of the screen, if more than 2 million pixels of the scene are in the view, or
        none.
    """
    if preview.step == 1 or not bounds:
        return None
    (south, west), (north, east) = preview.frame.bounds
    (below, left), (above, right) = bounds
    south, north = max(south, below), min(north, above)
    west, east = max(west, left), min(east, right)
    if south >= north or west >= east:
        return None
    seen = (south, west), (north, east)
    rows, cols = preview.frame.spans(seen)
    height, width = preview.scene.sizes["y"], preview.scene.sizes["x"]
    top, bottom = max(math.floor(rows[0]), 0), min(math.ceil(rows[1]), height)
    first, last = max(math.floor(cols[0]), 0), min(math.ceil(cols[1]), width)
    window = Window(top, first, bottom - top, last - first)
    if window.height < 1 or window.width < 1:
        return None
    tall, wide = preview.frame.on_screen(seen, zoom)
    fine = max(window.height / tall, window.width / wide) >= preview.step
    if fine or window.height * window.width > MOST_PIXELS:
        return None
    # More pixels than the scene has would show no more.
    tall, wide = min(tall, 2 * window.height), min(wide, 2 * window.width)
    return View(window, frame_of_view(preview.frame, seen, (tall, wide), window))


def read_part(scene: xr.DataArray, window: Window) -> xr.DataArray:
    """A window of a scene in memory, of which nothing else is read if possible."""
    rows, cols = window.slices
    part = scene.isel(y=rows, x=cols)
    source = direct_source(scene.data)
    return part.compute() if source is None else part.copy(data=source.read(rows, cols))


def classes_of(
    scene: xr.DataArray,
    model: "KTextures",
    window: Window,
    stopped: Callable[[], bool] = lambda: False,
) -> npt.NDArray[np.uint8] | None:
    """Classes of a window, the same as those of the whole scene there.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    model : KTextures
    window : Window
        Within the scene.
    stopped : callable
        Called again and again; returning True cancels.

    Returns
    -------
    array of uint8, shape (row, column), or None
        1..k, 0 = nodata; None if canceled.
    """
    # With all pixels that its classes depend on, only the scene's edges are mirrored.
    inside, _ = grow(window, model.reach, scene.sizes["y"], scene.sizes["x"])
    part = read_part(scene, inside)
    found = classify(part, model, lambda _: None, stopped, block=BLOCK)
    if found is None:
        return None
    top, left = window.row - inside.row, window.col - inside.col
    return found[Window(top, left, window.height, window.width).slices]


class Closeup:
    """Keeps `state.viewport` at what a map shows, computed in a thread of its own.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview
    shelf : ModelShelf
    """

    def __init__(
        self, state: ExplorerState, preview: Preview, shelf: ModelShelf
    ) -> None:
        self._state, self._preview, self._shelf = state, preview, shelf
        self._links, self._map_links = Links(), Links()
        self._map: leaflet.Map | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed, self._asked, self._moves = False, False, 0
        self._moved_at, self._due = 0.0, 0.0
        self._pace, self._first, self._next = float(FIRST_PACE), True, 0.0
        if preview.step > 1:
            self._links.observe(state, self._ask, ["version", "view", "status"])

    def follow(self, target: leaflet.Map) -> None:
        """Compute what a map shows, and no longer what another one does."""
        self._map_links.close()
        self._map = target
        if self._preview.step > 1:
            names = ["bounds", "pixel_bounds", "zoom"]
            self._map_links.observe(target, self._move, names)
            self._move()

    def close(self) -> None:
        """End the thread, and stop observing."""
        self._links.close()
        self._map_links.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._map = None
        self._state.viewport = None

    def _move(self, *_: Any) -> None:
        with self._changed:
            self._moves += 1
            self._moved_at = time.monotonic()
        self._ask()

    def _ask(self, *_: Any) -> None:
        """Let the thread see what has changed; start it if there is a view."""
        if self._thread is None and self._view() is None:
            return
        with self._changed:
            self._asked = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._run, name="ktextures-viewport", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _view(self) -> View | None:
        if self._map is None:
            return None
        bounds = bounds_of(self._map, located=self._preview.located)
        return view_of(self._preview, bounds, float(self._map.zoom))

    # --- in the thread ----------------------------------------------------------------

    def _run(self) -> None:
        while self._wait():
            try:
                self._update()
            except Exception as error:
                # A view that cannot be computed ends neither the thread nor training.
                self._state.traceback = traceback.format_exc()
                self._state.say(f"The view cannot be shown in full resolution: {error}")
                self._state.viewport = None

    def _wait(self) -> bool:
        """Wait until something has changed and the map rests; False when closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                rest = self._moved_at + DEBOUNCE - now
                if self._asked and rest <= 0:
                    self._asked = False
                    return True
                later = self._due - now if self._due > now else None
                self._changed.wait(rest if self._asked else later)
                if self._due and time.monotonic() >= self._due:
                    self._asked, self._due = True, 0.0
            return False

    def _update(self) -> None:
        moves, state = self._moves, self._state

        def moved() -> bool:
            return self._closed or self._moves != moves

        view, shown = self._view(), state.viewport
        if view is None:
            state.viewport = None
            return
        if shown is None or not _same(shown.view, view):
            shown = Viewport(view, self._image(view))
            if moved():
                return
            state.viewport = shown
        model, snapshot = self._model()
        if model is None or snapshot is None:
            if shown.classes is not None and snapshot is None:
                state.viewport = replace(shown, classes=None, snapshot=None)
            return
        slow = view.pixels > PATIENCE * self._pace
        if shown.snapshot is snapshot or (slow and not view.is_full):
            return
        now = time.monotonic()
        if state.status in BUSY and now < self._next:
            self._due = self._next
            return
        classes = classes_of(self._preview.scene, model, view.window, moved)
        took = time.monotonic() - now
        self._next = now + took + max(PAUSE, SHARE * took)
        if classes is not None and not moved():
            # The first time, compiled loops are loaded, or even compiled.
            self._pace = max(view.pixels / took, self._pace if self._first else 0.0)
            self._first = False
            state.viewport = replace(
                shown, classes=classes, k=model.k, snapshot=snapshot
            )

    def _model(self) -> tuple["KTextures | None", Snapshot | None]:
        """The model whose classes are shown, and its snapshot; None = none to show.

        There is a snapshot without a model if its classes are not asked for.
        """
        state = self._state
        with state.lock:
            snapshot, mapping = state.snapshot, state.mapping
            if snapshot is None or snapshot.step == 0 or not self._shelf.shown:
                return None, None
            if state.view not in ("classes", "mask"):
                return None, snapshot
            model = self._shelf.model
        fits = model is not None and model.k == len(mapping)
        return (model if fits else None), snapshot

    def _image(self, view: View) -> UInt8Array:
        part = read_part(self._preview.scene, view.window)
        valid = valid_pixels(part.values, scene_nodata(self._preview.scene))
        values = view.frame.warp(np.moveaxis(part.values, 0, -1))
        return self._preview.picture(values, view.frame.warp(valid))


def _same(one: View, other: View) -> bool:
    return one.window == other.window and (
        one.frame.bounds == other.frame.bounds
        and np.array_equal(np.asarray(one.frame.index), np.asarray(other.frame.index))
    )
