"""Training in a worker thread, steered by the state and reported to it."""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ktextures.classes import ClassTable
from ktextures.errors import InputError, KTexturesError
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._frames import first_look, frame_of, start_frame
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

if TYPE_CHECKING:
    from ktextures.model import KTextures

__all__ = ["Session"]

SECONDS_BETWEEN = 0.5


class Session:
    """Trains models of one scene, one at a time.

    Every method may be called from any thread and returns at once; what came of it is
    in the state.

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
        self.features, self.scaler, self.model = features, scaler, model
        self._stop, self._go = threading.Event(), threading.Event()
        self._worker: threading.Thread | None = None
        self._shown_at, self._cost, self._paced = 0.0, 0.0, (0.0, 0)
        self._base, self._order = 0, np.arange(0)
        # TensorFlow takes seconds to load; by the time of the first Train it is there.
        self._warming = threading.Thread(
            target=import_module, args=("ktextures.training",), daemon=True
        )
        self._warming.start()
        state.observe(self._steps_changed, "steps")

    # --- commands ---------------------------------------------------------------

    def train(self) -> None:
        """Train anew with the present settings."""
        if self._free("Train"):
            self._start(lambda: self._train(None))

    def resume(self) -> None:
        """Go on after a pause; else train the present model further."""
        if self._turn(("paused",), "training", "Training."):
            self._go.set()
        elif self.model is None:
            self.state.message = "There is nothing to continue yet; press Train."
        elif self._free("Continue"):
            self._start(lambda: self._train(self.model))

    def pause(self) -> None:
        """Wait after the step at hand."""
        if self._turn(("training",), "paused", "Paused."):
            self._go.clear()

    def stop(self) -> None:
        """End what runs after the step at hand; keep what is learnt."""
        if self._turn(("training", "paused"), "stopping", "Stopping.") or (
            self.state.applying
        ):
            self._stop.set()
            self._go.set()

    def run(self, work: Callable[[Callable[[], bool]], None]) -> None:
        """Do other work in the worker; it is handed what tells whether to stop."""
        if self._free("Apply"):
            self._start(lambda: work(self._stop.is_set), applying=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs; False if the time was not enough."""
        worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout)
        return worker is None or not worker.is_alive()

    def close(self) -> None:
        """End the threads."""
        self.stop()
        self.wait()
        self._warming.join()
        self.state.unobserve(self._steps_changed, "steps")
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

    # --- the worker -------------------------------------------------------------

    def _turn(self, before: tuple[str, ...], after: str, message: str) -> bool:
        """Change the status if it is one of those; tell whether it was."""
        with self.state.lock:
            if self.state.status not in before:
                return False
            self.state.status, self.state.message = after, message
            return True

    def _free(self, wish: str) -> bool:
        # A worker that has said "done" needs a moment to end.
        if self.state.busy or not self.wait(2.0):
            self.state.message = f"{wish} has to wait: stop what runs first."
            return False
        return True

    def _start(self, work: Callable[[], None], applying: bool = False) -> None:
        self._stop.clear()
        self._go.set()
        self.state.traceback = ""
        if applying:
            self.state.applying, self.state.progress = True, 0.0
        else:
            self.state.status, self.state.message = "training", "Preparing."
        self._worker = threading.Thread(
            target=self._guarded, args=(work,), name="ktextures-explorer", daemon=True
        )
        self._worker.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do the work; whatever fails is told in the state."""
        try:
            self._warming.join()
            work()
        except Exception as error:
            self.state.traceback = traceback.format_exc()
            known = isinstance(error, KTexturesError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            self.state.message = text or type(error).__name__
            if not self.state.applying:
                self.state.status = "failed"
        finally:
            self.state.applying = False

    def _train(self, model: "KTextures | None") -> None:
        state = self.state
        if model is None and state.frame is None:
            self._look()
        self._base = model.record.steps if model else 0
        state.goal, state.step = self._base + state.steps, self._base
        while True:
            if model is not None and model.k != state.k:
                model = self._regroup(model)
            model = self._one_training(model)
            done = model.record.steps
            if self._stop.is_set() or (done >= state.goal and model.k == state.k):
                break
            if done == 0:
                model = None
        self._conclude(model)

    def _one_training(self, model: "KTextures | None") -> "KTextures":
        from ktextures.training import train
        from ktextures.widgets._callback import Watcher

        state = self.state
        settings: dict[str, Any] = {"model": model}
        if model is None:
            settings = {
                "k": state.k,
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
        watcher = Watcher(lambda made: self._begun(made, fresh), self._stepped)
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
        """Colour the map at once, while the training is prepared."""
        seed = max(self.state.seed, 0)
        self.book.begin(first_look(self.preview, self.state.k, seed))
        self.state.message = "A first look by colour alone; training is prepared."

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
        if not self._go.is_set():
            self._report(model)
            self._go.wait()
            self._paced = (time.monotonic(), model.record.steps)
        return self._ends(model)

    def _ends(self, model: "KTextures") -> bool:
        state = self.state
        enough = model.record.steps >= state.goal
        return self._stop.is_set() or model.k != state.k or enough

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
        from ktextures.regroup import regroup

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

    def _conclude(self, model: "KTextures") -> None:
        state = self.state
        if model.record.steps == 0:
            self.model = None
            with state.lock:
                state.message = "Stopped before the first step."
                state.status = "idle"
            return
        self.model = model
        self._report(model)
        self.name_classes()
        state.progress = 1.0
        said = "Stopped after" if self._stop.is_set() else "Done:"
        with state.lock:
            state.message = f"{said} {model.record.steps} steps."
            state.status = "done"

    def _keep_order(self, model: "KTextures") -> None:
        """Number classes as they were while one watched, not anew by brightness."""
        with model.lock:
            model.record = replace(model.record, order=self._order)

    def name_classes(self) -> None:
        """Write names and colours that were given here into the model."""
        model, state = self.model, self.state
        if model is None or len(state.mapping) != model.k:
            return
        rows = [value - 1 for value in state.mapping]
        names = tuple(state.table.names[row] for row in rows)
        colors = tuple(state.table.colors[row] for row in rows)
        with model.lock:
            model.record = replace(model.record, classes=ClassTable(names, colors))

    def _steps_changed(self, change: Any) -> None:
        if self.state.status in ("training", "paused"):
            self.state.goal = max(self._base + change["new"], 1)


def require_bands(scene: xr.DataArray, model: "KTextures") -> None:
    """Refuse a model that was trained on other bands."""
    names = tuple(str(name) for name in scene.band.values)
    if names != model.config.bands:
        raise InputError(
            f"The scene has the bands {list(names)}; the model was trained on "
            f"{list(model.config.bands)}."
        )
