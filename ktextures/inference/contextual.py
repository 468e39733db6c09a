"""The contextual mask network with its weights frozen: k logits per pixel.

Rows of a tile are computed strip by strip. What the network sees of the rows that
neighboring strips share is kept from one to the next, and everything stays in the
caches of the processor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktextures.inference import dense, filters, neighborhoods
from ktextures.inference.layers import Layer
from ktextures.inference.linear_algebra import is_regular
from ktextures.inference.strips import Strip
from ktextures.inference.workspace import LANES, Workspace, padded

__all__ = ["FrozenContextual"]

Floats = npt.NDArray[np.float32]

ROWS = 32
"""Rows of a strip."""

FINE_REACH, COARSE_REACH = 3, 6
"""Reach in pixels of the filters, and of those with taps two pixels apart."""


@dataclass(frozen=True)
class FrozenContextual:
    """Masks from a pixel and its neighborhood.

    Parameters
    ----------
    reach : int
        Pixels that a tile is larger on each side.
    fine : int
        Combinations of bands that the finer filters see; the larger see the first.
    filters : array, shape (3, 4, 3, 4), float32
        As `ktextures.inference.filters.fold` returns them.
    blur : array, shape (tap,), float32
        Applied along y and x to what the larger filters see.
    means : tuple of arrays, each (tap,), float32
        Weights of the local means along y and x; empty if only colors are seen.
    groups : array of uint8, shape (row,)
        Mask that each row of the last layer belongs to.
    whiten : array, shape (band, band + 1), float32
        Decorrelates the bands; the last column is added.
    mix : Layer
        From the channels that are seen to the hidden ones.
    head : Layer
        From those to logits.
    """

    reach: int
    fine: int
    filters: Floats
    blur: Floats
    means: tuple[Floats, ...]
    groups: npt.NDArray[np.uint8]
    whiten: Floats
    mix: Layer
    head: Layer

    @property
    def _margin(self) -> int:
        """Reach of the widest local mean; the rest is that of the filters."""
        return max((len(mean) // 2 for mean in self.means), default=0)

    def strips(self, planes: Floats, work: Workspace) -> Iterator[Strip]:
        """Masks and logits of a tile, some rows at a time.

        Parameters
        ----------
        planes : array, shape (band, y + 2 reach, x + 2 reach), float32
            Scaled and filled.
        work : Workspace

        Yields
        ------
        Strip
        """
        bands, tall, wide = planes.shape
        height, width = tall - 2 * self.reach, wide - 2 * self.reach
        lanes = padded(width)
        colors = self._decorrelated(planes, work)
        seen = work.array("seen", (ROWS, self.mix.weights.shape[1], lanes))
        maps = None
        for row in range(0, height, ROWS):
            count = min(ROWS, height - row)
            rows = slice(self.reach + row, self.reach + row + count)
            columns = slice(self.reach, self.reach + lanes)
            seen[:count, :bands] = colors[:bands, rows, columns].transpose(1, 0, 2)
            if self.means:
                maps = self._maps(colors, bands, row, maps, lanes, work)
                self._means(maps, seen, bands, work)
            yield self._decided(row, count, seen, width, work)

    def _decorrelated(self, planes: Floats, work: Workspace) -> Floats:
        """Combinations of the bands; then the first of them, blurred by a pixel.

        There is room for a strip and vectors that begin near the end of the tile.
        """
        bands, tall, wide = planes.shape
        room = padded(wide - 2 * self.reach) + 2 * self.reach
        shape = (bands + 1, tall + ROWS, padded(room) + 2 * LANES)
        colors = work.array("colors", shape)
        neighborhoods.decorrelated(planes, self.whiten, colors)
        if self.means:
            blur, rows = _padded(self.blur), tall - len(self.blur) + 1
            down = work.array("down", (1, rows, shape[2]))
            neighborhoods.smooth_along_y(colors[:1], blur, 0, down)
            across = work.array("across", (rows, 1, shape[2] - LANES))
            neighborhoods.smooth_along_x(down, blur, 0, across, 0)
            colors[bands, :rows, : across.shape[2]] = across[:, 0]
        return colors

    def _maps(
        self,
        colors: Floats,
        bands: int,
        row: int,
        before: Floats | None,
        lanes: int,
        work: Workspace,
    ) -> Floats:
        """What local means are taken of, for a strip and the rows around it.

        Colors, and sizes of the responses to the filters, (map, y, x).
        """
        margin, around = self._margin, self.reach - self._margin
        count = bands + filters.COUNT * (self.fine + 1)
        shape = (count, ROWS + 2 * margin, padded(lanes + 2 * margin))
        maps = work.array("maps", shape)
        first = 0
        if before is not None:
            first = 2 * margin
            maps[:, :first] = maps[:, ROWS:]
        top = row + first
        rows = slice(around + top, around + row + shape[1])
        columns = slice(around, around + shape[2])
        maps[:bands, first:] = colors[:bands, rows, columns]
        for number in range(self.fine):
            channel = bands + number * filters.COUNT
            at = (number, around - FINE_REACH)
            self._responses(colors, *at, row, 1, maps, channel, first, work)
        channel = bands + self.fine * filters.COUNT
        at = (bands, around - len(self.blur) // 2 - COARSE_REACH)
        self._responses(colors, *at, row, 2, maps, channel, first, work)
        return maps

    def _responses(
        self,
        colors: Floats,
        plane: int,
        begin: int,
        row: int,
        step: int,
        maps: Floats,
        channel: int,
        first: int,
        work: Workspace,
    ) -> None:
        """Sizes of the responses of a plane to the filters, from row `first` on."""
        width = maps.shape[2]
        folded = work.array(f"folded by {step}", (7, width + 6 * step))
        sums = work.array("sums", (filters.COUNT, width))
        filters.absolute_responses(
            colors,
            plane,
            begin + row + first,
            begin,
            self.filters,
            step,
            folded,
            sums,
            maps,
            channel,
            first,
        )

    def _means(self, maps: Floats, seen: Floats, bands: int, work: Workspace) -> None:
        """Local means of maps, written to what the network sees."""
        for number, mean in enumerate(self.means):
            kernel, first = _padded(mean), self._margin - len(mean) // 2
            shape = (len(maps), ROWS, maps.shape[2] + LANES)
            down = work.array("means along y", shape)
            neighborhoods.smooth_along_y(maps, kernel, first, down)
            channel = bands + number * len(maps)
            neighborhoods.smooth_along_x(down, kernel, first, seen, channel)

    def _decided(
        self, row: int, count: int, seen: Floats, width: int, work: Workspace
    ) -> Strip:
        """Masks and logits of what the network sees, (y, channel, x)."""
        lanes = seen.shape[2]
        hidden = work.array("hidden", (len(self.mix.bias), lanes))
        bits = work.array("bits", (lanes,), "int32")
        powers = bits.view("float32")
        logits = work.array("logits", (ROWS, len(self.head.bias), lanes))
        chosen = work.array("chosen", (ROWS, lanes), "uint16")
        rows = len(self.groups)
        dense.contextual_logits(
            seen,
            count,
            *self.mix,
            *self.head,
            rows,
            hidden,
            bits,
            powers,
            logits,
            chosen,
            all(is_regular(*each.weights.shape) for each in (self.mix, self.head)),
        )
        masks = self.groups[chosen[:count, :width]]
        return Strip(row, masks, logits[:count, :rows, :width])


def _padded(kernel: Floats) -> Floats:
    return np.pad(kernel, (0, -len(kernel) % neighborhoods.PAD))
