"""Which classes are shown: matching to earlier ones, edits, areas, and undo."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import xarray as xr

from ktextures.classes.arrays import match_to
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.model.config import Snapshot
from ktextures.raster.georeference import georeference
from ktextures.results.areas import class_areas
from ktextures.widgets._history import History, Shown
from ktextures.widgets._legends import assigned_in, with_legend
from ktextures.widgets._state import ClassRow, ExplorerState

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["DEFAULT_NAME", "ClassBook", "renumbered"]

Move = Callable[[Callable[[Shown], Shown]], Shown | None]
Returned: TypeAlias = "tuple[bool, KTextures | None]"

DEFAULT_NAME = re.compile(r"class \d+")


class ClassBook:
    """Keeps which classes are shown, with names and colors; changes only the state.

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
        self._history = History(self._tell)

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
            self._history.forget()
            if table is None:
                table = self.matched(snapshot)
            self._set(table or ClassTable.default(k), tuple(range(1, k + 1)))
            self.show(snapshot)

    def regrouped(
        self,
        snapshot: Snapshot,
        parents: Sequence[int],
        united: Sequence[Sequence[int]],
    ) -> None:
        """Show a model in which classes of the earlier one were split or merged.

        `parents` holds for each class the earlier class (1..k), or 0 for a new one;
        `united` all earlier classes that are in it. A part of a class that is nodata is
        nodata too, but not what was merged with a class that is shown.
        """
        state = self._state
        with state.lock:
            self._history.forget()
            table, mapping = state.table, []
            for parent, group in zip(parents, united, strict=True):
                shown = [
                    state.mapping[value - 1] for value in (parent, *group) if value
                ]
                value = next((each for each in shown if each), 0)
                if value and not parent:
                    table = table.matched(range(1, table.k + 2))
                    value = table.k
                mapping.append(value)
            hidden = state.hidden
            table, compact, kept = compressed(mapping, table)
            self._set(table, compact)
            state.hidden = frozenset(kept[v] for v in hidden if v in kept)
            self.show(snapshot)

    def put(
        self,
        before: "KTextures | None",
        snapshot: Snapshot,
        table: ClassTable,
        mapping: Sequence[int],
    ) -> None:
        """Show a model that replaces another one, `before`; this can be undone."""
        with self._state.lock:
            if before is None:
                self._history.forget()
            else:
                self._history.add(self._shown(replaced=before))
            self._state.snapshot = snapshot
            self._set(table, tuple(mapping), frozenset())
            self._count()

    def refresh(self) -> None:
        """Count the classes anew, after the state was set as a whole."""
        with self._state.lock:
            self._history.forget()
            self._count()

    def trained(self) -> None:
        """The model is trained further: what replaced it cannot be undone now."""
        with self._state.lock:
            self._history.forget_models()

    def matched(self, snapshot: Snapshot) -> ClassTable | None:
        """Names and colors of the classes shown that those of a snapshot overlap most.

        None if no classes are shown.
        """
        state, k = self._state, len(snapshot.textures)
        shown = state.shown_classes()
        if shown is None:
            return None
        mapping = match_to(snapshot.classes, shown, k, state.table.k)
        return renumbered(state.table.matched(mapping))

    def model_table(self, own: ClassTable) -> ClassTable | None:
        """Names and colors for each class of the model, before merging.

        Classes that are nodata keep those of `own`. None in the middle of a change of
        k.
        """
        with self._state.lock:
            table, mapping = self._state.table, self._state.mapping
        if len(mapping) != own.k:
            return None
        names, colors = list(own.names), list(own.colors)
        for row, value in enumerate(mapping):
            if value:
                names[row] = table.names[value - 1]
                colors[row] = table.colors[value - 1]
        assignment = table.assignment
        if assignment is not None:
            assignment = assignment.inherited([[value] for value in mapping])
        return replace(
            own, names=tuple(names), colors=tuple(colors), assignment=assignment
        )

    def rename(self, value: int, name: str) -> None:
        """Give a class another name."""
        with self._state.lock:
            self._set_table(self._state.table.rename(value, name))

    def recolor(self, value: int, color: str) -> None:
        """Give a class another color."""
        with self._state.lock:
            self._set_table(self._state.table.recolor(value, color))

    def assign(self, values: Sequence[int], name: str) -> None:
        """Assign classes to an entry of the legend; "" = to none.

        Without a legend, one is made of the names that are used.

        Raises
        ------
        InputError
            If there are no classes yet, one is unknown, or the legend does not have
            the name.
        """
        with self._state.lock:
            chosen = self._chosen(values)
            self._set_table(assigned_in(self._state.table, chosen, name.strip()))

    def use_legend(self, source: object) -> None:
        """Assign classes to this legend from now on; None = to none.

        Classes keep their entries as far as the legend has their names.

        Raises
        ------
        InputError
            If it is no legend, or there is no such file.
        """
        with self._state.lock:
            self._set_table(with_legend(self._state.table, source))

    def _set_table(self, table: ClassTable) -> None:
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
            chosen = self._chosen(values)
            if len(chosen) < 2:
                raise InputError(
                    f"cannot merge {list(values)}; select two or more classes from 1 "
                    f"to {state.table.k}."
                )
            if len(chosen) == state.table.k:
                raise InputError(
                    f"cannot merge all {state.table.k} classes; at least two must "
                    "remain."
                )
            self._regroup([chosen[0] if v in chosen else v for v in state.mapping])

    def discard(self, values: Sequence[int]) -> None:
        """Set classes to nodata.

        Raises
        ------
        InputError
            If there are no classes yet, none or all are given, or one is unknown.
        """
        state = self._state
        with state.lock:
            chosen = self._chosen(values)
            if not chosen or len(chosen) == state.table.k:
                raise InputError(
                    f"cannot set {list(values)} to nodata; select one or more classes "
                    f"from 1 to {state.table.k}, but not all."
                )
            self._regroup([0 if v in chosen else v for v in state.mapping])

    def forget(self) -> None:
        """Forget what could be undone, and the models that it would need."""
        with self._state.lock:
            self._history.forget()

    def changes_model(self, what: str) -> bool:
        """Whether the next "undo" or "redo" replaces the model."""
        return self._history.changes_model(what)

    def check(self, value: int) -> None:
        """Refuse a value that is none of the classes shown, by an InputError."""
        with self._state.lock:
            self._chosen([value])

    def undo(self, model: "KTextures | None") -> "Returned":
        """Undo the last change.

        Parameters
        ----------
        model : KTextures or None
            The present one, to come back to.

        Returns
        -------
        bool
            Whether there was a change.
        KTextures or None
            The model to go back to, if the change replaced it.
        """
        return self._return(self._history.undo, model)

    def redo(self, model: "KTextures | None") -> "Returned":
        """Make the change again that was undone last; like `undo`."""
        return self._return(self._history.redo, model)

    def _chosen(self, values: Sequence[int]) -> list[int]:
        """Class values in ascending order, if there are such classes."""
        chosen = sorted({int(value) for value in values})
        if not self._state.mapping:
            raise InputError("there are no classes yet; press Train first.")
        unknown = [v for v in chosen if not 1 <= v <= self._state.table.k]
        if unknown:
            raise InputError(
                f"there is no class {unknown[0]}; select classes from 1 to "
                f"{self._state.table.k}."
            )
        return chosen

    def _regroup(self, mapping: Sequence[int]) -> None:
        table, compact, kept = compressed(mapping, self._state.table)
        hidden = frozenset(kept[v] for v in self._state.hidden if v in kept)
        self._edit(table, compact, hidden)

    def _edit(
        self,
        table: ClassTable,
        mapping: tuple[int, ...] | None = None,
        hidden: frozenset[int] | None = None,
    ) -> None:
        state = self._state
        with state.lock:
            self._history.add(self._shown())
            self._set(table, state.mapping if mapping is None else mapping, hidden)
            self._count()

    def _shown(self, replaced: "KTextures | None" = None) -> Shown:
        state = self._state
        snapshot = None if replaced is None else state.snapshot
        return Shown(state.table, state.mapping, state.hidden, snapshot, replaced)

    def _return(self, move: Move, model: "KTextures | None") -> "Returned":
        def now(to: Shown) -> Shown:
            return self._shown(model if to.model is not None else None)

        with self._state.lock:
            shown = move(now)
            if shown is None:
                return False, None
            if shown.snapshot is not None:
                self._state.snapshot = shown.snapshot
            self._set(shown.table, shown.mapping, shown.hidden)
            self._count()
            return True, shown.model

    def _tell(self, can_undo: bool, can_redo: bool) -> None:
        self._state.can_undo, self._state.can_redo = can_undo, can_redo

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
        self._state.profiles = None
        self._state.version += 1


def compressed(
    mapping: Sequence[int], table: ClassTable
) -> tuple[ClassTable, tuple[int, ...], dict[int, int]]:
    """Number the classes in use 1..m, and drop the rows of the others; 0 stays 0.

    Returns
    -------
    table : ClassTable
    mapping : tuple of int
    numbers_of : dict of int to int
        New value of each remaining class.
    """
    used = sorted(set(mapping) - {0})
    numbers_of = {value: new for new, value in enumerate(used, 1)}
    names = tuple(table.names[value - 1] for value in used)
    colors = tuple(table.colors[value - 1] for value in used)
    assignment = table.assignment
    if assignment is not None:
        assignment = assignment.inherited([[value] for value in used])
    numbers = tuple(numbers_of.get(value, 0) for value in mapping)
    return renumbered(ClassTable(names, colors, (), assignment)), numbers, numbers_of


def renumbered(table: ClassTable) -> ClassTable:
    """Table whose default names, such as "class 4", count from 1 again."""
    names = tuple(
        f"class {value}" if DEFAULT_NAME.fullmatch(name) else name
        for value, name in enumerate(table.names, 1)
    )
    return ClassTable(names, table.colors, (), table.assignment)
