"""Losses and weights that are not finite end a training; what was learned is kept."""

import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest

import ktextures as kt
from ktextures.errors import CallbackError, InputError
from ktextures.files.archive import read_archive
from ktextures.training import checkpoint as module
from ktextures.training.checkpoint import NAME

STEPS = 8

pytestmark = pytest.mark.usefixtures("eager")


def quick(scene, **options):
    wanted = {
        "steps": STEPS,
        "seed": 1,
        "progress": False,
        "features": kt.FilterBank(1, 1),
        "texture_scale": 2.0,
    }
    return kt.train(scene, 3, **{**wanted, **options})


def damage(weight, value=np.nan):
    damaged = weight.numpy()
    damaged.flat[0] = value
    weight.assign(damaged)


class Damage(keras.callbacks.Callback):
    """Damages a weight after a number of steps, or before the first."""

    def __init__(self, steps, value=np.nan, part="mask_network"):
        super().__init__()
        self.steps, self.value, self.part = steps, value, part
        self.seen, self.ended = [], False

    def on_train_begin(self, logs=None):
        if self.steps == 0:
            self.damage()

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs)
        if batch + 1 == self.steps:
            self.damage()

    def on_train_end(self, logs=None):
        self.ended = True

    def damage(self):
        damage(getattr(self.model, self.part).trainable_variables[0], self.value)


class StopAfter(keras.callbacks.Callback):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 == self.steps


def assert_same(one, other):
    first, second = one.weight_arrays(), other.weight_arrays()
    for name, array in first.items():
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(array, second[name])
    assert one.record.losses == other.record.losses


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("preset", "part", "reason"),
    [
        # The default preset trains weights of its own, and averages them in the model.
        ("default", "mask_network", "weights became NaN"),
        ("default", "texture_bank", "weights became NaN"),
        ("paper", "mask_network", "the loss 'features 1' is (nan|inf)"),
        ("paper", "texture_bank", "the loss 'features 1' is (nan|inf)"),
    ],
)
def test_the_model_of_the_last_good_step_is_returned(
    small, preset, part, reason, value
):
    callback = Damage(3, value, part)
    message = rf"ended at step 4 of {STEPS}: {reason}"
    with pytest.warns(UserWarning, match=message) as caught:
        model = quick(small, preset=preset, callbacks=[callback])
    assert caught[0].filename == __file__
    assert "learned before this step is kept. Lower the lear" in str(caught[0].message)
    assert model.record.steps == model.record.provenance["steps"] == 3
    assert len(callback.seen) == 3
    assert callback.ended
    assert not model.in_training
    assert_same(model, quick(small, preset=preset, callbacks=[StopAfter(3)]))
    assert kt.segment(small, model).classes.shape == (64, 64)


def test_the_model_can_be_saved_and_trained_further(small, tmp_path):
    # The third step measures the classes again, which fails with an error.
    with pytest.warns(UserWarning, match=r"ended at step 3 of 8: weights became NaN"):
        model = quick(small, callbacks=[Damage(2)])
    model.save(tmp_path / "model")
    further = quick(small, model=tmp_path / "model", features=None, steps=2)
    assert further.record.steps == 4
    assert np.isfinite(further.record.losses["loss"]).all()


def test_weights_are_checked_even_where_losses_are_finite(small):
    # The published masks never use the moving averages in training.
    class Averages(Damage):
        def damage(self):
            damage(self.model.mask_network.non_trainable_variables[0])

    with pytest.warns(UserWarning, match=r"step 4 of 8: weights became NaN or inf"):
        model = quick(small, preset="paper", callbacks=[Averages(3)])
    assert model.record.steps == 3
    assert_same(model, quick(small, preset="paper", callbacks=[StopAfter(3)]))


def test_damage_after_the_last_step_is_undone(small):
    with pytest.warns(UserWarning, match=r"ended at step 8 of 8: weights became NaN"):
        model = quick(small, callbacks=[Damage(STEPS)])
    assert_same(model, quick(small))


def test_a_first_step_that_fails_is_an_error(small):
    message = (
        "failed at the first step: the loss 'features 1' is nan. Nothing was learned"
    )
    callback = Damage(0)
    with pytest.raises(InputError, match=message):
        quick(small, preset="paper", callbacks=[callback])
    assert np.isfinite(callback.model.mask_network.trainable_variables[0].numpy()).all()


def test_loss_weights_that_overflow_are_an_error(small):
    preset = replace(kt.presets.paper, loss_weights={"features 1": 1e39})
    with pytest.raises(InputError, match=r"the loss 'loss' is inf.* the loss weights"):
        quick(small, preset=preset)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_the_highest_learning_rate_leaves_a_model_that_works(small, name):
    preset = getattr(kt.presets, name).with_learning_rate(1.0)
    with warnings.catch_warnings():
        # Whether classes are lost, or a step fails, is for the seed to decide.
        warnings.simplefilter("ignore")
        model = quick(small, preset=preset, steps=10)
    assert all(np.isfinite(array).all() for array in model.weight_arrays().values())
    assert np.isfinite(model.record.losses["loss"]).all()
    assert kt.segment(small, model).classes.shape == (64, 64)


def test_the_best_pass_before_the_failure_is_kept():
    scene = kt.datasets.synthetic((64, 300), k=3, seed=1, contrast="both").scene
    options = {"preset": "paper", "steps": 12}
    with pytest.warns(UserWarning, match="ended at step 9 of 12"):
        model = quick(scene, callbacks=[Damage(8)], **options)
    # Three steps a pass.
    assert_same(model, quick(scene, callbacks=[StopAfter(8)], **options))


def test_a_failed_state_is_not_saved(small, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0.0)
    with pytest.warns(UserWarning, match="ended at step 4"):
        quick(small, callbacks=[Damage(3)], checkpoint=tmp_path)
    settings, arrays = read_archive(tmp_path / NAME, "checkpoint")
    assert settings["done"] == 2
    assert np.isfinite(settings["losses"]["loss"]).all()
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert_same(quick(small, checkpoint=tmp_path), quick(small))


def test_a_callback_that_fails_too_is_told_with_it(small):
    class Both(Damage):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if batch + 1 == self.steps:
                raise ValueError("broken")

    with (
        pytest.warns(UserWarning, match=r"ended at step 3 of 8: weights became NaN"),
        pytest.raises(CallbackError, match="broken") as caught,
    ):
        quick(small, callbacks=[Both(3)])
    assert caught.value.model.record.steps == 3
    assert_same(caught.value.model, quick(small, callbacks=[StopAfter(3)]))
