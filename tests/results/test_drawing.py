"""Pixels drawn from each class of a map."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ktextures.results import drawing
from ktextures.results.drawing import draw_pixels

MAP = np.random.default_rng(1).integers(0, 4, (60, 90)).astype(np.uint8)


@settings(max_examples=40)
@given(
    counts=st.dictionaries(st.integers(1, 5), st.integers(0, 300), max_size=5),
    seed=st.integers(0, 2**32),
    chunks=st.tuples(st.integers(7, 60), st.integers(7, 90)),
)
def test_pixels_are_of_their_class_distinct_and_independent_of_chunks(
    counts, seed, chunks
):
    rows, cols, values = draw_pixels(MAP, counts, seed)

    assert values.dtype == np.uint8
    np.testing.assert_array_equal(MAP[rows, cols], values)
    assert len(set(zip(rows.tolist(), cols.tolist(), strict=True))) == rows.size
    for value, count in counts.items():
        assert (values == value).sum() == min(count, (MAP == value).sum())
    lazy = draw_pixels(da.from_array(MAP, chunks=chunks), counts, seed)
    for one, other in zip((rows, cols, values), lazy, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("chunks", [(7, 11), (60, 90), (1, 90), (60, 5)])
def test_strips_and_batches_do_not_matter(monkeypatch, chunks):
    expected = draw_pixels(MAP, {3: 40, 1: 2000}, 5)
    monkeypatch.setattr(drawing, "_STRIP_PIXELS", 200)
    monkeypatch.setattr(drawing, "_BATCH_PIXELS", 500)
    for classes in (MAP, da.from_array(MAP, chunks=chunks)):
        found = draw_pixels(classes, {3: 40, 1: 2000}, 5)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_every_pixel_has_the_same_chance():
    classes = np.ones((8, 10), np.uint8)
    classes[:, 5:] = 2
    times = np.zeros(classes.shape, int)
    for seed in range(2000):
        rows, cols, _ = draw_pixels(classes, {1: 4, 2: 10}, seed)
        times[rows, cols] += 1

    assert times.sum() == 2000 * 14
    assert chisquare(times[:, :5].ravel()).pvalue > 1e-3
    assert chisquare(times[:, 5:].ravel()).pvalue > 1e-3


def test_neighbors_are_drawn_together_as_often_as_others():
    # Random numbers that depended on each other along a row would show here.
    classes = np.ones((6, 6), np.uint8)
    pairs = np.zeros((36, 36))
    for seed in range(3000):
        rows, cols, _ = draw_pixels(classes, {1: 6}, seed)
        drawn = 6 * rows + cols
        pairs[np.ix_(drawn, drawn)] += 1

    expected = 3000 * 6 * 5 / (36 * 35)
    beside = np.diag(pairs, 1).mean(), np.diag(pairs, 6).mean()
    assert beside == pytest.approx((expected, expected), rel=0.06)


def test_noise_of_the_same_seed_does_not_decide_which_pixels_are_drawn():
    classes = np.ones((100, 100), np.uint8)
    for seed in (0, 1):
        noise = np.random.default_rng(seed).random(classes.shape)
        rows, cols, _ = draw_pixels(classes, {1: 1000}, seed)
        assert noise[rows, cols].mean() == pytest.approx(0.5, abs=0.04)


def test_larger_counts_add_pixels_behind_the_others():
    few, many = (draw_pixels(MAP, {2: count}, 3) for count in (20, 50))
    np.testing.assert_array_equal(many[0][:20], few[0])
    np.testing.assert_array_equal(many[1][:20], few[1])
    # In random order, not from top to bottom.
    assert 0.2 < (np.diff(many[0]) > 0).mean() < 0.8


def test_seeds_differ_and_classes_keep_the_order_of_the_counts():
    _, _, values = draw_pixels(MAP, {3: 2, 1: 1}, 0)
    assert values.tolist() == [3, 3, 1]
    assert draw_pixels(MAP, {1: 9}, 0)[0].tolist() != (
        draw_pixels(MAP, {1: 9}, 1)[0].tolist()
    )


def test_legend_codes_above_255_are_drawn():
    codes = np.array([[0, 300, 300, 11]], np.uint16)
    _, cols, values = draw_pixels(codes, {300: 5, 11: 1, 700: 2}, 0)
    assert sorted(cols[:2].tolist()) == [1, 2]
    assert values.tolist() == [300, 300, 11]
    assert values.dtype == np.uint16


def test_nothing_to_draw_is_empty():
    for counts in ({}, {1: 0}, {9: 4}):
        rows, cols, values = draw_pixels(MAP, counts, 0)
        assert rows.size == cols.size == values.size == 0
