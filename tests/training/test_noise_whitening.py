"""What changes over a few pixels is noise, and counts less."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ktextures.training.noise_whitening import (
    nearby_covariance,
    persistence,
    quiet_directions,
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def everywhere(maps):
    return np.ones(maps.shape[:3], bool)


def test_white_noise_differs_nearby_as_much_as_anywhere():
    spread = np.array([1.0, 2.0, 0.5])
    maps = noise(2, 60, 60, 3) * spread
    nearby = nearby_covariance(maps, everywhere(maps), (3, 7))
    correlation = nearby / spread / spread[:, None]
    np.testing.assert_allclose(correlation, np.eye(3), atol=0.1)


def test_large_patches_hardly_differ_nearby():
    maps = np.kron(noise(1, 4, 4, 2), np.ones((1, 32, 32, 1)))
    nearby = nearby_covariance(maps, everywhere(maps), (2,))
    assert np.trace(nearby) < 0.1 * maps.reshape(-1, 2).var(0).sum()


@pytest.mark.parametrize("lags", [(), (100,)])
def test_without_a_lag_that_fits_it_is_the_covariance(lags):
    maps = noise(1, 20, 20, 3)
    found = nearby_covariance(maps, everywhere(maps), lags)
    np.testing.assert_allclose(found, np.cov(maps.reshape(-1, 3).T))


@pytest.mark.parametrize("lags", [(), (3,)])
def test_invalid_pixels_do_not_enter(lags):
    maps = noise(1, 40, 40, 2)
    valid = noise(1, 40, 40, seed=1) > -1
    spoilt = np.where(valid[..., None], maps, 1e6)
    np.testing.assert_array_equal(
        nearby_covariance(maps, valid, lags), nearby_covariance(spoilt, valid, lags)
    )


def test_noise_is_whitened_half_way():
    covariance = np.diag([4.0, 1.0, 0.25])
    turn = quiet_directions(noise(500, 3), covariance, 3, 0.0).astype("float64")
    left = np.linalg.eigvalsh(turn.T @ covariance @ turn)
    np.testing.assert_allclose(left, [0.5, 1.0, 2.0], rtol=1e-5)


def test_of_two_channels_the_quiet_one_counts_more():
    wide = gaussian_filter(noise(1, 96, 96, 1), (0, 8, 8, 0))
    maps = np.concatenate([wide / wide.std(), noise(1, 96, 96, 1, seed=1)], -1)
    nearby = nearby_covariance(maps, everywhere(maps), (2, 4))
    turn = quiet_directions(maps.reshape(-1, 2), nearby, 2, 0.1)
    quiet, loud = np.linalg.norm(turn, axis=1)
    assert quiet > 1.3 * loud


def test_shrinkage_bounds_what_quiet_channels_gain():
    covariance = np.diag([1.0, 1e-12])
    free = quiet_directions(noise(100, 2), covariance, 2, 0.0)
    held = quiet_directions(noise(100, 2), covariance, 2, 0.5)
    assert np.abs(free).max() > 100
    assert np.abs(held).max() < 2


def test_directions_are_sorted_by_what_they_explain():
    rows = noise(400, 3) * [1.0, 5.0, 3.0]
    found = (rows @ quiet_directions(rows, np.eye(3), 2, 0.0)).std(0)
    np.testing.assert_allclose(found, [5, 3], rtol=0.1)


def test_noise_does_not_persist_but_regions_do():
    maps = noise(1, 90, 90, 2)
    valid = everywhere(maps)
    assert persistence(maps, valid, (3, 7)) == pytest.approx(0, abs=0.05)
    wide = gaussian_filter(maps, (0, 12, 12, 0))
    assert persistence(wide, valid, (3, 7)) > 0.8
    both = wide / wide.std() + maps
    assert persistence(both, valid, (3,)) == pytest.approx(0.5, abs=0.1)


def test_what_persists_is_seen_in_valid_pixels_only():
    maps = noise(1, 90, 90, 1)
    valid = everywhere(maps)
    valid[:, :40] = False
    maps[:, :40] += 100
    assert abs(persistence(maps, valid, (3, 7))) < 0.1


def test_constant_maps_persist_fully():
    assert persistence(np.ones((1, 30, 30, 2)), np.ones((1, 30, 30), bool), (3,)) == 1
