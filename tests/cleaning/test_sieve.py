"""Small areas merge into their neighbors, and nothing else changes."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label

import ktextures as kt
from ktextures.cleaning import parts
from ktextures.datasets import synthetic
from ktextures.errors import InputError


@st.composite
def maps(draw):
    """Noise, which has more seams and corners than what hypothesis makes by itself."""
    shape = draw(st.sampled_from([(1, 9), (9, 1), (12, 13), (17, 11)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(0, draw(st.integers(2, 5)), shape).astype(np.uint8)


MAPS = maps()


def class_map(values):
    return xr.DataArray(np.asarray(values, np.uint8), dims=("y", "x"))


def areas_of(values, connectivity):
    return label(values, background=0, connectivity=1 + (connectivity == 8))


def beside(inside):
    """Pixels that share a side with an area."""
    grown = np.pad(inside, 1)
    found = np.zeros_like(grown)
    for axis in (0, 1):
        for step in (-1, 1):
            found |= np.roll(grown, step, axis)
    return found[1:-1, 1:-1] & ~inside


@given(MAPS, st.integers(1, 12), st.sampled_from([4, 8]))
def test_no_small_area_is_left_beside_another(values, smallest, connectivity):
    found = kt.sieve(class_map(values), smallest, connectivity=connectivity).values
    labels = areas_of(found, connectivity)
    for number in range(1, labels.max() + 1):
        inside = labels == number
        if inside.sum() < smallest:
            assert not found[beside(inside)].any()  # an island in nodata


@given(MAPS, st.integers(1, 12), st.sampled_from([4, 8]))
def test_large_areas_and_nodata_stay(values, smallest, connectivity):
    found = kt.sieve(class_map(values), smallest, connectivity=connectivity).values
    labels = areas_of(values, connectivity)
    large = np.bincount(labels.ravel()) >= smallest
    large[0] = True
    kept = large[labels]
    np.testing.assert_array_equal(found[kept], values[kept])
    assert (found[values > 0] > 0).all()


@pytest.mark.parametrize("connectivity", [4, 8])
def test_chunks_and_windows_make_no_difference(connectivity):
    rng = np.random.default_rng(connectivity)
    for smallest in (2, 3, 5, 8, 12) * 4:
        values = rng.integers(0, rng.integers(3, 6), (14, 15)).astype(np.uint8)
        whole = kt.sieve(class_map(values), smallest, connectivity=connectivity)
        sizes = {"y": int(rng.integers(1, 9)), "x": int(rng.integers(1, 9))}
        chunked = kt.sieve(
            class_map(values).chunk(sizes), smallest, connectivity=connectivity
        )
        assert chunked.chunks is not None
        np.testing.assert_array_equal(chunked.values, whole.values)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parts, "SIDE", sizes["y"])
            windowed = kt.sieve(class_map(values), smallest, connectivity=connectivity)
        np.testing.assert_array_equal(windowed.values, whole.values)


@given(MAPS, st.integers(1, 12))
def test_a_second_time_changes_nothing(values, smallest):
    once = kt.sieve(class_map(values), smallest)
    np.testing.assert_array_equal(kt.sieve(once, smallest).values, once.values)


def test_an_area_joins_the_neighbor_with_the_longest_border():
    values = [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 3, 3, 2, 2],
        [1, 1, 1, 1, 2, 2],
        [2, 2, 2, 2, 2, 2],
    ]
    found = kt.sieve(class_map(values), 3).values
    assert found[1, 2:4].tolist() == [1, 1]


def test_the_smallest_areas_go_first_so_that_others_survive():
    # The single pixel makes its neighbor large enough to stay.
    values = [
        [1, 1, 1, 1, 1],
        [1, 2, 3, 2, 1],
        [1, 2, 2, 2, 1],
        [1, 1, 1, 1, 1],
    ]
    found = kt.sieve(class_map(values), 6).values
    assert found[1:3, 1:4].tolist() == [[2, 2, 2], [2, 2, 2]]
    assert (kt.sieve(class_map(values), 7).values == 1).all()


def test_large_neighbors_come_before_small_ones():
    values = [
        [1, 3, 3, 0],
        [1, 2, 2, 2],
        [1, 0, 0, 0],
        [1, 1, 0, 0],
    ]
    found = kt.sieve(class_map(values), 4).values
    assert set(found[:2].ravel()) == {0, 1}


def test_an_area_that_becomes_part_of_a_large_one_stays():
    values = [
        [1, 1, 1, 1, 1, 1],
        [0, 0, 3, 0, 0, 0],
        [2, 1, 1, 1, 2, 2],
        [2, 2, 2, 2, 2, 2],
    ]
    found = kt.sieve(class_map(values), 4).values
    assert found[1:3, 2].tolist() == [1, 1]
    assert found[2].tolist() == [2, 1, 1, 1, 2, 2]


def test_a_diagonal_river_survives_if_corners_connect():
    values = np.ones((20, 20), np.uint8)
    np.fill_diagonal(values, 2)
    assert (kt.sieve(class_map(values), 10).values == 1).all()
    np.testing.assert_array_equal(
        kt.sieve(class_map(values), 10, connectivity=8).values, values
    )


def test_hectares_are_measured_on_the_ground():
    truth = synthetic(64, k=3, seed=1).truth  # 10 m: a hectare has 100 pixels
    np.testing.assert_array_equal(
        kt.sieve(truth, "0.3 ha").values, kt.sieve(truth, 30).values
    )
    np.testing.assert_array_equal(
        kt.sieve(truth, "3000 m²").values, kt.sieve(truth, "30 px").values
    )
    # Towards the pole, pixels in degrees are smaller.
    values = np.ones((60, 9), np.uint8)
    values[5, 4] = values[55, 4] = 2
    degrees = xr.DataArray(
        values, {"y": np.linspace(85, 0, 60), "x": np.arange(9.0)}, ("y", "x")
    ).rio.write_crs(4326)
    found = kt.sieve(degrees, "10000 km2").values
    assert (found[5, 4], found[55, 4]) == (1, 2)


def test_grid_names_and_colors_stay():
    truth = synthetic(64, k=3).truth
    found = kt.sieve(truth, 20)
    assert found.rio.crs == truth.rio.crs
    assert found.rio.transform() == truth.rio.transform()
    assert kt.ClassTable.from_attrs(found.attrs) == kt.ClassTable.from_attrs(
        truth.attrs
    )
    assert found.dtype == np.uint8
    assert found.rio.nodata == 0


@pytest.mark.parametrize("wrong", ["", "5 acres", "ha", -1, None, True, float("nan")])
def test_what_is_not_an_area_is_refused(wrong):
    with pytest.raises(
        InputError, match=r"min_area is .*: give a number of pixels, or"
    ):
        kt.sieve(class_map([[1]]), wrong)


def test_hectares_need_a_crs():
    with pytest.raises(InputError, match=r"has no CRS.*give a number of pixels"):
        kt.sieve(class_map([[1]]), "1 ha")


def test_maps_that_are_no_class_maps_are_refused():
    with pytest.raises(InputError, match=r"classes is float64 with dims"):
        kt.sieve(xr.DataArray(np.ones((2, 2)), dims=("y", "x")), 2)
    with pytest.raises(InputError, match=r"classes is a ndarray: give a class map"):
        kt.sieve(np.ones((2, 2), np.uint8), 2)
    with pytest.raises(InputError, match=r"connectivity is 6: give 4, or 8"):
        kt.sieve(class_map([[1]]), 2, connectivity=6)
