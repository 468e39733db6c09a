"""Change the number of classes of a trained model by splitting and merging.

The logits of contextual masks are linear in what the network sees of a pixel's
neighborhood, so a class can be split, or two classes be merged, by changing their rows
of the last layer alone; all other rows, and what the network sees, stay the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.cluster import KMeans

from ktextures.errors import InputError
from ktextures.model.checks import MOST_ROWS
from ktextures.model.config import TrainingRecord
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import check_k
from ktextures.training.head_sample import HeadSample
from ktextures.training.hint_lineage import moved_hints
from ktextures.training.lineage import with_origins
from ktextures.training.mask_rows import (
    assign_rows,
    classes_of_rows,
    rebuilt,
    rows_of,
)
from ktextures.training.one_thread import fit_kmeans

__all__ = ["LEAST_SHARE", "Regrouped", "check_k_may_change", "regroup", "revive"]

LEAST_SHARE = 0.005
"""Share of the pixels below which a class is lost, and given part of another."""

TILT = 0.5
"""Largest mean logit by which the halves of a split class differ."""

LOST = 0.005
"""Share of the pixels of other classes that a split may take."""

FITTED = 5_000
"""Pixels that the row of two merged classes is fitted to."""

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
    united : tuple of tuple of int
        For each class of it, all classes of the earlier model that are in it.
    """

    model: KTextures
    parents: tuple[int, ...]
    sources: tuple[int, ...]
    united: tuple[tuple[int, ...], ...]


@dataclass
class _Head:
    """Last layer of the masks over a sample of pixels."""

    weights: np.ndarray  # (row, hidden + 1), the offset last
    sample: np.ndarray  # (pixel, hidden + 1), 1 last
    colors: np.ndarray  # (pixel, band)
    parents: list[int]
    sources: list[int]
    groups: list[int] = field(default_factory=list)  # class, from 0, of each row

    def __post_init__(self) -> None:
        if not self.groups:
            self.groups = list(range(len(self.weights)))

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.parents)

    def chosen(self) -> np.ndarray:
        """Class, from 0, of each pixel of the sample."""
        return np.asarray(self.groups)[(self.sample @ self.weights.T).argmax(1)]

    def rows(self, value: int) -> list[int]:
        """Rows of a class."""
        return [row for row, group in enumerate(self.groups) if group == value]

    def split(self, seed: int, most_rows: int | None = None) -> None:
        """Split the most varied class in two; the larger half keeps its place."""
        chosen = self.chosen()
        value = self._most_varied(chosen, most_rows)
        tilt = self._tilt(value, chosen, seed)
        mine = self.rows(value)
        # The largest of its rows decides for a class; the tilt decides for the half.
        self.weights = np.vstack([self.weights, self.weights[mine] + tilt])
        self.weights[mine] -= tilt
        self.groups += [self.k] * len(mine)
        self.parents.append(0)
        self.sources.append(self.sources[value])

    def _most_varied(self, chosen: np.ndarray, most_rows: int | None) -> int:
        """The class with the most variance, of those whose rows may be doubled."""
        room = np.inf if most_rows is None else most_rows - len(self.weights)
        free = [v for v in range(self.k) if self.groups.count(v) <= room]
        if not free:
            raise InputError(
                f"The classes were merged of {len(self.weights)} parts, of which there "
                f"may be {most_rows}; they cannot be split. Train a new model."
            )
        scatter = []
        for value in free:
            mine = chosen == value
            varied = self.colors[mine].var(0).sum() if mine.sum() > 1 else 0.0
            scatter.append(float(varied * mine.sum()))
        return free[int(np.argmax(scatter))]

    def _tilt(self, value: int, chosen: np.ndarray, seed: int) -> np.ndarray:
        """What to add to rows for the smaller half, and to subtract for the larger."""
        mine = self.sample[chosen == value]
        if len(mine) < 2:
            mine = self.sample
        features = mine[:, :-1]
        spread = features.std(0) + 1e-6
        kmeans = KMeans(2, n_init=3, random_state=seed)
        halves = fit_kmeans(kmeans, features / spread)
        sizes = np.bincount(halves.labels_, minlength=2)
        large, small = halves.cluster_centers_[np.argsort(-sizes)]
        normal = (small - large) / spread
        along = features @ normal
        # A class of a few outliers would be lost again at once.
        least = min(2 * LEAST_SHARE * len(self.sample) / len(mine), 0.5)
        lowest, highest = np.quantile(along, [least, 1 - least])
        middle = float(normal @ ((small + large) / 2 * spread))
        tilt = np.append(normal, -np.clip(middle, lowest, highest))
        return np.asarray(tilt * self._strength(tilt, value, chosen))

    def refill(self, seed: int, absent: Collection[int] = ()) -> list[int]:
        """Replace lost classes by the smaller parts of varied ones; return which.

        The few pixels they had go to the others. Those in `absent` stay as they are.
        """
        found: list[int] = []
        k = self.k
        for _ in range(2 * k):
            shares = np.bincount(self.chosen(), minlength=k) / len(self.sample)
            # A class that is lost a third time is left as it is.
            lost = [v for v in np.argsort(shares) if shares[v] < LEAST_SHARE]
            lost = [int(v) for v in lost if v not in absent and found.count(v) < 2]
            if not lost:
                break
            value = lost[0]
            self.split(seed)
            self._replace_by_last(value)
            found.append(value)
        return sorted(set(found))

    def _replace_by_last(self, value: int) -> None:
        """Give a class the pixels of the last one, with as many rows as it has."""
        mine, last = self.rows(value), self.rows(self.k - 1)
        wins = np.bincount(
            (self.sample @ self.weights.T).argmax(1), minlength=len(self.weights)
        )
        best = sorted(last, key=lambda row: -wins[row])
        # A row may be repeated; of too many, those with few pixels are left out.
        taken = [best[index % len(best)] for index in range(len(mine))]
        self.weights[mine] = self.weights[taken]
        self.weights = np.delete(self.weights, last, 0)
        self.groups = [group for group in self.groups if group != self.k - 1]
        self.parents.pop()
        self.sources[value] = self.sources.pop()

    def _strength(self, tilt: np.ndarray, value: int, chosen: np.ndarray) -> float:
        """Factor for a tilt that splits a class while others lose hardly any pixels."""
        change = np.abs(self.sample @ tilt) + 1e-12
        mine = chosen == value
        factor = TILT / float(change[mine].mean()) if mine.any() else TILT
        if mine.all():
            return factor
        logits = self.sample[~mine] @ self.weights.T
        room = (logits.max(1) - logits[:, self.rows(value)].max(1)) / change[~mine]
        return min(factor, float(np.quantile(room, LOST)))

    def merge(self) -> tuple[int, int]:
        """Merge the two nearest classes, by Ward's criterion on local color.

        Returns the class that stays and the one that goes; later ones close up.
        """
        chosen = self.chosen()
        counts = np.bincount(chosen, minlength=self.k).astype(float)
        means = np.stack(
            [_mean(self.colors, chosen == value) for value in range(self.k)]
        )
        distance = ((means[:, None] - means) ** 2).sum(-1)
        cost = distance * np.outer(counts, counts)
        cost /= np.maximum(counts[:, None] + counts, 1)
        cost[np.tril_indices(self.k)] = np.inf
        pair = np.unravel_index(int(cost.argmin()), cost.shape)
        keep, drop = sorted((int(each) for each in pair), key=lambda v: -counts[v])
        mine = self.rows(keep)
        self.weights[mine[0]] = self._united(keep, drop, np.isin(chosen, (keep, drop)))
        gone = [*mine[1:], *self.rows(drop)]
        self.weights = np.delete(self.weights, gone, 0)
        groups = np.delete(self.groups, gone)
        self.groups = (groups - (groups > drop)).tolist()
        del self.parents[drop], self.sources[drop]
        return keep, drop

    def _united(self, keep: int, drop: int, inside: np.ndarray) -> np.ndarray:
        """Row that wins the pixels that two classes won, by logistic regression."""
        every = max(len(self.sample) // FITTED, 1)
        sample, inside = self.sample[::every], inside[::every]
        logits = sample @ self.weights.T
        mine = self.rows(keep)
        both = [*mine, *self.rows(drop)]
        start = self.weights[both].mean(0)
        others = np.delete(logits, both, 1)
        if others.shape[1] == 0 or not inside.any():
            return self.weights[mine[0]]
        rival = others.max(1)

        def cost(row: np.ndarray) -> tuple[float, np.ndarray]:
            lead, change = sample @ row - rival, row - start
            wrong = np.logaddexp(0, np.where(inside, -lead, lead)).mean()
            gradient = sample.T @ (expit(lead) - inside) / len(lead)
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
    sample: HeadSample,
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
    sample : HeadSample
        What variety and nearness are measured on.

    Returns
    -------
    Regrouped

    Raises
    ------
    InputError
        If k is out of range, or the model is of preset "paper".
    """
    check_k(k)
    network = model.mask_network
    check_k_may_change(model)
    with model.lock:
        numbers = list(range(1, model.k + 1))
        groups = classes_of_rows(model)
        # In class order, as many rows as classes need no groups.
        order = np.argsort(groups, kind="stable")
        rows, groups = rows_of(network)[order], sorted(groups)
        head = _Head(
            rows, sample.features, sample.colors, numbers, list(numbers), groups
        )
        united = [[value] for value in numbers]
        while head.k < k:
            head.split(model.config.seed, MOST_ROWS)
            united.append([head.sources[-1]])
        while head.k > k:
            keep, drop = head.merge()
            united[keep] += united[drop]
            del united[drop]
        made = _rebuilt(model, head, united)
    groups_of = tuple(map(tuple, united))
    return Regrouped(made, tuple(head.parents), tuple(head.sources), groups_of)


def revive(
    model: KTextures, sample: HeadSample, absent: Collection[int] = ()
) -> list[int]:
    """Give each lost class of a model part of the most varied one, in place.

    Parameters
    ----------
    model : KTextures
        With contextual masks.
    sample : HeadSample
        Of its training tiles.
    absent : collection of int
        Masks, from 0, that may hold nothing.

    Returns
    -------
    list of int
        Masks, from 0, that held less than `LEAST_SHARE` of the pixels.
    """
    network = model.mask_network
    numbers, groups = list(range(model.k)), list(network.groups)
    head = _Head(
        rows_of(network),
        sample.features,
        sample.colors,
        numbers,
        list(numbers),
        groups,
    )
    lost = head.refill(model.config.seed, absent)
    if lost:
        assign_rows(network, head.weights)
        for weight in model.texture_bank.weights:
            weight.assign(weight.numpy()[head.sources])
    return lost


def _rebuilt(model: KTextures, head: _Head, united: list[list[int]]) -> KTextures:
    table = model.record.classes.matched(_distinct(head.parents, model.k))
    table = with_origins(table, model.record.classes, united)
    losses = {name: list(trace) for name, trace in model.record.losses.items()}
    provenance = {**model.record.provenance, "k": head.k}
    hints = moved_hints(model.hints, united)
    record = TrainingRecord(table, np.arange(head.k), losses, provenance, hints)
    textures = [source - 1 for source in head.sources]
    return rebuilt(model, head.weights, head.groups, textures, record)


def _distinct(parents: Sequence[int], k: int) -> list[int]:
    """Parents, with values beyond k for the new classes, as `matched` wants them."""
    fresh = iter(range(k + 1, k + len(parents) + 1))
    return [parent or next(fresh) for parent in parents]


def _mean(colors: np.ndarray, mine: np.ndarray) -> np.ndarray:
    return np.asarray(colors[mine if mine.any() else slice(None)].mean(0))
