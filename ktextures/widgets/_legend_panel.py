"""Panel that assigns classes to a legend, below the list of classes."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ipywidgets as w

from ktextures.errors import KTexturesError
from ktextures.widgets._legends import entry_of
from ktextures.widgets._links import Links, close_tree, unlabeled
from ktextures.widgets._state import ExplorerState

__all__ = ["Assigning", "LegendPanel"]

NONE = "no entry"


class Assigning(Protocol):
    """What the explorer does with its legend."""

    def assign(self, values: Sequence[int], name: str | None) -> None:
        """Assign classes to an entry."""

    def use_legend(self, source: object) -> None:
        """Take a legend from a file."""

    def save_legend(self, path: str) -> None:
        """Save it."""


class LegendPanel:
    """One drop-down per class, and buttons that assign the classes selected.

    Parameters
    ----------
    state : ExplorerState
    assigning : Assigning
    picked : callable
        Class values that are selected in the list of classes.
    """

    def __init__(
        self,
        state: ExplorerState,
        assigning: Assigning,
        picked: Callable[[], list[int]],
    ) -> None:
        self._state, self._assigning, self._picked = state, assigning, picked
        self._links, self._filling = Links(), False
        self.entries: list[w.Dropdown] = []
        self._entry_links: list[Links] = []
        self.widget = w.VBox(self._controls())
        self._links.observe(state, self._fill, ["table", "classes"])
        self._links.both(state, "by_legend", self.by_legend)
        self._fill()

    def _controls(self) -> list[w.Widget]:
        self.name = unlabeled(
            w.Combobox(placeholder="name", layout=w.Layout(width="130px")),
            "entry of the legend",
            "a name of the legend, or a new one",
        )
        self.assign = self._button("Assign selected", self._assign_selected)
        self.by_legend = w.Checkbox(description="legend colors", indent=False)
        self.by_legend.layout.width = "auto"
        self.path = unlabeled(
            w.Text("legend.csv", layout=w.Layout(width="130px")),
            "file of the legend",
            "CSV file with name, color, and code, or a QGIS style (*.qml)",
        )
        self.load = self._button("Load legend", self._load)
        self.save = self._button("Save legend", self._save)
        self.list = w.VBox(
            [], layout=w.Layout(max_height="200px", overflow="hidden auto")
        )
        wrap = w.Layout(flex_flow="row wrap", align_items="center")
        return [
            w.HTML("<small>Assign the classes selected to a legend:</small>"),
            w.HBox([self.name, self.assign, self.by_legend], layout=wrap),
            self.list,
            w.HBox([self.path, self.load, self.save], layout=wrap),
        ]

    def _button(self, text: str, action: Callable[[], None]) -> w.Button:
        return self._links.button(text, lambda: self._attempt(action))

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something; if that fails, say why and show what there is."""
        try:
            action()
        except (KTexturesError, OSError) as error:
            self._state.say(str(error))
            self._fill()

    def _assign_selected(self) -> None:
        self._assigning.assign(self._picked(), self.name.value or None)

    def _load(self) -> None:
        self._assigning.use_legend(self.path.value)

    def _save(self) -> None:
        self._assigning.save_legend(self.path.value)

    def _fill(self, *_: Any) -> None:
        """Show the entry of each class, if there is a legend."""
        # Locked, because the worker thread and a click may both get here.
        with self._state.lock:
            table, known = self._state.table, bool(self._state.classes)
            legend = table.legend
            names = () if legend is None else legend.names
            self.name.options = names
            self.by_legend.disabled = legend is None
            count = table.k if legend is not None and known else 0
            if count != len(self.entries):
                self._make(count)
            self._filling = True
            try:
                options = [NONE, *names]
                for value, entry in enumerate(self.entries, 1):
                    chosen = entry_of(table, value) or NONE
                    if list(entry.options) != options:
                        entry.options = options
                    entry.value = chosen
                    entry.description = f"{value}: {table.names[value - 1]}"
            finally:
                self._filling = False

    def _make(self, count: int) -> None:
        self._close_entries()
        for value in range(1, count + 1):
            entry = w.Dropdown(
                options=[NONE],
                style={"description_width": "150px"},
                layout=w.Layout(width="330px"),
            )
            links = Links()
            links.observe(entry, self._chooser(value), "value")
            self.entries.append(entry)
            self._entry_links.append(links)
        self.list.children = tuple(self.entries)

    def _chooser(self, value: int) -> Callable[[Any], None]:
        def choose(change: Any) -> None:
            if not self._filling:
                name = None if change["new"] == NONE else change["new"]
                self._attempt(lambda: self._assigning.assign([value], name))

        return choose

    def _close_entries(self) -> None:
        self.list.children = ()
        for links, entry in zip(self._entry_links, self.entries, strict=True):
            links.close()
            close_tree(entry)
        self.entries, self._entry_links = [], []

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        self._close_entries()
        close_tree(self.widget)
