"""Directions of color in which small groups of pixels stand out.

Water, roofs or roads may cover a few percent of a scene and hardly add to the variance
of its colors. Where they differ from everything else, the distribution of the
colors has a long tail, which its kurtosis shows.
"""

from collections.abc import Sequence

import numpy as np

from ktextures.training.texture_scale import clusteredness

__all__ = ["choose_offset", "contrasting_directions"]

POWER = 0.5
"""How far the variances of the directions are equalized: half-way."""

FLOOR = 0.1
"""Share of the mean variance added to each, so that noise is not blown up."""

SAMPLE = 20_000
"""Pixels looked at."""

NORMAL, MOST = 3.0, 4.0
"""Kurtosis of a normal distribution, and how many times as much counts."""


def contrasting_directions(rows: np.ndarray) -> np.ndarray:
    """Principal directions of colors, weighted by how far they tell groups apart.

    Parameters
    ----------
    rows : array, shape (n, band)

    Returns
    -------
    array, shape (band, band), float32
        What rows are multiplied by; the variances of the product add up to 1. Empty if
        there are no bands.

    Notes
    -----
    Directions of large kurtosis show outlying groups: Peña & Prieto 2001, Journal of
    the American Statistical Association 96:1433.
    """
    if not rows.shape[1]:
        return np.zeros((0, 0), "float32")
    centered = (rows - rows.mean(0)).astype("float64")
    covariance = centered.T @ centered / max(len(rows), 1)
    values, vectors = np.linalg.eigh(covariance)
    along = centered @ vectors
    kurtosis = (along**4).mean(0) / np.maximum((along**2).mean(0), 1e-12) ** 2
    stretch = np.clip(kurtosis / NORMAL, 1.0, MOST)
    scale = stretch / (values + FLOOR * values.mean() + 1e-12) ** (POWER / 2)
    size = np.sqrt(np.sum(np.maximum(values, 0.0) * scale**2)) + 1e-9
    return np.asarray(vectors * (scale / size), "float32")


def choose_offset(
    pixels: np.ndarray, offsets: Sequence[float], gain: float, seed: int
) -> float:
    """How much to add to bands before their logarithm is taken.

    Parameters
    ----------
    pixels : array, shape (n, band)
        Scaled to 0..1.
    offsets : sequence of float
        The usual one first. A smaller one spreads dark colors, among which water is.
    gain : float
        How many times clearer than with the usual one groups of colors must be.
    seed : int

    Returns
    -------
    float
        One of `offsets`.
    """
    some = np.random.default_rng(seed).permutation(len(pixels))[:SAMPLE]
    clear = []
    for offset in offsets:
        logs = np.log(pixels[some] + offset)
        clear.append(clusteredness(logs @ contrasting_directions(logs), seed))
    best = int(np.argmax(clear))
    return offsets[best] if clear[best] >= gain * clear[0] else offsets[0]
