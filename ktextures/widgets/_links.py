"""What panels share: links between state and widgets that can be ended."""

import html
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as w
import traitlets as t

from ktextures.rendering import data_url
from ktextures.widgets._state import ExplorerState

__all__ = ["NAMED", "WIDE", "Links", "Panel", "close_tree", "picture", "unlabeled"]

WIDE = {"width": "98%"}

NAMED = "ktextures-named"
"""CSS class of controls whose description is for screen readers only."""


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

    def button(self, text: str, action: Callable[[], None]) -> w.Button:
        """A button as wide as its text that calls a function until `close`."""
        made = w.Button(description=text, layout=w.Layout(width="auto"))
        self.click(made, action)
        return made

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


def unlabeled(widget: Any, name: str, hint: str = "") -> Any:
    """Give a control a name that only screen readers see, and a tooltip.

    Parameters
    ----------
    widget : DOMWidget
        With a description.
    name : str
    hint : str
        Tooltip; the name by default.
    """
    widget.description, widget.tooltip = name, hint or name
    widget.add_class(NAMED)
    return widget


def picture(png: bytes, text: str) -> str:
    """HTML of a picture as wide as its panel, with a text for those who cannot see."""
    url, alt = html.escape(data_url(png)), html.escape(text)
    return f'<img src="{url}" alt="{alt}" style="width: 100%; display: block">'
