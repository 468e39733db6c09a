"""Means over the segments of a tile, which stop at the edges of the image."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from skimage.segmentation import felzenszwalb

__all__ = ["means_within_segments", "segment_means", "segments_of"]

LEAST_PIXELS = 30
"""Smallest segment, in pixels."""


def segments_of(values: np.ndarray, scale: float) -> np.ndarray:
    """Segments (y, x), numbered from 0, of a tile (y, x, band)."""
    with warnings.catch_warnings():
        # The third dimension really holds bands.
        warnings.filterwarnings(
            "ignore", "Got image with third dimension of", RuntimeWarning
        )
        return felzenszwalb(
            values,
            scale,
            sigma=0.8,
            min_size=int(max(LEAST_PIXELS, scale)),
            channel_axis=-1,
        )


def segment_means(maps: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Mean over each pixel's segment: maps (y, x, channel), segments (y, x) from 0."""
    flat = segments.ravel()
    sizes = np.maximum(np.bincount(flat), 1)
    weights = np.float32(1) / sizes[flat].astype("float32")
    # One row per segment; several times faster than a count per channel.
    members = csr_array((weights, (flat, np.arange(flat.size))))
    means = members @ maps.reshape(flat.size, -1)
    return np.asarray(means[flat].reshape(maps.shape), "float32")


def means_within_segments(
    maps: np.ndarray, values: np.ndarray, scales: Sequence[float]
) -> np.ndarray:
    """Means over the segments of a tile, averaged over several scales.

    Parameters
    ----------
    maps : array, shape (y, x, channel), float32
    values : array, shape (y, x, band)
        What the segments are found in.
    scales : sequence of float
        The larger, the larger the segments; none = `maps` itself.

    Returns
    -------
    array, shape (y, x, channel), float32

    Notes
    -----
    Felzenszwalb & Huttenlocher 2004, International Journal of Computer Vision 59:167.
    """
    if not scales:
        return maps
    total = np.zeros_like(maps)
    for scale in scales:
        total += segment_means(maps, segments_of(values, scale))
    return total / len(scales)
