"""Parts of one class: found by its own textures, told apart by the last layer.

What the masks see of the pixels of a class is clustered, and a multinomial logistic
regression finds differences between rows of the last layer that reproduce the clusters.
Which part a pixel belongs to depends neither on the size of the differences nor on what
they have in common; both are chosen so that hardly any pixel changes to another class.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from ktextures.model.ktextures import KTextures
from ktextures.raster.scene_samples import count_distinct
from ktextures.training.mask_rows import rows_of
from ktextures.training.one_thread import fit_kmeans

__all__ = ["Sample", "count_parts", "find_parts", "largest", "limited", "sample_class"]

MOST = 20_000
"""Pixels that are looked at of the class, and of the others."""

LOST = 0.005
"""Share of the pixels of each class that may change it."""

MARGIN = 0.9
"""Of the strength at which they would: pixels of equal color may be many."""

CALM = 0.75
"""Share of the pixels that k-means is fitted to: those where the least changes.

Borders differ from what lies on both sides of them and would be a part of their own.
"""

SAME = 0.05
"""Largest difference that may be noise, as a share of the spread of the pixels."""

LEAST_SPREAD = 1e-3
"""Spread of a uniform class, as a share of that of the scene."""

TRIES = 5
"""Restarts of k-means."""

RIDGE = 1e-3
"""Cost of the size of the differences, per pixel, of standardized features."""


@dataclass
class Sample:
    """Pixels of a class and of others, drawn alike from all tiles.

    Attributes
    ----------
    count : int
        Pixels of the class in the tiles.
    looks : array, shape (pixel, channel)
        What the masks see of the pixels of the class; color and texture count the same.
    calm : array, shape (pixel,), bool
        Which of them lie away from borders.
    hidden : array, shape (pixel, hidden + 1)
        What the logits are linear functions of; 1 last.
    colors : array, shape (pixel, band)
        Scaled.
    others : array, shape (pixel, hidden + 1)
        Of pixels of other classes.
    """

    count: int
    looks: np.ndarray
    calm: np.ndarray
    hidden: np.ndarray
    colors: np.ndarray
    others: np.ndarray


class _Reservoir:
    """A random sample of bounded size of rows that come one after the other."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._keys = np.zeros(0)
        self.columns: list[np.ndarray] = []
        self.count = 0

    def add(self, *columns: np.ndarray) -> None:
        """Add rows, given as arrays (pixel, ...) of equal length."""
        number = len(columns[0])
        self.count += number
        keys = np.concatenate([self._keys, self._generator.random(number)])
        if self.columns:
            pairs = zip(self.columns, columns, strict=True)
            columns = tuple(np.concatenate(pair) for pair in pairs)
        kept = np.argsort(keys)[:MOST]
        self._keys, self.columns = keys[kept], [column[kept] for column in columns]


def sample_class(
    model: KTextures, mask: int, values: np.ndarray, valid: np.ndarray, seed: int
) -> Sample:
    """Draw pixels of a class, and of the others.

    Parameters
    ----------
    model : KTextures
        With contextual masks.
    mask : int
        Of the class, as the network numbers them.
    values : array, shape (n, y + 2 reach, x + 2 reach, band), float32
        Tiles, scaled and filled, with their halo.
    valid : array, shape (n, y, x), bool
        Without it.
    seed : int

    Returns
    -------
    Sample
    """
    network = model.mask_network
    inner = slice(model.reach, -model.reach or None)
    groups = np.asarray(network.groups)
    mine, others = _Reservoir(seed), _Reservoir(seed + 1)
    for tile, known in zip(values, valid, strict=True):
        patterns = network.patterns(tf.constant(tile[None]))
        mixed = network.mix(patterns)
        chosen = groups[network.head(mixed).numpy()[0].argmax(-1)]
        own, other = known & (chosen == mask), known & (chosen != mask)
        seen, hidden = patterns.numpy()[0], mixed.numpy()[0]
        unrest = _unrest(seen[..., network.distances[0].stop :])
        mine.add(seen[own], unrest[own], hidden[own], tile[inner, inner][own])
        others.add(hidden[other])
    seen, unrest, hidden, colors = (column.astype("f8") for column in mine.columns)
    calm = unrest <= np.quantile(unrest, CALM) if len(unrest) else unrest > 0
    looks = _balanced(seen, calm, network.distances) if calm.any() else seen
    outside = _with_ones(others.columns[0].astype("f8"))
    return Sample(mine.count, looks, calm, _with_ones(hidden), colors, outside)


def _unrest(maps: np.ndarray) -> np.ndarray:
    """How much maps (y, x, channel) change from pixel to pixel, shape (y, x)."""
    slopes = np.stack(np.gradient(maps, axis=(0, 1)))
    return np.asarray(np.sqrt((slopes**2).sum((0, -1))))


def _balanced(
    seen: np.ndarray, calm: np.ndarray, distances: tuple[slice, ...]
) -> np.ndarray:
    """What is seen (pixel, channel), scaled so that color and texture vary alike."""
    bands = distances[0].stop
    is_color = np.zeros(seen.shape[1], bool)
    for distance in distances:
        is_color[distance.start : distance.start + bands] = True
    scaled = np.empty_like(seen)
    for part in (is_color, ~is_color):
        spread = np.sqrt(seen[calm][:, part].var(0).sum())
        scaled[:, part] = seen[:, part] / max(spread, LEAST_SPREAD)
    return scaled


def count_parts(sample: Sample, most: int) -> int:
    """Count the parts of a class that can be told apart, up to a number."""
    return count_distinct(sample.looks[sample.calm], most, SAME)


def find_parts(sample: Sample, into: int, seed: int) -> np.ndarray:
    """Differences between the rows of the parts of a class.

    Parameters
    ----------
    sample : Sample
    into : int
        Number of parts.
    seed : int

    Returns
    -------
    array, shape (part, hidden + 1)
        The largest product with what is `hidden` of a pixel decides for a part. Largest
        part first. Parts that no linear function finds are missing.
    """
    kmeans = KMeans(into, n_init=TRIES, random_state=seed)
    fit_kmeans(kmeans, sample.looks[sample.calm])
    labels = kmeans.predict(sample.looks)
    while True:
        rows = _told_apart(sample.hidden[:, :-1], labels)
        counts = np.bincount(largest(sample.hidden, rows), minlength=len(rows))
        if counts.all() or len(rows) == 1:
            return np.asarray(rows[np.argsort(-counts, kind="stable")])
        labels = largest(sample.hidden, rows)


def _told_apart(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows (label, feature + 1) of a logistic regression of the labels there are."""
    if len(np.unique(labels)) == 1:
        return np.zeros((1, features.shape[1] + 1))
    mean, spread = features.mean(0), features.std(0) + 1e-6
    regression = LogisticRegression(C=1 / (RIDGE * len(labels)), max_iter=300)
    regression.fit((features - mean) / spread, labels)
    kernel, offset = regression.coef_, regression.intercept_
    if len(kernel) == 1:  # of two classes, the difference
        kernel, offset = (np.concatenate([-e, e]) / 2 for e in (kernel, offset))
    kernel = kernel / spread
    rows = np.hstack([kernel, (offset - kernel @ mean)[:, None]])
    return np.asarray(rows - rows.mean(0))


def largest(hidden: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Row (row, hidden + 1) with the largest product, for each pixel."""
    return np.asarray((hidden @ rows.T).argmax(1))


def limited(
    model: KTextures, mask: int, sample: Sample, parts: np.ndarray
) -> np.ndarray:
    """The differences, so small that hardly any pixel changes its class.

    Parameters
    ----------
    model : KTextures
    mask : int
        Of the class.
    sample : Sample
    parts : array, shape (part, hidden + 1)
        As `find_parts` returned them.

    Returns
    -------
    array, shape (part, hidden + 1)
        At most as large, less what they have in common.
    """
    if not len(sample.others):
        return parts
    groups, rows = np.asarray(model.mask_network.groups), rows_of(model.mask_network)
    pixels = np.vstack([sample.hidden, sample.others])
    logits = pixels @ rows.T
    own = logits[:, groups == mask].max(1)
    rival = logits[:, groups != mask].max(1)
    chosen = groups[logits.argmax(1)]
    gain = (pixels @ parts.T).max(1)
    # What the parts have in common decides where the class ends, and nothing else.
    # Without it, the class would gain all along its border.
    ridge = RIDGE * np.trace(pixels.T @ pixels) / pixels.shape[1]
    common = np.linalg.solve(
        pixels.T @ pixels + ridge * np.eye(pixels.shape[1]), pixels.T @ gain
    )
    less = gain - pixels @ common
    plain, shifted = (
        _strength(own - rival, each, chosen, mask) for each in (gain, less)
    )
    return parts * plain if plain >= shifted else (parts - common) * shifted


def _strength(
    lead: np.ndarray, gain: np.ndarray, chosen: np.ndarray, mask: int
) -> float:
    """How many times a gain may be added to the lead of a class over all others.

    At most once, and so that of each class hardly any pixels change.
    """
    towards = np.where(chosen == mask, -gain, gain)
    room = np.abs(lead) / np.maximum(towards, 1e-12)
    limits = [np.quantile(room[chosen == each], LOST) for each in np.unique(chosen)]
    return min(1.0, MARGIN * float(min(limits)))


def _with_ones(features: np.ndarray) -> np.ndarray:
    return np.hstack([features, np.ones((len(features), 1))])
