"""A sweep finds the number of classes of scenes whose truth is known."""

import signal

import numpy as np
import pytest
import tensorflow as tf
import xarray as xr
from sklearn.metrics import adjusted_rand_score

import ktextures as kt
from ktextures.selection import sweep as module
from ktextures.training.dictionary_objective import DictionaryObjective

KS = [2, 3, 4]


@pytest.fixture(autouse=True)
def brief(monkeypatch, eager):
    """Few steps without reviews, run without tracing."""
    shorten(monkeypatch)


def shorten(patch):
    patch.setattr(module, "STEPS", 2)
    patch.setattr(module, "IMITATION", 1.0)


def cheap(scene, ks=KS, **options):
    """A sweep with features that are quick to compute."""
    wanted = {
        "seed": 1,
        "progress": False,
        "features": kt.FilterBank(scales=1, orientations=1),
        "texture_scale": 2.0,
    }
    return kt.sweep(scene, ks, **wanted | options)


def test_on_k_sees_what_is_found_so_far(small):
    seen = []
    found = cheap(small, on_k=lambda each: seen.append(each.k.values.tolist()))
    assert seen == [[2], [2, 3], [2, 3, 4]]
    assert found.k.values.tolist() == seen[-1]
    with pytest.raises(kt.InputError, match="on_k is 3; give a function"):
        cheap(small, on_k=3)


def same(one, other):
    """Whether two sweeps found the same, in whatever time; models record no time."""
    return one.drop_vars("seconds").identical(other.drop_vars("seconds"))


@pytest.fixture(scope="module")
def swept(small):
    tf.config.run_functions_eagerly(True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            shorten(patch)
            return cheap(small)
    finally:
        tf.config.run_functions_eagerly(False)


def test_maps_shares_and_measures_of_each_k(small, swept):
    assert dict(swept.classes.sizes) == {"k": 3, "y": 64, "x": 64}
    assert swept.classes.dtype == np.uint8
    assert swept.classes.rio.crs == small.rio.crs
    assert swept.classes.rio.transform() == small.rio.transform()
    for k in KS:
        one = swept.sel(k=k)
        counts = np.bincount(one.classes.values.ravel(), minlength=k + 1)[1:]
        np.testing.assert_allclose(one.share.values[:k], counts / counts.sum())
        assert np.isnan(one.share.values[k:]).all()
        assert one.smallest_share == one.share.min()
        assert len(set(one.color.values[:k])) == k
        assert (one.color.values[k:] == "").all()
    for name in ("prediction_strength", "stability", "silhouette", "dictionary_loss"):
        assert np.isfinite(swept[name]).all()
        assert swept[name].attrs["long_name"]
    assert (swept.seconds > 0).all()
    assert (swept.attrs["seed"], swept.attrs["texture_scale"]) == (1, 2.0)


def test_parents_lie_in_the_map_before(swept):
    assert (swept.parent.sel(k=2) == 0).all()
    for k in (3, 4):
        new, old = swept.classes.sel(k=k).values, swept.classes.sel(k=k - 1).values
        for value in np.unique(new):
            most = np.bincount(old[new == value]).argmax()
            assert swept.parent.sel(k=k, **{"class": value}) == most


def test_the_same_seed_gives_the_same_sweep_in_any_order(small, swept):
    assert same(cheap(small, reversed(KS)), swept)


def test_a_prepared_scene_gives_the_same_sweep(small, swept):
    features = kt.FilterBank(scales=1, orientations=1)
    prepared = kt.prepare(
        small, seed=1, features=features, texture_scale=2.0, progress=False
    )
    assert same(kt.sweep(prepared, KS, progress=False), swept)


def test_each_model_gives_its_map_in_its_colors(small, swept):
    for k in KS:
        model = kt.sweep_model(swept, k)
        classes = kt.segment(small, model).classes
        np.testing.assert_array_equal(classes, swept.classes.sel(k=k))
        assert list(model.classes.colors) == swept.color.sel(k=k).values[:k].tolist()


def test_a_file_keeps_the_sweep(swept, tmp_path):
    swept.to_netcdf(tmp_path / "sweep.nc")
    with xr.open_dataset(tmp_path / "sweep.nc", mask_and_scale=False) as file:
        read = file.load()
    for name in swept.variables:
        np.testing.assert_array_equal(read[name].values, swept[name].values)
    assert read.attrs == swept.attrs
    with xr.open_dataset(tmp_path / "sweep.nc") as masked:
        found = kt.sweep_model(masked, 3)
    assert found.to_bytes() == kt.sweep_model(swept, 3).to_bytes()


def test_a_k_that_was_not_swept_has_no_model(swept):
    with pytest.raises(kt.InputError, match="k is 5, but the sweep has only k = 2, 3"):
        kt.sweep_model(swept, 5)
    with pytest.raises(kt.InputError, match="no 'model_file'; give the Dataset"):
        kt.sweep_model(swept.drop_vars("model_file"), 2)


@pytest.mark.parametrize(("k", "seed"), [(3, 2), (4, 3)])
def test_the_true_number_of_textures_is_recommended(k, seed):
    scene = kt.datasets.synthetic(96, k=k, bands=4, seed=seed).scene
    found = kt.sweep(scene, [k, k + 1], seed=1, progress=False)
    assert found.attrs["recommended_k"] == k
    assert found.reproducible.sel(k=k)
    assert not found.reproducible.sel(k=k + 1)


def interrupted_at(k, monkeypatch):
    """Let Ctrl-C come in the second step of the training for k."""
    step = DictionaryObjective.step

    def interrupted(self, index):
        if self.model.k == k and index == 1:
            signal.raise_signal(signal.SIGINT)
        return step(self, index)

    monkeypatch.setattr(DictionaryObjective, "step", interrupted)


def test_ctrl_c_returns_what_is_done(small, swept, monkeypatch):
    interrupted_at(4, monkeypatch)
    found = cheap(small)
    assert found.k.values.tolist() == [2, 3]
    assert found.classes.identical(swept.classes.sel(k=[2, 3]))


def test_ctrl_c_before_anything_is_done_says_so(small, monkeypatch):
    interrupted_at(2, monkeypatch)
    with pytest.raises(kt.InputError, match="interrupted before anything was found"):
        cheap(small)


def test_a_sweep_goes_on_from_its_folder(small, swept, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        interrupted_at(4, patch)
        cheap(small, checkpoint=tmp_path)
    trained = []
    find = module.find

    def watched(prepared, request, *arguments):
        trained.append(request.k)
        return find(prepared, request, *arguments)

    monkeypatch.setattr(module, "find", watched)
    assert same(cheap(small, checkpoint=tmp_path), swept)
    assert trained == [4]
    for changed in ({"seed": 2}, {"ks": [2, 3]}, {"texture_scale": 1.0}):
        with pytest.raises(kt.InputError, match="belongs to another sweep"):
            cheap(small, checkpoint=tmp_path, **changed)


def test_large_scenes_are_thinned_before_they_are_classified(small, monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 2_000)
    found = cheap(small, [2])
    assert (found.attrs["step"], found.classes.shape) == (2, (1, 32, 32))
    assert found.classes.rio.resolution()[0] == 2 * small.rio.resolution()[0]
    model, thinned = kt.sweep_model(found, 2), small[:, 1::2, 1::2]
    classes = kt.segment(thinned, model).classes
    np.testing.assert_array_equal(classes, found.classes.sel(k=2))


def test_pixels_without_data_have_no_class():
    scene, truth = kt.datasets.synthetic(
        64, k=2, bands=4, seed=1, contrast="both", nodata_share=0.2
    )
    found = cheap(scene, [2])
    assert ((found.classes == 0) == (truth == 0)).all()
    np.testing.assert_allclose(found.share.sum("class"), 1)


def test_the_bar_is_silent_if_asked(small, capsys):
    cheap(small, [2])
    assert capsys.readouterr().err == ""
    cheap(small, [2], progress=True)
    assert "sweep" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ks": []}, "ks is empty; give numbers of classes"),
        ({"ks": 5}, "ks is 5; give numbers of classes, such as range"),
        ({"ks": "345"}, "ks is '345'; give numbers"),
        ({"ks": [1, 2]}, "k is 1; choose a number of classes from 2 to 128"),
        ({"ks": [2.5]}, r"k is 2\.5; it must be a whole number"),
        ({"preset": "paper"}, "preset is not 'default'"),
        ({"texture_scale": 99}, "texture_scale is 99"),
    ],
)
def test_arguments_that_cannot_be_used(small, options, message):
    with pytest.raises(kt.InputError, match=message):
        cheap(small, **options)


def test_several_scenes_are_refused(small):
    with pytest.raises(kt.InputError, match="There are 2 scenes; a sweep takes one"):
        cheap([small, small])


def test_more_classes_than_distinct_pixels_are_refused(small):
    values = np.where(small.values > np.median(small.values), 2, 1)[:1]
    scene = small[:1].copy(data=values.astype(small.dtype))
    with pytest.raises(kt.InputError, match="distinct"):
        cheap(scene, [2, 3])


@pytest.mark.slow
def test_maps_are_close_to_those_of_full_trainings(monkeypatch):
    import tensorflow as tf

    monkeypatch.undo()
    tf.config.run_functions_eagerly(False)
    scene, _ = kt.datasets.synthetic(128, k=4, bands=4, seed=3)
    prepared = kt.prepare(scene, seed=1, progress=False)
    found = kt.sweep(prepared, [3, 4], progress=False)
    trained = kt.train(prepared, 4, progress=False)
    full = kt.segment(scene, trained).classes
    mine = found.classes.sel(k=4).values
    assert adjusted_rand_score(full.values.ravel(), mine.ravel()) > 0.9
