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
from ktextures.training.cooling import Cooling
from ktextures.training.descriptors import Channels, DescriptorSpace
from ktextures.training.initial_labels import View, initial_labels
from ktextures.training.objective import (
    optimizer_state,
    restore_optimizer,
)
from ktextures.training.presets import DefaultPreset
from ktextures.training.simulation import TEXTURE_SIDE as SIMULATED_SIDE
from ktextures.training.simulation import Simulation, simulate
from ktextures.training.split_merge import LEAST_SHARE, revive

__all__ = ["DictionaryObjective"]

BATCH = 8192
"""Pixels that a step of the masks sees, from anywhere in the tiles."""

SIMULATED_BATCH = 4096
"""Simulated pixels that it sees."""

TEXTURES_EVERY = 3
"""Steps between two of the textures, which are learned in far fewer."""

REVIEW = 40
"""Steps after which the statistics of each class are measured again."""

LEAST_DRAWN = 8
"""Fewest textures trained together; with many classes, half of them."""

TRUST = 0.5
"""Weight of a texture against the mean of its class in an entry of the dictionary."""

PULL = 0.25
"""Farthest that a texture may pull an entry toward the mean of the nearest other class.

Textures trained for a minute do not match their classes exactly; without this limit,
their errors would move the masks.
"""

RISE = 15
"""Texture steps in which their learning rate rises: at once, it saturates them."""

REVIVAL_SHARE = 0.8
"""Part of the steps in which lost classes are revived; later they could not settle."""

TEXTURE_SIDE = 48

GRID = 2
"""Patterns are standardized by every second pixel of every second row."""


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
    may_settle : bool
        Set `settled` once labels hardly change any more; see `DefaultPreset`.
    on_vote : callable
        Called before each k-means of the initial labels.

    Attributes
    ----------
    settled : bool
        Whether the learning rate has fallen because labels had settled.
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
        may_settle: bool = False,
        on_vote: Callable[[], None] = lambda: None,
    ) -> None:
        self.model, self.space, self.seed = model, space, seed
        self.values, _ = tiles.inner(model.reach)
        self.pixels, self.inside = tiles.inner()
        self.descriptors = channels.fine @ space.turns[0]
        self.spread = float(self.descriptors[self.inside].var(0).sum()) / model.k
        self.places = np.flatnonzero(self.inside)
        self.steps_per_pass = -(-len(self.places) // BATCH)
        steps = preset.steps
        imitated = max(int(steps * preset.imitation_share), 1)
        self.imitation_steps = 0 if continued else imitated
        self.last_revival = int(steps * REVIVAL_SHARE)
        self.weights = preset.loss_weights
        rate = preset.continued_learning_rate if continued else preset.learning_rate
        self.preset, self.may_settle = preset, may_settle
        self.settled, self.calm_reviews = False, 0
        self.reviewed: np.ndarray | None = None
        self.simulation: Simulation | None = None
        self.simulated_from = np.zeros(0, "float32")
        length = min(preset.cooling, max(steps // 2, 1))
        self.cooling = Cooling(rate, steps - length, length)
        self.mask_optimizer = keras.optimizers.Adam(self.cooling, clipnorm=1.0)
        self.mask_optimizer.build(model.mask_network.trainable_variables)
        self.texture_optimizer = _adam(
            preset.texture_learning_rate,
            -(-steps // TEXTURES_EVERY),
            model.texture_bank,
            min(RISE, steps // TEXTURES_EVERY // 4),
        )
        self.texture_loss = 0.0
        self._chosen = tf.function(self._choose, reduce_retracing=True)
        self._mask_step = tf.function(self._train_masks, reduce_retracing=True)
        self._texture_step = tf.function(self._train_textures, reduce_retracing=True)
        wide = (model.mask_network.texture_scale or 0) >= preset.wide_scale
        views = space.views(channels, wide=wide)
        if not continued:
            model.mask_network.adapt(self.pixels[self.inside])
        self.seen = self._patterns(adapt=not continued)
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
        textures = self._textures(TEXTURE_SIDE, index)
        places = self.space.place(self.space.texture_means(textures)).numpy()
        self.entries.assign(means + pull(places - means, means))
        if self.weights["simulation"] and self.simulation is None:
            self._simulate(self._textures(SIMULATED_SIDE, index).numpy())

    def _textures(self, side: int, index: int) -> tf.Tensor:
        """Textures (class, y, x, band), of noise that depends on the step."""
        bank = self.model.texture_bank
        return bank(bank.noise(side, side, tf.constant([self.seed, index], "int32")))

    def _simulate(self, textures: np.ndarray) -> None:
        """Simulate parts of the tiles with textures (class, y, x, band).

        Once is enough. The masks used are the initial labels, as those found so far
        would confirm themselves.
        """
        self.simulated_from = textures
        self.simulation = simulate(
            self.model, textures, self.labels, self.seen, self.seed
        )

    def _watch(self, labels: np.ndarray, index: int) -> None:
        """Begin to cool once few labels change from review to review."""
        before, self.reviewed = self.reviewed, labels
        if not self.may_settle or before is None:
            return
        changed = float((labels != before)[self.inside].mean())
        calm = changed < self.preset.settled_change
        self.calm_reviews = self.calm_reviews + 1 if calm else 0
        if self.calm_reviews >= self.preset.patience:
            earlier = float(self.cooling.begin.numpy())
            self.cooling.begin.assign(min(float(index), earlier))

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
            self.simulation = None
        return labels

    def _lost(self, labels: np.ndarray) -> set[int]:
        """Masks with fewer than `LEAST_SHARE` of the pixels of labels (n, y, x)."""
        counts = np.bincount(labels[self.inside], minlength=self.model.k)
        return set(np.flatnonzero(counts < LEAST_SHARE * counts.sum()).tolist())

    def _patterns(self, *, adapt: bool) -> np.ndarray:
        """What the masks see of each pixel, (n, y, x, channel), float16."""
        network = self.model.mask_network
        found = [network.patterns(tf.constant(tile[None]))[0] for tile in self.values]
        if adapt:
            known = np.concatenate(
                [
                    each.numpy()[::GRID, ::GRID][inside[::GRID, ::GRID]]
                    for each, inside in zip(found, self.inside, strict=True)
                ]
            )
            mean, spread = known.mean(0), np.maximum(known.std(0), 1e-3)
            network.adapt_patterns(mean, spread)
            found = [(each - mean) / spread for each in found]
        limit = float(np.finfo("float16").max)
        return np.stack(
            [tf.cast(tf.clip_by_value(e, -limit, limit), "float16") for e in found]
        )

    def _choices(self) -> np.ndarray:
        """Mask chosen for each pixel, (n, y, x), numbered as the network has them."""
        return np.stack(
            [
                self._chosen(tf.constant(tile[None])).numpy()[0].astype("int32")
                for tile in self.seen
            ]
        )

    def _choose(self, patterns: tf.Tensor) -> tf.Tensor:
        """Largest logit for patterns (batch, y, x, channel)."""
        logits = self.model.mask_network.classify(tf.cast(patterns, "float32"))
        return tf.argmax(logits, -1)

    def _train_masks(
        self,
        patterns: tf.Tensor,
        labels: tf.Tensor,
        descriptors: tf.Tensor,
        simulated: tf.Tensor,
        true: tf.Tensor,
        *,
        imitating: bool,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Let pixels choose among the textures, or learn the initial labels.

        Patterns (pixel, channel), labels (pixel,) and descriptors (pixel, dimension)
        are those of a batch, `simulated` and `true` patterns and labels of simulated
        pixels.
        """
        network = self.model.mask_network
        seen = tf.cast(patterns, "float32")[None, None]
        with tf.GradientTape() as tape:
            logits = network.classify(seen)[0, 0]
            masks = hard_masks(logits)
            chosen = tf.reduce_sum(masks * self._distances(descriptors), -1)
            dictionary = tf.reduce_mean(chosen)
            imitation = self._entropy(labels, logits)
            again = network.classify(tf.cast(simulated, "float32")[None, None])[0, 0]
            simulation = self._entropy(true, again)
            loss = imitation
            if not imitating:
                loss = (
                    self.weights["dictionary"] * dictionary
                    + self.weights["imitation"] * imitation
                    + self.weights["simulation"] * simulation
                )
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.mask_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return dictionary, imitation, simulation

    def _entropy(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Mean cross-entropy of labels (pixel,) where rare classes count more."""
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(entropy * tf.gather(self.rarity, labels))

    def _distances(self, descriptors: tf.Tensor) -> tf.Tensor:
        """Squared distance of (pixel, dimension) to each entry, (pixel, class)."""
        entries = tf.convert_to_tensor(self.entries)
        product = tf.linalg.matmul(descriptors, entries, transpose_b=True)
        distance = tf.reduce_sum(entries**2, -1) - 2.0 * product
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
        """Train the masks on a batch of pixels, and now and then some textures."""
        since = index - self.imitation_steps
        if since >= 0 and since % REVIEW == 0:
            labels = np.where(self.inside, self._choices(), -1)
            self._watch(labels, index)
            self._review(labels, index)
        if index % TEXTURES_EVERY == 0:
            self._step_textures(index)
        dictionary, imitation, simulation = self._mask_step(
            *self._batch(index),
            *self._simulated_batch(index),
            imitating=index < self.imitation_steps,
        )
        cold = float(self.cooling.begin.numpy()) + self.cooling.length
        self.settled = self.may_settle and index + 1 >= cold
        losses = {
            "dictionary": float(dictionary),
            "imitation": float(imitation),
            "simulation": float(simulation),
            "texture": self.texture_loss,
        }
        return {"loss": losses["dictionary"] + losses["texture"]} | losses

    def _step_textures(self, index: int) -> None:
        """Train some of the textures, each in turn."""
        k = self.model.k
        group = min(k, max(LEAST_DRAWN, -(-k // 2)))
        drawn = (index // TEXTURES_EVERY * group + np.arange(group)) % k
        loss = self._texture_step(
            tf.constant(drawn, "int32"),
            tf.constant([self.seed, index + 1], "int32"),
        )
        self.texture_loss = float(loss)

    def _batch(self, index: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Patterns, labels and descriptors of random pixels of all tiles."""
        generator = np.random.default_rng([self.seed, index])
        chosen = self.places[generator.integers(len(self.places), size=BATCH)]
        return (
            tf.constant(self.seen.reshape(-1, self.seen.shape[-1])[chosen]),
            tf.constant(self.labels.ravel()[chosen]),
            tf.constant(
                self.descriptors.reshape(-1, self.descriptors.shape[-1])[chosen]
            ),
        )

    def _simulated_batch(self, index: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Patterns and labels of simulated pixels; before any are, of a single one."""
        if self.simulation is None:
            return tf.zeros((1, self.seen.shape[-1]), "float16"), tf.zeros(1, "int32")
        return self.simulation.batch(SIMULATED_BATCH, [self.seed, index, 1])

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
            "texture_loss": np.array(self.texture_loss),
            "cooling": self.cooling.begin.numpy(),
            "calm_reviews": np.array(self.calm_reviews),
            "reviewed": self._watched(),
            "simulated_from": self.simulated_from,
            **self.statistics.state(),
        }

    def _watched(self) -> np.ndarray:
        """Labels of the last review; empty if there was none."""
        return np.zeros(0, "int32") if self.reviewed is None else self.reviewed

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        restore_optimizer("masks", self.mask_optimizer, arrays)
        restore_optimizer("textures", self.texture_optimizer, arrays)
        self.entries.assign(arrays["entries"])
        self.rarity.assign(arrays["rarity"])
        self.labels = arrays["labels"]
        self.texture_loss = float(arrays["texture_loss"])
        self.cooling.begin.assign(float(arrays["cooling"]))
        self.calm_reviews = int(arrays["calm_reviews"])
        watched = arrays["reviewed"]
        self.reviewed = watched if watched.size else None
        if arrays["simulated_from"].size:
            self._simulate(arrays["simulated_from"])
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
