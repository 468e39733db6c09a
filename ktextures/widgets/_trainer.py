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
from ktextures.hints.hints import Hints
from ktextures.training.presets import Preset, default, find_preset
from ktextures.widgets._classes import renumbered
from ktextures.widgets._frames import first_look, initial_snapshot, snapshot_of
from ktextures.widgets._hint_book import hints_within
from ktextures.widgets._legends import hinted_table
from ktextures.widgets._results import Shared
from ktextures.widgets._state import TrainingSettings

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures
    from ktextures.training.prepared_scenes import PreparedScenes

__all__ = ["LOADING", "PARTS", "Interrupted", "Signals", "Trainer", "with_hints"]

SECONDS_BETWEEN = 0.45
"""Shortest time between updates; with the current step it makes about two a second."""

LOADING = "Loading TensorFlow."

HINTED_STEPS = default.hinted_steps
"""Steps after which a model follows new hints."""

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
    base : int
        Steps that the model had before this training.
    followed : Hints
        Those that the model in training, or the last one, was trained with.
    """

    def __init__(self, shared: Shared, settings: TrainingSettings) -> None:
        self.state, self.book, self.preview, self.shelf = shared
        self.settings = settings
        self.signals = Signals()
        self._shown_at, self._cost, self._paced = 0.0, 0.0, (0.0, 0)
        self.base = 0
        self.followed = Hints()
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
        """Discard model, classes, hints and sweep, as before the first training."""
        state = self.state
        self.shelf.clear()
        self.book.forget()
        state.snapshot, state.mapping, state.classes = None, (), ()
        state.table = ClassTable.default(state.k)
        state.hidden, state.area, state.place = frozenset(), None, None
        state.sweep = state.profiles = None
        self.take_hints(Hints())
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
            self.take_hints(model.hints)
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
        if model is None:
            self._number_hints_as_shown()
        self.shelf.unsteered = None
        self.base = model.record.steps if model else 0
        told = model is not None and state.hints != model.hints
        steps = max(state.steps, HINTED_STEPS if told else 0)
        state.goal, state.step = self.base + steps, self.base
        ended = False
        while not ended:
            try:
                model = self.train_until_settled(model)
            finally:
                self.shelf.settle()
                self._restore()
            ended = self.conclude(model)

    def take_hints(self, hints: Hints) -> None:
        """Show the hints of a model, which follows them."""
        with self.state.lock:
            self.followed = self.state.hints = hints
            self.state.moving = -1

    def _number_hints_as_shown(self) -> None:
        """A new model has the classes shown, with their numbers, as far as hinted."""
        state = self.state
        with state.lock:
            mapping = dict(enumerate(state.mapping, 1))
            numbers = [int(hint.class_) for hint in state.hints]
            values = [mapping.get(number, number) for number in numbers]
            pairs = zip(state.hints, values, strict=True)
            state.hints = Hints([hint.of_class(v) for hint, v in pairs if v])

    def train_until_settled(self, model: "KTextures | None") -> "KTextures | None":
        """Train, and once more whenever k has changed meanwhile."""
        while True:
            if model is not None and model.k != self.state.k:
                model = self._regroup(model)
            with suppress(Interrupted):
                model = self.one_training(model)
            done = model.record.steps if model else 0
            settled = model is not None and model.k == self.state.k
            if self.state.hints != self.followed:
                settled = False
                self.state.goal = max(self.state.goal, done + HINTED_STEPS)
            if self.signals.stop.is_set() or (settled and done >= self.state.goal):
                return model
            if done == 0:
                model = None

    def one_training(self, model: "KTextures | None") -> "KTextures | None":
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
        with state.lock:
            self.followed = state.hints
        train(
            prepared,
            k,
            steps=max(state.goal - (model.record.steps if model else 0), 1),
            seed=new_seed() if state.seed < 0 else state.seed,
            preset=self._preset(model),
            callbacks=[watcher],
            progress=False,
            model=model,
            hints=hints_within(self.followed, state.area, self.preview),
        )
        trained = self.shelf.settle()
        if trained is None:
            return model
        trained.record = replace(trained.record, hints=self.followed)
        return trained

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
            snapshot = initial_snapshot(live, self.preview)
            matched = self.book.matched(snapshot)
            table = hinted_table(self.state.table, matched, self.followed)
            self.book.begin(snapshot, table and renumbered(table))
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
        if (due or live.record.steps == self.base + 1) and not changing:
            self._show(live)
        if not self.signals.go.is_set():
            self._show(live)
            self.signals.go.wait()
            self._paced = (time.monotonic(), live.record.steps)
        return self._is_over(live)

    def _is_over(self, live: "KTextures") -> bool:
        enough = live.record.steps >= self.state.goal
        changed = live.k != self.state.k or self.state.hints != self.followed
        return self.signals.stop.is_set() or changed or enough

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
        from ktextures.training.hint_lineage import moved_hints
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
            sample = HeadSample.of_tiles(model, *self.preview.exact().prepared(model))
        made = regroup(with_hints(model, state.hints), state.k, sample)
        snapshot = snapshot_of(made.model, self.preview)
        with state.lock:
            self.book.regrouped(snapshot, made.parents, made.united)
            self.shelf.put(made.model)
            kept = moved_hints(state.hints, made.united)  # with those since then
            self.take_hints(made.model.hints)
            state.hints = kept
        # The new classes need some steps to settle.
        state.goal = max(state.goal, made.model.record.steps + state.steps // 4)
        return made.model

    def _restore(self) -> None:
        """Show the earlier model again after a training that learned nothing."""
        model = self.shelf.model
        if model is not None and not self.shelf.shown:
            self.book.begin(snapshot_of(model, self.preview), model.classes)
            self.shelf.put(model)

    def conclude(self, model: "KTextures | None") -> bool:
        """Say what was reached; False if hints came that are still to be followed."""
        state, kept = self.state, self.shelf.model
        if model is not None and model.record.steps:
            self._show(model)
        with state.lock:
            if state.hints != self.followed and not self.signals.stop.is_set():
                return False
            self._tell_end(model, kept)
        return True

    def _tell_end(self, model: "KTextures | None", kept: "KTextures | None") -> None:
        state = self.state
        if model is not None and model.record.steps:
            stopped = self.signals.stop.is_set()
            said = "Stopped after" if stopped else "Done after"
            state.say(f"{said} {model.record.steps} steps{self._told_hints()}.", "done")
        elif kept is not None and kept.record.steps:
            self.count(kept)
            state.goal = kept.record.steps
            state.say(
                "Stopped before the first step; the earlier model is kept.", "done"
            )
        else:
            state.say("Stopped before the first step.", "idle")

    def _told_hints(self) -> str:
        """How many hints were followed, as the end of a sentence."""
        count = len(self.followed)
        used = len(hints_within(self.followed, self.state.area, self.preview))
        if used < count:
            return f" with {used} of {count} hints; the others are outside the area"
        return f" with {count} hint{'' if count == 1 else 's'}" if count else ""

    def aim(self, steps: int) -> None:
        """Let the current training end after another number of steps."""
        self.state.goal = max(self.base + steps, 1)


def with_hints(model: "KTextures", hints: Hints) -> "KTextures":
    """A model that takes these hints along when its classes change."""
    if hints == model.hints:
        return model
    made = model.copy()
    made.record = replace(made.record, hints=hints)
    return made
