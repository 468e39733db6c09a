"""A model that someone holds never changes; every look at one is of a complete step."""

import io
import threading
from dataclasses import replace
from importlib.util import find_spec

import dask.array as da
import keras
import numpy as np
import pytest

import ktextures as kt
from ktextures.errors import CallbackError, InputError
from ktextures.features.filter_bank import FilterBank
from ktextures.files.archive import unpack
from ktextures.training.presets import find_preset

QUICK = {"seed": 1, "progress": False}


def cheap():
    return FilterBank(1, 1)


@pytest.fixture(scope="module")
def scene():
    return kt.datasets.synthetic(48, k=3, seed=1, contrast="both").scene


class Clock(kt.Callback):
    """Keeps the weights after each step."""

    def __init__(self):
        super().__init__()
        self.by_step = {}

    def on_train_batch_end(self, batch, logs=None):
        self.by_step[self.model.record.steps] = self.model.weight_arrays()


def test_every_save_during_a_training_is_of_one_complete_step(scene):
    clock, saves, started = Clock(), [], threading.Event()

    class Hand(kt.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.live = self.model
            started.set()
            if len(saves) >= 200:
                self.model.stop_training = True

    hand = Hand()

    def save():
        started.wait(60)
        while len(saves) < 200:
            saves.append(hand.live.to_bytes())

    saver = threading.Thread(target=save)
    saver.start()
    kt.train(scene, 3, features=cheap(), steps=4000, callbacks=[clock, hand], **QUICK)
    saver.join()
    assert len(saves) >= 200
    seen = set()
    for content in saves:
        settings, arrays = unpack(io.BytesIO(content), "model", "saved")
        (step,) = {len(trace) for trace in settings["losses"].values()}
        seen.add(step)
        for name, array in clock.by_step.get(step, {}).items():
            np.testing.assert_array_equal(arrays[name], array)
    assert len(seen & set(clock.by_step)) > 5


@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_a_lazy_result_is_of_the_model_at_the_call(scene):
    lazy = scene.copy(data=da.from_array(scene.values, chunks=(4, 24, 24)))
    results = []

    class Segment(kt.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                outputs = ("classes", "simulated")
                results.append(kt.segment(lazy, self.model, outputs=outputs))
                results.append(kt.segment(scene, self.model.copy(), outputs=outputs))

    kt.train(scene, 3, features=cheap(), steps=12, callbacks=[Segment()], **QUICK)
    late, then = results
    np.testing.assert_array_equal(late.classes.values, then.classes.values)
    np.testing.assert_array_equal(late.simulated.values, then.simulated.values)


def test_a_copy_has_nothing_in_common_with_its_original(trained):
    content, copy = trained.to_bytes(), trained.copy()
    for weight in copy.weights:
        weight.assign(weight + 1)
    copy.record.losses["loss"].append(1.0)
    copy.record.provenance["seed"] = "changed"
    assert trained.to_bytes() == content


def test_renaming_gives_a_new_model(trained):
    named = trained.rename({1: "water"}, colors={3: "teal"})
    assert named.classes.names == ("water", "class 2", "class 3")
    assert named.classes.colors[2] == "#008080"
    assert trained.classes.names[0] == "class 1"
    with pytest.raises(InputError, match="no class 4 in a table of 3"):
        trained.rename({4: "none"})
    with pytest.raises(InputError, match="2 classes and the model 3"):
        trained.with_classes(kt.ClassTable.default(2))


@pytest.mark.parametrize("k", [2, 5])
def test_another_k_splits_or_merges_and_keeps_the_others(scene, k):
    model = kt.train(scene, 3, features=cheap(), steps=60, **QUICK)
    model = model.rename({1: "one", 2: "two", 3: "three"})
    before = kt.segment(scene, model).classes.values
    made = kt.train(scene, k, model=model, steps=1, **QUICK)
    after = kt.segment(scene, made).classes.values
    assert made.k == k
    assert made.record.provenance["k"] == k
    kept = set(made.classes.names) & {"one", "two", "three"}
    assert len(kept) == min(k, 3) if k > 3 else len(kept) >= 1
    assert len(np.unique(after)) == k
    assert model.k == 3
    np.testing.assert_array_equal(kt.segment(scene, model).classes.values, before)


def test_a_model_shows_its_classes_and_textures_in_notebooks(trained):
    named = trained.rename({2: "<b>wet</b>"}, colors={1: "teal"})
    shown = named._repr_html_()
    assert "k = 3 · preset default · 6 steps · bands red, green, blue, nir" in shown
    assert "&lt;b&gt;wet&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "#008080" in shown
    assert shown.count("data:image/png;base64,") == 3
    assert repr(named).startswith("<ktextures.KTextures: k = 3, preset default, 6 st")


# --- callbacks -----------------------------------------------------------------------


@pytest.mark.usefixtures("eager")
def test_an_exception_in_a_callback_keeps_what_was_learned(scene):
    class Broken(kt.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise ZeroDivisionError("oops")

    with pytest.raises(
        CallbackError,
        match=r"failed in on_train_batch_end after step 3: ZeroDivisionError: oops",
    ) as caught:
        kt.train(scene, 3, features=cheap(), steps=9, callbacks=[Broken()], **QUICK)
    model = caught.value.model
    assert model.record.steps == model.record.provenance["steps"] == 3
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert kt.segment(scene, model).classes.shape == (48, 48)
    assert not model.in_training


@pytest.mark.usefixtures("eager")
def test_an_exception_at_the_end_keeps_the_model(scene):
    class Late(kt.Callback):
        def on_train_end(self, logs=None):
            raise OSError("too late")

    with pytest.raises(CallbackError, match="on_train_end after step 2") as caught:
        kt.train(scene, 3, features=cheap(), steps=2, callbacks=[Late()], **QUICK)
    assert caught.value.model.record.provenance["steps"] == 2


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (lambda p: keras.callbacks.LearningRateScheduler(lambda e: 0.1), "with_learn"),
        (lambda p: keras.callbacks.ReduceLROnPlateau(monitor="loss"), "with_learning"),
        (lambda p: keras.callbacks.ModelCheckpoint(p / "m.keras"), "checkpoint="),
        (lambda p: keras.callbacks.BackupAndRestore(p / "b"), "checkpoint="),
        (
            lambda p: keras.callbacks.EarlyStopping("loss", restore_best_weights=True),
            "the preset decides which weights are kept",
        ),
        (lambda p: kt.Callback, "give instances of"),
    ],
)
def test_callbacks_that_cannot_work_are_refused_at_once(
    scene, callback, message, tmp_path
):
    with pytest.raises(InputError, match=message):
        kt.train(scene, 3, features=Untouchable(), callbacks=[callback(tmp_path)])


class Untouchable(FilterBank):
    kind = "untouchable"

    def fit(self, pixels, bands):
        pytest.fail("work has begun")


@pytest.mark.usefixtures("eager")
def test_callbacks_of_keras_work(scene, tmp_path):
    epochs = []
    stop = keras.callbacks.EarlyStopping("loss", patience=1, baseline=0.0)
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: epochs.append(e)),
        stop,
    ]
    model = kt.train(scene, 3, features=cheap(), steps=9, callbacks=callbacks, **QUICK)
    # No loss is below the baseline, so patience ends after one pass of one step.
    assert model.record.steps == len(epochs) < 9
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,dictionary,imitation,loss")
    assert len(rows) == 1 + len(epochs)


@pytest.mark.usefixtures("eager")
def test_tensorboard_works_or_is_asked_for_before_any_work(scene, tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path / "board")
    if find_spec("tensorboard") is None:
        with pytest.raises(InputError, match="pip install tensorboard"):
            kt.train(scene, 3, features=Untouchable(), callbacks=[board])
    else:
        kt.train(scene, 3, features=cheap(), steps=2, callbacks=[board], **QUICK)
        assert list((tmp_path / "board").rglob("events*"))


# --- presets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps is 0; give a whole number of 1 or more"),
        ({"tile_size": 1.5}, "tile_size is 1.5"),
        ({"learning_rate": 0}, "learning_rate is 0; give a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"texture_learning_rate": "fast"}, "texture_learning_rate is 'fast'"),
        ({"loss_weights": {"imitation": -1}}, "loss_weights has -1 for 'imitation'"),
        ({"loss_weights": [1.0]}, r"loss_weights is \[1.0\]"),
        (
            {"loss_weights": {"smooth": 1}},
            "names smooth; .*, simulation",
        ),
        ({"imitation_share": 2}, "imitation_share is 2"),
    ],
)
def test_presets_that_cannot_be_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(kt.presets.default, **change)


@pytest.mark.parametrize("preset", [kt.presets.default, kt.presets.paper])
def test_a_preset_is_rebuilt_from_its_record(preset):
    changed = replace(preset, steps=7, max_tiles=3)
    assert find_preset(changed.to_dict()) == changed != preset


def test_unknown_presets_are_refused():
    with pytest.raises(InputError, match="preset is 'fast'; choose from default, pap"):
        find_preset("fast")
    with pytest.raises(InputError, match=r"preset 'paper': .*halo"):
        find_preset({"name": "paper", "halo": 3})


# --- warnings of doubtful results ----------------------------------------------------


@pytest.mark.usefixtures("eager")
def test_a_learning_rate_that_loses_classes_is_told(scene):
    # The outer slices of a published score begin nearly empty.
    preset = replace(kt.presets.paper, learning_rate=0.02)
    told = r"Only \d+ of 24 classes hold pixels .* \(0\.02\)"
    with pytest.warns(UserWarning, match=told):
        kt.train(scene, 24, preset=preset, features=cheap(), steps=2, **QUICK)


def test_a_scene_in_other_units_is_told(trained, small):
    reflectance = small.astype("float32") / 10_000
    with pytest.warns(UserWarning, match=r"100% of the values of band 'red' .* units"):
        kt.segment(reflectance, trained)


# --- models that are none ------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{}, 3, kt.KTextures])
def test_what_is_no_model_is_refused(small, wrong):
    with pytest.raises(InputError, match=r"model is .*; give what ktextures\.train or"):
        kt.segment(small, wrong)
    with pytest.raises(InputError, match=r"model is .*; give what ktextures\.train or"):
        kt.train(small, model=wrong, **QUICK)


@pytest.mark.usefixtures("eager")
def test_the_file_of_a_model_may_be_trained_further(small, trained, tmp_path):
    trained.save(tmp_path / "earlier")
    further = kt.train(small, model=str(tmp_path / "earlier"), steps=1, **QUICK)
    assert further.record.steps == trained.record.steps + 1


def test_other_wrong_kinds_of_arguments_are_refused(small, trained):
    with pytest.raises(InputError, match=r"rename got \['a'\]; give a mapping"):
        trained.rename(["a"])
    with pytest.raises(InputError, match="a single callback; give a list"):
        kt.train(small, 2, callbacks=kt.Callback(), **QUICK)
