"""What preset "default" computes of the training tiles, whatever k is."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ktextures.model.masks import ContextualMasks
from ktextures.raster.tile_set import TileSet
from ktextures.training.class_statistics import StatisticsSample
from ktextures.training.descriptors import Channels, DescriptorSpace
from ktextures.training.pixel_batches import SeenTiles

__all__ = ["Basis"]


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
