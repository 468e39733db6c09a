"""Panels of progress: what is happening, with Stop, and the loss curve."""

import html
import io
import time
from collections.abc import Callable
from typing import Any

import ipywidgets as w
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ktextures.widgets._links import WIDE, Links, close_tree, picture
from ktextures.widgets._state import ExplorerState

__all__ = ["CurvePanel", "StatusPanel"]

STEEP = 5.0
"""Ratio of largest to smallest loss above which the curve has a logarithmic axis."""

CURVE = "#4c8eda"
"""Visible on light and dark pages alike."""


class StatusPanel:
    """Message, progress bar, Stop, and the details of a failure.

    Parameters
    ----------
    state : ExplorerState
    stop : callable
        Called by the button.
    """

    def __init__(self, state: ExplorerState, stop: Callable[[], None]) -> None:
        self._state, self._links = state, Links()
        self.message = w.HTML()
        self.bar = w.FloatProgress(
            min=0, max=1, layout=w.Layout(flex="1 1 auto", width="auto")
        )
        self.bar.tooltip = "progress"
        self.stop = w.Button(description="Stop", disabled=True)
        self.stop.layout.width = "auto"
        self.label = w.Label()
        self.details = w.HTML()
        row = w.HBox([self.bar, self.stop], layout=w.Layout(align_items="center"))
        self.widget = w.VBox([self.message, row, self.label, self.details])
        self._links.click(self.stop, stop)
        self._links.observe(state, self._report, ["message", "status", "traceback"])
        counted = ["step", "goal", "pace", "progress", "task", "losses"]
        self._links.observe(state, self._count, counted)
        self._links.observe(state, self._allow, ["status", "task"])
        self._report()
        self._count()
        self._allow()

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

    def _allow(self, *_: Any) -> None:
        state = self._state
        self.stop.disabled = not state.task and state.status not in (
            "training",
            "paused",
        )

    def _count(self, *_: Any) -> None:
        state = self._state
        if state.task:
            self.bar.value = state.progress
            self.label.value = f"{100 * state.progress:.0f} %"
            return
        self.bar.value = state.step / state.goal if state.goal else 0.0
        loss = f" · loss {state.losses[-1]:.3f}" if state.losses else ""
        pace = f" · {state.pace:.1f} steps/s" if state.pace > 0 else ""
        self.label.value = f"step {state.step} of {state.goal}{pace}{loss}"

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)


class CurvePanel:
    """The losses of the training so far."""

    def __init__(self, state: ExplorerState) -> None:
        self._state, self._links = state, Links()
        self.widget = w.HTML(layout=WIDE)
        self._links.observe(state, self._draw, "losses")
        self._links.observe(state, self._finish, "status")
        self._drawn = 0.0
        self._draw()

    def _finish(self, *_: Any) -> None:
        if self._state.status != "training":
            self._draw()

    def _draw(self, *_: Any) -> None:
        losses = self._state.losses
        if len(losses) < 2:
            self.widget.value = ""
            return
        running = self._state.status == "training"
        if running and time.monotonic() - self._drawn < 0.4:
            return
        self.widget.value = picture(
            loss_curve(losses),
            f"Loss by step, from {losses[0]:.3g} to {losses[-1]:.3g}",
        )
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
