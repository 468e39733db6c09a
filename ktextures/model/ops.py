"""Differentiable image operations: tensors in (batch, y, x, channel), tensors out."""

import numpy as np
import tensorflow as tf

__all__ = [
    "blur",
    "blur_reach",
    "crop",
    "gaussian_kernel",
    "hard_masks",
    "score_slices",
]


def hard_masks(logits: tf.Tensor) -> tf.Tensor:
    """One-hot masks of the largest logit, with the gradient of softmax.

    Parameters
    ----------
    logits : tensor, shape (batch, y, x, class)

    Returns
    -------
    tensor, shape (batch, y, x, class)
        0 or 1; ties go to the first class. Straight-through estimator
        (Bengio et al. 2013, arXiv 1308.3432).
    """
    soft = tf.nn.softmax(logits)
    hard = tf.one_hot(tf.argmax(logits, -1), logits.shape[-1], dtype=logits.dtype)
    return soft + tf.stop_gradient(hard - soft)


def score_slices(score: tf.Tensor, k: int, slope: float) -> tf.Tensor:
    """Cut a score in 0..1 into k slices by hard sigmoids at the thresholds i/k.

    Parameters
    ----------
    score : tensor, shape (batch, y, x, 1)
        From 0 to 1.
    k : int
        Number of slices.
    slope : float
        Steepness of the step; it rises from 0 to 1 over 1/slope, centered on the
        threshold, and only there it has a gradient.

    Returns
    -------
    tensor, shape (batch, y, x, class)
        Sums to 1; 0 or 1 except on the ramps. Wagner et al. 2022.
    """
    thresholds = tf.range(1, k, dtype=score.dtype) / k
    steps = tf.clip_by_value(slope * (score - thresholds) + 0.5, 0.0, 1.0)
    edge = tf.ones_like(score)
    return tf.concat([edge, steps], -1) - tf.concat([steps, tf.zeros_like(edge)], -1)


def gaussian_kernel(sigma: float) -> np.ndarray:
    """Normalized Gaussian, shape (2 r + 1,), cut at r = `blur_reach(sigma)` pixels."""
    radius = blur_reach(sigma)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    return (kernel / kernel.sum()).astype("float32")


def blur_reach(sigma: float) -> int:
    """Radius in pixels at which a Gaussian of `sigma` pixels is cut."""
    return int(np.ceil(2.5 * sigma))


def blur(maps: tf.Tensor, sigma: float) -> tf.Tensor:
    """Gaussian mean of each channel; the output is smaller by the blur's reach.

    Parameters
    ----------
    maps : tensor, shape (batch, y, x, channel)
    sigma : float
        In pixels.

    Returns
    -------
    tensor, shape (batch, y - 2 r, x - 2 r, channel), with r = `blur_reach(sigma)`.
    """
    kernel = tf.constant(gaussian_kernel(sigma))[:, None, None, None]
    column = tf.tile(kernel, [1, 1, maps.shape[-1], 1])
    maps = tf.nn.depthwise_conv2d(maps, column, [1] * 4, "VALID")
    row = tf.transpose(column, [1, 0, 2, 3])
    return tf.nn.depthwise_conv2d(maps, row, [1] * 4, "VALID")


def crop(maps: tf.Tensor, margin: int) -> tf.Tensor:
    """Take `margin` pixels off each side of (batch, y, x, channel)."""
    if not margin:
        return maps
    batch, height, width, channels = (
        -1 if size is None else size for size in maps.shape
    )
    if -1 in (height, width):
        return maps[:, margin:-margin, margin:-margin]
    # The gradient of a plain slice is several times slower.
    size = [batch, height - 2 * margin, width - 2 * margin, channels]
    return tf.slice(maps, [0, margin, margin, 0], size)
