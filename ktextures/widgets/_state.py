"""The explorer's observable state: settings, progress, and the classes shown."""

import html
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import traitlets as t

from ktextures.classes.arrays import relabel
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.hints.hints import Hints
from ktextures.model.config import Snapshot
from ktextures.palette import MAX_CLASSES
from ktextures.rendering import data_url, palette_png
from ktextures.training.presets import Preset, default, find_preset
from ktextures.widgets._export_settings import ExportSettings

if TYPE_CHECKING:
    from ktextures.features.protocol import FeatureExtractor
    from ktextures.raster.scaling import BandScaler

__all__ = [
    "BUSY",
    "STATUSES",
    "TASKS",
    "VIEWS",
    "ClassRow",
    "ExplorerState",
    "TrainingSettings",
    "initial_state",
]

STATUSES = ("idle", "training", "paused", "stopping", "done", "failed")
BUSY = ("training", "paused", "stopping")
TASKS = ("", "apply", "sweep", "adopt", "split", "describe", "suggest", "export")
VIEWS = ("classes", "mask", "simulated", "textures", "confidence")

PRESETS = ("default", "paper")
MAX_SEED = 2**31 - 1
MAX_STEPS = 1_000_000
MAX_WEIGHT = 1e6
AUTO_SCALE = -1.0
"""Texture scale that stands for "auto": sliders hold numbers only."""

PICTURE_SIDE = 200
"""Longest side in pixels of the picture in `ExplorerState._repr_html_`."""


class FiniteFloat(t.Float[float, float]):
    """A number that is neither NaN nor infinite.

    NaN differs from itself, so a trait and a widget linked both ways would notify each
    other forever.
    """

    def validate(self, obj: Any, value: Any) -> float:
        """Refuse NaN and infinity."""
        checked = super().validate(obj, value)
        if not math.isfinite(checked):
            raise t.TraitError(f"{self.name} must be a finite number, got {value!r}")
        return float(checked)


class Held(t.Any):
    """A value that has changed if it is another object.

    Datasets compare pixel by pixel, which says nothing here.
    """

    def set(self, obj: Any, value: Any) -> None:
        """Set the value, and notify."""
        old = obj._trait_values.get(self.name)
        obj._trait_values[self.name] = value
        if old is not value:
            obj._notify_trait(self.name, old, value)


@dataclass(frozen=True)
class ClassRow:
    """One row of the classes panel.

    Attributes
    ----------
    value : int
        Class value, from 1.
    name, color : str
    pixels : int
        Number of pixels in the preview.
    share : float
        Share of the valid pixels, 0..1.
    area_ha : float
        Area in hectares; NaN without a CRS.
    """

    value: int
    name: str
    color: str
    pixels: int
    share: float
    area_ha: float


class ExplorerState(t.HasTraits):
    """Settings, progress and results of an explorer, as traits.

    Settings can be set and everything can be observed, with or without a display.

    Attributes
    ----------
    k, steps, seed : int
        Used by the next training; changes to `k` and `steps` also reach a running one.
        Seed -1 draws one.
    texture_scale : float
        Pixels, 0 to 16; -1 = chosen automatically.
    preset : {"default", "paper"}
    learning_rate : float
        Learning rate of the masks; 0 = the preset's default.
    loss_weights : dict of str to float
        Weights that differ from the preset's, as in `ktextures.train`.
    status : {"idle", "training", "paused", "stopping", "done", "failed"}
    task : {"", "apply", "sweep", "adopt", "split", "describe", "suggest", "export"}
        What runs beside training; empty = nothing.
    message : str
        One line that says what is happening, or what went wrong and what to do.
        Read-only; `say` writes it.
    traceback : str
        Traceback of the last failure, or an empty string.
    step, goal : int
        Training steps done, and the step at which this training ends.
    pace : float
        Recent training speed in steps per second.
    losses : list of float
        One per step.
    progress : float
        Share of the task that is done, 0..1.
    snapshot : Snapshot or None
        What the model makes of the preview, with the model's own class numbers. Its
        step is 0 before the first training step.
    table : ClassTable
        Names and colors of the classes shown.
    mapping : tuple of int
        Entry i is the class shown for class i + 1 of the model, 0 = nodata; the two
        differ once classes are merged or set to nodata.
    classes : tuple of ClassRow
    version : int
        Increases whenever snapshot, table, mapping and classes are consistent again
        after a change.
    hidden : frozenset of int
        Classes that are not drawn.
    view : {"classes", "mask", "simulated", "textures", "confidence"}
    chosen : int
        Class whose mask or texture is shown.
    split : bool
        Whether the image is shown left of a divider and the view right of it.
    within : bool
        Whether only pixels of the chosen class are shown.
    place : tuple of int or None
        Row and column of the preview that was clicked on the map.
    opacity : float
        Opacity of the view, 0..1.
    area : Area or None
        Part of the scene to train on; None = all of it.
    can_undo, can_redo : bool
        Whether there is a change of classes to undo, or to make again.
    first_k, last_k : int
        Range of k of the next sweep.
    sweep : Dataset or None
        What the last sweep found so far, as `ktextures.sweep` returns it, with maps of
        the preview.
    hints : Hints
        Places of known class, by the model's own class numbers. Further training of any
        kind follows them.
    hinting : bool
        Whether a click on the map, or what is drawn on it, becomes a hint.
    hint_class : int
        Class value, as shown, that the next hint gets.
    moving : int
        Place in `hints`, from 0, of the hint that the next click moves; -1 = none.
    hints_visible : bool
        Whether the hints are drawn on the map.
    by_legend : bool
        Whether classes are drawn in the colors of the legend, as far as they are
        assigned to it.
    profiles : Dataset or None
        Profiles of the classes shown, as `ktextures.describe` returns them; None once
        the classes change.
    export : ExportSettings
        What the next export writes, and where to.
    exported : tuple of str
        Paths of the files that the last export wrote.
    viewport : Viewport or None
        What the map shows of a scene that is larger than its preview, in full
        resolution; None where the preview is enough.
    lock : threading.RLock
        Held while several traits change together.
    """

    k = t.Int(6, min=2, max=MAX_CLASSES)
    steps = t.Int(default.steps, min=1, max=MAX_STEPS)
    seed = t.Int(-1, min=-1, max=MAX_SEED)
    texture_scale = FiniteFloat(AUTO_SCALE, max=16.0)
    preset = t.Enum(PRESETS, "default")
    learning_rate = FiniteFloat(0.0, min=0.0, max=1.0)
    loss_weights: Any = t.Dict(
        key_trait=t.Unicode(), value_trait=FiniteFloat(min=0.0, max=MAX_WEIGHT)
    )
    status = t.Enum(STATUSES, "idle")
    message = t.Unicode("", read_only=True)
    traceback = t.Unicode("")
    step = t.Int(0)
    goal = t.Int(0)
    pace = FiniteFloat(0.0)
    losses = t.List(t.Float())
    progress = FiniteFloat(0.0)
    task = t.Enum(TASKS, "")
    snapshot = t.Instance(Snapshot, allow_none=True)
    table = t.Instance(ClassTable)
    mapping: Any = t.Tuple(())
    classes: Any = t.Tuple(())
    version = t.Int(0)
    hidden: Any = t.Any(frozenset())
    view = t.Enum(VIEWS, "classes")
    chosen = t.Int(1, min=1, max=MAX_CLASSES)
    split = t.Bool(False)
    opacity = FiniteFloat(0.8, min=0.0, max=1.0)
    within = t.Bool(False)
    place: Any = t.Any(None, allow_none=True)
    area = t.Any(None, allow_none=True)
    can_undo = t.Bool(False)
    can_redo = t.Bool(False)
    first_k = t.Int(2, min=2, max=MAX_CLASSES)
    last_k = t.Int(12, min=2, max=MAX_CLASSES)
    sweep = Held(None, allow_none=True)
    profiles = Held(None, allow_none=True)
    hints = t.Instance(Hints, ())
    hinting = t.Bool(False)
    hint_class = t.Int(1, min=1, max=MAX_CLASSES)
    moving = t.Int(-1, min=-1)
    hints_visible = t.Bool(True)
    by_legend = t.Bool(False)
    export = t.Instance(ExportSettings, ())
    exported: Any = t.Tuple(())
    viewport = Held(None, allow_none=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.lock = threading.RLock()

    @t.default("table")
    def _default_table(self) -> ClassTable:
        return ClassTable.default(self.k)

    @t.validate("texture_scale")
    def _check_scale(self, proposal: Any) -> float:
        scale = float(proposal["value"])
        if scale < 0 and scale != AUTO_SCALE:
            raise t.TraitError(
                "texture_scale must be 0 to 16 pixels, or -1 to choose automatically, "
                f"got {scale:g}"
            )
        return scale

    @property
    def busy(self) -> bool:
        """Whether the worker thread is training or has a task."""
        return self.status in BUSY or bool(self.task)

    def say(self, message: str, status: str | None = None) -> None:
        """Show a message, and change the status with it if one is given.

        Parameters
        ----------
        message : str
            One line of plain text.
        status : str, optional
            One of `STATUSES`.
        """
        with self.lock:
            if status is not None:
                self.status = status
            self.set_trait("message", message)

    def shown_classes(self) -> npt.NDArray[np.uint8] | None:
        """Classes as they are shown, hidden ones included.

        Returns
        -------
        array of uint8, shape (y, x), or None
            1 to ``table.k``, 0 = nodata. None without a snapshot, and in the middle of
            a change of k.
        """
        with self.lock:
            snapshot, mapping = self.snapshot, self.mapping
        if snapshot is None or len(mapping) != len(snapshot.textures):
            return None
        return relabel(snapshot.classes, np.array(mapping, np.int64))

    @property
    def shown_colors(self) -> tuple[str, ...]:
        """Color of each class as it is drawn."""
        assignment = self.table.assignment
        if not self.by_legend or assignment is None:
            return self.table.colors
        legend = assignment.legend
        colors = dict(zip(legend.codes, legend.colors, strict=True))
        pairs = zip(assignment.codes, self.table.colors, strict=True)
        return tuple(colors.get(code, own) for code, own in pairs)

    def visible_classes(self) -> npt.NDArray[np.uint8] | None:
        """The same without the hidden classes, which are 0."""
        classes = self.shown_classes()
        if classes is not None and self.hidden:
            classes[np.isin(classes, list(self.hidden))] = 0
        return classes

    def _repr_html_(self) -> str:
        """A small picture of the classes, and the main facts."""
        facts = [f"k = {self.k}", self.status, f"step {self.step} of {self.goal}"]
        if self.message:
            facts.append(self.message)
        text = html.escape(" · ".join(facts))
        return f"<div>{self._picture()}<p>ExplorerState: {text}</p></div>"

    def _picture(self) -> str:
        with self.lock:
            classes, colors = self.visible_classes(), self.shown_colors
        if classes is None:
            return ""
        step = math.ceil(max(classes.shape) / PICTURE_SIDE)
        url = data_url(palette_png(classes[::step, ::step].copy(), colors))
        return f'<img src="{html.escape(url)}" alt="Classes">'


@dataclass(frozen=True)
class TrainingSettings:
    """Settings that an explorer is opened with; see `ktextures.train`.

    Parameters
    ----------
    preset : {"default", "paper"} or Preset
    steps, seed : int, optional
    texture_scale : float or "auto"
    features : FeatureExtractor or sequence of them, optional
    scaler : BandScaler, optional
    learning_rate : float, optional
    loss_weights : mapping of str to float, optional
    """

    preset: str | Preset = "default"
    steps: int | None = None
    texture_scale: float | Literal["auto"] = "auto"
    features: "FeatureExtractor | Sequence[FeatureExtractor] | None" = None
    scaler: "BandScaler | None" = None
    learning_rate: float | None = None
    loss_weights: Mapping[str, float] | None = None
    seed: int | None = None

    def preset_for(self, name: str) -> Preset:
        """The preset of this name: the one given, or else the standard one."""
        given = find_preset(self.preset)
        return given if given.name == name else find_preset(name)


_WANTED = {
    "k": f"a whole number from 2 to {MAX_CLASSES}",
    "steps": f"a whole number from 1 to {MAX_STEPS}",
    "seed": f"a whole number from 0 to {MAX_SEED}, or None",
    "texture_scale": "0 (color only) to 16 pixels, or 'auto'",
    "learning_rate": "a number above 0 and up to 1, or None",
    "loss_weights": f"a mapping of loss names to numbers from 0 to {MAX_WEIGHT:.0f}",
}


def initial_state(k: int, settings: TrainingSettings) -> ExplorerState:
    """State of an explorer before its first training.

    Raises
    ------
    InputError
        If a setting cannot be used.
    """
    preset = find_preset(settings.preset)
    state = ExplorerState(preset=preset.name)
    scale, weights = settings.texture_scale, settings.loss_weights
    given = {
        "k": k,
        "steps": preset.steps if settings.steps is None else settings.steps,
        "seed": settings.seed,
        "texture_scale": None if isinstance(scale, str) and scale == "auto" else scale,
        "learning_rate": settings.learning_rate,
        "loss_weights": dict(weights) if isinstance(weights, Mapping) else weights,
    }
    for name, value in given.items():
        if value is not None:
            _set(state, name, value)
    return state


def _set(state: ExplorerState, name: str, value: Any) -> None:
    number = value.item() if isinstance(value, np.generic) else value
    # The values that stand for "not given" in the state are not to be given.
    unset = {"seed": -1, "texture_scale": AUTO_SCALE, "learning_rate": 0.0}
    usable = not isinstance(number, bool | str) and number != unset.get(name)
    try:
        if not usable:
            raise t.TraitError(f"{number!r} has no meaning here")
        setattr(state, name, number)
    except t.TraitError as error:
        raise InputError(f"{name} must be {_WANTED[name]}, got {value!r}.") from error
