"""The protocol of feature extractors, and those that need no weights."""

import json

import numpy as np
import pytest
import tensorflow as tf

import ktextures as kt
from ktextures.errors import InputError
from ktextures.features.color import ColorFeatures
from ktextures.features.filter_bank import FilterBank, oriented_filters
from ktextures.features.protocol import FeatureExtractor


class Gradients(FeatureExtractor):
    """What a user may write: what is required, and nothing more."""

    kind = "my-gradients"

    def __init__(self, factor=2.0):
        self.factor = factor
        self.fitted = None

    def fit(self, tiles, bands):
        self.fitted = (tiles.shape, tiles.dtype, dict(bands))

    def __call__(self, tiles):
        return [self.factor * (tiles[:, 1:] - tiles[:, :-1])]

    def get_config(self):
        return {"factor": self.factor}


def tiles(bands=4, count=2, side=32, seed=0):
    return np.random.default_rng(seed).random((count, side, side, bands), "float32")


def fitted(extractor, values, bands=None):
    extractor.fit(values, bands or {})
    return extractor


@pytest.mark.parametrize(
    "extractor",
    [
        FilterBank(),
        ColorFeatures(),
        kt.VGG16Features(),
        kt.SceneEncoder(2, width=4),
        Gradients(),
    ],
    ids=lambda extractor: extractor.kind,
)
def test_extractors_follow_the_protocol(extractor):
    assert isinstance(extractor, FeatureExtractor)
    config = json.loads(json.dumps(extractor.get_config()))
    again = type(extractor)(**config)
    assert json.loads(json.dumps(again.get_config())) == config


def test_other_things_do_not():
    for other in (None, "vgg16", np.ones(3), tf.nn.relu):
        assert not isinstance(other, FeatureExtractor)


@pytest.mark.parametrize("bands", [1, 2, 4, 13])
@pytest.mark.parametrize("kind", [FilterBank, ColorFeatures])
def test_any_number_of_bands(kind, bands):
    values = tiles(bands)
    maps = fitted(kind(), values)(tf.constant(values))
    assert all(np.isfinite(each).all() for each in maps)
    assert {each.shape[0] for each in maps} == {2}
    assert maps[0].shape[1:3] == (32, 32)
    assert kind is FilterBank or maps[0].shape[-1] == bands


@pytest.mark.parametrize(("scales", "orientations"), [(1, 1), (2, 4), (4, 6)])
def test_scales_and_orientations_of_the_filter_bank(scales, orientations):
    values = tiles()
    maps = fitted(FilterBank(scales, orientations), values)(tf.constant(values))
    assert [each.shape[1] for each in maps] == [32 // 2**i for i in range(scales)]
    assert {each.shape[-1] for each in maps} == {4 * (2 + 2 * orientations)}


@pytest.mark.parametrize("arguments", [{"scales": 0}, {"orientations": 0}])
def test_an_empty_filter_bank_is_refused(arguments):
    with pytest.raises(
        InputError, match="scales and orientations must be at least 1, got"
    ):
        FilterBank(**arguments)


def test_filters_answer_neither_constants_nor_each_other():
    filters = oriented_filters(4)
    assert filters.shape == (7, 7, 9)
    np.testing.assert_allclose(filters.sum((0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(filters).sum((0, 1)), 1, rtol=1e-5)
    alike = np.corrcoef(filters.reshape(49, 9).T) - np.eye(9)
    assert np.abs(alike).max() < 0.95


def test_bands_that_say_the_same_count_once():
    first = tiles(1, 1, 64)
    other = tiles(1, 1, 64, seed=1)
    twice = np.concatenate([first, first, other], -1)
    maps = fitted(FilterBank(1), twice)(tf.constant(twice))[0].numpy()
    spread = maps[..., :3].reshape(-1, 3).std(0)
    np.testing.assert_allclose(np.sort(spread), [0, 1, 1], atol=0.02)


def test_the_filter_bank_tells_directions_apart():
    stripes = np.sin(np.arange(32) * 1.2).astype("float32")
    across = np.broadcast_to(stripes[None, None, :, None], (1, 32, 32, 1))
    along = np.swapaxes(across, 1, 2)
    bank = fitted(FilterBank(1), np.concatenate([across, along]))
    means = [
        bank(tf.constant(each))[0].numpy().mean((0, 1, 2)) for each in (across, along)
    ]
    assert np.abs(means[0] - means[1]).max() > 0.2


def test_features_of_a_shifted_image_are_shifted():
    values = tiles(2, 1, 40)
    bank = fitted(FilterBank(1), values)
    whole, part = bank(tf.constant(values))[0], bank(tf.constant(values[:, 8:, 5:]))[0]
    np.testing.assert_allclose(part[:, 4:-4, 4:-4], whole[:, 12:-4, 9:-4], atol=1e-4)


def test_colors_alone_do_not_look_around():
    values = tiles()
    other = values.copy()
    other[:, 10] = 0
    color = fitted(ColorFeatures(), values)
    before, after = (color(tf.constant(each))[0].numpy() for each in (values, other))
    assert (before != after).any((0, 2, 3)).tolist() == [row == 10 for row in range(32)]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("preset", ["default", "paper"])
def test_one_feature_of_one_band_is_enough(preset):
    scene = kt.datasets.synthetic(40, k=2, bands=1, seed=1).scene
    model = kt.train(
        scene, 2, preset=preset, features=Gradients(), steps=1, seed=1, progress=False
    )
    assert kt.segment(scene, model).classes.shape == (40, 40)


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.usefixtures("eager")
def test_training_takes_an_extractor_of_the_users_own(small, preset):
    own = Gradients()
    model = kt.train(
        small,
        2,
        preset=preset,
        features=[own, FilterBank(1, 1)],
        steps=1,
        seed=1,
        progress=False,
    )
    assert own.fitted is None, "a copy is fitted"
    shape, dtype, bands = model.extractors[0].fitted
    assert shape[-1] == 4
    assert dtype == np.float32
    assert bands == {"red": 0, "green": 1, "blue": 2, "nir": 3}
    kinds = [entry["kind"] for entry in model.record.provenance["features"]]
    assert kinds == ["my-gradients", "filter-bank"]
    assert model.record.provenance["features"][0]["factor"] == 2.0
