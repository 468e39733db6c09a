"""What preset "default" makes of scenes whose answer is known."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import ktextures as kt


def share_found(classes, river):
    """Share of the river in the class it mostly has; 0 if that is a class of land."""
    mine = np.bincount(classes[river]).argmax()
    if (classes == mine).sum() > 4 * river.sum():
        return 0.0
    return (classes[river] == mine).mean()


def scene_with_river():
    scene, truth = kt.datasets.synthetic(192, k=4, river=3, seed=1)
    return scene, truth.values, truth.values == 4


def test_a_river_within_a_class_of_land_does_not_count_as_found():
    _, truth, river = scene_with_river()
    assert share_found(truth, river) == 1
    assert share_found(np.where(river, 2, truth), river) == 0
    half = river & (np.arange(192) % 2 > 0)
    assert share_found(np.where(half, 1, truth), river) < 0.8


@pytest.mark.slow
def test_a_narrow_river_between_textures_is_found():
    scene, _, river = scene_with_river()
    assert 0.005 < river.mean() < 0.05
    model = kt.train(scene, 4, seed=1, progress=False)
    assert share_found(kt.segment(scene, model).classes.values, river) >= 0.8


@pytest.mark.slow
def test_a_gray_band_is_labeled_like_the_same_band_as_red_green_and_blue():
    scene = kt.datasets.synthetic(96, k=3, bands=1, contrast="both", seed=1).scene
    repeated = kt.datasets.synthetic(96, k=3, bands=3, contrast="both", seed=1).scene
    repeated = repeated.copy(data=np.repeat(scene.values, 3, 0))
    one, three = (
        kt.plan_training(each, 3).objective.labels for each in (scene, repeated)
    )
    assert len(np.unique(one)) == 3
    assert adjusted_rand_score(one.ravel(), three.ravel()) > 0.9
