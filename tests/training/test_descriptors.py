"""Where neighborhoods and textures are compared."""

import numpy as np
import pytest
import tensorflow as tf

from ktextures.features.color import ColorFeatures
from ktextures.features.filter_bank import FilterBank
from ktextures.features.protocol import FeatureExtractor
from ktextures.raster.tile_set import TileSet
from ktextures.raster.windows import Window
from ktextures.training.descriptors import DescriptorSpace


class Spikes(FeatureExtractor):
    """Bands, and channels that are silent but for one pixel off the grid."""

    kind = "spikes"

    def fit(self, pixels, bands):
        pass

    def __call__(self, tiles):
        silent = np.zeros((*tiles.shape[:3], 8), "float32")
        silent[:, 15, 15] = 1.0
        return [tf.concat([tiles, silent], -1)]

    def get_config(self):
        return {}


def tiles(values, valid=None, halo=0):
    valid = np.ones(values.shape[:3], bool) if valid is None else valid
    places = tuple(Window(0, 64 * i, 64, 64) for i in range(len(values)))
    return TileSet(values.astype("float32"), valid, places, halo)


def noisy(seed=0, count=1, bands=3):
    return np.random.default_rng(seed).random((count, 64, 64, bands))


def bank(values):
    found = FilterBank(1, 2)
    found.fit(values.astype("float32"), {})
    return found


def test_channels_that_are_mostly_silent_do_not_drown_the_others():
    values = noisy()
    channels = DescriptorSpace([Spikes()], 0.0).fit(tiles(values))
    # By the median spread they would be at 300,000.
    assert np.abs(channels).max() < 100


def test_a_texture_lies_where_the_mean_of_its_pixels_does():
    values = noisy()
    space = DescriptorSpace([bank(values), ColorFeatures()], 0.0, color_weights=(0.3,))
    channels = space.fit(tiles(values))
    means = space.texture_means(tf.constant(values.astype("float32")))
    place = space.place(means).numpy()[0]
    mean = (channels @ space.turns[0]).mean((0, 1, 2))
    np.testing.assert_allclose(place, mean, atol=1e-4)


def test_there_is_a_view_for_each_weight_of_color():
    values = noisy()
    space = DescriptorSpace(
        [bank(values), ColorFeatures()], 2.0, color_weights=(0.0, 1.0), lags=(4,)
    )
    channels = space.fit(tiles(values))
    assert len(space.turns) == 4  # each with nearby and with all noise
    without, with_color = space.turns[:2]
    bands = values.shape[-1]
    assert np.abs(without[-bands:]).max() == 0
    assert np.abs(with_color[-bands:]).max() > 0
    assert channels.shape == (1, 64, 64, len(without))


def test_colors_alone_have_one_view():
    space = DescriptorSpace([ColorFeatures()], 0.0, color_weights=(0.0, 1.0))
    space.fit(tiles(noisy()))
    assert len(space.turns) == 1


def test_means_stop_at_edges():
    values = np.zeros((1, 64, 64, 3))
    values[:, :, 32:] = 0.9
    values += 0.02 * noisy()
    plain = DescriptorSpace([bank(values)], 3.0).fit(tiles(values))
    held = DescriptorSpace([bank(values)], 3.0, segment_scales=(50.0,)).fit(
        tiles(values)
    )
    assert held[0, 0].std(0).max() > 0
    assert len(np.unique(held[0, :, :, 0].round(4))) < 12
    assert len(np.unique(plain[0, :, :, 0].round(4))) > 100


@pytest.mark.parametrize("lags", [(), (4,)])
def test_what_lies_under_nodata_is_not_learned_from(lags):
    values, valid = noisy(), np.ones((1, 64, 64), bool)
    valid[:, :20] = False
    spoilt = values.copy()
    spoilt[~valid] = 1.0
    spaces = [DescriptorSpace([ColorFeatures()], 0.0, lags=lags) for _ in "ab"]
    for space, each in zip(spaces, (values, spoilt), strict=True):
        space.fit(tiles(each, valid))
    np.testing.assert_array_equal(spaces[0].turns[0], spaces[1].turns[0])


def test_the_halo_is_cut_off():
    values = noisy(count=2)
    channels = DescriptorSpace([bank(values)], 2.0).fit(tiles(values, halo=8))
    assert channels.shape[:3] == (2, 48, 48)
