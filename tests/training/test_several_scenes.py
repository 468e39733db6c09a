"""Training on several scenes: one scaling, one legend; and scenes too uniform for k."""

import itertools
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from dask.callbacks import Callback
from sklearn.metrics import adjusted_rand_score

import ktextures as kt
from ktextures.errors import InputError

QUICK = {"steps": 2, "seed": 1, "progress": False}
BOXES = [(0, 96, 0, 70), (0, 40, 70, 128), (40, 96, 70, 128)]


def synthetic(size=48, **options):
    options = {"k": 3, "bands": 4, "contrast": "both", "seed": 1} | options
    return kt.datasets.synthetic(size, **options)


def cheap():
    return kt.FilterBank(scales=1, orientations=1)


def quick(scene, k=3, **options):
    wanted = {**QUICK, "features": cheap(), "texture_scale": 2.0}
    return kt.train(scene, k, **{**wanted, **options})


def classes(scene, model):
    return kt.segment(scene, model).classes.values


def cut(scene, boxes=BOXES):
    """Parts of a scene, the last of them with another CRS and other coordinates."""
    parts = [scene[:, top:low, left:right] for top, low, left, right in boxes]
    x = 10.0 * np.arange(parts[-1].sizes["x"])
    parts[-1] = parts[-1].assign_coords(x=300_000 + x).rio.write_crs(32719)
    return parts


def together(parts, like, boxes=BOXES):
    whole = np.zeros_like(like)
    for part, (top, low, left, right) in zip(parts, boxes, strict=True):
        whole[top:low, left:right] = part
    return whole


def check_like_the_whole(scene, truth, least, **options):
    options = {"seed": 1, "progress": False} | options
    whole = classes(scene, kt.train(scene, 3, **options))
    parts = cut(scene)
    model = kt.train(parts, 3, **options)
    found = together([classes(part, model) for part in parts], whole)
    assert adjusted_rand_score(whole.ravel(), found.ravel()) > least
    assert adjusted_rand_score(truth.values.ravel(), found.ravel()) > least
    for top, low, left, right in BOXES:
        part = np.s_[top:low, left:right]
        assert (whole[part] == found[part]).mean() > least


# --- one legend ----------------------------------------------------------------------


@pytest.mark.usefixtures("eager")
def test_parts_of_a_scene_get_the_classes_of_the_whole():
    scene, truth = synthetic((96, 128), contrast="color")
    check_like_the_whole(scene, truth, 0.95, steps=20, texture_scale=1)


@pytest.mark.slow
def test_parts_get_the_same_textures_by_default():
    scene, truth = synthetic((96, 128))
    check_like_the_whole(scene, truth, 0.94, steps=30)


@pytest.mark.usefixtures("eager")
def test_a_list_of_one_scene_is_that_scene():
    scene = synthetic().scene
    one, other = quick(scene), quick([scene])
    assert one.preparation == other.preparation
    assert one.record.provenance == other.record.provenance
    assert one.record.provenance["scenes"] == 1
    np.testing.assert_array_equal(classes(scene, one), classes(scene, other))
    for first, second in zip(
        one.weight_arrays().values(), other.weight_arrays().values(), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.usefixtures("eager")
def test_a_model_says_how_many_scenes_it_learned_from(tmp_path):
    model = quick((synthetic().scene, synthetic(40, seed=2).scene))
    model.save(tmp_path / "model")
    assert kt.load(tmp_path / "model").record.provenance["scenes"] == 2


@pytest.mark.usefixtures("eager")
def test_classes_of_a_small_scene_are_not_lost_beside_a_large_one():
    large = synthetic((160, 160), k=2, contrast="color").scene
    small = synthetic((40, 40), k=2, contrast="color", seed=2).scene + 9_000
    model = quick([large, small], 4, texture_scale=1, steps=25)
    in_large, in_small = classes(large, model), classes(small, model)
    shared = np.intersect1d(in_large, in_small)
    assert np.isin(in_small, shared).mean() < 0.05


def test_a_plan_holds_tiles_of_all_scenes():
    scenes = [synthetic(64).scene, synthetic((40, 50), seed=2).scene]
    plan = kt.plan_training(scenes, 3)
    assert plan.tiles.scenes == (0, 1)
    assert plan.objective.labels.shape == (2, 64, 64)
    assert (plan.objective.labels[1] >= 0).sum() == 40 * 50
    assert len(np.unique(plan.objective.labels[plan.tiles.inner()[1]])) == 3


@pytest.mark.parametrize("few", [(30.0, 30.0, 10.0), (10.0, 10.0, 30.0)])
@pytest.mark.filterwarnings("ignore:a pixel of scene")
def test_the_weight_of_color_follows_the_median_pixel(few):
    scene = synthetic(64).scene.drop_vars("spatial_ref")
    scenes = [
        scene.assign_coords(y=-size * np.arange(64), x=size * np.arange(64))
        .rio.write_crs(32633)
        .rio.write_transform()
        for size in few
    ]
    preset = replace(kt.presets.default, color_pixel=10.0)
    chosen = kt.plan_training(scenes, 3, preset=preset).objective.space.settings
    times = 3 if few[0] == 30 else 1
    assert chosen.color_weight == pytest.approx(times * preset.color_weight, rel=0.01)


@pytest.mark.usefixtures("eager")
def test_lazy_scenes_are_read_by_tile(monkeypatch):
    monkeypatch.setattr("ktextures.raster.scene_samples.MOST_PIXELS", 8_000)
    monkeypatch.setattr("ktextures.raster.scene_samples.FEWEST_PIXELS", 1_000)
    wide = synthetic((512, 512)).scene
    lazy = [wide.chunk({"band": -1, "y": 32, "x": 32}), wide[:, :64, :96].chunk(32)]
    largest, read = 0, set()

    class Log(Callback):
        def _posttask(self, key, result, dsk, state, worker_id):
            nonlocal largest
            if isinstance(result, np.ndarray):
                largest = max(largest, result[0].size)
                read.add(key)

    preset = replace(kt.presets.default, tile_size=64, max_tiles=4)
    with Log():
        model = quick(lazy, preset=preset)
    assert 0 < largest <= (64 + 2 * 24 + 64) ** 2
    assert model.record.provenance["scenes"] == 2
    kept = [scene.compute() for scene in lazy]
    np.testing.assert_array_equal(
        classes(kept[1], model), classes(kept[1], quick(kept, preset=preset))
    )


@pytest.mark.usefixtures("eager")
def test_a_model_is_trained_further_on_several_scenes(trained, small):
    scenes = [small, synthetic((40, 56), seed=2).scene]
    more = kt.train(scenes, 4, model=trained, **QUICK)
    assert more.k == 4
    assert more.preparation == trained.preparation
    assert more.record.provenance["scenes"] == 2
    with pytest.raises(InputError, match=r"bands.*the model was trained on"):
        kt.train([scene[:3] for scene in scenes], model=trained, **QUICK)


def test_a_model_keeps_what_it_fills_missing_pixels_with(trained, small, monkeypatch):
    passed = []

    def stop(scenes, samples, preparation, request, model):
        passed.append(preparation)
        raise KeyboardInterrupt

    monkeypatch.setattr("ktextures.training.train.prepare_scenes", stop)
    with pytest.raises(KeyboardInterrupt):
        kt.train([small, small + 100], model=trained, **QUICK)
    assert passed == [trained.preparation]


@pytest.mark.usefixtures("eager")
def test_an_encoder_scales_scenes_alike_if_a_scaler_is_given(small):
    options = {"steps": 1, "width": 4, "tile": 32, "progress": False}
    pixels = small.values.reshape(4, -1).T
    own = kt.BandScaler.fit(pixels)
    other = kt.BandScaler.fixed([0] * 4, [20_000] * 4)
    found = [
        kt.train_encoder(small, scaler=scaler, **options).get_state()
        for scaler in (None, own, other)
    ]
    for name, weights in found[0].items():
        np.testing.assert_array_equal(weights, found[1][name])
    assert any((found[2][name] != weights).any() for name, weights in found[0].items())


@pytest.mark.usefixtures("eager")
def test_the_papers_encoder_learns_from_all_scenes():
    preset = replace(kt.presets.paper, encoder_steps=2, tile_size=40)
    scenes = [synthetic(40).scene, synthetic((32, 48), seed=2).scene]
    model = kt.train(scenes, 2, preset=preset, **QUICK)
    assert model.extractors[1].trained["scenes"] == 2
    assert set(np.unique(classes(scenes[1], model))) <= {1, 2}


# --- checkpoints ---------------------------------------------------------------------


class Killed(kt.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.stop_training = True


@pytest.mark.usefixtures("eager")
def test_a_checkpoint_belongs_to_all_scenes_in_their_order(tmp_path):
    scenes = [synthetic().scene, synthetic(40, seed=2).scene]
    options = {"steps": 4, "checkpoint": tmp_path}
    quick(scenes, callbacks=[Killed()], **options)
    changed = scenes[1].copy()
    changed[0, 20, 20] += 1
    for others in (scenes[::-1], scenes[:1], [scenes[0], changed]):
        with pytest.raises(InputError, match="the state of another training"):
            quick(others, **options)
    resumed, whole = quick(scenes, **options), quick(scenes, steps=4)
    np.testing.assert_array_equal(
        classes(scenes[1], resumed), classes(scenes[1], whole)
    )


# --- what does not go together -------------------------------------------------------


@pytest.mark.parametrize("call", [kt.train, kt.plan_training])
def test_scenes_that_do_not_go_together_are_refused(call):
    scene = synthetic().scene
    reflectance = scene.astype("float32") / 10_000
    for scenes, match in [
        ([], "The list of scenes is empty"),
        ([scene, 3], "Scene 2: cannot open a int as a scene"),
        ((each for each in [scene]), "a list of them: list"),
        ([scene, scene[:3]], "Scene 2 has the bands"),
        ([scene, scene[:, :31]], "Scene 2 has 31 x 48 pixels; training needs"),
        ([scene, reflectance.rename("north")], r"same units: .* scene 2 \('north'\)"),
        ([scene, (scene * 0).rio.write_nodata(0)], "Scene 2 has no valid pixel"),
    ]:
        with pytest.raises(InputError, match=match):
            call(scenes, 2)


@pytest.mark.usefixtures("eager")
def test_a_scaler_says_that_units_are_the_same():
    scene = synthetic().scene
    other = (scene / 1000).astype("float32")
    scaler = kt.BandScaler.fit(scene.values.reshape(4, -1).T)
    assert quick([scene, other], scaler=scaler).preparation.scaler == scaler


# --- too uniform for k ---------------------------------------------------------------


def two_areas(noise, size=64):
    values = np.full((3, size, size), 0.3)
    values[:, :, size // 2 :] = 0.7
    values += np.random.default_rng(0).normal(0, noise, values.shape)
    return xr.DataArray(values.astype("float32"), dims=("band", "y", "x"))


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_noise_of_rounding_makes_no_classes(preset):
    scene = two_areas(1e-7)
    assert len(np.unique(scene)) > 8
    with pytest.raises(InputError, match="k is 8, but the scene has only 2 pixel val"):
        kt.train(scene, 8, preset=preset, **QUICK)


def test_scenes_have_their_values_together():
    flat = two_areas(0)
    with pytest.raises(InputError, match="the scenes together have only 3 distinct"):
        kt.train([flat, flat.where(flat > 0.5, 0.5)], 4, **QUICK)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("noise", [3e-4, 1e-3])
def test_groups_that_cannot_be_told_apart_are_counted(noise):
    scene = two_areas(noise)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = kt.train(scene, 8, **QUICK | {"steps": 25})
    assert [each.category for each in caught] == [UserWarning]
    told = str(caught[0].message)
    assert "groups of pixels can be told apart, but k is 8" in told
    assert 2 <= int(told.split()[1]) < 8
    assert caught[0].filename == __file__
    assert set(np.unique(classes(scene, model))) <= set(range(1, 9))


@pytest.mark.usefixtures("eager")
def test_scenes_that_are_varied_enough_are_not_doubted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k, seed in itertools.product((2, 12), (1, 2)):
            quick(synthetic(seed=seed).scene, k)
