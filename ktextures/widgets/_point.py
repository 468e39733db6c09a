"""What the scene and its classes are at a place that was clicked on the map."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipyleaflet as leaflet
import ipywidgets as w
import numpy as np

from ktextures.raster.read import read_window
from ktextures.widgets._links import Links, close_tree
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

__all__ = ["Point", "PointPanel", "point_at"]

HINT = "Click the map to see class, confidence, and band values."


@dataclass(frozen=True)
class Point:
    """One pixel.

    Attributes
    ----------
    row, col : int
        Of the scene, from 0.
    class_ : int
        Class value, from 1; 0 = nodata, or no classes yet.
    name : str
        Name of the class.
    confidence : float or None
        Lead of the most probable class over the second, 0..1; None if unknown.
    values : mapping of str to float
        Value of each band; NaN = nodata.
    """

    row: int
    col: int
    class_: int
    name: str
    confidence: float | None
    values: Mapping[str, float]


def point_at(state: ExplorerState, preview: Preview) -> Point | None:
    """The pixel at the place in the state; None if there is none."""
    with state.lock:
        place, snapshot, table = state.place, state.snapshot, state.table
        classes = state.shown_classes()
    if place is None:
        return None
    row, col = place
    value = 0 if classes is None else int(classes[row, col])
    confidence = None
    if value and snapshot is not None and snapshot.confidence is not None:
        confidence = float(snapshot.confidence[row, col])
    valid = bool(preview.valid[row, col])
    middle = preview.step // 2
    pixel = preview.values[row, col]
    if preview.from_overviews:
        place = row * preview.step + middle, col * preview.step + middle
        pixel = read_window(preview.scene, *place, 1, 1)[0][0, 0]
    values = {
        str(name): float(pixel[index]) if valid else float("nan")
        for index, name in enumerate(preview.scene.band.values)
    }
    return Point(
        row * preview.step + middle,
        col * preview.step + middle,
        value,
        table.names[value - 1] if value else "",
        confidence,
        values,
    )


class PointPanel:
    """The line below the map; clicks on the map choose the place.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview
    clicked : callable
        Told of each click, after the place in the state has changed.
    """

    def __init__(
        self,
        state: ExplorerState,
        preview: Preview,
        clicked: Callable[[tuple[int, int] | None], None] = lambda place: None,
    ) -> None:
        self._clicked = clicked
        self._state, self._preview, self._links = state, preview, Links()
        self._map: leaflet.Map | None = None
        self.widget = w.HTML()
        self._links.observe(state, self._show, ["place", "version"])
        self._show()

    def follow(self, target: leaflet.Map) -> None:
        """Take the clicks on a map, and no longer those on another one."""
        self._leave()
        self._map = target
        target.on_interaction(self._on_map)

    def _leave(self) -> None:
        if self._map is not None:
            self._map.on_interaction(self._on_map, remove=True)
        self._map = None

    def _on_map(self, **event: Any) -> None:
        if event.get("type") != "click":
            return
        place = self._preview.pixel_at(*event["coordinates"])
        self._state.place = place
        self._clicked(place)

    def _show(self, *_: Any) -> None:
        point = point_at(self._state, self._preview)
        text = HINT if point is None else _described(point)
        self.widget.value = (
            f'<div role="status" aria-live="polite"><small>{text}</small></div>'
        )

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._leave()
        self._links.close()
        close_tree(self.widget)


def _described(point: Point) -> str:
    """HTML of a point."""
    parts = [f"Row {point.row}, column {point.col}"]
    if point.class_:
        parts.append(f"<b>{point.class_}: {html.escape(point.name)}</b>")
    if point.confidence is not None:
        parts.append(f"confidence {100 * point.confidence:.0f} %")
    known = [
        f"{html.escape(name)} {value:.5g}"
        for name, value in point.values.items()
        if not np.isnan(value)
    ]
    parts.append(", ".join(known) or "nodata")
    return " · ".join(parts)
