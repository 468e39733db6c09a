"""Training for the explorer, in its worker thread: what is done and what is shown."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ktextures._loading import load_module
from ktextures.classes import ClassTable
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._frames import first_look, frame_of, start_frame
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["PARTS", "Signals", "Trainer"]

SECONDS_BETWEEN = 0.45
"""At least; the step at hand comes on top, so that it is about two a second."""

PARTS = {
    "tiles": "the pixels are read",
    "encoder": "a scene encoder is trained",
    "descriptors": "pixels are described",
    "start": "a start is voted on",
}
"""Of the preparation of a training, to the reader."""


class Interrupted(Exception):
    """The training is not wanted any more, before it began."""


@dataclass(frozen=True)
class Signals:
    """What the reader wants of the worker: to end, and to go on."""

    stop: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


class Trainer:
    """Trains one model after the other as the state wants it, and shows them in it.

    Parameters
    ----------
    state : ExplorerState
    book : ClassBook
    preview : Preview
    features, scaler : optional
        As `ktextures.train` takes them.
    model : KTextures, optional
        To go on with.

    Attributes
    ----------
    model : KTextures or None
        The latest, while it is trained and afterwards.
    signals : Signals
    """

    def __init__(
        self,
        state: ExplorerState,
        book: ClassBook,
        preview: Preview,
        *,
        features: Any = None,
        scaler: Any = None,
        model: "KTextures | None" = None,
    ) -> None:
        self.state, self.book, self.preview = state, book, preview
        self.signals = Signals()
        self.features, self.scaler, self.model = features, scaler, model
        self._shown_at, self._cost, self._paced = 0.0, 0.0, (0.0, 0)
        self._base, self._order = 0, np.arange(0)
        # TensorFlow takes seconds to load; by the time of the first Train it is there.
        self._warming = threading.Thread(
            target=load_module, args=("ktextures.training.train",), daemon=True
        )
        self._warming.start()

    def close(self) -> None:
        """Let go of the model, once TensorFlow is loaded."""
        self._warming.join()
        self.model = None

    def forget(self) -> None:
        """Have no model and no classes, as at the beginning."""
        state = self.state
        self.model = None
        state.frame, state.mapping, state.classes = None, (), ()
        state.table = ClassTable.default(state.k)
        state.hidden, state.area = frozenset(), None
        state.step = state.goal = 0
        state.losses, state.progress, state.pace = [], 0.0, 0.0
        state.status, state.message, state.traceback = "idle", "", ""
        state.version += 1

    def show_given(self) -> None:
        """Show the classes of the model that was given."""
        model = self.model
        if model is not None:
            frame = frame_of(model, self.preview)
            self.book.begin(frame, model.record.classes)
            self.state.step = self.state.goal = model.record.steps
            self.state.losses = [float(v) for v in model.record.losses.get("loss", ())]
            self.state.status = "done"
            self.state.message = "Model as given; Continue trains it further."

    def train(self, model: "KTextures | None") -> None:
        """Train this model further, or a new one; blocks until it ends."""
        state = self.state
        if model is None and state.frame is None:
            self._look()
        self._base = model.record.steps if model else 0
        state.goal, state.step = self._base + state.steps, self._base
        while True:
            if model is not None and model.k != state.k:
                model = self._regroup(model)
            with suppress(Interrupted):
                model = self._one_training(model)
            done = model.record.steps if model else 0
            settled = model is not None and model.k == state.k and done >= state.goal
            if self.signals.stop.is_set() or settled:
                break
            if done == 0:
                model = None
        self._conclude(model)

    def _one_training(self, model: "KTextures | None") -> "KTextures":
        while self._warming.is_alive():
            self._preparing(self.state.k, "TensorFlow is loaded")
            self._warming.join(0.1)
        from ktextures.training.train import train
        from ktextures.widgets._callback import Watcher

        state = self.state
        k = state.k
        settings: dict[str, Any] = {"model": model}
        if model is None:
            settings = {
                "k": k,
                "preset": state.preset,
                "texture_scale": (
                    "auto" if state.texture_scale < 0 else state.texture_scale
                ),
                "features": self.features,
                "scaler": self.scaler,
            }
        elif not model.extractors:
            settings["features"] = self.features
        done = model.record.steps if model else 0
        fresh = model is None
        watcher = Watcher(
            lambda made: self._begun(made, fresh),
            self._stepped,
            lambda part: self._preparing(k, PARTS[part]),
        )
        trained = train(
            self._training_scene(),
            steps=max(state.goal - done, 1),
            seed=None if state.seed < 0 else state.seed,
            learning_rate=state.learning_rate or None,
            loss_weights=state.loss_weights,
            callbacks=[watcher],
            progress=False,
            **settings,
        )
        self._keep_order(trained)
        return trained

    def _training_scene(self) -> xr.DataArray:
        """The scene, or the chosen area of it; NaN outside a polygon."""
        scene, area = self.preview.scene, self.state.area
        return scene if area is None else area.cut(scene)

    def _look(self) -> None:
        """Color the map at once, while the training is prepared."""
        seed = max(self.state.seed, 0)
        self.book.begin(first_look(self.preview, self.state.k, seed))

    def _preparing(self, k: int, what: str) -> None:
        """Say what is prepared for k classes, or end it if it is not wanted."""
        self.signals.go.wait()
        if self.signals.stop.is_set() or self.state.k != k:
            raise Interrupted
        if self.state.status == "training":
            self.state.message = f"Preparing: {what}."

    def _begun(self, model: "KTextures", fresh: bool) -> bool:
        self.model, self._order = model, model.record.order.copy()
        if fresh:
            self.book.begin(start_frame(model, self.preview))
        if self.state.status == "training":
            self.state.message = "Training."
        self._paced = (time.monotonic(), model.record.steps)
        return self._ends(model)

    def _stepped(self, model: "KTextures") -> bool:
        now = time.monotonic()
        # Looking takes at most two fifths of the time.
        due = now - self._shown_at >= max(SECONDS_BETWEEN, 2.5 * self._cost)
        if due or model.record.steps == self._base + 1:
            self._report(model)
        if not self.signals.go.is_set():
            self._report(model)
            self.signals.go.wait()
            self._paced = (time.monotonic(), model.record.steps)
        return self._ends(model)

    def _ends(self, model: "KTextures") -> bool:
        state = self.state
        enough = model.record.steps >= state.goal
        return self.signals.stop.is_set() or model.k != state.k or enough

    def _report(self, model: "KTextures") -> None:
        """Show the model as it is now."""
        begun = time.monotonic()
        frame = frame_of(model, self.preview)
        before, steps = self._paced
        if begun > before:
            self.state.pace = (frame.step - steps) / (begun - before)
        self._paced = (begun, frame.step)
        self.state.step = frame.step
        self.state.losses = [float(v) for v in model.record.losses.get("loss", ())]
        self.book.show(frame)
        self._shown_at, self._cost = begun, time.monotonic() - begun

    def _regroup(self, model: "KTextures") -> "KTextures | None":
        """The model with the k that is wanted now; None to begin anew."""
        from ktextures.training.split_merge import regroup

        state = self.state
        if model.config.masks == "published":
            state.message = "Published masks start anew with another k."
            state.goal = state.steps
            return None
        state.message = f"From {model.k} to {state.k} classes."
        made = regroup(model, state.k, *self.preview.prepared(model))
        self.model = made.model
        frame = frame_of(made.model, self.preview)
        self.book.regrouped(frame, made.parents)
        # The new classes need some steps to settle.
        state.goal = max(state.goal, made.model.record.steps + state.steps // 4)
        return made.model

    def _conclude(self, model: "KTextures | None") -> None:
        state = self.state
        status, message = "done", "Stopped before the first step."
        if model is not None and model.record.steps:
            self.model = model
            self._report(model)
            self.name_classes()
            state.progress = 1.0
            said = "Stopped after" if self.signals.stop.is_set() else "Done:"
            message = f"{said} {model.record.steps} steps."
        elif self.model is not None and self.model.record.steps:
            state.step = state.goal = self.model.record.steps
            message += " The model before it stays."
        else:
            self.model, status = None, "idle"
        with state.lock:
            state.message, state.status = message, status

    def _keep_order(self, model: "KTextures") -> None:
        """Number classes as they were while one watched, not anew by brightness."""
        with model.lock:
            model.record = replace(model.record, order=self._order)

    def name_classes(self) -> None:
        """Write names and colors that were given here into the model."""
        model, state = self.model, self.state
        if model is None or len(state.mapping) != model.k:
            return
        rows = [value - 1 for value in state.mapping]
        names = tuple(state.table.names[row] for row in rows)
        colors = tuple(state.table.colors[row] for row in rows)
        with model.lock:
            model.record = replace(model.record, classes=ClassTable(names, colors))

    def aim(self, steps: int) -> None:
        """Let the training that runs end after another number of steps."""
        self.state.goal = max(self._base + steps, 1)
