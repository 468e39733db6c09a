"""What a training step minimizes: the protocol, and the published objective."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ktextures.files.archive import Arrays
from ktextures.model.ktextures import KTextures
from ktextures.raster.tile_set import TileSet
from ktextures.training.adam import Adam
from ktextures.training.objective import optimizer_state, restore_optimizer, weights_of
from ktextures.training.presets import Preset

__all__ = ["SimulationObjective", "shuffled"]

CACHE_BYTES = 2**30
"""Memory that features of the image may take."""


def shuffled(count: int, pass_index: int, seed: int) -> np.ndarray:
    """The order of `count` tiles in a pass; depends on the seed and the pass alone."""
    return np.random.default_rng([seed, pass_index]).permutation(count)


class SimulationObjective:
    """Make features of the simulated image match those of the image, as published.

    A step is one tile. Textures are drawn from fresh noise, masks x textures simulate
    the tile, and the mean squared differences of all feature maps add up, with weight 1
    each unless others are given.

    Parameters
    ----------
    model : KTextures
        With fitted extractors.
    tiles : TileSet
        With the halo of the model's reach.
    seed : int
    preset : Preset
        Its loss weights are those of "features 1", "features 2" and so on, in the order
        of the maps.

    Notes
    -----
    Wagner et al. 2022, Frontiers in Environmental Science 10:946729. The features of
    the image are computed once per tile, since they never change.
    """

    keeps_best = True
    settled = False

    def __init__(
        self,
        model: KTextures,
        tiles: TileSet,
        seed: int,
        preset: Preset,
    ) -> None:
        self.model, self.tiles, self.seed = model, tiles, seed
        self.steps_per_pass = len(tiles)
        self.optimizer = Adam(preset.learning_rate)
        self.optimizer.build(model.trainable_variables)
        self._targets: dict[int, list[tf.Tensor]] = {}
        names = [f"features {i + 1}" for i in range(len(self.target(0)))]
        self.weights = weights_of(preset.loss_weights, dict.fromkeys(names, 1.0))
        self._step = tf.function(self._train, reduce_retracing=True, autograph=False)

    def features(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps of (1, y, x, band) by all extractors."""
        return [
            maps for extractor in self.model.extractors for maps in extractor(image)
        ]

    def target(self, tile: int) -> list[tf.Tensor]:
        """Features of a tile of the image, computed once while memory lasts."""
        if tile in self._targets:
            return self._targets[tile]
        image = self.tiles.inner()[0][tile][None]
        maps = self.features(tf.constant(image))
        size = sum(4 * int(tf.size(each)) for each in maps)
        if size * (len(self._targets) + 1) <= CACHE_BYTES:
            self._targets[tile] = maps
        return maps

    def _train(
        self,
        tile: tf.Tensor,
        valid: tf.Tensor,
        targets: list[tf.Tensor],
        noise_seed: tf.Tensor,
    ) -> list[tf.Tensor]:
        model, halo = self.model, self.tiles.halo
        with tf.GradientTape() as tape:
            masks = model.mask_network(tile, training=True, noise_seed=noise_seed)
            height, width = masks.shape[1:3]
            noise = model.texture_bank.noise(height, width, noise_seed + 1)
            textures = model.texture_bank(noise, training=True)
            simulated = tf.einsum("nyxk,kyxb->nyxb", masks, textures)
            image = tile[:, halo : halo + height, halo : halo + width]
            # Where there is no data, both sides are equal, so that nothing is learned.
            simulated = tf.where(valid[..., None], simulated, image)
            parts = [
                tf.reduce_mean((maps - target) ** 2)
                for maps, target in zip(self.features(simulated), targets, strict=True)
            ]
            weighted = zip(self.weights.values(), parts, strict=True)
            loss = tf.add_n([weight * part for weight, part in weighted])
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return [loss, *parts]

    def step(self, index: int) -> dict[str, float]:
        """Train on one tile."""
        pass_index, place = divmod(index, self.steps_per_pass)
        tile = int(shuffled(len(self.tiles), pass_index, self.seed)[place])
        losses = self._step(
            tf.constant(self.tiles.values[tile][None]),
            tf.constant(self.tiles.inner()[1][tile][None]),
            self.target(tile),
            tf.constant([self.seed % 2**31, 2 * index], "int32"),
        )
        names = ["loss", *self.weights]
        return dict(zip(names, map(float, losses), strict=True))

    def finish(self) -> None:
        """Do nothing: the loop keeps the best weights."""

    def state(self) -> Arrays:
        """The optimizer's variables."""
        return optimizer_state("optimizer", self.optimizer)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        restore_optimizer("optimizer", self.optimizer, arrays)
