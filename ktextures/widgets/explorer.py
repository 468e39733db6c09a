"""The explorer: map, controls and classes of one scene, put together."""

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import ipyleaflet as leaflet
import xarray as xr

from ktextures._loading import load_ahead
from ktextures.errors import InputError
from ktextures.files.archive import write_atomically
from ktextures.model.config import check_bands
from ktextures.raster.open import open_scene
from ktextures.training.presets import Preset
from ktextures.widgets._applying import classify
from ktextures.widgets._area import area_of
from ktextures.widgets._choose_panel import ChoosePanel
from ktextures.widgets._class_commands import ClassCommands
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._classes_panel import ClassesPanel
from ktextures.widgets._export_commands import ExportCommands
from ktextures.widgets._export_panel import ExportPanel
from ktextures.widgets._frame import Frame
from ktextures.widgets._hint_book import HintBook
from ktextures.widgets._hint_commands import HintCommands
from ktextures.widgets._hint_layer import HintLayer
from ktextures.widgets._hints_panel import HintsPanel
from ktextures.widgets._legend_commands import LegendCommands
from ktextures.widgets._legend_panel import LegendPanel
from ktextures.widgets._links import Panel, close_tree
from ktextures.widgets._overlay import DrawingTools, Overlays, empty_map, static_png
from ktextures.widgets._point import Point, PointPanel, point_at
from ktextures.widgets._preview import LONGEST_SIDE, Preview
from ktextures.widgets._progress_panel import CurvePanel, StatusPanel
from ktextures.widgets._project import (
    Project,
    check_scene,
    pack_project,
    read_project,
    scene_of,
    show_project,
)
from ktextures.widgets._results import ModelShelf, Results, Shared
from ktextures.widgets._session import Session
from ktextures.widgets._splitting import Splitter
from ktextures.widgets._state import TrainingSettings, initial_state
from ktextures.widgets._sweeping import Sweeper
from ktextures.widgets._train_panel import ControlsPanel
from ktextures.widgets._trainer import Trainer
from ktextures.widgets._view_panel import ViewPanel
from ktextures.widgets._viewport import Closeup

if TYPE_CHECKING:
    from ktextures.features.protocol import FeatureExtractor
    from ktextures.model.ktextures import KTextures
    from ktextures.raster.scaling import BandScaler

__all__ = ["Explorer"]

DEFAULT_K = 6

TRAINING = "ktextures.training.train"
"""With TensorFlow, it takes seconds to import; meanwhile the user looks at the map."""

STATIC = (
    "This is a picture of the explorer's map. The live map needs a running kernel and "
    "Jupyter widgets (ipywidgets, ipyleaflet) in the program that shows the notebook."
)

IN_MEMORY, CHUNKS = 64 * 2**20, 1024
"""Bytes up to which files are read at once, and side in pixels of chunks of others."""


class Explorer(ClassCommands, ExportCommands, HintCommands, LegendCommands):
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
    tabs : ipywidgets.Tab
        "Train", "Classes", "Hints", "Choose k", and "Export".
    """

    def __init__(
        self,
        scene: xr.DataArray | None = None,
        k: int | None = None,
        model: "KTextures | None" = None,
        *,
        project: str | os.PathLike[str] | None = None,
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
        load_ahead(TRAINING)
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
        saved = None if project is None else _saved(project, model)
        if saved is not None:
            model, preview, bands = saved.model, saved.preview, saved.bands
        self.scene = _scene(scene, saved)
        if model is not None:
            check_bands(self.scene.band.values, model.config)
        if k is None:
            k = model.k if model is not None else DEFAULT_K
        self.state = initial_state(k, settings)
        self.preview = Preview(self.scene, preview, bands)
        if saved is not None:
            check_scene(saved, self.preview)
        self._book = ClassBook(self.state, self.preview.thinned)
        self._shelf = ModelShelf(self._book, model)
        self._results = Results(self.state, self.preview)
        shared = Shared(self.state, self._book, self.preview, self._shelf)
        self._hint_book = HintBook(self.state, self.preview)
        self._trainer = Trainer(shared, settings)
        self._splitter = Splitter(shared, self._trainer)
        self._sweeper = Sweeper(shared, self._trainer)
        self._session = Session(self.state, self._trainer, self._shelf)
        self._display(settings, basemap)
        self._trainer.show_given()
        self._longest = preview
        if saved is not None:
            self._restore(saved)

    def _restore(self, saved: Project) -> None:
        """Show everything as it was when a project was saved."""
        show_project(saved, self.state)
        self._book.refresh()
        self.map.center = tuple(saved.settings["map"]["center"])
        self.map.zoom = saved.settings["map"]["zoom"]
        self.state.say(f"Opened {saved.name}.")

    def _display(self, settings: TrainingSettings, basemap: Any) -> None:
        """Create the map with the bars around it, and the tabs beside or below it."""
        self._closed = False
        state = self.state
        self.map = self._own_map = empty_map(self.preview, basemap)
        self._overlays = Overlays(state, self.preview)
        self.overlays = self._overlays.layers
        self._closeup = Closeup(state, self.preview, self._shelf)
        self._tools = DrawingTools(self.preview.located, self._drawn)
        names = ("train", "pause", "resume", "reset", "apply")
        actions = {name: getattr(self, name) for name in names}
        view = ViewPanel(state)
        self._point = PointPanel(state, self.preview, self._clicked)
        status = StatusPanel(state, self.stop)
        controls = ControlsPanel(state, settings, actions)
        curve = CurvePanel(state)
        classes = ClassesPanel(state, self._book, self.preview, self)
        legend = LegendPanel(state, self, classes.picked)
        self._choose = ChoosePanel(state, self.preview, self)
        self._hints = HintsPanel(state, self._hint_book, self.preview, self)
        self._hint_layer = HintLayer(state, self._hint_book, self.preview)
        export = ExportPanel(state, self.export)
        self._parts: list[Panel] = [
            view,
            self._point,
            status,
            controls,
            curve,
            classes,
            legend,
            self._choose,
            self._hints,
            export,
        ]
        pages = {
            "Train": [controls.widget, curve.widget],
            "Classes": [classes.widget, legend.widget],
            "Hints": [self._hints.widget],
            "Choose k": [self._choose.widget],
            "Export": [export.widget],
        }
        self._frame = Frame(
            [view.widget, self.map, self._point.widget], [status.widget], pages
        )
        self.tabs = self._frame.tabs
        self._show_on(self.map)

    def _show_on(self, target: leaflet.Map) -> None:
        """Put layers and tools on a map, and follow it."""
        self._overlays.put_on(target)
        self._tools.put_on(target)
        self._point.follow(target)
        self._choose.follow(target)
        self._hints.follow(target)
        self._hint_layer.put_on(target)
        self._closeup.follow(target)

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

        A sweep ends too, and keeps what it found; applying a model to the full scene is
        canceled.
        """
        self._session.stop()

    def reset(self) -> None:
        """Discard model, classes, hints, sweep, and area; the settings stay."""
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

    @property
    def point(self) -> Point | None:
        """Class, confidence, and band values at the place clicked; None before."""
        return point_at(self.state, self.preview)

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
        self._session.run("apply", lambda stopped: self._apply(model, stopped))

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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save model, classes, hints, area, view, and settings as one file.

        ``kt.explore(project=path)`` goes on from there. The file holds no pixels; it
        remembers where the file of the scene is.

        Parameters
        ----------
        path : path
            "work.ktextures-project" for example; an existing file is replaced.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        position = {"center": list(self.map.center), "zoom": self.map.zoom}
        content = pack_project(
            self.state, self.preview, self._longest, self.model, position
        )
        write_atomically(path, content)
        self.state.say(f"Saved the project as {os.fspath(path)}.")

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
        self._tools = DrawingTools(True, self._drawn)
        self._show_on(target)
        self._frame.replace(self.map, target)
        self.map = target
        target.center = self.preview.frame.center

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
        """The widgets, and a picture for pages and programs that cannot run them."""
        png = base64.b64encode(static_png(self.state, self.preview)).decode("ascii")
        bundle = self._frame.widget._repr_mimebundle_() or {}
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        picture = f'<img src="data:image/png;base64,{png}" alt="The scene">'
        html = f"<figure>{picture}<figcaption>{STATIC}</figcaption></figure>"
        return {**data, "text/html": html, "image/png": png, "text/plain": STATIC}

    def _drawn(self, geometry: dict[str, Any] | None) -> None:
        try:
            if self.state.hinting and geometry is not None:
                self._tools.clear()
                self.hint_area(geometry)
            else:
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
        self._closeup.close()
        for part in self._parts:
            part.close()
        self._tools.close()
        self._hint_layer.close()
        self._overlays.close()
        close_tree(self._own_map)
        self._frame.close()
        self.state.unobserve_all()
        self._book.forget()
        self.state.snapshot = self.state.sweep = self.state.profiles = None
        self.state.place = None
        self._results.clear()
        self.preview.release()


def _saved(project: str | os.PathLike[str], model: "KTextures | None") -> Project:
    """The project to go on from."""
    if model is not None:
        raise InputError(
            "model and project are both given, but a project has its own model; leave "
            "one of them out."
        )
    return read_project(project)


def _scene(scene: xr.DataArray | None, saved: Project | None) -> xr.DataArray:
    """The scene given, or that of a project."""
    if isinstance(scene, str | os.PathLike):
        # Read where it is needed: training and preview use a fraction of the pixels.
        lazy = open_scene(scene, chunks=CHUNKS)
        return lazy if lazy.nbytes > IN_MEMORY else open_scene(scene)
    if scene is not None:
        return open_scene(scene)
    if saved is None:
        raise InputError("there is nothing to explore; give a scene or a project.")
    return scene_of(saved)
