"""Directions of color in which small groups of pixels stand out.

Water, roofs or roads may cover a few percent of a scene and hardly add to the variance
of its colors. Where they differ from everything else, the distribution of the
colors has a long tail, which its kurtosis shows.
"""

import numpy as np

__all__ = ["contrasting_directions"]

POWER = 0.5
"""How far the variances of the directions are equalized: half-way."""

FLOOR = 0.01
"""Share of the mean variance added to each, so that noise is not blown up."""

NORMAL, MOST = 3.0, 2.0
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
