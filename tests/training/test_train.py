"""Training with the default preset: every kind of scene, every mistake, every stop."""

import itertools
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import xarray as xr

import ktextures as kt
from ktextures.errors import InputError

ROOT = Path(__file__).parents[2]
QUICK = {"steps": 2, "seed": 1, "progress": False}

pytestmark = pytest.mark.usefixtures("eager")


def synthetic(size=48, k=3, bands=4, **options):
    options = {"contrast": "both", "seed": 1} | options
    return kt.datasets.synthetic(size, k=k, bands=bands, **options).scene


def quick(scene, k=3, **options):
    wanted = {**QUICK, "features": cheap(), "texture_scale": 2.0}
    return kt.train(scene, k, **{**wanted, **options})


def cheap():
    return kt.FilterBank(scales=1, orientations=1)


def same_weights(one, other):
    first, second = one.weight_arrays(), other.weight_arrays()
    return all(np.array_equal(first[name], second[name]) for name in first)


def classes(scene, model):
    return kt.segment(scene, model).classes.values


class Log(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_train_end(self, logs=None):
        self.calls.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} done")
        assert np.isfinite(logs["loss"])

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"step {batch}")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"step {batch} done")
        assert np.isfinite(logs["loss"])


class StopAfter(keras.callbacks.Callback):
    def __init__(self, steps, interrupt=False):
        super().__init__()
        self.steps, self.interrupt = steps, interrupt

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.steps:
            if self.interrupt:
                raise KeyboardInterrupt
            self.model.stop_training = True


# --- scenes that must do -----------------------------------------------------------


def test_losses_are_recorded_step_by_step():
    losses = quick(synthetic(k=2), 2, steps=5).record.losses
    assert {len(trace) for trace in losses.values()} == {5}
    assert np.isfinite(list(losses.values())).all()


def test_classes_are_ordered_from_dark_to_light():
    scene = synthetic(64)
    found = classes(scene, quick(scene, steps=6))
    light = [scene.values[:, found == value].mean() for value in (1, 2, 3)]
    assert light == sorted(light)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 7])
def test_any_number_of_bands_with_and_without_roles(bands):
    scene = synthetic(40, k=2, bands=bands)
    bare = scene.assign_coords(band=[f"b{index}" for index in range(bands)])
    bare = bare.assign_coords(role=("band", [""] * bands))
    for each in (scene, bare) if bands in (3, 4) else (bare,):
        model = kt.train(each, 2, **QUICK)
        assert set(np.unique(classes(each, model))) <= {1, 2}
        assert model.config.bands == tuple(each.band.values)
        assert model.config.roles == tuple(each.role.values)


@pytest.mark.parametrize("dtype", ["int16", "float64"])
def test_any_dtype(dtype):
    scene = synthetic(40, k=2)
    scene = (scene // 100).astype(dtype)
    assert classes(scene, quick(scene, 2)).min() >= 1


@pytest.mark.parametrize("size", [(32, 32), (33, 90)])
def test_small_and_narrow_scenes(size):
    scene = synthetic(size, k=2)
    model = kt.train(scene, 2, **QUICK)
    assert classes(scene, model).shape == size


def test_a_scene_of_several_tiles():
    scene = synthetic((32, 400), k=2)
    assert classes(scene, quick(scene, 2, steps=1)).shape == (32, 400)


@pytest.mark.parametrize("scale", [0, 1, 16])
def test_texture_scales(scale):
    scene = synthetic(k=2)
    model = kt.train(scene, 2, texture_scale=scale, **QUICK)
    assert model.record.provenance["texture_scale"] == scale
    assert (model.reach == 0) == (scale == 0)
    assert classes(scene, model).min() >= 1


def test_k_may_exceed_what_is_drawn_in_a_step():
    scene = synthetic(k=4)
    model = quick(scene, 40, steps=1)
    assert model.k == len(model.record.classes.names) == 40
    assert classes(scene, model).max() <= 40


def test_textures_stay_as_they_are_in_steps_that_do_not_draw_them():
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights = self.model.texture_bank.weights
            seen.append([weight.numpy() for weight in weights])

    quick(synthetic(96, k=3), k=9, steps=7, callbacks=[Watch()])
    changed = [
        np.any(
            [
                (old != new).reshape(9, -1).any(1)
                for old, new in zip(first, second, strict=True)
            ],
            0,
        ).tolist()
        for first, second in itertools.pairwise(seen)
    ]
    # They are trained in every sixth step. Eight of nine are drawn, in turn; the second
    # time leaves out the eighth.
    assert changed[:5] == [[False] * 9] * 5
    assert changed[5] == [True] * 7 + [False, True]


@pytest.mark.usefixtures("compiled")
def test_textures_of_many_classes_find_their_colors():
    scene = kt.datasets.sentinel2()[:, :96, :96]
    model = quick(scene, k=24, steps=60)
    found = classes(scene, model)
    textures = model.preparation.scaler.inverse(model.draw_textures()).mean((1, 2))
    pixels = scene.values.transpose(1, 2, 0)
    off = [
        (textures[value - 1] - pixels[found == value].mean(0)) / pixels.std((0, 1))
        for value in np.unique(found)
    ]
    # Of classes cut out at the very end textures are their parents'.
    assert np.quantile(np.abs(off).max(1), 0.8) < 0.6


def test_arrays_that_open_as_scenes_are_taken():
    scene = synthetic(k=2)
    plain = scene.transpose("y", "x", "band").rename(y="lat", x="lon")
    assert same_weights(quick(plain, 2), quick(scene, 2))


def test_a_lazy_scene_trains_alike():
    scene = synthetic(64, k=2)
    lazy = scene.chunk({"y": 20, "x": 30})
    assert same_weights(quick(lazy, 2), quick(scene, 2))


def test_six_classes_unless_told():
    scene = kt.datasets.sentinel2()[:, :40, :40]
    model = kt.train(scene, steps=1, seed=1, progress=False)
    assert model.k == len(model.record.classes.names) == 6
    kinds = [entry["kind"] for entry in model.record.provenance["features"]]
    assert kinds == [extractor.kind for extractor in model.extractors] != []
    assert 0 <= model.record.provenance["texture_scale"] <= 16


# --- nodata --------------------------------------------------------------------------


@pytest.fixture
def stripes():
    """Where the stripes are, and the scene with any garbage in them."""
    scene = synthetic(64, k=2)
    hidden = np.zeros((64, 64), bool)
    hidden[:, 20:27] = hidden[50:] = True

    def filled(marked_band, garbage, dtype="uint16", nodata=0):
        values = scene.values.astype(dtype)
        values[:, hidden] = garbage
        values[marked_band, hidden] = nodata
        return scene.copy(data=values).rio.write_nodata(nodata)

    return hidden, filled


def test_nodata_is_0_in_the_classes_and_does_not_enter_training(stripes):
    hidden, filled = stripes
    scenes = [filled(0, 1), filled(0, 60_000), filled(3, 77)]
    models = [quick(scene, 2) for scene in scenes]
    found = [classes(scene, model) for scene, model in zip(scenes, models, strict=True)]
    assert ((found[0] == 0) == hidden).all()
    for other, labels in zip(models[1:], found[1:], strict=True):
        assert same_weights(models[0], other)
        assert models[0].preparation == other.preparation
        np.testing.assert_array_equal(labels, found[0])


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_pixels_are_nodata(stripes, garbage):
    hidden, filled = stripes
    wanted = quick(filled(0, 1, "float32", nodata=-9999), 2)
    scene = filled(1, 5, "float32", nodata=garbage)
    model = quick(scene, 2)
    assert same_weights(wanted, model)
    assert ((classes(scene, model) == 0) == hidden).all()


# --- seeds ---------------------------------------------------------------------------


def test_the_seed_decides_and_is_recorded():
    scene = synthetic(k=2)
    one, same, other = (quick(scene, 2, seed=seed) for seed in (7, 7, 8))
    assert same_weights(one, same)
    assert not same_weights(one, other)
    assert one.record.provenance["seed"] == one.config.seed == 7


def test_a_seed_that_was_drawn_gives_the_same_again():
    scene = synthetic(k=2)
    drawn = quick(scene, 2, seed=None)
    again = quick(scene, 2, seed=drawn.record.provenance["seed"])
    assert same_weights(drawn, again)
    assert quick(scene, 2, seed=None).config.seed != drawn.config.seed


def test_the_largest_seed_is_good():
    scene = synthetic(k=2)
    assert quick(scene, 2, seed=2**31 - 1).config.seed == 2**31 - 1
    assert quick(scene, 2, seed=np.int64(3)).config.seed == 3


def run(code, *arguments, **options):
    """Start a fresh process with a heading of imports."""
    heading = "import sys, numpy as np, tensorflow as tf, ktextures as kt\n"
    heading += "tf.config.run_functions_eagerly(True)\n"
    return subprocess.Popen(
        [sys.executable, "-c", heading + textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_the_same_seed_gives_the_same_raster_in_a_fresh_process(tmp_path):
    code = """
    # Whatever was drawn and made before must not matter.
    tf.random.normal((3,)), np.random.rand(3), tf.keras.layers.Dense(2).build((None, 2))
    scene = kt.datasets.synthetic(48, k=3, seed=1, contrast="both").scene
    model = kt.train(scene, 3, steps=2, seed=1, progress=False)
    model.save(sys.argv[1])
    np.save(sys.argv[2], kt.segment(scene, model).classes.values)
    """
    saved, raster = tmp_path / "model", tmp_path / "classes.npy"
    process = run(code, saved, raster)
    scene = synthetic()
    model = kt.train(scene, 3, **QUICK)
    _, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors
    np.testing.assert_array_equal(np.load(raster), classes(scene, model))
    assert same_weights(kt.load(saved), model)
    assert kt.load(saved).to_bytes() == model.to_bytes()


# --- stopping ------------------------------------------------------------------------


@pytest.mark.parametrize("interrupt", [False, True])
def test_a_callback_stops_training_and_the_model_is_usable(tmp_path, interrupt):
    scene = synthetic(k=2)
    log = Log()
    model = quick(scene, 2, steps=50, callbacks=[StopAfter(3, interrupt), log])
    assert model.record.steps == model.record.provenance["steps"] == 3
    assert log.calls[-1] == "end"
    assert classes(scene, model).min() >= 1
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(
        classes(scene, kt.load(tmp_path / "model")), classes(scene, model)
    )
    # The steps that were done are those of a training that was not stopped, where
    # learning rates follow the same schedule.
    whole = quick(scene, 2, steps=50, callbacks=[StopAfter(3)])
    assert same_weights(model, whole)


def test_training_may_be_stopped_before_the_first_step():
    class AtOnce(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.stop_training = True

    scene = synthetic(k=2)
    model = quick(scene, 2, callbacks=[AtOnce()])
    assert model.record.steps == 0
    assert classes(scene, model).shape == (48, 48)
    # The model is not stopped for ever.
    assert kt.train(scene, model=model, **QUICK).record.steps == 2


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send on Windows")
def test_ctrl_c_keeps_what_was_learned(tmp_path):
    code = """
    import signal, keras
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited

    class Tell(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            print("step", flush=True)

    scene = kt.datasets.synthetic(48, k=2, seed=1, contrast="both").scene
    model = kt.train(scene, 2, steps=100_000, seed=1, progress=False,
                     texture_scale=2.0, callbacks=[Tell()],
                     features=kt.FilterBank(1, 1), checkpoint=sys.argv[1])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.save(sys.argv[2])
    kt.segment(scene, model)
    print(model.record.steps)
    """
    saved = tmp_path / "model"
    process = run(code, tmp_path / "checkpoint", saved)
    for _ in range(5):
        assert process.stdout.readline() == "step\n"
    # In the middle of the fifth step.
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    steps = int(output.splitlines()[-1])
    assert steps >= 4
    model = kt.load(saved)
    assert {len(trace) for trace in model.record.losses.values()} == {steps}
    whole = quick(synthetic(k=2), 2, steps=100_000, callbacks=[StopAfter(steps)])
    assert same_weights(model, whole)


# --- callbacks -----------------------------------------------------------------------


def test_callbacks_are_told_of_passes_and_steps():
    scene = synthetic(k=2)
    log = Log()
    quick(scene, 2, steps=3, callbacks=[log])
    assert log.calls[0] == "begin"
    steps = [call for call in log.calls if call.startswith("step")]
    assert steps == [f"step {i}{end}" for i in range(3) for end in ("", " done")]
    assert log.calls[-1] == "end"
    begun = [call for call in log.calls if re.fullmatch(r"epoch \d+", call)]
    assert begun[0] == "epoch 0"


def test_keras_callbacks_work():
    scene = synthetic(k=2)
    still = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)
    kept = keras.callbacks.History()
    model = quick(scene, 2, steps=30, callbacks=[still, kept])
    assert model.record.steps < 30
    assert len(kept.history["loss"]) >= 2


def test_progress_is_shown_on_demand(capsys):
    scene = synthetic(k=2)
    quick(scene, 2, progress=True)
    assert re.search(r"training.*2/2.*loss=", capsys.readouterr().err)
    quick(scene, 2)
    assert "training" not in capsys.readouterr().err


# --- training further ----------------------------------------------------------------


def test_training_further_gives_a_new_model_and_leaves_the_earlier_one():
    scene = synthetic(k=2)
    model = quick(scene, 2, steps=3)
    first = model.weight_arrays()
    order = model.record.order.tolist()
    content = model.to_bytes()
    more = kt.train(scene, model=model, **QUICK)
    assert model.to_bytes() == content
    assert more.record.steps == more.record.provenance["steps"] == 5
    assert {len(trace) for trace in more.record.losses.values()} == {5}
    assert more.record.order.tolist() == order
    later = more.weight_arrays()
    assert any((first[name] != later[name]).any() for name in first)


def test_a_loaded_model_is_trained_further_alike(tmp_path):
    scene = synthetic(k=2)
    model = quick(scene, 2, texture_scale=1.0)
    model.save(tmp_path / "model")
    loaded = kt.load(tmp_path / "model")
    one = kt.train(scene, model=model, **QUICK)
    other = kt.train(scene, model=loaded, **QUICK)
    assert same_weights(one, other)
    assert not same_weights(one, model)
    assert other.record.provenance["texture_scale"] == 1.0


def test_names_and_colors_stay_when_trained_further():
    scene = synthetic(k=2)
    model = quick(scene, 2)
    named = model.rename({1: "water"})
    further = kt.train(scene, model=named, **QUICK)
    assert further.classes == model.classes.rename(1, "water")


def test_a_model_is_trained_further_on_another_scene_with_its_own_scaling():
    model = quick(synthetic(k=2), 2)
    further = kt.train(synthetic(60, k=2, seed=5), model=model, **QUICK)
    assert further.preparation == model.preparation


def test_training_that_was_stopped_early_and_goes_on_finds_all_classes():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    scene = synthetic(96, k=4)
    model = quick(scene, 8, steps=300, callbacks=[Stop()])
    for _ in range(2):
        shares = np.bincount(classes(scene, model).ravel(), minlength=9)[1:] / 96**2
        assert shares.min() >= 0.004
        model = kt.train(scene, model=model, steps=25, seed=1, progress=False)


@pytest.mark.usefixtures("compiled")
def test_a_class_that_another_scene_has_not_is_not_made_into_something_else():
    generator = np.random.default_rng(0)
    bars = np.repeat(np.repeat([0.2, 0.5, 0.8], 24)[None], 72, 0)
    there = bars == 0.5
    noise = generator.normal(0, 0.02, (3, 72, 72))
    scene = xr.DataArray(bars + noise, dims=("band", "y", "x"))
    other = xr.DataArray(np.where(there, 0.8, bars) + noise, dims=("band", "y", "x"))
    model = quick(scene, 3, steps=60, texture_scale=0, features=None)
    value = np.bincount(classes(scene, model)[there]).argmax()
    assert (classes(other, model) == value).mean() < 0.005
    model = kt.train(other, model=model, steps=25, seed=1, progress=False)
    assert (classes(other, model) == value).mean() < 0.02
    assert (classes(scene, model)[there] == value).mean() > 0.8


def test_other_features_may_be_given_when_trained_further():
    scene = synthetic(k=2)
    model = quick(scene, 2)
    bank = kt.FilterBank(2, 2)
    further = kt.train(scene, model=model, features=bank, **QUICK)
    assert further.extractors[0].scales == 2
    assert model.extractors[0].scales == 1
    assert not hasattr(bank, "_mean"), "the user's own is not fitted"
    assert further.record.provenance["features"][0]["scales"] == 2


def test_what_cannot_change_any_more_is_refused():
    scene = synthetic(k=2)
    model = quick(scene, 2, texture_scale=1)
    with pytest.raises(InputError, match=r"'paper', but the model .* with 'default'"):
        kt.train(scene, model=model, preset="paper", **QUICK)
    with pytest.raises(InputError, match=r"texture_scale is 4.*model .* has 1 px"):
        kt.train(scene, model=model, texture_scale=4, **QUICK)
    scaler = kt.BandScaler.fixed([0] * 4, [1] * 4)
    with pytest.raises(InputError, match="scaler differs from that of the model"):
        kt.train(scene, model=model, scaler=scaler, **QUICK)
    with pytest.raises(
        InputError,
        match=r"bands \['red', 'green'\]; the model was trained on \['red', ",
    ):
        kt.train(scene[:2], model=model, **QUICK)
    same = {"texture_scale": 1, "scaler": model.preparation.scaler}
    kt.train(scene, 2, model=model, **same, **QUICK)


def test_features_that_no_file_holds_are_asked_for(tmp_path):
    class Own(kt.FilterBank):
        kind = "own"

    scene = synthetic(k=2)
    quick(scene, 2, features=Own(1, 1)).save(tmp_path / "model")
    loaded = kt.load(tmp_path / "model")
    with pytest.raises(InputError, match=r"file does not hold.*Pass them again"):
        kt.train(scene, model=loaded, **QUICK)
    kt.train(scene, model=loaded, features=Own(1, 1), **QUICK)


# --- scaling -------------------------------------------------------------------------


def test_a_scaler_may_be_given():
    scene = synthetic(k=2)
    scaler = kt.BandScaler.planet_nicfi()
    model = quick(scene, 2, scaler=scaler)
    assert model.preparation.scaler == scaler
    assert not same_weights(model, quick(scene, 2))


def test_a_scaler_of_other_bands_is_refused():
    with pytest.raises(InputError, match=r"scaler has 3 bands, the scene 4: \['red'"):
        quick(synthetic(k=2), scaler=kt.BandScaler.planet_nicfi(3))


# --- preparation ---------------------------------------------------------------------


class Listener(keras.callbacks.Callback):
    """Notes the parts of the preparation, and may end it at one."""

    def __init__(self, end=None):
        super().__init__()
        self.end, self.parts = end, []

    def on_preparation(self, part):
        self.parts.append(part)
        if part == self.end:
            raise TimeoutError(part)


@pytest.mark.parametrize(
    ("preset", "parts"),
    [
        ("default", ["tiles", "descriptors", "initial labels"]),
        ("paper", ["encoder", "tiles"]),
    ],
)
def test_callbacks_hear_of_the_preparation(preset, parts, monkeypatch):
    listener, options = Listener(), {"preset": preset, "steps": 1}
    if preset == "paper":
        options["preset"] = replace(kt.presets.paper, encoder_steps=2)
        options |= {"texture_scale": "auto", "features": None}
        monkeypatch.setattr(
            "ktextures.training.prepare.VGG16Features", lambda *_, **__: cheap()
        )
    quick(
        synthetic(k=2), 2, callbacks=[listener, keras.callbacks.Callback()], **options
    )
    assert list(dict.fromkeys(listener.parts)) == parts


@pytest.mark.parametrize("part", ["tiles", "descriptors", "initial labels"])
def test_what_a_callback_raises_ends_the_preparation(part):
    listener = Listener(part)
    with pytest.raises(TimeoutError, match=part):
        quick(synthetic(k=2), 2, callbacks=[listener])
    assert listener.parts.count(part) == 1


# --- learning rate and weights -------------------------------------------------------


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_the_learning_rate_scales_what_a_step_changes(preset):
    scene, options = synthetic(k=2), {"steps": 1, "texture_scale": "auto"}
    own = getattr(kt.presets, preset)

    def made_with(rate):
        return quick(scene, 2, preset=own.with_learning_rate(rate), **options)

    def change(rate):
        made = made_with(rate)
        # Adam's first step is as long as the rate, whatever the gradient.
        own = made_with(1e-12).weight_arrays()
        after = made.weight_arrays()
        return max(float(np.abs(after[name] - own[name]).max()) for name in after)

    small, large = change(1e-4), change(1e-2)
    assert large > 20 * small


def test_loss_weights_change_what_is_learned_and_are_recorded():
    scene = synthetic(k=2)

    def weighted(imitation):
        preset = replace(kt.presets.default, loss_weights={"imitation": imitation})
        return quick(scene, 2, steps=4, preset=preset)

    assert same_weights(weighted(0.6), quick(scene, 2, steps=4))
    other = weighted(3.0)
    assert not same_weights(weighted(0.6), other)
    recorded = other.record.provenance["preset_settings"]
    others = {"dictionary": 1.0, "simulation": 1.0, "hints": 0.3}
    assert recorded["loss_weights"] == {"imitation": 3.0, **others}
    assert recorded["learning_rate"] == kt.presets.default.learning_rate


def test_weights_of_published_losses_scale_their_sum():
    scene = synthetic(k=2)
    losses = [
        quick(
            scene,
            2,
            preset=replace(kt.presets.paper, loss_weights={"features 1": weight}),
            steps=1,
            texture_scale="auto",
        ).record.losses
        for weight in (1.0, 2.0)
    ]
    assert losses[1]["loss"][0] == pytest.approx(2 * losses[0]["loss"][0], rel=1e-4)


def test_a_loss_that_the_features_do_not_have_is_refused():
    preset = replace(kt.presets.paper, loss_weights={"features 2": 1})
    with pytest.raises(
        InputError, match="names features 2; the losses of this training are features 1"
    ):
        quick(synthetic(k=2), 2, preset=preset, texture_scale="auto")


def test_a_changed_preset_is_used_recorded_and_taken_up_again(tmp_path):
    scene = synthetic(k=2)
    preset = replace(kt.presets.default, tile_size=40, steps=2, pooling=1.0)
    model = kt.train(scene, 2, preset=preset, features=cheap(), seed=1, progress=False)
    assert model.record.steps == 2
    assert model.record.provenance["preset_settings"] == preset.to_dict()
    assert not same_weights(model, quick(scene, 2, texture_scale="auto"))
    model.save(tmp_path / "model")
    further = kt.train(scene, model=kt.load(tmp_path / "model"), **QUICK)
    assert further.record.provenance["preset_settings"]["tile_size"] == 40


# --- mistakes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 1}, "k is 1; choose a number of classes from 2 to 128"),
        ({"k": 129}, "k is 129; choose"),
        ({"k": 2.5}, "k is 2.5; it must be a whole number"),
        ({"preset": "fast"}, "preset is 'fast'; choose from default, paper"),
        ({"steps": 0}, "steps is 0; give a whole number of 1 or more"),
        ({"steps": -1}, "steps is -1; give"),
        ({"steps": 1.5}, "steps is 1.5; give"),
        ({"steps": "10"}, "steps is '10'; give"),
        ({"steps": True}, "steps is True; give"),
        ({"steps": float("nan")}, "steps is nan; give"),
        ({"seed": -1}, "seed is -1; give a whole number from 0 to 2147483647"),
        ({"seed": 2**31}, "seed is 2147483648; give"),
        ({"seed": 1.5}, "seed is 1.5; give"),
        ({"seed": "a"}, "seed is 'a'; give"),
        ({"texture_scale": -1}, "texture_scale is -1; give pixels from 0"),
        ({"texture_scale": 17}, "texture_scale is 17; give .* to 16, or 'auto'"),
        ({"texture_scale": "big"}, "texture_scale is 'big'; give"),
        ({"texture_scale": float("nan")}, "texture_scale is nan; give"),
        ({"texture_scale": None}, "texture_scale is None; give"),
        ({"features": "vgg"}, "'v', which is not a feature extractor; give VGG16"),
        ({"features": [None]}, "None, which is not a feature extractor"),
        ({"features": kt.FilterBank}, "FilterBank'>, which is not a feature extractor"),
        ({"features": []}, "features is empty; leave it out"),
        ({"callbacks": [print]}, "callbacks holds <built-in .*give instances of"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        kt.train(synthetic(), **{"k": 3, **QUICK, **options})


def test_a_scene_without_data_is_refused():
    scene = synthetic()
    empty = scene.copy(data=np.zeros_like(scene.values)).rio.write_nodata(0)
    missing = scene.astype("float32") * np.nan
    for each in (empty, missing):
        with pytest.raises(
            InputError,
            match=r"training needs at least 1024 valid pixels, got 0.*nodata",
        ):
            quick(each)


def test_a_scene_with_too_few_valid_pixels_is_refused():
    scene = synthetic(64)
    values = scene.values.copy()
    values[:, 10:] = 0
    with pytest.raises(InputError, match="at least 1024 valid pixels, got 640"):
        quick(scene.copy(data=values).rio.write_nodata(0))


@pytest.mark.parametrize("size", [(31, 64), (64, 20), (8, 8)])
def test_a_scene_that_is_too_small_is_refused(size):
    with pytest.raises(
        InputError, match=rf"has {size[0]} x {size[1]} pixels; .* at least 32 x 32"
    ):
        quick(synthetic((64, 64))[:, : size[0], : size[1]])


def test_more_classes_than_pixel_values_are_refused():
    scene = synthetic(k=2)
    scene = scene.copy(data=np.where(scene.values > 5000, 7, 3)[:1].repeat(4, 0))
    with pytest.raises(
        InputError,
        match="k is 3, but the scene has only 2 distinct pixel values; choose",
    ):
        quick(scene)
    assert set(np.unique(classes(scene, quick(scene, 2)))) <= {1, 2}


def test_constant_bands_are_refused():
    scene = synthetic().copy()
    scene[2] = 17
    with pytest.raises(InputError, match=r"constant band\(s\): 'blue' \(17\).*bands="):
        quick(scene)


def test_what_is_no_scene_is_refused():
    with pytest.raises(InputError, match="nonexistent"):
        kt.train("nonexistent.tif", 2, **QUICK)
    with pytest.raises(InputError, match=r"ndarray|numpy"):
        kt.train(np.ones((4, 40, 40)), 2, **QUICK)


def test_vgg_is_not_fed_with_bands_that_nobody_named():
    scene = synthetic(bands=2)
    with pytest.raises(InputError, match=r"VGG-16 is to be fed by .*FilterBank\(\)"):
        quick(scene, features=kt.VGG16Features(weights="bundled"))


def test_an_encoder_of_other_bands_is_refused():
    with pytest.raises(InputError, match=r"has 4 bands, the scene encoder .* on 3"):
        quick(synthetic(), features=kt.SceneEncoder(3, width=4))
