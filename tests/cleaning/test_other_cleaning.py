"""Majority filter, classes set to nodata, and what changed."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import ktextures as kt
from ktextures.cleaning import parts
from ktextures.datasets import synthetic
from ktextures.errors import InputError


@st.composite
def maps(draw):
    """Noise, which has more seams and corners than what hypothesis makes by itself."""
    shape = draw(st.sampled_from([(1, 2), (9, 1), (12, 13), (7, 10)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(0, draw(st.integers(2, 5)), shape).astype(np.uint8)


MAPS = maps()


def class_map(values):
    return xr.DataArray(np.asarray(values, np.uint8), dims=("y", "x"))


def slow_majority(values, size):
    reach, found = size // 2, values.copy()
    for row, col in np.argwhere(values > 0):
        top, left = max(row - reach, 0), max(col - reach, 0)
        around = values[top : row + reach + 1, left : col + reach + 1]
        counts = np.bincount(around[around > 0], minlength=6)
        if counts[values[row, col]] < counts.max():
            found[row, col] = counts.argmax()
    return found


@settings(max_examples=30)
@given(MAPS, st.sampled_from([3, 5, 7]), st.data())
def test_majority_filter_counts_the_pixels_around(values, size, data):
    expected = slow_majority(values, size)
    found = kt.majority_filter(class_map(values), size)
    np.testing.assert_array_equal(found.values, expected)
    chunks = {dim: data.draw(st.integers(1, 9), label=dim) for dim in ("y", "x")}
    lazy = kt.majority_filter(class_map(values).chunk(chunks), size)
    assert lazy.chunks is not None
    np.testing.assert_array_equal(lazy.values, expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "SIDE", chunks["x"])
        windowed = kt.majority_filter(class_map(values), size)
    np.testing.assert_array_equal(windowed.values, expected)


@pytest.mark.parametrize("wrong", [1, 4, 103, 3.0, True])
def test_majority_filter_needs_an_odd_size(wrong):
    with pytest.raises(InputError, match=r"size is .*: give an odd number from 3"):
        kt.majority_filter(class_map([[1]]), wrong)


def test_classes_are_dropped_by_number_and_name():
    truth = synthetic(64, k=3).truth
    table = kt.ClassTable.from_attrs(truth.attrs).rename(2, "cloud")
    truth.attrs |= table.attrs()
    found = kt.drop_classes(truth, ["cloud", 3])
    np.testing.assert_array_equal(found.values, np.where(truth == 1, 1, 0))
    assert kt.ClassTable.from_attrs(found.attrs).names[1] == "cloud"
    lazy = kt.drop_classes(truth.chunk({"y": 20, "x": 30}), 2)
    np.testing.assert_array_equal(lazy.values, kt.drop_classes(truth, 2).values)
    with pytest.raises(InputError, match=r"There is no class 'clouds'; the classes"):
        kt.drop_classes(truth, "clouds")
    with pytest.raises(InputError, match=r"the map has no class names: give numbers"):
        kt.drop_classes(class_map([[1]]), "cloud")


def test_codes_of_a_legend_are_dropped():
    truth = synthetic(64, k=3).truth
    table = kt.ClassTable.default(3).assign(
        {"forest": [1, 3], "water": 2}, {"forest": 41, "water": 11}
    )
    coded = kt.to_legend(truth, table)
    found = kt.drop_classes(coded, 11)
    np.testing.assert_array_equal(found.values, np.where(truth == 2, 0, 41))
    np.testing.assert_array_equal(kt.drop_classes(coded, "water").values, found.values)


def test_changes_are_counted_per_class():
    before = synthetic(64, k=3).truth
    after = before.copy(data=before.values.copy())
    rows, cols = np.nonzero(before.values == 1)
    after.values[rows[:100], cols[:100]] = 2
    after.values[rows[100:150], cols[100:150]] = 0
    changes = kt.class_changes(before, after).set_index("class")
    assert changes["lost"].tolist() == [150, 0, 0]
    assert changes["gained"].tolist() == [0, 100, 0]
    np.testing.assert_allclose(changes["change_ha"], [-1.5, 1.0, 0.0], atol=1e-9)
    difference = changes["pixels_after"] - changes["pixels_before"]
    assert difference.tolist() == [-150, 100, 0]
    lazy = kt.class_changes(before.chunk({"y": 9}), after.chunk({"x": 50}))
    pd.testing.assert_frame_equal(lazy.set_index("class"), changes)


def test_changes_need_two_maps_of_the_same_pixels():
    with pytest.raises(InputError, match=r"give a map and a cleaned version of it"):
        kt.class_changes(class_map([[1]]), class_map([[1, 2]]))
