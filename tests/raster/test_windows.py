"""Geometry of tiles and windows: every pixel covered, halos mirrored, nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktextures.raster.windows import Window, cover_evenly, cover_regularly, grow, mirror

SIDES = st.integers(1, 300)
SIZES = st.integers(1, 130)


def counts(windows, height, width):
    """How many windows hold each pixel; fails where one leaves the scene."""
    found = np.zeros((height, width), int)
    for window in windows:
        assert 0 <= window.row < window.row + window.height <= height
        assert 0 <= window.col < window.col + window.width <= width
        found[window.slices] += 1
    return found


@given(SIDES, SIDES, SIZES, st.booleans())
def test_even_tiles_cover_every_pixel_with_equal_shapes(height, width, size, shrink):
    tiles = cover_evenly(height, width, size, shrink=shrink)
    assert counts(tiles, height, width).min() >= 1
    assert len({(tile.height, tile.width) for tile in tiles}) == 1
    assert len(set(tiles)) == len(tiles)
    assert tiles == sorted(tiles)


@given(SIDES, SIDES, SIZES)
def test_even_tiles_are_as_few_as_can_be(height, width, size):
    fewest = -(-height // size) * -(-width // size)
    for shrink in (True, False):
        assert len(cover_evenly(height, width, size, shrink=shrink)) == fewest


@given(SIDES, SIDES, SIZES)
def test_tiles_that_shrink_hardly_overlap(height, width, size):
    tiles = cover_evenly(height, width, size, shrink=True)
    assert tiles[0].height <= size
    assert tiles[0].width <= size
    # Rounding up costs each row and each column of tiles less than a pixel.
    rows = len({tile.row for tile in tiles})
    assert rows * tiles[0].height - height < rows


@given(SIDES, SIDES, SIZES)
def test_tiles_that_do_not_shrink_keep_their_size(height, width, size):
    tiles = cover_evenly(height, width, size, shrink=False)
    assert (tiles[0].height, tiles[0].width) == (min(size, height), min(size, width))


@given(SIDES, SIDES, SIZES)
def test_regular_windows_hold_every_pixel_once(height, width, size):
    windows = cover_regularly(height, width, size)
    assert (counts(windows, height, width) == 1).all()
    assert all(window.row % size == 0 == window.col % size for window in windows)
    assert windows == sorted(windows)


@st.composite
def placed_windows(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    row, col = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    tall, wide = draw(st.integers(1, height - row)), draw(st.integers(1, width - col))
    return Window(row, col, tall, wide), height, width


@given(placed_windows(), st.integers(0, 60), st.sampled_from([(), (3,)]))
def test_a_grown_window_and_its_mirror_are_a_cut_of_the_mirrored_scene(
    placed, halo, bands
):
    window, height, width = placed
    scene = np.arange(height * width * (3 if bands else 1)).reshape(
        height, width, *bands
    )
    inside, padding = grow(window, halo, height, width)
    found = mirror(scene[inside.slices], padding)
    assert found.shape[:2] == (window.height + 2 * halo, window.width + 2 * halo)
    center = slice(halo, halo + window.height), slice(halo, halo + window.width)
    np.testing.assert_array_equal(found[center], scene[window.slices])
    rows, cols = window.row + halo, window.col + halo
    if min(window.height, window.width) > halo:
        # Enough of the scene is in the window itself to mirror from.
        frame = ((halo, halo), (halo, halo), *((0, 0) for _ in bands))
        whole = np.pad(scene, frame, mode="reflect")
        cut = whole[
            rows - halo : rows + window.height + halo,
            cols - halo : cols + window.width + halo,
        ]
        np.testing.assert_array_equal(found, cut)


def test_mirror_adds_nothing_where_nothing_is_missing():
    values = np.arange(12).reshape(3, 4)
    assert mirror(values, ((0, 0), (0, 0))) is values


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_mirror_keeps_the_dtype(dtype):
    assert mirror(np.ones((2, 3), dtype), ((9, 1), (0, 7))).dtype == dtype


def test_a_single_pixel_is_its_own_mirror():
    assert (mirror(np.full((1, 1, 2), 7), ((3, 3), (3, 3))) == 7).all()
