"""The commands of the explorer that are about the legend."""

import os
from collections.abc import Sequence

from ktextures.classes.legend import Legend
from ktextures.errors import InputError
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._state import ExplorerState

__all__ = ["LegendCommands"]


class LegendCommands:
    """Classes assigned to the entries of a legend; every change can be undone."""

    state: ExplorerState
    _book: ClassBook

    @property
    def legend(self) -> Legend | None:
        """Legend that classes are assigned to; None if there is none."""
        return self.state.table.legend

    def assign(self, values: Sequence[int], name: str | None) -> None:
        """Assign classes to an entry of the legend.

        Without a legend, one is made of the names that are used; a name that the
        legend does not have becomes its last entry.

        Parameters
        ----------
        values : sequence of int
            One or more class values.
        name : str or None
            Name of the entry; None = the classes have none.

        Raises
        ------
        InputError
            If there are no classes yet, one is unknown, or the name cannot be used.
        """
        self._book.assign(values, name or "")

    def use_legend(self, source: object) -> None:
        """Assign classes to this legend from now on.

        Parameters
        ----------
        source : object
            What `ktextures.Legend.read` takes: a CSV file for example. None = no
            legend. Classes keep their entries as far as it has their names.

        Raises
        ------
        InputError
            If it is no legend, or there is no such file.
        """
        self._book.use_legend(source)
        legend = self.legend
        entries = "no entries" if legend is None else f"{len(legend.names)} entries"
        self.state.say(f"The legend has {entries}.")

    def save_legend(self, path: str | os.PathLike[str]) -> None:
        """Save the legend as a CSV file.

        Parameters
        ----------
        path : path
            An existing file is replaced.

        Raises
        ------
        InputError
            If there is no legend.
        OutputError
            If the file cannot be written.
        """
        legend = self.legend
        if legend is None:
            raise InputError("there is no legend to save; assign classes first.")
        legend.save(path)
        self.state.say(f"Saved the legend as {os.fspath(path)}.")
