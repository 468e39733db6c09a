"""What hints say about all pixels: labels that agree with them and with a prior.

The prior is the division of the scene without hints. Where a hint contradicts it, the
difference is passed on to pixels with similar descriptors, most of all to those nearby:
a Gaussian process whose mean is the prior and whose observations are the hints
(Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, section 2.7). A
hint that the prior agrees with changes little, and many hints outweigh the prior.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["HintSpreading", "Points", "hardened", "softened"]

SIMILAR = 0.33
"""Mean similarity of two pixels of the scene, 0..1; it decides how far hints reach."""

EVERYWHERE, NEAR = 0.6, 20.0
"""Share of a hint's effect that distance does not lessen, and the standard deviation in
pixels of the Gaussian that lessens the rest."""

NOISE = 0.05
"""Variance of what a hint says, so that single ones do not count for everything."""

TEMPER = 0.25
"""Power of the prior's probabilities: less sure, it gives way to hints."""

SURE = 0.5
"""How sure a prior is that consists of labels, 0..1."""

PAIRS = 2_000
"""Pairs of pixels that similarity is measured on."""

CHUNK = 32_768
"""Pixels that are compared with the hints at once: bounds memory."""


@dataclass(frozen=True)
class Points:
    """What hints are: descriptors and places of what they cover, and its class.

    Attributes
    ----------
    descriptors : array, shape (point, dimension)
    scenes : array, shape (point,), int
    places : array, shape (point, 2), float
        Row and column in the scene.
    masks : array, shape (point,), int
        Which mask the point shall have.
    prior : array, shape (point, mask)
        Of the points, as `softened` or `hardened` returns it.
    """

    descriptors: np.ndarray
    scenes: np.ndarray
    places: np.ndarray
    masks: np.ndarray
    prior: np.ndarray


class HintSpreading:
    """Passes on what hints say.

    Parameters
    ----------
    points : Points
    sample : array, shape (pixel, dimension)
        Descriptors of pixels of the scenes, which say what counts as similar.
    """

    def __init__(self, points: Points, sample: np.ndarray) -> None:
        self._points = points
        self._unit = max(float(np.sqrt(sample.var(0).sum())), 1e-9)
        self._reach = _reach(sample / self._unit)
        wanted = np.eye(points.prior.shape[1])[points.masks] - points.prior
        own = self._similarity(points.descriptors, points.scenes, points.places)
        # Solved once, the weights of the points are those of every pixel.
        ridge = NOISE * np.eye(len(own))
        self._weights = np.linalg.solve(own + ridge, wanted).astype("float32")

    def _similarity(
        self, descriptors: np.ndarray, scenes: np.ndarray, places: np.ndarray
    ) -> np.ndarray:
        """Similarity (pixel, point), 0..1, of pixels to the points."""
        points = self._points
        mine, theirs = descriptors / self._unit, points.descriptors / self._unit
        alike = np.exp(-_squared(mine, theirs) / (2 * self._reach**2))
        near = np.exp(-_squared(places, points.places) / (2 * NEAR**2))
        near *= scenes[:, None] == points.scenes
        return np.asarray(alike * (EVERYWHERE + (1 - EVERYWHERE) * near), "float32")

    def scores(
        self,
        descriptors: np.ndarray,
        prior: np.ndarray,
        scene: int,
        corner: tuple[int, int],
    ) -> np.ndarray:
        """Prior of a tile, as the hints change it.

        Parameters
        ----------
        descriptors : array, shape (y, x, dimension)
        prior : array, shape (y, x, mask)
        scene : int
        corner : tuple of int
            First row and column of the tile in its scene.

        Returns
        -------
        array, shape (y, x, mask), float32
            The largest decides.
        """
        height, width = descriptors.shape[:2]
        rows, cols = np.indices((height, width)).reshape(2, -1)
        places = np.stack([rows + corner[0], cols + corner[1]], 1).astype("float32")
        flat = descriptors.reshape(height * width, -1)
        scenes = np.full(len(flat), scene)
        found = prior.reshape(len(flat), -1).astype("float32")
        for first in range(0, len(flat), CHUNK):
            part = slice(first, first + CHUNK)
            similar = self._similarity(flat[part], scenes[part], places[part])
            found[part] += similar @ self._weights
        return found.reshape(prior.shape)


def _squared(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Squared distances (row, other)."""
    product = rows @ others.T
    squares = (rows**2).sum(1)[:, None] + (others**2).sum(1) - 2 * product
    return np.asarray(np.maximum(squares, 0))


def _reach(rows: np.ndarray) -> float:
    """Standard deviation of a Gaussian that is `SIMILAR` in the mean over all pairs."""
    generator = np.random.default_rng(0)
    first, second = rows[generator.integers(len(rows), size=(2, PAIRS))]
    squares = ((first - second) ** 2).sum(1)
    reaches = np.geomspace(0.05, 5.0, 60)
    means = [float(np.exp(-squares / (2 * reach**2)).mean()) for reach in reaches]
    return float(np.interp(SIMILAR, means, reaches))


def softened(probabilities: np.ndarray) -> np.ndarray:
    """A prior of probabilities (..., mask), less sure than they are."""
    powers = np.maximum(probabilities, 1e-6) ** np.float32(TEMPER)
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def hardened(labels: np.ndarray, k: int) -> np.ndarray:
    """A prior (..., mask) of labels (...); -1, no label, says nothing."""
    certain = (labels[..., None] == np.arange(k)).astype("float32")
    known = certain.any(-1, keepdims=True)
    return np.asarray(
        np.where(known, (1 - SURE) / k + SURE * certain, 1 / k), "float32"
    )
