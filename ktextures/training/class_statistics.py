"""Statistics of each class, and how far a texture is from them.

The pixels of a class are described by their mean descriptor, by mean and covariance of
their colors, and by the mean energies of a filter bank at several scales (after
Portilla & Simoncelli 2000, International Journal of Computer Vision 40:49). A texture
learns to have the same colors and energies.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ktextures.features.filter_bank import FilterBank
from ktextures.files.archive import Arrays

__all__ = ["ClassStatistics", "StatisticsSample"]

SCALES = 4
"""Levels of the filter bank: patterns up to some 30 pixels."""

LEAST_PIXELS = 16
"""A class with fewer pixels in the sample keeps its earlier statistics."""

SAMPLE = 200_000
"""Pixels whose colors and descriptors are averaged, at most."""

STEP = 2
"""Energies of the finest scale are averaged over pixels this far apart."""


class StatisticsSample:
    """Pixels of tiles, their descriptors, and the energies of a filter bank.

    Parameters
    ----------
    pixels : array, shape (n, y, x, band)
        Scaled tiles.
    valid : array, shape (n, y, x), bool
    descriptors : array, shape (n, y, x, dimension)

    Attributes
    ----------
    bank : FilterBank
    places : array of int
        Where in the tiles, flattened, the sample is.
    pixels : array, shape (sample, band)
    descriptors : array, shape (sample, dimension)
    maps : list of list of tensor, shape (1, y / s, x / s, channel)
        Energies by tile and scale.
    spreads : list of tensor, shape (channel,)
        Standard deviations of the energies, by scale.
    units : tensor, shape (band,)
        Standard deviations of the bands.
    """

    def __init__(
        self, pixels: np.ndarray, valid: np.ndarray, descriptors: np.ndarray
    ) -> None:
        known = pixels[valid]
        self.bank = FilterBank(SCALES)
        self.bank.fit(known, {})
        places = np.flatnonzero(valid)
        if len(places) > SAMPLE:
            generator = np.random.default_rng(0)
            places = np.sort(generator.choice(places, SAMPLE, replace=False))
        self.places = places
        self.pixels = pixels.reshape(-1, pixels.shape[-1])[places]
        self.descriptors = descriptors.reshape(-1, descriptors.shape[-1])[places]
        self.maps = [self._levels(tile) for tile in pixels]
        self.spreads = [
            tf.constant(_spread(np.concatenate(level), valid))
            for level in zip(*self.maps, strict=True)
        ]
        self.units = tf.constant(known.std(0) + 1e-3, "float32")

    def _levels(self, tile: np.ndarray) -> list[tf.Tensor]:
        """Energies (1, y / s, x / s, channel) of a tile (y, x, band), per scale."""
        finest, *others = self.bank(tf.constant(tile[None]))
        return [finest[:, ::STEP, ::STEP], *others]


class ClassStatistics:
    """Colors, energies and mean descriptor of each class.

    Parameters
    ----------
    sample : StatisticsSample
    k : int

    Attributes
    ----------
    descriptor : variable, shape (class, dimension)
    color : variable, shape (class, band)
    covariance : variable, shape (class, band, band)
    energies : list of variable, shape (class, channel) each
        One per scale.
    """

    def __init__(self, sample: StatisticsSample, k: int) -> None:
        self._sample, self.k = sample, k
        bands, dimensions = sample.pixels.shape[-1], sample.descriptors.shape[-1]
        self.descriptor = tf.Variable(tf.zeros((k, dimensions)))
        self.color = tf.Variable(tf.zeros((k, bands)))
        self.covariance = tf.Variable(tf.zeros((k, bands, bands)))
        self.energies = [
            tf.Variable(tf.zeros((k, spread.shape[0]))) for spread in sample.spreads
        ]

    @property
    def _variables(self) -> list[tf.Variable]:
        return [self.descriptor, self.color, self.covariance, *self.energies]

    def update(self, labels: np.ndarray) -> None:
        """Measure the classes of labels (n, y, x), -1 = none."""
        sampled = labels.ravel()[self._sample.places]
        labeled = sampled[sampled >= 0]
        known = np.bincount(labeled, minlength=self.k) >= LEAST_PIXELS
        new = [*self._moments(sampled), *self._energies(labels)]
        for variable, measured in zip(self._variables, new, strict=True):
            keep = known.reshape(-1, *[1] * (measured.ndim - 1))
            variable.assign(np.where(keep, measured, variable.numpy()))

    def _moments(self, labels: np.ndarray) -> tuple[np.ndarray, ...]:
        """Mean descriptor, mean color and covariance of colors of each class.

        Labels (pixel,) are those of the sample.
        """
        k, bands = self.k, self._sample.pixels.shape[-1]
        descriptor = np.zeros((k, self._sample.descriptors.shape[-1]), "float32")
        color = np.zeros((k, bands), "float32")
        covariance = np.zeros((k, bands, bands), "float32")
        for value in range(k):
            mine = labels == value
            pixels = self._sample.pixels[mine]
            if len(pixels):
                descriptor[value] = self._sample.descriptors[mine].mean(0)
                color[value] = pixels.mean(0)
                centered = pixels - color[value]
                covariance[value] = centered.T @ centered / len(pixels)
        return descriptor, color, covariance

    def _energies(self, labels: np.ndarray) -> list[np.ndarray]:
        """Mean of each map over each class, (class, channel) per scale."""
        sums = [np.zeros((self.k, s.shape[0])) for s in self._sample.spreads]
        weights = [np.zeros((self.k, 1)) for _ in self._sample.spreads]
        for tile, maps in zip(labels, self._sample.maps, strict=True):
            masks = tf.one_hot(tile[None], self.k)
            for level, each in enumerate(maps):
                share = masks[:, ::STEP, ::STEP]
                if level:
                    share = tf.image.resize(masks, each.shape[1:3], antialias=True)
                # Pixels near a border see the other class too.
                share = tf.where(share > 0.99, share, 0.01 * share)
                sums[level] += tf.einsum("nyxk,nyxc->kc", share, each).numpy()
                weights[level] += tf.reduce_sum(share, [0, 1, 2]).numpy()[:, None]
        return [
            (total / np.maximum(weight, 1e-6)).astype("float32")
            for total, weight in zip(sums, weights, strict=True)
        ]

    def texture_loss(self, textures: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """How far textures are from the statistics of their classes, in their spread.

        Parameters
        ----------
        textures : tensor, shape (n, y, x, band)
        classes : tensor, shape (n,), int32
            Whose textures these are.

        Returns
        -------
        tensor, shape ()
        """
        mean = tf.reduce_mean(textures, [1, 2])
        centered = textures - mean[:, None, None]
        area = textures.shape[1] * textures.shape[2]
        covariance = tf.einsum("kyxa,kyxb->kab", centered, centered) / area
        units = self._sample.units[:, None] * self._sample.units
        tint = (mean - tf.gather(self.color, classes)) / self._sample.units
        swing = (covariance - tf.gather(self.covariance, classes)) / units
        loss = tf.reduce_mean(tint**2) + tf.reduce_mean(swing**2)
        for maps, energy, spread in zip(
            self._sample.bank(textures),
            self.energies,
            self._sample.spreads,
            strict=True,
        ):
            found = tf.reduce_mean(maps, [1, 2])
            off = (found - tf.gather(energy, classes)) / spread
            loss += tf.reduce_mean(off**2)
        return loss

    def state(self) -> Arrays:
        """All statistics, by number."""
        return {f"statistics/{i}": v.numpy() for i, v in enumerate(self._variables)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        for index, variable in enumerate(self._variables):
            variable.assign(arrays[f"statistics/{index}"])


def _spread(maps: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Standard deviation of maps (n, y / s, x / s, channel) over valid pixels."""
    share = tf.image.resize(
        valid[..., None].astype("float32"), maps.shape[1:3], antialias=True
    )
    known = share.numpy()[..., 0] > 0.5
    return (
        maps[known].std(0) + 1e-3 if known.any() else np.ones(maps.shape[-1], "float32")
    )
