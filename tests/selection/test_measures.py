"""Measures of groups whose truth is known."""

import numpy as np
import pytest

import ktextures as kt
from ktextures.selection.measures import (
    prediction_strength,
    recommended,
    reproduction,
    separation,
)


def blobs(k, spread=0.3, count=600, seed=0):
    """Rows in k round groups at the corners of a simplex, and their groups."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(k, size=count)
    rows = 4 * np.eye(k)[labels] + generator.normal(0, spread, (count, k))
    return rows, labels


def test_prediction_strength_is_that_of_the_worst_group():
    own = np.array([0, 0, 0, 0, 1, 1, 1])
    other = np.array([0, 0, 1, 1, 2, 2, 2])
    # Of the 6 pairs of the first group, 2 are together elsewhere.
    assert prediction_strength(own, other, 3 - 1 + 1) == 0  # group 2 is empty
    assert prediction_strength(own, np.minimum(other, 1), 2) == pytest.approx(1 / 3)
    assert prediction_strength(own, own, 2) == 1


def test_a_group_of_one_pixel_shows_nothing():
    assert prediction_strength(np.array([0, 0, 1]), np.array([0, 0, 1]), 2) == 0


@pytest.mark.parametrize("k", [2, 4, 6])
def test_the_true_number_of_groups_is_recommended(k):
    rows, _ = blobs(k)
    ks = np.arange(2, 9)
    found = [reproduction(rows, int(each), seed=1) for each in ks]
    chosen, reason = recommended(ks, np.array([each.strength for each in found]))
    assert chosen == k
    assert "at least 0.85" in reason
    assert found[k - 2].strength > 0.95
    assert found[k - 2].stability > 0.99


def test_the_same_seed_gives_the_same_figures():
    rows, _ = blobs(3, spread=2.0)
    assert reproduction(rows, 4, seed=1) == reproduction(rows, 4, seed=1)
    assert reproduction(rows, 4, seed=1) != reproduction(rows, 4, seed=2)


def test_too_few_rows_are_refused():
    with pytest.raises(kt.InputError, match="5 rows for k = 3; give at least 6"):
        reproduction(np.zeros((5, 2)), 3, seed=1)


def test_the_largest_reproducible_k_is_recommended():
    ks = np.array([2, 3, 4, 5])
    assert recommended(ks, np.array([0.95, 0.7, 0.86, 0.84]))[0] == 4
    assert recommended(ks, np.array([0.95, 0.7, 0.84, 0.84]))[0] == 2


def test_without_a_reproducible_k_the_strongest_is_recommended():
    chosen, reason = recommended(np.array([2, 3, 4]), np.array([0.3, 0.5, 0.4]))
    assert chosen == 3
    assert "none reaches 0.85" in reason


def test_separation_is_better_for_the_true_groups():
    rows, labels = blobs(3)
    true = separation(rows, labels, seed=1)
    wrong = separation(rows, (labels + np.arange(len(labels)) % 2) % 3, seed=1)
    assert true["silhouette"] > 0.8 > wrong["silhouette"]
    assert true["calinski_harabasz"] > wrong["calinski_harabasz"]
    assert true["davies_bouldin"] < wrong["davies_bouldin"]


def test_a_single_group_has_no_separation():
    found = separation(np.eye(5), np.zeros(5, int), seed=1)
    assert all(np.isnan(value) for value in found.values())
