"""One part of a scene classified by a frozen model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.inference.frozen import FrozenModel
from ktextures.inference.strips import Strip
from ktextures.raster.nodata import valid_pixels
from ktextures.raster.windows import Window, cover_regularly, grow

__all__ = ["SOFT", "BlockClassifier"]

SOFT = ("probabilities", "confidence")
"""Outputs that only networks with probabilities have."""

WINDOW = 512
"""Columns that are classified together: bounds memory, not the result."""

Outputs = dict[str, npt.NDArray[Any]]

_NODATA = {"u": 0, "b": False, "f": np.nan}


@dataclass(frozen=True)
class BlockClassifier:
    """Classifies one part of a scene; holds nothing but what a worker process needs.

    Parameters
    ----------
    model : FrozenModel
    textures : array, shape (class, band, y, x), float32
        In the scene's units; laid over the scene.
    nodata : float or None
    outputs : tuple of str
    """

    model: FrozenModel
    textures: npt.NDArray[np.float32]
    nodata: float | None
    outputs: tuple[str, ...]

    @property
    def reach(self) -> int:
        """Radius in pixels of the neighborhood that a pixel's class depends on."""
        return self.model.reach

    def __dask_tokenize__(self) -> tuple[object, ...]:
        """What makes two of them the same."""
        model = self.model
        arrays = (model.masks, model.preparation, model.values, self.textures)
        return ("ktextures.BlockClassifier", *arrays, self.nodata, self.outputs)

    def shape(self, name: str, height: int, width: int) -> tuple[tuple[int, ...], Any]:
        """Shape and dtype of an output over height x width pixels."""
        k, bands = self.model.k, self.textures.shape[1]
        return {
            "classes": ((height, width), np.dtype("uint8")),
            "confidence": ((height, width), np.dtype("float32")),
            "masks": ((k, height, width), np.dtype(bool)),
            "probabilities": ((k, height, width), np.dtype("float32")),
            "simulated": ((bands, height, width), np.dtype("float32")),
        }[name]

    def __call__(
        self, values: npt.NDArray[Any], part: Window, height: int, width: int
    ) -> Outputs:
        """Outputs of a part of a scene of height x width pixels.

        `values`, shape (band, y, x), are those of the part and of as much of its halo
        as lies in the scene.
        """
        origin, _ = grow(part, self.reach, height, width)
        values = np.ascontiguousarray(values)
        valid = valid_pixels(values, self.nodata)
        results = {
            name: np.full(shape, _NODATA[dtype.kind], dtype)
            for name in self.outputs
            for shape, dtype in [self.shape(name, part.height, part.width)]
        }
        self._classify(results, values, valid, part, origin, (height, width))
        return results

    def _classify(
        self,
        results: Outputs,
        values: npt.NDArray[Any],
        valid: npt.NDArray[np.bool_],
        part: Window,
        origin: Window,
        size: tuple[int, int],
    ) -> None:
        """Fill the results, some columns at a time; where all is nodata, they are."""
        for column in cover_regularly(1, part.width, WINDOW):
            place = Window(part.row, part.col + column.col, part.height, column.width)
            here = place.moved(-origin.row, -origin.col)
            if not valid[here.slices].any():
                continue
            inside, padding = grow(place, self.reach, *size)
            inside = inside.moved(-origin.row, -origin.col)
            planes = self.model.prepared(values, valid, inside, padding)
            for strip in self.model.strips(planes):
                self._fill(results, strip, place, valid[here.slices], column.col)

    def _fill(
        self,
        results: Outputs,
        strip: Strip,
        place: Window,
        valid: npt.NDArray[np.bool_],
        col: int,
    ) -> None:
        """Write the outputs of some rows of a window."""
        rows = slice(strip.row, strip.row + len(strip.chosen))
        at = (..., rows, slice(col, col + place.width))
        known = valid[rows]
        classes = np.where(known, self.model.values[strip.chosen], np.uint8(0))
        if "classes" in results:
            results["classes"][at] = classes
        if "masks" in results:
            every = np.arange(1, self.model.k + 1, dtype="uint8")
            results["masks"][at] = classes == every[:, None, None]
        if "simulated" in results:
            row = place.row + strip.row
            results["simulated"][at] = self._simulated(classes, row, place.col)
        if strip.logits is not None and set(SOFT) & set(results):
            soft = np.where(known, self._soft(strip.logits), np.float32(np.nan))
            if "probabilities" in results:
                results["probabilities"][at] = soft
            if "confidence" in results:
                two = np.partition(soft, -2, axis=0)[-2:]
                results["confidence"][at] = two[1] - two[0]

    def _soft(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probability of each class, (class, y, x), of the logits of a strip."""
        united = self.model.united(logits).transpose(1, 0, 2)
        powers = np.exp(united - united.max(0))
        probabilities: npt.NDArray[np.float32] = powers / powers.sum(0)
        return probabilities

    def _simulated(
        self, classes: npt.NDArray[np.uint8], row: int, col: int
    ) -> npt.NDArray[np.float32]:
        """Masks x textures, (band, y, x), where a strip begins at `row` and `col`."""
        height, width = classes.shape
        rows = (row + np.arange(height))[:, None] % self.textures.shape[2]
        cols = (col + np.arange(width))[None, :] % self.textures.shape[3]
        index = np.maximum(classes, 1) - 1
        shown = self.textures.transpose(0, 2, 3, 1)[index, rows, cols]
        shown = np.where(classes[..., None] > 0, shown, np.float32(np.nan))
        return shown.transpose(2, 0, 1)
