"""The explorer: map, controls and classes of one scene, put together."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import ipyleaflet as leaflet
import ipywidgets as w
import xarray as xr

from ktextures.errors import InputError
from ktextures.model.config import check_bands
from ktextures.raster.open import open_scene
from ktextures.training.presets import Preset
from ktextures.widgets._applying import classify
from ktextures.widgets._area import area_of
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._classes_panel import ClassesPanel, ViewPanel
from ktextures.widgets._overlay import (
    DARK,
    DrawingTools,
    Overlays,
    empty_map,
    static_png,
)
from ktextures.widgets._panels import ControlsPanel, Panel, ProgressPanel, close_tree
from ktextures.widgets._preview import LONGEST_SIDE, Preview
from ktextures.widgets._results import ModelShelf, Results
from ktextures.widgets._session import Session
from ktextures.widgets._state import TrainingSettings, initial_state
from ktextures.widgets._trainer import Trainer

if TYPE_CHECKING:
    from ktextures.features.protocol import FeatureExtractor
    from ktextures.model.ktextures import KTextures
    from ktextures.raster.scaling import BandScaler

__all__ = ["Explorer"]

DEFAULT_K = 6


class Explorer:
    """A scene on a map, with a model that is trained while you watch.

    Create one with `ktextures.explore`. Commands return at once; progress and outcomes
    are traits of `state`, which can be observed and set without any display.

    Parameters
    ----------
    scene, k, model, preset and so on
        The arguments of `ktextures.explore`.

    Attributes
    ----------
    state : ExplorerState
        Settings, progress and classes as traits.
    map : ipyleaflet.Map
    overlays : dict of str to ipyleaflet.ImageOverlay
        Layers "image", "classes", "mask", "simulated", "textures" and "confidence".
    preview : Preview
        The part of the scene's pixels that is shown.
    """

    def __init__(
        self,
        scene: xr.DataArray,
        k: int | None = None,
        model: "KTextures | None" = None,
        *,
        preset: str | Preset = "default",
        steps: int | None = None,
        texture_scale: float | Literal["auto"] = "auto",
        features: "FeatureExtractor | Sequence[FeatureExtractor] | None" = None,
        scaler: "BandScaler | None" = None,
        learning_rate: float | None = None,
        loss_weights: Mapping[str, float] | None = None,
        seed: int | None = None,
        bands: Sequence[str | int] | None = None,
        basemap: Any = None,
        preview: int = LONGEST_SIDE,
    ) -> None:
        settings = TrainingSettings(
            preset,
            steps,
            texture_scale,
            features,
            scaler,
            learning_rate,
            loss_weights,
            seed,
        )
        self.scene = open_scene(scene)
        if model is not None:
            check_bands(self.scene.band.values, model.config)
        if k is None:
            k = model.k if model is not None else DEFAULT_K
        self.state = initial_state(k, settings)
        self.preview = Preview(self.scene, preview, bands)
        self._book = ClassBook(self.state, self.preview.thinned)
        self._shelf = ModelShelf(self._book, model)
        self._results = Results(self.state, self.preview)
        self._trainer = Trainer(
            self.state, self._book, self.preview, self._shelf, settings
        )
        self._session = Session(self.state, self._trainer, self._shelf)
        self._display(settings, basemap)
        self._trainer.show_given()

    def _display(self, settings: TrainingSettings, basemap: Any) -> None:
        """Create the map, and the panels beside or below it."""
        self._closed = False
        self.map = self._own_map = empty_map(self.preview, basemap)
        self._overlays = Overlays(self.state, self.preview)
        self.overlays = self._overlays.layers
        self._overlays.put_on(self.map)
        self._tools = DrawingTools(self.preview.located, self._drawn)
        self._tools.put_on(self.map)
        names = ("train", "pause", "resume", "stop", "reset", "apply")
        actions = {name: getattr(self, name) for name in names}
        self._parts: list[Panel] = [
            ControlsPanel(self.state, settings, actions),
            ProgressPanel(self.state),
            ViewPanel(self.state),
            ClassesPanel(self.state, self._book, self.preview),
        ]
        self._style = w.HTML(DARK)
        panels = w.VBox(
            [part.widget for part in self._parts],
            layout=w.Layout(flex="0 1 450px", min_width="340px"),
        )
        self._box = w.HBox(
            [
                w.VBox([self.map, self._style], layout=w.Layout(flex="1 1 480px")),
                panels,
            ],
            layout=w.Layout(flex_flow="row wrap", align_items="flex-start"),
        )

    # --- commands ---------------------------------------------------------------

    def train(self) -> None:
        """Train a new model with the settings of `state`."""
        self._results.clear()
        self._session.train()

    def pause(self) -> None:
        """Wait after the current step."""
        self._session.pause()

    def resume(self) -> None:
        """Go on after a pause, or train the present model for more steps."""
        self._session.resume()

    def stop(self) -> None:
        """End training after the current step and keep what was learned.

        While a model is applied to the full scene, cancel that.
        """
        self._session.stop()

    def reset(self) -> None:
        """Discard model, classes and area; the settings stay."""
        self.stop()
        self.wait()
        self._results.clear()
        self._trainer.reset()
        self._tools.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs.

        Parameters
        ----------
        timeout : float, optional
            Seconds; unlimited by default.

        Returns
        -------
        bool
            False if something still runs after the timeout.
        """
        return self._session.wait(timeout)

    def rename(self, value: int, name: str) -> None:
        """Rename a class.

        Parameters
        ----------
        value : int
            Class value, from 1.
        name : str
            Printable text on one line.

        Raises
        ------
        InputError
            If there is no such class, or the name cannot be used.
        """
        self._book.rename(value, name)

    def recolor(self, value: int, color: str) -> None:
        """Give a class another color.

        Parameters
        ----------
        value : int
            Class value, from 1.
        color : str
            CSS color, such as "teal" or "#008080".

        Raises
        ------
        InputError
            If there is no such class or color.
        """
        self._book.recolor(value, color)

    def merge(self, values: Sequence[int]) -> None:
        """Merge classes into one, with name and color of the lowest value.

        Higher class values move down to close the gaps. The model keeps its classes;
        only what is shown and `result` change.

        Parameters
        ----------
        values : sequence of int
            Two or more class values.

        Raises
        ------
        InputError
            If there are no classes yet, fewer than two are given, or one is unknown.
        """
        self._book.merge(values)

    def undo(self) -> None:
        """Undo the last rename, recolor or merge."""
        self._book.undo()

    def train_on(self, geometry: Mapping[str, Any] | None) -> None:
        """Train on a part of the scene, from the next training on.

        Parameters
        ----------
        geometry : mapping or None
            GeoJSON polygon in longitude and latitude, or for a scene without CRS in
            columns and minus rows; None = the whole scene.

        Raises
        ------
        InputError
            If it is not a valid polygon, lies off the scene, or is smaller than
            32 x 32 pixels.
        """
        if geometry is None:
            self.state.area = None
            self.state.say("Training uses the whole scene.")
            return
        area = area_of(geometry, self.preview)
        self.state.area = area
        self.state.say(
            f"Training uses an area of {area.window.height} x {area.window.width} "
            "pixels; the map shows the whole scene."
        )

    def apply(self) -> None:
        """Classify the full scene in the background; `result` then covers all of it."""
        model = self.model
        if model is None:
            self.state.say("There is no model to apply yet; press Train.")
            return
        self._session.apply(lambda stopped: self._apply(model, stopped))

    def _apply(self, model: "KTextures", stopped: Callable[[], bool]) -> None:
        state, snapshot = self.state, self.state.snapshot

        def progress(share: float) -> None:
            state.progress = share

        state.say("Applying the model to the full scene.")
        classes = classify(self.scene, model, progress, stopped)
        if classes is None or snapshot is None:
            state.say("Canceled; explorer.result still covers the preview only.")
            return
        self._results.keep(classes, snapshot)
        state.say(
            f"Classified {classes.shape[0]} x {classes.shape[1]} pixels; "
            "explorer.result has them all."
        )

    # --- results ----------------------------------------------------------------

    @property
    def model(self) -> "KTextures | None":
        """The model after the last complete step; None before any training.

        A model that you hold never changes. While a training runs, ask again for a
        later one.
        """
        return self._shelf.model

    @property
    def result(self) -> xr.Dataset | None:
        """Classes as they are shown, with names and colors; None before any training.

        They cover the full scene after `apply`, and wherever the preview shows every
        pixel; otherwise the preview, whose pixels are larger. "simulated" and
        "textures" are as `ktextures.segment` gives them; "simulated" is left out if
        only the preview has it.
        """
        return self._results.dataset()

    # --- display ----------------------------------------------------------------

    def attach(self, target: leaflet.Map) -> None:
        """Show the layers on an existing map instead of the explorer's own.

        Parameters
        ----------
        target : ipyleaflet.Map
            Also a map of leafmap or geemap that is made by ipyleaflet.

        Raises
        ------
        InputError
            If it is not such a map, or the scene has no CRS.
        """
        if not isinstance(target, leaflet.Map):
            raise InputError(
                "attach needs an ipyleaflet map, such as ipyleaflet.Map(), got "
                f"{target!r}."
            )
        self.preview.require_crs()
        self._tools.close()
        target.panes = {**target.panes, **self.map.panes}
        self._overlays.put_on(target)
        self._tools = DrawingTools(True, self._drawn)
        self._tools.put_on(target)
        self.map = target
        target.center = self.preview.frame.center
        self._box.children[0].children = (target, self._style)

    def as_leaflet_layer(self) -> leaflet.ImageOverlay:
        """The present view as a layer, so that ``map.add(explorer)`` works.

        Returns
        -------
        ipyleaflet.ImageOverlay
            A picture of the view as it is now.

        Raises
        ------
        InputError
            If the scene has no CRS.
        """
        self.preview.require_crs()
        return leaflet.ImageOverlay(
            url=self._overlays.url(self.state.view),
            bounds=self.preview.frame.bounds,
            opacity=self.state.opacity,
            name=self.state.view,
        )

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """The widgets, and a picture for pages without a kernel."""
        png = static_png(self.state, self.preview)
        bundle = self._box._repr_mimebundle_() or {}
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**data, "image/png": base64.b64encode(png).decode("ascii")}

    def _drawn(self, geometry: dict[str, Any] | None) -> None:
        try:
            self.train_on(geometry)
        except InputError as error:
            self.state.say(str(error))

    def close(self) -> None:
        """End threads, observers and widgets, and release model and result.

        Save what you need first. An attached map stays open, without the explorer's
        layers.
        """
        if self._closed:
            return
        self._closed = True
        self._session.close()
        for part in self._parts:
            part.close()
        self._tools.close()
        self._overlays.close()
        close_tree(self._own_map)
        for child in self._box.children:
            child.children = ()
        close_tree(self._box)
        close_tree(self._style)
        self.state.unobserve_all()
        self.state.snapshot = None
        self._results.clear()
        self.preview.release()
