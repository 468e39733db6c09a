"""Training in the explorer's worker thread: what is trained and what is shown."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ktextures._loading import load_module
from ktextures.classes.table import ClassTable
from ktextures.training.presets import Preset, find_preset
from ktextures.widgets._frames import first_look, initial_snapshot, snapshot_of
from ktextures.widgets._results import Shared
from ktextures.widgets._state import TrainingSettings

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures
    from ktextures.training.prepared_scenes import PreparedScenes

__all__ = ["LOADING", "PARTS", "Interrupted", "Signals", "Trainer"]

SECONDS_BETWEEN = 0.45
"""Shortest time between updates; with the current step it makes about two a second."""

LOADING = "Loading TensorFlow."

PARTS = {
    "tiles": "Reading pixels.",
    "encoder": "Training the scene encoder.",
    "descriptors": "Computing descriptors.",
    "initial labels": "Choosing initial classes.",
}
"""What to say while each part of a training is prepared."""


class Interrupted(Exception):
    """Preparation was canceled by Stop or by another k."""


@dataclass(frozen=True)
class Signals:
    """Requests of the user to the worker thread: stop, and go on."""

    stop: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Held:
    """A prepared scene, by the settings it was prepared with."""

    area: object
    key: tuple[object, ...]
    prepared: "PreparedScenes"
    for_model: bool  # scaled as for an earlier model

    def fits(
        self, area: object, key: tuple[object, ...], model: "KTextures | None"
    ) -> bool:
        """Whether a model, or a new one, can be trained on it."""
        # Areas hold arrays, whose comparison has no truth value.
        if self.area is not area or self.key != key:
            return False
        return not self.for_model if model is None else self.prepared.fits(model)


def new_seed() -> int:
    """A seed for a training that is to differ from the one before."""
    return int(np.random.default_rng().integers(2**31))


class Trainer:
    """Trains models with the settings of the state, and shows them there.

    Parameters
    ----------
    shared : Shared
    settings : TrainingSettings
        Those that the state does not hold: features, scaler, and a preset object.

    Attributes
    ----------
    signals : Signals
    """

    def __init__(self, shared: Shared, settings: TrainingSettings) -> None:
        self.state, self.book, self.preview, self.shelf = shared
        self.settings = settings
        self.signals = Signals()
        self._shown_at, self._cost, self._paced = 0.0, 0.0, (0.0, 0)
        self._base = 0
        self._held: Held | None = None
        # TensorFlow takes seconds to load; most of them pass before the first Train.
        self._loading = threading.Thread(
            target=load_module, args=("ktextures.training.train",), daemon=True
        )
        self._loading.start()

    def close(self) -> None:
        """Release the model, once TensorFlow is loaded."""
        self._loading.join()
        self._held = None
        self.shelf.clear()

    def reset(self) -> None:
        """Discard model and classes, as before the first training."""
        state = self.state
        self.shelf.clear()
        self.book.forget()
        state.snapshot, state.mapping, state.classes = None, (), ()
        state.table = ClassTable.default(state.k)
        state.hidden, state.area, state.place = frozenset(), None, None
        state.sweep = state.profiles = None
        state.step = state.goal = 0
        state.losses, state.progress, state.pace = [], 0.0, 0.0
        state.traceback = ""
        state.say("", "idle")
        state.version += 1

    def show_given(self) -> None:
        """Show the classes of the model that the explorer was opened with."""
        model = self.shelf.model
        if model is not None:
            self.book.begin(snapshot_of(model, self.preview), model.classes)
            self.count(model)
            self.state.goal = model.record.steps
            self.state.say(
                "Showing the given model; Continue trains it further.", "done"
            )

    def train(self, model: "KTextures | None") -> None:
        """Train on from a model, or train a new one; blocks until it ends."""
        state = self.state
        if model is None and state.snapshot is None:
            seed = max(state.seed, 0)
            self.book.begin(first_look(self.preview, state.k, seed))
        self._base = model.record.steps if model else 0
        state.goal, state.step = self._base + state.steps, self._base
        try:
            model = self._train_until_settled(model)
        finally:
            self.shelf.settle()
            self._restore()
        self._conclude(model)

    def _train_until_settled(self, model: "KTextures | None") -> "KTextures | None":
        """Train, and once more whenever k has changed meanwhile."""
        while True:
            if model is not None and model.k != self.state.k:
                model = self._regroup(model)
            with suppress(Interrupted):
                model = self._one_training(model)
            done = model.record.steps if model else 0
            settled = model is not None and model.k == self.state.k
            if self.signals.stop.is_set() or (settled and done >= self.state.goal):
                return model
            if done == 0:
                model = None

    def _one_training(self, model: "KTextures | None") -> "KTextures | None":
        """Train once; returns the earlier model if nothing was learned."""
        self.load(lambda: self._prepare(self.state.k, LOADING))
        from ktextures.training.train import train
        from ktextures.widgets._callback import Watcher

        state, k, fresh = self.state, self.state.k, model is None
        prepared = self.prepared_scene(
            model, lambda part: self._prepare(k, PARTS[part])
        )
        watcher = Watcher(
            lambda live: self._begin(live, fresh),
            self._after_step,
            lambda part: self._prepare(k, PARTS[part]),
        )
        train(
            prepared,
            k,
            steps=max(state.goal - (model.record.steps if model else 0), 1),
            seed=new_seed() if state.seed < 0 else state.seed,
            preset=self._preset(model),
            callbacks=[watcher],
            progress=False,
            model=model,
        )
        trained = self.shelf.settle()
        return model if trained is None else trained

    def load(self, on_wait: Callable[[], None]) -> None:
        """Wait until TensorFlow is loaded; `on_wait` is called again and again."""
        while self._loading.is_alive():
            on_wait()
            self._loading.join(0.1)

    def prepared_scene(
        self, model: "KTextures | None", on_part: Callable[[str], None]
    ) -> "PreparedScenes":
        """The scene, prepared for a model or a new one, once if nothing changes."""
        from ktextures.training.prepare import prepare

        state, settings = self.state, self.settings
        scale: float | str = "auto" if state.texture_scale < 0 else state.texture_scale
        area, key = state.area, (state.preset, state.seed, scale)
        held = self._held
        if held is not None and held.fits(area, key, model):
            return held.prepared
        self._held = None  # two at once would take twice the memory
        own = model is not None and bool(model.extractors)
        prepared = prepare(
            self.training_scene(),
            preset=self._preset(model),
            texture_scale="auto" if model else scale,
            features=None if own else settings.features,
            scaler=None if model else settings.scaler,
            seed=None if state.seed < 0 else state.seed,
            model=model,
            on_preparation=on_part,
            progress=False,
        )
        self._held = Held(area, key, prepared, model is not None)
        return prepared

    def _preset(self, model: "KTextures | None") -> Preset:
        """The preset of the settings or of the model, with what the user changed."""
        state = self.state
        preset = self.settings.preset_for(state.preset)
        if model is not None:
            recorded = model.record.provenance.get("preset_settings")
            preset = find_preset(recorded or model.config.preset)
        if state.learning_rate:
            preset = preset.with_learning_rate(state.learning_rate)
        if state.loss_weights:
            weights = {**preset.loss_weights, **state.loss_weights}
            preset = replace(preset, loss_weights=weights)
        return preset

    def training_scene(self) -> xr.DataArray:
        """The scene, or the selected area of it; NaN outside a polygon."""
        scene, area = self.preview.scene, self.state.area
        return scene if area is None else area.cut(scene)

    # --- called by the training, in its thread ----------------------------------------

    def _prepare(self, k: int, message: str) -> None:
        """Say what is prepared for k classes; end it if it is not wanted any more."""
        self.signals.go.wait()
        if self.signals.stop.is_set() or self.state.k != k:
            raise Interrupted
        if self.state.status == "training":
            self.state.say(message)

    def _begin(self, live: "KTextures", fresh: bool) -> bool:
        self.shelf.watch(live, fresh)
        if fresh:
            self.book.begin(initial_snapshot(live, self.preview))
        else:
            self.book.trained()
        if self.state.status == "training":
            self.state.say("Training.")
        self._paced = (time.monotonic(), live.record.steps)
        return self._is_over(live)

    def _after_step(self, live: "KTextures") -> bool:
        now = time.monotonic()
        # Updates take at most two fifths of the time.
        due = now - self._shown_at >= max(SECONDS_BETWEEN, 2.5 * self._cost)
        changing = live.k != self.state.k  # The new classes come first.
        if (due or live.record.steps == self._base + 1) and not changing:
            self._show(live)
        if not self.signals.go.is_set():
            self._show(live)
            self.signals.go.wait()
            self._paced = (time.monotonic(), live.record.steps)
        return self._is_over(live)

    def _is_over(self, live: "KTextures") -> bool:
        enough = live.record.steps >= self.state.goal
        return self.signals.stop.is_set() or live.k != self.state.k or enough

    # --- what is shown ----------------------------------------------------------------

    def _show(self, model: "KTextures") -> None:
        """Show a model as it is now."""
        begun = time.monotonic()
        snapshot = snapshot_of(model, self.preview)
        before, steps = self._paced
        if begun > before:
            self.state.pace = (snapshot.step - steps) / (begun - before)
        self._paced = (begun, snapshot.step)
        self.count(model)
        self.book.show(snapshot)
        self._shown_at, self._cost = begun, time.monotonic() - begun

    def count(self, model: "KTextures") -> None:
        """Show how far the training of a model is."""
        self.state.step = model.record.steps
        self.state.losses = [float(v) for v in model.record.losses.get("loss", ())]

    def _regroup(self, model: "KTextures") -> "KTextures | None":
        """A model with the k of the state; None to train a new one."""
        from ktextures.training.head_sample import HeadSample
        from ktextures.training.split_merge import regroup

        state = self.state
        if model.config.masks == "published":
            state.say("The paper preset starts over when k changes.")
            state.goal = state.steps
            return None
        state.say(f"Changing from {model.k} to {state.k} classes.")
        held = self._held
        if held is not None and held.prepared.fits(model):
            sample = held.prepared.sample_for(model)
        else:
            sample = HeadSample.of_tiles(model, *self.preview.prepared(model))
        made = regroup(model, state.k, sample)
        snapshot = snapshot_of(made.model, self.preview)
        self.book.regrouped(snapshot, made.parents, made.united)
        self.shelf.put(made.model)
        # The new classes need some steps to settle.
        state.goal = max(state.goal, made.model.record.steps + state.steps // 4)
        return made.model

    def _restore(self) -> None:
        """Show the earlier model again after a training that learned nothing."""
        model = self.shelf.model
        if model is not None and not self.shelf.shown:
            self.book.begin(snapshot_of(model, self.preview), model.classes)
            self.shelf.put(model)

    def _conclude(self, model: "KTextures | None") -> None:
        state, kept = self.state, self.shelf.model
        if model is not None and model.record.steps:
            self._show(model)
            stopped = self.signals.stop.is_set()
            said = "Stopped after" if stopped else "Done after"
            state.say(f"{said} {model.record.steps} steps.", "done")
        elif kept is not None and kept.record.steps:
            self.count(kept)
            state.goal = kept.record.steps
            state.say(
                "Stopped before the first step; the earlier model is kept.", "done"
            )
        else:
            state.say("Stopped before the first step.", "idle")

    def aim(self, steps: int) -> None:
        """Let the current training end after another number of steps."""
        self.state.goal = max(self._base + steps, 1)
