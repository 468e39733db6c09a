"""Bundled scenes as they are known to be, and made scenes against their own truth."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d, label
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from ktextures.datasets.bundled import landsat, sentinel2
from ktextures.datasets.mosaics import texture_spectra
from ktextures.datasets.synthetic import synthetic
from ktextures.errors import InputError, MissingExtraError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.nodata import scene_nodata
from ktextures.raster.read import is_lazy


def test_sentinel2_is_the_scene_of_spyndex():
    scene = sentinel2()
    assert scene.shape == (4, 300, 300)
    assert scene.dtype == np.int64
    assert scene.band.values.tolist() == ["B02", "B03", "B04", "B08"]
    assert scene.role.values.tolist() == ["blue", "green", "red", "nir"]
    assert scene.rio.crs is None
    assert scene.values[0, 0, :4].tolist() == [299, 276, 280, 282]
    assert is_lazy(sentinel2(chunks=128))


@pytest.mark.skipif(
    importlib.util.find_spec("localtileserver") is None,
    reason="localtileserver (extra lab) is not installed",
)
def test_landsat_lies_at_the_great_salt_lake_and_imports_no_server():
    scene = landsat()
    assert scene.shape == (7, 1482, 1489)
    assert scene.band.values.tolist() == [
        *("blue", "green", "red", "nir"),
        *("swir1", "thermal", "swir2"),
    ]
    assert scene.role.values.tolist() == ["blue", "green", "red", "nir", "", "", ""]
    assert scene.rio.crs.to_epsg() == 4326
    assert -113 < scene.x.values.min() < scene.x.values.max() < -112
    assert 40 < scene.y.values.min() < scene.y.values.max() < 42
    lazy = landsat(chunks=512)
    assert is_lazy(lazy)
    lazy.close()
    code = (
        "import sys, ktextures.datasets as d; d.landsat(512); "
        "sys.exit('localtileserver' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_packages_are_named_with_the_way_to_get_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'install "ktextures\[lab\]"'):
        landsat()
    with pytest.raises(MissingExtraError, match="pip install spyndex"):
        sentinel2()


@pytest.mark.parametrize("contrast", ["texture", "color", "both"])
def test_synthetic_is_georeferenced_and_shared_fairly(contrast):
    scene, truth = synthetic((100, 140), k=5, bands=3, contrast=contrast)
    assert scene.dims == ("band", "y", "x")
    assert scene.shape == (3, 100, 140)
    assert scene.dtype == np.uint16
    assert scene.role.values.tolist() == ["red", "green", "blue"]
    assert truth.dims == ("y", "x")
    assert truth.dtype == np.uint8
    for raster in (scene, truth):
        assert raster.rio.crs.to_epsg() == 32633
        assert scene_transform(raster).a == 10.0
        assert scene_transform(raster).e == -10.0
    shares = np.bincount(truth.values.ravel(), minlength=6) / truth.size
    assert shares[0] == 0
    assert shares[1:].min() >= 0.5 / 5
    assert scene_nodata(scene) is None


@pytest.mark.parametrize("seed", range(6))
def test_few_cells_are_shared_fairly_too(seed):
    _, truth = synthetic(64, k=7, cells=7, seed=seed)
    shares = np.bincount(truth.values.ravel(), minlength=8)[1:] / truth.size
    assert shares.min() >= 0.5 / 7


def test_synthetic_follows_its_seed():
    first, again, other = (synthetic(64, seed=seed) for seed in (0, 0, 1))
    assert first.scene.identical(again.scene)
    assert first.truth.identical(again.truth)
    assert not first.scene.equals(other.scene)
    assert not first.truth.equals(other.truth)


@pytest.mark.parametrize("nodata_share", [0.0, 0.3])
def test_texture_classes_have_the_same_distribution_in_each_band(nodata_share):
    scene, truth = synthetic(128, k=4, seed=2, nodata_share=nodata_share)
    levels = np.linspace(1, 99, 33)
    for band in scene.values:
        found = np.stack(
            [np.percentile(band[truth.values == c], levels) for c in range(1, 5)]
        )
        spread = band[truth.values > 0].std()
        assert np.ptp(found, axis=0).max() < 0.02 * spread


def test_color_classes_share_their_noise_and_differ_in_mean():
    scene, truth = synthetic(128, k=4, bands=3, contrast="color")
    groups = [scene.values[:, truth.values == c].astype(float) for c in range(1, 5)]
    means = np.stack([group.mean(axis=1) for group in groups])
    stds = np.stack([group.std(axis=1) for group in groups])
    assert stds.max() / stds.min() < 1.25  # but for clipping at the ends
    gaps = np.linalg.norm(means[:, None] - means[None], axis=-1)[~np.eye(4, dtype=bool)]
    assert gaps.min() > 2.5 * stds.mean()
    inner = groups[0][0] - groups[0][0].mean()
    assert inner.std() > 0.02 * 9900


def kmeans_score(features, truth, k):
    labels = KMeans(k, n_init=3, random_state=0).fit_predict(
        features.reshape(-1, features.shape[-1])
    )
    return adjusted_rand_score(truth.values.ravel(), labels)


def local_statistics(scene, sigma=4.0):
    bands = scene.values.astype(float)
    means = np.stack([gaussian_filter(band, sigma) for band in bands], -1)
    squares = [gaussian_filter(band**2, sigma) for band in bands]
    spreads = np.sqrt(np.maximum(np.stack(squares, -1) - means**2, 0))
    features = np.concatenate([means, spreads], -1)
    return (features - features.mean((0, 1))) / features.std((0, 1))


def filter_energies(scene, sigma=6.0):
    """Local amplitude within rings and sectors of the spectrum, over all bands."""
    rows, cols = (np.fft.fftfreq(size) for size in scene.shape[1:])
    radius = np.hypot(rows[:, None], cols[None])
    radius[0, 0] = np.inf
    angle = np.arctan2(rows[:, None], cols[None])
    energies = []
    for period in (2.5, 3.5, 5.0, 7.0):
        for direction in np.arange(6) * np.pi / 6:
            off = np.mod(angle - direction + np.pi, 2 * np.pi) - np.pi
            ring = np.log(radius * period) / 0.25
            gain = np.exp(-0.5 * (ring**2 + (off / 0.3) ** 2))
            power = [
                np.abs(np.fft.ifft2(np.fft.fft2(b - b.mean()) * gain)) ** 2
                for b in scene.values.astype(float)
            ]
            energies.append(gaussian_filter(np.mean(power, axis=0), sigma))
    return np.sqrt(np.stack(energies, -1))


@pytest.mark.parametrize("k", [2, 4])
def test_texture_needs_texture(k):
    scene, truth = synthetic(192, k=k, seed=5)
    pixels = scene.values.astype(float).transpose(1, 2, 0)
    assert kmeans_score(pixels, truth, k) < 0.1
    assert kmeans_score(local_statistics(scene), truth, k) < 0.3
    assert kmeans_score(filter_energies(scene), truth, k) > 0.8


def test_color_needs_color():
    scene, truth = synthetic(192, k=4, seed=5, contrast="color")
    pixels = scene.values.astype(float).transpose(1, 2, 0)
    assert 0.7 < kmeans_score(pixels, truth, 4) < 0.99
    assert kmeans_score(filter_energies(scene), truth, 4) < 0.3


def test_both_shows_in_pixels_and_in_texture():
    scene, truth = synthetic(192, k=4, seed=5, contrast="both")
    pixels = scene.values.astype(float).transpose(1, 2, 0)
    assert kmeans_score(pixels, truth, 4) > 0.7
    assert kmeans_score(filter_energies(scene), truth, 4) > 0.7


@pytest.mark.parametrize("k", [2, 8, 31, 128])
def test_every_texture_has_a_spectrum_of_its_own(k):
    spectra = np.stack([s.ravel() for s in texture_spectra(k, 256)])
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    overlap = spectra @ spectra.T - np.eye(k)
    assert overlap.max() < 0.75


def flowing_right(truth, river):
    """The river's pixels (y, x), turned so that it goes from left to right."""
    pixels = truth.values == river
    return pixels if pixels.any(0).all() else pixels.T


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [1, 2, 3, 5, 7.5])
def test_a_river_is_as_wide_as_asked_and_connects_two_edges(width, seed):
    truth = synthetic((160, 200), k=4, river=width, seed=seed).truth
    river = flowing_right(truth, 4)
    assert river.any(0).all()
    assert label(river, np.ones((3, 3)))[1] == 1
    across = np.arange(len(river)) @ river / river.sum(0)
    slope = np.gradient(gaussian_filter1d(across, 2.0))
    assert river.sum() / np.hypot(1, slope).sum() == pytest.approx(width, rel=0.05)
    assert np.ptp(across) > 20  # it meanders
    assert np.abs(np.diff(slope[8:-8])).max() < 0.2  # smoothly


@pytest.mark.parametrize("contrast", ["texture", "color", "both"])
@pytest.mark.parametrize("bands", [1, 4])
def test_a_river_has_a_color_of_its_own(contrast, bands):
    scene, truth = synthetic(160, k=3, bands=bands, contrast=contrast, river=3)
    river = truth.values == 3
    brightness = scene.values.mean(0)
    dark = brightness < (100 + 0.12 * 9900)
    assert dark[river].mean() > 0.995
    assert dark[~river].mean() < 0.005
    assert scene.values[:, river].std() > 0


def test_textures_beside_a_river_still_need_texture():
    scene, truth = synthetic(192, k=3, seed=5, river=3)
    land = truth.where(truth < 3, 0)
    pixels = scene.values[:, land.values > 0].astype(float).T
    labels = KMeans(2, n_init=3, random_state=0).fit_predict(pixels)
    assert adjusted_rand_score(land.values[land.values > 0], labels) < 0.1
    shares = np.bincount(land.values.ravel(), minlength=3)[1:] / (land.values > 0).sum()
    assert shares.min() >= 0.5 / 2


def test_a_river_among_two_classes_and_beside_nodata():
    options = {"contrast": "color", "nodata_share": 0.2}
    # This river crosses the edge of the data.
    scene, truth = synthetic(96, k=2, river=4, seed=2, **options)
    assert set(np.unique(truth)) == {0, 1, 2}
    assert (truth.values == 0).sum() == round(0.2 * 96 * 96)
    np.testing.assert_array_equal(scene.values[:, truth.values == 0], 0)


def test_a_river_follows_the_seed():
    first, again, other = (synthetic(64, river=3, seed=seed) for seed in (0, 0, 1))
    assert first.scene.identical(again.scene)
    assert first.truth.identical(again.truth)
    assert ((first.truth == 4) != (other.truth == 4)).any()


@pytest.mark.parametrize(
    ("dtype", "missing"), [("uint8", 0), ("int16", 0), ("float32", np.nan)]
)
def test_nodata_is_missing_in_scene_and_truth(dtype, missing):
    # Color noise is cut at the ends of the range, where nodata must not be met.
    options = {"contrast": "color", "dtype": dtype, "nodata_share": 0.25}
    scene, truth = synthetic(80, k=3, bands=2, **options)
    hidden = truth.values == 0
    assert hidden.sum() == round(0.25 * 80 * 80)
    np.testing.assert_equal(scene.rio.nodata, missing)
    assert truth.rio.nodata == 0
    valid = scene.values[:, ~hidden]
    np.testing.assert_array_equal(scene.values[:, hidden], missing)
    assert np.isfinite(valid).all()
    assert valid.min() == (0 if dtype == "float32" else 1 if dtype == "uint8" else 100)
    shares = np.bincount(truth.values[~hidden], minlength=4)[1:] / (~hidden).sum()
    assert shares.min() >= 0.5 / 3


@pytest.mark.parametrize("bands", [1, 2, 6])
def test_any_number_of_bands_and_classes(bands):
    scene, truth = synthetic(160, k=128, bands=bands, contrast="color", cells=200)
    assert scene.sizes["band"] == bands
    assert sorted(set(truth.values.ravel().tolist())) == list(range(1, 129))


def test_other_places():
    assert synthetic(32, crs=None).scene.rio.crs is None
    degrees = synthetic(32, crs="EPSG:4326").scene
    assert 45 - degrees.y.values.min() < 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 1}, r"k=1 must be 2\.\.128"),
        ({"k": 129}, "k=129"),
        ({"bands": 0}, "bands=0"),
        ({"contrast": "shape"}, "contrast='shape' must be one of.*'texture'"),
        ({"cells": 3}, "cells=3 must be at least k=4"),
        ({"nodata_share": 1.0}, "nodata_share=1.0"),
        ({"dtype": "complex64"}, "dtype=complex64"),
        ({"river": 0}, "river=0 must be a width of 1 to 32 pixels, .* of 256 x 256"),
        ({"river": 9, "size": (64, 100)}, "river=9 must be .* 1 to 8 .* 64 x 100"),
        ({"river": "wide"}, "river='wide' must be .*; give a narrower river or"),
        ({"river": float("nan")}, "river=nan"),
        ({"river": True}, "river=True"),
        ({"size": 8}, "size=8 x 8 .*too small for 12 cells"),
        ({"size": 16, "nodata_share": 0.9}, r"nodata_share=0\.9 is too small"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        synthetic(**options)
