"""Copies of what a model has learned, for applying it without TensorFlow."""

import numpy as np
import numpy.typing as npt

from ktextures.inference.contextual import FrozenContextual
from ktextures.inference.filters import fold
from ktextures.inference.frozen import FrozenModel
from ktextures.inference.layers import make_layer
from ktextures.inference.published import FrozenPublished
from ktextures.model.masks import (
    COARSE_BLUR,
    FILTERS,
    FINE_BANDS,
    ContextualMasks,
    PublishedMasks,
)
from ktextures.model.network import Network
from ktextures.model.ops import gaussian_kernel

__all__ = ["freeze"]

Floats = npt.NDArray[np.float32]


def freeze(model: Network) -> FrozenModel:
    """Copy what classifying needs from a model, in the state after its last step.

    Parameters
    ----------
    model : Network

    Returns
    -------
    FrozenModel
        Nothing that happens to the model changes it.
    """
    with model.lock:
        network = model.mask_network
        masks: FrozenContextual | FrozenPublished
        if isinstance(network, ContextualMasks):
            masks = _contextual(network)
        elif isinstance(network, PublishedMasks):
            masks = _published(network)
        else:
            raise TypeError(f"masks of type {type(network).__name__} cannot be frozen")
        values = np.empty(model.k, "uint8")
        values[model.record.order] = np.arange(1, model.k + 1)
        return FrozenModel(masks, model.preparation, values)


def _published(masks: PublishedMasks) -> FrozenPublished:
    """Weights of a network, with its batch normalizations folded in."""
    folded = []
    for first in range(0, len(masks.stack), 3):
        conv, norm, _ = masks.stack[first : first + 3]
        weights, bias = (each.numpy().astype("float64") for each in conv.weights)
        scale = norm.gamma.numpy() / np.sqrt(
            norm.moving_variance.numpy() + norm.epsilon
        )
        shift = (bias - norm.moving_mean.numpy()) * scale + norm.beta.numpy()
        folded.append(make_layer(weights[0, 0] * scale, shift))
    return FrozenPublished(masks.k, masks.reach, tuple(folded))


def _contextual(masks: ContextualMasks) -> FrozenContextual:
    """Weights of a network, with the scaling of what it sees folded in."""
    mean, whiten, center, spread = (
        each.numpy().astype("float64")
        for each in (
            masks.mean,
            masks.whiten,
            masks.pattern_mean,
            masks.pattern_spread,
        )
    )
    mix, mix_bias = (each.numpy().astype("float64") for each in masks.mix.weights)
    head, head_bias = (each.numpy() for each in masks.head.weights)
    mix = mix[0, 0] / spread[:, None]
    return FrozenContextual(
        masks.reach,
        min(int(whiten.shape[0]), FINE_BANDS),
        fold(FILTERS.transpose(2, 0, 1)),
        gaussian_kernel(COARSE_BLUR),
        tuple(map(gaussian_kernel, masks.sigmas)),
        np.array(masks.groups, "uint8"),
        np.column_stack([whiten.T, -mean @ whiten]).astype("float32"),
        make_layer(mix, mix_bias - center @ mix),
        make_layer(head[0, 0], head_bias),
    )
