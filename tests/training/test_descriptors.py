"""Where neighborhoods and textures are compared."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import ktextures as kt
from ktextures.features.color import ColorFeatures
from ktextures.features.filter_bank import FilterBank
from ktextures.features.protocol import FeatureExtractor
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.raster.tile_set import TileSet
from ktextures.raster.windows import Window
from ktextures.training.descriptors import DescriptorSpace, SpaceSettings
from ktextures.training.prepare import _space_settings
from ktextures.training.segments import means_within_segments


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


def patched(seed=0):
    """Two regions of different colors, in noise."""
    values = noisy(seed)
    values[:, :, 32:] += 0.5
    return values


def bank(values):
    found = FilterBank(1, 2)
    found.fit(values.astype("float32"), {})
    return found


def space(*extractors, **settings):
    wanted = {"sigma": 0.0, "wide_sigma": 4.0, "lags": (4,)}
    return DescriptorSpace(extractors, SpaceSettings(**(wanted | settings)))


def test_channels_that_are_mostly_silent_do_not_drown_the_others():
    channels = space(Spikes()).fit(tiles(noisy()))
    # By the median spread they would be at 300,000.
    assert np.abs(channels.fine).max() < 100


def test_a_texture_lies_where_the_mean_of_its_pixels_does():
    values = noisy()
    both = space(bank(values), ColorFeatures())
    channels = both.fit(tiles(values))
    means = both.texture_means(tf.constant(values.astype("float32")))
    place = both.place(means).numpy()[0]
    mean = (channels.fine @ both.turns[0]).mean((0, 1, 2))
    np.testing.assert_allclose(place, mean, atol=1e-4)


def test_color_counts_as_much_as_its_weight_says():
    values = patched()
    for weight in (0.0, 0.5, 2.0):
        both = space(bank(values), ColorFeatures(), color_weight=weight)
        channels = both.fit(tiles(values))
        assert len(both.turns) == 2  # nearby noise, and all noise
        for turn in both.turns:
            spread = (channels.fine @ turn).reshape(-1, turn.shape[1]).std(0)
            bands = values.shape[-1]
            texture, color = spread[:-bands], spread[-bands:]
            assert np.linalg.norm(texture) == pytest.approx(1, abs=0.1)
            assert np.linalg.norm(color) == pytest.approx(weight, abs=0.1)


def test_colors_that_last_nowhere_count_for_nothing():
    # Segments would follow the noise, and colors its single pixels.
    values = noisy()
    noise = space(bank(values), ColorFeatures(), segment_scales=(50.0,))
    channels = noise.fit(tiles(values))
    assert noise.trust == pytest.approx(0, abs=0.15)
    plain = space(bank(values), ColorFeatures()).fit(tiles(values)).fine
    blurred = means_within_segments(plain[0], values[0].astype("float32"), (50.0,))
    assert np.abs(blurred - plain[0]).max() > 0.5
    held = noise.trust * np.abs(blurred - plain[0]).max()
    assert np.abs(channels.fine - plain).max() <= held + 1e-4
    regions = space(bank(patched()), ColorFeatures())
    regions.fit(tiles(patched()))
    assert regions.trust == 1


def test_neither_texture_nor_color_enters_the_other():
    values = patched()
    both = space(bank(values), ColorFeatures())
    channels = both.fit(tiles(values))
    bands = values.shape[-1]
    for turn in both.turns:
        assert turn.shape[0] == channels.fine.shape[-1]
        assert np.abs(turn[-bands:, :-bands]).max() == 0
        assert np.abs(turn[:-bands, -bands:]).max() == 0


def test_wide_views_are_of_texture_alone_and_only_if_asked_for():
    values = noisy()
    both = space(bank(values), ColorFeatures())
    channels = both.fit(tiles(values))
    bands = values.shape[-1]
    assert channels.wide.shape == (1, 16, 16, channels.fine.shape[-1] - bands)
    assert len(both.views(channels, wide=False)) == 2
    views = both.views(channels, wide=True)
    assert [view.calm for view in views] == [False, False, True, True]
    assert views[2].channels is channels.wide


def test_wide_windows_smooth_more_than_narrow_ones():
    values = noisy()
    both = space(bank(values), ColorFeatures())
    channels = both.fit(tiles(values))
    valid = np.ones((1, 64, 64), bool)
    narrow, wide = both.coarse_rows(channels, valid)
    assert len(narrow) == len(wide) == 16 * 16
    steps = [
        np.abs(np.diff(rows.reshape(16, 16, -1), axis=0)).mean()
        for rows in (narrow, wide)
    ]
    assert steps[1] < 0.6 * steps[0]


def test_colors_alone_have_one_view():
    alone = space(ColorFeatures())
    channels = alone.fit(tiles(noisy()))
    assert len(alone.turns) == 1
    assert channels.narrow is None
    assert channels.wide is None
    assert len(alone.views(channels, wide=True)) == 1
    rows = alone.coarse_rows(channels, np.ones((1, 64, 64), bool))
    assert [each.size for each in rows] == [0, 0]


def test_texture_alone_is_enough():
    values = noisy()
    alone = space(bank(values))
    channels = alone.fit(tiles(values))
    assert len(alone.turns) == 2
    assert np.isfinite(channels.fine @ alone.turns[0]).all()
    place = alone.place(alone.texture_means(tf.constant(values.astype("float32"))))
    assert place.shape == (1, alone.turns[0].shape[1])


def test_means_stop_at_edges():
    values = np.zeros((1, 64, 64, 3))
    values[:, :, 32:] = 0.9
    values += 0.02 * noisy()
    plain = space(bank(values), sigma=3.0).fit(tiles(values)).fine
    held = space(bank(values), sigma=3.0, segment_scales=(50.0,))
    held = held.fit(tiles(values)).fine
    assert held[0, 0].std(0).max() > 0
    assert len(np.unique(held[0, :, :, 0].round(4))) < 12
    assert len(np.unique(plain[0, :, :, 0].round(4))) > 100


def test_the_color_of_a_pixel_does_not_leak_into_its_segment():
    values = np.full((1, 64, 64, 3), 0.5) + 0.02 * noisy()
    values[0, 32, 32] = 0.05
    both = space(bank(values), ColorFeatures(), sigma=3.0, segment_scales=(50.0,))
    fine = both.fit(tiles(values)).fine[0]
    assert np.abs(fine[32, 32, -3:] - fine[32, 40, -3:]).min() > 0.3
    np.testing.assert_allclose(fine[..., -3:], np.log(values[0] + 0.4), atol=1e-6)


def test_means_over_several_scales_are_averaged():
    values = noisy()[0].astype("float32")
    one, other, both = (
        means_within_segments(values, values, scales)
        for scales in ((20.0,), (90.0,), (20.0, 90.0))
    )
    assert (one != other).any()
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-6)
    assert means_within_segments(values, values, ()) is values


@pytest.mark.parametrize("lags", [(), (4,)])
@pytest.mark.parametrize("textured", [False, True])
def test_what_lies_under_nodata_is_not_learned_from(lags, textured):
    values, valid = noisy(), np.ones((1, 64, 64), bool)
    valid[:, :20] = False
    spoilt = values.copy()
    spoilt[~valid] = 1.0
    found = []
    for each in (values, spoilt):
        # Filters look a few pixels far, into what lies under nodata; Spikes do not.
        extractors = [Spikes()] if textured else []
        one = space(*extractors, ColorFeatures(), lags=lags)
        one.fit(tiles(each, valid))
        found.append(one.turns[0])
    np.testing.assert_array_equal(*found)


def test_the_halo_is_cut_off():
    values = noisy(count=2)
    both = space(bank(values), ColorFeatures(), sigma=2.0)
    channels = both.fit(tiles(values, halo=8))
    assert channels.fine.shape[:3] == (2, 48, 48)
    assert channels.narrow.shape[:3] == channels.wide.shape[:3] == (2, 12, 12)


@pytest.mark.parametrize(
    ("meters", "times"), [(None, 1), (0.3, 1), (10, 1), (30, 3), (60, 6)]
)
def test_color_counts_more_in_large_pixels(meters, times, monkeypatch):
    preset = replace(kt.presets.default, color_pixel=10.0)
    monkeypatch.setattr(SceneSet, "pixel_meters", meters)
    scenes = open_scenes(kt.datasets.synthetic(64, k=2, seed=1).scene)
    for asked in (None, 2.0, 6.0):
        settings = _space_settings(asked, scenes, preset)
        assert settings.color_weight == pytest.approx(preset.color_weight * times)
