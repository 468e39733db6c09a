"""Which classes are shown: matching to earlier ones, edits, areas, and undo."""

import re
from collections.abc import Sequence

import xarray as xr

from ktextures.classes.arrays import match_to
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.model.config import Snapshot
from ktextures.raster.georeference import georeference
from ktextures.results.areas import class_areas
from ktextures.widgets._state import ClassRow, ExplorerState

__all__ = ["ClassBook"]

_DEFAULT_NAME = re.compile(r"class \d+")
_MAX_UNDO = 50


class ClassBook:
    """Keeps names, colors and merges of the classes shown; changes only the state.

    Every method may be called from any thread.

    Parameters
    ----------
    state : ExplorerState
    grid : DataArray
        The preview, whose grid the snapshots have.

    Attributes
    ----------
    lock : threading.RLock
        That of the state.
    """

    def __init__(self, state: ExplorerState, grid: xr.DataArray) -> None:
        self._state, self._grid, self.lock = state, grid, state.lock
        self._undo: list[tuple[ClassTable, tuple[int, ...], frozenset[int]]] = []

    def show(self, snapshot: Snapshot) -> None:
        """Show a later snapshot of the same model."""
        k = len(snapshot.textures)
        with self._state.lock:
            if len(self._state.mapping) != k:
                self._state.mapping = tuple(range(1, k + 1))
            self._state.snapshot = snapshot
            self._count()

    def begin(self, snapshot: Snapshot, table: ClassTable | None = None) -> None:
        """Show the first snapshot of another model.

        Its classes get the names and colors of `table`, or else the colors of the
        classes they overlap most.
        """
        state, k = self._state, len(snapshot.textures)
        with state.lock:
            self._undo.clear()
            shown = state.shown_classes()
            if table is None and shown is not None:
                mapping = match_to(snapshot.classes, shown, k, state.table.k)
                table = _renumbered(state.table.matched(mapping))
            self._set(table or ClassTable.default(k), tuple(range(1, k + 1)))
            self.show(snapshot)

    def regrouped(self, snapshot: Snapshot, parents: Sequence[int]) -> None:
        """Show a model in which classes of the earlier one were split or merged.

        `parents` holds for each class the earlier class (1..k), or 0 for a new one.
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
            self.show(snapshot)

    def model_table(self, k: int) -> ClassTable | None:
        """Names and colors for each of the k classes of the model, before merging.

        None in the middle of a change of k.
        """
        with self._state.lock:
            table, mapping = self._state.table, self._state.mapping
        if len(mapping) != k:
            return None
        rows = [value - 1 for value in mapping]
        names = tuple(table.names[row] for row in rows)
        return ClassTable(names, tuple(table.colors[row] for row in rows))

    def rename(self, value: int, name: str) -> None:
        """Give a class another name."""
        with self._state.lock:
            table = self._state.table.rename(value, name)
            if table != self._state.table:
                self._edit(table)

    def recolor(self, value: int, color: str) -> None:
        """Give a class another color."""
        with self._state.lock:
            table = self._state.table.recolor(value, color)
            if table != self._state.table:
                self._edit(table)

    def merge(self, values: Sequence[int]) -> None:
        """Merge classes into one, with name and color of the lowest value.

        Raises
        ------
        InputError
            If there are no classes yet, fewer than two are given, or one is unknown.
        """
        state = self._state
        with state.lock:
            chosen = sorted({int(value) for value in values})
            known = range(1, state.table.k + 1)
            if not state.mapping:
                raise InputError(
                    "there are no classes to merge yet; press Train first."
                )
            if len(chosen) < 2 or any(value not in known for value in chosen):
                raise InputError(
                    f"cannot merge {list(values)}; select two or more classes from 1 "
                    f"to {state.table.k}."
                )
            united = [chosen[0] if v in chosen else v for v in state.mapping]
            table, mapping, kept = compressed(united, state.table)
            hidden = frozenset(kept[v] for v in state.hidden if v in kept)
            self._edit(table, mapping, hidden)

    def undo(self) -> bool:
        """Undo the last rename, recolor or merge; False if there is none."""
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
            del self._undo[:-_MAX_UNDO]
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
        classes = self._state.shown_classes()
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
    """Number the classes in use 1..m, and drop the rows of the others.

    Returns
    -------
    table : ClassTable
    mapping : tuple of int
    renumbered : dict of int to int
        New value of each remaining class.
    """
    used = sorted(set(mapping))
    renumbered = {value: new for new, value in enumerate(used, 1)}
    names = tuple(table.names[value - 1] for value in used)
    colors = tuple(table.colors[value - 1] for value in used)
    numbers = tuple(renumbered[value] for value in mapping)
    return _renumbered(ClassTable(names, colors)), numbers, renumbered


def _renumbered(table: ClassTable) -> ClassTable:
    """Table whose default names, such as "class 4", count from 1 again."""
    names = tuple(
        f"class {value}" if _DEFAULT_NAME.fullmatch(name) else name
        for value, name in enumerate(table.names, 1)
    )
    return ClassTable(names, table.colors)
