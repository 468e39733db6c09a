"""Controls and progress: widgets that read and set the state."""

import html
import io
import time
from collections.abc import Callable
from typing import Any

import ipywidgets as w
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ktextures.widgets._state import BUSY, ExplorerState

__all__ = ["ControlsPanel", "Links", "ProgressPanel", "ViewPanel", "close_tree"]

WIDE = {"width": "98%"}
LABELS = {"description_width": "150px"}
LOSSES = {
    "default": {"dictionary": 1.0, "imitation": 0.3},
    "paper": {"features 1": 1.0, "features 2": 1.0},
}
"""Losses whose weights can be set, and the preset's own weights."""

SCALES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0)
"""Texture scales in pixels to choose from."""

STEEP = 5.0
"""Ratio of losses from which they are drawn by their logarithm."""

CURVE = "#4c8eda"
"""Stands out from light and dark pages alike."""


class Links:
    """What a panel observes, so that closing it ends all of it."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def observe(self, source: Any, handler: Callable[..., None], names: Any) -> None:
        """Observe traits until `close`."""
        source.observe(handler, names)
        self._ends.append(lambda: source.unobserve(handler, names))

    def click(self, button: w.Button, action: Callable[[], None]) -> None:
        """Do something at each click until `close`."""

        def clicked(_: w.Button) -> None:
            action()

        button.on_click(clicked)
        self._ends.append(lambda: button.on_click(clicked, remove=True))

    def both(self, state: ExplorerState, name: str, widget: Any) -> None:
        """Keep a trait and a widget's value the same, the state's first."""
        widget.value = getattr(state, name)

        def to_state(change: Any) -> None:
            setattr(state, name, change["new"])

        def to_widget(change: Any) -> None:
            widget.value = change["new"]

        self.observe(state, to_widget, name)
        self.observe(widget, to_state, "value")

    def close(self) -> None:
        """Undo all."""
        for end in self._ends:
            end()
        self._ends.clear()


def close_tree(widget: w.Widget) -> None:
    """Close a widget and all it holds; each also keeps a layout and a style."""
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
    """Settings, and the buttons that start and end things.

    Parameters
    ----------
    state : ExplorerState
    actions : dict of str to callable
        "train", "pause", "resume", "stop", "reset", "apply".
    """

    def __init__(
        self, state: ExplorerState, actions: dict[str, Callable[[], None]]
    ) -> None:
        self._state, self._actions = state, actions
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
        self.widget = w.VBox([*self._settings(), buttons])
        self._links.observe(state, self._refresh, ["status", "applying", "frame"])
        self._refresh()

    def _settings(self) -> list[w.Widget]:
        state = self._state
        k = w.IntSlider(description="k", min=2, max=max(24, state.k), layout=WIDE)
        more_k = w.BoundedIntText(description="k up to 128", min=2, max=128)
        steps = w.BoundedIntText(description="steps", min=1, max=1_000_000, step=50)
        preset = w.Dropdown(description="preset", options=["default", "paper"])
        seed = w.BoundedIntText(description="seed", min=-1, max=2**31 - 1)
        seed.tooltip = "-1 = draw one"

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
        """Texture scale, by steps that are seen, or left to the training."""
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
        note = w.HTML("<small>learning rate: 0 = the preset's own</small>")
        self.rate, self.weights = rate, w.VBox()

        def fill(*_: Any) -> None:
            self._weight_links.close()
            for old in self.weights.children:
                close_tree(old)
            own = LOSSES[state.preset].items()
            self.weights.children = [self._weight(name, value) for name, value in own]

        def begin_anew(*_: Any) -> None:
            state.loss_weights = {}
            fill()

        self._links.observe(state, begin_anew, "preset")
        fill()
        return [rate, note, self.weights]

    def _weight(self, name: str, own: float) -> w.BoundedFloatText:
        state = self._state
        field = w.BoundedFloatText(
            state.loss_weights.get(name, own),
            description=f"weight of {name}",
            min=0,
            max=1e6,
            step=0.1,
            style=LABELS,
        )

        def changed(change: Any) -> None:
            others = {k: v for k, v in state.loss_weights.items() if k != name}
            new = change["new"]
            state.loss_weights = others if new == own else {**others, name: new}

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
        """End it."""
        self._weight_links.close()
        self._links.close()
        close_tree(self.widget)


def _scale_options(own: float) -> list[tuple[str, float]]:
    """Labels and values, with one of the reader's own among them."""
    named = {-1.0: "auto", 0.0: "color only"}
    values = sorted({*named, *SCALES, own})
    return [(named.get(value, f"{value:g} px"), value) for value in values]


class ProgressPanel:
    """Where the training is: message, bar, pace, loss curve, and what went wrong."""

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
        self._links.observe(state, self._say, ["message", "status", "traceback"])
        self._links.observe(state, self._count, ["step", "goal", "pace", "progress"])
        self._links.observe(state, self._draw, "losses")
        self._drawn = 0.0
        self._say()
        self._count()
        self._draw()

    def _say(self, *_: Any) -> None:
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
        """End it."""
        self._links.close()
        close_tree(self.widget)


def loss_curve(losses: list[float]) -> bytes:
    """PNG of losses over steps, readable on light and dark pages."""
    figure = Figure(figsize=(3.6, 1.2), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.15, 0.3, 0.82, 0.64))
    axes.plot(range(1, len(losses) + 1), losses, color=CURVE, linewidth=1.2)
    if 0 < STEEP * min(losses) < max(losses):  # else all but the first steps were flat
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


class ViewPanel:
    """What the map shows.

    Parameters
    ----------
    state : ExplorerState
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state, self._links = state, Links()
        names = {
            "Classes": "classes",
            "One mask": "mask",
            "Simulated image": "simulated",
            "One texture": "textures",
            "Confidence": "margin",
        }
        self.view = w.Dropdown(description="show", options=list(names.items()))
        self.chosen = w.Dropdown(description="class", options=[("class 1", 1)])
        self.opacity = w.FloatSlider(
            description="opacity", min=0, max=1, step=0.05, layout=WIDE
        )
        self.split = w.Checkbox(description="split with the image", indent=False)
        self._links.observe(state, self._list, ["table", "view"])
        self._list()
        for name in ("view", "chosen", "opacity", "split"):
            self._links.both(state, name, getattr(self, name))
        self.widget = w.VBox([self.view, self.chosen, self.opacity, self.split])

    def _list(self, *_: Any) -> None:
        names = self._state.table.names
        options = [(f"{v}: {name}", v) for v, name in enumerate(names, 1)]
        if list(self.chosen.options) != options:
            kept = min(self._state.chosen, len(options))
            self.chosen.options = options
            self._state.chosen = self.chosen.value = kept
        single = self._state.view in ("mask", "textures")
        self.chosen.layout.display = "" if single else "none"

    def close(self) -> None:
        """End it."""
        self._links.close()
        close_tree(self.widget)
