"""A training compiles its steps once, whatever the step; so does the next one."""

from dataclasses import replace

import pytest
import tensorflow as tf

import ktextures as kt

STEPS = 8


def functions_of(holder):
    """The compiled functions that an object holds, by name."""
    return {
        name: value
        for name, value in vars(holder).items()
        if hasattr(value, "experimental_get_tracing_count")
    }


def brief(name):
    if name == "paper":
        return replace(kt.presets.paper, encoder_steps=1, tile_size=32)
    # Both phases, imitation and choice, and a review.
    return replace(kt.presets.default, steps=STEPS, imitation_share=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "paper"])
def test_steps_are_traced_once_in_each_training(name):
    # Several tiles or crops, so that a step's inputs differ.
    scene = kt.datasets.synthetic((32, 140), k=3, seed=1, contrast="both").scene
    for seed in (1, 2):
        objective = kt.plan_training(scene, 3, preset=brief(name), seed=seed).objective
        for index in range(STEPS):
            objective.step(index)
        counts = {
            name: function.experimental_get_tracing_count()
            for name, function in functions_of(objective).items()
        }
        assert counts
        # The two phases of the masks are two graphs.
        wanted = dict.fromkeys(counts, 1) | (
            {"_mask_step": 2} if name == "default" else {}
        )
        assert counts == wanted


def test_a_function_that_is_traced_again_would_be_found():
    class Holder:
        def __init__(self):
            self.step = tf.function(lambda value: value + 1)

    holder = Holder()
    for size in (1, 2):
        holder.step(tf.zeros(size))
    counts = [f.experimental_get_tracing_count() for f in functions_of(holder).values()]
    assert counts == [2]
