"""Panel of settings, and of the buttons that start and end training."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w
import traitlets as t

from ktextures.palette import MAX_CLASSES
from ktextures.training.presets import Preset
from ktextures.widgets._links import WIDE, Links, close_tree, unlabeled
from ktextures.widgets._state import (
    BUSY,
    MAX_SEED,
    MAX_STEPS,
    MAX_WEIGHT,
    PRESETS,
    ExplorerState,
    TrainingSettings,
)

__all__ = ["ControlsPanel"]

LABELS = {"description_width": "150px"}
SCALES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0)
"""Texture scales in pixels to choose from."""


class ControlsPanel:
    """Settings, and the buttons that start and pause training.

    Parameters
    ----------
    state : ExplorerState
    settings : TrainingSettings
        The source of each preset's loss weights.
    actions : dict of str to callable
        Called by the buttons: "train", "pause", "resume", "reset", "apply".
    """

    def __init__(
        self,
        state: ExplorerState,
        settings: TrainingSettings,
        actions: dict[str, Callable[[], None]],
    ) -> None:
        self._state, self._settings, self._actions = state, settings, actions
        self._links, self._weight_links = Links(), Links()
        self.train = w.Button(description="Train", button_style="primary")
        self.pause = w.Button(description="Pause", disabled=True)
        self.reset = w.Button(description="Reset")
        self.apply = w.Button(description="Apply to full scene", disabled=True)
        for button in (self.train, self.pause, self.reset, self.apply):
            button.layout.width = "auto"
        self._links.click(self.train, actions["train"])
        self._links.click(self.pause, self._toggle)
        self._links.click(self.reset, actions["reset"])
        self._links.click(self.apply, actions["apply"])
        buttons = w.HBox(
            [self.train, self.pause, self.reset, self.apply],
            layout=w.Layout(flex_flow="row wrap"),
        )
        self.widget = w.VBox([*self._fields(), buttons])
        self._links.observe(state, self._refresh, ["status", "task"])
        self._refresh()

    def _fields(self) -> list[w.Widget]:
        state = self._state
        k = w.IntSlider(
            description="k",
            min=2,
            max=max(24, state.k),
            readout=False,
            style={"description_width": "90px"},
            layout=w.Layout(flex="1 1 auto", width="auto"),
        )
        number = w.BoundedIntText(min=2, max=MAX_CLASSES, layout={"width": "60px"})
        unlabeled(number, "number of classes", f"number of classes, 2 to {MAX_CLASSES}")
        steps = w.BoundedIntText(description="steps", min=1, max=MAX_STEPS, step=50)
        preset = w.Dropdown(description="preset", options=list(PRESETS))
        seed = w.BoundedIntText(description="seed", min=-1, max=MAX_SEED)
        seed.tooltip = "-1 = random"

        def widen(change: Any) -> None:
            k.max = max(k.max, change["new"])

        self._links.observe(state, widen, "k")
        for name, widget in (
            ("k", k),
            ("k", number),
            ("steps", steps),
            ("preset", preset),
            ("seed", seed),
        ):
            self._links.both(state, name, widget)
        rows = [self._scale(), preset, seed, *self._learning()]
        advanced = w.Accordion([w.VBox(rows)], titles=["Advanced"])
        advanced.selected_index = None
        self.k = k
        return [w.HBox([k, number]), steps, advanced]

    def _scale(self) -> w.Dropdown:
        """Choice of texture scales that differ visibly, and "auto"."""
        state = self._state
        choice = w.Dropdown(
            options=_scale_options(state.texture_scale),
            value=state.texture_scale,
            description="texture scale",
            layout=WIDE,
            style={"description_width": "90px"},
        )

        def to_widget(change: Any) -> None:
            if change["new"] not in [value for _, value in choice.options]:
                choice.options = _scale_options(change["new"])
            choice.value = change["new"]

        def to_state(change: Any) -> None:
            state.texture_scale = change["new"]

        self._links.observe(state, to_widget, "texture_scale")
        self._links.observe(choice, to_state, "value")
        self.scale = choice
        return choice

    def _learning(self) -> list[w.Widget]:
        """Learning rate, and the weights of the preset's losses."""
        state = self._state
        rate = w.BoundedFloatText(
            description="learning rate", min=0, max=1, step=0.001, style=LABELS
        )
        self._links.both(state, "learning_rate", rate)
        note = w.HTML("<small>learning rate 0 = the preset's default</small>")
        self.rate, self.weights = rate, w.VBox()

        def fill(*_: Any) -> None:
            self._weight_links.close()
            for old in self.weights.children:
                close_tree(old)
            own = own_weights(self._settings.preset_for(state.preset)).items()
            self.weights.children = [self._weight(name, value) for name, value in own]

        def preset_changed(*_: Any) -> None:
            state.loss_weights = {}
            fill()

        self._links.observe(state, preset_changed, "preset")
        fill()
        return [rate, note, self.weights]

    def _weight(self, name: str, own: float) -> w.BoundedFloatText:
        state = self._state
        field = w.BoundedFloatText(
            state.loss_weights.get(name, own),
            description=f"{name} weight",
            min=0,
            max=MAX_WEIGHT,
            step=0.1,
            style=LABELS,
        )

        def changed(change: Any) -> None:
            others = {k: v for k, v in state.loss_weights.items() if k != name}
            new = change["new"]
            try:
                state.loss_weights = others if new == own else {**others, name: new}
            except t.TraitError as error:
                field.value = state.loss_weights.get(name, own)
                state.say(str(error))

        def show(change: Any) -> None:
            field.value = change["new"].get(name, own)

        self._weight_links.observe(field, changed, "value")
        self._weight_links.observe(state, show, "loss_weights")
        return field

    def _toggle(self) -> None:
        running = self._state.status == "training"
        self._actions["pause" if running else "resume"]()

    def _refresh(self, *_: Any) -> None:
        status, task = self._state.status, self._state.task
        busy = status in BUSY or bool(task)
        running = status == "training"
        self.train.disabled = busy
        self.pause.description = (
            "Pause" if running or status in ("idle", "stopping") else "Continue"
        )
        self.pause.disabled = bool(task) or status not in (
            "training",
            "paused",
            "done",
            "failed",
        )
        self.reset.disabled = bool(task)
        self.apply.disabled = busy or status not in ("done", "failed")

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._weight_links.close()
        self._links.close()
        close_tree(self.widget)


def own_weights(preset: Preset) -> Mapping[str, float]:
    """Losses whose weights can be set, and the preset's own weights."""
    if preset.name == "paper":  # It has one loss per feature map, by default two.
        return {"features 1": 1.0, "features 2": 1.0, **preset.loss_weights}
    return preset.loss_weights


def _scale_options(own: float) -> list[tuple[str, float]]:
    """Labels and values of the slider, among them the present value."""
    named = {-1.0: "auto", 0.0: "color only"}
    values = sorted({*named, *SCALES, own})
    return [(named.get(value, f"{value:g} px"), value) for value in values]
