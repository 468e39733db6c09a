"""The optimizer does what Keras's Adam does, step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ktextures.training.adam import Adam


def walk(optimizer, steps, scale=1.0):
    """Values of two variables after each step, by gradients that vary."""
    generator = np.random.default_rng(0)
    variables = [
        keras.Variable(np.ones((3, 2), "float32")),
        keras.Variable(np.zeros(4, "float32")),
    ]
    optimizer.build(variables)

    @tf.function
    def step(gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    values = []
    for _ in range(steps):
        step(
            [
                tf.constant(generator.normal(0, scale, v.shape), v.dtype)
                for v in variables
            ]
        )
        values.append(np.concatenate([v.numpy().ravel() for v in variables]))
    return np.array(values)


@pytest.mark.parametrize("scale", [0.01, 10.0], ids=["small", "clipped"])
def test_steps_are_those_of_keras(scale):
    found = walk(Adam(0.1), 20, scale)
    wanted = walk(keras.optimizers.Adam(0.1, clipnorm=1.0), 20, scale)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_the_learning_rate_may_follow_a_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.2, 10, alpha=0.05)
    found = walk(Adam(schedule), 12)
    wanted = walk(keras.optimizers.Adam(schedule, clipnorm=1.0), 12)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_gradient_of_zero_changes_nothing():
    assert (walk(Adam(0.1), 3, scale=0.0)[:, :6] == 1).all()


def test_a_restored_optimizer_goes_on_alike():
    optimizer, again = Adam(0.1), Adam(0.1)
    variables = [keras.Variable(np.ones(3, "float32")) for _ in range(2)]
    for each, variable in zip((optimizer, again), variables, strict=True):
        each.build([variable])
    gradient = tf.constant([0.1, -0.2, 0.3])
    optimizer.apply_gradients([(gradient, variables[0])])
    for source, target in zip(optimizer.variables, again.variables, strict=True):
        target.assign(source)
    variables[1].assign(variables[0])
    for each, variable in zip((optimizer, again), variables, strict=True):
        each.apply_gradients([(gradient, variable)])
    np.testing.assert_array_equal(variables[0].numpy(), variables[1].numpy())


def test_it_takes_few_operations():
    variable = keras.Variable(np.ones(3, "float32"))
    counts = []
    for optimizer in (Adam(0.1), keras.optimizers.Adam(0.1, clipnorm=1.0)):
        optimizer.build([variable])
        step = tf.function(lambda g, o=optimizer: o.apply_gradients([(g, variable)]))
        counts.append(
            len(step.get_concrete_function(tf.zeros(3)).graph.get_operations())
        )
    assert counts[0] < 0.6 * counts[1]
