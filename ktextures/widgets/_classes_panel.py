"""Panel of the classes: rows, changes that can be undone, and profiles."""

import io
import threading
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as w
import numpy as np

from ktextures.errors import InputError
from ktextures.rendering import rgba_png
from ktextures.results.plot_classes import plot_classes
from ktextures.widgets._class_row import Row
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._links import Links, close_tree, picture, unlabeled
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

__all__ = ["Changes", "ClassesPanel"]

MOST_PARTS = 8


class Changes(Protocol):
    """What the explorer does to its classes."""

    def split(self, value: int, into: int) -> None:
        """Split a class."""

    def describe_in_background(self) -> None:
        """Compute profiles of the classes."""

    def show_learned(self, value: int) -> None:
        """Show the image beside the simulated image, within one class."""

    def undo(self) -> None:
        """Undo the last change."""

    def redo(self) -> None:
        """Make it again."""


class ClassesPanel:
    """The classes shown, to rename, recolor, hide, merge, split, and describe.

    Parameters
    ----------
    state : ExplorerState
    book : ClassBook
    preview : Preview
        Thumbnails are stretched like it.
    changes : Changes
        What takes longer, or changes the model.
    """

    def __init__(
        self,
        state: ExplorerState,
        book: ClassBook,
        preview: Preview,
        changes: Changes,
    ) -> None:
        self.state, self._book, self._preview = state, book, preview
        self._changes = changes
        self._links, self.rows = Links(), list[Row]()
        self._filler: int | None = None
        self._list = w.VBox(
            [], layout=w.Layout(max_height="330px", overflow="hidden auto")
        )
        self.hint = w.HTML("<small>Select classes on the left, then:</small>")
        self.profile = w.HTML()
        self.widget = w.VBox([self._list, self.hint, *self._buttons(), self.profile])
        self._links.observe(state, self._refresh, ["classes", "hidden"])
        self._links.observe(state, self._draw, "version")
        self._links.observe(state, self._allow, ["task", "status"])
        self._links.observe(state, self._allow, ["can_undo", "can_redo"])
        self._links.observe(state, self._describe, "profiles")
        self._refresh()
        self._draw()
        self._allow()

    def _buttons(self) -> list[w.Widget]:
        self.merge = self._links.button("Merge", self._merge)
        self.split = self._links.button("Split into", self._split)
        self.into = unlabeled(
            w.BoundedIntText(2, min=2, max=MOST_PARTS, layout=w.Layout(width="56px")),
            "number of parts",
        )
        self.discard = self._links.button("Set to nodata", self._discard)
        self.learned = self._links.button("What it has learned", self._learned)
        self.describe = self._links.button("Profile", self._ask_profile)
        self.undo = self._links.button("Undo", self._changes.undo)
        self.redo = self._links.button("Redo", self._changes.redo)
        wrap = w.Layout(flex_flow="row wrap")
        return [
            w.HBox([self.merge, self.split, self.into, self.discard], layout=wrap),
            w.HBox([self.learned, self.describe, self.undo, self.redo], layout=wrap),
        ]

    @property
    def filling(self) -> bool:
        """Whether rows change because the state did, not because of the user."""
        return self._filler == threading.get_ident()

    def attempt(self, change: Callable[[ClassBook], Any]) -> None:
        """Change a class; if that fails, say why and show the class as it was."""
        if self.filling:
            return
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

    def _allow(self, *_: Any) -> None:
        state = self.state
        self.split.disabled = self.describe.disabled = state.busy
        self.undo.disabled, self.redo.disabled = not state.can_undo, not state.can_redo

    def _picked(self, *, clear: bool) -> list[int]:
        picked = [row.value for row in self.rows if row.pick.value]
        if clear:
            for row in self.rows:
                row.pick.value = False
        return picked

    def picked(self) -> list[int]:
        """Class values that are selected."""
        return self._picked(clear=False)

    def _one(self, what: str) -> int | None:
        """The class selected; says so unless it is exactly one."""
        picked = self._picked(clear=False)
        if len(picked) == 1:
            return picked[0]
        self.state.say(f"Select exactly one class {what}.")
        return None

    def _merge(self) -> None:
        picked = self._picked(clear=True)
        self.attempt(lambda book: book.merge(picked))

    def _discard(self) -> None:
        picked = self._picked(clear=True)
        self.attempt(lambda book: book.discard(picked))

    def _split(self) -> None:
        value = self._one("to split")
        if value is not None:
            self._picked(clear=True)
            self._changes.split(value, self.into.value)

    def _learned(self) -> None:
        value = self._one("to see what it has learned")
        if value is not None:
            self._changes.show_learned(value)

    def _ask_profile(self) -> None:
        if not self._picked(clear=False):
            self.state.say("Select one class or more to see its profile.")
            return
        if self.state.profiles is None:
            self._changes.describe_in_background()
        else:
            self._describe()

    def _describe(self, *_: Any) -> None:
        """Draw the profiles of the classes selected."""
        profiles, picked = self.state.profiles, self._picked(clear=False)
        if profiles is None or not picked:
            self.profile.value = ""
            return
        names = [str(profiles.name.values[value - 1]) for value in picked]
        stream = io.BytesIO()
        figure = plot_classes(profiles, classes=picked, columns=1)
        figure.savefig(stream, format="png")
        self.profile.value = picture(
            stream.getvalue(), f"Profiles of {', '.join(names)}"
        )

    def close(self) -> None:
        """Stop observing, and close the widgets."""
        self._links.close()
        for row in self.rows:
            row.close()
        self.rows.clear()
        close_tree(self.widget)
