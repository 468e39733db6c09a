"""The bar above the map that chooses what it shows."""

from typing import Any

import ipywidgets as w

from ktextures.widgets._links import Links, close_tree
from ktextures.widgets._state import ExplorerState

__all__ = ["ViewPanel"]


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
        auto = {"width": "auto"}
        self.view = w.Dropdown(
            description="show",
            options=list(names.items()),
            style={"description_width": "40px"},
            layout=w.Layout(width="170px"),
        )
        self.chosen = w.Dropdown(
            description="class",
            options=[("class 1", 1)],
            style={"description_width": "40px"},
            layout=w.Layout(width="150px"),
        )
        # Not a slider: its handle would have no name for screen readers.
        self.opacity = w.BoundedFloatText(
            description="opacity",
            min=0,
            max=1,
            step=0.1,
            style={"description_width": "52px"},
            layout=w.Layout(width="120px"),
        )
        self.split = w.Checkbox(
            description="split with image", indent=False, layout=auto
        )
        self.within = w.Checkbox(
            description="only this class", indent=False, layout=auto
        )
        self._links.observe(state, self._list, ["table", "view", "within"])
        self._list()
        for name in ("view", "chosen", "opacity", "split", "within"):
            self._links.both(state, name, getattr(self, name))
        self.widget = w.HBox(
            [self.view, self.opacity, self.split, self.within, self.chosen],
            layout=w.Layout(flex_flow="row wrap", align_items="center", grid_gap="8px"),
        )

    def _list(self, *_: Any) -> None:
        names = self._state.table.names
        options = [(f"{v}: {name}", v) for v, name in enumerate(names, 1)]
        if list(self.chosen.options) != options:
            kept = min(self._state.chosen, len(options))
            self.chosen.options = options
            self._state.chosen = self.chosen.value = kept
        single = self._state.view in ("mask", "textures") or self._state.within
        # Not removed, which would move the map.
        self.chosen.layout.visibility = "visible" if single else "hidden"

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)
