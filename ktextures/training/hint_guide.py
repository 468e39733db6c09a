"""How hints guide a training: labels to imitate, and pixels to classify right."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from ktextures.model.masks import ContextualMasks
from ktextures.training.basis import Basis
from ktextures.training.hint_evidence import HintEvidence
from ktextures.training.hint_spreading import (
    HintSpreading,
    Points,
    hardened,
    softened,
)
from ktextures.training.initial_labels import nearest
from ktextures.training.segments import segment_means

__all__ = ["HintGuide"]

BATCH = 256
"""Hinted pixels that a step of the masks sees."""

SAMPLE = 5_000
"""Pixels whose descriptors say what counts as similar."""

SMOOTH = 0.5
"""Weight of the mean over a segment beside what each of its pixels is."""

Prior = Callable[[int], np.ndarray]


class HintGuide:
    """What hints say about the pixels of the training tiles.

    Parameters
    ----------
    evidence : HintEvidence
    groups : array, shape (hint,), int
        Group of each hint: hints of one group have the same class.
    masks : array, shape (group,), int, or None
        Mask of each group, as the network numbers them; None = to be found.
    k : int
        Number of masks.

    Attributes
    ----------
    masks : array, shape (group,), int
    """

    def __init__(
        self,
        evidence: HintEvidence,
        groups: np.ndarray,
        masks: np.ndarray | None,
        k: int,
    ) -> None:
        self.evidence, self.k = evidence, k
        self._groups = groups[evidence.hints]
        self._count = int(groups.max()) + 1
        self.masks = np.zeros(self._count, int) if masks is None else masks
        self._is_matched = masks is not None

    @property
    def wanted(self) -> np.ndarray:
        """Mask that each hinted pixel shall have."""
        return np.asarray(self.masks[self._groups])

    def labels_of_model(
        self, network: ContextualMasks, basis: Basis
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels that agree with the hints, and otherwise with the masks of a model.

        Returns
        -------
        labels : array, shape (n, y, x), int32
            -1 where there are no data.
        decided : array, shape (n, y, x), bool
            Where hints changed the label.
        """
        own = softened(
            _probabilities(network, self.evidence.patterns[None, None])[0, 0]
        )

        def prior(tile: int) -> np.ndarray:
            return softened(_probabilities(network, basis.seen.patterns[tile][None])[0])

        return self._labels(basis, prior, own)

    def labels_of_start(
        self, labels: np.ndarray, basis: Basis
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels that agree with the hints, and otherwise with initial labels.

        Groups without a mask get the one that fits their hints best.

        Parameters
        ----------
        labels : array, shape (n, y, x), int32
        basis : Basis

        Returns
        -------
        labels, decided : array, shape (n, y, x)
            As `labels_of_model` returns them.
        """
        own = hardened(self._initial(labels, basis), self.k)
        if not self._is_matched:
            self.masks = self._matched(own)
        return self._labels(basis, lambda tile: hardened(labels[tile], self.k), own)

    def _initial(self, labels: np.ndarray, basis: Basis) -> np.ndarray:
        """Initial label of each hinted pixel, outside the tiles the nearest one."""
        inside = basis.seen.inside
        rows, known = basis.descriptors[inside], labels[inside]
        means = [
            rows[known == mask].mean(0) if (known == mask).any() else rows.mean(0)
            for mask in range(self.k)
        ]
        found = nearest(self.evidence.descriptors, np.array(means))
        places = self.evidence.tile_places
        return np.where(places >= 0, labels.ravel()[places], found)

    def _matched(self, own: np.ndarray) -> np.ndarray:
        """The mask for each group that gives most of its hints what they have."""
        votes = np.zeros((self._count, self.k))
        for hint in np.unique(self.evidence.hints):
            mine = self.evidence.hints == hint
            votes[self._groups[mine][0]] += own[mine].mean(0)
        return np.asarray(linear_sum_assignment(-votes)[1])

    def _labels(
        self, basis: Basis, prior: Prior, own: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        inside = basis.seen.inside
        spreading = HintSpreading(self._points(own), self._sample(basis))
        labels = np.full(inside.shape, -1, "int32")
        decided = np.zeros(inside.shape, bool)
        pairs = zip(basis.tiles.scenes, basis.tiles.windows, strict=True)
        for tile, (scene, window) in enumerate(pairs):
            height, width = inside.shape[1:]
            corner = (
                window.row - (height - window.height) // 2,
                window.col - (width - window.width) // 2,
            )
            before, descriptors = prior(tile), basis.descriptors[tile]
            scores = spreading.scores(descriptors, before, scene, corner)
            if basis.space.trust:
                means = segment_means(scores, basis.neighborhoods(tile))
                scores = SMOOTH * means + (1 - SMOOTH) * scores
            labels[tile] = scores.argmax(-1)
            decided[tile] = labels[tile] != before.argmax(-1)
        mine = self.evidence.tile_places >= 0
        places = self.evidence.tile_places[mine]
        labels.ravel()[places] = self.wanted[mine]
        decided.ravel()[places] = True
        labels[~inside] = -1
        return labels, decided & inside

    def _points(self, own: np.ndarray) -> Points:
        """Points of the evidence, of which `own` is the prior of the pixels."""
        evidence = self.evidence
        count = len(evidence.point_scenes)
        known = evidence.points >= 0
        numbers = evidence.points[known]
        totals, masks = np.zeros((count, self.k)), np.zeros(count, int)
        np.add.at(totals, numbers, own[known])
        masks[numbers] = self.wanted[known]
        sizes = np.bincount(numbers, minlength=count)[:, None]
        return Points(
            evidence.point_descriptors,
            evidence.point_scenes,
            evidence.point_places,
            masks,
            totals / np.maximum(sizes, 1),
        )

    def _sample(self, basis: Basis) -> np.ndarray:
        rows = basis.descriptors[basis.seen.inside]
        return np.asarray(rows[:: max(len(rows) // SAMPLE, 1)])

    def batch(self, seed: list[int]) -> tuple[tf.Tensor, tf.Tensor]:
        """Patterns and masks of hinted pixels, of which each hint gives as many."""
        generator = np.random.default_rng(seed)
        hints = np.unique(self.evidence.hints)
        order = np.argsort(self.evidence.hints, kind="stable")
        starts = np.searchsorted(self.evidence.hints[order], hints)
        sizes = np.diff([*starts, len(order)])
        turn = generator.permutation(len(hints))
        which = turn[np.arange(max(BATCH, len(hints))) % len(hints)]
        chosen = order[starts[which] + generator.integers(sizes[which])]
        patterns = tf.constant(self.evidence.patterns[chosen])
        return patterns, tf.constant(self.wanted[chosen].astype("int32"))

    def kept(self, network: ContextualMasks) -> float:
        """Share of the hinted pixels that masks give their class, 0..1."""
        found = _probabilities(network, self.evidence.patterns[None, None])[0, 0]
        return float((found.argmax(-1) == self.wanted).mean())


def _probabilities(network: ContextualMasks, patterns: np.ndarray) -> np.ndarray:
    """Probabilities (n, y, x, mask) of patterns (n, y, x, channel)."""
    logits = network.classify(tf.cast(tf.constant(patterns), "float32"))
    return np.asarray(tf.nn.softmax(logits))
