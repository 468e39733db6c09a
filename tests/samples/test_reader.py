"""Samples as tensors: what a model is given."""

import threading
import warnings

import numpy as np
import pytest
import xarray as xr
from samples_tools import read, write

import ktextures as kt
from ktextures.errors import InputError


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    scene, truth = kt.datasets.synthetic(
        128, k=3, bands=2, seed=1, contrast="both", nodata_share=0.2
    )
    sure = xr.ones_like(truth, float)
    sure[:, ::7] = 0
    return write(
        scene,
        truth,
        tmp_path_factory.mktemp("read") / "s",
        buffer=0,
        block_size=32,
        confidence=sure,
        min_confidence=0.5,
    )


def arrays(dataset):
    """Images, labels and weights of all batches."""
    return [
        np.concatenate(parts)
        for parts in zip(*dataset.as_numpy_iterator(), strict=True)
    ]


def expected(samples, split):
    """The same from the files, with other code."""
    stems = samples.manifest["stem"][samples.manifest["split"] == split]
    images = np.stack([read(samples.image(s)) for s in stems]).transpose(0, 2, 3, 1)
    labels = np.stack([read(samples.label(s))[0] for s in stems])
    return images.astype(np.float32), labels


def test_labels_begin_at_0_and_ignored_pixels_have_weight_0(samples):
    _, stored = expected(samples, "train")
    _, label, weight = arrays(kt.read_samples(samples))
    ignored = (stored == 0) | (stored == 255)
    assert ignored.any()
    np.testing.assert_array_equal(weight, ~ignored)
    np.testing.assert_array_equal(label, np.where(ignored, 0, stored.astype(int) - 1))
    assert label.max() == 2


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_images_are_scaled_by_the_training_chips(samples, split):
    stored, labels = expected(samples, split)
    image, _, _ = arrays(kt.read_samples(samples.folder, split, batch_size=3))
    train, _ = expected(samples, "train")
    pixels = train[(train != 0).all(axis=-1)]
    scaled = (stored - pixels.mean(axis=0)) / pixels.std(axis=0)
    scaled[labels == 0] = 0
    np.testing.assert_allclose(image, scaled, atol=1e-3)
    if split == "train":
        inside = image[(stored != 0).all(axis=-1)]
        np.testing.assert_allclose(inside.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose(inside.std(axis=0), 1, atol=1e-3)


def test_without_scaling_values_are_those_of_the_files(samples):
    stored, _ = expected(samples, "train")
    image, _, _ = arrays(kt.read_samples(samples, scale=False))
    np.testing.assert_array_equal(image, stored)


def test_nan_pixels_become_0(tmp_path):
    scene, truth = kt.datasets.synthetic(32, k=2, bands=1, dtype="float32")
    scene[0, 2, 3] = np.nan
    truth[2, 3] = 0
    samples = write(scene, truth, tmp_path / "s", fractions=(1, 0, 0))
    for scale in (True, False):
        image, _, weight = arrays(kt.read_samples(samples, scale=scale))
        assert np.isfinite(image).all()
        assert (weight == 0).sum() == 1
        assert image[0, 2, 3, 0] == 0


def test_reading_does_not_touch_the_warning_filters(tmp_path, monkeypatch):
    """They belong to all threads, and batches are read in several."""
    scene, truth = kt.datasets.synthetic(32, k=2, bands=1)
    scene, truth = (
        xr.DataArray(each.values, dims=each.dims, attrs=each.attrs)
        for each in (scene, truth)
    )
    samples = write(scene, truth, tmp_path / "s", fractions=(1, 0, 0))
    threads = []

    class Watched(warnings.catch_warnings):
        def __enter__(self):
            threads.append(threading.current_thread())
            return super().__enter__()

    monkeypatch.setattr(warnings, "catch_warnings", Watched)
    before = list(warnings.filters)
    assert len(arrays(kt.read_samples(samples))[0]) == 4
    assert set(threads) <= {threading.main_thread()}
    assert warnings.filters == before


def test_shapes_are_known_and_the_length_too(samples):
    dataset = kt.read_samples(samples, batch_size=5)
    image, label, weight = dataset.element_spec
    assert image.shape.as_list() == [None, 16, 16, 2]
    assert label.shape.as_list() == weight.shape.as_list() == [None, 16, 16]
    assert [each.dtype.name for each in (image, label, weight)] == [
        "float32",
        "int32",
        "float32",
    ]
    assert len(dataset) == -(-samples.chips["train"] // 5)
    assert len(list(dataset)) == len(dataset)


def test_shuffling_changes_the_order_in_each_epoch_as_the_seed_says(samples):
    plain = arrays(kt.read_samples(samples))[0].mean(axis=(1, 2, 3))
    first, second = (kt.read_samples(samples, shuffle=True, seed=4) for _ in range(2))
    epochs = [
        [arrays(each)[0].mean(axis=(1, 2, 3)) for _ in range(2)]
        for each in (first, second)
    ]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    assert (epochs[0][0] != epochs[0][1]).any()
    for epoch in epochs[0]:
        assert (epoch != plain).any()
        np.testing.assert_array_equal(np.sort(epoch), np.sort(plain))
    other = arrays(kt.read_samples(samples, shuffle=True, seed=5))[0]
    assert (other.mean(axis=(1, 2, 3)) != epochs[0][0]).any()


def test_augmentation_turns_image_label_and_weight_alike(samples):
    plain = arrays(kt.read_samples(samples))
    turned = kt.read_samples(samples, augment=True, seed=1)
    ways, epochs = set(), [arrays(turned) for _ in range(3)]
    assert (epochs[0][0] != epochs[1][0]).any()
    for found in epochs:
        for place in range(len(plain[0])):
            for way in range(8):
                again = [np.rot90(each[place], way % 4) for each in plain]
                if way >= 4:
                    again = [each[:, ::-1] for each in again]
                if np.array_equal(again[0], found[0][place]):
                    np.testing.assert_array_equal(again[1], found[1][place])
                    np.testing.assert_array_equal(again[2], found[2][place])
                    ways.add(way)
                    break
            else:
                pytest.fail("a chip is none of the 8 turned ones")
    assert ways == set(range(8))
    again = arrays(kt.read_samples(samples, augment=True, seed=1))
    np.testing.assert_array_equal(
        again[0], arrays(kt.read_samples(samples, augment=True, seed=1))[0]
    )


@pytest.mark.parametrize("ignore", [2, "class 2", [2], ["class 2", 2]])
def test_classes_can_be_ignored(samples, ignore):
    _, stored = expected(samples, "train")
    _, label, weight = arrays(kt.read_samples(samples, ignore=ignore))
    counted = (stored == 1) | (stored == 3)
    np.testing.assert_array_equal(weight, counted)
    np.testing.assert_array_equal(label == 2, stored == 3)


@pytest.mark.parametrize("steps", [3])
def test_a_model_learns_from_them(samples, steps):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 2)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(3, 1),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss, weighted_metrics=["accuracy"])

    history = model.fit(
        kt.read_samples(samples, shuffle=True, augment=True),
        validation_data=kt.read_samples(samples, "validation"),
        epochs=steps,
        verbose=0,
    ).history

    assert history["loss"][-1] < history["loss"][0] < 2
    assert model.evaluate(kt.read_samples(samples, "test"), verbose=0)[1] > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split is 'val': give one of train, validation, test"),
        ({"batch_size": 0}, "batch_size is 0: give a whole number, at least 1"),
        ({"seed": -1}, "seed is -1"),
        ({"ignore": 4}, "ignore: there is no class 4: give numbers 1..3 or names"),
        ({"ignore": "wood"}, "ignore: there is no class 'wood'"),
    ],
)
def test_what_does_not_exist_is_refused(samples, options, message):
    with pytest.raises(InputError, match=message):
        kt.read_samples(samples, **options)


def test_empty_splits_and_other_folders_are_refused(tmp_path):
    scene, truth = kt.datasets.synthetic(32, k=2, bands=1)
    samples = write(scene, truth, tmp_path / "s", fractions=(1, 0, 0))
    with pytest.raises(InputError, match=r"no chips for test: give one of \['train'\]"):
        kt.read_samples(samples, "test")
    with pytest.raises(InputError, match="holds no training samples"):
        kt.read_samples(tmp_path)
