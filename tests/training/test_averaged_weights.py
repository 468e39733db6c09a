"""The model holds the mean of the last weights; training goes on from the last."""

import keras
import numpy as np
import pytest

from ktextures.training.averaged_weights import AveragedWeights


@pytest.fixture
def variable():
    return keras.Variable(np.zeros(1, "float32"))


def descend(averaged, gradient=1.0):
    """One step; the weights that were trained before it."""
    averages = averaged.begin()
    found = averaged._variables[0].numpy().item()
    averaged.step([np.full(1, gradient, "float32")], averages)
    return found


def test_a_model_holds_the_mean_of_the_last_steps(variable):
    # Plain descent by 1 per step: weights are -1, -2, ..., and lag behind in the mean.
    averaged = AveragedWeights([variable], keras.optimizers.SGD(1.0), length=20)
    trained = [descend(averaged) for _ in range(300)]
    np.testing.assert_allclose(trained, -np.arange(300))
    assert variable.numpy().item() == pytest.approx(-300 + 19, abs=0.1)


def test_first_steps_do_not_lag_as_far(variable):
    averaged = AveragedWeights([variable], keras.optimizers.SGD(1.0), length=1000)
    for _ in range(20):
        descend(averaged)
    assert variable.numpy().item() < -10


def test_training_restarts_from_what_the_model_holds(variable):
    averaged = AveragedWeights([variable], keras.optimizers.SGD(1.0), length=20)
    descend(averaged)
    variable.assign([50.0])
    averaged.restart()
    assert descend(averaged) == 50


def test_restored_weights_train_on_alike(variable):
    averaged = AveragedWeights([variable], keras.optimizers.SGD(1.0), length=20)
    for _ in range(5):
        descend(averaged)
    other = keras.Variable(variable.numpy())
    again = AveragedWeights([other], keras.optimizers.SGD(1.0), length=20)
    again.restore(averaged.state())
    assert descend(again) == descend(averaged) == -5
