"""What preset "default" computes of the training tiles, whatever k is."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from ktextures.model.masks import ContextualMasks
from ktextures.raster.tile_set import TileSet
from ktextures.training.class_statistics import StatisticsSample
from ktextures.training.descriptors import Channels, DescriptorSpace
from ktextures.training.pixel_batches import SeenTiles
from ktextures.training.segments import segments_of

__all__ = ["Basis"]


SEGMENT_SCALE = 50.0
"""Scale of the segments that hints speak for."""

BLOCK = 8
"""Side in pixels of what hints speak for where color says nothing about regions."""


@dataclass(frozen=True)
class Basis:
    """Descriptors of tiles, what masks see of them, and samples for statistics.

    Attributes
    ----------
    tiles : TileSet
        With a halo of at least the reach of the masks.
    space : DescriptorSpace
        Fitted.
    channels : Channels
        Of the tiles, in that space.
    descriptors : array, shape (n, y, x, dimension), float32
    seen : SeenTiles
    sample : StatisticsSample
    """

    tiles: TileSet
    space: DescriptorSpace
    channels: Channels
    descriptors: np.ndarray
    seen: SeenTiles
    sample: StatisticsSample

    @classmethod
    def of(
        cls,
        tiles: TileSet,
        space: DescriptorSpace,
        channels: Channels,
        network: ContextualMasks,
        *,
        adapt: bool,
    ) -> Self:
        """Collect it for a network; `adapt` standardizes what it sees by the tiles."""
        seen = SeenTiles.by(network, tiles, adapt=adapt)
        descriptors = channels.fine @ space.turns[0]
        sample = StatisticsSample(seen.pixels, seen.inside, descriptors)
        return cls(tiles, space, channels, descriptors, seen, sample)

    def seen_by(self, network: ContextualMasks) -> Self:
        """The same for a network that may see the tiles differently."""
        if self.seen.fits(network):
            return self
        return replace(self, seen=SeenTiles.by(network, self.tiles, adapt=False))

    def of_patches(self, tiles: TileSet, seen: SeenTiles) -> Self:
        """The same of other tiles, which statistics do not depend on."""
        described = self.space.describe(tiles)
        return replace(self, tiles=tiles, descriptors=described, seen=seen)

    @cached_property
    def _neighborhoods(self) -> dict[int, np.ndarray]:
        return {}

    def neighborhoods(self, tile: int) -> np.ndarray:
        """Pixels of a tile that a hint for one of them speaks for.

        Parameters
        ----------
        tile : int
            From 0.

        Returns
        -------
        array, shape (y, x), int
            Numbers of segments, or of blocks where color says nothing about regions.
        """
        if tile not in self._neighborhoods:
            pixels = self.seen.pixels[tile]
            if self.space.trust:
                found = segments_of(pixels, SEGMENT_SCALE)
            else:
                rows, cols = np.indices(pixels.shape[:2]) // BLOCK
                found = rows * (cols.max() + 1) + cols
            self._neighborhoods[tile] = found
        return self._neighborhoods[tile]
