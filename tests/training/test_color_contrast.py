"""Colors of small groups stand out."""

import numpy as np
import pytest

from ktextures.training.color_contrast import contrasting_directions


def with_a_rare_color(share=0.02, seed=0):
    """Colors of which a few differ along the weakest direction; which ones."""
    generator = np.random.default_rng(seed)
    rare = generator.random(8000) < share
    along = generator.normal(size=(8000, 3)) * [1.0, 0.4, 0.1]
    along[rare, 2] += 0.6
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    return along @ turn.T, rare


def gap(rows, rare):
    """Distance of the rare colors from the others, by the spread of all."""
    turned = rows @ contrasting_directions(rows)
    apart = turned[rare].mean(0) - turned[~rare].mean(0)
    return np.linalg.norm(apart) / np.sqrt(turned.var(0).sum())


def test_a_rare_color_gains_more_than_by_equal_variances(monkeypatch):
    rows, rare = with_a_rare_color()
    found = gap(rows, rare)
    # Without the stretch by kurtosis, directions are only equalized half-way.
    monkeypatch.setattr("ktextures.training.color_contrast.MOST", 1.0)
    half_whitened = gap(rows, rare)
    assert found > 1.4 * half_whitened
    monkeypatch.setattr("ktextures.training.color_contrast.POWER", 0.0)
    assert half_whitened > 1.4 * gap(rows, rare)


def test_without_rare_colors_directions_are_equalized_half_way():
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(20_000, 2)) * [1.0, 0.5]
    spread = (rows @ contrasting_directions(rows)).std(0)
    # In order of eigenvalues, the weakest first.
    assert spread[1] / spread[0] == pytest.approx(2**0.5, rel=0.1)


@pytest.mark.parametrize("bands", [1, 2, 7])
def test_the_spread_of_all_directions_is_1(bands):
    generator = np.random.default_rng(bands)
    rows = 40 * generator.random((3000, bands)) ** 3
    turn = contrasting_directions(rows)
    assert turn.shape == (bands, bands)
    assert turn.dtype == np.float32
    assert (rows @ turn).var(0).sum() == pytest.approx(1, rel=1e-3)


def test_bands_that_repeat_another_add_nothing():
    gray = np.random.default_rng(0).random((3000, 1))
    for rows in (gray, np.repeat(gray, 3, 1)):
        turned = rows @ contrasting_directions(rows)
        distance = np.linalg.norm(turned[:50, None] - turned[:50], axis=-1)
        wanted = np.abs(gray[:50] - gray[:50].T) / gray.std()
        np.testing.assert_allclose(distance, wanted, atol=1e-2)


def test_flat_or_missing_colors_are_no_error():
    assert contrasting_directions(np.zeros((50, 0))).shape == (0, 0)
    flat = contrasting_directions(np.full((50, 3), 0.25))
    assert np.isfinite(flat).all()
