"""A model with its weights frozen, as small as it can be sent to other processes."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.inference import neighborhoods
from ktextures.inference.contextual import FrozenContextual
from ktextures.inference.published import FrozenPublished
from ktextures.inference.strips import Strip
from ktextures.inference.workspace import Workspace
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.windows import Padding, Window, reflected

__all__ = ["FrozenModel"]


@dataclass(frozen=True)
class FrozenModel:
    """Everything that classifying needs, in plain arrays; needs no TensorFlow.

    Parameters
    ----------
    masks : FrozenContextual or FrozenPublished
    preparation : Preparation
    values : array of uint8, shape (k,)
        Class of each mask, as the network numbers them.
    """

    masks: FrozenContextual | FrozenPublished
    preparation: Preparation
    values: npt.NDArray[np.uint8]
    _local: "Scratch" = field(default_factory=lambda: Scratch(), compare=False)

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.values)

    @property
    def reach(self) -> int:
        """Radius in pixels of the neighborhood that a pixel's class depends on."""
        return self.masks.reach

    @property
    def scaler(self) -> BandScaler:
        """Scaling of the bands."""
        return self.preparation.scaler

    def prepared(
        self,
        values: npt.NDArray[Any],
        valid: npt.NDArray[np.bool_],
        window: Window,
        padding: Padding,
    ) -> npt.NDArray[np.float32]:
        """Scaled and filled pixels of a window, mirrored beyond the scene.

        Parameters
        ----------
        values : array, shape (band, y, x)
            In the scene's units.
        valid : array of bool, shape (y, x)
        window : Window
            Part of `values`.
        padding : ((int, int), (int, int))
            Pixels to mirror (above, below), (left, right).

        Returns
        -------
        array, shape (band, height and width of window with padding), float32
        """
        shape = (len(values), window.height, window.width)
        inside = self._local.work.array("inside", shape)
        fill = np.array(self.preparation.fill, "float64")
        place = (values, valid, window.row, window.col)
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            lowest, tables = self._tables(values.dtype)
            neighborhoods.looked_up(*place, tables, lowest, fill, inside)
        else:
            low, high = np.array(self.scaler.low), np.array(self.scaler.high)
            neighborhoods.scaled(*place, low, high, self.scaler.top, fill, inside)
        if padding == ((0, 0), (0, 0)):
            return inside
        rows = reflected(window.height, *padding[0])
        return inside[:, rows[:, None], reflected(window.width, *padding[1])]

    def _tables(self, dtype: np.dtype[Any]) -> tuple[int, npt.NDArray[np.float32]]:
        """The lowest value of a small integer type, and what becomes of each value."""
        found = self._local.tables.get(dtype.str)
        if found is None:
            limits = np.iinfo(dtype)
            every = np.arange(limits.min, limits.max + 1)[:, None]
            scaled = self.scaler.scale(np.repeat(every, len(self.scaler.low), 1))
            found = limits.min, np.ascontiguousarray(scaled.T)
            self._local.tables[dtype.str] = found
        return found

    def strips(self, planes: npt.NDArray[np.float32]) -> Iterator[Strip]:
        """Masks of a tile, some rows at a time.

        Parameters
        ----------
        planes : array, shape (band, y + 2 reach, x + 2 reach), float32
            As `prepared` returns them.

        Yields
        ------
        Strip
        """
        return self.masks.strips(planes, self._local.work)

    def united(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits (y, class, x), in class order, of those of a strip (y, row, x)."""
        if not isinstance(self.masks, FrozenContextual):
            raise TypeError("masks of preset 'paper' have no logits")
        of_mask = np.full(
            (logits.shape[0], self.k, logits.shape[2]), -np.inf, "float32"
        )
        for row, mask in enumerate(self.masks.groups):
            np.maximum(of_mask[:, mask], logits[:, row], out=of_mask[:, mask])
        return of_mask[:, np.argsort(self.values)]


class Scratch(threading.local):
    """Scratch arrays of each thread; not sent to other processes."""

    def __init__(self) -> None:
        self.work = Workspace()
        self.tables: dict[str, tuple[int, npt.NDArray[np.float32]]] = {}

    def __reduce__(self) -> tuple[type["Scratch"], tuple[()]]:
        """Begin anew elsewhere."""
        return Scratch, ()
