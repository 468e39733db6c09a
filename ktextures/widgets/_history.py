"""Undo and redo of changes to the classes shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ktextures.classes.table import ClassTable
from ktextures.model.config import Snapshot

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["History", "Shown"]

MOST = 50


@dataclass(frozen=True)
class Shown:
    """Classes as they were shown.

    Attributes
    ----------
    table : ClassTable
    mapping : tuple of int
    hidden : frozenset of int
    snapshot : Snapshot, optional
        Given if the change that followed replaced the model.
    model : KTextures, optional
        Likewise.
    """

    table: ClassTable
    mapping: tuple[int, ...]
    hidden: frozenset[int]
    snapshot: Snapshot | None = None
    model: "KTextures | None" = None


class History:
    """What can be undone, and what can be made again.

    Parameters
    ----------
    changed : callable
        Called with whether there is something to undo, and something to redo.
    """

    def __init__(self, changed: Callable[[bool, bool], None]) -> None:
        self._changed = changed
        self._past: list[Shown] = []
        self._future: list[Shown] = []

    def add(self, before: Shown) -> None:
        """Remember what was shown before a new change."""
        self._past.append(before)
        del self._past[:-MOST]
        self._future.clear()
        self._tell()

    def undo(self, now: Callable[[Shown], Shown]) -> Shown | None:
        """What was shown before the last change; None if there is none.

        `now` is called with it and returns what to go back to by `redo`.
        """
        return self._move(self._past, self._future, now)

    def redo(self, now: Callable[[Shown], Shown]) -> Shown | None:
        """What was shown before the last `undo`; None if there is none."""
        return self._move(self._future, self._past, now)

    def forget(self) -> None:
        """Forget everything: other classes are shown."""
        self._past.clear()
        self._future.clear()
        self._tell()

    def forget_models(self) -> None:
        """Forget changes of the model, and all before them: it is trained further."""
        replaced = [i for i, each in enumerate(self._past) if each.model is not None]
        if replaced:
            del self._past[: replaced[-1] + 1]
        if any(each.model is not None for each in self._future):
            self._future.clear()
        self._tell()

    def changes_model(self, what: str) -> bool:
        """Whether the next "undo" or "redo" replaces the model."""
        changes = {"undo": self._past, "redo": self._future}[what]
        return bool(changes) and changes[-1].model is not None

    def _move(
        self,
        source: list[Shown],
        target: list[Shown],
        now: Callable[[Shown], Shown],
    ) -> Shown | None:
        if not source:
            return None
        found = source.pop()
        target.append(now(found))
        self._tell()
        return found

    def _tell(self) -> None:
        self._changed(bool(self._past), bool(self._future))
