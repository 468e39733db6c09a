"""Preset "paper": every number as published, and the one repair."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import ktextures as kt
from ktextures.model.ktextures import from_bytes
from ktextures.model.masks import PublishedMasks
from ktextures.model.textures import PublishedTextures
from ktextures.raster.scaling import Preparation
from ktextures.raster.scene_set import open_scenes
from ktextures.training.loop import TrainingLoop
from ktextures.training.plan import make_plan
from ktextures.training.prepare import prepare_scenes
from ktextures.training.presets import paper
from ktextures.training.request import Request

pytestmark = pytest.mark.usefixtures("eager", "offline")


def cheap():
    return kt.FilterBank(scales=1, orientations=1)


def brief(encoder_steps):
    return replace(paper, encoder_steps=encoder_steps)


def request(**options):
    wanted = {
        "preset": paper,
        "k": 6,
        "seed": 3,
        "texture_scale": 2.0,
        "features": None,
        "progress": False,
    }
    return Request(**{**wanted, **options})


def prepared(bands=4):
    return Preparation(
        kt.BandScaler.fixed([0] * bands, [10_000] * bands), (0.5,) * bands
    )


def plan_of(scene, wanted):
    scenes = open_scenes(scene)
    return make_plan(prepare_scenes(scenes, [], prepared(), wanted), wanted)


def prepared_for(scene, wanted):
    plan = plan_of(scene, wanted)
    return plan.model, plan.objective, plan.tiles


@pytest.fixture(scope="module")
def wide():
    """A scene of 3 x 2 published tiles, two of which overlap."""
    return kt.datasets.synthetic((256, 300), k=3, seed=2, contrast="color").scene


@pytest.fixture(scope="module")
def as_published(wide, tmp_path_factory):
    """Model and objective of the preset, its scene encoder trained for one step."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    patch.setattr("socket.create_connection", _unreachable)
    tf.config.run_functions_eagerly(True)
    try:
        plan = plan_of(wide, request(preset=brief(1)))
    finally:
        tf.config.run_functions_eagerly(False)
        patch.undo()
    return plan.model, plan.objective, plan.tiles


def _unreachable(*_, **__):
    raise OSError("no network in tests")


def test_parameter_counts_are_the_published_ones(as_published):
    model, _, _ = as_published
    assert isinstance(model.mask_network, PublishedMasks)
    assert isinstance(model.texture_bank, PublishedTextures)
    assert model.mask_network.count_params() == 5_061
    assert model.texture_bank.count_params() == 6 * 7_956
    assert model.count_params() == 5_061 + 6 * 7_956


def test_both_extractors_look_at_block5_conv3(as_published):
    vgg, encoder = as_published[0].extractors
    assert isinstance(vgg, kt.VGG16Features)
    assert vgg.layers == encoder.layers == ("block5_conv3",)
    assert (vgg.preprocess, vgg.bands) == ("raw", ("red", "green", "blue"))
    assert vgg._network.count_params() == 14_714_688
    assert isinstance(encoder, kt.SceneEncoder)
    assert encoder.bands == 4
    assert encoder.trained["steps"] == 1


def test_tiles_are_128_within_136_and_a_step_is_one(as_published):
    model, objective, tiles = as_published
    assert model.reach == 4
    assert tiles.values.shape == (6, 136, 136, 4)
    assert tiles.inner()[0].shape == (6, 128, 128, 4)
    assert objective.steps_per_pass == 6


def test_training_numbers_are_the_published_ones(as_published):
    model, objective, _ = as_published
    assert isinstance(objective.optimizer, keras.optimizers.Adam)
    assert float(objective.optimizer.learning_rate) == pytest.approx(0.001)
    assert objective.optimizer.largest_norm == 1.0
    assert (model.mask_network.noise, model.mask_network.slope) == (0.0005, 5000.0)
    assert (paper.steps, paper.max_tiles, paper.encoder_steps) == (10_240, 1024, 500)
    assert objective.keeps_best


def test_a_step_goes_through_both_extractors(as_published):
    model, objective, _ = as_published
    before = model.weight_arrays()
    losses = objective.step(0)
    assert list(losses) == ["loss", "features 1", "features 2"]
    assert losses["loss"] == pytest.approx(losses["features 1"] + losses["features 2"])
    assert all(np.isfinite(value) and value > 0 for value in losses.values())
    after = model.weight_arrays()
    changed = [name for name in before if (before[name] != after[name]).any()]
    assert len(changed) > 0.9 * len(before)


def test_the_loss_is_the_mean_squared_difference_of_features(small):
    class Double(kt.FeatureExtractor):
        kind = "double"

        def fit(self, tiles, bands):
            pass

        def __call__(self, tiles):
            return [2 * tiles, tiles[:, ::4]]

        def get_config(self):
            return {}

    wanted = request(features=(Double(),), k=2)
    model, objective, tiles = prepared_for(small, wanted)
    model.texture_bank.noise = lambda h, w, seed: tf.zeros((2, h + 16, w + 16, 1))
    # Without noise, all of a texture but its borders has one color: 0.5 at the start.
    losses = objective.step(0)
    image = tiles.inner()[0][0]
    assert losses["features 1"] == pytest.approx(
        4 * ((image - 0.5) ** 2).mean(), rel=1e-3
    )
    assert losses["features 2"] == pytest.approx(
        ((image[::4] - 0.5) ** 2).mean(), rel=1e-3
    )


def test_features_of_the_image_are_computed_once(small):
    counted = []

    class Counting(kt.FilterBank):
        def __call__(self, tiles):
            counted.append(tuple(tiles.shape))
            return super().__call__(tiles)

    wanted = request(features=(Counting(1, 1),), k=2)
    _, objective, _ = prepared_for(small, wanted)
    for index in range(3):
        objective.step(index)
    assert len(counted) == 1 + 3


def test_nodata_has_no_gradient(small):
    values = small.values.copy()
    values[:, 8:] = 0
    scene = small.copy(data=values).rio.write_nodata(0)

    class Plain(kt.FilterBank):
        def fit(self, tiles, bands):
            pass

        def __call__(self, tiles):
            return [tiles[:, 8:]]

    wanted = request(features=(Plain(),), k=2)
    _, objective, _ = prepared_for(scene, wanted)
    assert objective.step(0)["loss"] == 0


def test_every_tile_is_seen_once_a_pass(wide):
    wanted = request(features=(cheap(),))
    _, objective, tiles = prepared_for(wide, wanted)
    seen = []
    objective._step = lambda tile, *_: seen.append(tile.numpy().sum()) or [0.0, 0.0]
    for index in range(18):
        objective.step(index)
    sums = [tile.sum() for tile in tiles.values]
    passes = [seen[start : start + 6] for start in (0, 6, 12)]
    for each in passes:
        np.testing.assert_allclose(sorted(each), sorted(sums), rtol=1e-5)
    assert passes[0] != passes[1] != passes[2]


# --- through train --------------------------------------------------------------------


def test_default_steps_of_the_preset(small):
    class AtOnce(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.stop_training = True

    model = kt.train(
        small,
        preset="paper",
        features=cheap(),
        seed=1,
        callbacks=[AtOnce()],
        progress=False,
    )
    assert model.k == 6
    assert model.config.preset == "paper"


def test_the_record_tells_which_weights_were_used(small):
    preset = brief(2)
    model = kt.train(small, 2, preset=preset, steps=1, seed=1, progress=False)
    vgg, encoder = model.record.provenance["features"]
    assert (vgg["kind"], vgg["source"]) == ("vgg16", "bundled")
    assert (encoder["kind"], encoder["trained"]["steps"]) == ("scene-encoder", 2)
    json.dumps(model.record.provenance)
    classes = kt.segment(small, model).classes
    assert set(np.unique(classes)) <= {1, 2}


def test_an_encoder_of_the_users_own_is_used(small):
    encoder = kt.SceneEncoder(4, ("block2_conv1",), width=4)
    model = kt.train(
        small, 2, preset="paper", features=encoder, steps=1, seed=1, progress=False
    )
    (used,) = model.extractors
    assert used.network is encoder.network


@pytest.mark.parametrize("bands", [1, 7])
def test_any_bands_and_size(bands):
    scene = kt.datasets.synthetic((32, 45), k=2, bands=bands, seed=1).scene
    model = kt.train(
        scene, 2, preset="paper", features=cheap(), steps=2, seed=1, progress=False
    )
    assert kt.segment(scene, model).classes.shape == (32, 45)


def test_a_scene_without_named_bands_asks_for_them(small):
    preset = brief(1)
    bare = small.assign_coords(band=list("abcd")).assign_coords(role=("band", [""] * 4))
    with pytest.raises(
        kt.InputError, match=r"VGG-16 .* has no \['red', 'green', 'blue'\]"
    ):
        kt.train(bare, 2, preset=preset, steps=1, seed=1, progress=False)


def test_the_same_seed_gives_the_same_model(small):
    options = {"preset": brief(2), "steps": 2, "progress": False}
    one, same = (
        kt.train(small, 2, seed=4, **options).weight_arrays() for _ in range(2)
    )
    for name, array in one.items():
        np.testing.assert_array_equal(array, same[name])


# --- the best pass --------------------------------------------------------------------


class Scripted:
    """An objective with known losses, whose steps count in the model's first weight."""

    keeps_best, settled = True, False

    def __init__(self, model, losses, steps_per_pass):
        self.model, self.losses, self.steps_per_pass = model, losses, steps_per_pass
        self.finished = 0

    def step(self, index):
        weight = self.model.weights[0]
        weight.assign(np.full(weight.shape, index + 1.0))
        return {"loss": self.losses[index]}

    def finish(self):
        self.finished += 1

    def state(self):
        return {}

    def restore(self, arrays):
        pass


def after(model, losses, steps_per_pass=3, *, keeps_best=True, stop=None):
    objective = Scripted(model, losses, steps_per_pass)
    objective.keeps_best = keeps_best

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch + 1 == stop

    model.record.losses.clear()
    loop = TrainingLoop(
        model, objective, steps=len(losses), callbacks=[Stop()], progress=False
    )
    loop.run()
    assert objective.finished == 1
    return float(model.weights[0].numpy().ravel()[0])


@pytest.fixture
def model(published):
    return from_bytes(published.to_bytes())


def test_the_best_pass_is_kept_not_the_last_nor_the_lucky_step(model):
    # The lowest single loss is in the first pass, the lowest mean in the second.
    losses = [9.0, 0.1, 9.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0]
    assert after(model, losses) == 6
    assert after(model, losses, keeps_best=False) == 9


def test_equal_passes_keep_the_earlier_one(model):
    assert after(model, [1.0] * 9) == 3


def test_an_unfinished_pass_is_not_judged(model):
    assert after(model, [5.0, 5.0, 5.0, 0.0, 0.0]) == 3
    assert after(model, [5.0, 5.0, 5.0, 0.0, 0.0, 0.0], stop=5) == 3


def test_without_a_whole_pass_the_last_step_is_kept(model):
    assert after(model, [5.0, 4.0]) == 2
    assert after(model, [5.0] * 9, stop=1) == 1
