"""The default objective: each pixel chooses among the textures of a dictionary.

If the masks could draw the image pixel by pixel, the textures would have nothing to do.
Here each pixel is compared with the entries of a dictionary instead, one per class: the
loss is the squared distance between the descriptor of its neighborhood and the entry of
its class. An entry lies at the mean descriptor of its class, pulled toward the class's
*pure* texture; textures learn to resemble the pixels of their classes. This is k-means
whose labels come from a network, trained by gradient descent. Two more losses hold it
in place: the masks imitate labels that several views of the image agreed on, and they
find again the masks of parts of the scene that the textures simulate. Hints change the
labels that are imitated, and the pixels they cover count on their own; where they
decide, the dictionary does not.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from ktextures.files.archive import Arrays
from ktextures.model.ktextures import KTextures
from ktextures.training.basis import Basis
from ktextures.training.class_statistics import ClassStatistics
from ktextures.training.dictionary import Dictionary
from ktextures.training.head_sample import HeadSample
from ktextures.training.hint_guide import HintGuide
from ktextures.training.initial_labels import View, initial_labels
from ktextures.training.mask_training import MaskTraining
from ktextures.training.pixel_batches import PixelBatches
from ktextures.training.presets import DefaultPreset
from ktextures.training.settling import Settling
from ktextures.training.simulation import TEXTURE_SIDE, Simulation, simulate
from ktextures.training.split_merge import LEAST_SHARE, revive
from ktextures.training.texture_training import TextureTraining

__all__ = ["DictionaryObjective"]

SIMULATED_BATCH = 4096
"""Simulated pixels that a step of the masks sees."""

REVIEW = 40
"""Steps after which the statistics of each class are measured again."""

REVIVAL_SHARE = 0.8
"""Part of the steps in which lost classes are revived; later they could not settle."""


class DictionaryObjective:
    """Masks choose textures; textures learn to resemble the pixels of their class.

    Parameters
    ----------
    model : KTextures
        With contextual masks, tileable textures and fitted extractors.
    basis : Basis
        Of the training tiles. A model that is not `continued` gets its standardization.
    preset : DefaultPreset
    seed : int
    continued : bool
        True: begin with the model's own classes, without imitation.
    may_settle : bool
        Set `settled` once labels hardly change any more; see `DefaultPreset`.
    guide : HintGuide, optional
        What hints say.
    is_steered : bool
        The hints of the guide are new to the model that is `continued`: its masks
        first learn the labels that agree with them, while its textures wait.
    on_vote : callable
        Called before each k-means of the initial labels.

    Attributes
    ----------
    batches : PixelBatches
    labels : array, shape (n, y, x), int32
        Initial labels, which the masks imitate; -1 where there are no data.
    decided : array, shape (n, y, x), bool
        Where hints decided about them.
    """

    keeps_best = False

    def __init__(
        self,
        model: KTextures,
        basis: Basis,
        preset: DefaultPreset,
        *,
        seed: int,
        continued: bool = False,
        may_settle: bool = False,
        guide: HintGuide | None = None,
        is_steered: bool = False,
        on_vote: Callable[[], None] = lambda: None,
    ) -> None:
        self.model, self.space, self.seed = model, basis.space, seed
        self.guide, self.is_steered, self.preset = guide, is_steered, preset
        steps = preset.steps
        imitated = max(int(steps * preset.imitation_share), 1)
        steered = min(preset.hinted_steps, steps) if is_steered else 0
        self.imitation_steps = steered if continued else imitated
        self.last_revival = int(steps * REVIVAL_SHARE)
        self.weights, self.may_settle = preset.loss_weights, may_settle
        self.settling = Settling(preset.settled_change, preset.patience)
        self.simulation: Simulation | None = None
        self.simulated_from = np.zeros(0, "float32")
        network = model.mask_network
        if not continued:
            basis.seen.assign_to(network)
        self.basis = basis = basis.seen_by(network)
        self.batches = PixelBatches(network, basis.seen, basis.descriptors, seed=seed)
        self.statistics = ClassStatistics(basis.sample, model.k)
        wide = (network.texture_scale or 0) >= preset.wide_scale
        views = basis.space.views(basis.channels, wide=wide)
        descriptors = basis.descriptors
        spread = float(descriptors[self.batches.inside].var(0).sum()) / model.k
        self.dictionary = Dictionary(model.k, descriptors.shape[-1], spread)
        self.masks = MaskTraining(
            network,
            self.dictionary,
            channels=self.batches.patterns.shape[-1],
            dimensions=descriptors.shape[-1],
            rate=preset.continued_learning_rate if continued else preset.learning_rate,
            averaging=preset.averaging,
            hint_weight=self.weights["hints"],
            is_hinted=guide is not None,
        )
        self._start(None if continued else views, on_vote)
        self.textures = TextureTraining(
            model.texture_bank,
            self.statistics,
            rate=preset.texture_learning_rate,
            steps=steps,
            early_steps=0 if continued else self.imitation_steps,
            last_loss=_last(model, "texture") if continued else None,
            seed=seed,
        )

    @property
    def steps_per_pass(self) -> int:
        """Steps in which as many pixels are drawn as there are."""
        return self.batches.per_pass

    @property
    def settled(self) -> bool:
        """Whether labels had settled when they were last looked at."""
        return self.may_settle and self.settling.settled

    def _start(self, views: Sequence[View] | None, on_vote: Callable[[], None]) -> None:
        """Label the pixels by several views, or by the classes of the model."""
        model, own = self.model, self.batches
        self.absent: frozenset[int] = frozenset()
        if views is None:
            self.labels = own.choices()
            # Learned from another scene, and to be kept.
            self.absent = frozenset(self._lost(self.labels))
        else:
            brightness = own.pixels.mean(-1)
            self.labels = initial_labels(
                views, brightness, own.inside, model.k, self.seed, on_vote
            )
        self.decided = np.zeros(self.labels.shape, bool)
        self._follow_hints(continued=views is None)
        self._measure(self.labels)
        if views is not None:
            model.texture_bank.adapt(self.statistics.color.numpy())

    def _follow_hints(self, *, continued: bool) -> None:
        """Let the labels agree with the hints, if there are any."""
        if self.guide is None:
            return
        self.labels, self.decided = (
            self.guide.labels_of_model(self.model.mask_network, self.basis)
            if continued
            else self.guide.labels_of_start(self.labels, self.basis)
        )
        # What someone pointed at may be as small as it is.
        self.absent |= set(self.guide.masks.tolist())

    def _measure(self, labels: np.ndarray) -> None:
        """Measure the statistics of each class."""
        self.masks.weigh(self._counts(self.labels))
        self.statistics.update(labels)
        self.dictionary.assign(self.statistics.descriptor.numpy())

    def _review(self, index: int) -> None:
        """Measure the classes as they are now, and the place of their textures."""
        # At the first step of a model trained further, both are known.
        labels = self.batches.choices() if index else self.labels
        self.settling.watch(labels[self.batches.inside])
        if index:
            if index < self.last_revival:
                labels = self._revive(labels)
            self._measure(labels)
        means = self.space.texture_means(self.textures.textures(index))
        places = self.space.place(means).numpy()
        self.dictionary.assign(self.statistics.descriptor.numpy(), places)
        # What a model goes on from needs no simulation at once; its user waits for it.
        due = bool(self.imitation_steps) or index >= REVIEW
        if due and self.weights["simulation"] and self.simulation is None:
            self._simulate(self.textures.textures(index, TEXTURE_SIDE).numpy())

    def _simulate(self, textures: np.ndarray) -> None:
        """Simulate parts of the tiles with textures (class, y, x, band).

        Once is enough. The masks used are the initial labels, as those found so far
        would confirm themselves.
        """
        self.simulated_from = textures
        self.simulation = simulate(
            self.model, textures, self.labels, self.batches.patterns, self.seed
        )

    def _revive(self, labels: np.ndarray) -> np.ndarray:
        """Give each lost class part of another class; return the labels.

        Descriptors may separate what the masks, which see less, cannot; such a class
        is lost. It is replaced by one that the masks can see.
        """
        if self._lost(labels) <= self.absent or not self._refill():
            return labels
        self.masks.restart()
        self.labels = self.batches.choices()
        self._follow_hints(continued=True)
        self.simulation = None
        return self.labels

    def _refill(self) -> bool:
        """Give lost masks part of others; return whether any were lost."""
        sample = HeadSample.of_seen(self.model, self.basis.seen)
        return bool(revive(self.model, sample, self.absent))

    def _lost(self, labels: np.ndarray) -> set[int]:
        """Masks with fewer than `LEAST_SHARE` of the pixels of labels (n, y, x)."""
        counts = self._counts(labels)
        return set(np.flatnonzero(counts < LEAST_SHARE * counts.sum()).tolist())

    def _counts(self, labels: np.ndarray) -> np.ndarray:
        return np.bincount(labels[self.batches.inside], minlength=self.model.k)

    def step(self, index: int) -> dict[str, float]:
        """Train the masks on a batch of pixels, and now and then some textures."""
        since = index - self.imitation_steps
        if since >= 0 and since % REVIEW == 0:
            self._review(index)
        imitating = index < self.imitation_steps
        if not (imitating and self.is_steered):
            self.textures.after(index)
        if self.is_steered:
            self.masks.set_rate(self._steering_rate(index))
        dictionary, imitation, simulation = self.masks.step(
            self.batches.draw(index, self.labels),
            self._simulated_batch(index),
            self._hinted_batch(index),
            self._weights(imitating=imitating),
        )
        losses = {
            "dictionary": dictionary,
            "imitation": imitation,
            "simulation": simulation if self.simulation else 0.0,
            "texture": self.textures.loss,
        }
        return {"loss": losses["dictionary"] + losses["texture"]} | losses

    def _simulated_batch(self, index: int) -> tuple[tf.Tensor, ...]:
        """Patterns and labels of simulated pixels.

        Before any are simulated, there is a single pixel, which does not count.
        """
        if self.simulation is None:
            patterns = tf.zeros((1, self.batches.patterns.shape[-1]), "float16")
            return patterns, tf.zeros(1, "int32")
        return self.simulation.batch(SIMULATED_BATCH, [self.seed, index, 1])

    def _weights(self, *, imitating: bool) -> tuple[float, float, float]:
        """Weights of the dictionary, of imitation, and of simulation."""
        if imitating:
            return 0.0, 1.0, 0.0
        simulation = self.weights["simulation"] if self.simulation else 0.0
        return self.weights["dictionary"], self.weights["imitation"], simulation

    def _hinted_batch(self, index: int) -> tuple[tf.Tensor, ...]:
        """Hinted pixels, and where the batch is undecided; nothing without hints."""
        if self.guide is None:
            return ()
        places = self.batches.places(index)
        undecided = tf.constant(1.0 - self.decided.ravel()[places], "float32")
        return *self.guide.batch([self.seed, index, 2]), undecided

    def _steering_rate(self, index: int) -> float:
        """Learning rate of a step by which a model learns what hints say."""
        preset, left = self.preset, 1 - index / max(self.imitation_steps, 1)
        if left <= 0:
            return preset.continued_learning_rate
        return max(preset.hinted_learning_rate * left, preset.continued_learning_rate)

    def finish(self) -> None:
        """Revive lost classes, so that k classes are found whenever training ends."""
        if self.masks.steps:
            self._refill()

    def state(self) -> Arrays:
        """Weights in training, optimizers, dictionary and class statistics."""
        return {
            **self.masks.state(),
            **self.textures.state(),
            **self.dictionary.state(),
            **self.settling.state(),
            **self.statistics.state(),
            "labels": self.labels,
            "decided": self.decided,
            "simulated_from": self.simulated_from,
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        for part in (
            self.masks,
            self.textures,
            self.dictionary,
            self.settling,
            self.statistics,
        ):
            part.restore(arrays)
        self.labels, self.decided = arrays["labels"], arrays["decided"]
        if arrays["simulated_from"].size:
            self._simulate(arrays["simulated_from"])


def _last(model: KTextures, name: str) -> float:
    """The last value of a loss of an earlier training; 0 if there is none."""
    trace = model.record.losses.get(name)
    return float(trace[-1]) if trace else 0.0
