"""The commands of the explorer that are about hints."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ktextures.errors import InputError
from ktextures.hints.hints import Hints
from ktextures.widgets._hint_book import HintBook, from_map
from ktextures.widgets._preview import Preview
from ktextures.widgets._session import Session
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._trainer import Trainer

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["HintCommands"]


class HintCommands:
    """Hints that are added, moved, and removed; the model follows at once."""

    state: ExplorerState
    preview: Preview
    _hint_book: HintBook
    _session: Session
    _trainer: Trainer

    if TYPE_CHECKING:

        @property
        def model(self) -> "KTextures | None":
            """The model after the last complete step."""

    def hint(self, row: int, col: int, class_: int | None = None) -> None:
        """Say which class a pixel is of; the model follows within seconds.

        Parameters
        ----------
        row, col : int
            The pixel of the scene, from 0.
        class_ : int, optional
            Class value, from 1; that of `state.hint_class` by default.

        Raises
        ------
        InputError
            If there is no such class, or the pixel is outside the scene or nodata.
        """
        value = self.state.hint_class if class_ is None else class_
        self._hint_book.add(self._hint_book.at(row, col, value))
        self.follow_hints()

    def hint_area(self, geometry: Mapping[str, Any], class_: int | None = None) -> None:
        """Say which class a place on the map is of.

        Parameters
        ----------
        geometry : mapping
            GeoJSON point, line, or polygon in longitude and latitude, or for a scene
            without CRS in columns and minus rows.
        class_ : int, optional
            Class value, from 1; that of `state.hint_class` by default.

        Raises
        ------
        InputError
            If there is no such class, or the place is outside the scene or nodata.
        """
        value = self.state.hint_class if class_ is None else class_
        self._hint_book.add(from_map(geometry, value, self.preview))
        self.follow_hints()

    def move_hint(self, index: int, row: int, col: int) -> None:
        """Move a hint to another pixel.

        Parameters
        ----------
        index : int
            Place in `state.hints`, from 0.
        row, col : int
            The pixel of the scene where its first position shall be.

        Raises
        ------
        InputError
            If there is no such hint, or it would be outside the scene or on nodata.
        """
        self._hint_book.move(index, row, col)
        self.follow_hints()

    def remove_hint(self, index: int) -> None:
        """Remove a hint.

        Parameters
        ----------
        index : int
            Place in `state.hints`, from 0.

        Raises
        ------
        InputError
            If there is no such hint.
        """
        self._hint_book.remove(index)
        self.follow_hints()

    def clear_hints(self) -> None:
        """Remove all hints; the model is again as it was without them."""
        self._hint_book.clear()
        self.follow_hints()

    def load_hints(self, source: object) -> None:
        """Add hints.

        Parameters
        ----------
        source : object
            What `ktextures.Hints` takes: a GeoJSON file or a GeoDataFrame for example.
            Classes are numbers or names of those shown.

        Raises
        ------
        InputError
            If the source holds no hints, a class is unknown, or a hint is outside the
            scene or on nodata.
        FileNotFoundError
            If it is a path and there is no such file.
        """
        self._hint_book.load(Hints(source))
        self.follow_hints()

    def save_hints(self, path: str | os.PathLike[str]) -> None:
        """Save the hints as a GeoJSON file, with the names of their classes.

        Parameters
        ----------
        path : path
            An existing file is replaced.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        hints = self._hint_book.as_shown()
        hints.save(path)
        one = "hint" if len(hints) == 1 else "hints"
        self.state.say(f"Saved {len(hints)} {one} as {os.fspath(path)}.")

    def follow_hints(self) -> None:
        """Let the model follow the present hints, in the background."""
        state = self.state
        with state.lock:
            if state.status in ("training", "paused"):
                return  # which notices them
            if state.hints == self._trainer.followed:
                return
            if state.task:
                state.say("The model follows the hints with the next one, or Continue.")
                return
            if self.model is None:
                state.say("The next training follows the hints; press Train.")
                return
        self._session.steer()

    def suggest(self) -> None:
        """Show on the map where a hint would help most, in the background.

        `state.place` is the place then, and `state.hint_class` the class that it has.
        """
        model = self.model
        if model is None:
            self.state.say("There is no model yet whose doubts could be shown.")
            return
        self._session.run("suggest", lambda stopped: self._suggest(model, stopped))

    def _suggest(self, model: "KTextures", stopped: Callable[[], bool]) -> None:
        from ktextures.suggestion import suggest

        state, step = self.state, self.preview.step
        state.say("Looking for the place where a hint would help most.")
        found = suggest(self.preview.scene, model, 1)
        if stopped():
            state.say("Stopped.")
            return
        if not found:
            raise InputError("no place was found where a hint would help.")
        row, col, own, pixels = found[0]
        value = state.mapping[own - 1]
        with state.lock:
            height, width = self.preview.valid.shape
            state.place = min(row // step, height - 1), min(col // step, width - 1)
            if value:
                state.hint_class = value
            name = state.table.names[value - 1] if value else "nodata"
            state.say(
                f"A hint at row {row}, column {col} would help most; it is {name} now, "
                f"as are {pixels:,} pixels around it. Choose its class, and click it."
            )

    def _clicked(self, place: tuple[int, int] | None) -> None:
        """A click on the map, at a pixel of the preview."""
        state = self.state
        if place is None or not (state.hinting or state.moving >= 0):
            return
        middle = self.preview.step // 2
        row, col = (each * self.preview.step + middle for each in place)
        try:
            if state.moving >= 0:
                self.move_hint(state.moving, row, col)
            else:
                self.hint(row, col)
        except InputError as error:
            state.say(str(error))
