"""One row per class: name, color, texture, size, and what is shown of it."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as w

from ktextures.widgets._classes import ClassBook
from ktextures.widgets._links import Links, close_tree, unlabeled
from ktextures.widgets._state import ClassRow, ExplorerState

__all__ = ["Row"]

THUMBNAIL = 28


def decimals(hectares: float) -> int:
    """Digits behind the point of an area."""
    return 0 if hectares >= 1000 else 1 if hectares >= 10 else 2


class Owner(Protocol):
    """The panel that rows are in."""

    state: ExplorerState

    @property
    def filling(self) -> bool:
        """Whether rows change because the state did, not because of the user."""

    def attempt(self, change: Callable[[ClassBook], Any]) -> None:
        """Change a class; if that fails, say why and show the class as it was."""


class Row:
    """Widgets of one class."""

    def __init__(self, value: int, panel: Owner) -> None:
        self.value, self._links = value, Links()
        self._panel = panel
        size = f"{THUMBNAIL}px"
        self.pick = unlabeled(
            w.Checkbox(indent=False, layout=w.Layout(width="24px")),
            f"select class {value}",
        )
        self.color = unlabeled(
            w.ColorPicker(layout=w.Layout(width="88px")),
            f"color of class {value}",
        )
        self.texture = w.Image(
            format="png", layout=w.Layout(width=size, height=size, min_width=size)
        )
        self.name = unlabeled(
            w.Text(
                continuous_update=False, layout=w.Layout(width="66px", flex="1 1 66px")
            ),
            f"name of class {value}",
        )
        self.size = w.Label(layout=w.Layout(flex="0 0 116px"))
        self.visible = unlabeled(
            w.Checkbox(value=True, indent=False, layout=w.Layout(width="24px")),
            f"show class {value} on the map",
        )
        self.solo = w.ToggleButton(description="solo", layout=w.Layout(flex="0 0 42px"))
        self.solo.tooltip = f"show only class {value}"
        self.widget = w.HBox(
            [
                self.pick,
                self.color,
                self.texture,
                self.name,
                self.size,
                self.visible,
                self.solo,
            ],
            layout=w.Layout(align_items="center"),
        )
        self.widget.add_class("ktextures-row")
        self._links.observe(self.name, self._renamed, "value")
        self._links.observe(self.color, self._recolored, "value")
        self._links.observe(self.visible, self._shown, "value")
        self._links.observe(self.solo, self._alone, "value")

    def fill(self, row: ClassRow, hidden: frozenset[int], k: int) -> None:
        """Show a class."""
        self.color.value, self.name.value = row.color, row.name
        share = "" if math.isnan(row.share) else f"{100 * row.share:.1f} %"
        area = f"{row.pixels:,} px"
        if not math.isnan(row.area_ha):
            area = f"{row.area_ha:,.{decimals(row.area_ha)}f} ha"
        self.size.value = f"{share} · {area}"
        self.visible.value = row.value not in hidden
        self.solo.value = k > 1 and hidden == frozenset(range(1, k + 1)) - {row.value}

    def _renamed(self, change: Any) -> None:
        self._panel.attempt(lambda book: book.rename(self.value, change["new"]))

    def _recolored(self, change: Any) -> None:
        self._panel.attempt(lambda book: book.recolor(self.value, change["new"]))

    def _shown(self, change: Any) -> None:
        if self._panel.filling:
            return
        state = self._panel.state
        mine = frozenset({self.value})
        state.hidden = state.hidden - mine if change["new"] else state.hidden | mine

    def _alone(self, change: Any) -> None:
        if self._panel.filling:
            return
        state = self._panel.state
        others = frozenset(range(1, state.table.k + 1)) - {self.value}
        if change["new"]:
            state.hidden = others
        elif state.hidden == others:
            state.hidden = frozenset()

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)
