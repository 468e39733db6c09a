"""What an explorer gives to its user: models, and labeled Datasets of classes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

import ktextures.results.leaflet  # noqa: F401 - lets maps add a result as a layer
from ktextures.classes.arrays import relabel
from ktextures.classes.table import ClassTable
from ktextures.model.config import Snapshot
from ktextures.raster.georeference import georeference
from ktextures.widgets._classes import ClassBook
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["ModelShelf", "Results", "Shared"]


class ModelShelf:
    """Provides models that never change, whatever is being trained meanwhile.

    Every method may be called from any thread.

    Parameters
    ----------
    book : ClassBook
        Names and colors of the classes shown.
    model : KTextures, optional
        Model to begin with.

    Attributes
    ----------
    shown : bool
        Whether the classes shown are those of the model.
    unsteered : KTextures or None
        The model that the hints since the last training are applied to; None if the
        present model was not made that way.
    """

    def __init__(self, book: ClassBook, model: "KTextures | None" = None) -> None:
        # One lock for classes and models: threads that took two could block each other.
        self._book, self._lock = book, book.lock
        self._model = model
        self._live: KTextures | None = None
        self._order = np.arange(0)
        self._base, self._steps, self.shown = 0, 0, True
        self.unsteered: KTextures | None = None

    @property
    def model(self) -> "KTextures | None":
        """The model after the last complete step, with the names and colors shown."""
        with self._lock:
            if self._live is not None and self._live.record.steps > self._steps:
                self._take(self._ordered(self._live.copy()))
            if self._model is not None and self.shown:
                table = self._book.model_table(self._model.classes)
                if table is not None and table != self._model.classes:
                    self._model = self._model.with_classes(table)
            return self._model

    def watch(self, live: "KTextures", fresh: bool) -> None:
        """Provide copies of a model in training, from its next step on.

        The classes shown are those of a fresh model from now on.
        """
        with self._lock:
            self._model = self.model  # with its names, before other classes are shown
            self._live, self._order = live, live.record.order.copy()
            self._base = self._steps = live.record.steps
            self.shown = self.shown and not fresh

    def put(self, model: "KTextures") -> None:
        """Keep a model whose training has ended."""
        with self._lock:
            self._live = self.unsteered = None
            self._take(model)

    def settle(self) -> "KTextures | None":
        """Stop watching; keep and return the model if it has learned anything."""
        with self._lock:
            live, self._live = self._live, None
            if live is None or live.record.steps <= self._base:
                return None
            self._take(self._ordered(live))
            return live

    def clear(self) -> None:
        """Keep no model."""
        with self._lock:
            self._model = self._live = self.unsteered = None
            self.shown = True

    def _ordered(self, model: "KTextures") -> "KTextures":
        """The model with its classes numbered as shown, not re-sorted by brightness."""
        model.record = replace(model.record, order=self._order)
        return model

    def _take(self, model: "KTextures") -> None:
        self._model, self._steps, self.shown = model, model.record.steps, True


class Shared(NamedTuple):
    """What everything that works on one explorer's classes needs."""

    state: ExplorerState
    book: ClassBook
    preview: Preview
    shelf: ModelShelf


class Results:
    """Labeled Datasets of the classes shown, of the preview or of the full scene.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview
    """

    def __init__(self, state: ExplorerState, preview: Preview) -> None:
        self._state, self._preview = state, preview
        self._full: tuple[npt.NDArray[np.uint8], Snapshot] | None = None

    def keep(self, classes: npt.NDArray[np.uint8], snapshot: Snapshot) -> None:
        """Keep classes (y, x) of the full scene, by the model of a snapshot."""
        self._full = classes, snapshot

    def clear(self) -> None:
        """Release the classes of the full scene."""
        self._full = None

    def dataset(self) -> xr.Dataset | None:
        """What `ktextures.segment` would give; None before any training."""
        with self._state.lock:
            snapshot, mapping = self._state.snapshot, self._state.mapping
            table, full = self._state.table, self._full
        if snapshot is None or snapshot.step == 0:
            return None
        if full is not None and full[1] is snapshot:
            return dataset(snapshot, mapping, table, full[0], self._preview.scene)
        like = self._preview.thinned
        return dataset(snapshot, mapping, table, snapshot.classes, like)


def dataset(
    snapshot: Snapshot,
    mapping: Sequence[int],
    table: ClassTable,
    classes: npt.NDArray[np.uint8],
    like: xr.DataArray,
) -> xr.Dataset:
    """Dataset of the classes shown, as `ktextures.segment` gives it.

    Parameters
    ----------
    snapshot : Snapshot
        Its simulated image is included if it has the shape of `classes`.
    mapping : sequence of int
        Class shown for each class of the model.
    table : ClassTable
        Names and colors of the classes shown.
    classes : array of uint8, shape (y, x)
        With the model's own numbers.
    like : DataArray
        Scene with the grid of `classes`.

    Returns
    -------
    Dataset
        "classes" (y, x), "textures" (class, band, texture_y, texture_x), and
        "simulated" (band, y, x) if the snapshot has it.
    """
    shown = relabel(classes, np.array(mapping, np.int64))
    attrs = {**table.attrs(), "long_name": "k-textures class"}
    located = georeference(
        shown, like, dims=("y", "x"), name="classes", attrs=attrs, nodata=0
    )
    result = xr.Dataset({"classes": located})
    if snapshot.classes.shape == classes.shape:
        result["simulated"] = georeference(
            snapshot.simulated.transpose(2, 0, 1),
            like,
            dims=("band", "y", "x"),
            name="simulated",
            coords={"band": like.band.values, "role": ("band", like.role.values)},
            nodata=np.nan,
        )
    chosen = [list(mapping).index(value) for value in range(1, table.k + 1)]
    result["textures"] = xr.DataArray(
        snapshot.textures[chosen].transpose(0, 3, 1, 2),
        dims=("class", "band", "texture_y", "texture_x"),
        coords={"class": np.arange(1, table.k + 1), "band": like.band.values},
    )
    return result
