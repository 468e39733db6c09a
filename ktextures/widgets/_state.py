"""What an explorer knows, observable; nothing here displays or computes."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets as t

from ktextures.classes import ClassTable
from ktextures.errors import InputError

__all__ = [
    "BUSY",
    "STATUSES",
    "VIEWS",
    "ClassRow",
    "ExplorerState",
    "Frame",
    "initial_state",
]

STATUSES = ("idle", "training", "paused", "stopping", "done", "failed")
BUSY = ("training", "paused", "stopping")
VIEWS = ("classes", "mask", "simulated", "textures", "margin")

_SETTINGS = (
    "preset",
    "steps",
    "texture_scale",
    "seed",
    "learning_rate",
    "loss_weights",
)


@dataclass(frozen=True)
class Frame:
    """What is shown at one moment, as the model numbers its classes.

    Attributes
    ----------
    classes : array of uint8, shape (y, x)
        1..k, 0 = nodata.
    simulated : array, shape (y, x, band)
        In the scene's units.
    textures : array, shape (class, y, x, band)
        In the scene's units.
    margin : array of float32, shape (y, x), or None
    step : int
        Training steps done; 0 = a first look.
    """

    classes: npt.NDArray[np.uint8]
    simulated: npt.NDArray[Any]
    textures: npt.NDArray[Any]
    margin: npt.NDArray[np.float32] | None = None
    step: int = 0

    @property
    def k(self) -> int:
        """Classes of the model, before merging."""
        return len(self.textures)


@dataclass(frozen=True)
class ClassRow:
    """One line of the classes panel.

    Attributes
    ----------
    value : int
        Of the class, 1 and up.
    name, color : str
    pixels : int
        Of the preview.
    share : float
        Of the valid pixels, 0..1.
    area_ha : float
        NaN without CRS.
    """

    value: int
    name: str
    color: str
    pixels: int
    share: float
    area_ha: float


class ExplorerState(t.HasTraits):
    """Settings, progress and results of an explorer; observe or set any of them.

    Attributes
    ----------
    k, steps, seed : int
        For the next training; `k` also for the one that runs. Seed -1 draws one.
    texture_scale : float
        Pixels; -1 = chosen by itself.
    preset : {"default", "paper"}
    learning_rate : float
        Of the masks at the first step; 0 = the preset's own.
    loss_weights : dict of str to float
        Those that differ from the preset's, as `ktextures.train` takes them.
    status : {"idle", "training", "paused", "stopping", "done", "failed"}
    message : str
        One line for the reader: what happens, or what went wrong and what to do.
    traceback : str
        Of the last failure, else empty.
    step, goal : int
        Training steps done, and at which this training ends.
    pace : float
        Steps per second, of late.
    losses : list of float
        One per step.
    progress : float
        Of work other than training, 0..1.
    frame : Frame or None
    table : ClassTable
        Names and colors of the classes shown.
    mapping : tuple of int
        For class i + 1 of the model the class shown, which differs once classes are
        merged.
    classes : tuple of ClassRow
    version : int
        Grows each time frame, table, mapping and classes fit together again.
    hidden : frozenset of int
        Classes that are not drawn.
    view : {"classes", "mask", "simulated", "textures", "margin"}
    chosen : int
        Class whose mask or texture is shown.
    split : bool
        Image at the left of a divider, the view at its right.
    opacity : float
    area : tuple or None
        (row, col, height, width) to train on, in pixels; None = everywhere.
    """

    k = t.Int(6, min=2, max=128)
    steps = t.Int(600, min=1)
    seed = t.Int(-1, min=-1, max=2**31 - 1)
    texture_scale = t.Float(-1.0, min=-1.0, max=16.0)
    preset = t.Enum(("default", "paper"), "default")
    learning_rate = t.Float(0.0, min=0.0, max=1.0)
    loss_weights: Any = t.Dict(key_trait=t.Unicode(), value_trait=t.Float())
    status = t.Enum(STATUSES, "idle")
    message = t.Unicode("")
    traceback = t.Unicode("")
    step = t.Int(0)
    goal = t.Int(0)
    pace = t.Float(0.0)
    losses = t.List(t.Float())
    progress = t.Float(0.0)
    applying = t.Bool(False)
    frame = t.Instance(Frame, allow_none=True)
    table = t.Instance(ClassTable)
    mapping: Any = t.Tuple(())
    classes: Any = t.Tuple(())
    version = t.Int(0)
    hidden: Any = t.Any(frozenset())
    view = t.Enum(VIEWS, "classes")
    chosen = t.Int(1, min=1, max=128)
    split = t.Bool(False)
    opacity = t.Float(0.8, min=0.0, max=1.0)
    area = t.Any(None, allow_none=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.lock = threading.RLock()
        """Held while several traits change together."""

    @t.default("table")
    def _default_table(self) -> ClassTable:
        return ClassTable.default(self.k)

    @property
    def busy(self) -> bool:
        """Whether a worker runs."""
        return self.status in BUSY or self.applying

    def members(self, value: int) -> tuple[int, ...]:
        """Classes of the model (1..k) that make up a class shown."""
        return tuple(i for i, shown in enumerate(self.mapping, 1) if shown == value)


def initial_state(k: int, settings: dict[str, Any]) -> ExplorerState:
    """State from the options of `ktextures.explore`.

    Raises
    ------
    InputError
        If an option is unknown or its value cannot be.
    """
    unknown = sorted(set(settings) - set(_SETTINGS))
    if unknown:
        raise InputError(
            f"unknown options {unknown}; choose from {', '.join(_SETTINGS)}, features, "
            "scaler, bands, basemap, preview."
        )
    given = {name: value for name, value in settings.items() if value is not None}
    if given.get("texture_scale") == "auto":
        del given["texture_scale"]
    if "steps" not in given and given.get("preset") == "paper":
        given["steps"] = 10_240
    try:
        return ExplorerState(k=k, **given)
    except t.TraitError as error:
        raise InputError(str(error)) from error
