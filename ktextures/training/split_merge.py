"""Change the number of classes of a trained model by splitting and merging.

The logits of contextual masks are linear in what the network sees of a pixel's
neighborhood, so a class can be split, or two classes be merged, by changing their rows
of the last layer alone; all other rows, and what the network sees, stay the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.cluster import KMeans

from ktextures.errors import InputError
from ktextures.model.config import TrainingRecord
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import check_k

__all__ = ["LEAST_SHARE", "Regrouped", "check_k_may_change", "regroup", "revive"]

SAMPLE = 20_000
STRIP = 128
"""Rows that are processed together: bounds memory."""

LEAST_SHARE = 0.005
"""Share of the pixels below which a class is lost, and given part of another."""

TILT = 0.5
"""Largest mean logit by which the halves of a split class differ."""

LOST = 0.005
"""Share of the pixels of other classes that a split may take."""

RIDGE = 1e-4
"""Cost of moving the row of two merged classes away from their mean."""


@dataclass(frozen=True)
class Regrouped:
    """A model with another k, and where its classes come from.

    Attributes
    ----------
    model : KTextures
    parents : tuple of int
        For each class 1..k of it, the class of the earlier model whose name and color
        it keeps; 0 for the new half of a class.
    sources : tuple of int
        The same, but for a new half the class that it was cut from.
    """

    model: KTextures
    parents: tuple[int, ...]
    sources: tuple[int, ...]


@dataclass
class _Head:
    """Last layer of the masks, rows in class order, over a sample of pixels."""

    weights: np.ndarray  # (class, hidden + 1), the offset last
    sample: np.ndarray  # (pixel, hidden + 1), 1 last
    colors: np.ndarray  # (pixel, band)
    parents: list[int]
    sources: list[int]

    def chosen(self) -> np.ndarray:
        """Class, from 0, of each pixel of the sample."""
        return np.asarray((self.sample @ self.weights.T).argmax(1))

    def split(self, seed: int) -> None:
        """Split the most varied class in two; the larger half keeps its place."""
        chosen = self.chosen()
        scatter = [
            float(self.colors[chosen == value].var(0).sum() * (chosen == value).sum())
            if (chosen == value).sum() > 1
            else 0.0
            for value in range(len(self.weights))
        ]
        value = int(np.argmax(scatter))
        mine = self.sample[chosen == value]
        if len(mine) < 2:
            mine = self.sample
        features = mine[:, :-1]
        spread = features.std(0) + 1e-6
        halves = KMeans(2, n_init=3, random_state=seed).fit(features / spread)
        sizes = np.bincount(halves.labels_, minlength=2)
        large, small = halves.cluster_centers_[np.argsort(-sizes)]
        normal = (small - large) / spread
        along = features @ normal
        # A class of a few outliers would be lost again at once.
        least = min(2 * LEAST_SHARE * len(self.sample) / len(mine), 0.5)
        lowest, highest = np.quantile(along, [least, 1 - least])
        middle = float(normal @ ((small + large) / 2 * spread))
        tilt = np.append(normal, -np.clip(middle, lowest, highest))
        tilt *= self._strength(tilt, value, chosen)
        row = self.weights[value]
        self.weights = np.vstack([self.weights, row + tilt])
        self.weights[value] = row - tilt
        self.parents.append(0)
        self.sources.append(self.sources[value])

    def refill(self, seed: int, absent: Collection[int] = ()) -> list[int]:
        """Replace lost classes by the smaller parts of varied ones; return which.

        The few pixels they had go to the others. Those in `absent` stay as they are.
        """
        found: list[int] = []
        k = len(self.weights)
        for _ in range(2 * k):
            shares = np.bincount(self.chosen(), minlength=k) / len(self.sample)
            # A class that is lost a third time is left as it is.
            lost = [v for v in np.argsort(shares) if shares[v] < LEAST_SHARE]
            lost = [int(v) for v in lost if v not in absent and found.count(v) < 2]
            if not lost:
                break
            value = lost[0]
            self.split(seed)
            self.weights[value] = self.weights[-1]
            self.weights = self.weights[:-1]
            self.parents.pop()
            self.sources[value] = self.sources.pop()
            found.append(value)
        return sorted(set(found))

    def _strength(self, tilt: np.ndarray, value: int, chosen: np.ndarray) -> float:
        """Factor for a tilt that splits a class while others lose hardly any pixels."""
        change = np.abs(self.sample @ tilt) + 1e-12
        mine = chosen == value
        factor = TILT / float(change[mine].mean()) if mine.any() else TILT
        if mine.all():
            return factor
        logits = self.sample[~mine] @ self.weights.T
        room = (logits.max(1) - logits[:, value]) / change[~mine]
        return min(factor, float(np.quantile(room, LOST)))

    def merge(self) -> None:
        """Merge the two nearest classes, by Ward's criterion on local color."""
        chosen = self.chosen()
        counts = np.bincount(chosen, minlength=len(self.weights)).astype(float)
        means = np.stack(
            [_mean(self.colors, chosen == value) for value in range(len(counts))]
        )
        distance = ((means[:, None] - means) ** 2).sum(-1)
        cost = distance * np.outer(counts, counts)
        cost /= np.maximum(counts[:, None] + counts, 1)
        cost[np.tril_indices(len(counts))] = np.inf
        pair = np.unravel_index(int(cost.argmin()), cost.shape)
        keep, drop = sorted((int(each) for each in pair), key=lambda v: -counts[v])
        self.weights[keep] = self._united(keep, drop, np.isin(chosen, (keep, drop)))
        self.weights = np.delete(self.weights, drop, 0)
        del self.parents[drop], self.sources[drop]

    def _united(self, keep: int, drop: int, inside: np.ndarray) -> np.ndarray:
        """Row that wins the pixels that two rows won, by logistic regression."""
        logits = self.sample @ self.weights.T
        start = self.weights[[keep, drop]].mean(0)
        others = np.delete(logits, (keep, drop), 1)
        if others.shape[1] == 0 or not inside.any():
            return self.weights[keep]
        rival = others.max(1)

        def cost(row: np.ndarray) -> tuple[float, np.ndarray]:
            lead, change = self.sample @ row - rival, row - start
            wrong = np.logaddexp(0, np.where(inside, -lead, lead)).mean()
            gradient = self.sample.T @ (expit(lead) - inside) / len(lead)
            return wrong + RIDGE * change @ change / 2, gradient + RIDGE * change

        found = minimize(cost, start, jac=True, method="L-BFGS-B")
        return np.asarray(found.x)


def check_k_may_change(model: KTextures) -> None:
    """Refuse models whose classes cannot be split or merged.

    Raises
    ------
    InputError
        If the model is of preset "paper".
    """
    if not model.mask_network.has_probabilities:
        raise InputError(
            "k cannot change for models of preset 'paper', whose masks are slices of "
            "one score; train a new model with this k."
        )


def regroup(
    model: KTextures,
    k: int,
    values: np.ndarray,
    valid: np.ndarray,
) -> Regrouped:
    """Make a model with another number of classes out of a trained one.

    For each additional class, the most varied one is split in two; for each class to
    remove, the two nearest are merged. All other classes keep weights, names and
    colors. Train the model further (``train(scene, model=...)``) to let the new classes
    settle.

    Parameters
    ----------
    model : KTextures
        With contextual masks; left as it is.
    k : int
        Number of classes wanted.
    values : array, shape (y + 2 reach, x + 2 reach, band), float32
        Scaled and filled, with its halo: what variety and nearness are measured on. A
        stack of such tiles may have one more axis in front.
    valid : array, shape (y, x), bool
        Without the halo; stacked alike.

    Returns
    -------
    Regrouped

    Raises
    ------
    InputError
        If k is out of range, the model is of preset "paper", or no pixel is valid.
    """
    check_k(k)
    network = model.mask_network
    check_k_may_change(model)
    if not valid.any():
        raise InputError("There is no valid pixel to measure the classes on.")
    with model.lock:
        order = model.record.order
        kernel, bias = (weight.numpy() for weight in network.head.weights)
        rows = np.vstack([kernel[0, 0], bias]).T[order].astype("float64")
        stacked = values.ndim == 4
        sample, colors = _samples(
            model,
            values if stacked else values[None],
            valid if stacked else valid[None],
        )
        numbers = list(range(1, model.k + 1))
        head = _Head(rows, sample, colors, numbers, list(numbers))
        while len(head.weights) < k:
            head.split(model.config.seed)
        while len(head.weights) > k:
            head.merge()
        made = _rebuilt(model, head)
    return Regrouped(made, tuple(head.parents), tuple(head.sources))


def revive(
    model: KTextures,
    values: np.ndarray,
    valid: np.ndarray,
    absent: Collection[int] = (),
) -> list[int]:
    """Give each lost class of a model part of the most varied one, in place.

    Parameters
    ----------
    model : KTextures
        With contextual masks.
    values : array, shape (n, y + 2 reach, x + 2 reach, band), float32
        Tiles, scaled and filled, with their halo.
    valid : array, shape (n, y, x), bool
        Without the halo.
    absent : collection of int
        Masks, from 0, that may hold nothing.

    Returns
    -------
    list of int
        Masks, from 0, that held less than `LEAST_SHARE` of the pixels.
    """
    network = model.mask_network
    kernel, bias = network.head.weights
    rows = np.vstack([kernel.numpy()[0, 0], bias.numpy()]).T.astype("float64")
    sample, colors = _samples(model, values, valid)
    numbers = list(range(model.k))
    head = _Head(rows, sample, colors, list(numbers), list(numbers))
    lost = head.refill(model.config.seed, absent)
    if lost:
        kernel.assign(head.weights[:, :-1].T[None, None].astype("float32"))
        bias.assign(head.weights[:, -1].astype("float32"))
        for weight in model.texture_bank.weights:
            weight.assign(weight.numpy()[head.sources])
    return lost


def _samples(
    model: KTextures, values: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the network sees of some valid pixels of tiles, and local colors there."""
    parts = [
        _sample(model, tile, known, len(values))
        for tile, known in zip(values, valid, strict=True)
        if known.any()
    ]
    seen, colors = zip(*parts, strict=True)
    return np.concatenate(seen), np.concatenate(colors)


def _sample(
    model: KTextures, values: np.ndarray, valid: np.ndarray, tiles: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """What the network sees of some valid pixels, and local colors there."""
    share = min(SAMPLE / tiles / max(int(valid.sum()), 1), 1.0)
    generator = np.random.default_rng(model.config.seed)
    seen, colors = [], []
    for row in range(0, len(valid), STRIP):
        known = valid[row : row + STRIP]
        chosen = known & (generator.random(known.shape) < share)
        if not chosen.any():
            continue
        part = values[row : row + len(known) + 2 * model.reach]
        context = model.mask_network.context(tf.constant(part[None])).numpy()[0]
        seen.append(context[chosen])
        inner = slice(model.reach, -model.reach or None)
        colors.append(part[inner, inner][chosen])
    features = np.concatenate(seen).astype("float64")
    ones = np.ones((len(features), 1))
    return np.hstack([features, ones]), np.concatenate(colors)


def _rebuilt(model: KTextures, head: _Head) -> KTextures:
    k = len(head.weights)
    made = KTextures(replace(model.config, k=k), model.preparation, model.extractors)
    old, new = model.mask_network, made.mask_network
    for before, after in zip(old.weights, new.weights, strict=True):
        if before.shape == after.shape:
            after.assign(before)
    kernel, bias = new.head.weights
    kernel.assign(head.weights[:, :-1].T[None, None].astype("float32"))
    bias.assign(head.weights[:, -1].astype("float32"))
    masks = model.record.order[np.array(head.sources) - 1]
    for before, after in zip(
        model.texture_bank.weights, made.texture_bank.weights, strict=True
    ):
        after.assign(before.numpy()[masks])
    table = model.record.classes.matched(_distinct(head.parents, model.k))
    losses = {name: list(trace) for name, trace in model.record.losses.items()}
    provenance = {**model.record.provenance, "k": k}
    made.record = TrainingRecord(table, np.arange(k), losses, provenance)
    return made


def _distinct(parents: Sequence[int], k: int) -> list[int]:
    """Parents, with values beyond k for the new classes, as `matched` wants them."""
    fresh = iter(range(k + 1, k + len(parents) + 1))
    return [parent or next(fresh) for parent in parents]


def _mean(colors: np.ndarray, mine: np.ndarray) -> np.ndarray:
    return np.asarray(colors[mine if mine.any() else slice(None)].mean(0))
