"""Labels to start from."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ktextures.training.initial_labels import initial_labels

SHAPE = (2, 40, 40)


def blobs(k=3, seed=0):
    """Channels around k places, and whose they are."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(k, size=SHAPE)
    places = np.eye(k) * 10
    return places[truth] + generator.normal(size=(*SHAPE, k)), truth


def start(channels, turns, k=3, seed=0, **options):
    wanted = {"brightness": channels[..., 0], "valid": np.ones(SHAPE, bool)}
    return initial_labels(channels, turns, k=k, seed=seed, **(wanted | options))


@pytest.mark.parametrize("views", [1, 3])
def test_clear_classes_are_found(views):
    channels, truth = blobs()
    labels = start(channels, [np.eye(3)] * views)
    assert adjusted_rand_score(truth.ravel(), labels.ravel()) == 1
    assert labels.dtype == np.int32


@pytest.mark.parametrize("views", [1, 3])
def test_classes_go_from_dark_to_bright(views):
    channels, truth = blobs()
    labels = start(channels, [np.eye(3)] * views, brightness=-truth.astype(float))
    np.testing.assert_array_equal(labels, 2 - truth)


def test_a_view_that_sees_something_else_is_outvoted():
    channels, truth = blobs(2)
    other = np.random.default_rng(5).integers(2, size=SHAPE)
    joined = np.concatenate([channels, 50.0 * other[..., None]], -1)
    true, false = np.eye(3)[:, :2], np.eye(3)[:, 2:]
    labels = start(joined, [true, false, true], k=2)
    assert adjusted_rand_score(truth.ravel(), labels.ravel()) == 1
    misled = start(joined, [false], k=2)
    assert adjusted_rand_score(truth.ravel(), misled.ravel()) < 0.1


def test_invalid_pixels_have_no_label_and_no_say():
    channels, truth = blobs()
    valid = np.random.default_rng(1).random(SHAPE) > 0.3
    spoilt = np.where(valid[..., None], channels, 1e9)
    labels = start(spoilt, [np.eye(3)] * 2, valid=valid)
    assert (labels[~valid] == -1).all()
    assert adjusted_rand_score(truth[valid], labels[valid]) == 1


def test_the_seed_decides():
    channels = np.random.default_rng(0).normal(size=(*SHAPE, 4))
    first, again, other = (
        start(channels, [np.eye(4)] * 2, k=5, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_as_many_classes_as_were_asked_for():
    channels = np.random.default_rng(0).random((*SHAPE, 2))
    for k in (2, 7, 32):
        labels = start(channels, [np.eye(2), np.eye(2)[:, :1]], k=k)
        assert len(np.unique(labels)) == k


def test_a_hundred_classes_take_no_mountain_of_memory():
    channels = np.random.default_rng(0).random((1, 300, 300, 6), "float32")
    tracemalloc.start()
    labels = initial_labels(
        channels,
        [np.eye(6)] * 3,
        channels[..., 0],
        np.ones((1, 300, 300), bool),
        64,
        0,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All ballots at once would be 207 MB.
    assert peak < 150e6
    assert len(np.unique(labels)) == 64
