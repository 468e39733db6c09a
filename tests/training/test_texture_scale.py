"""Wide windows are taken where they show clearer groups of textures."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import ktextures as kt
from ktextures.raster.tile_set import TileSet
from ktextures.raster.windows import Window
from ktextures.training.descriptors import DescriptorSpace, SpaceSettings
from ktextures.training.texture_scale import clusteredness, gain_of_wide_windows

SIZE = 192


def mosaic(seed=1):
    """Regions of one texture each, far wider than the windows; values in 0..1."""
    scene = kt.datasets.synthetic(SIZE, k=3, bands=3, seed=seed, cells=4).scene
    return np.moveaxis(scene.values, 0, -1)[None] / 10_000


def smooth(seed=1):
    """Random hills of all sizes, without regions."""
    generator = np.random.default_rng(seed)
    total = np.zeros((SIZE, SIZE, 3))
    for sigma in (1, 2, 4, 8, 16):
        hills = gaussian_filter(generator.normal(size=total.shape), (sigma, sigma, 0))
        total += hills / hills.std() * sigma**0.5
    total -= total.min()
    return total[None] / total.max()


def gain(values, seed=0):
    bank = kt.FilterBank()
    bank.fit(values.reshape(-1, 3).astype("float32"), {})
    preset = kt.presets.default
    settings = SpaceSettings(
        sigma=preset.pooling * preset.texture_scale,
        wide_sigma=4 / 3 * preset.pooling * preset.wide_scale,
    )
    valid = np.ones(values.shape[:3], bool)
    places = (Window(0, 0, SIZE, SIZE),)
    tiles = TileSet(values.astype("float32"), valid, places, 0)
    space = DescriptorSpace([bank], settings)
    rows = space.coarse_rows(space.fit(tiles), valid)
    return gain_of_wide_windows(*rows, seed)


def test_wide_windows_gain_in_a_mosaic_and_not_in_hills():
    enough = kt.presets.default.wide_from
    assert gain(mosaic()) > enough > gain(smooth())


def blobs(count, apart, seed=0):
    generator = np.random.default_rng(seed)
    places = apart * np.eye(4)[generator.integers(4, size=count)]
    return places + generator.normal(size=(count, 4))


def test_the_farther_apart_groups_are_the_clearer():
    found = [clusteredness(blobs(2500, apart), 0) for apart in (0, 4, 12)]
    assert found[0] == pytest.approx(1, abs=0.05)
    assert found[0] < found[1] - 0.1
    assert found[1] < found[2] - 1


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_units_do_not_matter(factor):
    rows = blobs(2500, 5)
    found = clusteredness(rows, 0)
    assert clusteredness(factor * rows, 0) == pytest.approx(found, rel=0.02)


def test_directions_do_not_matter():
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))
    rows = blobs(2500, 5)
    found = clusteredness(rows, 0)
    assert clusteredness(rows @ turn, 0) == pytest.approx(found, rel=0.05)


def test_gain_counts_what_is_clear_and_what_became_clearer():
    vague, clear = blobs(2500, 2), blobs(2500, 8)
    one, other = clusteredness(vague, 0), clusteredness(clear, 0)
    assert gain_of_wide_windows(vague, clear, 0) == pytest.approx(2 * other - one)
    assert gain_of_wide_windows(clear, vague, 0) < 1


@pytest.mark.parametrize("rows", [np.zeros((200, 3)), np.eye(3), np.ones((2, 1))])
def test_too_little_to_look_at_is_no_error(rows):
    assert np.isfinite(clusteredness(rows, 0))
