"""End to end, as a user has it: the classes found are those that are there."""

import time

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import ktextures as kt


def found(contrast, **options):
    scene, truth = kt.datasets.synthetic(96, k=3, bands=4, seed=1, contrast=contrast)
    start = time.process_time()
    model = kt.train(scene, 3, seed=1, progress=False, **options)
    result = kt.segment(scene, model, outputs=("classes", "simulated"))
    return scene, truth, result, time.process_time() - start


@pytest.mark.slow
def test_the_default_preset_ends_with_k_classes_in_time():
    scene, truth, result, seconds = found("both")
    classes = result.classes.values
    counts = np.bincount(classes.ravel(), minlength=4)
    assert counts[0] == 0
    assert counts[1:].min() > 0.02 * classes.size
    assert adjusted_rand_score(truth.values.ravel(), classes.ravel()) > 0.25
    assert seconds < 150
    # The simulated image has the colours of each class.
    for value in (1, 2, 3):
        inside = classes == value
        real = scene.values[:, inside].mean(1)
        made = result.simulated.values[:, inside].mean(1)
        assert np.abs(real - made).max() < 0.15 * scene.values.max()


@pytest.mark.slow
def test_classes_of_colour_and_texture_are_found():
    # Measured: 0.98 with 150 steps.
    features = kt.FilterBank(scales=2, orientations=2)
    _, truth, result, _ = found("both", features=features, steps=60)
    classes = result.classes.values
    assert adjusted_rand_score(truth.values.ravel(), classes.ravel()) > 0.85
