"""The explorer: map, controls and classes of one scene, put together."""

import base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import ipyleaflet as leaflet
import ipywidgets as w
import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.open import open_scene
from ktextures.widgets._applying import classify
from ktextures.widgets._area import area_of
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._classes_panel import ClassesPanel
from ktextures.widgets._overlay import Overlays, empty_map, static_png
from ktextures.widgets._panels import (
    ControlsPanel,
    ProgressPanel,
    ViewPanel,
    close_tree,
)
from ktextures.widgets._preview import LONGEST_SIDE, Preview
from ktextures.widgets._results import dataset
from ktextures.widgets._session import Session
from ktextures.widgets._state import Frame, initial_state
from ktextures.widgets._trainer import Trainer

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["Explorer"]


DARK = """<style>
[data-jp-theme-light="false"] .leaflet-draw-toolbar a { background-color: #bbb; }
</style>"""
"""Black symbols of the drawing tools want light buttons in dark themes too."""


class Panel(Protocol):
    """A part of the display."""

    widget: w.Widget

    def close(self) -> None:
        """End it."""


class Explorer:
    """A scene on a map, trained live; made by `ktextures.explore`.

    Every command returns at once; what comes of it is in `state`, which can be observed
    and set without any display.

    Parameters
    ----------
    scene, k, model, **options
        See `ktextures.explore`.

    Attributes
    ----------
    state : ExplorerState
        Settings, progress and classes as traits.
    map : ipyleaflet.Map
    overlays : dict of str to ipyleaflet.ImageOverlay
        "image", "classes", "mask", "simulated", "textures", "margin".
    preview : Preview
        What is shown of the scene.
    """

    def __init__(
        self,
        scene: xr.DataArray,
        k: int = 6,
        model: "KTextures | None" = None,
        *,
        features: Any = None,
        scaler: Any = None,
        bands: Sequence[str | int] | None = None,
        basemap: Any = None,
        preview: int = LONGEST_SIDE,
        **settings: Any,
    ) -> None:
        self.scene = open_scene(scene)
        if model is not None:
            from ktextures.model.config import check_bands

            check_bands(self.scene.band.values, model.config)
            k = model.k
        self.state = initial_state(k, settings)
        self.preview = Preview(self.scene, preview, bands)
        self._book = ClassBook(self.state, self.preview.thinned)
        self._full: tuple[np.ndarray, Frame] | None = None
        self._trainer = Trainer(
            self.state,
            self._book,
            self.preview,
            features=features,
            scaler=scaler,
            model=model,
        )
        self._session = Session(self.state, self._trainer)
        self.map = empty_map(self.preview, basemap)
        self._own_map: leaflet.Map | None = self.map
        self._overlays = Overlays(self.state, self.preview)
        self.overlays = self._overlays.layers
        self._overlays.put_on(self.map)
        self._controls = self._add_controls(self.map)
        self._box = self._make_box()
        self._closed = False
        if model is not None:
            self._trainer.show_given()

    def _make_box(self) -> w.HBox:
        """The map, and the panel beside or below it."""
        self._style = w.HTML(DARK)
        return w.HBox(
            [
                w.VBox([self.map, self._style], layout=w.Layout(flex="1 1 480px")),
                self._make_panel(),
            ],
            layout=w.Layout(flex_flow="row wrap", align_items="flex-start"),
        )

    def _make_panel(self) -> w.VBox:
        actions: dict[str, Callable[[], None]] = {
            name: getattr(self, name)
            for name in ("train", "pause", "resume", "stop", "reset", "apply")
        }
        self._parts: list[Panel] = [
            ControlsPanel(self.state, actions),
            ProgressPanel(self.state),
            ViewPanel(self.state),
            ClassesPanel(
                self.state, self._book, self.preview, self._trainer.name_classes
            ),
        ]
        return w.VBox(
            [part.widget for part in self._parts],
            layout=w.Layout(flex="0 1 450px", min_width="340px"),
        )

    def _add_controls(self, target: leaflet.Map) -> list[leaflet.Control]:
        controls: list[leaflet.Control] = [leaflet.LayersControl(position="topright")]
        if self.preview.located:  # a scale bar in pixels would lie
            controls.append(leaflet.ScaleControl(position="bottomleft", imperial=False))
        self._draw = leaflet.DrawControl(
            rectangle={"shapeOptions": {"color": "#d55e00", "fillOpacity": 0}},
            polygon={"shapeOptions": {"color": "#d55e00", "fillOpacity": 0}},
            polyline={},
            circle={},
            circlemarker={},
            marker={},
        )
        self._draw.on_draw(self._drawn)
        for control in (*controls, self._draw):
            target.add(control)
        return [*controls, self._draw]

    # --- commands ---------------------------------------------------------------

    def train(self) -> None:
        """Train anew with the settings of `state`."""
        self._full = None
        self._session.train()

    def pause(self) -> None:
        """Wait after the step at hand."""
        self._session.pause()

    def resume(self) -> None:
        """Go on after a pause, or train the present model for more steps."""
        self._session.resume()

    def stop(self) -> None:
        """End training, or applying, after the step at hand; keep what is learned."""
        self._session.stop()

    def reset(self) -> None:
        """Forget model, classes and area; the settings stay."""
        self.stop()
        self.wait()
        self._full = None
        self._trainer.forget()
        self._draw.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without it as long as it takes.

        Returns
        -------
        bool
            False if it still runs.
        """
        return self._session.wait(timeout)

    def rename(self, value: int, name: str) -> None:
        """Call the class of this value something else."""
        self._book.rename(value, name)
        self._trainer.name_classes()

    def recolor(self, value: int, color: str) -> None:
        """Give the class of this value another CSS color."""
        self._book.recolor(value, color)
        self._trainer.name_classes()

    def merge(self, values: Sequence[int]) -> None:
        """Make one class of several; name and color of the lowest value stay.

        Values above move down to close the gap.
        """
        self._book.merge(values)

    def undo(self) -> None:
        """Take the last rename, recoloring or merge back."""
        self._book.undo()
        self._trainer.name_classes()

    def train_on(self, geometry: dict[str, Any] | None) -> None:
        """Train on a part of the scene from the next Train on.

        Parameters
        ----------
        geometry : dict or None
            GeoJSON polygon in longitude and latitude, or for a scene without CRS in
            columns and minus rows; None = the whole scene.

        Raises
        ------
        InputError
            If it is off the scene or smaller than 32 x 32 pixels.
        """
        if geometry is None:
            self.state.area = None
            self.state.message = "Training uses the whole scene."
            return
        area = area_of(geometry, self.preview)
        self.state.area = area
        self.state.message = (
            f"Training uses the area of {area.window.height} x {area.window.width} "
            "pixels; the map shows the whole scene."
        )

    def apply(self) -> None:
        """Classify the full scene in the background; see `result`."""
        model = self.model
        if model is None:
            self.state.message = "There is no model yet; press Train."
            return
        self._session.run(lambda stopped: self._apply(model, stopped))

    def _apply(self, model: "KTextures", stopped: Callable[[], bool]) -> None:
        state, frame = self.state, self.state.frame

        def progress(share: float) -> None:
            state.progress = share

        state.message = "Applying the model to the full scene."
        classes = classify(self.scene, model, progress, stopped)
        if classes is None or frame is None:
            state.message = "Canceled; the result is that of the preview."
            return
        self._full = classes, frame
        state.message = (
            f"Classified {classes.shape[0]} x {classes.shape[1]} pixels: "
            "see explorer.result."
        )

    # --- results ----------------------------------------------------------------

    @property
    def model(self) -> "KTextures | None":
        """The model that was trained last, also while it is trained."""
        return self._trainer.model

    @property
    def result(self) -> xr.Dataset | None:
        """Classes as they are shown, with names and colors; None before any training.

        Of the full scene after `apply`, and where the preview shows every pixel; else
        of the preview, whose pixels are larger. With "simulated" and "textures", as
        `ktextures.segment` gives them, where they are of that grid.
        """
        state = self.state
        with state.lock:
            frame, mapping, table = state.frame, state.mapping, state.table
        if frame is None or frame.step == 0:
            return None
        if self._full is not None and self._full[1] is frame:
            whole = self.preview.step == 1
            return dataset(frame, mapping, table, self._full[0], self.scene, whole)
        like = self.preview.thinned
        return dataset(frame, mapping, table, frame.classes, like, True)

    # --- display ----------------------------------------------------------------

    def attach(self, target: leaflet.Map) -> None:
        """Show everything on a map that is there already, in place of the own one.

        Raises
        ------
        InputError
            If the scene has no CRS, so that nobody knows where it belongs.
        """
        if not self.preview.located:
            raise InputError(
                "The scene has no CRS, so it has no place on a map; give it one with "
                "scene.rio.write_crs(...)."
            )
        self._remove_controls()
        target.panes = {**target.panes, **self.map.panes}
        self._overlays.put_on(target)
        self._controls = self._add_controls(target)
        self.map = target
        target.center = self.preview.frame.center
        self._box.children[0].children = (target, self._style)

    def as_leaflet_layer(self) -> leaflet.ImageOverlay:
        """The layer of the present view, so that ``map.add(explorer)`` works."""
        if not self.preview.located:
            raise InputError("The scene has no CRS, so it has no place on a map.")
        return leaflet.ImageOverlay(
            url=self._overlays.url(self.state.view),
            bounds=self.preview.frame.bounds,
            opacity=self.state.opacity,
            name=self.state.view,
        )

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """The widgets, and beside them a picture for where no kernel runs."""
        png = static_png(self.state, self.preview)
        bundle = self._box._repr_mimebundle_() or {}
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**data, "image/png": base64.b64encode(png).decode("ascii")}

    def _drawn(self, _: Any, action: str, geo_json: dict[str, Any]) -> None:
        if action == "deleted":
            self.train_on(None)
            return
        try:
            self.train_on(geo_json["geometry"])
        except InputError as error:
            self.state.message = str(error)

    def _remove_controls(self) -> None:
        self._draw.on_draw(self._drawn, remove=True)
        for control in self._controls:
            if control in self.map.controls:
                self.map.remove(control)
            control.close()
        self._controls = []

    def close(self) -> None:
        """End threads, observers and widgets, and let go of model and result.

        Take those that you want before.

        A map that was attached stays open, without the explorer's layers.
        """
        if self._closed:
            return
        self._closed = True
        self._session.close()
        for part in self._parts:
            part.close()
        self._remove_controls()
        self._overlays.close()
        if self._own_map is not None:
            close_tree(self._own_map)
        for child in self._box.children:
            child.children = ()
        close_tree(self._box)
        close_tree(self._style)
        self.state.unobserve_all()
        self.state.frame, self._full = None, None
        self.preview.release()
