"""What several scenes have in common: units, scaling, distinct values."""

import numpy as np
import pytest
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.scaling import BandScaler
from ktextures.raster.scene_samples import (
    check_units,
    count_distinct,
    fit_preparation,
    joined,
    read_samples,
)
from ktextures.raster.scene_set import open_scenes


def scene_of(size=40, scale=1.0, dtype="float32", offset=0.0, seed=0, bands=3):
    values = np.random.default_rng(seed).uniform(0.05, 0.6, (bands, size, size))
    return xr.DataArray(
        (values * scale + offset).astype(dtype), dims=("band", "y", "x")
    )


def check(*scenes):
    opened = open_scenes(list(scenes))
    check_units(opened, read_samples(opened))


def test_each_scene_weighs_the_same_however_small():
    large, small = np.zeros((900, 1)), np.ones((10, 1))
    found = joined([large, small])
    assert len(found) == 1800
    assert found.mean() == 0.5
    assert joined([large]) is large


def test_joined_samples_keep_their_distribution():
    rows = np.random.default_rng(0).random((1000, 2))
    found = joined([rows, rows[:333] + 5])
    np.testing.assert_allclose(found[:1000], rows)
    wanted = np.percentile(rows[:333] + 5, (1, 50, 99), axis=0)
    np.testing.assert_allclose(
        np.percentile(found[1000:], (1, 50, 99), 0), wanted, 0.01
    )


def test_bright_pixels_of_a_small_scene_are_not_clipped():
    scenes = open_scenes([scene_of(500), scene_of(32, offset=5)])
    preparation = fit_preparation(scenes, joined(read_samples(scenes)), None, 2)
    assert min(preparation.scaler.high) > 5.5
    assert all(0.4 < value < 0.6 for value in preparation.fill)


def test_many_scenes_are_read_in_part(monkeypatch):
    monkeypatch.setattr("ktextures.raster.scene_samples.MOST_PIXELS", 4000)
    monkeypatch.setattr("ktextures.raster.scene_samples.FEWEST_PIXELS", 900)
    samples = read_samples(open_scenes([scene_of(100)] * 4))
    assert all(500 < len(sample) <= 1000 for sample in samples)
    samples = read_samples(open_scenes([scene_of(100)] * 8))
    assert all(450 < len(sample) <= 900 for sample in samples)
    assert len(joined(samples)) <= 4000


def test_a_scene_without_data_is_named():
    empty = scene_of() * np.nan
    with pytest.raises(
        InputError, match=r"Scene 2 has no valid pixel; .* leave it out"
    ):
        read_samples(open_scenes([scene_of(), empty]))


def test_valid_pixels_count_together():
    few = scene_of(32)
    few[:, 3:] = np.nan
    assert [len(each) for each in read_samples(open_scenes([scene_of(), few]))][1] == 96
    with pytest.raises(InputError, match="at least 1024 valid pixels, got 192"):
        read_samples(open_scenes([few, few]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"scale": 10_000, "dtype": "uint16"}),
        ({"scale": 10_000}, {}),
        ({}, {"scale": 255, "dtype": "uint8"}),
        ({}, {"scale": 100}),
        ({"scale": 255, "dtype": "uint8"}, {"scale": 10_000, "dtype": "uint16"}),
        ({"scale": 10_000, "dtype": "uint16"}, {"scale": -20}),
    ],
)
def test_other_units_are_refused(one, other):
    with pytest.raises(
        InputError,
        match=r"median of band 'band_\d' is .* in scene 1 .* and .* in scene 3 ",
    ):
        check(scene_of(**one), scene_of(seed=1, **one), scene_of(seed=2, **other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"scale": 0.1}),
        ({"scale": 10_000}, {"scale": 700, "dtype": "uint16"}),
        ({"scale": 100, "dtype": "uint8"}, {"scale": 200, "dtype": "int16"}),
        ({"offset": 273}, {"offset": 300}),
        ({"offset": -20}, {"offset": -5}),
    ],
)
def test_dark_and_bright_landscapes_go_together(one, other):
    check(scene_of(**one), scene_of(seed=1, **other))


def test_one_band_of_three_may_differ_more():
    other = scene_of(seed=1)
    other[1] = other[1] * 100
    check(scene_of(), other)
    other[2] = other[2] * 1000
    with pytest.raises(InputError, match="median of band 'band_3'"):
        check(scene_of(), other)


def test_a_scene_of_zeros_and_few_bright_pixels_is_no_doubt():
    other = scene_of() * 0
    other[:, :4] = 0.5
    check(scene_of(), other)


def test_values_that_hardly_differ_count_once():
    noise = np.random.default_rng(0).normal(0, 1e-7, (500, 4))
    values = np.repeat([[0.1] * 4, [0.7] * 4], 250, 0) + noise
    assert count_distinct(values, 8) == 2
    assert count_distinct(np.linspace(0, 1, 256)[:, None], 128) == 128
    assert count_distinct(np.zeros((9, 2)), 8) == 1


def test_noise_is_no_reason_for_more_classes():
    scene = scene_of() * 1e-6
    scene[:, :, 20:] += 1000
    scenes = open_scenes(scene)
    (sample,) = read_samples(scenes)
    assert fit_preparation(scenes, sample, None, 2).scaler.num_bands == 3
    with pytest.raises(
        InputError,
        match=r"k is 4, but the scene has only 2 pixel values that differ by more than "
        r"0.1% of the range of a band \(.* to 1000 in 'band_1'\); choose a smaller k",
    ):
        fit_preparation(scenes, sample, None, 4)


def test_a_scaler_that_is_far_too_wide_leaves_too_few_values():
    scenes = open_scenes(scene_of())
    wide = BandScaler.fixed([0] * 3, [1e6] * 3)
    with pytest.raises(InputError, match=r"only 1 pixel values .*\(0 to 1e\+06 in"):
        fit_preparation(scenes, read_samples(scenes)[0], wide, 2)
