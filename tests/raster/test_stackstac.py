"""Scenes from arrays with the structure that stackstac documents, built by hand."""

import warnings

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from affine import Affine

from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy

GRID = Affine(10, 0, 600_000, 0, -10, 5_800_000)
HEIGHT, WIDTH = 20, 30
TIMES = pd.to_datetime(["2024-06-03T10:20:21.024", "2024-07-01T10:20:19.024"])
CENTERS = {
    "y": GRID.f - 10 * (np.arange(HEIGHT) + 0.5),
    "x": GRID.c + 10 * (np.arange(WIDTH) + 0.5),
}


def stack(xy_coords="topleft", grid=GRID, attrs=True):
    """What ``stackstac.stack(items, xy_coords=...)`` returns."""
    shape = (2, 3, HEIGHT, WIDTH)
    values = np.arange(np.prod(shape), dtype="float64").reshape(shape)
    shift = {"topleft": 0, "center": 0.5, False: None}[xy_coords]
    coords = {
        "time": TIMES,
        "id": ("time", ["S2A_1", "S2B_2"]),
        "band": ["B08", "B04", "visual"],
        "eo:cloud_cover": ("time", [3.5, 12.0]),
        "common_name": ("band", np.array(["nir", "red", None], object)),
        "title": ("band", ["NIR", "Red", "True color"]),
        "proj:epsg": 32632,
        "gsd": ("band", [10.0, 10.0, 10.0]),
        "epsg": 32632,
    }
    if shift is not None:
        coords["x"] = grid.c + grid.a * (np.arange(WIDTH) + shift)
        coords["y"] = grid.f + grid.e * (np.arange(HEIGHT) + shift)
    array = xr.DataArray(
        da.from_array(values, chunks=(1, 1, 16, 16)),
        dims=("time", "band", "y", "x"),
        coords=coords,
        name="stackstac-0123456789abcdef",
    )
    if attrs:
        array.attrs = {
            "spec": "RasterSpec(epsg=32632, ...)",
            "crs": "epsg:32632",
            "transform": grid,
            "resolution": 10.0,
        }
    return array


@pytest.mark.parametrize("xy_coords", ["topleft", "center", False])
def test_pixels_lie_where_the_transform_says(xy_coords):
    array = stack(xy_coords)
    before = array.copy()

    scene = open_scene(array, time="2024-07")

    assert is_lazy(scene)
    assert scene_transform(scene) == GRID
    assert scene.rio.transform() == GRID
    assert scene.rio.crs.to_epsg() == 32632
    for name, centers in CENTERS.items():
        np.testing.assert_array_equal(scene[name], centers)
    np.testing.assert_array_equal(scene, array[1])
    assert {*scene.coords} == {"band", "role", "y", "x", "spatial_ref"}
    xr.testing.assert_identical(array, before)


@pytest.mark.parametrize("xy_coords", ["topleft", "center"])
def test_a_part_of_a_stack_lies_where_its_pixels_did(xy_coords):
    part = stack(xy_coords)[0, :, 3:9, 7:8]
    scene = open_scene(part)
    moved = Affine(10, 0, 600_070, 0, -10, 5_799_970)
    assert scene_transform(scene) == moved
    np.testing.assert_array_equal(scene.x, CENTERS["x"][7:8])
    np.testing.assert_array_equal(scene.y, CENTERS["y"][3:9])


def test_larger_pixels_keep_their_centers():
    # The mean of four centers is the center of their sum.
    coarse = stack("center")[0].coarsen(y=2, x=2).mean()
    coarse.attrs = stack().attrs
    expected = Affine(20, 0, 600_000, 0, -20, 5_800_000)
    assert scene_transform(open_scene(coarse)) == expected


def test_roles_come_from_common_names():
    scene = open_scene(stack(), time=0)
    assert scene.band.values.tolist() == ["B08", "B04", "visual"]
    assert scene.role.values.tolist() == ["nir", "red", ""]
    other = stack().drop_vars("common_name")
    other = other.assign_coords(band=["a", "b", "c"])
    names = {"eo:common_name": ["green", "nir08", "blue"]}
    names["eo:bands_common_name"] = names["eo:common_name"]
    for name, values in names.items():
        scene = open_scene(other.assign_coords({name: ("band", values)}), time=0)
        assert scene.role.values.tolist() == ["green", "nir", "blue"]
        assert open_scene(scene).role.values.tolist() == ["green", "nir", "blue"]
    single = other[:, 1:2].assign_coords(common_name="nir")
    assert open_scene(single, time=0).role.values.tolist() == ["nir"]
    scene = open_scene(single[:, 0], time=0)
    assert scene.band.values.tolist() == ["b"]
    assert scene.role.values.tolist() == ["nir"]


def test_two_near_infrared_bands_are_told_apart():
    array = stack().assign_coords(common_name=("band", ["nir", "nir08", "nir09"]))
    assert open_scene(array, time=0).role.values.tolist() == ["nir", "red", ""]


def test_all_dates_of_a_stack():
    scene = open_scene(stack(), bands=["red", "nir"], time="all")
    assert is_lazy(scene)
    assert scene.band.values.tolist() == [
        "B04_2024-06",
        "B04_2024-07",
        "B08_2024-06",
        "B08_2024-07",
    ]
    assert scene_transform(scene) == GRID
    expected = stack().values[[0, 1, 0, 1], [1, 1, 0, 0]]
    np.testing.assert_array_equal(scene, expected)


def test_without_attributes_the_crs_comes_from_the_code():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scene = open_scene(stack("center") * 2, time=0)
    assert scene.rio.crs.to_epsg() == 32632
    assert scene_transform(scene) == GRID
    np.testing.assert_array_equal(scene.x, CENTERS["x"])


def test_coordinates_that_may_be_corners_are_reported():
    with pytest.warns(UserWarning, match=r"upper left corners .* xy_coords='center'"):
        scene = open_scene(stack(attrs=False), time=0)
    np.testing.assert_array_equal(scene.x, stack().x)
    located = stack(attrs=False).rio.write_crs(32632)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_scene(located, time=0)


def test_a_code_that_is_no_crs_is_refused():
    array = stack("center", attrs=False)
    for code in (123, np.nan, "none"):
        with pytest.raises(InputError, match=r"'epsg' holds .*, which is not the code"):
            open_scene(array.assign_coords(epsg=code), time=0)
    several = array.assign_coords(epsg=("time", [32632, 32633]))
    assert open_scene(several, time=0).rio.crs is None
