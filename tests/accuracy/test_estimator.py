"""The estimator, by a published example, by simulation, and by properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score

from ktextures.accuracy.estimator import (
    adjusted_rand,
    estimate,
    strata_of_counts,
    strata_of_points,
)

# Olofsson et al. 2014, sect. 5: deforestation, forest gain, stable forest, stable
# non-forest; 10 million pixels of 0.09 ha.
COUNTS = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
WEIGHTS = [0.020, 0.015, 0.320, 0.645]
HECTARES = 10_000_000 * 0.09


def test_the_published_example():
    found = estimate(strata_of_counts(WEIGHTS, COUNTS))

    assert found.users.value.round(2).tolist() == [0.88, 0.73, 0.93, 0.96]
    assert found.users.interval.round(2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert found.producers.value.round(2).tolist() == [0.75, 0.85, 0.93, 0.96]
    # Published as 0.21, 0.23, 0.03, 0.01, of which the second and last do not follow
    # from eq. 7. The R package mapaccuracy computes these, with 1.959964 for 1.96.
    np.testing.assert_allclose(
        found.producers.error * 1.959964,
        [0.21330593, 0.25440369, 0.03432379, 0.01836120],
        rtol=1e-6,
    )
    assert round(float(found.overall.value), 2) == 0.95
    assert round(float(found.overall.interval), 2) == 0.02
    areas = (HECTARES * found.areas.value).round().tolist()
    assert areas == [21158, 11686, 285770, 581386]
    intervals = (HECTARES * found.areas.interval).round().tolist()
    assert intervals == [6158, 3756, 15510, 16282]


counts_tables = arrays(np.int64, (3, 4), elements=st.integers(0, 30)).filter(
    lambda counts: (counts.sum(axis=1) >= 2).all()
)


def points_of(counts):
    """Stratum and label of each point of a table."""
    strata, labels = np.indices(np.shape(counts))
    flat = np.ravel(counts)
    return np.repeat(strata.ravel(), flat), np.repeat(labels.ravel(), flat)


@given(counts_tables, st.floats(0.1, 1e6))
def test_pixels_of_one_size_are_as_good_as_counts(counts, size):
    strata, labels = points_of(counts)
    weights = [0.5, 0.2, 0.3]
    found = strata_of_points(
        weights, [0, 1, 2], strata, labels, np.full(strata.size, size), 4
    )
    expected = strata_of_counts(weights, counts)

    np.testing.assert_allclose(found.shares, expected.shares, atol=1e-12)
    np.testing.assert_allclose(found.variances, expected.variances, atol=1e-12)


@given(counts_tables)
def test_tables_agree_with_each_other(counts):
    found = estimate(strata_of_counts([0.5, 0.2, 0.3], counts, [0, 2, 0]))

    assert found.proportions.sum() == pytest.approx(1)
    np.testing.assert_allclose(found.proportions.sum(axis=1), [0.8, 0, 0.2, 0])
    np.testing.assert_allclose(found.areas.value, found.proportions.sum(axis=0))
    assert np.isnan(found.users.value[[1, 3]]).all()
    some = found.areas.value > 0
    assert np.isnan(found.producers.value[~some]).all()
    for each in (found.users, found.producers, found.f1, found.iou):
        known = ~np.isnan(each.value)
        assert ((each.value[known] >= -1e-12) & (each.value[known] <= 1 + 1e-12)).all()
        assert (each.error[known] >= 0).all()
    # F1 is the harmonic mean, and IoU = F1 / (2 - F1).
    both = found.users.value * found.producers.value > 0
    harmonic = 2 / (1 / found.users.value[both] + 1 / found.producers.value[both])
    np.testing.assert_allclose(found.f1.value[both], harmonic)
    np.testing.assert_allclose(
        found.iou.value[both], found.f1.value[both] / (2 - found.f1.value[both])
    )


def test_strata_of_the_same_class_are_not_pooled():
    # Class 0 consists of a small stratum that is wrong, and a large one that is right.
    strata = strata_of_counts([0.1, 0.7, 0.2], [[0, 10], [50, 0], [0, 40]], [0, 0, 1])
    found = estimate(strata)

    assert found.users.value[0] == pytest.approx(0.7 / 0.8)
    assert found.areas.value.tolist() == pytest.approx([0.7, 0.3])


def test_too_few_points_have_no_variance():
    found = estimate(strata_of_counts([0.5, 0.5], [[1, 0], [2, 8]]))

    assert np.isnan(found.overall.error)
    assert np.isnan(found.users.error[0])
    assert found.users.error[1] > 0
    assert found.overall.value == pytest.approx(0.9)


TRUTH = np.array([[0.85, 0.10, 0.05], [0.02, 0.95, 0.03], [0.05, 0.15, 0.80]])
SHARES = np.array([0.05, 0.75, 0.20])


def true_values():
    joint = SHARES[:, None] * TRUTH
    real, right = joint.sum(axis=0), np.diag(joint)
    return {
        "overall": right.sum(),
        "users": right / SHARES,
        "producers": right / real,
        "f1": 2 * right / (SHARES + real),
        "iou": right / (SHARES + real - right),
        "areas": real,
    }


def test_intervals_cover_the_truth_in_95_percent_of_draws():
    generator = np.random.default_rng(7)
    expected = true_values()
    hits = {name: [] for name in expected}
    for _ in range(400):
        counts = [
            generator.multinomial(n, row)
            for n, row in zip((100, 250, 150), TRUTH, strict=True)
        ]
        found = estimate(strata_of_counts(SHARES, counts))
        for name, value in expected.items():
            each = getattr(found, name)
            hits[name].append(np.abs(each.value - value) <= each.interval)

    # 400 draws: a standard deviation of 1.1 %.
    for name, inside in hits.items():
        covered = np.mean(inside, axis=0)
        assert ((covered > 0.915) & (covered < 0.98)).all(), (name, covered)


def test_points_by_pixel_are_weighted_by_the_size_of_the_pixels():
    # In each stratum, errors are more frequent where pixels are small, as in the north.
    generator = np.random.default_rng(3)
    sizes = np.linspace(0.2, 1.0, 4000)
    wrong = np.stack([generator.random(4000) < 0.6 * (1.1 - sizes) for _ in range(2)])
    labels = np.where(wrong, [[1], [0]], [[0], [1]])
    share = (sizes * ~wrong).sum(axis=1) / sizes.sum()
    weights = np.array([0.3, 0.7])
    expected = float(weights @ share)

    hits, values, plain = [], [], []
    for _ in range(400):
        at = np.stack([generator.choice(4000, 150, replace=False) for _ in range(2)])
        strata = np.repeat([0, 1], 150)
        drawn = np.concatenate([labels[0][at[0]], labels[1][at[1]]])
        found = estimate(
            strata_of_points(weights, [0, 1], strata, drawn, sizes[at.ravel()], 2)
        )
        values.append(float(found.overall.value))
        hits.append(abs(found.overall.value - expected) <= found.overall.interval)
        same = strata_of_points(weights, [0, 1], strata, drawn, np.ones(300), 2)
        plain.append(float(estimate(same).overall.value))

    assert np.mean(values) == pytest.approx(expected, abs=0.005)
    assert abs(np.mean(plain) - expected) > 0.02  # what ignoring the sizes would do
    assert 0.915 < np.mean(hits) < 0.98


@given(arrays(np.int64, (3, 4), elements=st.integers(0, 9)))
def test_adjusted_rand_index_is_that_of_scikit_learn(counts):
    one, other = points_of(counts)
    if not one.size:
        assert np.isnan(adjusted_rand(counts))
        return
    assert adjusted_rand(counts) == pytest.approx(adjusted_rand_score(one, other))


def test_adjusted_rand_index_of_very_many_pixels():
    few = [[7, 1], [2, 6]]
    many = (np.array(few) * 10**10).tolist()
    assert adjusted_rand(many) == pytest.approx(
        adjusted_rand(np.array(few) * 10**5), abs=1e-4
    )
