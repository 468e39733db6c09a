"""Panel of the hints: which class to point at, and the list of what was pointed at."""

import html
from collections.abc import Callable
from typing import Any, Protocol

import ipyleaflet as leaflet
import ipywidgets as w
import numpy as np

from ktextures.errors import KTexturesError
from ktextures.hints.geometry import positions
from ktextures.hints.hint import Hint
from ktextures.widgets._hint_book import HintBook
from ktextures.widgets._links import Links, close_tree, unlabeled
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

__all__ = ["HintsPanel", "Steering"]

LISTED = 50
"""Hints that are listed; of more, the latest."""

KINDS = {"Point": "point", "LineString": "line", "Polygon": "polygon"}

TOLD = (
    "<small>Choose a class, press <b>Place hints</b>, and click the map where it is "
    "right, or draw an outline with the tools of the map. The model follows each hint "
    "within seconds.</small>"
)


class Steering(Protocol):
    """What the explorer does with hints."""

    def remove_hint(self, index: int) -> None:
        """Remove one."""

    def clear_hints(self) -> None:
        """Remove all."""

    def load_hints(self, source: object) -> None:
        """Add those of a file."""

    def save_hints(self, path: str) -> None:
        """Save them."""

    def suggest(self) -> None:
        """Show where one would help most."""


class HintRow:
    """One hint in the list."""

    def __init__(self, index: int, panel: "HintsPanel") -> None:
        self._links, self.index = Links(), index
        self.label = w.HTML(layout=w.Layout(flex="1 1 150px"))
        self.move = self._links.button("Move", lambda: panel.move(self.index))
        self.move.tooltip = f"move hint {index + 1}: click the map where it shall be"
        self.delete = self._links.button("Delete", lambda: panel.delete(self.index))
        self.delete.tooltip = f"delete hint {index + 1}"
        center = w.Layout(align_items="center")
        self.widget = w.HBox([self.label, self.move, self.delete], layout=center)

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)


class HintsPanel:
    """Controls of the hints.

    Parameters
    ----------
    state : ExplorerState
    book : HintBook
    preview : Preview
    steering : Steering
    """

    def __init__(
        self,
        state: ExplorerState,
        book: HintBook,
        preview: Preview,
        steering: Steering,
    ) -> None:
        self._state, self._book, self._preview = state, book, preview
        self._steering, self._links = steering, Links()
        self._map: leaflet.Map | None = None
        self.rows: list[HintRow] = []
        self.widget = w.VBox([w.HTML(TOLD), *self._controls()])
        self._links.observe(state, self._name_classes, "table")
        self._links.observe(state, self._list, ["hints", "table", "mapping"])
        self._links.observe(state, self._allow, ["status", "task"])
        self._links.observe(state, self._show_suggested, "task")
        self._name_classes()
        self._links.both(state, "hint_class", self.chosen)
        self._links.both(state, "hinting", self.placing)
        self._links.both(state, "hints_visible", self.visible)
        self._list()
        self._allow()

    def _controls(self) -> list[w.Widget]:
        self.chosen = w.Dropdown(
            description="class",
            options=[("class 1", 1)],
            style={"description_width": "40px"},
            layout=w.Layout(width="190px"),
        )
        self.placing = w.ToggleButton(description="Place hints")
        self.placing.layout.width = "auto"
        self.placing.tooltip = "clicks on the map, and what you draw, become hints"
        self.next = self._button("Where next?", self._steering.suggest)
        self.next.tooltip = "move the map where a hint would help most"
        self.count = w.HTML()
        self.list = w.VBox([], layout=w.Layout(max_height="260px", overflow="auto"))
        self.visible = w.Checkbox(description="show on the map", indent=False)
        self.visible.layout.width = "auto"
        self.clear = self._button("Delete all", self._steering.clear_hints)
        self.path = unlabeled(
            w.Text("hints.geojson", layout=w.Layout(width="170px")),
            "file of hints",
            "GeoJSON file",
        )
        self.load = self._button("Import", self._load)
        self.save = self._button("Export", self._save)
        wrap = w.Layout(flex_flow="row wrap", align_items="center", grid_gap="6px")
        return [
            w.HBox([self.chosen, self.placing, self.next], layout=wrap),
            w.HBox([self.count, self.visible, self.clear], layout=wrap),
            self.list,
            w.HBox([self.path, self.load, self.save], layout=wrap),
        ]

    def _button(self, text: str, action: Callable[[], None]) -> w.Button:
        return self._links.button(text, lambda: self._attempt(action))

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something; if that fails, say why."""
        try:
            action()
        except (KTexturesError, OSError) as error:
            self._state.say(str(error))

    def follow(self, target: leaflet.Map) -> None:
        """Move this map to suggested places, and no longer another one."""
        self._map = target

    def move(self, index: int) -> None:
        """Let the next click on the map move a hint."""
        self._state.moving = index
        self._state.say(f"Click the map where hint {index + 1} shall be.")

    def delete(self, index: int) -> None:
        """Delete a hint."""
        self._attempt(lambda: self._steering.remove_hint(index))

    def _load(self) -> None:
        self._steering.load_hints(self.path.value)

    def _save(self) -> None:
        self._steering.save_hints(self.path.value)

    def _name_classes(self, *_: Any) -> None:
        names = self._state.table.names
        options = [(f"{v}: {name}", v) for v, name in enumerate(names, 1)]
        if list(self.chosen.options) != options:
            kept = min(self._state.hint_class, len(options))
            self.chosen.options = options
            self._state.hint_class = self.chosen.value = kept

    def _list(self, *_: Any) -> None:
        # Locked, because the worker thread and a click may both get here.
        with self._state.lock:
            hints, table = self._state.hints, self._state.table
            first = max(len(hints) - LISTED, 0)
            shown = list(range(first, len(hints)))
            if [row.index for row in self.rows] != shown:
                for row in self.rows:
                    row.close()
                self.rows = [HintRow(index, self) for index in shown]
                self.list.children = tuple(row.widget for row in self.rows)
            for row in self.rows:
                value = self._book.value_of(hints[row.index])
                known = 1 <= value <= table.k
                name = f"{value}: {table.names[value - 1]}" if known else "nodata"
                color = table.colors[value - 1] if known else "transparent"
                row.label.value = _described(row.index, hints[row.index], name, color)
        more = f", the last {LISTED} listed" if first else ""
        one = "hint" if len(hints) == 1 else "hints"
        self.count.value = f"{len(hints)} {one}{more}"

    def _allow(self, *_: Any) -> None:
        self.next.disabled = self._state.busy

    def _show_suggested(self, change: Any) -> None:
        """Move the map to the place that was suggested."""
        place = self._state.place
        if change["old"] != "suggest" or self._map is None or place is None:
            return
        self._map.center = self._preview.position(*place)

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        for row in self.rows:
            row.close()
        self.rows = []
        self._map = None
        close_tree(self.widget)


def _described(index: int, hint: Hint, name: str, color: str) -> str:
    """HTML of a hint in the list."""
    kind = KINDS.get(hint.geometry["type"], "places")
    x, y = np.mean(positions(hint.geometry), 0)
    where = f"row {y:.0f}, column {x:.0f}" if hint.crs is None else f"{y:.5f}, {x:.5f}"
    swatch = (
        f'<span style="display: inline-block; width: 1em; height: 1em; '
        f'background: {color}; border: 1px solid"></span>'
    )
    text = f"{index + 1}. {swatch} <b>{html.escape(name)}</b> · {kind} at {where}"
    return f"<small>{text}</small>"
