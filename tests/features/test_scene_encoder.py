"""The scene encoder: learns a scene, survives saving, checks its bands."""

import numpy as np
import pytest
import tensorflow as tf

import ktextures as kt
from ktextures.errors import InputError, ModelFileError, OutputError
from ktextures.features.scene_encoder import SceneEncoder, load_encoder
from ktextures.features.vgg16 import layer_names
from ktextures.files.archive import pack
from ktextures.training.train_encoder import train_encoder

CHEAP = {"width": 4, "tile": 32, "progress": False, "seed": 2}


def tiles(bands=4, side=32):
    shape = (2, side, side, bands)
    return tf.constant(np.random.default_rng(0).random(shape, "float32"))


def same_maps(one, other):
    for first, second in zip(one(tiles()), other(tiles()), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.fixture(scope="module")
def encoder(small):
    return train_encoder(
        small,
        steps=100,
        layers=("block1_conv2", "block3_conv3"),
        **CHEAP | {"width": 8},
    )


def test_the_loss_falls(encoder):
    record = encoder.trained
    assert (record["steps"], record["scenes"]) == (100, 1)
    assert record["last_loss"] < 0.97 * record["first_loss"]


def test_features_have_the_layers_strides_and_the_widths(encoder):
    shapes = [tuple(maps.shape) for maps in encoder(tiles(side=40))]
    assert shapes == [(2, 40, 40, 8), (2, 10, 10, 32)]


def test_training_changes_the_encoder(encoder):
    fresh = SceneEncoder(4, encoder.layers, width=8, seed=2)
    assert np.abs(fresh(tiles())[1] - encoder(tiles())[1]).max() > 1e-3


def test_the_whole_has_the_size_of_vgg():
    network = SceneEncoder(3, width=64).network
    assert network.count_params() == 14_714_688
    names = [layer.name for layer in network.layers if "conv" in layer.name]
    assert names == layer_names()


def test_a_saved_encoder_gives_identical_features(encoder, tmp_path):
    path = tmp_path / "my.encoder"
    encoder.save(path)
    loaded = load_encoder(path)
    assert loaded.get_config() == encoder.get_config()
    assert loaded.trained == encoder.trained
    same_maps(encoder, loaded)
    again = tmp_path / "again.encoder"
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()


def test_another_band_count_is_refused(encoder):
    with pytest.raises(
        InputError,
        match=r"has 7 bands, the scene encoder was trained on 4.*kt\.train_encoder",
    ):
        encoder.fit(tiles(7).numpy(), {})
    encoder.fit(tiles(4).numpy(), {})


@pytest.mark.usefixtures("eager")
def test_the_same_seed_gives_the_same_encoder(small):
    one, same, other = (
        train_encoder(small, steps=2, **CHEAP | {"seed": seed}) for seed in (3, 3, 4)
    )
    same_maps(one, same)
    assert np.abs(one(tiles())[0] - other(tiles())[0]).max() > 0


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("bands", [1, 7])
def test_any_bands_and_several_scenes_of_any_size(bands):
    scenes = [
        kt.datasets.synthetic(size, k=2, bands=bands).scene for size in ((40, 33), 64)
    ]
    encoder = train_encoder(scenes, steps=3, **CHEAP)
    assert encoder.bands == bands
    assert encoder.trained["scenes"] == 2


@pytest.mark.usefixtures("eager")
def test_nodata_does_not_enter(small):
    def trained_on(garbage):
        values = small.values.copy()
        values[0, :, :20] = 0
        values[1:, :, :20] = garbage
        scene = small.copy(data=values).rio.write_nodata(0)
        return train_encoder(scene, steps=2, **CHEAP)

    same_maps(trained_on(1), trained_on(60_000))


@pytest.mark.usefixtures("eager")
def test_any_array_that_opens_as_a_scene_is_taken(small):
    plain = small.transpose("y", "x", "band").drop_vars(["role", "spatial_ref"])
    same_maps(
        train_encoder(plain, steps=1, **CHEAP), train_encoder(small, steps=1, **CHEAP)
    )


def test_scenes_that_do_not_go_together_are_refused(small):
    with pytest.raises(InputError, match=r"0 scenes .* give at least one"):
        train_encoder([], **CHEAP)
    with pytest.raises(InputError, match=r"2 scenes with band counts \[3, 4\]"):
        train_encoder([small, small[:3]], **CHEAP)
    with pytest.raises(InputError, match="steps is 0"):
        train_encoder(small, steps=0, **CHEAP)
    with pytest.raises(InputError, match="no valid pixel"):
        train_encoder((small * 0).rio.write_nodata(0), steps=1, **CHEAP)
    with pytest.raises(InputError, match="20 x 64 pixels; training needs at least 32"):
        train_encoder(small[:, :20], steps=1, **CHEAP)


@pytest.mark.parametrize("layers", [("block6_conv1",), ()])
def test_unknown_layers_are_refused(layers):
    with pytest.raises(InputError, match=r"no layers .*; choose from block1_conv1"):
        SceneEncoder(4, layers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config, arrays: config.pop("bands"), "bands"),
        (lambda config, arrays: config.update(color="red"), "color"),
        (lambda config, arrays: config.update(width=8), "shape"),
        (lambda config, arrays: arrays.popitem(), "block5_conv3"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(tmp_path, change, message):
    encoder = SceneEncoder(4, width=4)
    config, arrays = encoder.get_config(), encoder.get_state()
    change(config, arrays)
    path = tmp_path / "odd.encoder"
    path.write_bytes(pack("encoder", config, arrays))
    with pytest.raises(ModelFileError, match=rf"(?s)odd\.encoder' .*{message}"):
        load_encoder(path)


def test_a_foreign_file_is_refused(tmp_path, trained):
    path = tmp_path / "model"
    trained.save(path)
    with pytest.raises(ModelFileError, match="holds 'ktextures-model'"):
        load_encoder(path)
    SceneEncoder(4, width=4).save(path)
    with pytest.raises(ModelFileError, match="holds 'ktextures-encoder'"):
        kt.load(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*nowhere/a.encoder"):
        SceneEncoder(1, width=4).save(tmp_path / "nowhere" / "a.encoder")
