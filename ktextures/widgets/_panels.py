"""Panels of settings and progress: widgets that read and set the state."""

import html
import io
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ipywidgets as w
import traitlets as t
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ktextures.palette import MAX_CLASSES
from ktextures.training.presets import Preset
from ktextures.widgets._state import (
    BUSY,
    MAX_SEED,
    MAX_STEPS,
    MAX_WEIGHT,
    PRESETS,
    ExplorerState,
    TrainingSettings,
)

__all__ = ["ControlsPanel", "Links", "Panel", "ProgressPanel", "close_tree"]

WIDE = {"width": "98%"}
LABELS = {"description_width": "150px"}
SCALES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0)
"""Texture scales in pixels to choose from."""

STEEP = 5.0
"""Ratio of largest to smallest loss above which the curve has a logarithmic axis."""

CURVE = "#4c8eda"
"""Visible on light and dark pages alike."""


class Panel(Protocol):
    """A part of the display."""

    widget: w.Widget

    def close(self) -> None:
        """Stop observing, and close the widgets."""


class Links:
    """What a panel observes, so that closing the panel can end all of it."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def observe(self, source: Any, handler: Callable[..., None], names: Any) -> None:
        """Observe traits until `close`."""
        source.observe(handler, names)
        self._ends.append(lambda: source.unobserve(handler, names))

    def click(self, button: w.Button, action: Callable[[], None]) -> None:
        """Call a function on every click until `close`."""

        def clicked(_: w.Button) -> None:
            action()

        button.on_click(clicked)
        self._ends.append(lambda: button.on_click(clicked, remove=True))

    def both(self, state: ExplorerState, name: str, widget: Any) -> None:
        """Keep a trait and a widget's value equal, beginning with the trait's."""
        widget.value = getattr(state, name)

        def to_state(change: Any) -> None:
            try:
                setattr(state, name, change["new"])
            except t.TraitError as error:
                widget.value = getattr(state, name)
                state.say(str(error))

        def to_widget(change: Any) -> None:
            widget.value = change["new"]

        self.observe(state, to_widget, name)
        self.observe(widget, to_state, "value")

    def close(self) -> None:
        """Stop observing."""
        for end in self._ends:
            end()
        self._ends.clear()


def close_tree(widget: w.Widget) -> None:
    """Close a widget, its children, and the layout and style of each."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    names = ("layout", "style", "default_style", "dragging_style")
    parts = [getattr(widget, name, None) for name in names]
    parts += getattr(widget, "controls", ())
    widget.close()
    for part in parts:
        if isinstance(part, w.Widget):
            part.close()


class ControlsPanel:
    """Settings, and the buttons that start and end tasks.

    Parameters
    ----------
    state : ExplorerState
    settings : TrainingSettings
        The source of each preset's loss weights.
    actions : dict of str to callable
        Called by the buttons: "train", "pause", "resume", "stop", "reset", "apply".
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
        self.stop = w.Button(description="Stop", disabled=True)
        self.reset = w.Button(description="Reset")
        self.apply = w.Button(description="Apply to full scene", disabled=True)
        for button in (self.train, self.pause, self.stop, self.reset):
            button.layout.width = "auto"
        self.apply.layout.width = "auto"
        self._links.click(self.train, actions["train"])
        self._links.click(self.pause, self._toggle)
        self._links.click(self.stop, actions["stop"])
        self._links.click(self.reset, actions["reset"])
        self._links.click(self.apply, actions["apply"])
        buttons = w.HBox(
            [self.train, self.pause, self.stop, self.reset, self.apply],
            layout=w.Layout(flex_flow="row wrap"),
        )
        self.widget = w.VBox([*self._fields(), buttons])
        self._links.observe(state, self._refresh, ["status", "applying"])
        self._refresh()

    def _fields(self) -> list[w.Widget]:
        state = self._state
        k = w.IntSlider(description="k", min=2, max=max(24, state.k), layout=WIDE)
        more_k = w.BoundedIntText(
            description=f"k (2-{MAX_CLASSES})", min=2, max=MAX_CLASSES
        )
        steps = w.BoundedIntText(description="steps", min=1, max=MAX_STEPS, step=50)
        preset = w.Dropdown(description="preset", options=list(PRESETS))
        seed = w.BoundedIntText(description="seed", min=-1, max=MAX_SEED)
        seed.tooltip = "-1 = random"

        def widen(change: Any) -> None:
            k.max = max(k.max, change["new"])

        self._links.observe(state, widen, "k")
        for name, widget in (
            ("k", k),
            ("k", more_k),
            ("steps", steps),
            ("preset", preset),
            ("seed", seed),
        ):
            self._links.both(state, name, widget)
        rows = [self._scale(), preset, seed, more_k, *self._learning()]
        advanced = w.Accordion([w.VBox(rows)], titles=["Advanced"])
        advanced.selected_index = None
        self.k = k
        return [k, steps, advanced]

    def _scale(self) -> w.SelectionSlider:
        """Slider of texture scales that differ visibly, and "auto"."""
        state = self._state
        slider = w.SelectionSlider(
            options=_scale_options(state.texture_scale),
            value=state.texture_scale,
            description="texture scale",
            layout=WIDE,
            style={"description_width": "90px"},
        )

        def to_widget(change: Any) -> None:
            if change["new"] not in [value for _, value in slider.options]:
                slider.options = _scale_options(change["new"])
            slider.value = change["new"]

        def to_state(change: Any) -> None:
            state.texture_scale = change["new"]

        self._links.observe(state, to_widget, "texture_scale")
        self._links.observe(slider, to_state, "value")
        self.scale = slider
        return slider

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
        status, applying = self._state.status, self._state.applying
        busy = status in BUSY or applying
        running = status == "training"
        self.train.disabled = busy
        self.stop.disabled = status not in ("training", "paused") and not applying
        self.stop.description = "Cancel" if applying else "Stop"
        self.pause.description = (
            "Pause" if running or status in ("idle", "stopping") else "Continue"
        )
        self.pause.disabled = applying or status not in (
            "training",
            "paused",
            "done",
            "failed",
        )
        self.reset.disabled = applying
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


class ProgressPanel:
    """Message, progress bar, loss curve, and the details of a failure."""

    def __init__(self, state: ExplorerState) -> None:
        self._state, self._links = state, Links()
        self.message = w.HTML()
        self.bar = w.FloatProgress(min=0, max=1, layout=WIDE)
        self.label = w.Label()
        self.curve = w.Image(format="png", layout=WIDE)
        self.curve.layout.display = "none"
        self.details = w.HTML()
        self.widget = w.VBox(
            [self.message, self.bar, self.label, self.curve, self.details]
        )
        self._links.observe(state, self._report, ["message", "status", "traceback"])
        self._links.observe(state, self._count, ["step", "goal", "pace", "progress"])
        self._links.observe(state, self._draw, "losses")
        self._drawn = 0.0
        self._report()
        self._count()
        self._draw()

    def _report(self, *_: Any) -> None:
        text = html.escape(self._state.message)
        failed = bool(self._state.traceback)
        mark = "&#9888; " if failed else ""
        self.message.value = f'<div role="status" aria-live="polite">{mark}{text}</div>'
        trace = html.escape(self._state.traceback)
        self.details.value = (
            f"<details><summary>Details</summary><pre>{trace}</pre></details>"
            if failed
            else ""
        )
        self.bar.bar_style = "danger" if failed else ""
        if self._state.status != "training":
            self._draw()

    def _count(self, *_: Any) -> None:
        state = self._state
        if state.applying:
            self.bar.value = state.progress
            self.label.value = f"{100 * state.progress:.0f} %"
            return
        self.bar.value = state.step / state.goal if state.goal else 0.0
        loss = f" · loss {state.losses[-1]:.3f}" if state.losses else ""
        pace = f" · {state.pace:.1f} steps/s" if state.pace > 0 else ""
        self.label.value = f"step {state.step} of {state.goal}{pace}{loss}"

    def _draw(self, *_: Any) -> None:
        losses = self._state.losses
        self.curve.layout.display = "none" if len(losses) < 2 else ""
        if len(losses) < 2:
            return
        running = self._state.status == "training"
        if running and time.monotonic() - self._drawn < 0.4:
            return
        self.curve.value = loss_curve(losses)
        self._drawn = time.monotonic()

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)


def loss_curve(losses: list[float]) -> bytes:
    """PNG of losses by step, readable on light and dark pages."""
    figure = Figure(figsize=(3.6, 1.2), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.15, 0.3, 0.82, 0.64))
    axes.plot(range(1, len(losses) + 1), losses, color=CURVE, linewidth=1.2)
    # On a linear axis all but the first steps would be flat.
    if 0 < STEEP * min(losses) < max(losses):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#888888")
    axes.tick_params(colors="#888888", labelsize=7)
    axes.set_xlabel("step", fontsize=7, color="#888888", labelpad=1)
    axes.set_ylabel("loss", fontsize=7, color="#888888", labelpad=1)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", transparent=True)
    return stream.getvalue()
