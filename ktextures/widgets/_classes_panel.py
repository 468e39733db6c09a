"""Panels of what the map shows: the view, and a row per class."""

import math
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as w
import numpy as np

from ktextures.errors import InputError
from ktextures.rendering import rgba_png
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._panels import WIDE, Links, close_tree
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ClassRow, ExplorerState

__all__ = ["ClassesPanel", "ViewPanel"]

THUMBNAIL = 28


class Row:
    """Widgets of one class."""

    def __init__(self, value: int, panel: "ClassesPanel") -> None:
        self.value, self._links = value, Links()
        self._panel = panel
        size = f"{THUMBNAIL}px"
        self.pick = w.Checkbox(indent=False, layout=w.Layout(width="24px"))
        self.pick.tooltip = "select for merging"
        self.color = w.ColorPicker(concise=True, layout=w.Layout(width="30px"))
        self.texture = w.Image(
            format="png", layout=w.Layout(width=size, height=size, min_width=size)
        )
        self.name = w.Text(
            continuous_update=False, layout=w.Layout(width="90px", flex="1 1 90px")
        )
        self.size = w.Label(layout=w.Layout(flex="0 0 130px"))
        self.visible = w.Checkbox(
            value=True, indent=False, layout=w.Layout(width="24px")
        )
        self.visible.tooltip = "show on the map"
        self.solo = w.ToggleButton(description="solo", layout=w.Layout(flex="0 0 54px"))
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
            area = f"{row.area_ha:,.{1 if row.area_ha >= 10 else 2}f} ha"
        self.size.value = f"{share} · {area}"
        self.visible.value = row.value not in hidden
        self.solo.value = k > 1 and hidden == frozenset(range(1, k + 1)) - {row.value}

    def _renamed(self, change: Any) -> None:
        self._panel.attempt(lambda book: book.rename(self.value, change["new"]))

    def _recolored(self, change: Any) -> None:
        self._panel.attempt(lambda book: book.recolor(self.value, change["new"]))

    def _shown(self, change: Any) -> None:
        state = self._panel.state
        mine = frozenset({self.value})
        state.hidden = state.hidden - mine if change["new"] else state.hidden | mine

    def _alone(self, change: Any) -> None:
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


class ClassesPanel:
    """The classes shown, to rename, recolor, hide and merge.

    Parameters
    ----------
    state : ExplorerState
    book : ClassBook
    preview : Preview
        Thumbnails are stretched like it.
    """

    def __init__(self, state: ExplorerState, book: ClassBook, preview: Preview) -> None:
        self.state, self._book, self._preview = state, book, preview
        self._links, self.rows = Links(), list[Row]()
        self._filler: int | None = None
        self.merge = w.Button(description="Merge selected")
        self.undo = w.Button(description="Undo")
        self.merge.layout.width = self.undo.layout.width = "auto"
        self._links.click(self.merge, self._merge)
        self._links.click(self.undo, self._undo)
        self._list = w.VBox(
            [], layout=w.Layout(max_height="330px", overflow="hidden auto")
        )
        self.widget = w.VBox([w.HBox([self.merge, self.undo]), self._list])
        self._links.observe(state, self._refresh, ["classes", "hidden"])
        self._links.observe(state, self._draw, "version")
        self._refresh()
        self._draw()

    def attempt(self, change: Callable[[ClassBook], Any]) -> None:
        """Change a class; if that fails, say why and show the class as it was."""
        if self._filler == threading.get_ident():
            return  # The state has changed, not the user.
        try:
            change(self._book)
        except InputError as error:
            self.state.say(str(error))
            self._refresh()

    def _refresh(self, *_: Any) -> None:
        # Locked, because the worker thread and a click may both get here.
        with self.state.lock:
            classes = self.state.classes
            if len(classes) != len(self.rows):
                for row in self.rows[len(classes) :]:
                    row.close()
                del self.rows[len(classes) :]
                for value in range(len(self.rows) + 1, len(classes) + 1):
                    self.rows.append(Row(value, self))
                self._list.children = tuple(row.widget for row in self.rows)
                self._draw()
            self._filler = threading.get_ident()
            try:
                for row, each in zip(self.rows, classes, strict=True):
                    row.fill(each, self.state.hidden, len(classes))
            finally:
                self._filler = None

    def _draw(self, *_: Any) -> None:
        with self.state.lock:
            snapshot, mapping = self.state.snapshot, self.state.mapping
            if snapshot is None or len(mapping) != len(snapshot.textures):
                return
            for row in self.rows:
                if row.value in mapping:
                    texture = snapshot.textures[mapping.index(row.value)]
                    part = np.asarray(texture[:64, :64])
                    row.texture.value = rgba_png(self._preview.picture(part))

    def _merge(self) -> None:
        picked = [row.value for row in self.rows if row.pick.value]
        for row in self.rows:
            row.pick.value = False
        self.attempt(lambda book: book.merge(picked))

    def _undo(self) -> None:
        if not self._book.undo():
            self.state.say("There is nothing to undo.")

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        for row in self.rows:
            row.close()
        self.rows.clear()
        close_tree(self.widget)


class ViewPanel:
    """Choice of what the map shows.

    Parameters
    ----------
    state : ExplorerState
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state, self._links = state, Links()
        names = {
            "Classes": "classes",
            "Single mask": "mask",
            "Simulated image": "simulated",
            "Single texture": "textures",
            "Confidence": "confidence",
        }
        self.view = w.Dropdown(description="show", options=list(names.items()))
        self.chosen = w.Dropdown(description="class", options=[("class 1", 1)])
        self.opacity = w.FloatSlider(
            description="opacity", min=0, max=1, step=0.05, layout=WIDE
        )
        self.split = w.Checkbox(description="split view with image", indent=False)
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
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)
