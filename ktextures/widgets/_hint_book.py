"""The hints of an explorer: added, moved, and removed, in the numbers of its model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ktextures.errors import InputError
from ktextures.hints.geojson import LONGITUDE_LATITUDE
from ktextures.hints.geometry import mapped, positions, transformed
from ktextures.hints.hint import Hint
from ktextures.hints.hints import Hints
from ktextures.hints.pixels import find_pixels
from ktextures.raster.scene_set import SceneSet
from ktextures.widgets._area import Area
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

__all__ = ["HintBook", "from_map", "hints_within", "on_map"]


class HintBook:
    """Keeps the hints of the state; every method may be called from any thread.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview
    """

    def __init__(self, state: ExplorerState, preview: Preview) -> None:
        self._state, self._preview = state, preview

    def add(self, hint: Hint) -> None:
        """Add a hint, whose class is one of those shown.

        Raises
        ------
        InputError
            If there is no such class, or the hint is outside the scene or on nodata.
        """
        with self._state.lock:
            hint = self._numbered(self._checked(hint))
            self._state.hints += [hint]

    def remove(self, index: int) -> None:
        """Remove the hint at a place, from 0."""
        with self._state.lock:
            self._state.hints = self._state.hints.without(index)
            self._state.moving = -1

    def move(self, index: int, row: int, col: int) -> None:
        """Move a hint so that its first position is at a pixel of the scene.

        Raises
        ------
        InputError
            If there is no such hint, or it would be outside the scene or on nodata.
        """
        with self._state.lock:
            if not 0 <= index < len(self._state.hints):
                raise InputError(f"there is no hint {index + 1} to move.")
            old = self._state.hints[index]
            geometry = _in_pixels(old, self._preview)
            x, y = positions(geometry)[0]
            moved = _shifted(geometry, col - x, row - y)
            hint = self._checked(self._placed(Hint(old.class_, moved)))
            self._state.hints = self._state.hints.replaced(index, hint)
            self._state.moving = -1

    def load(self, hints: Hints) -> None:
        """Add hints of classes shown, by number or name.

        Raises
        ------
        InputError
            If a class is unknown, or a hint is outside the scene or on nodata.
        """
        with self._state.lock:
            values = [self._value(hint.class_) for hint in hints]
            scenes = SceneSet((self._preview.scene,), ("The scene",))
            find_pixels(hints, scenes, values)
            added = [
                self._numbered(h.of_class(v))
                for h, v in zip(hints, values, strict=True)
            ]
            self._state.hints += added

    def clear(self) -> None:
        """Remove all hints."""
        with self._state.lock:
            self._state.hints, self._state.moving = Hints(), -1

    def as_shown(self) -> Hints:
        """The hints with the names of the classes shown."""
        with self._state.lock:
            table, hints = self._state.table, self._state.hints
            values = [self.value_of(hint) for hint in hints]
        named = [
            hint.of_class(table.names[value - 1])
            for hint, value in zip(hints, values, strict=True)
            if value
        ]
        return Hints(named)

    def value_of(self, hint: Hint) -> int:
        """Class shown that a hint stands for; 0 = nodata."""
        mapping = self._state.mapping
        number = int(hint.class_)
        return int(mapping[number - 1]) if number <= len(mapping) else number

    def at(self, row: float, col: float, value: int) -> Hint:
        """A hint for a pixel of the scene, with coordinates if the scene has a CRS."""
        return self._placed(Hint.at(row, col, value))

    def _placed(self, hint: Hint) -> Hint:
        """A hint in columns and rows, with coordinates if the scene has a CRS."""
        if not self._preview.located:
            return hint

        def on_earth(x: float, y: float) -> tuple[float, float]:
            latitude, longitude = self._preview.frame.position(x + 0.5, y + 0.5)
            return longitude, latitude

        geometry = mapped(hint.geometry, on_earth)
        return Hint(hint.class_, geometry, LONGITUDE_LATITUDE)

    def _checked(self, hint: Hint) -> Hint:
        scenes = SceneSet((self._preview.scene,), ("The scene",))
        find_pixels(Hints([hint]), scenes, [1])
        return hint

    def _value(self, class_: int | str) -> int:
        """Number of a class shown."""
        table = self._state.table
        if isinstance(class_, str):
            if class_ in table.names:
                return table.names.index(class_) + 1
        elif class_ <= table.k:
            return class_
        raise InputError(
            f"there is no class {class_!r} to hint at; the classes are "
            f"{', '.join(f'{v} {name!r}' for v, name in enumerate(table.names, 1))}."
        )

    def _numbered(self, hint: Hint) -> Hint:
        """A hint of a class shown, with the number of a class of the model."""
        value, state = self._value(hint.class_), self._state
        found = [n for n, shown in enumerate(state.mapping, 1) if shown == value]
        if len(found) > 1 and state.snapshot is not None:
            # Of classes merged, the one that the model has there.
            x, y = positions(_in_pixels(hint, self._preview))[0]
            row, col = (int(round(each) // self._preview.step) for each in (y, x))
            height, width = state.snapshot.classes.shape
            if 0 <= row < height and 0 <= col < width:
                own = int(state.snapshot.classes[row, col])
                found = [own] if own in found else found
        return hint.of_class(found[0] if found else value)


def _in_pixels(hint: Hint, preview: Preview) -> dict[str, Any]:
    """Geometry of a hint in columns and rows of pixel centers."""
    if hint.crs is None:
        return dict(hint.geometry)
    geometry = hint.geometry
    if hint.crs != LONGITUDE_LATITUDE:
        geometry = transformed(geometry, hint.crs, LONGITUDE_LATITUDE)

    def in_pixels(x: float, y: float) -> tuple[float, float]:
        cols, rows = preview.frame.locate([x], [y])
        return float(cols[0]) - 0.5, float(rows[0]) - 0.5

    return mapped(geometry, in_pixels)


def from_map(geometry: Mapping[str, Any], value: int, preview: Preview) -> Hint:
    """A hint that was drawn on the map.

    Parameters
    ----------
    geometry : mapping
        GeoJSON in longitude and latitude, or, for a scene without CRS, in columns and
        minus rows.
    value : int
        The class shown.
    preview : Preview
    """
    if preview.located:
        return Hint(value, geometry, LONGITUDE_LATITUDE)
    hint = Hint(value, geometry)
    return Hint(value, mapped(hint.geometry, lambda x, y: (x - 0.5, -y - 0.5)))


def on_map(hint: Hint, preview: Preview) -> dict[str, Any]:
    """Geometry of a hint as the map draws it, x before y."""
    if preview.located and hint.crs == LONGITUDE_LATITUDE:
        return dict(hint.geometry)
    geometry = _in_pixels(hint, preview)

    def placed(x: float, y: float) -> tuple[float, float]:
        latitude, longitude = preview.frame.position(x + 0.5, y + 0.5)
        return longitude, latitude

    return mapped(geometry, placed)


def hints_within(hints: Hints, area: Area | None, preview: Preview) -> Hints:
    """Hints for a training on an area: those in it, counted from its corner."""
    if area is None:
        return hints
    window = area.window
    found = []
    for hint in hints:
        geometry = _in_pixels(hint, preview)
        places = np.array(positions(geometry)) - (window.col, window.row)
        inside = (places >= -0.5).all(1) & (
            places < (window.width - 0.5, window.height - 0.5)
        ).all(1)
        if not inside.all():
            continue
        cols, rows = np.floor(places + 0.5).astype(int).T
        if area.mask is not None and not area.mask[rows, cols].all():
            continue
        if hint.crs is None:
            hint = Hint(hint.class_, _shifted(geometry, -window.col, -window.row))
        found.append(hint)
    return Hints(found)


def _shifted(geometry: Mapping[str, Any], across: float, down: float) -> dict[str, Any]:
    return mapped(geometry, lambda x, y: (x + across, y + down))
