"""A training compiles its steps once, whatever the step; so does the next one."""

from dataclasses import replace

import pytest
import tensorflow as tf

import ktextures as kt

STEPS = 8

COMPILED = {
    "default": ["MaskTraining._step", "TextureTraining._step", "PixelBatches._choose"],
    "paper": ["SimulationObjective._step"],
}
"""Functions that a training compiles, by preset."""


def functions_of(holder):
    """The compiled functions that an object and its parts hold, by name."""
    return {
        f"{type(part).__name__}.{name}": value
        for part in [holder, *vars(holder).values()]
        if type(part).__module__.startswith(("ktextures.training", __name__))
        for name, value in vars(part).items()
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
        assert counts == dict.fromkeys(COMPILED[name], 1)


def test_a_function_that_is_traced_again_would_be_found():
    class Holder:
        def __init__(self):
            self.step = tf.function(lambda value: value + 1)

    holder = Holder()
    for size in (1, 2):
        holder.step(tf.zeros(size))
    counts = [f.experimental_get_tracing_count() for f in functions_of(holder).values()]
    assert counts == [2]
