"""Points divided among classes."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ktextures.accuracy.draw import DESIGNS, allocate
from ktextures.errors import InputError

SHARES = [0.020, 0.015, 0.320, 0.645]
MANY = [200_000, 150_000, 3_200_000, 6_450_000]


def test_the_allocation_of_the_published_example():
    # Olofsson et al. 2014, table 6, column "Alloc1": 75 points for each rare class.
    found = allocate(MANY, SHARES, 641, "stratified", 75, 0)

    assert found[:2].tolist() == [75, 75]
    rest = 641 - 150
    expected = [rest * 0.320 / 0.965, rest * 0.645 / 0.965]
    np.testing.assert_allclose(found[2:], expected, atol=0.5)


@pytest.mark.parametrize(
    ("design", "n", "expected"),
    [
        ("stratified", 1000, [50, 50, 298, 602]),
        ("stratified", 160, [20, 20, 40, 80]),  # half of the points, 20 for each
        ("proportional", 200, [4, 3, 64, 129]),
        ("proportional", 50, [2, 2, 15, 31]),
        ("equal", 200, [50, 50, 50, 50]),
        ("equal", 10, [3, 3, 2, 2]),
    ],
)
def test_designs(design, n, expected):
    assert allocate(MANY, SHARES, n, design, None, 0).tolist() == expected


@given(
    pixels=st.lists(st.integers(1, 400), min_size=1, max_size=8),
    part=st.floats(0.0, 1.0),
    design=st.sampled_from(DESIGNS),
    seed=st.integers(0, 99),
)
def test_points_sum_to_n_and_no_class_gives_more_than_it_has(
    pixels, part, design, seed
):
    n = round(part * sum(pixels))
    assume(n >= (1 if design == "simple" else sum(min(2, each) for each in pixels)))
    shares = np.array(pixels) / sum(pixels)

    found = allocate(pixels, shares, n, design, None, seed)

    assert found.sum() == n
    assert (found <= pixels).all()
    if design != "simple":
        assert (found >= np.minimum(2, pixels)).all()
    if design == "proportional":
        # No class is more than a point away from its share, but for the minimum of 2.
        free = found > 2
        scale = n * shares[free]
        assert (np.abs(found[free] - scale) <= 1 + 2 * len(pixels)).all()


def test_a_small_class_gives_all_it_has_and_the_others_the_rest():
    found = allocate([7, 500, 500], [0.01, 0.5, 0.49], 150, "equal", None, 0)
    assert found.tolist() == [7, 72, 71]


def test_simple_draws_from_all_pixels_alike():
    draws = [
        allocate([100, 300, 600], [0.1, 0.3, 0.6], 50, "simple", None, seed)
        for seed in range(400)
    ]
    mean, spread = np.mean(draws, axis=0), np.var(draws, axis=0)

    np.testing.assert_allclose(mean, [5, 15, 30], rtol=0.06)
    # Hypergeometric: without replacement.
    share = np.array([0.1, 0.3, 0.6])
    np.testing.assert_allclose(spread, 50 * share * (1 - share) * 950 / 999, rtol=0.3)


@pytest.mark.parametrize(
    ("design", "n", "minimum", "needed"),
    [
        ("stratified", 7, None, "2 points each need 8"),
        ("proportional", 7, None, "2 points each need 8"),
        ("equal", 7, None, "2 points each need 8; give a larger n$"),
        ("stratified", 100, 50, "50 points each need 200; give a larger n or a sm"),
    ],
)
def test_too_few_points_for_the_design(design, n, minimum, needed):
    with pytest.raises(InputError, match=f"too few for design='{design}'.*{needed}"):
        allocate(MANY, SHARES, n, design, minimum, 0)


def test_a_minimum_of_0_leaves_rare_classes_out():
    assert allocate(MANY, SHARES, 10, "proportional", 0, 0).tolist() == [0, 0, 3, 7]
