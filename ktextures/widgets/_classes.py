"""Which classes are shown: matching to earlier ones, edits, areas, and undo."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.classes import ClassTable, match_to, relabel
from ktextures.errors import InputError
from ktextures.raster.georeference import georeference
from ktextures.results.areas import class_areas
from ktextures.widgets._state import ClassRow, ExplorerState, Frame

__all__ = ["ClassBook"]

_DEFAULT_NAME = re.compile(r"class \d+")
_MOST_UNDONE = 50


class ClassBook:
    """Keeps names, colors and merges of the classes shown; changes only the state.

    Every method may be called from any thread.

    Parameters
    ----------
    state : ExplorerState
    grid : DataArray
        Whose pixels the frames' are.
    """

    def __init__(self, state: ExplorerState, grid: xr.DataArray) -> None:
        self._state, self._grid = state, grid
        self._undo: list[tuple[ClassTable, tuple[int, ...], frozenset[int]]] = []

    def show(self, frame: Frame) -> None:
        """Show a later frame of the same model."""
        with self._state.lock:
            if len(self._state.mapping) != frame.k:
                self._state.mapping = tuple(range(1, frame.k + 1))
            self._state.frame = frame
            self._count()

    def begin(self, frame: Frame, table: ClassTable | None = None) -> None:
        """Show the first frame of another model, in the colors of what it replaces.

        `table`, if given, holds its names and colors.
        """
        state = self._state
        with state.lock:
            self._undo.clear()
            shown = self.shown()
            if table is None and shown is not None:
                mapping = match_to(frame.classes, shown, frame.k, state.table.k)
                table = _renumbered(state.table.matched(mapping))
            self._set(
                table or ClassTable.default(frame.k), tuple(range(1, frame.k + 1))
            )
            self.show(frame)

    def regrouped(self, frame: Frame, parents: Sequence[int]) -> None:
        """Show a model whose classes are those of the earlier one, some new or gone.

        `parents` holds for each class the earlier one (1..k), 0 for a new one.
        """
        state = self._state
        with state.lock:
            self._undo.clear()
            table, mapping = state.table, []
            for parent in parents:
                if not parent:
                    table = table.matched(range(1, table.k + 2))
                mapping.append(state.mapping[parent - 1] if parent else table.k)
            hidden = state.hidden
            table, compact, kept = compressed(mapping, table)
            self._set(table, compact)
            state.hidden = frozenset(kept[v] for v in hidden if v in kept)
            self.show(frame)

    def shown(self) -> npt.NDArray[np.uint8] | None:
        """The classes shown, (y, x), all of them; 0 = nodata."""
        frame = self._state.frame
        if frame is None:
            return None
        return relabel(frame.classes, np.array(self._state.mapping, np.int64))

    def rename(self, value: int, name: str) -> None:
        """Call a class something else."""
        table = self._state.table.rename(value, name)
        if table != self._state.table:
            self._edit(table)

    def recolor(self, value: int, color: str) -> None:
        """Give a class another color."""
        table = self._state.table.recolor(value, color)
        if table != self._state.table:
            self._edit(table)

    def merge(self, values: Sequence[int]) -> None:
        """Make one class of several; it keeps name and color of the lowest value.

        Raises
        ------
        InputError
            If there are not two, a value is unknown, or no two classes would remain.
        """
        state = self._state
        with state.lock:
            chosen = sorted({int(value) for value in values})
            known = range(1, state.table.k + 1)
            if not state.mapping:
                raise InputError("There are no classes yet; press Train first.")
            if len(chosen) < 2 or any(value not in known for value in chosen):
                raise InputError(
                    f"cannot merge {list(values)}: select two or more classes of "
                    f"1..{state.table.k}"
                )
            united = [chosen[0] if v in chosen else v for v in state.mapping]
            table, mapping, kept = compressed(united, state.table)
            hidden = frozenset(kept[v] for v in state.hidden if v in kept)
            self._edit(table, mapping, hidden)

    def undo(self) -> bool:
        """Take the last rename, recoloring or merge back; False if there is none."""
        with self._state.lock:
            if not self._undo:
                return False
            table, mapping, hidden = self._undo.pop()
            self._set(table, mapping, hidden)
            self._count()
            return True

    def _edit(
        self,
        table: ClassTable,
        mapping: tuple[int, ...] | None = None,
        hidden: frozenset[int] | None = None,
    ) -> None:
        state = self._state
        with state.lock:
            self._undo.append((state.table, state.mapping, state.hidden))
            del self._undo[:-_MOST_UNDONE]
            self._set(table, state.mapping if mapping is None else mapping, hidden)
            self._count()

    def _set(
        self,
        table: ClassTable,
        mapping: tuple[int, ...],
        hidden: frozenset[int] | None = None,
    ) -> None:
        state = self._state
        state.table, state.mapping = table, mapping
        if hidden is not None or any(v > table.k for v in state.hidden):
            state.hidden = hidden or frozenset()

    def _count(self) -> None:
        classes = self.shown()
        if classes is None:
            return
        grid = georeference(classes, self._grid, dims=("y", "x"), name="classes")
        areas = class_areas(grid, self._state.table)
        self._state.classes = tuple(
            ClassRow(
                int(row["class"]),
                str(row["name"]),
                str(row["color"]),
                int(row["pixels"]),
                float(row["share"]),
                float(row["area_ha"]),
            )
            for row in areas.to_dict("records")
        )
        self._state.version += 1


def compressed(
    mapping: Sequence[int], table: ClassTable
) -> tuple[ClassTable, tuple[int, ...], dict[int, int]]:
    """Number the classes in use 1..m, and leave out the rows of the others.

    Returns
    -------
    table : ClassTable
    mapping : tuple of int
    renumbered : dict of int to int
        New value of each that remains.
    """
    used = sorted(set(mapping))
    renumbered = {value: new for new, value in enumerate(used, 1)}
    names = tuple(table.names[value - 1] for value in used)
    colors = tuple(table.colors[value - 1] for value in used)
    numbers = tuple(renumbered[value] for value in mapping)
    return _renumbered(ClassTable(names, colors)), numbers, renumbered


def _renumbered(table: ClassTable) -> ClassTable:
    """Names that only count are made to count from 1 again."""
    names = tuple(
        f"class {value}" if _DEFAULT_NAME.fullmatch(name) else name
        for value, name in enumerate(table.names, 1)
    )
    return ClassTable(names, table.colors)
