"""A new model may begin with what another has learned to see."""

from dataclasses import replace

import numpy as np
import pytest

import ktextures as kt
from ktextures.training.plan import make_plan


@pytest.mark.usefixtures("eager")
def test_a_warm_start_takes_the_first_layer_whatever_k_is(small):
    features = kt.FilterBank(scales=1, orientations=1)
    prepared = kt.prepare(small, seed=1, features=features, progress=False)
    warm = kt.train(prepared, 2, steps=2, progress=False)
    request = replace(prepared.request, k=3)
    cold, begun = (
        make_plan(prepared, request, warm=each).model.mask_network
        for each in (None, warm)
    )
    for mine, learned, new in zip(
        begun.mix.get_weights(),
        warm.mask_network.mix.get_weights(),
        cold.mix.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, learned)
        assert not np.array_equal(mine, new)
    for mine, new in zip(
        begun.head.get_weights(), cold.head.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, new)
