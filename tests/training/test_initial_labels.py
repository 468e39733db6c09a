"""Labels to start from."""

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.metrics import adjusted_rand_score

from ktextures.training.initial_labels import (
    View,
    distinct_rows,
    initial_labels,
    nearest,
)

SHAPE = (2, 40, 40)


def blobs(k=3, seed=0):
    """Channels around k places, and whose they are."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(k, size=SHAPE)
    places = np.eye(k) * 10
    return places[truth] + generator.normal(size=(*SHAPE, k)), truth


def start(channels, turns, k=3, seed=0, **options):
    wanted = {"brightness": channels[..., 0], "valid": np.ones(SHAPE, bool)}
    views = [View(channels, turn) for turn in turns]
    return initial_labels(views, k=k, seed=seed, **(wanted | options))


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
        [View(channels, np.eye(6))] * 3,
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


# --- small groups --------------------------------------------------------------------


def with_a_small_group(share=0.03):
    """Six views of a large group, divided otherwise by each, and of a small one."""
    generator = np.random.default_rng(3)
    small = generator.random(SHAPE) < share
    views = []
    for _ in range(6):
        half = generator.integers(2, size=SHAPE)
        # Each view is sure of the small group and of its own halves of the large one.
        seen = np.stack([np.where(small, 6.0, 0.0), np.where(small, 0.0, 3.0 * half)])
        channels = np.moveaxis(seen, 0, -1) + generator.normal(0, 0.1, (*SHAPE, 2))
        views.append(View(channels, np.eye(2)))
    return views, small


def best_share(labels, group):
    """Share of a group that one label has, at the same share of that label's own."""
    found = [labels == label for label in np.unique(labels)]
    return max((each & group).sum() / (each | group).sum() for each in found)


def labels_of(views, k=3):
    valid = np.ones(SHAPE, bool)
    return initial_labels(views, np.zeros(SHAPE), valid, k, 0)


def test_a_small_group_that_all_views_see_is_kept():
    views, small = with_a_small_group()
    assert small.mean() < 0.04
    assert best_share(labels_of(views), small) > 0.95


def test_without_the_weight_of_rarity_that_group_would_be_lost(monkeypatch):
    monkeypatch.setattr("ktextures.training.initial_labels.RARITY", 0.0)
    views, small = with_a_small_group()
    assert best_share(labels_of(views), small) < 0.5


# --- views of wide windows -----------------------------------------------------------


def test_a_coarse_view_is_resized_to_the_tiles():
    truth = np.kron(np.array([[0, 1], [2, 0]]), np.ones((20, 20), int))[None]
    coarse = View(np.eye(3)[truth[:, ::4, ::4]] * 10, np.eye(3))
    valid = np.ones(truth.shape, bool)
    labels = initial_labels([coarse] * 2, truth * 1.0, valid, 3, 0)
    assert (labels == truth).mean() > 0.9


def test_a_calm_view_is_fitted_away_from_borders():
    truth = np.kron(np.array([[0, 1]]), np.ones((40, 20), int))[None]
    blurred = gaussian_filter(truth * 1.0, (0, 3, 3))[..., None]
    valid = np.ones(truth.shape, bool)
    _, anywhere = View(blurred, np.eye(1)).rows(valid)
    rows, calm = View(blurred, np.eye(1), calm=True).rows(valid)
    assert anywhere.all()
    assert 0.4 < calm.mean() < 0.6
    assert np.abs(rows[calm] - 0.5).min() > 0.3


def test_each_k_means_is_announced():
    views, _ = with_a_small_group()
    calls = []
    valid = np.ones(SHAPE, bool)
    for some, wanted in ((views[:1], 1), (views, 6 * 4 + 1)):
        calls.clear()
        initial_labels(
            some, np.zeros(SHAPE), valid, 3, 0, on_vote=lambda: calls.append(1)
        )
        assert len(calls) == wanted


# --- helpers -------------------------------------------------------------------------


def test_distinct_rows_are_those_of_numpy():
    votes = np.random.default_rng(0).integers(4, size=(900, 5))
    first, which, counts = distinct_rows(votes)
    unique, times = np.unique(votes, axis=0, return_counts=True)
    np.testing.assert_array_equal(votes[first][which], votes)
    order = np.lexsort(votes[first].T[::-1])
    np.testing.assert_array_equal(votes[first][order], unique)
    np.testing.assert_array_equal(counts[order], times)


def test_nearest_is_the_nearest_in_pieces_too(monkeypatch):
    generator = np.random.default_rng(0)
    rows, centers = generator.normal(size=(500, 3)), generator.normal(size=(7, 3))
    wanted = np.linalg.norm(rows[:, None] - centers, axis=-1).argmin(1)
    np.testing.assert_array_equal(nearest(rows, centers), wanted)
    monkeypatch.setattr("ktextures.training.initial_labels.CHUNK", 33)
    np.testing.assert_array_equal(nearest(rows, centers), wanted)
