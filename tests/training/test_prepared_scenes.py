"""Scenes prepared once give the same models as scenes prepared for each training."""

from dataclasses import replace

import numpy as np
import pytest

import ktextures as kt

SIZE = 96
QUICK = {"steps": 3, "progress": False}


@pytest.fixture(scope="module")
def scene():
    return kt.datasets.synthetic(SIZE, k=3, bands=4, seed=4).scene


@pytest.fixture(scope="module")
def prepared(scene):
    return kt.prepare(scene, seed=5)


def same_weights(one, other):
    return all(
        np.array_equal(mine, yours)
        for mine, yours in zip(one.get_weights(), other.get_weights(), strict=True)
    )


@pytest.mark.usefixtures("eager")
def test_the_model_is_that_of_the_scene_itself(scene, prepared):
    for k in (3, 5):
        direct = kt.train(scene, k, seed=5, **QUICK)
        again = kt.train(prepared, k, **QUICK)
        assert same_weights(direct, again)
        assert again.record.provenance == direct.record.provenance


@pytest.mark.usefixtures("eager")
def test_a_model_is_trained_further_with_its_own_or_another_k(scene, prepared):
    model = kt.train(prepared, 3, **QUICK)
    for k in (3, 4):
        direct = kt.train(scene, k, model=model, seed=5, **QUICK)
        assert same_weights(direct, kt.train(prepared, k, model=model, **QUICK))


@pytest.mark.usefixtures("eager")
def test_trainings_leave_what_is_prepared_unchanged(prepared):
    first = kt.train(prepared, 3, **QUICK)
    kt.train(prepared, 6, seed=1, **QUICK)
    kt.train(prepared, 3, model=first, **QUICK)
    assert same_weights(first, kt.train(prepared, 3, **QUICK))


@pytest.mark.usefixtures("eager")
def test_a_scene_can_be_prepared_for_a_model_trained_elsewhere(scene, prepared):
    model = kt.train(kt.datasets.synthetic(64, k=2, bands=4, seed=9).scene, 2, **QUICK)
    with pytest.raises(kt.InputError, match="not prepared for this model: its scaling"):
        kt.train(prepared, model=model, **QUICK)
    fitting = kt.prepare(scene, model=model, seed=5)
    direct = kt.train(scene, model=model, seed=5, **QUICK)
    assert same_weights(direct, kt.train(fitting, model=model, **QUICK))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"texture_scale": 4.0}, "texture_scale"),
        ({"features": kt.FilterBank()}, "features"),
        ({"scaler": kt.BandScaler.fixed([0] * 4, [1] * 4)}, "scaler"),
        ({"preset": "paper"}, "preset"),
        ({"preset": replace(kt.presets.default, pooling=1.0)}, "preset"),
    ],
)
def test_what_was_decided_cannot_change(prepared, options, named):
    wanted = f"^{named} cannot change once a scene is prepared"
    with pytest.raises(kt.InputError, match=wanted):
        kt.train(prepared, 3, **options)


@pytest.mark.usefixtures("eager")
def test_what_concerns_the_steps_alone_can_change(prepared):
    preset = replace(kt.presets.default, learning_rate=0.001)
    model = kt.train(prepared, 3, preset=preset, **QUICK)
    assert model.record.provenance["preset_settings"]["learning_rate"] == 0.001


def test_more_classes_than_distinct_pixels_are_refused():
    values = np.repeat(np.arange(1, 5), 32 * 10).reshape(1, 32, 40).astype("uint8")
    scene = kt.open_scene(
        kt.datasets.synthetic((32, 40), k=2, bands=1).scene.copy(data=values)
    )
    prepared = kt.prepare(scene, texture_scale=0, seed=0)
    with pytest.raises(kt.InputError, match="k is 6, but the scene has only 4"):
        kt.train(prepared, 6)


def test_it_says_what_it_is(prepared):
    assert repr(prepared) == (
        "<PreparedScenes: 96 x 96 pixels, 4 bands, preset 'default', texture scale "
        f"{prepared.texture_scale:g} px, seed 5>"
    )


def test_parts_are_reported_and_can_be_interrupted(scene):
    parts = []
    kt.prepare(scene, seed=0, on_preparation=parts.append)
    assert list(dict.fromkeys(parts)) == ["tiles", "descriptors"]

    def stop(part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kt.prepare(scene, seed=0, on_preparation=stop)
