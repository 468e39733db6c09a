"""The commands of the explorer that are about its classes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import xarray as xr

from ktextures.widgets._classes import ClassBook
from ktextures.widgets._preview import Preview
from ktextures.widgets._results import ModelShelf
from ktextures.widgets._session import BUSY_MESSAGE, Session
from ktextures.widgets._splitting import Splitter, describe_shown
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._sweeping import Sweeper
from ktextures.widgets._trainer import Trainer

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["ClassCommands"]


class ClassCommands:
    """Classes that are named, merged, split, described, and taken from a sweep."""

    state: ExplorerState
    preview: Preview
    _book: ClassBook
    _session: Session
    _shelf: ModelShelf
    _splitter: Splitter
    _sweeper: Sweeper
    _trainer: Trainer

    if TYPE_CHECKING:

        @property
        def model(self) -> "KTextures | None":
            """The model after the last complete step."""

    def rename(self, value: int, name: str) -> None:
        """Rename a class.

        Parameters
        ----------
        value : int
            Class value, from 1.
        name : str
            Printable text on one line.

        Raises
        ------
        InputError
            If there is no such class, or the name cannot be used.
        """
        self._book.rename(value, name)

    def recolor(self, value: int, color: str) -> None:
        """Give a class another color.

        Parameters
        ----------
        value : int
            Class value, from 1.
        color : str
            CSS color, such as "teal" or "#008080".

        Raises
        ------
        InputError
            If there is no such class or color.
        """
        self._book.recolor(value, color)

    def merge(self, values: Sequence[int]) -> None:
        """Merge classes into one, with name and color of the lowest value.

        Higher class values move down to close the gaps. The model keeps its classes;
        only what is shown and `result` change.

        Parameters
        ----------
        values : sequence of int
            Two or more class values.

        Raises
        ------
        InputError
            If there are no classes yet, fewer than two are given, or one is unknown.
        """
        self._book.merge(values)

    def discard(self, values: Sequence[int]) -> None:
        """Set classes to nodata.

        Higher class values move down to close the gaps. The model keeps its classes;
        only what is shown and `result` change.

        Parameters
        ----------
        values : sequence of int
            One or more class values, but not all.

        Raises
        ------
        InputError
            If there are no classes yet, none or all are given, or one is unknown.
        """
        self._book.discard(values)

    def split(self, value: int, into: int = 2) -> None:
        """Split a class by its colors and textures, in the background.

        As `ktextures.split`; the others keep their values, names, and colors. What goes
        wrong is told by `state.message`.

        Parameters
        ----------
        value : int
            Class value, from 1.
        into : int
            Number of parts, 2 or more.

        Raises
        ------
        InputError
            If there is no such class.
        """
        self._book.check(value)
        self._session.run(
            "split", lambda stopped: self._splitter.split(value, into, stopped)
        )

    def undo(self) -> None:
        """Undo the last change of the classes.

        A new training, or a change of k, makes all earlier changes final; further
        training makes those final that replaced the model, a split or an adoption.
        """
        self._return(self._book.undo, "undo")

    def redo(self) -> None:
        """Make the change again that was undone last."""
        self._return(self._book.redo, "redo")

    def _return(self, move: Callable[..., Any], what: str) -> None:
        state = self.state
        with state.lock:
            if state.busy and self._book.changes_model(what):
                state.say(BUSY_MESSAGE)
                return
            changed, model = move(self.model)
            if model is not None:
                self._shelf.put(model)
                self._trainer.take_hints(model.hints)
                state.k = model.k
                self._trainer.count(model)
                state.goal = model.record.steps
        done = "Undid" if what == "undo" else "Redid"
        last = f"{done} the last change."
        state.say(last if changed else f"There is nothing to {what}.")

    def sweep(self) -> None:
        """Try each k from `state.first_k` to `state.last_k`, in the background.

        `state.sweep` grows with each k. `stop` keeps what was found.
        """
        self._session.run("sweep", self._sweeper.sweep)

    def adopt(self, k: int) -> None:
        """Use the model that the sweep found for one k, in the background.

        Its classes have the colors of the sweep, and the names of the classes shown
        that they overlap most. The change can be undone.

        Parameters
        ----------
        k : int
            One of the values in `state.sweep`.
        """
        self._session.run("adopt", lambda stopped: self._sweeper.adopt(k, stopped))

    def describe(self) -> xr.Dataset:
        """Describe the classes shown, from the pixels of the preview.

        Returns
        -------
        xarray.Dataset
            As of `ktextures.describe`; draw it with `ktextures.plot_classes`.

        Raises
        ------
        InputError
            If there are no classes yet.
        """
        return describe_shown(self.state, self.preview, self.model)

    def describe_in_background(self) -> None:
        """Let `state.profiles` hold what `describe` returns, without waiting for it."""

        def work(stopped: Callable[[], bool]) -> None:
            state = self.state
            state.say("Describing the classes.")
            version = state.version
            profiles = self.describe()
            with state.lock:
                if stopped():
                    state.say("Stopped before the profiles were ready.")
                elif state.version != version:
                    state.say("The classes changed meanwhile; press Profile again.")
                else:
                    state.profiles = profiles
                    state.say("Described the classes.")

        self._session.run("describe", work)

    def show_learned(self, value: int) -> None:
        """Show the image beside the simulated image, within one class.

        Parameters
        ----------
        value : int
            Class value, from 1.

        Raises
        ------
        InputError
            If there is no such class.
        """
        self._book.check(value)
        state = self.state
        state.chosen, state.view = value, "simulated"
        state.within, state.split, state.opacity = True, True, 1.0
