"""The default objective: each pixel chooses among the textures of a dictionary.

If the masks could draw the image pixel by pixel, the textures would have nothing to do.
Here each pixel is compared with the entries of a dictionary instead, one per class: the
loss is the squared distance between the descriptor of its neighborhood and the entry of
its class. An entry lies at the mean descriptor of its class, pulled toward the class's
*pure* texture; textures learn to resemble the pixels of their classes. This is k-means
whose labels come from a network, trained by gradient descent.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ktextures.files.archive import Arrays
from ktextures.model.ktextures import KTextures
from ktextures.model.ops import hard_masks
from ktextures.raster.tile_set import TileSet
from ktextures.training.class_statistics import ClassStatistics
from ktextures.training.descriptors import Channels, DescriptorSpace
from ktextures.training.initial_labels import View, initial_labels
from ktextures.training.objective import (
    optimizer_state,
    restore_optimizer,
)
from ktextures.training.presets import DefaultPreset
from ktextures.training.split_merge import LEAST_SHARE, revive

__all__ = ["DictionaryObjective"]

CROP = 128
"""Side in pixels of the crop that a step sees."""

REVIEW = 20
"""Steps after which the statistics of each class are measured again."""

LEAST_DRAWN = 8
"""Fewest textures trained in a step; with many classes, a quarter of them."""

TRUST = 0.5
"""Weight of a texture against the mean of its class in an entry of the dictionary."""

PULL = 0.25
"""Farthest that a texture may pull an entry toward the mean of the nearest other class.

Textures trained for a minute do not match their classes exactly; without this limit,
their errors would move the masks.
"""

RISE = 60
"""Steps in which the textures' learning rate rises: all at once saturates them."""

REVIVAL_SHARE = 0.8
"""Part of the steps in which lost classes are revived; later they could not settle."""

TEXTURE_SIDE = 48


class DictionaryObjective:
    """Masks choose textures; textures learn to resemble the pixels of their class.

    Parameters
    ----------
    model : KTextures
        With contextual masks, tileable textures and fitted extractors.
    tiles : TileSet
        With a halo of at least the model's reach.
    space : DescriptorSpace
        Fitted.
    channels : Channels
        Of the tiles, in that space.
    preset : DefaultPreset
        Its learning rates fall to a twentieth over its steps.
    seed : int
    continued : bool
        True: begin with the model's own classes, without imitation.
    on_vote : callable
        Called before each k-means of the initial labels.
    """

    keeps_best = False

    def __init__(
        self,
        model: KTextures,
        tiles: TileSet,
        space: DescriptorSpace,
        channels: Channels,
        preset: DefaultPreset,
        *,
        seed: int,
        continued: bool = False,
        on_vote: Callable[[], None] = lambda: None,
    ) -> None:
        self.model, self.space, self.seed = model, space, seed
        self.values, _ = tiles.inner(model.reach)
        self.pixels, self.inside = tiles.inner()
        self.descriptors = channels.fine @ space.turns[0]
        self.spread = float(self.descriptors[self.inside].var(0).sum()) / model.k
        self.shape = tuple(min(side, CROP) for side in self.inside.shape[1:])
        crops = [-(-side // CROP) for side in self.inside.shape[1:]]
        self.steps_per_pass = len(tiles) * crops[0] * crops[1]
        steps = preset.steps
        imitated = max(int(steps * preset.imitation_share), 1)
        self.imitation_steps = 0 if continued else imitated
        self.last_revival = int(steps * REVIVAL_SHARE)
        self.weights = preset.loss_weights
        rate = preset.continued_learning_rate if continued else preset.learning_rate
        self.mask_optimizer = _adam(rate, steps, model.mask_network)
        self.texture_optimizer = _adam(
            preset.texture_learning_rate,
            steps,
            model.texture_bank,
            min(RISE, steps // 4),
        )
        self._mask_step = tf.function(self._train_masks, reduce_retracing=True)
        self._texture_step = tf.function(self._train_textures, reduce_retracing=True)
        wide = (model.mask_network.texture_scale or 0) >= preset.wide_scale
        views = space.views(channels, wide=wide)
        self._start(None if continued else views, on_vote)

    def _start(self, views: Sequence[View] | None, on_vote: Callable[[], None]) -> None:
        """Label the pixels by several views, or by the classes of the model."""
        model = self.model
        self.absent: frozenset[int] = frozenset()
        if views is None:
            self.labels = np.where(self.inside, self._choices(), -1).astype("int32")
            # Learned from another scene, and to be kept.
            self.absent = frozenset(self._lost(self.labels))
        else:
            self.labels = initial_labels(
                views,
                self.pixels.mean(-1),
                self.inside,
                model.k,
                self.seed,
                on_vote,
            )
            known = self.pixels[self.inside].astype("float64")
            model.mask_network.adapt(known.mean(0), np.maximum(known.std(0), 1e-6))
        self.rarity = tf.Variable(tf.ones(model.k))
        self.statistics = ClassStatistics(
            self.pixels, self.inside, self.descriptors, model.k
        )
        self.entries = tf.Variable(tf.zeros((model.k, self.descriptors.shape[-1])))
        self._review(self.labels, -1)
        if views is not None:
            model.texture_bank.adapt(self.statistics.color.numpy())

    def _review(self, labels: np.ndarray, index: int) -> None:
        """Measure the statistics of each class again, and the place of its texture."""
        if 0 <= index < self.last_revival:
            labels = self._revive(labels)
        counts = np.bincount(self.labels[self.inside], minlength=self.model.k)
        # Without it, a class of a few percent is hardly ever learned.
        self.rarity.assign(np.sqrt(counts.mean() / np.maximum(counts, 1)))
        self.statistics.update(labels)
        means = self.statistics.descriptor.numpy()
        if index < self.imitation_steps:
            self.entries.assign(means)
            return
        noise = self.model.texture_bank.noise(
            TEXTURE_SIDE, TEXTURE_SIDE, tf.constant([self.seed, index], "int32")
        )
        textures = self.model.texture_bank(noise)
        places = self.space.place(self.space.texture_means(textures)).numpy()
        self.entries.assign(means + pull(places - means, means))

    def _revive(self, labels: np.ndarray) -> np.ndarray:
        """Give each lost class part of another class; return the labels.

        Descriptors may separate what the masks, which see less, cannot; such a class
        is lost. It is replaced by one that the masks can see.
        """
        if self._lost(labels) <= self.absent:
            return labels
        if revive(self.model, self.values, self.inside, self.absent):
            labels = np.where(self.inside, self._choices(), -1)
            self.labels = labels.astype("int32")
        return labels

    def _lost(self, labels: np.ndarray) -> set[int]:
        """Masks with fewer than `LEAST_SHARE` of the pixels of labels (n, y, x)."""
        counts = np.bincount(labels[self.inside], minlength=self.model.k)
        return set(np.flatnonzero(counts < LEAST_SHARE * counts.sum()).tolist())

    def _choices(self) -> np.ndarray:
        """Mask chosen for each pixel, (n, y, x), numbered as the network has them."""
        return np.concatenate([self.model.chosen(tile[None]) for tile in self.values])

    def _train_masks(
        self,
        values: tf.Tensor,
        labels: tf.Tensor,
        descriptors: tf.Tensor,
        imitating: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Let pixels choose among the textures, or learn the initial labels."""
        network, known = self.model.mask_network, tf.cast(labels >= 0, "float32")
        with tf.GradientTape() as tape:
            logits = network.logits(values)
            masks = hard_masks(logits)
            chosen = tf.reduce_sum(masks * self._distances(descriptors), -1)
            dictionary = _mean_over(chosen, known)
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.maximum(labels, 0), logits
            )
            rarity = tf.gather(self.rarity, tf.maximum(labels, 0))
            imitation = _mean_over(entropy * rarity, known)
            both = (
                self.weights["dictionary"] * dictionary
                + self.weights["imitation"] * imitation
            )
            loss = tf.where(imitating, imitation, both)
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.mask_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return dictionary, imitation

    def _distances(self, descriptors: tf.Tensor) -> tf.Tensor:
        """Squared distance of (n, y, x, dimension) to each entry, (n, y, x, class)."""
        entries = tf.convert_to_tensor(self.entries)
        distance = tf.reduce_sum(entries**2, -1) - 2.0 * tf.einsum(
            "nyxd,kd->nyxk", descriptors, entries
        )
        distance += tf.reduce_sum(descriptors**2, -1, keepdims=True)
        # A texture's shortcomings are no reason for pixels to leave its class.
        lack = tf.reduce_sum((entries - self.statistics.descriptor) ** 2, -1)
        return (distance - lack) / self.spread

    def _train_textures(self, drawn: tf.Tensor, noise_seed: tf.Tensor) -> tf.Tensor:
        """Train the `drawn` textures to resemble their classes; return the loss."""
        bank = self.model.texture_bank
        with tf.GradientTape() as tape:
            noise = bank.noise(TEXTURE_SIDE, TEXTURE_SIDE, noise_seed)
            textures = bank(tf.gather(noise, drawn), classes=drawn)
            loss = self.statistics.texture_loss(textures, drawn)
        variables = bank.trainable_variables
        gradients = tape.gradient(loss, variables)
        before = [tf.convert_to_tensor(variable) for variable in variables]
        self.texture_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        # Adam's momentum would keep changing textures that were not drawn.
        mine = tf.reduce_any(tf.range(self.model.k)[:, None] == drawn, 1)
        for variable, old in zip(variables, before, strict=True):
            shape = [-1, *[1] * (len(old.shape) - 1)]
            variable.assign(tf.where(tf.reshape(mine, shape), variable, old))
        return loss

    def step(self, index: int) -> dict[str, float]:
        """Train masks on a crop of a tile, and some of the textures."""
        since = index - self.imitation_steps
        if since >= 0 and since % REVIEW == 0:
            self._review(np.where(self.inside, self._choices(), -1), index)
        k = self.model.k
        group = min(k, max(LEAST_DRAWN, -(-k // 4)))
        drawn = (index * group + np.arange(group)) % k
        texture = self._texture_step(
            tf.constant(drawn, "int32"),
            tf.constant([self.seed, index + 1], "int32"),
        )
        dictionary, imitation = self._mask_step(
            *self._crop(index),
            tf.constant(index < self.imitation_steps),
        )
        losses = {"dictionary": dictionary, "imitation": imitation, "texture": texture}
        return {"loss": float(dictionary + texture)} | {
            name: float(value) for name, value in losses.items()
        }

    def _crop(self, index: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Values with halo, labels and descriptors of a random crop of a tile."""
        generator = np.random.default_rng([self.seed, index])
        tile = int(generator.integers(len(self.values)))
        tall, wide = self.inside.shape[1:]
        # Drawn beyond the edges and moved back inside, so that edges are seen as often.
        height, width = self.shape
        row = int(
            np.clip(
                generator.integers(-height // 2, tall - height // 2), 0, tall - height
            )
        )
        col = int(
            np.clip(generator.integers(-width // 2, wide - width // 2), 0, wide - width)
        )
        halo = 2 * self.model.reach
        return (
            tf.constant(
                self.values[tile, row : row + height + halo, col : col + width + halo][
                    None
                ]
            ),
            tf.constant(self.labels[tile, row : row + height, col : col + width][None]),
            tf.constant(
                self.descriptors[tile, row : row + height, col : col + width][None]
            ),
        )

    def finish(self) -> None:
        """Revive lost classes, so that k classes are found whenever training ends."""
        if int(self.mask_optimizer.iterations):
            revive(self.model, self.values, self.inside, self.absent)

    def state(self) -> Arrays:
        """Optimizers, dictionary entries and class statistics."""
        return {
            **optimizer_state("masks", self.mask_optimizer),
            **optimizer_state("textures", self.texture_optimizer),
            "entries": self.entries.numpy(),
            "labels": self.labels,
            "rarity": self.rarity.numpy(),
            **self.statistics.state(),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        restore_optimizer("masks", self.mask_optimizer, arrays)
        restore_optimizer("textures", self.texture_optimizer, arrays)
        self.entries.assign(arrays["entries"])
        self.rarity.assign(arrays["rarity"])
        self.labels = arrays["labels"]
        self.statistics.restore(arrays)


def pull(offsets: np.ndarray, means: np.ndarray) -> np.ndarray:
    """How far textures move the entries away from the means of their classes.

    Parameters
    ----------
    offsets : array, shape (class, dimension)
        From the mean of each class to its texture.
    means : array, shape (class, dimension)

    Returns
    -------
    array, shape (class, dimension)
        At most `PULL` of the distance to the nearest other mean, so that each mean
        stays nearest to its own entry.
    """
    apart = np.linalg.norm(means[:, None] - means, axis=-1)
    np.fill_diagonal(apart, np.inf)
    limit = PULL * apart.min(1)
    length = np.maximum(np.linalg.norm(offsets, axis=1), 1e-9)
    return offsets * np.minimum(TRUST, limit / length)[:, None]


def _adam(
    rate: float, steps: int, layer: keras.layers.Layer, rise: int = 0
) -> keras.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if rise else rate,
        max(steps - rise, 1),
        alpha=0.05,
        warmup_target=rate if rise else None,
        warmup_steps=rise,
    )
    optimizer = keras.optimizers.Adam(schedule, clipnorm=1.0)
    optimizer.build(layer.trainable_variables)
    return optimizer


def _mean_over(values: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values * known) / tf.maximum(tf.reduce_sum(known), 1.0)
