"""Every n-th pixel keeps its place."""

import numpy as np
import pytest

import ktextures as kt
from ktextures.raster.georeference import scene_transform
from ktextures.raster.thin import thin


@pytest.fixture
def scene():
    return kt.datasets.synthetic(40, k=2, seed=1).scene


def test_the_middle_pixels_are_taken_on_a_grid_of_larger_ones(scene):
    thinned = thin(scene, 3)
    np.testing.assert_array_equal(thinned, scene[:, 1::3, 1::3])
    assert scene_transform(thinned).a == 3 * scene_transform(scene).a
    assert scene_transform(thinned).c == scene_transform(scene).c


def test_a_lazy_scene_is_read(scene):
    thinned = thin(scene.chunk({"y": 20}), 1)
    assert isinstance(thinned.data, np.ndarray)
    np.testing.assert_array_equal(thinned, scene)
