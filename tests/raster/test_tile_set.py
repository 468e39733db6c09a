"""Tiles of a scene: scaled, filled, mirrored, and chosen by seed."""

import weakref

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from dask.callbacks import Callback

from ktextures.errors import InputError
from ktextures.raster import tile_set as sampling
from ktextures.raster.open import open_scene
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.scene_set import open_scenes
from ktextures.raster.tile_set import choose_tiles, read_padded, read_tiles
from ktextures.raster.windows import Window, cover_evenly

NODATA = 0


def scene_of(values, nodata=NODATA, chunks=None):
    array = xr.DataArray(values, dims=("band", "y", "x"))
    if nodata is not None:
        array = array.rio.write_nodata(nodata)
    return open_scene(array, chunks=chunks)


def ramp(height=64, width=80, bands=2, dtype="uint16"):
    size = bands * height * width
    return (np.arange(size).reshape(bands, height, width) % 5000 + 1).astype(dtype)


@pytest.fixture
def preparation():
    return Preparation(BandScaler.fixed([0, 0], [5000, 5000]), (0.25, 0.75))


def choose(scene, preparation, size=16, halo=0, most=1000, seed=0, shrink=True):
    return choose_tiles(
        open_scenes(scene), size, halo, preparation, most=most, seed=seed, shrink=shrink
    )


def test_valid_pixels_are_scaled_and_others_filled(preparation):
    values = np.array([[[2500.0, 1e9]], [[np.nan, 5000.0]]]).reshape(1, 2, 2)
    valid = np.array([[True, False]])
    found = preparation(np.moveaxis(values, 0, 0), valid)
    assert found.dtype == np.float32
    assert found[0, 1].tolist() == [0.25, 0.75]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32", "float64"])
def test_filling_does_not_depend_on_what_invalid_pixels_hold(preparation, dtype):
    values = ramp(4, 4, dtype="int64").transpose(1, 2, 0) % 100
    valid = np.ones((4, 4), bool)
    valid[1] = False
    other = values.astype(dtype)
    other[1] = -1 if np.dtype(dtype).kind != "u" else 255
    if np.dtype(dtype).kind == "f":
        other[1] = np.nan, np.inf
    np.testing.assert_array_equal(
        preparation(values, valid), preparation(other, valid), strict=True
    )


def test_a_tile_comes_with_its_halo_mirrored_off_the_scene(preparation):
    values = ramp()
    scene = scene_of(values)
    found, valid = read_padded(scene, Window(0, 60, 10, 20), 5, preparation)
    assert found.shape == (20, 30, 2)
    assert valid.all()
    wanted = (
        np.pad(values[:, :15, 55:], ((0, 0), (5, 0), (0, 5)), mode="reflect") / 5000
    )
    np.testing.assert_allclose(found, np.moveaxis(wanted, 0, -1), rtol=1e-6)


def test_validity_is_mirrored_with_the_values(preparation):
    values = ramp()
    values[1, 2, :] = NODATA
    found, valid = read_padded(scene_of(values), Window(0, 0, 8, 8), 3, preparation)
    assert np.flatnonzero(~valid[:, 5]).tolist() == [1, 5]
    assert (found[~valid] == np.float32([0.25, 0.75])).all()


def test_inner_cuts_the_halo(preparation):
    scene = scene_of(ramp())
    tiles = read_tiles(
        scene, [Window(8, 8, 16, 16), Window(30, 30, 16, 16)], 4, preparation
    )
    for halo in (0, 1, 4):
        values, valid = tiles.inner(halo)
        wanted = read_tiles(scene, tiles.windows, halo, preparation)
        np.testing.assert_array_equal(values, wanted.values)
        np.testing.assert_array_equal(valid, wanted.valid)


def test_some_are_spread_evenly(preparation):
    tiles = choose(scene_of(ramp()), preparation)
    few = tiles.some(3)
    assert len(few) == 3
    assert few.windows == (tiles.windows[0], tiles.windows[10], tiles.windows[-1])
    np.testing.assert_array_equal(few.values[1], tiles.values[10])
    assert tiles.some(20) is tiles


def test_all_tiles_of_a_small_scene_are_taken_in_order(preparation):
    tiles = choose(scene_of(ramp()), preparation, size=16, halo=2)
    assert list(tiles.windows) == cover_evenly(64, 80, 16, shrink=True)
    assert tiles.values.shape == (20, 20, 20, 2)
    assert tiles.values.dtype == np.float32


def test_the_choice_depends_on_the_seed_alone(preparation):
    scene = scene_of(ramp())
    chosen = [
        choose(scene, preparation, most=5, seed=seed).windows for seed in (1, 1, 2)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    assert list(chosen[0]) == sorted(chosen[0])
    assert len(chosen[0]) == 5


def test_tiles_without_enough_data_are_left_out(preparation):
    values = ramp()
    values[0, :, :44] = NODATA  # of the third column of tiles 4/16 is left, then all
    tiles = choose(scene_of(values), preparation)
    assert {tile.col for tile in tiles.windows} == {32, 48, 64}
    values[0, :, :45] = NODATA
    tiles = choose(scene_of(values), preparation)
    assert {tile.col for tile in tiles.windows} == {48, 64}


def test_poor_tiles_are_taken_where_there_are_no_others(preparation):
    values = np.zeros((2, 64, 64), "uint16")
    values[:, 40, 40] = 9
    values[:, 10, 20:22] = 9
    tiles = choose(scene_of(values), preparation, most=2)
    assert tiles.windows == (Window(0, 16, 16, 16), Window(32, 32, 16, 16))
    assert tiles.valid.sum() == 3


def test_a_large_empty_scene_is_not_kept_in_memory(preparation, monkeypatch):
    values = np.zeros((2, 256, 256), "uint16")
    values[:, -16:, -16:] = 9
    seen, most = [], 0
    original = sampling.read_padded

    def counted(*arguments):
        nonlocal most
        values, valid = original(*arguments)
        seen.append(weakref.ref(values))
        most = max(most, sum(each() is not None for each in seen))
        return values, valid

    monkeypatch.setattr(sampling, "read_padded", counted)
    tiles = choose(scene_of(values), preparation, most=4)
    assert tiles.windows == (Window(240, 240, 16, 16),)
    assert len(seen) == 256
    assert most <= 10


def test_a_scene_without_data_is_refused(preparation):
    with pytest.raises(InputError, match="no valid pixel; check its nodata value"):
        choose(scene_of(np.zeros((2, 64, 64), "uint16")), preparation)


@pytest.mark.parametrize(("height", "width"), [(31, 100), (100, 31), (1, 1)])
def test_a_scene_that_is_too_small_is_refused(preparation, height, width):
    with pytest.raises(
        InputError,
        match=rf"has {height} x {width} pixels; training needs at least 32 x 32",
    ):
        choose(scene_of(ramp(height, width)), preparation)


def test_of_a_lazy_scene_only_the_chosen_tiles_are_read(preparation):
    eager = scene_of(ramp(256, 256))
    lazy = eager.copy(data=da.from_array(eager.values, chunks=(2, 16, 16)))
    read = set()

    class Log(Callback):
        def _posttask(self, key, result, dsk, state, worker_id):
            if isinstance(key, tuple) and str(key[0]).startswith("getitem"):
                read.add(key)

    with Log():
        tiles = choose(lazy, preparation, most=3)
    np.testing.assert_array_equal(
        tiles.values, choose(eager, preparation, most=3).values
    )
    assert len(read) <= 3


# --- several scenes ------------------------------------------------------------------


def test_tiles_know_their_scene(preparation):
    scenes = [scene_of(ramp(32, 48)), scene_of(ramp(64, 32))]
    tiles = choose(scenes, preparation)
    assert tiles.scenes == (0,) * 6 + (1,) * 8
    assert list(tiles.windows[:6]) == cover_evenly(32, 48, 16, shrink=True)
    assert list(tiles.windows[6:]) == cover_evenly(64, 32, 16, shrink=True)
    assert tiles.some(3).scenes == (0, 1, 1)
    wanted = choose(scenes[1], preparation)
    np.testing.assert_array_equal(tiles.values[6:], wanted.values)
    assert wanted.scenes == (0,) * 8


def test_a_small_scene_lies_in_the_middle_of_a_tile(preparation):
    small = ramp(32, 40)
    small[0, 5, 6] = NODATA
    tiles = choose([scene_of(ramp(70, 60)), scene_of(small)], preparation, 64, halo=3)
    assert tiles.scenes == (0, 0, 1)
    assert tiles.windows == (
        Window(0, 0, 35, 60),
        Window(35, 0, 35, 60),
        (0, 0, 32, 40),
    )
    assert tiles.values.shape == (3, 41, 66, 2)
    values, valid = tiles.inner()
    assert valid[:2].all()
    assert valid[2].sum() == tiles.valid[2].sum() == 32 * 40 - 1
    assert valid[2, 1:33, 10:50].sum() == 32 * 40 - 1
    assert not valid[2, 6, 16]
    wanted, _ = read_padded(scene_of(small), Window(0, 0, 32, 40), 0, preparation)
    np.testing.assert_array_equal(values[2, 1:33, 10:50], wanted)
    # What surrounds it is mirrored, not cut off.
    np.testing.assert_array_equal(values[2, 1:33, 9], wanted[:, 1])


def test_around_a_smaller_tile_lies_its_scene(preparation):
    scenes = [scene_of(ramp(60, 60)), scene_of(ramp(100, 60))]
    tiles = choose(scenes, preparation, size=60)
    assert tiles.windows[1:] == (Window(0, 0, 50, 60), Window(50, 0, 50, 60))
    whole, _ = read_padded(scenes[1], Window(0, 0, 100, 60), 0, preparation)
    np.testing.assert_array_equal(tiles.values[2][:55], whole[45:])
    assert tiles.valid[2].any(1).tolist() == [False] * 5 + [True] * 50 + [False] * 5


def test_only_the_own_pixels_of_a_smaller_tile_need_data(preparation):
    values = ramp(100, 60)
    values[0, 64:] = NODATA  # 28 percent of the second tile is left
    tiles = choose([scene_of(ramp(60, 60)), scene_of(values)], preparation, size=60)
    assert tiles.scenes == (0, 1, 1)


def test_each_scene_gives_the_same_number_of_tiles_as_far_as_it_has_them(preparation):
    large, middle, small = (scene_of(ramp(side, side)) for side in (160, 64, 32))
    tiles = choose([large, small, middle], preparation, most=14)
    assert [tiles.scenes.count(index) for index in range(3)] == [5, 4, 5]
    assert tiles.scenes == tuple(sorted(tiles.scenes))
    again = choose([large, small, middle], preparation, most=14)
    assert again.windows == tiles.windows


def test_tiles_without_data_are_made_up_for_by_other_scenes(preparation):
    values = ramp(64, 64)
    values[:, :, 16:] = NODATA
    tiles = choose([scene_of(values), scene_of(ramp(64, 64))], preparation, most=12)
    assert [tiles.scenes.count(index) for index in range(2)] == [4, 8]


def test_every_scene_gives_a_tile_up_to_a_limit(preparation):
    scene = scene_of(ramp(64, 64))
    assert choose([scene] * 7, preparation, most=2).scenes == tuple(range(7))
    chosen = [choose([scene] * 30, preparation, most=2, seed=s).scenes for s in (1, 2)]
    assert [len(set(each)) for each in chosen] == [8, 8]
    assert chosen[0] != chosen[1]


def test_a_scene_without_data_is_named(preparation):
    empty = scene_of(np.zeros((2, 64, 64), "uint16"))
    with pytest.raises(
        InputError, match="Scene 2 has no valid pixel; check its nodata"
    ):
        choose([scene_of(ramp()), empty], preparation)
