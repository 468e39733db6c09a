"""Panel that writes results to files: what, where to, and which paths came of it."""

import html
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as w

from ktextures.errors import KTexturesError
from ktextures.widgets._links import Links, close_tree
from ktextures.widgets._state import ExplorerState

__all__ = ["ExportPanel"]

LABELS = {
    "classes": ("class map", "GeoTIFF with names and colors, and a QGIS style"),
    "masks": ("masks", "GeoTIFF with one band for each class"),
    "simulated": ("simulated image", "GeoTIFF in the units of the scene"),
    "confidence": ("confidence", "GeoTIFF, lead of the first class over the second"),
    "polygons": ("polygons", "GeoPackage with names, colors, areas, and a QGIS style"),
    "areas": ("areas", "CSV table of the areas of the classes"),
    "map": ("map figure", "PNG with legend, north arrow, and scale bar"),
    "overview": ("overview figure", "PNG with image, classes, and textures"),
    "model": ("model", "to segment other scenes, with the names of the classes"),
    "stac": ("STAC item", "JSON that describes the files"),
}
"""Label and tooltip of each product."""


class ExportPanel:
    """Check boxes for the products, their settings, and the button.

    Parameters
    ----------
    state : ExplorerState
    export : callable
        Called by the button.
    """

    def __init__(self, state: ExplorerState, export: Callable[[], None]) -> None:
        self._state, self._export = state, export
        self._links, self._filling = Links(), False
        self.products = {key: self._box(*LABELS[key]) for key in LABELS}
        self.fields = self._fields()
        self.export = self._links.button("Write files", self._start)
        self.paths = w.HTML()
        grid = w.GridBox(
            list(self.products.values()),
            layout=w.Layout(grid_template_columns="repeat(2, minmax(0, 1fr))"),
        )
        self.widget = w.VBox([grid, *self.fields.values(), self.export, self.paths])
        for key, box in self.products.items():
            self._links.observe(box, self._picked(key), "value")
        for key, field in self.fields.items():
            self._links.observe(field, self._changed(key), "value")
        self._links.observe(state, self._fill, "export")
        self._links.observe(state, self._list, "exported")
        self._links.observe(state, self._allow, ["status", "task", "snapshot"])
        self._fill()
        self._list()
        self._allow()

    def _box(self, text: str, hint: str) -> w.Checkbox:
        box = w.Checkbox(description=text, indent=False, tooltip=hint)
        box.layout.width = "auto"
        return box

    def _fields(self) -> dict[str, Any]:
        wide = {
            "style": {"description_width": "110px"},
            "layout": w.Layout(width="330px"),
        }
        return {
            "folder": w.Text(
                description="folder", tooltip="Created if necessary", **wide
            ),
            "name": w.Text(
                description="file names",
                placeholder="beginning, such as north",
                tooltip="What the names of the files begin with",
                **wide,
            ),
            "min_area": w.Text(
                description="smallest area",
                placeholder="0.5 ha, or pixels",
                tooltip="Smaller areas are merged into their neighbors",
                **wide,
            ),
            "simplify": w.BoundedFloatText(
                description="smooth by, px",
                min=0,
                max=100,
                step=0.5,
                tooltip="How far borders of polygons may move; 0 = not at all",
                **wide,
            ),
            "overwrite": w.Checkbox(description="replace existing files", indent=False),
        }

    def _picked(self, key: str) -> Callable[[Any], None]:
        def pick(_: Any) -> None:
            if not self._filling:
                chosen = [name for name, box in self.products.items() if box.value]
                self._put(products=tuple(chosen))

        return pick

    def _changed(self, key: str) -> Callable[[Any], None]:
        def change(change: Any) -> None:
            if not self._filling:
                self._put(**{key: change["new"]})

        return change

    def _put(self, **values: Any) -> None:
        self._state.export = replace(self._state.export, **values)

    def _start(self) -> None:
        try:
            self._export()
        except KTexturesError as error:
            self._state.say(str(error))

    def _fill(self, *_: Any) -> None:
        """Show the settings of the state."""
        with self._state.lock:
            settings = self._state.export
            self._filling = True
            try:
                for key, box in self.products.items():
                    box.value = key in settings.products
                for key, field in self.fields.items():
                    field.value = getattr(settings, key)
            finally:
                self._filling = False

    def _list(self, *_: Any) -> None:
        """Show the paths of the files that are complete."""
        paths = self._state.exported
        rows = "".join(f"<li><code>{html.escape(path)}</code></li>" for path in paths)
        self.paths.value = f"<small>Written:<ul>{rows}</ul></small>" if paths else ""

    def _allow(self, *_: Any) -> None:
        self.export.disabled = self._state.busy or self._state.snapshot is None

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        close_tree(self.widget)
